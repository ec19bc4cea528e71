"""Broadcasting: the smaller operand is stretched in thought only; one operation for 16 bytes or more that move."""

from __future__ import annotations

import numpy as np

from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.operations.workspace import object_bytes
from matbench.kernels.registry import Array, Rung, kernel
from matbench.model import DTYPES

__all__ = [
    "numba_broadcast_outer",
    "numba_broadcast_outer_parallel",
    "numba_broadcast_rows",
    "numba_broadcast_rows_parallel",
    "numba_broadcast_scalar",
    "numba_broadcast_scalar_parallel",
    "numpy_broadcast_outer",
    "numpy_broadcast_rows",
    "numpy_broadcast_rows_stretched",
    "numpy_broadcast_scalar",
    "python_broadcast_outer",
    "python_broadcast_rows",
    "python_broadcast_scalar",
]


# -- v + 1 -------------------------------------------------------------------------------------------------------------


@kernel(
    "python_broadcast_scalar",
    operation="broadcast_scalar",
    rung=Rung.PYTHON,
    idea="one loop over a list",
    gflops=0.02,
    workspace=object_bytes,
)
def python_broadcast_scalar(v: Array, out: Array) -> None:
    """One to every element, one after the other."""
    out[:] = [x + 1 for x in v.tolist()]


@kernel(
    "numpy_broadcast_scalar",
    operation="broadcast_scalar",
    rung=Rung.NUMPY,
    idea="v + 1: the loop in C, with SIMD",
    gflops=1.0,
)
def numpy_broadcast_scalar(v: Array, out: Array) -> None:
    """``v + 1``: one call, whose loop in C works on whole vectors of the processor."""
    np.add(v, 1, out=out)


@kernel(
    "numba_broadcast_scalar",
    operation="broadcast_scalar",
    rung=Rung.NUMBA,
    idea="the loop compiled",
    compiled=True,
    gflops=1.0,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_broadcast_scalar(v: Array, out: Array) -> None:
    """The loop compiled: what NumPy has in its C, and no faster, for memory sets the pace of both."""
    one = out.dtype.type(1)
    for i in range(v.size):
        out[i] = v[i] + one


@kernel(
    "numba_broadcast_scalar_parallel",
    operation="broadcast_scalar",
    rung=Rung.NUMBA,
    idea="parts on several cores",
    compiled=True,
    threaded_dtypes=DTYPES,
    gflops=1.0,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True)
def numba_broadcast_scalar_parallel(v: Array, out: Array) -> None:
    """Parts on several cores, which share one memory."""
    one = out.dtype.type(1)
    for i in prange(v.size):
        out[i] = v[i] + one


# -- A * v -------------------------------------------------------------------------------------------------------------


@kernel(
    "python_broadcast_rows",
    operation="broadcast_rows",
    rung=Rung.PYTHON,
    idea="two loops over lists",
    gflops=0.02,
    workspace=object_bytes,
)
def python_broadcast_rows(a: Array, v: Array, out: Array) -> None:
    """Every row times the vector, element by element."""
    vector = v.tolist()
    for i, row in enumerate(a.tolist()):
        out[i] = [x * y for x, y in zip(row, vector, strict=True)]


@kernel(
    "numpy_broadcast_rows_stretched",
    operation="broadcast_rows",
    rung=Rung.NUMPY,
    idea="the vector stretched in memory first",
    gflops=0.5,
    dispatches=lambda _: 2,
    workspace=lambda problem: problem.operand_bytes,
)
def numpy_broadcast_rows_stretched(a: Array, v: Array, out: Array) -> None:
    """``A * np.tile(v, (m, 1))``: what broadcasting only pretends is done for real, and costs a matrix of memory."""
    np.multiply(a, np.tile(v, (a.shape[0], 1)), out=out)


@kernel(
    "numpy_broadcast_rows",
    operation="broadcast_rows",
    rung=Rung.NUMPY,
    idea="A * v: stretched by a stride of 0",
    gflops=1.0,
)
def numpy_broadcast_rows(a: Array, v: Array, out: Array) -> None:
    """``A * v``: the same row of memory is read for every row of A, and so stays in cache."""
    np.multiply(a, v, out=out)


@kernel(
    "numba_broadcast_rows",
    operation="broadcast_rows",
    rung=Rung.NUMBA,
    idea="the two loops compiled",
    compiled=True,
    gflops=1.0,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_broadcast_rows(a: Array, v: Array, out: Array) -> None:
    """The two loops compiled; the inner one vectorises, for its elements do not wait for each other."""
    m, k = a.shape
    for i in range(m):
        for j in range(k):
            out[i, j] = a[i, j] * v[j]


@kernel(
    "numba_broadcast_rows_parallel",
    operation="broadcast_rows",
    rung=Rung.NUMBA,
    idea="rows on several cores",
    compiled=True,
    threaded_dtypes=DTYPES,
    gflops=1.0,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True)
def numba_broadcast_rows_parallel(a: Array, v: Array, out: Array) -> None:
    """Rows on several cores, which share one memory."""
    m, k = a.shape
    for i in prange(m):
        for j in range(k):
            out[i, j] = a[i, j] * v[j]


# -- v[:, None] * w ----------------------------------------------------------------------------------------------------


@kernel(
    "python_broadcast_outer",
    operation="broadcast_outer",
    rung=Rung.PYTHON,
    idea="two loops over lists",
    gflops=0.03,
    workspace=object_bytes,
)
def python_broadcast_outer(v: Array, w: Array, out: Array) -> None:
    """Every element of v times every element of w."""
    row = w.tolist()
    for i, x in enumerate(v.tolist()):
        out[i] = [x * y for y in row]


@kernel(
    "numpy_broadcast_outer",
    operation="broadcast_outer",
    rung=Rung.NUMPY,
    idea="v[:, None] * w: both stretched",
    gflops=1.5,
)
def numpy_broadcast_outer(v: Array, w: Array, out: Array) -> None:
    """``v[:, None] * w``: a column and a row, each stretched over the other; only the result takes memory."""
    np.multiply(v[:, None], w, out=out)


@kernel(
    "numba_broadcast_outer",
    operation="broadcast_outer",
    rung=Rung.NUMBA,
    idea="the two loops compiled",
    compiled=True,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_broadcast_outer(v: Array, w: Array, out: Array) -> None:
    """The two loops compiled; how fast memory takes what is written is all that counts."""
    for i in range(v.size):
        for j in range(w.size):
            out[i, j] = v[i] * w[j]


@kernel(
    "numba_broadcast_outer_parallel",
    operation="broadcast_outer",
    rung=Rung.NUMBA,
    idea="rows on several cores",
    compiled=True,
    threaded_dtypes=DTYPES,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True)
def numba_broadcast_outer_parallel(v: Array, w: Array, out: Array) -> None:
    """Rows on several cores, which share one memory."""
    for i in prange(v.size):
        for j in range(w.size):
            out[i, j] = v[i] * w[j]
