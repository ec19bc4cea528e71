"""How exact a product is: its largest error in units of the rounding bound, against twice the precision.

The oracle asks whether a result is right; this asks how good it is. The reference are dot products that are computed as
if in twice the working precision: each product and each sum keeps what it rounds off, exactly.

Source: Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 18 (1971) 224;
Ogita, Rump and Oishi, Accurate sum and dot product, SIAM Journal on Scientific Computing 26 (2005) 1955.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matbench.kernels.oracle import error_ratio, gamma, operands
from matbench.kernels.registry import Array, Kernel
from matbench.model import Caches, Problem

__all__ = ["Accuracy", "Reference", "accuracy", "reference", "twofold_product"]

ROWS = 32  # that are looked at, spread over all
LONGEST_S = 3.0  # s, of a product that is computed whole; of a slower one only the rows that are looked at
_SPLIT = 2.0**27 + 1  # Veltkamp's: halves of 26 bits, whose products are exact in double precision


class Reference(NamedTuple):
    """Some rows of a product in twice the precision.

    Attributes
    ----------
    problem
        Whose product it is.
    a, b
        The operands: all of them.
    rows
        Which rows of the product are looked at.
    high, low
        Their sum is the product: `high` rounded, `low` what that leaves.
    bound
        What rounding may add up to, componentwise.
    """

    problem: Problem
    a: Array
    b: Array
    rows: Array
    high: Array
    low: Array
    bound: Array


class Accuracy(NamedTuple):
    """How exact one product was.

    Attributes
    ----------
    largest
        Largest error, in units of its rounding bound: at most 1 is right.
    typical
        Median error in the same units.
    elements
        How many elements of the product were looked at.
    whole
        Whether all of the product was computed, or only the rows that were looked at.
    """

    largest: float
    typical: float
    elements: int
    whole: bool


def _two_sum(x: Array, y: Array) -> tuple[Array, Array]:
    """``x + y`` rounded, and exactly what that leaves (Knuth)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _halves(x: Array) -> tuple[Array, Array]:
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high


def twofold_product(a: Array, b: Array) -> tuple[Array, Array]:
    """``a @ b`` as if computed in twice double precision: rounded, and what that leaves.

    Parameters
    ----------
    a, b
        m x k and k x n elements, neither huge nor tiny: nothing may overflow or vanish.

    Returns
    -------
    tuple of ndarray
        Two matrices of m x n doubles, whose exact sum it is.
    """
    left, right = a.astype(np.float64), b.astype(np.float64)
    (left_high, left_low), (right_high, right_low) = _halves(left), _halves(right)
    total = np.zeros((left.shape[0], right.shape[1]))
    rest = np.zeros_like(total)
    for p in range(left.shape[1]):
        column, high, low = left[:, p, None], left_high[:, p, None], left_low[:, p, None]
        product = column * right[p]
        lost = ((high * right_high[p] - product) + high * right_low[p] + low * right_high[p]) + low * right_low[p]
        total, rounded = _two_sum(total, product)
        rest += rounded + lost
    return _two_sum(total, rest)


def reference(problem: Problem, count: int = ROWS) -> Reference:
    """The operands of a problem, and some rows of their product in twice the precision.

    Parameters
    ----------
    problem
        Of real elements.
    count
        How many rows at the most.
    """
    a, b, _ = operands(problem)
    rows = np.unique(np.linspace(0, problem.m - 1, min(count, problem.m)).astype(np.intp))
    high, low = twofold_product(a[rows], b)
    magnitude = np.abs(a[rows].astype(np.float64)) @ np.abs(b.astype(np.float64))
    return Reference(problem, a, b, rows, high, low, magnitude * gamma(problem.k + 1, a.dtype))  # one more to store it


def accuracy(made: Kernel, caches: Caches, due: Reference, memory_bytes: int) -> Accuracy:
    """How exact a kernel's product is.

    Parameters
    ----------
    made
        The kernel; it can run here.
    caches
        Sizes that it is made to suit, bytes.
    due
        What its product should be.
    memory_bytes
        That it may take; where the whole needs more, only the rows that are looked at are computed.
    """
    problem = due.problem
    whole = made.expected_seconds(problem) <= LONGEST_S and made.needed_bytes(problem) <= memory_bytes
    left = due.a if whole else np.ascontiguousarray(due.a[due.rows])
    out = np.full((left.shape[0], problem.n), np.nan, problem.dtype)
    made.bind(problem.dtype, caches)(left, due.b, out)
    found = (out[due.rows] if whole else out).astype(np.float64)
    error = np.abs((found - due.high) - due.low)
    ratios = error / due.bound
    return Accuracy(error_ratio(error, due.bound), float(np.median(ratios)), error.size, whole)
