"""Tile sizes as laws: they hold for any caches, known or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.kernels.tiling import Tile, tile_of_b
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
