"""The drift between runs: read from what tells it, in every interval, and beyond it alone is anything claimed."""

import math
import random

import numpy as np
import pytest
from compare_examples import ladder, other, pair, record, roof, run, words
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.compare_drift import LEAST_DRIFT, UNTOLD_DRIFT, mean_ratios, ratios_between, word_of
from matbench.analyse.machines import compare
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import median_interval


@pytest.mark.parametrize("factor", [1 / (1 + LEAST_DRIFT / 2), 1.0, 1 + LEAST_DRIFT / 2])
def test_nothing_within_the_drift_is_claimed(factor):
    found = pair(record(), record(mark="000001", measurements=ladder(factor)))
    assert not {"FASTER", "SLOWER"} & words(found)


def test_the_interval_holds_the_drift_on_both_sides():
    ratio = pair(record(), record(mark="000001")).ratio(1, 0)
    assert ratio.low < math.exp(-LEAST_DRIFT)
    assert ratio.high > math.exp(LEAST_DRIFT)


def test_a_change_of_pace_on_one_machine_is_drift():
    slower = (roof(50e9), roof(50e9, 2))
    found = pair(record(), record(mark="000001", ceilings=slower, measurements=ladder(1.15)))
    assert found.drifts[1][1].size == pytest.approx(math.log(60 / 50), rel=1e-3)
    assert "pace" in found.drifts[1][1].reason
    assert not {"FASTER", "SLOWER"} & words(found)


def test_another_machines_pace_is_no_drift():
    assert pair().drifts[1][1].size == LEAST_DRIFT


def test_a_pace_that_wandered_within_a_run_widens_the_interval():
    unsteady = (roof(wander=(0.9, 1.0, 1.1, 1.2, 1.3)),)
    assert pair(record(), other(ceilings=unsteady, measurements=ladder(3.0))).drifts[1][1].size > 0.1


def test_a_pace_that_changed_on_two_threads_only_is_the_drift_of_these():
    busy = (roof(), roof(45e9, 2))
    found = pair(record(), record(mark="000001", ceilings=busy, measurements=ladder(1.3)))
    assert found.drifts[1][2].size == pytest.approx(math.log(60 / 45), rel=1e-3)
    assert found.drifts[1][1].size == LEAST_DRIFT
    said = {cell.threads: found.word(1, place) for place, cell in enumerate(found.cells)}
    assert said == {1: "SLOWER", 2: "INCONCLUSIVE"}


def test_runs_that_tell_no_pace_may_drift_further():
    assert pair(record(ceilings=())).drifts[1][1].size == UNTOLD_DRIFT > LEAST_DRIFT


@pytest.mark.parametrize("name", ["first", "second"])
def test_the_noise_floor_of_the_machine_of_either_run_counts(name):
    found = pair(floors={name: 0.07})
    assert found.drifts[1][1].size == 0.07
    assert "floor" in found.drifts[1][1].reason


def test_repeated_runs_of_one_machine_tell_its_drift():
    runs = [run(record(mark=f"{place:06}", measurements=ladder(factor)), str(place))
            for place, factor in enumerate((1.0, 1.08))]  # fmt: skip
    found = compare([*runs, run(other(), "other")])
    assert found.drifts[2][1].size == pytest.approx(math.log(1.08), rel=1e-3)
    assert "repeated" in found.drifts[2][1].reason
    assert found.drifts[1][1].size == LEAST_DRIFT, "two runs alone are not told from their own difference"


@given(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=8), st.floats(0.5, 2.0))
def test_the_mean_of_ratios_scales_and_inverts_as_a_geometric_one(values, scale):
    ratios = np.array([values, [0.9 * each for each in values], [1.1 * each for each in values]])
    (mean,), (scaled,), (inverse,) = (
        mean_ratios(ratios[None]),
        mean_ratios(scale * ratios[None]),
        mean_ratios(1 / ratios[None]),
    )
    assert scaled.estimate == pytest.approx(scale * mean.estimate)
    assert inverse.estimate == pytest.approx(1 / mean.estimate)
    assert mean.low < mean.estimate < mean.high


@given(st.floats(-1.0, 1.0), st.floats(0.0, 0.5), st.floats(LEAST_DRIFT, 0.4))
def test_a_claim_excludes_one_and_exceeds_the_drift(centre, half, drift):
    ratio = Interval(math.exp(centre), math.exp(centre - half - drift), math.exp(centre + half + drift))
    word = word_of(ratio, drift)
    if word in {"FASTER", "SLOWER"}:
        assert abs(centre) > drift
        assert (centre > 0) == (word == "FASTER")
        assert not ratio.low <= 1 <= ratio.high
    mirrored = word_of(Interval(math.exp(-centre), 1 / ratio.high, 1 / ratio.low), drift)
    assert mirrored == {"FASTER": "SLOWER", "SLOWER": "FASTER"}.get(word, word)


def test_the_ratios_of_several_runs_are_those_of_each():
    dice = np.random.default_rng(3)
    base, runs = dice.lognormal(size=(3, 7)), dice.lognormal(size=(4, 3, 7))
    runs[1, 1:, 2] = base[1:, 5] = np.nan
    drifts = dice.uniform(0.03, 0.2, size=(4, 7))
    each = [ratios_between(base, own, drift) for own, drift in zip(runs, drifts, strict=True)]
    np.testing.assert_array_equal(ratios_between(base, runs, drifts), each)


def test_runs_of_unchanged_code_are_hardly_ever_told_apart():
    """A simulated machine: each run has its own pace, each cell its own place in memory, each sample its own noise."""
    dice, claims, cells = random.Random(7), 0, 0
    for _ in range(30):
        sides = []
        for _ in range(2):
            pace = dice.gauss(0, 0.01)
            column = []
            for _ in range(100):
                centre = pace + dice.gauss(0, 0.005)
                found = median_interval([math.exp(dice.gauss(centre, 0.02)) for _ in range(11)])
                column.append((found.estimate, found.low, found.high))
            sides.append(np.array(column).T)
        ratios = ratios_between(*sides, np.array([LEAST_DRIFT]))
        said = [word_of(Interval(*each), LEAST_DRIFT) for each in ratios.T.tolist()]
        claims += sum(word in {"FASTER", "SLOWER"} for word in said)
        cells += len(said)
    assert claims / cells < 0.01
