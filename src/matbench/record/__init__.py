"""Where and on what: the machine card, and the append-only store of what was measured."""
