"""How a machine is read: pure parsers of what it says of itself, and thin readers of a root folder."""
