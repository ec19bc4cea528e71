"""The ladder: many ways to compute C = A B, a registry of them, and the oracle that checks each."""

from matbench.kernels.registry import FLOATS, Kernel, Registry, Rung, default_registry, kernel

__all__ = ["FLOATS", "Kernel", "Registry", "Rung", "default_registry", "kernel"]
