"""What tuning believes: better beyond doubt in all processes, nowhere worse, and only where identical code agrees."""

import numpy as np
import pytest

from matbench.analyse.rows import Interval
from matbench.analyse.tuning import Judged, best, judged, ranked, times_of
from matbench.model import Case, Measurement, Problem, Samples

USED, CLONE, OTHER = "gemm", "gemm:again", "gemm:other"
SIZES = (512, 800)


def samples(factor, *, processes=8, rounds=3, noise=0.002, seed=0):
    """Times of 10 ms over a factor, the machine's pace different in each process and round."""
    pace = np.random.default_rng(7)
    rng = np.random.default_rng([seed, int(1000 * factor)])
    places = [(process, turn) for process in range(processes) for turn in range(rounds)]
    elapsed = [int(1e7 * (1 + pace.random()) / factor * np.exp(noise * rng.standard_normal())) for _ in places]
    return Samples(
        loops=(1,) * len(places),
        elapsed_ns=tuple(elapsed),
        process=tuple(process for process, _ in places),
        round=tuple(turn for _, turn in places),
    )


def times(factors, **how):
    """Samples of each name: a factor for every size, or one a size."""
    found = {}
    for seed, (name, factor) in enumerate(factors.items()):
        each = factor if isinstance(factor, tuple) else (factor,) * len(SIZES)
        found[name] = {
            (Problem(n, n, n), 1): samples(one, seed=seed, **how) for n, one in zip(SIZES, each, strict=True)
        }
    return found


def test_what_is_faster_in_every_process_is_taken():
    [found] = judged(times({USED: 1.0, CLONE: 1.0, OTHER: 1.05}), USED, CLONE)
    assert found.word == "FASTER"
    assert found.factor.estimate == pytest.approx(1.05, abs=0.01)
    assert found.factor.low > 1.03
    assert best([found]) == found


@pytest.mark.parametrize("factor", [1.0, 1.003, 0.97])
def test_what_is_equal_or_slower_is_not_taken(factor):
    found = judged(times({USED: 1.0, CLONE: 1.0, OTHER: factor}), USED, CLONE)
    assert best(found) is None


def test_where_identical_code_differs_by_as_much_nothing_is_taken():
    found = judged(times({USED: 1.0, CLONE: 1.05, OTHER: 1.05}), USED, CLONE)
    assert [each.word for each in found] == ["INVALID"]
    assert best(found) is None


def test_no_difference_within_the_machine_s_own_floor_is_taken():
    tried = times({USED: 1.0, CLONE: 1.0, OTHER: 1.03})
    assert best(judged(tried, USED, CLONE)) is not None
    assert best(judged(tried, USED, CLONE, floor=0.05)) is None


def test_faster_on_the_whole_and_slower_somewhere_is_not_taken():
    [found] = judged(times({USED: 1.0, CLONE: 1.0, OTHER: (1.2, 0.95)}), USED, CLONE)
    assert found.word == "FASTER"
    assert found.slower_at == (800,)
    assert best([found]) is None


@pytest.mark.parametrize("processes", [1, 2, 7])
def test_too_few_processes_decide_nothing(processes):
    found = judged(times({USED: 1.0, CLONE: 1.0, OTHER: 1.1}, processes=processes), USED, CLONE)
    assert best(found) is None


def test_among_many_that_are_equal_hardly_one_is_taken():
    taken = 0
    for seed in range(40):
        names = {f"gemm:{10 * seed + i}": 1.0 for i in range(2)}
        tried = times({USED: 1.0, CLONE: 1.0})
        for i, name in enumerate(names):
            tried[name] = {cell: samples(1.0, noise=0.02, seed=100 + 10 * seed + i) for cell in tried[USED]}
        taken += best(judged(tried, USED, CLONE)) is not None
    assert taken <= 2


def test_the_ones_that_look_faster_are_named_the_fastest_first():
    tried = times({USED: 1.0, "a": 1.02, "b": 0.9, "c": 1.1}, processes=1, rounds=5)
    assert ranked(tried, USED) == ("c", "a")
    assert ranked({}, USED) == ()


def test_a_size_that_one_of_them_was_not_timed_at_leaves_it_without_a_verdict():
    tried = times({USED: 1.0, CLONE: 1.0, OTHER: 1.1})
    del tried[OTHER][Problem(800, 800, 800), 1]
    assert judged(tried, USED, CLONE) == ()
    assert ranked(tried, USED) in {(), (CLONE,)}


def test_samples_are_sorted_by_kernel_problem_and_threads():
    case = Case(USED, Problem(8, 8, 8), 2)
    one = samples(1.0)
    skipped = Measurement(Case(OTHER, Problem(8, 8, 8)), "skipped", "no time")
    assert times_of([Measurement(case, samples=one), skipped]) == {USED: {(Problem(8, 8, 8), 2): one}}


def test_the_fastest_of_several_is_taken():
    found = [Judged(name, Interval(factor, 1.0, 2.0), "FASTER") for name, factor in (("a", 1.1), ("b", 1.2))]
    assert best(found).name == "b"


@pytest.mark.parametrize("outcome", ["wrong", "ended"])
def test_what_came_out_wrong_or_was_stopped_is_not_compared(outcome):
    case = Case(USED, Problem(8, 8, 8))
    assert times_of([Measurement(case, outcome, "it hung", samples(1.1))]) == {}


@pytest.mark.parametrize("processes", [8, 11])
def test_it_is_told_on_how_many_processes_a_verdict_rests(processes):
    tried = times({USED: 1.0, CLONE: 1.0, OTHER: 1.1}, processes=processes)
    [found] = judged(tried, USED, CLONE)
    assert found.processes == processes
    tried[OTHER][Problem(800, 800, 800), 1] = samples(1.1, processes=processes - 1)
    [found] = judged(tried, USED, CLONE)
    assert found.processes == processes - 1
