"""The last rung in Numba: everything that BLAS does, generated in Python."""

from __future__ import annotations

import functools

from matbench.kernels.jit import numba_missing
from matbench.kernels.registry import FLOATS, Matmul, Rung, kernel
from matbench.model import Caches, Dtype, Problem

__all__ = ["numba_gemm"]


def _packed_bytes(problem: Problem) -> int:
    """B is packed block by block; what is not in rows side by side is copied as a whole."""
    return problem.operand_bytes if problem.layout == "F" else problem.itemsize * problem.k * problem.n


@kernel(
    "numba_gemm",
    rung=Rung.NUMBA,
    idea="register tiles, packing, explicit SIMD",
    dtypes=FLOATS,
    threaded_dtypes=FLOATS,
    compiled=True,
    from_caches=True,
    gflops=40.0,
    workspace=_packed_bytes,
    needs=numba_missing,
)
@functools.cache
def numba_gemm(caches: Caches, dtype: Dtype, cuts: tuple[int, int, int] | None = None) -> Matmul:
    """A tile of C stays in registers; B is packed into the second-level cache; vectors are written out explicitly."""
    # The generator needs Numba, which may be missing: then this kernel is on the ladder all the same.
    from matbench.kernels.gemm.product import product  # noqa: PLC0415
    from matbench.kernels.gemm.recipe import blocks_of, full_recipe  # noqa: PLC0415
    from matbench.kernels.vectors import host_unit  # noqa: PLC0415

    recipe = full_recipe(dtype, host_unit())
    blocks = blocks_of(recipe, caches)
    if cuts is not None:  # the caller knows better: see `matbench tune`
        mc, kc, nc = cuts
        blocks = blocks._replace(mc=mc, kc=kc, nc=nc)
    return product(recipe, blocks)
