"""Whether an inverse, a determinant, a spectrum is right: by residual and conditioning, in double precision.

Sources: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, sections 9.3 (LU factorisation), 14.3
(inverse) and 14.6 (determinant); Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM
Journal on Scientific Computing 41 (2019), for errors of random sign, of which worst cases say nothing in single
precision; Golub and Van Loan, Matrix Computations, 4th edition, sections 8.1 and 8.6 (Weyl's theorem).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from matbench.kernels.oracle import NEVER, error_ratio, gamma
from matbench.kernels.registry import Array

__all__ = ["determinant_error", "eigenvalue_error", "factorised", "inverse_error", "singular_value_error"]

BLOCK = 32  # columns that are factorised before the rest of the matrix follows
SAFETY = 10  # times n u |A|: what stable methods for eigenvalues and singular values stay far below

_DOUBLE = np.dtype(np.float64)


def factorised(a: Array) -> tuple[Array, Array, float]:
    """L and U with L U = A, the rows of L in the order of those of A; and the determinant.

    By Gauss elimination with partial pivoting, block by block. SciPy has it, too, but its BLAS would be loaded into
    the process that samples; and an oracle that calls LAPACK would say nothing of kernels that do.

    Parameters
    ----------
    a
        n x n elements in double precision.
    """
    n = a.shape[0]
    work, order, sign = a.copy(), np.arange(n), 1.0
    for first in range(0, n, BLOCK):
        last = min(n, first + BLOCK)
        for p in range(first, last):
            pivot = p + int(np.argmax(np.abs(work[p:, p])))
            if pivot != p:
                work[[p, pivot]], order[[p, pivot]], sign = work[[pivot, p]], order[[pivot, p]], -sign
            if work[p, p]:
                work[p + 1 :, p] /= work[p, p]
            work[p + 1 :, p + 1 : last] -= np.multiply.outer(work[p + 1 :, p], work[p, p + 1 : last])
        for p in range(first + 1, last):
            work[p, last:] -= work[p, first:p] @ work[first:p, last:]
        work[last:, last:] -= work[last:, first:last] @ work[first:last, last:]
    lower = np.empty_like(work)
    lower[order] = np.tril(work, -1) + np.eye(n)
    return lower, np.triu(work), sign * float(np.prod(work.diagonal()))


def _likely(count: int, dtype: np.dtype[Any]) -> float:
    """What `count` roundings add up to, relatively, unless they conspire."""
    return NEVER * math.sqrt(count) * float(np.finfo(dtype).eps) / 2


def _elimination_bound(left: Array, right: Array, n: int, dtype: np.dtype[Any]) -> Array:
    """Bound of a residual: `left` @ `right` in magnitudes, one of them |L||U|, times the roundings of solving."""
    bound: Array = _likely(3 * n, dtype) * np.sqrt(np.square(left) @ np.square(right))
    if 3 * n * float(np.finfo(dtype).eps) < 1:
        bound = np.minimum(bound, gamma(3 * n, dtype) * (left @ right))
    return bound


def inverse_error(a: Array, out: Array) -> float:
    """Largest residual of an inverse X in units of its bound, that of A X or that of X A: methods keep one small.

    ``|A X - I| <= gamma_3n |L| |U| |X|``, and one more rounding of X.
    """
    n, dtype = a.shape[0], out.dtype
    matrix, inverse = a.astype(_DOUBLE), out.astype(_DOUBLE)
    if not np.isfinite(inverse).all():
        return math.inf
    lower, upper, _ = factorised(matrix)
    factors, magnitude = np.abs(lower) @ np.abs(upper), np.abs(inverse)
    own = gamma(n + 2, _DOUBLE) + float(np.finfo(dtype).eps) / 2
    errors = []
    for one, other, bound in (
        (matrix, inverse, _elimination_bound(factors, magnitude, n, dtype)),
        (inverse, matrix, _elimination_bound(magnitude, factors, n, dtype)),
    ):
        residual = np.abs(one @ other - np.eye(n))
        errors.append(error_ratio(residual, bound + own * (np.abs(one) @ np.abs(other) + np.eye(n))))
    return min(errors)


def determinant_error(a: Array, out: Array) -> float:
    """Relative error of a determinant in units of its condition: the trace of inv(A) E, E the backward error of LU."""
    n, dtype = a.shape[0], out.dtype
    matrix = a.astype(_DOUBLE)
    lower, upper, exact = factorised(matrix)
    terms = np.abs(np.linalg.inv(matrix)).T * (np.abs(lower) @ np.abs(upper))
    spread, total = math.sqrt(float(np.sum(np.square(terms)))), float(np.sum(terms))
    relative = 0.0
    for each in (dtype, _DOUBLE):  # of the result, and of what it is compared with
        unit = float(np.finfo(each).eps) / 2
        worst = gamma(n, each) * total if n * unit < 0.5 else math.inf
        relative += min(worst, _likely(n, each) * spread) + (n + 1) * unit
    return error_ratio(np.abs(out.astype(_DOUBLE) - exact), np.array([abs(exact) * relative]))


def eigenvalue_error(a: Array, out: Array) -> float:
    """Largest error of the eigenvalues of a symmetric matrix in units of ``10 n u |A|``; trace and norm count, too."""
    matrix, found = a.astype(_DOUBLE), out.astype(_DOUBLE)
    bound, norm = _spectral_bound(matrix, out.dtype)
    trace = abs(float(np.sum(found)) - float(np.trace(matrix)))
    return max(
        error_ratio(np.abs(found - np.linalg.eigvalsh(matrix)), np.full(found.shape, bound)),
        error_ratio(np.array([trace]), np.array([found.size * bound])),
        _norm_kept(found, norm, bound),
    )


def singular_value_error(a: Array, out: Array) -> float:
    """Largest error of the singular values, descending, in units of ``10 n u |A|``; the norm counts, too."""
    matrix, found = a.astype(_DOUBLE), out.astype(_DOUBLE)
    bound, norm = _spectral_bound(matrix, out.dtype)
    known = np.linalg.svd(matrix, compute_uv=False)
    return max(error_ratio(np.abs(found - known), np.full(found.shape, bound)), _norm_kept(found, norm, bound))


def _spectral_bound(matrix: Array, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Bound of the error of one value, that of its reference included; and the Frobenius norm of the matrix."""
    norm = float(np.linalg.norm(matrix))
    units = float(np.finfo(dtype).eps + np.finfo(_DOUBLE).eps) / 2
    return SAFETY * matrix.shape[0] * units * norm, norm


def _norm_kept(found: Array, norm: float, bound: float) -> float:
    """Whether the squares of the values sum up to that of the Frobenius norm, each value being off by `bound` at most.

    It needs no reference: LAPACK is held against it as everything else is.
    """
    difference = abs(float(np.sum(np.square(found))) - norm * norm)
    allowed = 2 * math.sqrt(found.size) * norm * bound + found.size * bound * bound
    return error_ratio(np.array([difference]), np.array([allowed]))
