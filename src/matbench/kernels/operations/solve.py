"""Inverse and determinant by Gauss elimination with partial pivoting: of n^2 elements each is used n times.

Like the product these are bound by arithmetic, if the loops are cut so that most of it becomes a product, as LAPACK's.
Operands are left as they are: every kernel works on a copy.
"""

from __future__ import annotations

import math

import numpy as np

from matbench.kernels.jit import njit, numba_missing
from matbench.kernels.operations.workspace import copy_bytes, object_bytes
from matbench.kernels.registry import FLOATS, Array, Rung, kernel
from matbench.model import Problem

__all__ = [
    "numba_determinant",
    "numba_inverse",
    "numpy_determinant",
    "numpy_determinant_rows",
    "numpy_inverse",
    "numpy_inverse_rows",
    "python_determinant",
    "python_inverse",
]


def _copy_with_identity(problem: Problem) -> int:
    return 2 * copy_bytes(problem)


def _eliminate(rows: list[list[float]]) -> float:
    """Bring the rows into upper triangular form; the sign of the permutation comes back, 0 if there is no pivot."""
    sign = 1.0
    for p in range(len(rows)):
        magnitudes = [abs(row[p]) for row in rows[p:]]
        pivot = p + magnitudes.index(max(magnitudes))
        if pivot != p:
            rows[p], rows[pivot] = rows[pivot], rows[p]
            sign = -sign
        top = rows[p]
        if not top[p]:
            return 0.0
        for row in rows[p + 1 :]:
            factor = row[p] / top[p]
            for j in range(p, len(row)):
                row[j] -= factor * top[j]
    return sign


# -- inverse -----------------------------------------------------------------------------------------------------------


@kernel(
    "python_inverse",
    operation="inverse",
    rung=Rung.PYTHON,
    idea="Gauss elimination over lists",
    dtypes=FLOATS,
    gflops=0.015,
    workspace=object_bytes,
)
def python_inverse(a: Array, out: Array) -> None:
    """The rows of [A | I] are eliminated with partial pivoting, then solved from the last to the first."""
    n = a.shape[0]
    rows = [row + [float(i == j) for j in range(n)] for i, row in enumerate(a.tolist())]
    if not _eliminate(rows):
        raise np.linalg.LinAlgError("Singular matrix")
    for p in reversed(range(n)):
        top = rows[p]
        for i in range(p + 1, n):
            factor, solved = top[i], rows[i]
            for j in range(n, 2 * n):
                top[j] -= factor * solved[j]
        for j in range(n, 2 * n):
            top[j] /= top[p]
    for p, row in enumerate(rows):
        out[p] = row[n:]


@kernel(
    "numpy_inverse_rows",
    operation="inverse",
    rung=Rung.NUMPY,
    idea="two loops are one outer product",
    dtypes=FLOATS,
    gflops=0.6,
    dispatches=lambda problem: 18 * problem.n,
    workspace=_copy_with_identity,
)
def numpy_inverse_rows(a: Array, out: Array) -> None:
    """The same elimination, all rows below the pivot at once: an outer product is subtracted."""
    n = a.shape[0]
    work = np.hstack([a, np.eye(n, dtype=a.dtype)])
    for p in range(n):
        pivot = p + int(np.argmax(np.abs(work[p:, p])))
        work[[p, pivot]] = work[[pivot, p]]
        work[p + 1 :, p:] -= np.multiply.outer(work[p + 1 :, p] / work[p, p], work[p, p:])
    for p in reversed(range(n)):
        work[p, n:] /= work[p, p]
        work[:p, n:] -= np.multiply.outer(work[:p, p], work[p, n:])
    out[...] = work[:, n:]


@njit(nogil=True)
def _eliminate_rows(work: Array, n: int) -> float:
    """As `_eliminate`, for the first n columns of a matrix."""
    sign = 1.0
    for p in range(n):
        pivot = p
        for i in range(p + 1, n):
            if abs(work[i, p]) > abs(work[pivot, p]):
                pivot = i
        if pivot != p:
            sign = -sign
            for j in range(p, work.shape[1]):
                work[p, j], work[pivot, j] = work[pivot, j], work[p, j]
        if work[p, p] == 0:
            return 0.0
        top = work[p, p:]
        for i in range(p + 1, n):
            # A slice indexed from 0 up is what the compiler vectorises: four times the speed of work[i, j] from p on.
            row = work[i, p:]
            factor = row[0] / top[0]
            for j in range(row.size):
                row[j] -= factor * top[j]
    return sign


