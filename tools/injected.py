"""Arms whose true ratio is known: ``<kernel>_x<count>`` is a kernel called that many times, ``_y<count>`` its twin.

Against ``_x100``, ``_x102`` takes 2 % more time, to within what one call of a Python function adds.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from matbench.kernels import default_registry
from matbench.model import Caches

Array = NDArray[np.float64]
NAME = re.compile(r"(\w+)_[xy](\d+)")


def count_of(label: str) -> int:
    """How often the arm calls its kernel; 1 for a kernel itself.

    Examples
    --------
    >>> count_of("injected.py:numpy_matmul_x102"), count_of("numpy_matmul")
    (102, 1)
    """
    found = NAME.fullmatch(label.rpartition(":")[2])
    return int(found[2]) if found else 1


def __getattr__(name: str) -> Callable[[Array, Array, Array], None]:
    found = NAME.fullmatch(name)
    if not found or found[1] not in default_registry().names:
        raise AttributeError(name)
    kernel = default_registry().get(found[1]).bind("float64", Caches())
    times = range(int(found[2]))

    def repeated(a: Array, b: Array, out: Array) -> None:
        for _ in times:
            kernel(a, b, out)

    repeated.__name__ = name
    return repeated
