"""What the figures mean: intervals, speed-ups, predictions, ceilings. Pure functions of a record."""
