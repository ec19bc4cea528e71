"""The Euclidean norm: one pass over the elements, two operations each."""

from __future__ import annotations

import math

import numpy as np

from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.operations.workspace import object_bytes
from matbench.kernels.registry import FLOATS, Array, Rung, kernel

__all__ = ["numba_norm", "numba_norm_parallel", "numba_norm_simd", "numpy_norm", "numpy_norm_squares", "python_norm"]


@kernel(
    "python_norm",
    operation="norm",
    rung=Rung.PYTHON,
    idea="one loop over a list",
    dtypes=FLOATS,
    gflops=0.03,
    workspace=object_bytes,
)
def python_norm(v: Array, out: Array) -> None:
    """The definition as a loop: the root of the sum of squares."""
    total = 0.0
    for x in v.tolist():
        total += x * x
    out[0] = math.sqrt(total)


@kernel(
    "numpy_norm_squares",
    operation="norm",
    rung=Rung.NUMPY,
    idea="array operations with a temporary",
    dtypes=FLOATS,
    gflops=1.0,
    dispatches=lambda _: 3,
    workspace=lambda problem: problem.operand_bytes,
)
def numpy_norm_squares(v: Array, out: Array) -> None:
    """``sqrt(sum(v * v))``: no Python loop, but the squares go to memory and come back."""
    out[0] = np.sqrt(np.sum(v * v))


@kernel(
    "numba_norm",
    operation="norm",
    rung=Rung.NUMBA,
    idea="compiled, same loop",
    dtypes=FLOATS,
    compiled=True,
    gflops=1.5,
    needs=numba_missing,
)
@njit(nogil=True)
def numba_norm(v: Array, out: Array) -> None:
    """The loop compiled: no temporary, but each addition waits for the last one."""
    total = out.dtype.type(0)
    for i in range(v.size):
        total += v[i] * v[i]
    out[0] = math.sqrt(total)


@kernel(
    "numba_norm_simd",
    operation="norm",
    rung=Rung.NUMBA,
    idea="the sum may be reordered, so SIMD",
    dtypes=FLOATS,
    compiled=True,
    gflops=4.0,
    needs=numba_missing,
)
@njit(nogil=True, fastmath={"reassoc", "contract"})
def numba_norm_simd(v: Array, out: Array) -> None:
    """The same loop with leave to reorder the sum: vectors of partial sums, until memory can't keep up."""
    total = out.dtype.type(0)
    for i in range(v.size):
        total += v[i] * v[i]
    out[0] = math.sqrt(total)


@kernel(
    "numba_norm_parallel",
    operation="norm",
    rung=Rung.NUMBA,
    idea="parts of the sum on several cores",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    compiled=True,
    gflops=4.0,
    needs=numba_missing,
)
@njit(nogil=True, parallel=True, fastmath={"reassoc", "contract"})
def numba_norm_parallel(v: Array, out: Array) -> None:
    """Each core sums a part: worth it while the parts are in the cores' own caches."""
    total = out.dtype.type(0)
    for i in prange(v.size):
        total += v[i] * v[i]
    out[0] = math.sqrt(total)


@kernel(
    "numpy_norm",
    operation="norm",
    rung=Rung.BLAS,
    idea="the library behind np.linalg.norm",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    gflops=4.0,
    dispatches=lambda _: 4,
)
def numpy_norm(v: Array, out: Array) -> None:
    """``np.linalg.norm(v)``: a dot product of BLAS with itself, and a root."""
    out[0] = np.linalg.norm(v)
