"""The climb in Numba: the triple loop compiled, then one idea after another.

Every kernel takes any strides; C-contiguous operands are what the ideas are about. ``fastmath`` stays off but for
'contract' where the rung says so: nothing here reorders a sum.
"""

from __future__ import annotations

import functools

from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.registry import FLOATS, Array, Matmul, Rung, kernel
from matbench.kernels.tiling import tile_of_b
from matbench.model import DTYPES, Caches, Dtype

__all__ = ["numba_ijk", "numba_ikj", "numba_ikj_fma", "numba_parallel", "numba_tiled"]

ROWS_A_TASK = 8  # rows of C one thread takes at a time: enough work to hide the hand-over, enough tasks to balance


@kernel("numba_ijk", rung=Rung.NUMBA, idea="compiled, same loop order", compiled=True, gflops=1.0, needs=numba_missing)
@njit(nogil=True)
def numba_ijk(a: Array, b: Array, out: Array) -> None:
    """The triple loop as it stands, compiled: the interpreter is gone, but B is still walked down its columns."""
    m, k = a.shape
    n = b.shape[1]
    for i in range(m):
        for j in range(n):
            total = out.dtype.type(0)
            for p in range(k):
                total += a[i, p] * b[p, j]
            out[i, j] = total


@kernel("numba_ikj", rung=Rung.NUMBA, idea="loop order: rows, so SIMD", compiled=True, gflops=10.0, needs=numba_missing)
@njit(nogil=True)
def numba_ikj(a: Array, b: Array, out: Array) -> None:
    """Loops exchanged so that the inner one walks along rows: contiguous, and the compiler vectorises it."""
    m, k = a.shape
    n = b.shape[1]
    for i in range(m):
        out[i, :] = 0
        for p in range(k):
            scale = a[i, p]
            for j in range(n):
                out[i, j] += scale * b[p, j]


@kernel(
    "numba_ikj_fma",
    rung=Rung.NUMBA,
    idea="multiply and add in one instruction",
    dtypes=FLOATS,
    compiled=True,
    gflops=10.0,
    needs=numba_missing,
)
@njit(nogil=True, fastmath={"contract"})
def numba_ikj_fma(a: Array, b: Array, out: Array) -> None:
    """The same loops with one permission more: a multiplication and the addition after it may fuse."""
    m, k = a.shape
    n = b.shape[1]
    for i in range(m):
        out[i, :] = 0
        for p in range(k):
            scale = a[i, p]
            for j in range(n):
                out[i, j] += scale * b[p, j]


@kernel(
    "numba_tiled",
    rung=Rung.NUMBA,
    idea="tiles of B that stay in cache",
    compiled=True,
    from_caches=True,
    gflops=11.0,
    needs=numba_missing,
)
@functools.cache
def numba_tiled(caches: Caches, dtype: Dtype) -> Matmul:
    """Cache blocking: a tile of B is used for every row of A before the next tile is fetched."""
    depth, width = tile_of_b(caches, dtype)

    @njit(nogil=True, fastmath={"contract"})
    def tiled(a: Array, b: Array, out: Array) -> None:
        m, k = a.shape
        n = b.shape[1]
        for i in range(m):
            out[i, :] = 0
        for j0 in range(0, n, width):
            for p0 in range(0, k, depth):
                for i in range(m):
                    # Slices of one row keep Numba's proof that they are contiguous and indexed from 0 up; with
                    # out[i, j] and j from j0 the inner loop stays scalar, a fifth of the speed.
                    row = out[i, j0 : j0 + width]
                    for p in range(p0, min(k, p0 + depth)):
                        scale = a[i, p]
                        line = b[p, j0 : j0 + width]
                        for j in range(row.size):
                            row[j] += scale * line[j]

    compiled: Matmul = tiled
    return compiled


@kernel(
    "numba_parallel",
    rung=Rung.NUMBA,
    idea="the tiled loops on several cores",
    compiled=True,
    from_caches=True,
    threaded_dtypes=DTYPES,
    gflops=11.0,
    needs=numba_missing,
)
@functools.cache
def numba_parallel(caches: Caches, dtype: Dtype) -> Matmul:
    """Cores: groups of rows of C go to the threads that Numba was told to use."""
    depth, width = tile_of_b(caches, dtype)

    @njit(nogil=True, parallel=True, fastmath={"contract"})
    def parallel(a: Array, b: Array, out: Array) -> None:
        m, k = a.shape
        n = b.shape[1]
        groups = (m + ROWS_A_TASK - 1) // ROWS_A_TASK
        for group in prange(groups):
            first = group * ROWS_A_TASK
            last = min(m, first + ROWS_A_TASK)
            for i in range(first, last):
                out[i, :] = 0
            for j0 in range(0, n, width):
                for p0 in range(0, k, depth):
                    for i in range(first, last):
                        row = out[i, j0 : j0 + width]
                        for p in range(p0, min(k, p0 + depth)):
                            scale = a[i, p]
                            line = b[p, j0 : j0 + width]
                            for j in range(row.size):
                                row[j] += scale * line[j]

    compiled: Matmul = parallel
    return compiled
