"""Matrix times vector: each element of A is used once, so that memory sets the pace, not arithmetic."""

from __future__ import annotations

from operator import mul

import numpy as np

from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.operations.workspace import object_bytes
from matbench.kernels.registry import FLOATS, Array, Rung, kernel

__all__ = [
    "numba_matvec",
    "numba_matvec_parallel",
    "numba_matvec_simd",
    "numpy_matvec",
    "numpy_matvec_columns",
    "python_matvec",
    "python_matvec_sums",
]


@kernel(
    "python_matvec",
    operation="matvec",
    rung=Rung.PYTHON,
    idea="two loops over lists",
    gflops=0.02,
    workspace=object_bytes,
)
def python_matvec(a: Array, v: Array, out: Array) -> None:
    """Each element of the result is a row of A times v, in two loops; the conversion to lists is part of the time."""
    vector = v.tolist()
    for i, row in enumerate(a.tolist()):
        total = 0
        for p, factor in enumerate(vector):
            total += row[p] * factor
        out[i] = total


@kernel(
    "python_matvec_sums",
    operation="matvec",
    rung=Rung.PYTHON,
    idea="the inner loop moves into C",
    gflops=0.05,
    workspace=object_bytes,
)
def python_matvec_sums(a: Array, v: Array, out: Array) -> None:
    """Idiomatic Python: each row meets the vector in one reduction that runs in C."""
    vector = v.tolist()
    out[:] = [sum(map(mul, row, vector)) for row in a.tolist()]


@kernel(
    "numpy_matvec_columns",
    operation="matvec",
    rung=Rung.NUMPY,
    idea="a sum of scaled columns",
    gflops=0.5,
    dispatches=lambda problem: 3 * problem.k,
    workspace=lambda problem: problem.itemsize * problem.m,
)
def numpy_matvec_columns(a: Array, v: Array, out: Array) -> None:
    """The result as a combination of the columns of A: how it is drawn on paper, and against the grain of memory."""
    out[:] = 0
    for p in range(v.size):
        out += a[:, p] * v[p]


@kernel(
    "numba_matvec",
    operation="matvec",
    rung=Rung.NUMBA,
    idea="compiled, same two loops",
    compiled=True,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_matvec(a: Array, v: Array, out: Array) -> None:
    """The two loops compiled. Floating-point sums may not be reordered, so each addition waits for the last one."""
    m, k = a.shape
    for i in range(m):
        total = out.dtype.type(0)
        for p in range(k):
            total += a[i, p] * v[p]
        out[i] = total


@kernel(
    "numba_matvec_simd",
    operation="matvec",
    rung=Rung.NUMBA,
    idea="the sum may be reordered, so SIMD",
    dtypes=FLOATS,
    compiled=True,
    gflops=3.0,
    needs=numba_missing,
)
@njit(nogil=True, fastmath={"reassoc", "contract"})
def numba_matvec_simd(a: Array, v: Array, out: Array) -> None:
    """The same loops with leave to reorder the sum: vectors of partial sums, until memory can't keep up."""
    m, k = a.shape
    for i in range(m):
        total = out.dtype.type(0)
        for p in range(k):
            total += a[i, p] * v[p]
        out[i] = total


@kernel(
    "numba_matvec_parallel",
    operation="matvec",
    rung=Rung.NUMBA,
    idea="rows on several cores",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    compiled=True,
    gflops=3.0,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True, fastmath={"reassoc", "contract"})
def numba_matvec_parallel(a: Array, v: Array, out: Array) -> None:
    """Rows go to several cores, which share one memory: they help while A is in their caches, and little beyond."""
    m, k = a.shape
    for i in prange(m):
        total = out.dtype.type(0)
        for p in range(k):
            total += a[i, p] * v[p]
        out[i] = total


@kernel(
    "numpy_matvec",
    operation="matvec",
    rung=Rung.BLAS,
    idea="the library behind A @ v",
    threaded_dtypes=FLOATS,
    gflops=4.0,
    integer_gflops=1.0,
)
def numpy_matvec(a: Array, v: Array, out: Array) -> None:
    """``A @ v``: gemv of BLAS for floating point, which moves A through the processor once and can do no better."""
    np.matmul(a, v, out=out)
