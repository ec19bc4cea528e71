"""What is packed, and where a problem is cut: arithmetic on addresses, asked without compiling it."""

import pytest

from matbench.kernels.gemm.product import SPLIT_PAYS, cuts_for
from matbench.kernels.gemm.recipe import full_recipe
from matbench.kernels.gemm.views import Operands, Tables, View
from matbench.kernels.tiling import Blocks
from matbench.kernels.vectors import VectorUnit
from matbench.measure.bench import FIRST_ROWS

AVX512 = Tables(0, 0, itemsize=8, lanes=8, rows=8, vectors=3)
BLOCKS = Blocks(mc=8, kc=512, nc=240, small=512 * 1024, few=16)
NEVER = 2**40


def packs_b(m, n, *, begins=0, row_bytes=None, blocks=BLOCKS):
    b = View(4096 + begins, 8 * n if row_bytes is None else row_bytes, 8)
    rows = View(4096, 8 * n, 8)
    return bool(cuts_for.py_func(AVX512, blocks, Operands(rows, b, rows, m, n, n)).pack_b)


@pytest.mark.parametrize(
    ("m", "n", "packs"), [(240, 240, False), (256, 256, True), (2000, 120, False), (16, 500, False), (17, 500, True)]
)
def test_a_b_of_a_quarter_of_the_cache_is_packed_if_enough_rows_pass_by(m, n, packs):
    assert packs_b(m, n) is packs


@pytest.mark.parametrize("begins", [8, 16, 32, 56])
def test_a_b_whose_vectors_lie_across_two_lines_is_packed_from_128_rows_on(begins):
    assert packs_b(128, 128, begins=begins)
    assert not packs_b(127, 128, begins=begins)


def test_it_is_where_rows_begin_that_counts_and_not_the_first_alone():
    assert not packs_b(200, 200)
    assert packs_b(200, 200, row_bytes=8 * 201)
    assert not packs_b(200, 200, row_bytes=8 * 208)
    assert not packs_b(200, 200, row_bytes=-8 * 200)


def test_nothing_is_packed_where_the_recipe_leaves_that_out():
    assert not packs_b(1000, 1000, begins=8, blocks=BLOCKS._replace(small=NEVER, few=NEVER))


def cuts(m, n, k, *, across=8, blocks=BLOCKS):
    a, b, c = View(4096, 8 * k, 8), View(4096, 8 * n, across), View(4096, 8 * n, 8)
    return cuts_for.py_func(AVX512, blocks, Operands(a, b, c, m, n, k))


@pytest.mark.parametrize(("m", "kc", "nc"), [(24, 64, 1920), (32, 64, 1920), (64, 128, 960), (255, 510, 240)])
def test_few_rows_meet_flat_blocks_of_a_large_b_that_are_as_large_as_others(m, kc, nc):
    assert cuts(m, 4000, 1000)[1:3] == (kc, nc)


@pytest.mark.parametrize(
    ("m", "n", "k", "more"),
    [
        (256, 4000, 1000, {}),
        (32, 4000, 64, {}),  # no higher than a flat block
        (32, 240, 4000, {}),  # no wider than a block
        (32, 4000, 1000, {"across": 8 * 1000}),  # B in columns
    ],
)
def test_blocks_are_what_they_are_where_flat_ones_gain_nothing(m, n, k, more):
    assert cuts(m, n, k, **more)[1:3] == (min(512, k), 240)


def test_a_large_b_that_passes_by_once_is_read_along_a_few_rows():
    assert cuts(16, 4000, 1000)[1:] == (16, 4000, 0, 0)


def test_nothing_is_cut_where_the_recipe_leaves_that_out():
    uncut = BLOCKS._replace(mc=NEVER, kc=NEVER, nc=NEVER)
    assert cuts(32, 4000, 1000, blocks=uncut) == (32, 1000, 4000, 0, 1)


@pytest.mark.parametrize(("vector_bytes", "registers"), [(16, 16), (32, 16), (16, 32), (64, 32)])
def test_the_first_product_that_a_run_times_needs_all_that_a_large_one_compiles(vector_bytes, registers):
    tile = full_recipe("float64", VectorUnit(vector_bytes, registers, fused=True))
    assert SPLIT_PAYS * tile.rows <= FIRST_ROWS
