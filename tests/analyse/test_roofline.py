from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.ladder import tabulate
from matbench.analyse.nests import NESTS, ROWS_A_TASK, Loop, Nest, Operand, levels, moved, tile, traffic
from matbench.analyse.roofline import PEAK, limits, lowest, roofs, roofs_of
from matbench.analyse.rows import Interval, Row, Table
from matbench.kernels import numba_loops
from matbench.kernels.tiling import tile_of_b
from matbench.model import ITEMSIZE, Caches, Case, KernelCard, Problem
from matbench.record.store import find_records, read_record

RESULTS = Path(__file__).parents[2] / "results"
SMALL = Caches(l1d=32 * 1024, l2=256 * 1024, l3=8 * 2**20)
ENDLESS = 2**50


def cube(n, dtype="float64"):
    return Problem(n, n, n, dtype=dtype)


def nests(kernel, n, caches=SMALL):
    return NESTS[kernel](cube(n), n, caches)


def bytes_into(kernel, n, above, caches=SMALL):
    return sum(moved(nest, above, 8) for nest in nests(kernel, n, caches))


def row_at(kernel, problem, gflops, threads=1):
    seconds = problem.flops / gflops / 1e9
    card = KernelCard(kernel, "any", "any")
    return Row(Case(kernel, problem, threads), card, Interval(seconds), Interval(gflops * 1e9))


def table_of(*rows, peaks=None, bandwidths=None):
    told = {key: Interval(value) for key, value in (peaks or {}).items()}
    streams = {key: Interval(value) for key, value in (bandwidths or {}).items()}
    return Table("m", "c", "python_lists", rows, told, streams)


# -- bytes counted from loops ------------------------------------------------------------------------------------------


def test_the_innermost_loop_keeps_its_sum_in_a_register():
    n = 64
    assert bytes_into("numba_ijk", n, 0) == 8 * (2 * n**3 + n**2)


def test_a_sum_along_rows_is_read_and_written_each_time_but_the_first():
    n = 64
    assert bytes_into("numba_ikj", n, 0) == 8 * (n**2 + n**3 + 2 * n**3 - n**2)


def test_walking_down_columns_moves_a_whole_line_for_each_element():
    n = 1024
    lines_of_b, a_again = 64 * n**3, 8 * n**3
    assert bytes_into("numba_ijk", n, SMALL.l1d) == pytest.approx(lines_of_b + a_again, rel=0.02)
    assert bytes_into("numba_ijk", n, SMALL.l2) == pytest.approx(8 * n**3, rel=0.02)


def test_walking_along_rows_moves_b_for_each_row_of_a_until_b_fits():
    n = 512
    assert bytes_into("numba_ikj", n, SMALL.l2) == 8 * (n**3 + 2 * n**2)
    assert bytes_into("numba_ikj", n, 4 * 2**20) == 8 * 3 * n**2


def test_tiles_are_fetched_once_and_rows_of_c_once_a_tile():
    n = 1024
    depth, width = tile(SMALL, 8)
    c_lines = 2 * n**2 * (n / depth) - n**2
    a_lines = n**2 * max(1.0, n / width)
    assert bytes_into("numba_tiled", n, SMALL.l2) == pytest.approx(8 * (n**2 + a_lines + c_lines))


def test_parallel_loops_fetch_all_of_b_for_each_task():
    n = 1024
    b_lines = n**2 * n / ROWS_A_TASK
    assert bytes_into("numba_parallel", n, SMALL.l2) == pytest.approx(8 * (b_lines + 2 * n**2), rel=0.02)


def test_the_rows_of_a_task_are_those_of_the_kernel():
    assert numba_loops.ROWS_A_TASK == ROWS_A_TASK


def test_all_products_at_once_are_written_and_read():
    n = 128
    assert bytes_into("numpy_broadcast", n, SMALL.l2) >= 8 * 2 * n**3


@pytest.mark.parametrize("kernel", sorted(set(NESTS) - {"numpy_rows", "numpy_outer", "numpy_broadcast"}))
def test_a_cache_that_holds_everything_gets_each_operand_once(kernel):
    assert bytes_into(kernel, 256, ENDLESS) == cube(256).operand_bytes
    assert bytes_into(kernel, 256, None) == cube(256).operand_bytes


@given(st.sampled_from(sorted(NESTS)), st.integers(1, 1500), st.integers(10, 30))
def test_a_larger_cache_never_gets_more_bytes(kernel, n, power):
    assert bytes_into(kernel, n, 2 ** (power + 1)) <= bytes_into(kernel, n, 2**power) * (1 + 1e-12)


@given(st.sampled_from(sorted(NESTS)), st.integers(8, 1500), st.integers(10, 26))
def test_no_kernel_is_counted_below_what_any_order_moves(kernel, n, power):
    caches = Caches(l1d=2**power, l2=2 ** (power + 3), l3=2 ** (power + 6))
    counted = {each.level: each.bytes for each in traffic(Case(kernel, cube(n)), caches)}
    least = {each.level: each.bytes for each in traffic(Case("unknown", cube(n)), caches)}
    assert all(counted[level] >= 0.999 * least[level] for level in least)


def test_an_unknown_kernel_is_told_the_least_that_any_order_moves():
    case = Case("numpy_matmul", cube(4096))
    (found,) = [each for each in traffic(case, SMALL) if each.level == "L3"]
    room = SMALL.l2 / 8
    assert found.bytes == pytest.approx(8 * (2 * 4096**3 / room**0.5 - 2 * room))
    assert not found.counted
    assert "L1" not in {each.level for each in traffic(case, SMALL)}


