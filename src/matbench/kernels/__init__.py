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


class _Kernels(tuple[Kernel, ...]):
    """A tuple that a prompt shows as a line a kernel, and not as all that their declarations hold."""

    __slots__ = ()

    def __repr__(self) -> str:
        width = max((len(each.name) for each in self), default=0)
        number = "1 kernel" if len(self) == 1 else f"{len(self)} kernels"
        return "\n".join([f"{number}, foot to top", *(f"  {each.name:<{width}}  {each.idea}" for each in self)])


class _Ladder(ModuleType):
    """A module whose call answers what users ask of it first."""

    def __call__(self, *operations: OperationName) -> tuple[Kernel, ...]:
        return _Kernels(default_registry(*operations))


# A function `matbench.kernels` would be replaced by this package as soon as anybody imports it; so the package
# itself is what is called.
sys.modules[__name__].__class__ = _Ladder
