"""Tile sizes as laws: they hold for any caches, known or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.kernels.tiling import Tile, gemm_blocks, gemm_candidates, register_tile, tile_of_b
from matbench.model import DTYPES, ITEMSIZE, Caches

LINE = 64  # bytes
dtypes = st.sampled_from(DTYPES)
sizes = st.none() | st.integers(0, 2**40)
caches = st.builds(Caches, l1d=sizes, l2=sizes, l3=sizes)
real_l1d = st.integers(8 * 2**10, 2**20)  # bytes, from an early Atom to more than anything built
real_l2 = st.integers(128 * 2**10, 2**26)


@given(caches, dtypes)
def test_a_tile_is_positive_and_as_wide_as_whole_cache_lines(caches, dtype):
    tile = tile_of_b(caches, dtype)
    assert tile.depth >= 8
    assert tile.width >= 1
    assert tile.width * ITEMSIZE[dtype] % LINE == 0


@given(real_l1d, real_l2, dtypes)
def test_a_tile_takes_at_most_a_quarter_of_the_second_level_and_two_rows_a_quarter_of_the_first(l1d, l2, dtype):
    tile = tile_of_b(Caches(l1d=l1d, l2=l2), dtype)
    row = tile.width * ITEMSIZE[dtype]
    assert 2 * row <= l1d // 4
    if tile.depth > 8:  # eight rows are the least, even where a first level is as large as the second
        assert tile.depth * row <= l2 // 4


@given(real_l1d, real_l2, dtypes)
def test_most_of_what_a_tile_may_take_is_taken(l1d, l2, dtype):
    tile = tile_of_b(Caches(l1d=l1d, l2=l2), dtype)
    row = tile.width * ITEMSIZE[dtype]
    assert 2 * (row + LINE) > l1d // 4 - 2 * LINE
    assert (tile.depth + 1) * row > l2 // 4 - row


@given(real_l1d, real_l1d, real_l2, real_l2, dtypes)
def test_larger_caches_never_make_a_smaller_tile(one_l1d, other_l1d, one_l2, other_l2, dtype):
    (small_l1d, large_l1d), (small_l2, large_l2) = sorted((one_l1d, other_l1d)), sorted((one_l2, other_l2))
    least = tile_of_b(Caches(l1d=small_l1d, l2=small_l2), dtype)
    assert tile_of_b(Caches(l1d=large_l1d, l2=small_l2), dtype).width >= least.width
    assert tile_of_b(Caches(l1d=small_l1d, l2=large_l2), dtype).depth >= least.depth


@given(caches)
def test_smaller_elements_make_a_wider_tile_of_the_same_bytes(caches):
    wide, narrow = tile_of_b(caches, "float64"), tile_of_b(caches, "float32")
    assert narrow.width * 4 == wide.width * 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_unknown_caches_are_taken_for_small_ones(dtype):
    assert tile_of_b(Caches(), dtype) == tile_of_b(Caches(l1d=32 * 1024, l2=256 * 1024), dtype)


def test_the_third_level_does_not_matter():
    assert tile_of_b(Caches(l3=2**30), "float64") == tile_of_b(Caches(), "float64") == Tile(16, 512)


# -- the blocks of the generated product -------------------------------------------------------------------------------

registers = st.sampled_from([8, 16, 32])
lanes = st.sampled_from([1, 2, 4, 8, 16])


@given(registers, lanes, st.booleans())
def test_a_register_tile_fits_the_registers_and_has_enough_sums_to_hide_a_latency(count, width, fused):
    tile = register_tile(count, width, fused=fused)
    assert tile.rows * tile.vectors + tile.vectors + (1 if fused else 2) <= count
    assert tile.rows * tile.vectors >= count // 2 - 2
    assert tile.lanes == width


@pytest.mark.parametrize(
    ("count", "fused", "rows", "vectors"), [(16, False, 4, 2), (16, True, 4, 3), (32, True, 8, 3), (32, False, 8, 3)]
)
def test_known_processors_get_known_tiles(count, fused, rows, vectors):
    assert register_tile(count, 4, fused=fused) == (rows, vectors, 4)


@given(caches, registers, lanes, st.sampled_from([4, 8]))
def test_blocks_are_positive_whole_tiles(sizes, count, width, itemsize):
    tile = register_tile(count, width)
    blocks = gemm_blocks(sizes, tile, itemsize)
    assert min(blocks[:3]) >= 1
    assert blocks.mc % tile.rows == 0
    assert blocks.nc % (tile.vectors * tile.lanes) == 0


@given(real_l1d, real_l2, registers, st.sampled_from([4, 8]))
def test_what_is_read_again_leaves_a_third_of_the_first_level_and_half_of_the_second(l1d, l2, count, itemsize):
    tile = register_tile(count, 64 // itemsize)
    blocks = gemm_blocks(Caches(l1d=l1d, l2=l2), tile, itemsize)
    assert tile.rows * blocks.kc * itemsize <= 2 * l1d // 3
    if blocks.nc > tile.vectors * tile.lanes:  # one panel is the least, even where a first level is as large
        assert blocks.kc * blocks.nc * itemsize <= l2 // 2
    assert blocks.small <= l2 // 4


@given(caches, registers, lanes, st.sampled_from([4, 8]))
def test_candidates_begin_with_the_derived_blocks_and_are_whole_tiles_each_but_once(sizes, count, width, itemsize):
    tile = register_tile(count, width)
    found = gemm_candidates(sizes, tile, itemsize)
    assert found[0] == gemm_blocks(sizes, tile, itemsize)
    assert len(set(found)) == len(found)
    assert all(min(each[:3]) >= 1 for each in found)
    assert all(each.mc % tile.rows == 0 and each.nc % (tile.vectors * tile.lanes) == 0 for each in found)
    assert all(each[3:] == found[0][3:] for each in found)
