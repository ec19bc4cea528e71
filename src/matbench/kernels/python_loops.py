"""The foot of the ladder: three nested loops that the Python interpreter walks itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import mul

from matbench.kernels.registry import Array, Rung, kernel
from matbench.model import Problem

__all__ = ["python_arrays", "python_lists", "python_sumprod"]


def _sum_of_products(p: list[float], q: list[float], /) -> float:
    total: float = sum(map(mul, p, q))
    return total


_sumprod: Callable[[list[float], list[float]], float] = getattr(math, "sumprod", _sum_of_products)


def _conversions(problem: Problem) -> int:
    """Converting an element to a Python object takes about a thirtieth of a call into NumPy."""
    return (problem.m * problem.k + problem.k * problem.n) // 30


def _object_bytes(problem: Problem) -> int:
    """A Python number and the reference to it take about 32 bytes."""
    return 32 * (problem.m * problem.k + problem.k * problem.n)


@kernel("python_arrays", rung=Rung.PYTHON, idea="three loops that index ndarrays", gflops=0.007)
def python_arrays(a: Array, b: Array, out: Array) -> None:
    """The loop a beginner writes over ndarrays: every element it touches is boxed into a Python object first."""
    m, k = a.shape
    n = b.shape[1]
    for i in range(m):
        for j in range(n):
            total = a.dtype.type(0)
            for p in range(k):
                total += a[i, p] * b[p, j]
            out[i, j] = total


@kernel(
    "python_lists",
    rung=Rung.PYTHON,
    idea="the same three loops over lists",
    gflops=0.025,
    dispatches=_conversions,
    workspace=_object_bytes,
)
def python_lists(a: Array, b: Array, out: Array) -> None:
    """The same loop over lists, whose elements are Python objects already; the conversion is part of the time."""
    m, k = a.shape
    n = b.shape[1]
    rows, columns = a.tolist(), b.tolist()
    for i in range(m):
        row = rows[i]
        result = []
        for j in range(n):
            total = 0
            for p in range(k):
                total += row[p] * columns[p][j]
            result.append(total)
        out[i] = result


@kernel(
    "python_sumprod",
    rung=Rung.PYTHON,
    idea="the inner loop moves into C",
    gflops=0.07,
    dispatches=_conversions,
    workspace=_object_bytes,
)
def python_sumprod(a: Array, b: Array, out: Array) -> None:
    """Idiomatic Python: each row meets each column in one reduction that runs in C.

    `math.sumprod` from Python 3.12 on, ``sum(map(mul, row, column))`` before.
    """
    columns = b.T.tolist()
    for i, row in enumerate(a.tolist()):
        out[i] = [_sumprod(row, column) for column in columns]
