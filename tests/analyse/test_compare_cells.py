"""Times of many cells at once: medians and intervals as they come one by one, over processes or rounds."""

import itertools
import math
import sys

import msgspec
import numpy as np
import pytest
from compare_examples import ladder, record, run
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench.analyse.compare_cells import medians, work_of
from matbench.analyse.statistics import call_interval, call_seconds, median_interval
from matbench.model import Measurement, Samples

PROCESSES = st.lists(st.lists(st.integers(1, 10**12), min_size=1, max_size=5), min_size=1, max_size=9)
PATIENT = settings(deadline=None)  # the first of them imports SciPy


def in_processes(processes):
    """Samples of one call each, ns, by process."""
    places = [(process, turn) for process, times in enumerate(processes) for turn in range(len(times))]
    return Samples((1,) * len(places), tuple(itertools.chain(*processes)), *zip(*places, strict=True))


def seconds_of(taken):
    """Middle time and bounds of a case, as a reduced run has them."""
    (case,) = {each.case for each in ladder(sizes=(16,), kernels={"numba_ikj": 1e9})}
    reduced = run(record(measurements=(Measurement(case, samples=taken),), ceilings=()))
    return tuple(reduced.seconds[:, 0].tolist())


def exactly(interval):
    bounds = [math.nan if each is None else each for each in (interval.low, interval.high)]
    return pytest.approx((interval.estimate, *bounds), rel=1e-12, nan_ok=True)


@PATIENT
@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**12)), min_size=1, max_size=40))
def test_the_quick_summary_is_the_median_and_interval_of_the_statistics_module(values):
    size = len(values)
    taken = Samples(tuple(a for a, _ in values), tuple(b for _, b in values), (0,) * size, tuple(range(size)))
    assert seconds_of(taken) == exactly(median_interval(call_seconds(taken)))


@PATIENT
@given(PROCESSES)
def test_it_is_over_processes_as_that_of_the_statistics_module_is(processes):
    taken = in_processes(processes)
    assert seconds_of(taken) == exactly(call_interval(taken))


def test_many_rounds_of_few_processes_are_no_many_observations():
    steady, apart = in_processes([[1000] * 20] * 2), in_processes([[1000] * 20, [1100] * 20])
    assert all(math.isnan(bound) for each in (steady, apart) for bound in seconds_of(each)[1:])
    middle, low, high = seconds_of(in_processes([[1000 + 10 * process] * 20 for process in range(6)]))
    assert (middle, low, high) == pytest.approx((1.025e-6, 1e-6, 1.05e-6))


@PATIENT
@given(st.lists(PROCESSES, max_size=12), st.randoms(use_true_random=False))
def test_many_cases_at_once_are_what_each_is_alone_in_whatever_order_its_samples_lie(cases, dice):
    taken = []
    for processes in cases:
        made = in_processes(processes)
        fields = list(zip(made.loops, made.elapsed_ns, made.process, made.round, strict=True))
        dice.shuffle(fields)
        taken.append(Samples(*zip(*fields, strict=True)))
    found = medians(taken)
    assert found.shape == (3, len(cases))
    for place, each in enumerate(taken):
        assert tuple(found[:, place].tolist()) == exactly(call_interval(each))


def test_processes_may_be_numbered_as_they_please():
    taken = Samples((1, 2, 1), (1000, 2400, 1100), (2**62, 0, 2**62 - 1), (0, 0, 0))
    assert not np.isnan(medians([taken])).any()
    assert tuple(medians([taken])[:, 0].tolist()) == exactly(call_interval(taken))


def test_more_cases_of_the_same_shapes_take_no_more_calls_of_python():
    """Of a thousand machines there are half a million: whatever were done for each would be seconds."""

    def calls(cases):
        taken = [in_processes([[1000 + case, 1100], [1200], [1300, 1400, 1500]]) for case in range(cases)]
        medians(taken)  # what is made once is made
        counted, before = [], sys.getprofile()
        sys.setprofile(lambda _, event, __: counted.append(event) if event == "call" else None)
        try:
            medians(taken)
        finally:
            sys.setprofile(before)
        return len(counted)

    assert calls(400) == calls(4) > 0


def test_equal_cells_of_two_runs_are_one_object_whatever_their_seeds():
    (first, *rest) = ladder()
    problem = msgspec.structs.replace(first.case.problem, seed=first.case.problem.seed + 1)
    again = msgspec.structs.replace(first, case=msgspec.structs.replace(first.case, problem=problem))
    one, other = run(record()), run(record(mark="000001", measurements=(again, *rest)))
    assert one.cells is other.cells
    assert all(cell is there for cell, there in zip(one.cells, other.cells, strict=True))


def test_operations_and_roofs_of_cells_stand_in_their_order():
    cells = run(record()).cells
    work = work_of(cells)
    assert work.flops.tolist() == [cell.flops for cell in cells]
    assert [work.keys[place] for place in work.key] == [f"{cell.dtype}/{cell.threads}" for cell in cells]
    assert len(set(work.keys)) == len(work.keys)
