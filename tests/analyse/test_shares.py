"""The share of the peak: over chains of the same moment, of the same process, or the fastest of the run."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from compare_examples import record as run_record
from compare_examples import run
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.ladder import peaks, share_of_run, tabulate
from matbench.analyse.rows import Interval, Share
from matbench.analyse.shares import shares_of, widest_chains
from matbench.analyse.statistics import over_processes
from matbench.model import Case, Ceiling, Problem, Samples

SMALL, LARGE = Problem(64, 64, 64), Problem(256, 256, 256)
PEAK = 100e9  # flop/s of a chain when the machine is fast
TRUE = 0.9
MS = 10**6  # ns


def taken(times_ns, processes, rounds) -> Samples:
    elapsed = tuple(max(1, round(each)) for each in times_ns)
    return Samples((1,) * len(elapsed), elapsed, tuple(processes), tuple(rounds))


def chain(rates, processes, rounds, problem=None, *, lanes=8, threads=1, dtype="float64") -> Ceiling:
    work = 10**9
    samples = taken([1e9 * work / rate for rate in rates], processes, rounds)
    return Ceiling("fma", dtype, lanes, threads, work, samples=samples, problem=problem)


def timed(rates, processes, rounds, problem=LARGE) -> Samples:
    return taken([1e9 * problem.flops / rate for rate in rates], processes, rounds)


def share(samples, *ceilings, problem=LARGE, threads=1) -> Share | None:
    (found,) = shares_of([Case("numba_gemm", problem, threads)], [samples], ceilings, peaks(ceilings))
    return found


def turns(processes, rounds):
    """Process and round of each sample."""
    return zip(*((process, turn) for process in range(processes) for turn in range(rounds)), strict=True)


# -- a machine whose pace changes --------------------------------------------------------------------------------------


def world(seed, pace, *, told_block, processes=6, rounds=6):
    """A kernel at nine tenths of the chains beside it: its share, and its rate over the fastest chain."""
    rng = np.random.default_rng(seed)
    process, turn = turns(processes, rounds)
    paces = np.array([pace(p, t, rng) for p, t in zip(process, turn, strict=True)])
    noise = rng.lognormal(0.0, 0.02, (2, len(paces)))
    beside = chain(PEAK * paces * noise[0], process, turn, LARGE if told_block else None)
    samples = timed(TRUE * PEAK * paces * noise[1], process, turn)
    fastest = chain([PEAK], [0], [0])
    unpaired = float(np.median(TRUE * PEAK * paces * noise[1])) / PEAK
    return share(samples, beside, fastest), unpaired


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("told_block", [True, False])
def test_a_machine_at_two_speeds_by_process_gives_the_true_share(seed, told_block):
    speeds = np.random.default_rng([seed, 1]).permutation([1.0, 1.0, 0.6, 0.6, 0.6, 0.6])
    found, unpaired = world(seed, lambda process, _turn, _rng: speeds[process], told_block=told_block)
    assert found.beside == ("round" if told_block else "process")
    assert found.estimate == pytest.approx(TRUE, rel=0.02)
    assert found.low < found.estimate < found.high
    assert found.high - found.low < 0.1
    assert unpaired < 0.65


@pytest.mark.parametrize("seed", range(8))
def test_a_machine_at_two_speeds_by_round_gives_the_true_share(seed):
    found, unpaired = world(seed, lambda _process, _turn, rng: rng.choice([1.0, 0.6, 0.6]), told_block=True)
    assert found.estimate == pytest.approx(TRUE, rel=0.02)
    assert unpaired < 0.65


def test_the_interval_holds_the_true_share_as_often_as_it_says():
    held = 0
    for seed in range(200):
        found, _ = world(seed, lambda _process, _turn, rng: rng.uniform(0.5, 1.0), told_block=True)
        held += found.low <= TRUE <= found.high
    assert held >= 0.95 * 200 - 6  # six processes hold it in 96.9 % of cases; two standard deviations


# -- which chain -------------------------------------------------------------------------------------------------------


def test_each_sample_is_told_over_the_chain_of_its_own_round():
    process, turn = turns(1, 6)
    paces = np.array([1.0, 0.5, 0.8, 0.6, 0.9, 0.7])
    found = share(timed(0.8 * PEAK * paces, process, turn), chain(PEAK * paces, process, turn, LARGE))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.8, 0.8, 0.8))
    assert found.beside == "round"


def test_rounds_are_counted_anew_in_each_block_and_chains_of_others_do_not_count():
    process, turn = turns(6, 3)
    paces = np.array([1.0] * 18)
    beside = (chain(0.5 * PEAK * paces, process, turn, LARGE), chain(PEAK * paces, process, turn, SMALL))
    assert share(timed(0.4 * PEAK * paces, process, turn), *beside).estimate == pytest.approx(0.8)
    small = timed(0.4 * PEAK * paces, process, turn, SMALL)
    assert share(small, *beside, problem=SMALL).estimate == pytest.approx(0.4, rel=1e-4)


def test_chains_of_narrower_vectors_or_other_threads_do_not_count():
    process, turn = turns(6, 1)
    rates = [PEAK] * 6
    narrow = chain([PEAK / 4] * 6, process, turn, LARGE, lanes=2)
    two = chain([2 * PEAK] * 6, process, turn, LARGE, threads=2)
    samples = timed([0.5 * PEAK] * 6, process, turn)
    assert share(samples, narrow, chain(rates, process, turn, LARGE), two).estimate == pytest.approx(0.5)
    assert share(samples, narrow, chain(rates, process, turn, LARGE), two, threads=2).estimate == pytest.approx(0.25)


@pytest.mark.parametrize(("told_block", "kind"), [(True, "round"), (False, "process")])
def test_where_narrower_vectors_are_faster_the_share_is_of_theirs(told_block, kind):
    process, turn = turns(6, 3)
    paces = np.array([1.0, 0.5, 0.8] * 6)
    block = LARGE if told_block else None
    widest = [chain(threads * PEAK / 1.15 * paces, process, turn, block, threads=threads) for threads in (1, 2)]
    narrow = chain([PEAK], [0], [0], lanes=4)
    for threads in (1, 2):
        samples = timed(threads * TRUE * PEAK * paces, process, turn)
        found = share(samples, *widest, narrow, threads=threads)
        assert (found.estimate, found.beside) == (pytest.approx(TRUE, rel=1e-4), kind)


@pytest.mark.parametrize("processes", [1, 2])
def test_chains_of_fewer_than_three_processes_tell_no_pace_and_the_fastest_counts(processes):
    process, turn = turns(processes, 6)
    rates = np.linspace(50e9, PEAK, 6 * processes)
    found = share(timed([45e9] * len(rates), process, turn), chain(rates, process, turn))
    assert found.beside == "run"
    assert found.estimate == pytest.approx(0.45)


def test_the_rate_over_the_fastest_chain_has_the_interval_of_the_rate():
    process, turn = turns(1, 7)
    rates = [40e9, 45e9, 50e9, 55e9, 60e9, 65e9, 70e9]
    found = share(timed(rates, process, turn), chain([PEAK], [0], [0]))
    assert (found.estimate, found.low, found.high, found.beside) == (
        *map(pytest.approx, (0.55, 0.40, 0.70)),
        "run",
    )


@pytest.mark.parametrize(("new", "kind"), [(1, "process"), (2, "process"), (3, "round")])
def test_a_few_processes_that_pair_do_not_speak_for_all_of_a_run_that_was_resumed(new, kind):
    process, turn = turns(5, 2)
    later, again = turns(new, 2)
    later = [5 + each for each in later]
    old = chain([PEAK] * len(process), process, turn)
    ours = chain([PEAK] * len(later), later, again, LARGE)
    rates = [TRUE * PEAK] * len(process) + [0.5 * PEAK] * len(later)
    found = share(timed(rates, [*process, *later], [*turn, *again]), old, ours)
    assert (found.estimate, found.beside) == (pytest.approx(TRUE if kind == "process" else 0.5), kind)


def test_one_process_with_a_chain_among_several_tells_nothing_of_the_others():
    process, turn = turns(6, 6)
    alone = chain([PEAK / 2] * 6, [0] * 6, range(6), LARGE)
    found = share(timed([0.8 * PEAK] * 36, process, turn), alone, chain([PEAK], [0], [0]))
    assert found == Share(*map(pytest.approx, (0.8, 0.8, 0.8)), "run")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_of_fewer_than_three_processes_pairs_where_all_of_them_do(processes):
    process, turn = turns(processes, 6)
    beside = chain([PEAK / 2] * len(process), process, turn, LARGE)
    found = share(timed([0.4 * PEAK] * len(process), process, turn), beside)
    assert (found.estimate, found.beside) == (pytest.approx(0.8), "round")


def test_a_process_before_the_chains_were_told_with_their_block_does_not_count_beside_those_after():
    process, turn = turns(3, 2)
    old = chain([PEAK / 2] * 6, process, turn)
    new = chain([PEAK] * 6, [3, 3, 4, 4, 5, 5], turn, LARGE)
    samples = timed([0.8 * PEAK] * 12, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [0, 1] * 6)
    found = share(samples, old, new)
    assert (found.estimate, found.beside) == (pytest.approx(0.8), "round")


def test_without_a_peak_without_operations_and_without_samples_there_is_no_share():
    process, turn = turns(6, 1)
    roof = chain([PEAK] * 6, process, turn, LARGE)
    samples = timed([0.8 * PEAK] * 6, process, turn)
    assert share(samples) is None
    assert share(samples, roof, threads=4) is None
    assert share(samples, roof, problem=msgspec.structs.replace(LARGE, dtype="float32")) is None
    transposed = msgspec.structs.replace(LARGE, operation="transpose")
    assert transposed.flops == 0
    assert share(samples, roof, problem=transposed) is None
    assert share(Samples(), roof) is None
    assert shares_of([], [], [roof], peaks([roof])) == ()


def test_numbers_of_processes_and_rounds_may_be_as_large_as_a_file_allows():
    process, turn = (0, 1, 2**62), (2**62, 5, 0)
    found = share(timed([0.8 * PEAK] * 3, process, turn), chain([PEAK] * 3, process, turn, LARGE))
    assert (found.estimate, found.beside) == (pytest.approx(0.8), "round")


def test_the_widest_chains_are_all_those_of_the_widest_vectors():
    process, turn = turns(1, 1)
    made = [
        chain([PEAK], process, turn, lanes=4),
        chain([PEAK], [0], [0], lanes=8),
        chain([PEAK], [0], [0], LARGE, lanes=8),
        chain([PEAK], [0], [0], lanes=4, threads=2),
        chain([], [], [], lanes=16),
    ]
    assert widest_chains(made) == tuple(made[1:4])


# -- one rule ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 9), st.sampled_from([1, 3, 5, 7]), st.integers(0, 2**32 - 1))
def test_the_interval_is_by_the_rule_of_all_others(processes, rounds, seed):
    rng = np.random.default_rng(seed)
    process, turn = (list(each) for each in turns(processes, rounds))
    chains, rates = rng.uniform(50e9, PEAK, (2, len(process)))
    beside, samples = chain(chains, process, turn, LARGE), timed(rates, process, turn)
    found = share(samples, beside)
    ratios = [
        own * beside.work / other / LARGE.flops
        for own, other in zip(samples.elapsed_ns, beside.samples.elapsed_ns, strict=True)
    ]
    is_student = 3 <= processes <= 5
    values = [math.log(each) for each in ratios] if is_student else ratios
    expected = over_processes(dict(zip(zip(process, turn, strict=True), values, strict=True)))
    bounds = (expected.estimate, expected.low, expected.high)
    middle, low, high = (None if each is None else math.exp(each) if is_student else each for each in bounds)
    assert found.estimate == pytest.approx(1 / middle)
    assert (found.low is None) == (high is None)
    if high is not None:
        assert (found.low, found.high) == pytest.approx((1 / high, 1 / low))


def test_a_comparison_and_a_table_tell_the_same_share():
    made = run_record()
    block = next(each.case.problem for each in made.measurements if each.case.threads == 1)
    process, turn = turns(6, 1)
    beside = chain([40e9] * 6, process, turn, block)
    made = msgspec.structs.replace(made, ceilings=(*made.ceilings, msgspec.structs.replace(beside, lanes=8)))
    rows = {(row.case.kernel, row.case.problem, row.case.threads): row.peak_share for row in tabulate(made).rows}
    reduced = run(made)
    of_cells = dict(zip(reduced.cells, reduced.shares.bounds[0].tolist(), strict=True))
    assert len(of_cells) == len(rows) > 4
    for (kernel, problem, threads), told in rows.items():
        cell = next(
            each
            for each in of_cells
            if (each.kernel, each.threads, each.n, each.dtype) == (kernel, threads, problem.n, problem.dtype)
        )
        assert of_cells[cell] == told.estimate


def test_a_prediction_is_told_over_the_fastest_chain():
    assert share_of_run(Interval(40e9, 30e9, 50e9), Interval(PEAK)) == Share(0.4, 0.3, 0.5)
    assert share_of_run(Interval(40e9), Interval(PEAK)) == Share(0.4)