def test_another_operation_than_the_product_is_told_its_operands():
    problem = Problem(64, 64, 64, operation="matvec")
    assert {each.bytes for each in traffic(Case("numpy_matvec", problem), SMALL)} == {float(problem.operand_bytes)}


@given(st.integers(1, 8))
def test_threads_move_what_their_shares_of_the_rows_move(threads):
    case = Case("numba_parallel", cube(512), threads)
    found = {each.level: each.bytes for each in traffic(case, SMALL)}
    share = NESTS["numba_parallel"](cube(512), 512 / threads, SMALL)
    assert found["L2"] == pytest.approx(threads * sum(moved(nest, SMALL.l1d, 8) for nest in share))
    assert found["memory"] == sum(moved(nest, SMALL.l3, 8) for nest in nests("numba_parallel", 512))


def test_threads_with_caches_of_their_own_hold_more_together_than_one():
    problem = cube(150)  # more than one second-level cache, less than four
    assert SMALL.l2 < problem.operand_bytes < 4 * SMALL.l2
    for threads, held in ((1, False), (4, True)):
        found = {each.level: each.resident for each in traffic(Case("unknown", problem, threads), SMALL)}
        assert found == {"L2": False, "L3": held, "memory": True}


def test_a_level_is_no_limit_once_the_cache_above_holds_all():
    found = {each.level: each.resident for each in traffic(Case("numba_ikj", cube(100)), SMALL)}
    assert found == {"L1": False, "L2": False, "L3": True, "memory": True}


@given(
    st.one_of(st.none(), st.integers(4096, 2**20)),
    st.one_of(st.none(), st.integers(4096, 2**24)),
    st.sampled_from(["float64", "float32", "int64"]),
)
def test_the_tile_that_is_counted_is_the_one_that_the_kernels_use(l1d, l2, dtype):
    caches = Caches(l1d=l1d, l2=l2)
    assert tile(caches, ITEMSIZE[dtype]) == tuple(tile_of_b(caches, dtype))


@pytest.mark.parametrize(
    ("caches", "names"),
    [
        (Caches(), ["memory"]),
        (Caches(l1d=1), ["L1", "memory"]),
        (Caches(l2=1, l3=1), ["L3", "memory"]),
        (SMALL, ["L1", "L2", "L3", "memory"]),
    ],
)
def test_only_known_caches_are_levels(caches, names):
    assert [level.name for level in levels(caches)] == names
    assert [each.level for each in traffic(Case("numba_ijk", cube(8)), caches)] == names


def test_an_empty_nest_of_one_element_is_counted():
    assert moved(Nest((Loop("i", 1),), (Operand("i", "read"),)), 0, 8) == 8


# -- ceilings ----------------------------------------------------------------------------------------------------------


def test_of_reading_and_triad_the_higher_is_the_roof_and_levels_stand_in_their_order():
    table = table_of(bandwidths={"read/1": 10e9, "triad/1": 12e9, "read_l2/1": 80e9, "read/2": 20e9, "odd_l9/1": 1.0})
    assert [tuple(roof) for roof in roofs(table, 1)] == [("L2", 80e9), ("memory", 12e9)]
    assert [tuple(roof) for roof in roofs(table, 2)] == [("memory", 20e9)]


def test_a_level_that_was_found_slower_than_one_behind_it_is_no_roof():
    told = {"read_l1/2": 5e9, "read_l2/2": 200e9, "read_l3/2": 50e9, "triad/2": 60e9}
    assert [roof.level for roof in roofs(table_of(bandwidths=told), 2)] == ["L2", "memory"]
    assert [roof.level for roof in roofs_of(table_of(bandwidths=told).bandwidths, 2)] == ["L1", "L2", "L3", "memory"]


def test_the_lowest_ceiling_is_the_peak_where_bytes_are_few():
    row = row_at("numpy_matmul", cube(2048), 50)
    table = table_of(row, peaks={"float64/1": 60e9}, bandwidths={"read/1": 10e9})
    found = limits(row, table, SMALL)
    assert [limit.name for limit in found] == [PEAK, "memory"]
    assert lowest(found).name == PEAK
    assert lowest(found).share == pytest.approx(50 / 60)


def test_the_lowest_ceiling_is_a_bandwidth_where_bytes_are_many():
    row = row_at("numba_ijk", cube(2048), 1.0)
    table = table_of(row, peaks={"float64/1": 60e9}, bandwidths={"read/1": 10e9, "read_l2/1": 60e9})
    limit = lowest(limits(row, table, SMALL))
    assert (limit.name, limit.counted) == ("L2", True)
    assert limit.rate == pytest.approx(60e9 * 2 / (64 + 8), rel=0.02)


def test_without_a_rate_or_a_ceiling_there_is_no_limit():
    row = row_at("numba_ijk", cube(64), 1.0)
    assert limits(row, table_of(row), SMALL) == ()
    assert lowest(()) is None
    assert limits(Row(row.case, row.card), table_of(row, peaks={"float64/1": 1e9}), SMALL) == ()


@pytest.mark.parametrize("path", find_records(RESULTS), ids=lambda path: path.stem)
def test_no_row_of_the_records_kept_is_above_its_roof(path):
    record = read_record(path)
    table, caches = tabulate(record), record.header.host.caches
    lows = {row.case: lowest(limits(row, table, caches)) for row in table.rows if not row.extrapolated}
    assert {case: limit for case, limit in lows.items() if limit is not None and limit.share > 1.05} == {}
