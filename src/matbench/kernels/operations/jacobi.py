"""What Jacobi's methods share: one rotation, plain and compiled.

Pairs of rows are turned until nothing is left to turn: short to write down, and accurate. What libraries do, a
reduction to a few diagonals and an iteration on those, takes a tenth of the operations.
The sweep over all pairs stands in each kernel, three times for eigenvalues and three for singular values: it is the
algorithm that a rung is read for, and a driver that called back for each pair would be timed with it.
Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 8.5 (Jacobi) and 8.6 (one-sided Jacobi).
"""

from __future__ import annotations

import math

import numpy as np

from matbench.kernels.jit import njit
from matbench.kernels.registry import Array
from matbench.model import Problem

__all__ = ["SWEEPS", "compiled_rotation", "epsilon", "insert_sorted", "rotation", "rotation_calls"]

SWEEPS = 30  # over all pairs, at most; ten are plenty, for convergence is quadratic in the end


def rotation(one: float, other: float, between: float) -> tuple[float, float]:
    """Cosine and sine of the rotation that makes a symmetric 2 x 2 matrix diagonal; `between` is not 0.

    Examples
    --------
    >>> c, s = rotation(2.0, 2.0, 1.0)
    >>> round(c * s * (2.0 - 2.0) + (c * c - s * s) * 1.0, 12)
    0.0
    """
    theta = (other - one) / (2 * between)
    tangent = math.copysign(1 / (abs(theta) + math.hypot(theta, 1.0)), theta)
    cosine = 1 / math.hypot(tangent, 1.0)
    return cosine, tangent * cosine


compiled_rotation = njit(nogil=True)(rotation)


@njit(nogil=True)
def insert_sorted(value: float, out: Array, count: int) -> None:
    """Insert a value among the first `count` of `out`, which ascend; a sort of NumPy's takes seconds to compile."""
    place = count
    while place > 0 and out[place - 1] > value:
        out[place] = out[place - 1]
        place -= 1
    out[place] = value


def epsilon(a: Array) -> float:
    """Distance from 1 to the next number of an array's type."""
    return float(np.finfo(a.dtype).eps)


def rotation_calls(problem: Problem) -> int:
    """Calls into NumPy of seven sweeps over all pairs, about ten calls each."""
    return 35 * problem.n**2
