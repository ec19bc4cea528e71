"""Predictions from a few rows: right as often as they claim, on made-up machines and on a measured one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.predict import DRIFT, predict_whole
from matbench.analyse.statistics import call_seconds, median_interval
from matbench.model import Case, Conditions, End, Environment, Header, Host, Measurement, Plan, Problem, Record, Samples
from matbench.record.journal import Journal
from matbench.record.listing import Wanted, chosen, list_files
from matbench.record.store import find_records, read_record

RESULTS = Path(__file__).parents[2] / "results"
ROWS = (1, 2, 4)
TRIALS = 2000
Held = dict[Case, tuple[list[tuple[int, float]], float]]  # of each: rows and seconds of slabs, s of the whole


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


def held_out(record: Record) -> Held:
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


@functools.cache
def held_out_of(path: Path) -> Held:
    """What a kept record has both ways; nothing where it is incomplete."""
    record = read_record(path)
    return held_out(record) if record.is_complete else {}


def newest_with(told: str, of_interest: Callable[[Case], bool], results: Path = RESULTS) -> Held:
    """Of the newest kept run of the preset full that has any such product both whole and in slabs, those products.

    A later run that lacks them, for want of time, takes nothing away: an older one that has them is judged then. Where
    no run at all has them, the test is skipped.
    """
    listed, _ = list_files(reversed(find_records(results)), ends=False)
    for each in chosen(listed, Wanted(preset="full")):
        found = {case: held for case, held in held_out_of(each.path).items() if of_interest(case)}
        if found:
            return found
    pytest.skip(
        f"no kept run of the preset full has {told} both whole and in slabs; make one: matbench run --preset full"
    )


@pytest.mark.parametrize("kernel", ["python_lists", "python_arrays"])
def test_a_really_measured_1000_x_1000_loop_is_where_its_rows_predict_it(kernel):
    found = newest_with(f"{kernel} at 1000", lambda case: case.kernel == kernel and case.problem.n == 1000)
    for points, measured in found.values():
        predicted = predict_whole(points, 1000)
        assert predicted.low <= measured <= predicted.high


def test_every_product_measured_whole_and_in_slabs_is_where_its_rows_predict_it():
    for case, (points, measured) in newest_with("a product", lambda _: True).items():
        predicted = predict_whole(points, case.problem.n)
        assert predicted.low <= measured <= predicted.high, case


def test_of_several_kept_runs_the_newest_is_judged_that_has_what_is_asked_for(tmp_path):
    lists, arrays = Case("python_lists", Problem(1000, 1000, 1000)), Case("python_arrays", Problem(1000, 1000, 1000))
    kept(tmp_path, "20260101T000000Z-aaaaaa", lists, arrays)
    kept(tmp_path, "20260102T000000Z-bbbbbb", lists, factor=2)
    kept(tmp_path, "20260103T000000Z-cccccc", lists, arrays, preset="standard")
    assert newest_with("", lambda case: case == lists, tmp_path) == {lists: (SLABS, 400.0)}
    assert newest_with("", lambda case: case == arrays, tmp_path) == {arrays: (SLABS, 200.0)}
    with pytest.raises(pytest.skip.Exception, match=r"^no kept run of the preset full has it both whole .* make one"):
        newest_with("it", lambda case: case.problem.n == 512, tmp_path)


SLABS = [(1, 0.2), (1, 0.2), (2, 0.4), (2, 0.4)]  # rows, s


def samples_of(*seconds: float) -> Samples:
    elapsed_ns, none = tuple(round(each * 1e9) for each in seconds), (0,) * len(seconds)
    return Samples((1,) * len(seconds), elapsed_ns, none, tuple(range(len(seconds))))


def header_of(name: str = "a", preset: str = "full") -> Header:
    plan = Plan(preset, "matbench run", 1, 60.0, 7, 10**6, "python_lists", ())
    return Header(
        id=name, created="", machine="m", host=Host(), environment=Environment(), conditions=Conditions(), plan=plan
    )


def kept(results: Path, name: str, *cases: Case, factor: float = 1, preset: str = "full") -> None:
    """A run in a results folder: of each case two slabs, and the whole in 200 s times a factor."""
    with Journal.create(results, header_of(name, preset)) as journal:
        for case in cases:
            for rows, seconds in ((1, 0.2), (2, 0.4), (1000, 200.0 * factor)):
                part = msgspec.structs.replace(case, problem=msgspec.structs.replace(case.problem, m=rows))
                journal.append(Measurement(part, samples=samples_of(*(seconds,) * (1 if rows == 1000 else 2))))
        journal.finish(End(finished="", elapsed_s=1.0, conditions=Conditions()))


def test_what_is_held_out_is_found_and_never_part_of_its_own_prediction():
    def measured(m, *seconds, outcome="measured"):
        return Measurement(Case("python_lists", Problem(m, 1000, 1000)), outcome, samples=samples_of(*seconds))

    head = header_of()
    slabs = (measured(1, 0.2, 0.2), measured(2, 0.4, 0.4))
    found = held_out(Record(head, measurements=(*slabs, measured(1000, 190.0))))
    assert list(found.values()) == [(SLABS, 190.0)]
    assert held_out(Record(head, measurements=slabs)) == {}
    assert held_out(Record(head, measurements=(*slabs, measured(1000, 1.0, outcome="wrong")))) == {}
