"""Intervals: exact against scipy, right as often as they claim, and equivariant."""

from __future__ import annotations

import math
import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom, sem
from scipy.stats import t as student

from matbench.analyse.rows import Interval
from matbench.analyse.statistics import (
    call_interval,
    call_seconds,
    median_interval,
    over_processes,
    paired_ratio,
    rank_of_bound,
)
from matbench.model import Samples

TRIALS = 2000
positive = st.floats(1e-9, 1e3)
many = st.lists(positive, min_size=1, max_size=40)
# Quantile functions: noise made from uniform numbers has its median at 1/2, exactly.
NOISE = {
    "lognormal": lambda u: np.exp(0.05 * ndtri(u)),
    "bimodal": lambda u: np.where(u < 0.7, 1 + 0.03 * u, 1.3 + 0.1 * u),
    "heavy-tailed": lambda u: (1 - u) ** (-1 / 0.8),  # Pareto: not even a mean
}


def taken(seconds, *, process=0, first_round=0, rounds=None) -> Samples:
    """One sample of a thousand calls a round."""
    rounds = rounds or range(first_round, first_round + len(seconds))
    elapsed_ns = tuple(max(1, round(each * 1e12)) for each in seconds)
    return Samples((1000,) * len(seconds), elapsed_ns, (process,) * len(seconds), tuple(rounds))


