"""Numba where it is installed; where it is not, its kernels stay on the ladder with the reason why they can't run."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from matbench.errors import without_paths

__all__ = ["njit", "numba_missing", "prange"]


def _declared_only(**_: Any) -> Any:
    """Leave the function as it is: it is on the ladder, but `numba_missing` keeps it from running."""
    return lambda function: function


njit: Any
prange: Any
_missing: str | None
try:
    _numba = import_module("numba")
    njit, prange, _missing = _numba.njit, _numba.prange, None
except ImportError as reason:
    njit, prange = _declared_only, range
    _missing = f"needs numba, which can't be imported ({without_paths(str(reason))}); pip install numba"


def numba_missing() -> str | None:
    """The reason why no Numba kernel can run here, or None."""
    return _missing
