"""Loops that fill a sample, samples that fit a budget, rounds that are fair to each arm."""

from __future__ import annotations

import gc
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_fakes import FakeControl

from matbench.collector import collector_off
from matbench.measure.clock import SimulatedClock
from matbench.measure.sampler import Arm, Sample, allot, calibrate, rounds, schedule, time_loops
from matbench.measure.threads import ThreadControl

COSTS = st.lists(st.floats(1e-6, 100.0), min_size=1, max_size=8)
COUNTS = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def call_of(clock, cost_ns, interrupted_at=None, interruption_ns=0):
    """A call that takes `cost_ns`, and `interruption_ns` more at its `interrupted_at`-th turn."""
    turns = iter(range(10**9))

    def call():
        clock.advance(cost_ns + (interruption_ns if next(turns) == interrupted_at else 0))

    return call


# -- loops ------------------------------------------------------------------------------------------------------------


@given(cost_ns=st.integers(1, 10**10), shortest_ns=st.integers(1, 20_000))
def test_calibration_fills_the_shortest_sample_whatever_a_call_costs(cost_ns, shortest_ns):
    clock = SimulatedClock()
    trial = calibrate(call_of(clock, cost_ns), shortest_ns, clock)
    assert trial.elapsed_ns == trial.loops * cost_ns >= shortest_ns
    assert trial.elapsed_ns <= max(cost_ns, 1.1 * shortest_ns + cost_ns)


@given(
    cost_ns=st.integers(1, 50_000),
    shortest_ns=st.integers(1, 20_000),
    turn=st.integers(0, 30_000),
    interruption_ns=st.integers(1, 10**9),
)
def test_one_interruption_never_shortens_a_sample(cost_ns, shortest_ns, turn, interruption_ns):
    clock = SimulatedClock()
    trial = calibrate(call_of(clock, cost_ns, turn, interruption_ns), shortest_ns, clock)
    assert trial.elapsed_ns == trial.loops * cost_ns >= shortest_ns


def test_calibration_takes_up_a_trial_that_was_made_before():
    clock = SimulatedClock()
    made = []

    def call():
        made.append(1)
        clock.advance(1000)

    assert calibrate(call, 900, clock, Sample(1, 1100)) == Sample(1, 1000)
    assert len(made) == 1  # the trial counts as the first, one more tells whether it was interrupted


def test_a_first_cold_call_is_not_taken_for_the_speed():
    clock = SimulatedClock()
    trial = calibrate(call_of(clock, 10, interrupted_at=0, interruption_ns=900), 1000, clock)
    assert trial.loops >= 100


def test_a_call_that_takes_no_time_at_all_is_still_told_as_a_nanosecond():
    sample = time_loops(lambda: None, 3, SimulatedClock())
    assert (sample.loops, sample.elapsed_ns) == (3, 1)


# -- samples ----------------------------------------------------------------------------------------------------------


@given(costs=COSTS, budget_s=st.floats(0.0, 1000.0), most=st.integers(1, 50))
def test_an_allotment_never_exceeds_its_budget_nor_its_most(costs, budget_s, most):
    counts = allot(costs, budget_s, most)
    assert len(counts) == len(costs)
    assert all(0 <= count <= most for count in counts)
    assert math.fsum(cost * count for cost, count in zip(costs, counts, strict=True)) <= budget_s * (1 + 1e-9)


@given(costs=COSTS, budget_s=st.floats(0.0, 1000.0), most=st.integers(1, 50))
def test_the_cheapest_arms_are_served_first(costs, budget_s, most):
    counts = allot(costs, budget_s, most)
    served = [cost for cost, count in zip(costs, counts, strict=True) if count]
    left_out = [cost for cost, count in zip(costs, counts, strict=True) if not count]
    assert max(served, default=0.0) <= min(left_out, default=math.inf)
    if left_out:
        assert math.fsum(served) + min(left_out) > budget_s * (1 - 1e-9)


@given(costs=COSTS, budget_s=st.floats(0.0, 1000.0), more_s=st.floats(0.0, 1000.0), most=st.integers(1, 50))
def test_a_larger_budget_serves_no_arm_less_than_its_fair_share_of_the_smaller(costs, budget_s, more_s, most):
    # Count by count an allotment is not monotone: a cheap arm's one more sample can cost a dear arm one of its own.
    small, large = allot(costs, budget_s, most), allot(costs, budget_s + more_s, most)
    assert all(bool(after) >= bool(before) for before, after in zip(small, large, strict=True))
    served = [arm for arm, count in enumerate(large) if count]
    share_s = (budget_s + more_s - math.fsum(costs[arm] for arm in served)) / max(1, len(served))
    for arm in served:
        assert large[arm] - 1 >= min(most - 1, math.floor(share_s / costs[arm] * (1 - 1e-9)))


@given(cost=st.floats(1e-6, 100.0), budget_s=st.floats(0.0, 1000.0), more_s=st.floats(0.0, 1000.0))
def test_a_lone_arm_gets_more_samples_from_more_time(cost, budget_s, more_s):
    assert allot([cost], budget_s, 50) <= allot([cost], budget_s + more_s, 50)


# -- order ------------------------------------------------------------------------------------------------------------


@given(counts=COUNTS, seed=st.integers(0, 2**32))
def test_a_schedule_takes_each_arm_exactly_its_number_of_times_and_once_a_round(counts, seed):
    order = list(schedule(counts, np.random.default_rng(seed)))
    assert len(order) == max(counts)
    assert all(len(set(each)) == len(each) for each in order)
    assert Counter(arm for each in order for arm in each) == Counter(dict(enumerate(counts)))


