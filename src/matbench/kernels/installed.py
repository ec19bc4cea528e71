"""Which kernels this installation has: our own families, then those of third parties."""

from __future__ import annotations

import functools
from importlib import import_module
from importlib.metadata import entry_points

from matbench.kernels.registry import Registry, kernels_of
from matbench.operations import PRODUCT, OperationName

__all__ = ["GROUP", "default_registry"]

GROUP = "matbench.kernels"  # entry-point group of third parties
FAMILIES = ("python_loops", "numpy_arrays", "numba_loops", "numba_gemm", "blas")  # modules, foot of the ladder first
FURTHER = ("matvec", "transpose", "norm", "broadcast", "solve", "eigenvalues", "svd")  # of other operations


@functools.cache
def default_registry(*operations: OperationName) -> Registry:
    """The ladder of this installation, that of the matrix product by default: our own families, then all plugins'.

    Parameters
    ----------
    *operations
        Whose kernels are wanted.
    """
    return _installed().of(*(operations or (PRODUCT,)))


@functools.cache
def _installed() -> Registry:
    """Every kernel of every operation."""
    registry = Registry()
    for family in (*FAMILIES, *(f"operations.{name}" for name in FURTHER)):
        for each in kernels_of(import_module(f"matbench.kernels.{family}")):
            registry.add(each)
    for plugin in entry_points(group=GROUP):
        registry.load(plugin)
    return registry
