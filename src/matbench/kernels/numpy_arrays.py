"""Thinking in arrays: four ways to let NumPy run the loops, none of which calls BLAS."""

from __future__ import annotations

import numpy as np

from matbench.kernels.registry import Array, Rung, kernel

__all__ = ["numpy_broadcast", "numpy_einsum", "numpy_outer", "numpy_rows"]


@kernel(
    "numpy_rows",
    rung=Rung.NUMPY,
    idea="the inner loop is one operation on a row",
    gflops=1.0,
    dispatches=lambda problem: 3 * problem.m * problem.k,
    workspace=lambda problem: problem.itemsize * problem.n,
)
def numpy_rows(a: Array, b: Array, out: Array) -> None:
    """Each row of C is a sum of scaled rows of B: one array operation replaces the inner loop."""
    m, k = a.shape
    out[...] = 0
    for i in range(m):
        row = out[i]
        for p in range(k):
            row += a[i, p] * b[p]


@kernel(
    "numpy_outer",
    rung=Rung.NUMPY,
    idea="two loops are one outer product",
    gflops=1.2,
    dispatches=lambda problem: 3 * problem.k,
    workspace=lambda problem: problem.itemsize * problem.m * problem.n,
)
def numpy_outer(a: Array, b: Array, out: Array) -> None:
    """C is a sum of k outer products, a column of A times a row of B: two loops become one operation."""
    out[...] = 0
    for p in range(a.shape[1]):
        out += np.multiply.outer(a[:, p], b[p])


@kernel(
    "numpy_broadcast",
    rung=Rung.NUMPY,
    idea="no loop at all, but m n k elements of memory",
    gflops=0.2,
    dispatches=lambda _: 2,
    workspace=lambda problem: problem.itemsize * problem.m * problem.n * problem.k,
)
def numpy_broadcast(a: Array, b: Array, out: Array) -> None:
    """All products at once by broadcasting, then one sum: no Python loop, but an m x k x n array in memory."""
    np.sum(a[:, :, None] * b[None, :, :], axis=1, out=out)


@kernel("numpy_einsum", rung=Rung.NUMPY, idea="the formula as a string, no temporary", gflops=2.0)
def numpy_einsum(a: Array, b: Array, out: Array) -> None:
    """The index formula itself: NumPy's own C loop, no temporary, no BLAS."""
    np.einsum("ip,pj->ij", a, b, out=out, optimize=False)
