"""A comparison of runs for people and programs: text, one object, rows, one offline page."""