@given(counts=COUNTS, seed=st.integers(0, 2**32))
def test_an_arm_s_rounds_are_spread_from_the_first_on(counts, seed):
    order = list(schedule(counts, np.random.default_rng(seed)))
    for arm, count in enumerate(counts):
        turns = [turn for turn, each in enumerate(order) if arm in each]
        assert turns[:1] == [0][:count]
        gaps = [after - before for before, after in pairwise([*turns, len(order)])]
        assert max(gaps, default=0) <= 4 * len(order) / max(1, count)


@given(counts=COUNTS, seed=st.integers(0, 2**32))
def test_any_two_arms_pair_as_often_as_they_can(counts, seed):
    order = list(schedule(counts, np.random.default_rng(seed)))
    rounds_of = [{turn for turn, each in enumerate(order) if arm in each} for arm in range(len(counts))]
    assert all(one <= other or one >= other for one in rounds_of for other in rounds_of)


def test_the_order_is_random_and_can_be_had_again_from_its_seed():
    made = [list(schedule([6, 6, 6], np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_over_many_seeds_every_arm_is_first_and_every_order_comes_about_equally_often():
    orders = Counter(next(iter(schedule([1, 1, 1], np.random.default_rng(seed)))) for seed in range(1200))
    firsts = Counter(order[0] for order in orders.elements())
    assert len(orders) == 6
    assert all(abs(count - 200) < 5 * math.sqrt(1200 / 6 * 5 / 6) for count in orders.values())
    assert all(abs(count - 400) < 5 * math.sqrt(1200 / 3 * 2 / 3) for count in firsts.values())


# -- rounds -----------------------------------------------------------------------------------------------------------


def run(arms, counts, control=None, clock=None, **options):
    clock = clock or SimulatedClock()
    control = control or FakeControl()
    return rounds(arms, counts, clock=clock, rng=np.random.default_rng(0), control=control, **options)


def test_each_arm_runs_with_its_own_threads_and_its_own_loops():
    control, seen = FakeControl(current=7), []
    arms = [Arm(lambda i=i: seen.append((i, control.current)), threads=i + 1, loops=3) for i in range(3)]
    taken = list(run(arms, [2, 2, 1], control))
    assert Counter(seen) == Counter({(0, 1): 6, (1, 2): 12, (2, 3): 6})  # several threads start on the run
    assert control.counts() == {"fake": 7}
    assert {index: sum(index in each for each in taken) for index in range(3)} == {0: 2, 1: 2, 2: 1}
    assert {sample.loops for each in taken for sample in each.values()} == {3}


def test_no_arm_starts_while_threads_of_another_still_spin():
    clock, control, spinning = SimulatedClock(), FakeControl(), []

    def parallel():
        spinning.append(clock.spinning_ns)
        clock.advance(1000)
        clock.spinning_ns = 90_000_000

    def alone():
        spinning.append(clock.spinning_ns)
        clock.advance(1000)

    arms = [Arm(parallel, threads=2, cost_s=1.0), Arm(parallel, threads=4, cost_s=1.0), Arm(alone)]
    taken = list(run(arms, [8, 8, 8], control, clock))
    assert spinning == [0] * 24
    assert {sample.elapsed_ns for each in taken for sample in each.values()} == {1000}


def test_after_single_threaded_arms_nothing_is_waited_for():
    clock = SimulatedClock()
    list(run([Arm(lambda: None)] * 3, [4, 4, 4], clock=clock))
    assert clock.slept == []


def test_every_arm_is_announced_before_it_runs():
    log = []
    arms = [Arm(lambda i=i: log.append(("runs", i)), threads=1 + i, cost_s=1.0) for i in range(3)]
    list(run(arms, [3, 2, 1], before=lambda index: log.append(("announced", index))))
    assert len(log) == 12
    assert all(
        (first[0], second) == ("announced", ("runs", first[1]))
        for first, second in zip(log[::2], log[1::2], strict=True)
    )


def test_the_collector_is_off_in_a_round_and_on_between_rounds():
    inside = []
    for _ in run([Arm(lambda: inside.append(gc.isenabled()))] * 2, [3, 3]):
        assert gc.isenabled()
    assert inside == [False] * 6
    assert gc.isenabled()


def test_the_collector_comes_back_when_an_arm_raises_and_stays_off_where_it_was_off():
    def fails():
        raise ArithmeticError

    control = FakeControl(current=5)
    with pytest.raises(ArithmeticError):
        list(run([Arm(fails, threads=2)], [1], control))
    assert gc.isenabled()
    assert control.current == 5
    gc.disable()
    try:
        with collector_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_consumer_may_leave_at_any_round():
    control, calls = FakeControl(current=3), []
    taken = run([Arm(lambda: calls.append(1), threads=2, cost_s=1.0)], [9], control)
    next(taken)
    taken.close()
    assert len(calls) == 1
    assert control.current == 3
    assert gc.isenabled()


def test_rounds_leave_the_real_thread_counts_as_they_were():
    control = ThreadControl()
    before, seen = control.counts(), []
    list(run([Arm(lambda: seen.append(set(control.counts().values())))], [2], control))
    assert control.counts() == before
    assert all(counts <= {1} for counts in seen)
