"""Every combination of the ideas obeys the laws of a product, and its machine code does what its name says."""

import dataclasses
import itertools

import numba
import numpy as np
import pytest

from matbench.analyse import attribution
from matbench.kernels.checks import check_kernel
from matbench.kernels.gemm import variants as ideas
from matbench.kernels.gemm.product import product
from matbench.kernels.gemm.recipe import blocks_of, full_recipe
from matbench.kernels.gemm.streaming import row_updates
from matbench.kernels.gemm.variants import FOOT, IDEAS, THREADS, combinations, name_of, variants
from matbench.kernels.jit import numba_missing
from matbench.kernels.machine_code import census, hot_loop
from matbench.kernels.oracle import largest_error, operands
from matbench.kernels.tiling import Tile, register_tile
from matbench.kernels.vectors import host_unit
from matbench.model import ITEMSIZE, Caches, Case, Problem

TINY = Caches(l1d=1024, l2=4096)  # bytes; so small that a few dozen elements are several blocks, and B is packed
REGISTRY = variants()
EVERY = frozenset(each.name for each in IDEAS)
SHAPES = (
    *itertools.product((0, 1, 5), repeat=3),
    (8, 24, 3),
    (9, 25, 40),
    (40, 40, 40),
    (33, 21, 40),
    (3, 40, 17),
    (40, 2, 7),
)  # m, n, k

pytestmark = pytest.mark.xdist_group("numba_gemm")
each_kernel = pytest.mark.parametrize("kernel", list(REGISTRY), ids=lambda kernel: kernel.name)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def integers(m, n, dtype, seed=0):
    return np.random.default_rng(seed).integers(-8, 9, (m, n)).astype(dtype)


def product_of(kernel, a, b):
    out = np.full((a.shape[0], b.shape[1]), np.nan, a.dtype)
    kernel.bind(str(a.dtype), TINY)(a, b, out)
    return out


# -- which there are ---------------------------------------------------------------------------------------------------


def test_a_combination_is_there_if_none_of_its_ideas_lacks_what_it_needs():
    found = set(combinations(EVERY))
    needs = {each.name: each.needs for each in IDEAS}
    every = (frozenset(some) for size in range(8) for some in itertools.combinations(EVERY, size))
    assert found == {some for some in every if all(needs[each] <= some for each in some)}
    assert (
        len(found) == 3 + 24
    )  # nothing, compiling or order alone; then SIMD, FMA, blocks and three of tile and packing


def test_the_told_order_never_adds_an_idea_before_what_it_needs():
    before = set()
    for each in (*IDEAS, THREADS):
        assert each.needs <= before
        before.add(each.name)


def test_readers_of_records_understand_the_names():
    for some in combinations(EVERY):
        name = name_of(some)
        assert attribution.is_combination(name)
        assert frozenset(attribution.ideas_of(name)) == some
        assert attribution.coalition_of(Case(name, Problem(1, 1, 1), threads=2)) == some | {THREADS.name}
    assert (THREADS.name, THREADS.words) == (attribution.THREADS, attribution.CORES)


def test_a_card_names_the_last_idea_that_a_combination_adds():
    assert REGISTRY.get(name_of(frozenset())).card.idea == FOOT
    assert REGISTRY.get(name_of(frozenset({"compile", "order", "simd"}))).card.idea == "SIMD"


def test_without_fused_instructions_the_idea_is_not_offered(monkeypatch):
    from matbench.kernels import vectors

    monkeypatch.setattr(vectors, "host_unit", lambda: vectors.VectorUnit(16, 16, fused=False))
    assert not [name for name in variants().names if "fma" in name]


def test_without_numba_the_reason_is_told(monkeypatch):
    from matbench.errors import KernelError

    monkeypatch.setattr(ideas, "numba_missing", lambda: "needs numba, which can't be imported")
    with pytest.raises(KernelError, match="it needs numba"):
        variants()


def test_the_ladder_does_not_know_them():
    from matbench.kernels import default_registry
    from matbench.operations import OPERATIONS

    assert not set(REGISTRY.names) & set(default_registry(*OPERATIONS).names)


# -- right in every combination ----------------------------------------------------------------------------------------


