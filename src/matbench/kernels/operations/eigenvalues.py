"""Eigenvalues of a symmetric matrix: an iteration, so that the algorithm counts before the code.

Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.3 (reduction to three diagonals, implicit QR).
"""

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

__all__ = [
    "numba_eigenvalues_jacobi",
    "numba_eigenvalues_qr",
    "numpy_eigenvalues",
    "numpy_eigenvalues_jacobi",
    "python_eigenvalues",
]


def _turn(rows: list[list[float]], p: int, q: int) -> None:
    """Rotate rows and columns p and q so that the element between them becomes 0."""
    c, s = rotation(rows[p][p], rows[q][q], rows[p][q])
    one, other = rows[p], rows[q]
    rows[p] = [c * x - s * y for x, y in zip(one, other, strict=True)]
    rows[q] = [s * x + c * y for x, y in zip(one, other, strict=True)]
    for row in rows:
        x, y = row[p], row[q]
        row[p], row[q] = c * x - s * y, s * x + c * y
    rows[p][q] = rows[q][p] = 0.0


@kernel(
    "python_eigenvalues",
    operation="eigenvalues",
    rung=Rung.PYTHON,
    idea="Jacobi's rotations over lists",
    dtypes=FLOATS,
    gflops=0.0007,
    workspace=object_bytes,
)
def python_eigenvalues(a: Array, out: Array) -> None:
    """Jacobi's method: pair by pair of rows and columns is rotated until the matrix is diagonal."""
    rows = a.tolist()
    n = len(rows)
    tiny = epsilon(a) * math.sqrt(sum(sum(map(mul, row, row)) for row in rows)) / n
    for _ in range(SWEEPS):
        is_diagonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(rows[p][q]) > tiny:
                    is_diagonal = False
                    _turn(rows, p, q)
        if is_diagonal:
            break
    out[:] = sorted(row[p] for p, row in enumerate(rows))


@kernel(
    "numpy_eigenvalues_jacobi",
    operation="eigenvalues",
    rung=Rung.NUMPY,
    idea="a rotation is two array operations",
    dtypes=FLOATS,
    gflops=0.1,
    dispatches=rotation_calls,
    workspace=copy_bytes,
)
def numpy_eigenvalues_jacobi(a: Array, out: Array) -> None:
    """The same method; rows and columns are rotated whole, each a small product that BLAS need not be asked for."""
    work = a.copy()
    n = work.shape[0]
    tiny = epsilon(a) * math.sqrt(float(np.sum(work * work))) / n
    for _ in range(SWEEPS):
        is_diagonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                between = float(work[p, q])
                if abs(between) > tiny:
                    is_diagonal = False
                    c, s = rotation(float(work[p, p]), float(work[q, q]), between)
                    work[p], work[q] = c * work[p] - s * work[q], s * work[p] + c * work[q]
                    work[:, p], work[:, q] = c * work[:, p] - s * work[:, q], s * work[:, p] + c * work[:, q]
                    work[p, q] = work[q, p] = 0
        if is_diagonal:
            break
    out[:] = np.sort(work.diagonal())


@njit(nogil=True)
def _turn_rows(work: Array, p: int, q: int) -> None:
    """As `_turn`."""
    c, s = compiled_rotation(work[p, p], work[q, q], work[p, q])
    for j in range(work.shape[0]):
        x, y = work[p, j], work[q, j]
        work[p, j] = c * x - s * y
        work[q, j] = s * x + c * y
    for i in range(work.shape[0]):
        x, y = work[i, p], work[i, q]
        work[i, p] = c * x - s * y
        work[i, q] = s * x + c * y
    work[p, q] = 0
    work[q, p] = 0


