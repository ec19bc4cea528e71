"""V2 for tables: several rows share their processes, and Holm's correction leaves their power intact.

A table takes a process more for each doubling of its rows: then one process may dissent in every row, as one of twelve
may where there is one row alone.
"""

from __future__ import annotations

import dataclasses
import functools

import msgspec
import numpy as np
import pytest

from matbench.analyse.pairs import fewest_processes, for_table, judge
from matbench.analyse.statistics import processes_needed, sign_test
from matbench.analyse.worlds import WORLDS, Harness, compare
from matbench.measure.order import orders
from matbench.pairing import Settings

ROWS = 8
TABLES = 60
TWELVE = msgspec.structs.replace(Settings(), most_processes=12)


@functools.cache
def reductions(world, truth, processes, count):
    """Comparisons as they go into a verdict, with exactly so many processes."""
    settings = Settings(processes=processes, most_processes=processes)
    harness = dataclasses.replace(Harness(orders), settings=settings, judge=lambda reduction, _: reduction)
    streams = np.random.SeedSequence(11).spawn(count)
    return tuple(compare(harness, WORLDS[world], truth, np.random.default_rng(stream)) for stream in streams)


def words(world, processes):
    """Words on the changed row of each table, and on its rows of identical code."""
    settings = Settings(processes=processes, most_processes=processes)
    changed, same = reductions(world, 1.02, processes, TABLES), reductions(world, 1.0, processes, 2 * ROWS)
    rng = np.random.default_rng(5)
    first, others = [], []
    for row in changed:
        rest = [same[index] for index in rng.choice(len(same), ROWS - 1, replace=False)]
        found = [each.word for each in judge([row, *rest], settings)]
        first.append(found[0])
        others += found[1:]
    return first, others


@pytest.mark.parametrize("world", ["AR(1)", "layout per process", "heavier tail in one arm"])
def test_a_change_of_two_percent_is_found_among_rows_of_identical_code_in(world):
    first, others = words(world, for_table(Settings(), ROWS).processes)
    decided = [word for word in first if word in {"FASTER", "SLOWER", "EQUIVALENT"}]
    assert decided.count("FASTER") >= 0.95 * len(decided)
    assert len(decided) >= 0.80 * TABLES
    assert not {"FASTER", "SLOWER"} & set(others)


def test_twelve_processes_would_decide_less():
    with_more, _ = words("layout per process", for_table(Settings(), ROWS).processes)
    with_twelve, _ = words("layout per process", 12)
    assert with_more.count("FASTER") > with_twelve.count("FASTER")


@pytest.mark.parametrize(("rows", "processes"), [(1, 12), (2, 13), (4, 14), (8, 15), (11, 16), (100, 19)])
def test_a_table_takes_a_process_more_for_each_doubling_of_its_rows(rows, processes):
    assert for_table(Settings(), rows).processes == processes
    dissent = [1.0] * (processes - 1) + [-1.0]
    assert rows * sign_test(dissent) <= 0.01


@pytest.mark.parametrize(("rows", "fewest"), [(1, 8), (2, 9), (8, 11), (16, 12), (1000, 12)])
def test_no_table_ends_before_a_row_could_be_decided(rows, fewest):
    assert fewest_processes(Settings(), rows) == fewest
    needed = processes_needed(rows, 0.99)
    assert rows * sign_test([1.0] * needed) <= 0.01 < rows * sign_test([1.0] * (needed - 1))


def test_a_table_never_has_more_processes_than_its_most_allows_for():
    settings = for_table(TWELVE, ROWS)
    assert settings.processes == settings.most_processes == 15
