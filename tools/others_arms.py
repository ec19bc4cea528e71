"""The arms that every harness is given alike: light to import, so that no harness pays for more than its own start."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _calls(times: int, a: Array, b: Array, out: Array) -> None:
    for _ in range(times):
        np.matmul(a, b, out=out)


def hundred(a: Array, b: Array, out: Array) -> None:
    """A hundred products."""
    _calls(100, a, b, out)


def hundred_too(a: Array, b: Array, out: Array) -> None:
    """A hundred products, in another function."""
    _calls(100, a, b, out)


def hundred_and_two(a: Array, b: Array, out: Array) -> None:
    """2 % more."""
    _calls(102, a, b, out)


def prepared(name: str, n: int) -> Callable[[], None]:
    """An arm with its operands, to be called without arguments."""
    a, b = np.random.default_rng(1).uniform(0.5, 1.5, (2, n, n))
    function: Callable[[Array, Array, Array], None] = globals()[name]
    return functools.partial(function, a, b, np.empty((n, n)))