@kernel(
    "numba_eigenvalues_jacobi",
    operation="eigenvalues",
    rung=Rung.NUMBA,
    idea="the rotations compiled",
    dtypes=FLOATS,
    compiled=True,
    gflops=0.1,
    workspace=copy_bytes,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_eigenvalues_jacobi(a: Array, out: Array) -> None:
    """The same method compiled: the interpreter is gone, the number of operations is not."""
    work = a.copy()
    n = work.shape[0]
    square = 0.0
    for p in range(n):
        for q in range(n):
            square += float(work[p, q]) ** 2
    tiny = np.finfo(a.dtype).eps * math.sqrt(square) / n
    for _ in range(SWEEPS):
        is_diagonal = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(work[p, q]) > tiny:
                    is_diagonal = False
                    _turn_rows(work, p, q)
        if is_diagonal:
            break
    for p in range(n):
        insert_sorted(work[p, p], out, p)


@njit(nogil=True)
def _reflect(column: Array, rest: Array, v: Array, w: Array) -> float:
    """One Householder step: `column` becomes 0 below its first element, which comes back, and `rest` is reflected.

    Both are parts of a symmetric matrix, the square `rest` in place; `v` and `w` are as long as `column`.
    """
    length = 0.0
    for i in range(column.size):
        v[i] = column[i]
        w[i] = 0
        length += float(v[i]) ** 2
    length = math.sqrt(length)
    if length == 0:
        return 0.0
    beside = -math.copysign(length, v[0])
    v[0] -= beside
    scale = 1 / (length * abs(v[0]))  # 2 over the square of v
    for i in range(v.size):
        x, row = scale * v[i], rest[i]
        for j in range(v.size):
            w[j] += x * row[j]
    half = 0.0
    for i in range(v.size):
        half += v[i] * w[i]
    for i in range(v.size):
        w[i] -= half * scale / 2 * v[i]
    for i in range(v.size):
        x, y, row = v[i], w[i], rest[i]
        for j in range(v.size):
            row[j] -= x * w[j] + y * v[j]
    return beside


@njit(nogil=True)
def _qr_step(d: Array, e: Array, low: int, high: int) -> None:
    """One implicit QR step with Wilkinson's shift on rows `low` to `high` of a tridiagonal matrix, in place.

    `d` is its diagonal, `e` what stands beside it.
    """
    delta = (d[high - 1] - d[high]) / 2
    last = e[high - 1]
    shift = d[high] - last * last / (delta + math.copysign(math.hypot(delta, last), delta))
    x, z = d[low] - shift, e[low]
    for k in range(low, high):
        length = math.hypot(x, z)
        c, s = (x / length, -z / length) if length > 0 else (1.0, 0.0)
        if k > low:
            e[k - 1] = length
        one, other, between = d[k], d[k + 1], e[k]
        d[k] = c * c * one - 2 * c * s * between + s * s * other
        d[k + 1] = s * s * one + 2 * c * s * between + c * c * other
        e[k] = c * s * (one - other) + (c * c - s * s) * between
        x = e[k]
        if k < high - 1:
            z = -s * e[k + 1]
            e[k + 1] = c * e[k + 1]


@njit(nogil=True)
def _iterate(d: Array, e: Array, epsilon: float) -> None:
    """Implicit QR until nothing stands beside the diagonal of a tridiagonal matrix, in place."""
    high = d.size - 1
    steps = SWEEPS * d.size
    while high > 0 and steps > 0:
        for i in range(high):
            if abs(e[i]) <= epsilon * (abs(d[i]) + abs(d[i + 1])):
                e[i] = 0
        if e[high - 1] == 0:
            high -= 1
            continue
        low = high - 1
        while low > 0 and e[low - 1] != 0:
            low -= 1
        _qr_step(d, e, low, high)
        steps -= 1


@kernel(
    "numba_eigenvalues_qr",
    operation="eigenvalues",
    rung=Rung.NUMBA,
    idea="another algorithm: tridiagonal first, then QR",
    dtypes=FLOATS,
    compiled=True,
    gflops=2.0,
    workspace=copy_bytes,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_eigenvalues_qr(a: Array, out: Array) -> None:
    """Householder's reflections leave three diagonals, on which QR steps are cheap: a tenth of Jacobi's operations."""
    work = a.copy()
    n = work.shape[0]
    d, e = np.zeros(n), np.zeros(n)
    v, w = np.zeros(n, a.dtype), np.zeros(n, a.dtype)
    for k in range(n - 1):
        d[k] = work[k, k]
        e[k] = work[k, k + 1]
        if k < n - 2:
            e[k] = _reflect(work[k, k + 1 :], work[k + 1 :, k + 1 :], v[k + 1 :], w[k + 1 :])
    d[n - 1] = work[n - 1, n - 1]
    _iterate(d, e, np.finfo(a.dtype).eps)
    for p in range(n):
        insert_sorted(d[p], out, p)


@kernel(
    "numpy_eigenvalues",
    operation="eigenvalues",
    rung=Rung.BLAS,
    idea="the library behind np.linalg.eigvalsh",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    gflops=4.0,
    dispatches=lambda _: 8,
    workspace=copy_bytes,
)
def numpy_eigenvalues(a: Array, out: Array) -> None:
    """``np.linalg.eigvalsh(A)``: syevd of LAPACK. Half of its reduction is products with a vector, bound by memory."""
    out[:] = np.linalg.eigvalsh(a)