@kernel(
    "numba_inverse",
    operation="inverse",
    rung=Rung.NUMBA,
    idea="the elimination compiled, along rows",
    dtypes=FLOATS,
    compiled=True,
    gflops=4.0,
    workspace=_copy_with_identity,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_inverse(a: Array, out: Array) -> None:
    """The same loops compiled; the inner ones run along rows and vectorise, but fetch the whole matrix n times."""
    n = a.shape[0]
    work = np.zeros((n, 2 * n), a.dtype)
    for i in range(n):
        for j in range(n):
            work[i, j] = a[i, j]
        work[i, n + i] = 1
    if _eliminate_rows(work, n) == 0:
        raise ValueError("Singular matrix")
    for p in range(n - 1, -1, -1):
        top = work[p, n:]
        for i in range(p + 1, n):
            factor = work[p, i]
            solved = work[i, n:]
            for j in range(n):
                top[j] -= factor * solved[j]
        for j in range(n):
            top[j] /= work[p, p]
            out[p, j] = top[j]


@kernel(
    "numpy_inverse",
    operation="inverse",
    rung=Rung.BLAS,
    idea="the library behind np.linalg.inv",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    gflops=12.0,
    dispatches=lambda _: 6,
    workspace=_copy_with_identity,
)
def numpy_inverse(a: Array, out: Array) -> None:
    """``np.linalg.inv(A)``: gesv of LAPACK, cut into blocks so that most of its work is a matrix product."""
    out[...] = np.linalg.inv(a)


# -- determinant -------------------------------------------------------------------------------------------------------


@kernel(
    "python_determinant",
    operation="determinant",
    rung=Rung.PYTHON,
    idea="Gauss elimination over lists",
    dtypes=FLOATS,
    gflops=0.015,
    workspace=object_bytes,
)
def python_determinant(a: Array, out: Array) -> None:
    """The product of the pivots of Gauss elimination, with the sign of the permutation."""
    rows = a.tolist()
    sign = _eliminate(rows)
    out[0] = sign * math.prod(row[p] for p, row in enumerate(rows))


@kernel(
    "numpy_determinant_rows",
    operation="determinant",
    rung=Rung.NUMPY,
    idea="two loops are one outer product",
    dtypes=FLOATS,
    gflops=0.6,
    dispatches=lambda problem: 14 * problem.n,
    workspace=_copy_with_identity,
)
def numpy_determinant_rows(a: Array, out: Array) -> None:
    """The same elimination, all rows below the pivot at once: an outer product is subtracted."""
    work = a.copy()
    product = 1.0
    for p in range(a.shape[0]):
        pivot = p + int(np.argmax(np.abs(work[p:, p])))
        if pivot != p:
            work[[p, pivot]] = work[[pivot, p]]
            product = -product
        product *= float(work[p, p])
        if not product:
            break
        work[p + 1 :, p + 1 :] -= np.multiply.outer(work[p + 1 :, p] / work[p, p], work[p, p + 1 :])
    out[0] = product


@kernel(
    "numba_determinant",
    operation="determinant",
    rung=Rung.NUMBA,
    idea="the elimination compiled, along rows",
    dtypes=FLOATS,
    compiled=True,
    gflops=4.0,
    workspace=copy_bytes,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_determinant(a: Array, out: Array) -> None:
    """The same loops compiled; the inner ones run along rows and vectorise, but fetch the whole matrix n times."""
    work = a.copy()
    product = _eliminate_rows(work, a.shape[0])
    for p in range(a.shape[0]):
        product *= work[p, p]
    out[0] = product


@kernel(
    "numpy_determinant",
    operation="determinant",
    rung=Rung.BLAS,
    idea="the library behind np.linalg.det",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    gflops=12.0,
    dispatches=lambda _: 6,
    workspace=copy_bytes,
)
def numpy_determinant(a: Array, out: Array) -> None:
    """``np.linalg.det(A)``: getrf of LAPACK, cut into blocks so that most of its work is a matrix product."""
    out[0] = np.linalg.det(a)
