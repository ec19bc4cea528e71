"""matbench: why hardware accelerates matrix multiplication, measured on the reader's own machine.

``matbench.kernels()``, ``matbench.get(name)``, ``matbench.quick(n=..)``, ``matbench.pair(f, g)`` and
``matbench.load(path)`` are the public interface. They are imported when they are first used: ``import matbench``
costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matbench import kernels
    from matbench.api import get, load, pair, quick

__all__ = ["get", "kernels", "load", "pair", "quick"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The public functions, on first use."""
    if name == "kernels":  # the package of that name, which is callable
        return importlib.import_module("matbench.kernels")
    if name in __all__:
        return getattr(importlib.import_module("matbench.api"), name)
    raise AttributeError(f"module 'matbench' has no attribute {name!r}")
