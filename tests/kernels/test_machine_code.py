"""Proof in the machine code: each compiled rung does with the hardware what its idea says."""

import functools
import inspect
import platform

import pytest

from matbench.kernels import default_registry
from matbench.kernels.ceilings import CHAINS, fma_chains, vector_lanes, why_no_chains
from matbench.kernels.machine_code import assembly, census, hot_loop, instructions
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


needs_fma = pytest.mark.skipif(host_lacks("avx2", "fma") is not None, reason=str(host_lacks("avx2", "fma")))
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
pytestmark = pytest.mark.xdist_group("machine code")


@functools.cache
def text_of(name, dtype):
    return assembly(default_registry(*OPERATIONS).get(name), dtype, CACHES)


@needs_fma
@dtypes
@pytest.mark.parametrize("name", ["numba_ijk", "numba_matvec", "numba_norm"])
def test_a_loop_whose_sums_may_not_be_reordered_is_scalar(name, dtype):
    loop, whole = census(hot_loop(text_of(name, dtype), dtype), dtype), census(text_of(name, dtype), dtype)
    assert loop.scalar
    assert (whole.packed, whole.fused, whole.width) == (0, 0, 0)


@needs_fma
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("numba_ikj", "float64"),
        ("numba_ikj", "float32"),
        ("numba_ikj", "int64"),
        ("numba_broadcast_rows", "float64"),
        ("numba_broadcast_outer", "float64"),
    ],
)
def test_a_loop_along_rows_is_vectorised_and_not_fused(name, dtype):
    loop = census(hot_loop(text_of(name, dtype), dtype), dtype)
    assert loop.packed
    assert (loop.scalar, loop.fused) == (0, 0)
    assert loop.width >= 32


@needs_fma
@dtypes
@pytest.mark.parametrize("name", ["numba_ikj_fma", "numba_tiled", "numba_parallel", "numba_matvec_simd"])
def test_with_permission_to_contract_the_vector_loop_is_fused(name, dtype):
    loop = census(hot_loop(text_of(name, dtype), dtype), dtype)
    assert loop.fused == loop.packed > 0
    assert loop.scalar == 0
    assert loop.width >= 32


@needs_fma
@dtypes
@pytest.mark.parametrize("name", ["numba_ijk", "numba_ikj", "numba_ikj_fma", "numba_tiled", "numba_parallel"])
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
