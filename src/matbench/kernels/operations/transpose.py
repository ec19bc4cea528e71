"""The transpose: as a copy, and as a view that somebody walks through.

``A.T`` itself moves nothing; whoever walks along its rows walks down the columns of A, and pays then.
"""

from __future__ import annotations

import numpy as np

from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.operations.workspace import object_bytes
from matbench.kernels.registry import Array, Rung, kernel
from matbench.model import DTYPES

__all__ = [
    "numba_transpose",
    "numba_transpose_parallel",
    "numba_transpose_tiled",
    "numba_walk_columns",
    "numba_walk_rows",
    "numpy_transpose",
    "numpy_transpose_view",
    "numpy_walk_copy",
    "numpy_walk_view",
    "python_transpose",
    "python_transpose_walk",
    "python_transpose_zip",
]

TILE = 32  # rows and columns: a tile and its transpose, 8 KiB each in float64, lie in any first-level cache together


# -- the copy ----------------------------------------------------------------------------------------------------------


@kernel(
    "python_transpose",
    operation="transpose",
    rung=Rung.PYTHON,
    idea="two loops over lists",
    gflops=0.02,
    workspace=object_bytes,
)
def python_transpose(a: Array, out: Array) -> None:
    """Rows become columns, element by element."""
    rows = a.tolist()
    for j in range(out.shape[0]):
        column = []
        for row in rows:
            column.append(row[j])  # noqa: PERF401  the loop as a beginner writes it is what is measured
        out[j] = column


@kernel(
    "python_transpose_zip",
    operation="transpose",
    rung=Rung.PYTHON,
    idea="both loops move into C",
    gflops=0.04,
    workspace=object_bytes,
)
def python_transpose_zip(a: Array, out: Array) -> None:
    """``zip(*rows)``: idiomatic Python, whose loops run in C, over objects all the same."""
    for j, column in enumerate(zip(*a.tolist(), strict=True)):
        out[j] = column


@kernel(
    "numpy_transpose",
    operation="transpose",
    rung=Rung.NUMPY,
    idea="one copy of the view",
    gflops=1.0,
)
def numpy_transpose(a: Array, out: Array) -> None:
    """``A.T`` copied: NumPy's loop in C, which reads by rows or writes by rows, and can't do both."""
    np.copyto(out, a.T)


@kernel(
    "numba_transpose",
    operation="transpose",
    rung=Rung.NUMBA,
    idea="compiled, same two loops",
    compiled=True,
    gflops=0.7,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_transpose(a: Array, out: Array) -> None:
    """The two loops compiled: out is written along its rows, A is read down its columns, a cache line an element."""
    m, k = a.shape
    for j in range(k):
        for i in range(m):
            out[j, i] = a[i, j]


@kernel(
    "numba_transpose_tiled",
    operation="transpose",
    rung=Rung.NUMBA,
    idea="tiles that stay in cache",
    compiled=True,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_transpose_tiled(a: Array, out: Array) -> None:
    """Tile by tile: of every cache line that is fetched all elements are used before it is dropped."""
    m, k = a.shape
    for j0 in range(0, k, TILE):
        for i0 in range(0, m, TILE):
            for j in range(j0, min(k, j0 + TILE)):
                for i in range(i0, min(m, i0 + TILE)):
                    out[j, i] = a[i, j]


@kernel(
    "numba_transpose_parallel",
    operation="transpose",
    rung=Rung.NUMBA,
    idea="bands of tiles on several cores",
    compiled=True,
    threaded_dtypes=DTYPES,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True)
def numba_transpose_parallel(a: Array, out: Array) -> None:
    """Bands of tiles go to several cores, which share one memory."""
    m, k = a.shape
    for band in prange((k + TILE - 1) // TILE):
        j0 = band * TILE
        for i0 in range(0, m, TILE):
            for j in range(j0, min(k, j0 + TILE)):
                for i in range(i0, min(m, i0 + TILE)):
                    out[j, i] = a[i, j]


@kernel(
    "numpy_transpose_view",
    operation="transpose",
    rung=Rung.NUMPY,
    idea="no copy at all: other strides",
    view=True,
    gflops=1e6,
)
def numpy_transpose_view(a: Array, _: Array | None = None) -> Array:
    """``A.T``: a new header over the same memory, in the same time for every n; who reads it pays."""
    return a.T


# -- the walk ----------------------------------------------------------------------------------------------------------


@kernel(
    "python_transpose_walk",
    operation="transpose_walk",
    rung=Rung.PYTHON,
    idea="two loops over lists",
    gflops=0.02,
    workspace=object_bytes,
)
def python_transpose_walk(a: Array, out: Array) -> None:
    """Row sums of the transposed array: every row of it is picked from all rows of A."""
    rows = a.tolist()
    for j in range(out.size):
        total = 0
        for row in rows:
            total += row[j]
        out[j] = total


@kernel(
    "numpy_walk_copy",
    operation="transpose_walk",
    rung=Rung.NUMPY,
    idea="a copy first, then along its rows",
    gflops=0.4,
    dispatches=lambda _: 2,
    workspace=lambda problem: problem.operand_bytes,
)
def numpy_walk_copy(a: Array, out: Array) -> None:
    """The transposed array copied into order, then summed: the copy costs more than it saves a single walk."""
    np.sum(np.ascontiguousarray(a.T), axis=1, out=out)


@kernel(
    "numpy_walk_view",
    operation="transpose_walk",
    rung=Rung.NUMPY,
    idea="the view: NumPy reorders the loops",
    gflops=1.0,
)
def numpy_walk_view(a: Array, out: Array) -> None:
    """``A.T.sum(axis=1)``: NumPy looks at the strides and walks along memory, whatever order was asked for."""
    np.sum(a.T, axis=1, out=out)


@kernel(
    "numba_walk_rows",
    operation="transpose_walk",
    rung=Rung.NUMBA,
    idea="compiled, along the view's rows",
    compiled=True,
    gflops=0.5,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_walk_rows(a: Array, out: Array) -> None:
    """Along the rows of the view, which are columns in memory: each element is in another cache line than the last."""
    m, k = a.shape
    for j in range(k):
        total = out.dtype.type(0)
        for i in range(m):
            total += a[i, j]
        out[j] = total


@kernel(
    "numba_walk_columns",
    operation="transpose_walk",
    rung=Rung.NUMBA,
    idea="loops exchanged: along memory, so SIMD",
    compiled=True,
    gflops=2.0,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_walk_columns(a: Array, out: Array) -> None:
    """The loops exchanged: along memory, into all sums at once, which vectorises without reordering any of them."""
    m, k = a.shape
    out[:] = 0
    for i in range(m):
        for j in range(k):
            out[j] += a[i, j]
