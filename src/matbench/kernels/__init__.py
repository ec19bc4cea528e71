"""The ladders: many ways to compute C = A B, and other operations, a registry of them, the oracle that checks each.

The package can be called: ``matbench.kernels()`` are the kernels of this installation for the product, from the foot of
the ladder to its top; ``matbench.kernels("matvec")`` are those for another operation.
"""

import sys
from types import ModuleType

from matbench.kernels.installed import default_registry
from matbench.kernels.registry import FLOATS, Kernel, Registry, Rung, kernel
from matbench.operations import OperationName

__all__ = ["FLOATS", "Kernel", "Registry", "Rung", "default_registry", "kernel"]


class _Ladder(ModuleType):
    """A module whose call answers what users ask of it first."""

    def __call__(self, *operations: OperationName) -> tuple[Kernel, ...]:
        return tuple(default_registry(*operations))


# A function `matbench.kernels` would be replaced by this package as soon as anybody imports it; so the package
# itself is what is called.
sys.modules[__name__].__class__ = _Ladder
