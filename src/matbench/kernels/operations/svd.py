"""Singular values: an iteration, so that the algorithm counts before the code."""

from __future__ import annotations

import math
from operator import mul

import numpy as np

from matbench.kernels.jit import njit, numba_missing
from matbench.kernels.operations.jacobi import (
    SWEEPS,
    compiled_rotation,
    epsilon,
    insert_sorted,
    rotation,
    rotation_calls,
)
from matbench.kernels.operations.workspace import copy_bytes, object_bytes
from matbench.kernels.registry import FLOATS, Array, Rung, kernel

__all__ = ["numba_svd_jacobi", "numpy_svd", "numpy_svd_jacobi", "python_svd"]


@kernel(
    "python_svd",
    operation="svd",
    rung=Rung.PYTHON,
    idea="one-sided Jacobi rotations over lists",
    dtypes=FLOATS,
    gflops=0.002,
    workspace=object_bytes,
)
def python_svd(a: Array, out: Array) -> None:
    """Pairs of rows are rotated until all are at right angles: their lengths are the singular values then."""
    rows = a.tolist()
    n = len(rows)
    tiny = 4 * math.sqrt(n) * epsilon(a)
    for _ in range(SWEEPS):
        is_orthogonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                one, other = rows[p], rows[q]
                alpha, beta, gamma = sum(map(mul, one, one)), sum(map(mul, other, other)), sum(map(mul, one, other))
                if abs(gamma) > tiny * math.sqrt(alpha * beta):
                    is_orthogonal = False
                    c, s = rotation(alpha, beta, gamma)
                    rows[p] = [c * x - s * y for x, y in zip(one, other, strict=True)]
                    rows[q] = [s * x + c * y for x, y in zip(one, other, strict=True)]
        if is_orthogonal:
            break
    out[:] = sorted((math.sqrt(sum(map(mul, row, row))) for row in rows), reverse=True)


@kernel(
    "numpy_svd_jacobi",
    operation="svd",
    rung=Rung.NUMPY,
    idea="a rotation is a few array operations",
    dtypes=FLOATS,
    gflops=0.2,
    dispatches=rotation_calls,
    workspace=copy_bytes,
)
def numpy_svd_jacobi(a: Array, out: Array) -> None:
    """The same method; rows are multiplied and rotated whole."""
    work = a.copy()
    n = work.shape[0]
    tiny = 4 * math.sqrt(n) * epsilon(a)
    for _ in range(SWEEPS):
        is_orthogonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                one, other = work[p], work[q]
                alpha, beta, gamma = float(one @ one), float(other @ other), float(one @ other)
                if abs(gamma) > tiny * math.sqrt(alpha * beta):
                    is_orthogonal = False
                    c, s = rotation(alpha, beta, gamma)
                    work[p], work[q] = c * one - s * other, s * one + c * other
        if is_orthogonal:
            break
    out[:] = np.sort(np.sqrt(np.sum(work * work, axis=1)))[::-1]


@njit(nogil=True, fastmath={"reassoc", "contract"})
def _products(one: Array, other: Array) -> tuple[float, float, float]:
    """Squares of two rows and their product, in one pass whose sums may be reordered."""
    alpha, beta, gamma = one.dtype.type(0), one.dtype.type(0), one.dtype.type(0)
    for j in range(one.size):
        alpha += one[j] * one[j]
        beta += other[j] * other[j]
        gamma += one[j] * other[j]
    return alpha, beta, gamma


@kernel(
    "numba_svd_jacobi",
    operation="svd",
    rung=Rung.NUMBA,
    idea="the rotations compiled, with SIMD",
    dtypes=FLOATS,
    compiled=True,
    gflops=0.5,
    workspace=copy_bytes,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_svd_jacobi(a: Array, out: Array) -> None:
    """The same method compiled; both loops of a rotation run along rows."""
    work = a.copy()
    n = work.shape[0]
    tiny = 4 * math.sqrt(n) * np.finfo(a.dtype).eps
    for _ in range(SWEEPS):
        is_orthogonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                one, other = work[p], work[q]
                alpha, beta, gamma = _products(one, other)
                if abs(gamma) > tiny * math.sqrt(alpha * beta):
                    is_orthogonal = False
                    c, s = compiled_rotation(alpha, beta, gamma)
                    for j in range(n):
                        x, y = one[j], other[j]
                        one[j] = c * x - s * y
                        other[j] = s * x + c * y
        if is_orthogonal:
            break
    for p in range(n):
        insert_sorted(math.sqrt(_products(work[p], work[p])[0]), out[::-1], p)


@kernel(
    "numpy_svd",
    operation="svd",
    rung=Rung.BLAS,
    idea="the library behind np.linalg.svd",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    gflops=4.0,
    dispatches=lambda _: 8,
    workspace=copy_bytes,
)
def numpy_svd(a: Array, out: Array) -> None:
    """``np.linalg.svd(A, compute_uv=False)``: gesdd of LAPACK. Half of its reduction is bound by memory."""
    out[:] = np.linalg.svd(a, compute_uv=False)
