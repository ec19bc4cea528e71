"""A process that is not the first of a run: it knows what the first has calibrated, and shares the time with others."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_fakes import Workshop, block_of, case_in, cases_of

from matbench.kernels import ceilings
from matbench.kernels.oracle import operands
from matbench.measure.plan import SINGLE_SHOT_S, sample_seconds
from matbench.measure.protocol import Chain, Job, Known
from matbench.measure.ready import Again
from matbench.measure.roofs import load_chains
from matbench.measure.turns import Turn, own_share
from matbench.measure.worker import _spared, _steps
from matbench.model import Caches, Ceiling, Measurement, Problem, Samples

LONG = 2 * 32**3 / (1.2 * SINGLE_SHOT_S * 1e9)  # GFLOP/s: a product of n = 32 takes 0.12 s
SPIN_NS = 5_000_000  # rather more than idle threads of a sampling process spin: see matbench.spinning


@pytest.fixture(autouse=True)
def no_roof(monkeypatch):
    monkeypatch.setattr(ceilings, "why_no_chains", lambda: "no chains here")


def known_from(told):
    """What a parent makes of the samples of a process."""
    by_case = {}
    for each in told:
        if isinstance(each, Measurement) and len(each.samples):
            by_case[each.case] = by_case.get(each.case, Samples()).joined(each.samples)
    return {
        case: Known(case, samples.loops[0], min(samples.elapsed_ns) * 1e-9 / samples.loops[0], 1)
        for case, samples in by_case.items()
    }


def again(shop, bench, **changes):
    """The bench of a next process that knows what the first one has told."""
    other = Workshop()
    other.clock, other.control = shop.clock, shop.control
    made = shop.bench(*bench.registry, process=1)
    made.plan, made.known = bench.plan, known_from(shop.told)
    made.turn = changes.get("turn", Turn(2, 0))
    made.checked = frozenset((case.kernel, case.problem.dtype) for case in made.known)
    shop.told.clear()
    shop.calls.clear()
    return made


def first_process(shop, *kernels, arms=None, seconds=10.0, **plan):
    bench = shop.bench(*kernels, **plan)
    bench.turn = Turn(2, 1)
    block = block_of(32, *(arms or [each.name for each in kernels]))
    shop.measure(bench, block, seconds)
    return bench, block


def test_nothing_is_calibrated_again_and_the_loops_are_those_of_the_first_process():
    shop = Workshop()
    bench, block = first_process(shop, shop.kernel("base", speed=10.0), shop.kernel("fast", speed=20.0), rounds=6)
    loops = {case: each.loops for case, each in known_from(shop.told).items()}
    second = again(shop, bench)
    shop.measure(second, block)
    told = shop.measurements()
    assert {(each.case, each.samples.loops[0]) for each in told} == set(loops.items())
    assert {each.samples.process for each in told} == {(1,)}
    assert Counter(each.case.kernel for each in told) == {"base": 3, "fast": 3}
    for case, count in loops.items():
        # One call that is checked, and the samples: no trial.
        assert shop.calls[case.kernel, 32] == 1 + 3 * count


def test_a_kernel_that_was_found_right_is_not_held_against_the_laws_again():
    shop = Workshop()
    jit = shop.kernel("jit", compiled=True)
    bench, block = first_process(shop, shop.kernel("base"), jit)
    second = again(shop, bench)
    shop.measure(second, block)
    assert shop.calls["jit", 17] == 0
    assert [each.first_call_ns for each in shop.measurements("jit")] == [None] * len(shop.measurements("jit"))


def test_the_product_is_checked_in_every_process():
    shop, spoilt = Workshop(), []
    bad = shop.kernel("bad", spoil=lambda out: out.fill(0) if spoilt else None)
    bench, block = first_process(shop, shop.kernel("base"), bad)
    second = again(shop, bench)
    spoilt.append(True)
    shop.measure(second, block)
    assert shop.outcomes("bad") == ["wrong"]
    assert set(shop.outcomes("base")) == {"measured"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_what_differs_from_the_first_product_by_more_than_rounding_is_wrong(dtype):
    problem = Problem(30, 20, 40, dtype)
    *inputs, out = operands(problem)
    again = Again(problem, tuple(inputs))
    np.matmul(*inputs, out=out)
    assert again.look(out).is_right
    assert again.look(np.einsum("ik,kj->ij", *inputs)).is_right
    spoilt = out.copy()
    spoilt[29, 19] += 1
    assert not again.look(spoilt).is_right
    if dtype != "int64":
        spoilt[29, 19] = np.nan
        assert not again.look(spoilt).is_right


def test_as_long_as_no_product_is_right_each_is_looked_at_by_the_oracle():
    problem = Problem(8, 8, 8)
    *inputs, out = operands(problem)
    again = Again(problem, tuple(inputs))
    assert not again.look(out).is_right
    np.matmul(*inputs, out=out)
    assert again.look(out).is_right


def test_a_dear_case_that_has_its_samples_is_left_alone_without_a_word():
    shop = Workshop()
    kernels = shop.kernel("base"), shop.kernel("slow", speed=LONG)
    bench, block = first_process(shop, *kernels, budget_s=1.0, seconds=0.25)
    assert shop.outcomes("slow") == ["measured"]
    second = again(shop, bench)
    assert second.needs(block)[0] < 0.1  # the slow one is no part of the least
    shop.measure(second, block, seconds=0.1)
    assert shop.measurements("slow") == []
    assert shop.calls["slow", 32] == 0
    assert set(shop.outcomes("base")) == {"measured"}


def test_a_dear_case_is_left_alone_even_where_there_is_time_as_two_processes_of_six_give_no_interval():
    shop = Workshop()
    kernels = shop.kernel("base"), shop.kernel("slow", speed=LONG)
    bench, block = first_process(shop, *kernels, budget_s=1.0)
    second = again(shop, bench)
    shop.measure(second, block, seconds=5.0)
    assert shop.measurements("slow") == []


@pytest.mark.parametrize(("later", "expected"), [(0, set()), (1, {"base", "other"})])
def test_a_case_that_has_missed_too_many_processes_for_an_interval_is_left_alone(later, expected):
    shop = Workshop()
    bench, block = first_process(shop, shop.kernel("base"), shop.kernel("other"), rounds=18)
    late = again(shop, bench, turn=Turn(6, later))
    shop.measure(late, block)
    assert {each.case.kernel for each in shop.measurements()} == expected


def test_what_is_spared_is_not_measured_and_not_a_word_is_said_of_it():
    shop = Workshop()
    bench, block = first_process(shop, shop.kernel("base"), shop.kernel("other"))
    second = again(shop, bench)
    second.spared = frozenset({case_in(block, "other")})
    shop.measure(second, block)
    assert {each.case.kernel for each in shop.measurements()} == {"base"}
    assert {each.outcome for each in shop.measurements()} == {"measured"}


def test_the_dearest_are_spared_first_and_a_base_is_worth_its_block():
    shop = Workshop()
    arms = [shop.kernel(name, speed=speed) for name, speed in (("base", 0.002), ("slow", 0.003), ("fast", 0.01))]
    bench, block = first_process(shop, *arms, seconds=20.0, budget_s=100.0)
    second = again(shop, bench)
    whole = second.needs(block)[0]
    spared = [{case.kernel for case in _spared(second, (block,), share * whole)} for share in (1.01, 0.99, 0.7, 0.0)]
    assert spared == [set(), {"slow"}, {"slow"}, {"base", "slow", "fast"}]


FOUR = Chain(dtype="float64", lanes=4, steps=10_000)


@pytest.fixture
def with_chains(monkeypatch):
    """A machine with vectors of 1 and 4 elements whose peak takes 10 ns a step; which chains ran on how many."""
    shop, ran = Workshop(), []

    def chains(lanes):
        def run(threads, steps):
            ran.append((lanes, threads))
            shop.clock.advance(steps * 10)

        return run, 24 * lanes

    monkeypatch.setattr(ceilings, "why_no_chains", lambda: None)
    monkeypatch.setattr(ceilings, "vector_lanes", lambda _: (1, 4))
    monkeypatch.setattr(ceilings, "fma_chains", lambda _, lanes, **_options: chains(lanes))
    return shop, ran


def test_a_process_that_was_told_of_the_chains_samples_the_peak_in_every_round(with_chains):
    shop, ran = with_chains
    bench, block = first_process(shop, shop.kernel("base"), rounds=6)
    second = again(shop, bench)
    assert list(load_chains(second, [FOUR], (1, 2))) == [None]
    assert set(ran) == {(4, 1), (4, 2)}  # both are compiled by then
    assert [each for each in shop.told if isinstance(each, Ceiling)] == []
    shop.measure(second, block)
    roofs = [each for each in shop.told if isinstance(each, Ceiling)]
    assert [(each.lanes, each.threads, each.work) for each in roofs] == [(4, 1, 96)] * 3
    assert [(each.samples.process, each.samples.round) for each in roofs] == [((1,), (turn,)) for turn in range(3)]
    assert {(each.samples.loops, each.samples.elapsed_ns) for each in roofs} == {((10_000,), (100_000,))}


def test_a_process_that_was_not_told_of_them_has_no_peak(with_chains):
    shop, ran = with_chains
    bench, block = first_process(shop, shop.kernel("base"))
    shop.measure(again(shop, bench), block)
    assert [each for each in shop.told if isinstance(each, Ceiling)] == []
    assert ran == []


def test_a_block_of_which_nothing_is_sampled_has_no_peak_either(with_chains):
    shop, _ = with_chains
    bench, block = first_process(shop, shop.kernel("base"))
    second = again(shop, bench)
    list(load_chains(second, [FOUR], (1,)))
    second.spared = frozenset(cases_of((block,)))
    assert second.needs(block) == (0.0, 0.0)
    shop.measure(second, block)
    assert [each for each in shop.told if isinstance(each, Ceiling | Measurement)] == []


@given(threads=st.sampled_from([1, 2]), before=st.integers(0, 5))
def test_a_block_is_as_dear_as_its_cases_and_a_sample_of_the_peak(threads, before):
    shop = Workshop()
    bench = shop.bench(shop.kernel("base"), shop.kernel("par", threaded_dtypes=("float64",)), rounds=18)
    bench.turn = Turn(6, 5 - before)
    block = block_of(32, "base", ("par", threads))
    bench.known = {case: Known(case, 1, 1e-3, before) for case in cases_of((block,)) if before}
    cases = sum(bench.least(case) for case in cases_of((block,)))
    roofs = sum(sample_seconds(bench.plan, count) for count in {1, threads})
    assert bench.needs(block)[0] == pytest.approx(cases + roofs)


# -- shares of the time -----------------------------------------------------------------------------------------------

TIMES = st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 50.0)).map(lambda each: (each[0], each[0] + each[1]))


@given(now=TIMES, each=TIMES, later=st.integers(0, 12), left_s=st.floats(0.0, 2000.0))
def test_a_process_leaves_the_later_ones_their_least_and_takes_its_own(now, each, later, left_s):
    share = own_share(now, each, later, left_s)
    assert 0 <= share <= left_s + 1e-9
    if left_s >= now[0] + later * each[0]:
        assert share >= now[0] - 1e-9
        assert left_s - share >= later * each[0] - 1e-6
    if left_s >= now[1] + later * each[1]:
        assert share >= now[1] - 1e-6


@given(now=TIMES, each=TIMES, left_s=st.floats(0.0, 2000.0))
def test_the_last_process_has_all_that_is_left(now, each, left_s):
    assert own_share(now, each, 0, left_s) == pytest.approx(left_s if left_s >= now[0] else min(left_s, now[0]))


@given(samples=st.integers(1, 30), processes=st.integers(1, 12))
def test_a_case_has_its_sure_samples_in_the_end_whatever_the_number_of_processes(samples, processes):
    each = [Turn(processes, processes - before - 1).sure(samples, before) for before in range(processes)]
    assert each == sorted(each, reverse=True)
    assert sum(each) >= samples
    if processes >= samples:
        assert each == [1] * samples + [0] * (processes - samples)


@given(factors=st.lists(st.floats(-0.7, 0.7), min_size=3, max_size=3), seconds=st.floats(6.0, 20.0))
@settings(max_examples=8, deadline=None)
def test_six_processes_end_in_time_and_each_samples_what_is_cheap(factors, seconds):
    shop = Workshop(spin_ns=SPIN_NS)
    names = ("base", "second", "par")
    arms = ("base", "second", ("par", 1), ("par", 2))
    blocks = tuple(block_of(n, *arms) for n in (16, 32))
    kernels = [
        shop.kernel(name, speed=0.01 * 10**factor, gflops=0.01, threaded_dtypes=("float64",))
        for name, factor in zip(names, factors, strict=True)
    ]
    deadline, told = seconds * 1e9, []
    for process in range(6):
        bench = shop.bench(*kernels, budget_s=seconds, rounds=18, sample_ns=1_000_000, blocks=blocks, process=process)
        bench.turn, bench.known, bench.ends_ns = Turn(6, 5 - process), known_from(told), deadline
        bench.known = {
            case: Known(case, each.loops, each.call_s, len(_processes(told, case)))
            for case, each in bench.known.items()
        }
        job = Job(
            plan=bench.plan,
            blocks=blocks,
            process=process,
            seconds=(deadline - shop.clock.wall_ns()) * 1e-9,
            memory_bytes=2**30,
            caches=Caches(),
            ceilings=False,
            processes=6,
            later=5 - process,
            start_s=0.1,
        )
        list(_steps(bench, job, lambda: max(0.0, (deadline - shop.clock.wall_ns()) * 1e-9)))
        told.extend(shop.told)
        shop.told.clear()
        shop.clock.advance(100_000_000)
    assert shop.clock.wall_ns() * 1e-9 <= 1.1 * seconds
    assert {each.case for each in told if isinstance(each, Measurement)} == set(cases_of(blocks))
    assert _processes(told, case_in(blocks[0], "base")) == set(range(6))


def _processes(told, case):
    """Processes in which a case was sampled."""
    found = (each for each in told if isinstance(each, Measurement) and each.case == case)
    return {process for each in found for process in each.samples.process}
