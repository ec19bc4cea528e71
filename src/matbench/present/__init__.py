"""How it looks: text tables and figures, from values alone."""
