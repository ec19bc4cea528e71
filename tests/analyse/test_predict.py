"""Predictions from a few rows: right as often as they claim, on made-up machines and on a measured one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.predict import DRIFT, predict_whole
from matbench.analyse.statistics import call_seconds, median_interval
from matbench.model import Case, Conditions, Environment, Header, Host, Measurement, Plan, Problem, Record, Samples
from matbench.record.store import find_records, read_record

RESULTS = Path(__file__).parents[2] / "results"
ROWS = (1, 2, 4)
TRIALS = 2000


def points_of(row_s, count=4):
    """Exact points, `count` a number of rows."""
    return [(m, row_s * m) for m in ROWS for _ in range(count)]


@pytest.mark.parametrize("row_s", [0.25, 3e-7, 1e4])
def test_exact_times_are_continued_exactly_and_widened_by_the_drift(row_s):
    found = predict_whole(points_of(row_s), 1000)
    assert found.estimate == pytest.approx(1000 * row_s, rel=1e-9)
    # Nothing scatters: what is left is the drift, a factor whose logarithm is 1.96 standard deviations.
    assert found.high / found.estimate == pytest.approx(np.exp(1.959964 * DRIFT), rel=1e-6)
    assert found.estimate / found.low == pytest.approx(np.exp(1.959964 * DRIFT), rel=1e-6)


@pytest.mark.parametrize(
    "points",
    [[], [(1, 0.1)] * 50, [(1, 0.1), (2, 0.2), (4, 0.4)]],
    ids=["nothing", "one number of rows", "three samples"],
)
def test_what_is_too_little_gives_no_prediction(points):
    assert predict_whole(points, 100) is None


def test_four_samples_over_two_numbers_of_rows_are_enough():
    assert predict_whole([(1, 0.1), (1, 0.1), (2, 0.2), (2, 0.2)], 1000).estimate == pytest.approx(100.0)


def test_one_row_that_was_interrupted_for_long_moves_the_upper_bound_alone():
    calm = predict_whole([(1, 0.1)] * 3 + [(2, 0.2)] * 3, 1000)
    hit = predict_whole([(1, 7.0)] + [(1, 0.1)] * 2 + [(2, 0.2)] * 3, 1000)
    assert (hit.estimate, hit.low) == (calm.estimate, calm.low)
    assert hit.high == pytest.approx(calm.high * 70)


@pytest.mark.parametrize("interrupted", [0.0, 0.03, 0.1])
def test_the_interval_holds_the_measured_whole_on_a_noisy_machine(interrupted):
    """Noise multiplies, a call in so many is 30 % slower, and minutes drift from seconds as far as `DRIFT` says."""
    rng = np.random.default_rng(round(1000 * interrupted))
    held, errors = 0, []
    for _ in range(TRIALS):
        row_s, sigma = rng.uniform(0.02, 0.3), rng.uniform(0.003, 0.05)
        m = np.repeat(ROWS, rng.integers(2, 12))
        slower = np.where(rng.random(m.size) < interrupted, 1.3, 1.0)
        seconds = row_s * m * np.exp(sigma * rng.standard_normal(m.size)) * slower
        mean = row_s * 1000 * np.exp(sigma**2 / 2) * (1 + 0.3 * interrupted)  # minutes meet every interruption
        truth = mean * np.exp(DRIFT * rng.standard_normal())
        found = predict_whole(list(zip(m.tolist(), seconds.tolist(), strict=True)), 1000)
        held += found is not None and found.low <= truth <= found.high
        errors.append(np.nan if found is None else np.log(found.estimate / truth))
    assert held / TRIALS >= 0.94
    assert abs(np.nanmedian(errors)) < 0.04


def test_times_that_scatter_more_give_a_wider_interval():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(12)
    calm, wild = (
        predict_whole([(m, s * np.exp(sigma * z)) for (m, s), z in zip(points_of(0.2), noise, strict=True)], 1000)
        for sigma in (0.01, 0.2)
    )
    assert wild.high - wild.low > (calm.high - calm.low)


@given(
    st.lists(st.tuples(st.integers(1, 10_000), st.floats(1e-21, 5e9)), max_size=30),
    st.integers(1, 2**20),
)
def test_whatever_a_file_claims_the_bounds_hold_the_estimate(points, rows):
    found = predict_whole(points, rows)
    if found is not None:
        assert 0 < found.low <= found.estimate <= found.high < float("inf")


@given(st.lists(st.tuples(st.integers(1, 10), st.floats(1e-6, 1e3)), min_size=4, max_size=20), st.integers(-8, 8))
def test_times_in_another_unit_are_predicted_alike(points, power):
    plain = predict_whole(points, 1000)
    scaled = predict_whole([(m, seconds * 2.0**power) for m, seconds in points], 1000)
    if plain is None or scaled is None:
        return
    assert scaled.estimate == pytest.approx(plain.estimate * 2.0**power, rel=1e-6)


@pytest.mark.parametrize(("rows", "answer"), [(1, True), (10, True), (11, False), (1000, False)])
def test_a_slab_has_at_most_a_hundredth_of_the_rows(rows, answer):
    assert Problem(rows, 1000, 1000).is_slab is answer


def test_a_few_rows_of_a_rectangle_are_no_slab():
    assert not Problem(1, 1000, 500).is_slab
    assert not Problem(1, 500, 1000).is_slab


def held_out(record: Record) -> dict[Case, tuple[list[tuple[int, float]], float]]:
    """Square cases that were measured whole and in slabs: points of the slabs, and the time of the whole, s."""
    points: dict[Case, list[tuple[int, float]]] = {}
    measured = [each for each in record.measurements if each.outcome != "wrong" and len(each.samples)]
    for each in measured:
        if each.case.problem.is_slab:
            whole = msgspec.structs.replace(each.case.problem, m=each.case.problem.n)
            case = msgspec.structs.replace(each.case, problem=whole)
            points.setdefault(case, []).extend((each.case.problem.m, s) for s in call_seconds(each.samples))
    return {
        each.case: (points[each.case], median_interval(call_seconds(each.samples)).estimate)
        for each in measured
        if each.case in points
    }


def newest_full() -> Record:
    """The newest complete record of the preset 'full'; without one the test is skipped."""
    for path in reversed(find_records(RESULTS)):
        record = read_record(path)
        if record.is_complete and record.header.plan.preset == "full":
            return record
    pytest.skip("results/ has no complete record of the preset full yet; make one: matbench run --preset full")


@pytest.mark.parametrize("kernel", ["python_lists", "python_arrays"])
def test_a_really_measured_1000_x_1000_loop_is_where_its_rows_predict_it(kernel):
    record = newest_full()
    found = {case.kernel: each for case, each in held_out(record).items() if case.problem.n == 1000}
    if kernel not in found:
        pytest.skip(f"{record.header.id} has {kernel} at 1000 not both whole and in slabs")
    points, measured = found[kernel]
    predicted = predict_whole(points, 1000)
    assert predicted.low <= measured <= predicted.high


def test_every_product_measured_whole_and_in_slabs_is_where_its_rows_predict_it():
    record = newest_full()
    found = held_out(record)
    if not found:
        pytest.skip(f"{record.header.id} has no product both whole and in slabs")
    for case, (points, measured) in found.items():
        predicted = predict_whole(points, case.problem.n)
        assert predicted.low <= measured <= predicted.high, case


def test_what_is_held_out_is_found_and_never_part_of_its_own_prediction():
    def measured(m, *seconds, outcome="measured"):
        elapsed_ns = tuple(round(each * 1e9) for each in seconds)
        none = (0,) * len(seconds)
        taken = Samples((1,) * len(seconds), elapsed_ns, none, tuple(range(len(seconds))))
        return Measurement(Case("python_lists", Problem(m, 1000, 1000)), outcome, samples=taken)

    plan = Plan("full", "matbench run", 1, 60.0, 7, 10**6, "python_lists", ())
    head = Header(
        id="a", created="", machine="m", host=Host(), environment=Environment(), conditions=Conditions(), plan=plan
    )
    slabs = (measured(1, 0.2, 0.2), measured(2, 0.4, 0.4))
    found = held_out(Record(head, measurements=(*slabs, measured(1000, 190.0))))
    assert list(found.values()) == [([(1, 0.2), (1, 0.2), (2, 0.4), (2, 0.4)], 190.0)]
    assert held_out(Record(head, measurements=slabs)) == {}
    assert held_out(Record(head, measurements=(*slabs, measured(1000, 1.0, outcome="wrong")))) == {}