def bounds(interval: Interval) -> tuple[float, float]:
    """Its bounds, once they are known to be there."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_rank_is_the_largest_whose_tail_the_binomial_distribution_allows(confidence):
    for count in range(1, 201):
        tails = 2 * binom.cdf(np.arange(count), count, 0.5)
        allowed = int(np.count_nonzero(tails <= 1 - confidence))
        assert rank_of_bound(count, confidence) == (allowed or None)


def test_six_values_are_the_fewest_that_bound_a_median_with_95_percent():
    assert [rank_of_bound(count) for count in range(8)] == [None] * 6 + [1, 1]


def test_the_rank_of_very_many_values_is_that_of_the_normal_approximation():
    # A stranger's record may hold as many; binomial coefficients are too large for floats there.
    assert rank_of_bound(10_000) == pytest.approx(5000 - 1.96 * 50, abs=2)


@pytest.mark.parametrize("count", [6, 7, 11, 21])
@pytest.mark.parametrize("noise", NOISE)
def test_the_interval_holds_the_median_as_often_as_it_claims(noise, count):
    rng = np.random.default_rng([count, *noise.encode()])
    truth = float(NOISE[noise](np.float64(0.5)))
    drawn = NOISE[noise](rng.random((TRIALS, count))).tolist()
    held = sum(low <= truth <= high for low, high in (bounds(median_interval(row)) for row in drawn)) / TRIALS
    exact = 1 - 2 * binom.cdf(rank_of_bound(count) - 1, count, 0.5)
    error = math.sqrt(exact * (1 - exact) / TRIALS)
    assert exact >= 0.95
    assert held >= 0.95 - 3 * error
    assert held == pytest.approx(exact, abs=4 * error)


@pytest.mark.parametrize("confidence", [0.8, 0.99])
def test_more_confidence_takes_a_wider_interval(confidence):
    values = [float(each) for each in range(30)]
    low, high = bounds(median_interval(values))
    other = bounds(median_interval(values, confidence))
    assert (other[0] < low and other[1] > high) == (confidence > 0.95)


@given(many)
def test_the_bounds_hold_the_estimate_and_are_measured_values(values):
    found = median_interval(values)
    if len(values) < 6:
        assert (found.low, found.high) == (None, None)
    else:
        low, high = bounds(found)
        assert low <= found.estimate <= high
        assert {low, high} <= set(values)


@given(many, st.integers(-20, 20))
def test_scaled_times_have_the_scaled_interval(values, power):
    scale = 2.0**power  # exact in binary
    found, scaled = median_interval(values), median_interval([each * scale for each in values])
    assert scaled.estimate == found.estimate * scale
    if found.low is not None:
        assert bounds(scaled) == tuple(bound * scale for bound in bounds(found))


@given(st.lists(positive, min_size=6, max_size=40))
def test_bounds_follow_any_growing_transformation_and_a_falling_one_swaps_them(values):
    low, high = bounds(median_interval(values))
    assert bounds(median_interval([math.log(each) for each in values])) == (math.log(low), math.log(high))
    assert bounds(median_interval([each**3 for each in values])) == (low**3, high**3)
    assert bounds(median_interval([-each for each in values])) == (-high, -low)


@given(many, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter(values, random):
    assert median_interval(random.sample(values, len(values))) == median_interval(values)


def test_the_time_of_a_call_is_the_samples_time_over_its_calls():
    assert call_seconds(Samples((1, 4), (3_000, 8_000), (0, 0), (0, 1))) == pytest.approx((3e-6, 2e-6))
    assert call_seconds(Samples()) == ()


pairs = st.lists(st.tuples(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0)), min_size=1, max_size=30)


@given(pairs)
def test_swapping_the_labels_gives_the_reciprocal(times):
    a, b = taken([each for each, _ in times]), taken([each for _, each in times])
    there, back = paired_ratio(a, b), paired_ratio(b, a)
    assert back.estimate == pytest.approx(1 / there.estimate)
    if there.low is None:
        assert (back.low, back.high) == (None, None)
    else:
        low, high = bounds(there)
        assert bounds(back) == pytest.approx((1 / high, 1 / low))


@given(st.lists(st.integers(1, 10**6), min_size=6, max_size=30))
def test_what_a_whole_round_suffers_cancels_exactly(factors):
    plain = paired_ratio(taken([0.007] * len(factors)), taken([0.002] * len(factors)))
    shaken = paired_ratio(taken([0.007 * each for each in factors]), taken([0.002 * each for each in factors]))
    for found in (plain, shaken):
        assert (found.estimate, *bounds(found)) == pytest.approx((3.5, 3.5, 3.5), rel=1e-12)


@given(st.lists(positive, min_size=1, max_size=12))
def test_a_case_is_as_fast_as_itself(times):
    same = taken(times)
    found = paired_ratio(same, same)
    assert found == (Interval(1.0, 1.0, 1.0) if len(times) >= 6 else Interval(1.0))


def test_the_order_of_samples_within_a_record_does_not_matter():
    rng = np.random.default_rng(5)
    times = rng.lognormal(-5, 0.3, (2, 15))
    a, b = (taken(row.tolist()) for row in times)
    order = rng.permutation(15)
    columns = msgspec.structs.astuple(b)
    assert paired_ratio(a, Samples(*(tuple(column[i] for i in order) for column in columns))) == paired_ratio(a, b)


def test_rounds_of_one_alone_are_ignored_once_enough_are_common():
    base, other = [0.010, 0.011, 0.012, 0.013, 0.014, 0.015], [0.001] * 6
    common = paired_ratio(taken(base, first_round=3), taken(other, first_round=3))
    more = paired_ratio(
        taken([9.0, 9.0, 9.0, *base]),
        taken([*other, 5.0, 5.0], first_round=3),
    )
    assert more == common
    assert (common.estimate, *bounds(common)) == pytest.approx((math.sqrt(12 * 13), 10, 15))


@pytest.mark.parametrize("common", range(6))
def test_fewer_than_six_common_rounds_give_the_ratio_of_medians_without_an_interval(common):
    base = taken([0.004] * 10)
    other = taken([0.002] * 10, first_round=10 - common)
    assert paired_ratio(base, other) == Interval(pytest.approx(2.0))


def test_rounds_of_the_same_number_in_two_processes_are_not_the_same():
    base, other = taken([0.004] * 6), taken([0.002] * 6, process=1)
    assert paired_ratio(base, other).low is None
    assert paired_ratio(base.joined(taken([0.006] * 6, process=1)), other).estimate == pytest.approx(3.0)


def test_without_samples_there_is_no_ratio():
    assert paired_ratio(Samples(), taken([1.0])) is None
    assert paired_ratio(taken([1.0]), Samples()) is None


def test_a_machine_that_slows_down_biases_the_ratio_of_medians_and_not_the_paired_one():
    """The base is sampled in the first rounds only, as it is when it takes long; then the machine slows down."""
    rng = np.random.default_rng(11)
    held, medians = 0, []
    for _ in range(200):
        drift = np.where(np.arange(30) < 10, 1.0, 1.4)
        noise = rng.lognormal(0, 0.02, (2, 30))
        base, other = 0.05 * drift * noise[0], 0.01 * drift * noise[1]
        low, high = bounds(paired_ratio(taken(base[:10].tolist()), taken(other.tolist())))
        held += low <= 5.0 <= high
        medians.append(np.median(base[:10]) / np.median(other))
    assert held / 200 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)
    assert np.mean(medians) == pytest.approx(5.0 / 1.4, rel=0.02)


def test_where_enough_processes_share_rounds_each_is_one_observation():
    """Rounds of one process are alike: eight processes of twenty rounds are eight observations, not 160."""
    rng = np.random.default_rng(3)
    base, other, ratios = Samples(), Samples(), []
    for process in range(8):
        own = math.exp(0.05 * rng.standard_normal())
        base = base.joined(taken((0.01 * own * rng.lognormal(0, 0.001, 20)).tolist(), process=process))
        other = other.joined(taken((0.005 * rng.lognormal(0, 0.001, 20)).tolist(), process=process))
        ratios.append(2 * own)
    found = paired_ratio(base, other)
    assert bounds(found) == pytest.approx((min(ratios), max(ratios)), rel=0.002)
    assert found.estimate == pytest.approx(np.median(ratios), rel=0.002)


def in_processes(processes):
    base, other = Samples(), Samples()
    for process in range(processes):
        base = base.joined(taken([0.010 + 0.001 * process] * 9, process=process))
        other = other.joined(taken([0.001] * 9, process=process))
    return base, other


def test_two_processes_are_too_few_and_their_rounds_are_none_the_more():
    base, other = in_processes(2)
    assert paired_ratio(base, other) == Interval(pytest.approx(10.5, rel=0.01))
    assert call_interval(base) == Interval(pytest.approx(0.0105, rel=0.01))


@pytest.mark.parametrize("processes", range(3, 6))
def test_three_to_five_processes_have_student_s_interval_of_their_logarithms(processes):
    base, other = in_processes(processes)
    logs = np.log([10 + process for process in range(processes)])
    ends = student.interval(0.95, processes - 1, logs.mean(), sem(logs))
    found = paired_ratio(base, other)
    assert (found.estimate, *bounds(found)) == pytest.approx(np.exp([logs.mean(), *ends]))
    found = call_interval(base)
    assert (found.estimate, *bounds(found)) == pytest.approx(1e-3 * np.exp([logs.mean(), *ends]))


def test_rounds_of_one_of_several_processes_tell_nothing_of_the_others():
    """The base was too dear for the second process: what is common is of the first alone."""
    base, both = taken([0.010, 0.011] * 4), Samples()
    for process in range(2):
        both = both.joined(taken([0.001] * 8, process=process))
    assert paired_ratio(base, taken([0.001] * 8)).low is not None
    assert paired_ratio(base, both) == Interval(pytest.approx(10.5, rel=0.01))


@given(st.lists(st.lists(positive, min_size=1, max_size=5), min_size=1, max_size=12))
def test_the_time_of_a_call_is_observed_once_a_process_however_many_its_rounds_are(processes):
    samples = Samples()
    for process, times in enumerate(processes):
        samples = samples.joined(taken(times, process=process))
    units = processes[0] if len(processes) == 1 else [float(np.median(times)) for times in processes]
    found, expected = call_interval(samples), median_interval(units)
    middle = statistics.geometric_mean(units) if 3 <= len(processes) <= 5 else expected.estimate
    assert found.estimate == pytest.approx(middle, rel=1e-3)
    assert (found.low is None) == (len(units) < (6 if len(processes) == 1 else 3))


def test_the_rule_for_values_is_that_for_pairs():
    base, other = Samples(), Samples()
    for process in range(7):
        base = base.joined(taken([0.010 + 0.001 * process, 0.020], process=process))
        other = other.joined(taken([0.001, 0.002], process=process))
    ours, theirs = call_seconds(base), call_seconds(other)
    keys = list(zip(base.process, base.round, strict=True))
    logs = {key: math.log(one / two) for key, one, two in zip(keys, ours, theirs, strict=True)}
    found = over_processes(logs)
    assert bounds(paired_ratio(base, other)) == tuple(map(math.exp, bounds(found)))
    assert over_processes({}) is None
