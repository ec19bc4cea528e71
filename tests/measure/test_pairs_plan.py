"""The expected time of a comparison: by the cost models, before anything is measured."""

from __future__ import annotations

import pytest
from pairs_fakes import PairWorkshop, cell_of

from matbench.errors import UsageError
from matbench.kernels import Registry
from matbench.measure.pairs_plan import (
    CELL_S,
    LONGEST_CELL_S,
    PROMISE_S,
    SHORTEST_CELL_S,
    cell_seconds,
    comparison_seconds,
    process_seconds,
    promised_seconds,
    time_for_cells,
)
from matbench.pairing import Settings

SETTINGS = Settings()


@pytest.fixture
def registry():
    shop = PairWorkshop()
    return Registry(
        [
            shop.kernel("fast", gflops=10.0),
            shop.kernel("slow", gflops=0.03),
            shop.kernel("jit", gflops=10.0, compiled=True),
        ]
    )


def test_blocks_of_a_fast_cell_take_as_long_as_their_shortest_samples(registry):
    seconds = cell_seconds(cell_of(64, "fast", "fast"), registry, SETTINGS)
    assert 16 * 6 * 0.003 < seconds < 25 * 6 * 0.003


def test_a_slow_cell_takes_as_many_blocks_as_it_has_time_for(registry):
    cell = cell_of(128, "slow", "fast")
    assert cell_seconds(cell, registry, SETTINGS, 0.1) < cell_seconds(cell, registry, SETTINGS, 5.0)


def test_a_larger_problem_takes_longer(registry):
    times = [cell_seconds(cell_of(n, "slow", "fast"), registry, SETTINGS) for n in (32, 256, 512, 1024)]
    assert times == sorted(times)


def test_a_function_of_the_readers_own_has_an_expected_time_too(registry):
    assert 0 < cell_seconds(cell_of(64, "mine.py:f", "fast"), registry, SETTINGS) < 10


def test_compiling_costs_the_first_process_most(registry):
    cells = [cell_of(8, "jit", "fast")]
    first, later = (process_seconds(cells, registry, SETTINGS, first=each) for each in (True, False))
    assert first > later + 0.3


def test_without_a_budget_a_cell_gets_what_is_usual(registry):
    assert time_for_cells([cell_of()], registry, SETTINGS, None) == CELL_S


def test_a_budget_is_kept(registry):
    cells = [cell_of(n, "slow", "fast") for n in (64, 96, 128)]
    for budget_s in (60.0, 120.0, 600.0):
        cell_s = time_for_cells(cells, registry, SETTINGS, budget_s)
        assert cell_s <= LONGEST_CELL_S
        expected_s = SETTINGS.processes * process_seconds(cells, registry, SETTINGS, cell_s)
        assert expected_s <= budget_s or cell_s < 0.11


def test_a_budget_too_small_for_one_process_is_refused(registry):
    with pytest.raises(UsageError, match=r"a budget of 1.00 s is too small for one process, which takes about"):
        time_for_cells([cell_of(64, "slow", "fast")], registry, SETTINGS, 1.0)


def test_one_comparison_fits_into_half_a_minute_where_its_calls_allow_it(registry):
    for cell in (cell_of(64, "fast", "fast"), cell_of(256, "fast", "fast", threads=2), cell_of(128, "slow", "fast")):
        cell_s = time_for_cells([cell], registry, SETTINGS, None)
        assert SHORTEST_CELL_S <= cell_s <= CELL_S
        assert comparison_seconds([cell], registry, SETTINGS, cell_s, SETTINGS.processes) <= PROMISE_S


def test_slow_arms_are_called_beforehand_by_the_first_process_alone(registry):
    cell = cell_of(256, "slow", "fast")
    first, later = (cell_seconds(cell, registry, SETTINGS, 0.1, first=each) for each in (True, False))
    call = registry.get("slow").expected_seconds(cell.problem, 1)
    assert first - later == pytest.approx(call)
    assert later < 2.5 * call


def test_a_baseline_is_expected_to_take_as_long_as_its_kernel(registry):
    now, then = (cell_seconds(cell_of(64, "slow", b), registry, SETTINGS) for b in ("fast", "fast@v1"))
    assert now == then


def test_further_comparisons_are_promised_half_a_minute_s_half_each():
    assert [promised_seconds(count) for count in (1, 2, 3)] == [30.0, 45.0, 60.0]
