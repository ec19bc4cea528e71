"""Proof in the machine code: each compiled rung does with the hardware what its idea says."""

import functools
import inspect
import platform

import pytest

from matbench.kernels import default_registry
from matbench.kernels.ceilings import CHAINS, fma_chains, vector_lanes, why_no_chains
from matbench.kernels.machine_code import assembly, census, counted, hot_loop, instructions
from matbench.model import ITEMSIZE, Caches
from matbench.operations import OPERATIONS

CACHES = Caches(l1d=1024, l2=4096)


def host_lacks(*features):
    """Why the machine code can't be judged here, or None."""
    if why_no_chains():
        return why_no_chains()
    if platform.machine() not in {"x86_64", "AMD64"}:
        return f"what is expected is expected of x86-64, this is {platform.machine()}"
    from llvmlite import binding

    missing = [each for each in features if not binding.get_host_cpu_features().get(each)]
    return f"this processor has no {' and no '.join(missing)}" if missing else None


# -- what is claimed ---------------------------------------------------------------------------------------------------


def moves(loop):
    """Nothing is computed."""
    assert (loop.packed, loop.scalar) == (0, 0)


def is_scalar(loop):
    """Sums may not be reordered: one element at a time."""
    assert loop.scalar
    assert (loop.packed, loop.width) == (0, 0)


def is_packed(loop):
    """Vectors alone, and without permission to contract nothing fused."""
    assert loop.packed
    assert (loop.scalar, loop.fused) == (0, 0)
    assert loop.width >= 32


def is_fused(loop):
    """Vectors alone, and every instruction multiplies and adds."""
    assert loop.fused == loop.packed > 0
    assert loop.scalar == 0
    assert loop.width >= 32


CLAIMS = {
    "numba_ijk": is_scalar,
    "numba_ikj": is_packed,
    "numba_ikj_fma": is_fused,
    "numba_tiled": is_fused,
    "numba_parallel": is_fused,
    "numba_gemm": is_fused,
    "numba_matvec": is_scalar,
    "numba_matvec_simd": is_fused,
    "numba_matvec_parallel": is_fused,
    "numba_transpose": moves,
    "numba_transpose_tiled": moves,
    "numba_transpose_parallel": moves,
    "numba_walk_rows": is_scalar,
    "numba_walk_columns": is_packed,
    "numba_norm": is_scalar,
    "numba_norm_simd": is_fused,
    "numba_norm_parallel": is_fused,
    "numba_broadcast_scalar": is_packed,
    "numba_broadcast_scalar_parallel": is_packed,
    "numba_broadcast_rows": is_packed,
    "numba_broadcast_rows_parallel": is_packed,
    "numba_broadcast_outer": is_packed,
    "numba_broadcast_outer_parallel": is_packed,
    "numba_inverse": is_packed,
    "numba_determinant": is_packed,
    "numba_eigenvalues_jacobi": is_packed,
    "numba_eigenvalues_qr": is_packed,
    "numba_svd_jacobi": is_fused,
}
LADDER = ("numba_ijk", "numba_ikj", "numba_ikj_fma", "numba_tiled", "numba_parallel")
JUDGED = (
    *((name, "float64") for name in CLAIMS if name != "numba_gemm"),  # judged with its generator: test_gemm_generated
    *((name, "float32") for name in (*LADDER, "numba_matvec", "numba_matvec_simd", "numba_norm")),
    ("numba_ikj", "int64"),
)

needs_fma = pytest.mark.skipif(host_lacks("avx2", "fma") is not None, reason=str(host_lacks("avx2", "fma")))
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
pytestmark = pytest.mark.xdist_group("machine code")


@functools.cache
def text_of(name, dtype):
    return assembly(default_registry(*OPERATIONS).get(name), dtype, CACHES)


@needs_fma
@pytest.mark.parametrize(("name", "dtype"), JUDGED)
def test_every_compiled_kernel_does_with_the_hardware_what_is_claimed_of_it(name, dtype):
    found = counted(text_of(name, dtype), dtype)
    CLAIMS[name](found.loop)


def test_something_is_claimed_of_every_compiled_kernel():
    assert set(CLAIMS) == {each.name for each in default_registry(*OPERATIONS) if each.compiled}


@needs_fma
@dtypes
@pytest.mark.parametrize("name", LADDER)
def test_no_hot_loop_needs_the_stack(name, dtype):
    assert census(hot_loop(text_of(name, dtype), dtype), dtype).stack == 0


@needs_fma
@pytest.mark.parametrize(
    ("dtype", "lanes"),
    [(dtype, lanes) for dtype in ("float64", "float32") for lanes in (() if why_no_chains() else vector_lanes(dtype))],
)
def test_chains_use_the_register_that_their_width_says_and_none_is_optimised_away(dtype, lanes):
    run, _ = fma_chains(dtype, lanes)
    run(1, 2)
    function = inspect.getclosurevars(run).nonlocals["alone"]
    found = instructions(function.inspect_asm(function.signatures[-1]), dtype)
    fused = [each for each in found if each.operation == "multiply-add"]
    assert {(each.packed, each.width) for each in fused} == {(lanes > 1, max(16, lanes * ITEMSIZE[dtype]))}
    # The loop may be unrolled, but every copy of it has to hold all chains; if the compiler could foresee one, it
    # would leave it out, and the peak would come out too high.
    assert len(fused) % CHAINS == 0
    assert not any(each.packed and each.operation == "multiply" for each in found)
