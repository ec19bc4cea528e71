"""The ladder: many ways to compute C = A B, a registry of them, and the oracle that checks each."""
