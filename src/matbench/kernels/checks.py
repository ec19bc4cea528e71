"""The oracle of every operation: whether a result is right, within the bound that its arithmetic allows.

Source of the bounds: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition; of each, its section.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from matbench.kernels.checks_dense import determinant_error, eigenvalue_error, inverse_error, singular_value_error
from matbench.kernels.oracle import (
    NEVER,
    PANEL,
    Verdict,
    check_laws,
    check_product,
    error_ratio,
    gamma,
    largest_error,
    operands,
    verdict_of,
)
from matbench.kernels.registry import Array, Function, Kernel
from matbench.model import Dtype, Problem
from matbench.operations import PRODUCT, OperationName

__all__ = ["check_kernel", "check_result", "resulting"]

LAW_SIZES = (1, 2, 5, 8, 17, 33)  # with edges that no vector and no tile divides
CHUNK = 2**16  # elements that are widened at a time: extended precision takes memory

# Matrices on which a careless algorithm divides by 0, or stops at once.
_ZERO_PIVOTS: tuple[Any, ...] = ([[0, 1], [1, 0]], [[0, 2, 0], [0, 0, 4], [8, 0, 0]], [[4, 0], [0, 2]])
_SPECIAL: dict[OperationName, tuple[Any, ...]] = {
    "inverse": _ZERO_PIVOTS,
    "determinant": _ZERO_PIVOTS,
    "eigenvalues": ([[0, 1], [1, 0]], [[3, 0, 0], [0, -1, 0], [0, 0, 2]], [[1, 0], [0, 1]], [[0, 0], [0, 0]]),
    "svd": ([[0, 0], [0, 2]], [[1, 0], [0, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]),
}


def _is_exact(out: Array) -> bool:
    return out.dtype.kind == "i"


def _wide(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    return np.float64 if dtype == np.float32 else np.longdouble


def _rounded(out: Array, exact: Array, roundings: int, magnitude: Array | None = None) -> float:
    """Error of `out` against `exact`, in units of so many roundings of `magnitude`, by default of the result."""
    if _is_exact(out):
        return 0.0 if np.array_equal(out, exact) else math.inf
    bound = np.abs(exact if magnitude is None else magnitude)
    return error_ratio(np.abs(out - exact), bound * (_sum_gamma(roundings, out.dtype) + gamma(roundings, exact.dtype)))


def _sum_gamma(count: int, dtype: np.dtype[Any]) -> float:
    """Higham's gamma; where a sum has too many terms for that, what rounding errors of random sign add up to.

    Source of the second: Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM Journal on
    Scientific Computing 41 (2019).
    """
    unit = float(np.finfo(dtype).eps) / 2
    return gamma(count, dtype) if count * unit < 0.5 else NEVER * math.sqrt(count) * unit


def _matvec_error(a: Array, v: Array, out: Array) -> float:
    panels = (slice(first, first + PANEL) for first in range(0, a.shape[0], PANEL))
    return max((largest_error(a[rows], v[:, None], out[rows, None]) for rows in panels), default=0.0)


def _transpose_error(a: Array, out: Array) -> float:
    return 0.0 if np.array_equal(a.T, out) else math.inf


def _walk_error(a: Array, out: Array) -> float:
    dtype = out.dtype if _is_exact(out) else np.dtype(_wide(out.dtype))
    magnitude = np.sum(np.abs(a), axis=0, dtype=dtype)
    return _rounded(out, np.sum(a, axis=0, dtype=dtype), a.shape[0], magnitude)


def _chunks(*vectors: Array) -> Iterator[tuple[Array, ...]]:
    for first in range(0, vectors[0].size, CHUNK):
        yield tuple(vector[first : first + CHUNK] for vector in vectors)


def _norm_error(v: Array, out: Array) -> float:
    wide = _wide(v.dtype)
    total = sum((np.sum(np.square(chunk.astype(wide))) for (chunk,) in _chunks(v)), start=wide(0))
    # Half of the sum's relative error is left after the root; then the root and the result are rounded.
    return _rounded(out, np.array([np.sqrt(total)]), v.size // 2 + 3)


def _scalar_error(v: Array, out: Array) -> float:
    return max((_rounded(y, _widened(x) + 1, 1) for x, y in _chunks(v, out)), default=0.0)


def _rows_error(a: Array, v: Array, out: Array) -> float:
    return max((_rounded(y, _widened(x) * _widened(v), 1) for x, y in zip(a, out, strict=True)), default=0.0)


def _outer_error(v: Array, w: Array, out: Array) -> float:
    return max((_rounded(y, _widened(x) * _widened(w), 1) for x, y in zip(v, out, strict=True)), default=0.0)


def _widened(values: Array) -> Array:
    wide: Array = values if values.dtype.kind == "i" else values.astype(_wide(values.dtype))
    return wide


_ERRORS: dict[OperationName, Callable[..., float]] = {
    "matvec": _matvec_error,
    "transpose": _transpose_error,
    "transpose_walk": _walk_error,
    "norm": _norm_error,
    "broadcast_scalar": _scalar_error,
    "broadcast_rows": _rows_error,
    "broadcast_outer": _outer_error,
    "inverse": inverse_error,
    "determinant": determinant_error,
    "eigenvalues": eigenvalue_error,
    "svd": singular_value_error,
}


def check_result(problem: Problem, inputs: Sequence[Array], out: Array) -> Verdict:
    """Whether `out` is what the problem's operation makes of `inputs`, within rounding.

    Parameters
    ----------
    problem
        Which operation; and the seed of the probes that large products are checked with.
    inputs, out
        Operands and result, in the shapes that the operation states.
    """
    if problem.operation == PRODUCT:
        a, b = inputs
        return check_product(a, b, out, problem.seed)
    if out.shape != problem.definition.output(problem.m, problem.n, problem.k):
        return Verdict(math.inf, f"the result is wrong: it has shape {out.shape}")
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number comes out infinitely wrong
        return verdict_of(_ERRORS[problem.operation](*inputs, out))


def resulting(made: Kernel, returned: object, out: Array) -> Array:
    """Where the result of a call is: what it gave back, for a kernel that makes a view, else what it wrote."""
    return returned if made.view and isinstance(returned, np.ndarray) else out


def check_kernel(made: Kernel, function: Function, dtype: Dtype) -> Verdict:
    """Whether a bare kernel is right on small operands of all kinds, and leaves them as they are.

    Parameters
    ----------
    made
        The kernel.
    function
        Its function, bound to `dtype`.
    dtype
        Element type of the operands.
    """
    if made.operation == PRODUCT:
        return check_laws(function, dtype)
    for problem, arrays in _small_cases(made.operation, dtype):
        *inputs, out = arrays
        before = [each.copy() for each in inputs]
        result = resulting(made, function(*arrays), out)
        verdict = check_result(problem, before, result)
        if not verdict.is_right:
            return Verdict(verdict.error, f"{verdict.reason}, at n = {problem.n}")
        if not all(map(np.array_equal, inputs, before)):
            return Verdict(math.inf, "it changes its operands; have it work on copies")
    return Verdict(0.0)


def _small_cases(operation: OperationName, dtype: Dtype) -> Iterator[tuple[Problem, tuple[Array, ...]]]:
    """Small problems with their operands: random ones, then those that are special to the operation."""
    problem = functools.partial(Problem, dtype=dtype, operation=operation)
    for n in LAW_SIZES:
        made = problem(m=n, n=n, k=n, seed=n)
        yield made, operands(made)
    for values in _SPECIAL.get(operation, ()):
        n = len(values)
        made = problem(m=n, n=n, k=n)
        yield made, (np.array(values, dtype), operands(made)[-1])