@dtypes
@each_kernel
def test_every_law_of_the_oracle_holds(kernel, dtype):
    assert numba_missing() is None
    assert check_kernel(kernel, kernel.bind(dtype, TINY), dtype).is_right
    for m, n, k in SHAPES:
        a, b = integers(m, k, dtype), integers(k, n, dtype, seed=1)
        np.testing.assert_array_equal(product_of(kernel, a, b), a @ b, err_msg=f"{m} x {n} x {k}")
        if m * n * k:
            a, b, _ = operands(Problem(m, n, k, dtype, seed=m))
            assert largest_error(a, b, product_of(kernel, a, b)) <= 1


@dtypes
@each_kernel
def test_nan_and_infinity_spread_as_in_numpy(kernel, dtype):
    a, b, _ = operands(Problem(m=9, n=29, k=11, dtype=dtype))
    a[0, 1], a[2, 3], a[4, :], b[6, 4], b[3, 5] = np.nan, np.inf, 0, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        due, out = a @ b, product_of(kernel, a, b)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(due))
    np.testing.assert_array_equal(np.isinf(out), np.isinf(due))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two processors")
@pytest.mark.parametrize("kernel", [each for each in REGISTRY if each.threaded_dtypes], ids=lambda kernel: kernel.name)
def test_two_threads_compute_what_one_does(kernel):
    a, b, _ = operands(Problem(m=131, n=150, k=140))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = product_of(kernel, a, b)
        numba.set_num_threads(2)
        np.testing.assert_array_equal(product_of(kernel, a, b), alone)
    finally:
        numba.set_num_threads(before)
    assert numba.get_num_threads() == before


@pytest.mark.parametrize("name", ["ideas.compile.order", "ideas.compile.order.simd"])
def test_rows_that_do_not_lie_side_by_side_are_refused(name):
    matmul = REGISTRY.get(name).bind("float64", TINY)
    a, b = integers(3, 3, "float64"), np.asfortranarray(integers(3, 3, "float64"))
    with pytest.raises(ValueError, match="give arrays in C order"):
        matmul(a, b, np.empty((3, 3)))


# -- what the machine code says ----------------------------------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("fused", [False, True], ids=["", "fma"])
@pytest.mark.parametrize("simd", [False, True], ids=["scalar", "simd"])
def test_without_a_register_tile_the_loop_has_the_vectors_and_the_fusing_that_were_asked_for(dtype, simd, fused):
    unit = host_unit()
    if fused and not unit.fused:
        pytest.skip("this processor has no fused instructions")
    recipe = full_recipe(dtype, unit)
    lanes = recipe.lanes if simd else 1
    made = type(recipe)(dtype=dtype, lanes=lanes, fused=fused, unroll=recipe.unroll, masks=recipe.masks)
    compiled = row_updates(made, Tile(8, 8)).func
    fresh = numba.njit(nogil=True)(compiled.py_func)
    a, b, out = operands(Problem(4, 4, 4, dtype))
    fresh(1, 1, a, b, out)
    found = census(hot_loop(fresh.inspect_asm(fresh.signatures[0]), dtype), dtype)
    assert (found.packed > 0, found.scalar > 0) == (simd, not simd)
    assert (found.fused > 0) == fused
    assert found.width == (lanes * ITEMSIZE[dtype] if simd else 0)
    assert found.stack == 0


def test_a_register_tile_of_single_elements_is_not_made_into_vectors_by_the_compiler():
    unit = host_unit()
    tile = register_tile(unit.registers, 1, fused=False)
    full = full_recipe("float64", unit)
    recipe = dataclasses.replace(full, lanes=1, fused=False, rows=tile.rows, vectors=tile.vectors)
    fresh = numba.njit(product(recipe, blocks_of(recipe, TINY)).func.py_func)
    fresh.compile((numba.int64, *(numba.typeof(each) for each in operands(Problem(4, 4, 4)))))
    found = census(hot_loop(fresh.inspect_asm(fresh.signatures[0]), "float64"), "float64")
    assert found.packed == 0
    assert found.fused == 0
    assert found.scalar >= 2 * tile.rows * tile.vectors
