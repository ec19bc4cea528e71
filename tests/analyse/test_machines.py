"""Runs side by side: only like cells, only common ones, ratios with their drift, and nothing mixed in silence."""

import itertools
import math
import random

import msgspec
import numpy as np
import pytest
from compare_examples import BLAS, SIZES, SPREAD, ladder, measured, other, record, roof, skipped
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.compare_drift import LEAST_DRIFT, UNTOLD_DRIFT, mean_ratios, ratios_between, word_of
from matbench.analyse.compare_facts import differing, facts_of
from matbench.analyse.compare_runs import distinct_names, reduce_record
from matbench.analyse.machines import AXES, compare
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import call_interval, call_seconds, median_interval
from matbench.errors import UsageError
from matbench.model import Conditions, KernelCard, Measurement, Samples


def run(made, name=None, fault=None):
    return reduce_record(made, name or made.header.machine, fault)


def pair(first=None, second=None, **options):
    return compare([run(first or record(), "first"), run(second or other(), "second")], **options)


def words(found, place=1):
    return {found.word(place, cell) for cell in range(len(found.cells))}


# -- one run -----------------------------------------------------------------------------------------------------------


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


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**12)), min_size=1, max_size=40))
def test_the_quick_summary_is_the_median_and_interval_of_the_statistics_module(values):
    size = len(values)
    taken = Samples(tuple(a for a, _ in values), tuple(b for _, b in values), (0,) * size, tuple(range(size)))
    assert seconds_of(taken) == exactly(median_interval(call_seconds(taken)))


@given(st.lists(st.lists(st.integers(1, 10**12), min_size=1, max_size=5), min_size=1, max_size=9))
def test_it_is_over_processes_as_that_of_the_statistics_module_is(processes):
    taken = in_processes(processes)
    assert seconds_of(taken) == exactly(call_interval(taken))


def test_many_rounds_of_few_processes_are_no_many_observations():
    steady, apart = in_processes([[1000] * 20] * 2), in_processes([[1000] * 20, [1100] * 20])
    assert all(math.isnan(bound) for each in (steady, apart) for bound in seconds_of(each)[1:])
    middle, low, high = seconds_of(in_processes([[1000 + 10 * process] * 20 for process in range(6)]))
    assert (middle, low, high) == pytest.approx((1.025e-6, 1e-6, 1.05e-6))


def test_a_run_keeps_no_samples_and_no_plan_but_knows_what_it_is():
    reduced = run(record())
    assert len(reduced.cells) == len(ladder())
    assert reduced.header.plan.blocks == ()
    assert reduced.peaks == pytest.approx({"float64/1": 60e9 / 0.999, "float64/2": 120e9 / 0.999}, rel=1e-6)
    assert reduced.fault is None
    assert reduced.doubt is None


def test_what_was_skipped_is_missing_with_its_reason():
    reduced = run(record(measurements=(*ladder(), skipped("python_lists", 4096, "the budget is used up"))))
    assert [(cell.n, reason) for cell, reason in reduced.missing.items()] == [(4096, "the budget is used up")]


def test_a_wrong_result_has_no_time():
    (first, *rest) = ladder()
    wrong = Measurement(first.case, outcome="wrong", reason="off by 2", samples=first.samples)
    reduced = run(record(measurements=(wrong, *rest)))
    assert len(reduced.cells) == len(rest)
    assert "wrong" in next(iter(reduced.missing.values()))


def test_more_threads_than_the_quota_allows_are_throttled_and_left_out():
    reduced = run(record(conditions=Conditions(cpu_quota=1.5)))
    assert {cell.threads for cell in reduced.cells} == {1}
    assert all("throttled" in reason and "1.5" in reason for reason in reduced.missing.values())


def test_a_point_above_its_roof_makes_a_run_invalid():
    reduced = run(record(measurements=(*ladder(), measured("numba_ikj", 512, 2 * 512**3 / 70e9))))
    assert "INVALID" in reduced.fault
    assert "numba_ikj" in reduced.fault


def test_stolen_time_leaves_the_figures_and_takes_the_verdicts():
    before, after = Conditions(steal_ticks=0, total_ticks=100), Conditions(steal_ticks=20, total_ticks=200)
    found = pair(record(conditions=before, in_the_end=after))
    assert "20 %" in found.runs[0].doubt
    assert words(found) == {"INVALID"}
    assert found.ratio(1, 0).low is not None


def test_an_unfinished_run_is_flagged():
    assert any("did not reach its end" in flag for flag in run(record(end=False)).flags)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_names_differ_whatever_the_labels_are(count):
    headers = [record(mark=f"{place:06}").header for place in range(count)]
    headers += [record(mark="000000").header, other().header]
    names = distinct_names(headers)
    assert len(set(names)) == len(headers)
    assert names[-1] == "loud-magpie"


def test_runs_under_other_versions_of_python_are_called_by_them():
    headers = [record(python=version).header for version in ("3.11.7", "3.13.1")]
    assert distinct_names(headers) == ("quiet-heron (Python 3.11.7)", "quiet-heron (Python 3.13.1)")


def test_a_run_that_was_limited_to_some_cpus_is_called_so():
    whole, limited = record(), record(mark="000001", conditions=Conditions(affinity=1))
    assert distinct_names([limited.header]) == ("quiet-heron (1 of 4 CPUs)",)
    assert distinct_names([whole.header, limited.header]) == ("quiet-heron", "quiet-heron (1 of 4 CPUs)")
    newer = record(mark="000002", python="3.13.1")
    assert distinct_names([each.header for each in (whole, limited, newer)]) == (
        "quiet-heron (Python 3.11.7)",
        "quiet-heron (Python 3.11.7, 1 of 4 CPUs)",
        "quiet-heron (Python 3.13.1)",
    )
    again = record(mark="000003")
    assert distinct_names([each.header for each in (whole, again, limited)]) == (
        "quiet-heron/3f9a1c",
        "quiet-heron/000003",
        "quiet-heron/000001 (1 of 4 CPUs)",
    )


def test_a_limit_on_the_cpus_is_a_difference_that_is_told_first():
    found = pair(record(), record(mark="000001", conditions=Conditions(affinity=1)))
    assert found.is_one_machine
    assert {fact.name: fact.values for fact in found.facts}["usable CPUs"] == ("4", "1")
    assert "not all runs could use the same number of CPUs" in found.remarks


# -- several runs ------------------------------------------------------------------------------------------------------


def test_a_run_equals_itself_in_every_cell():
    found = pair(record(), record(mark="000001"))
    assert words(found) == {"EQUIVALENT"}
    assert found.is_one_machine
    assert found.ratios[1, 0] == pytest.approx(1.0)


def test_a_machine_that_is_slower_in_all_is_slower_in_each_cell_and_in_the_mean():
    found = pair()
    assert words(found) == {"SLOWER"}
    (group,) = found.groups()
    assert found.mean(1, group).ratio.estimate == pytest.approx(1 / 1.5, rel=1e-4)
    assert found.mean(1, group).word == "SLOWER"
    assert not found.is_one_machine


def test_the_other_way_round_every_ratio_is_the_reciprocal():
    there, back = pair(), pair(base=1)
    assert back.base == 1
    assert there.ratios[1, 0] == pytest.approx(1 / back.ratios[0, 0])
    assert there.ratios[1, 1] == pytest.approx(1 / back.ratios[0, 2])
    assert there.ratios[1, 2] == pytest.approx(1 / back.ratios[0, 1])


def test_rates_are_shares_of_each_ones_own_peak():
    found = pair()
    matmul = next(
        place for place, cell in enumerate(found.cells) if cell.kernel == "numpy_matmul" and cell.threads == 1
    )
    assert found.rates[:, matmul] == pytest.approx([50e9, 50e9 / 1.5], rel=1e-3)
    assert found.shares[:, matmul] == pytest.approx([50 / 60, 50 / 1.5 / 40], rel=2e-3)


def test_only_what_all_have_counts_and_the_rest_is_listed_with_its_reason():
    fewer = (*ladder(1.5, sizes=(16, 64)), skipped("python_lists", 256, "too slow"))
    found = pair(None, other(measurements=fewer))
    assert {cell.n for cell in found.cells} == {16, 64}
    assert {(each.cell.n, each.lacking) for each in found.excluded} == {(256, (1,)), (1000, (1,))}
    reasons = {each.reason for each in found.excluded if each.cell.kernel == "python_lists" and each.cell.n == 256}
    assert reasons == {"too slow"}


def same(*, dtype="float64", threads=1, layout="C"):
    seconds = 2 * 64**3 / 1e9
    return (measured("numba_ikj", 16, 1e-5), measured("numba_ikj", 64, seconds, threads, dtype, layout=layout))


@pytest.mark.parametrize("unlike", [{"dtype": "float32"}, {"threads": 2}, {"layout": "F"}])
def test_unlike_cells_are_never_compared(unlike):
    found = pair(record(measurements=same()), other(measurements=same(**unlike)))
    assert [cell.n for cell in found.cells] == [16]
    assert len(found.excluded) == 2


def test_namesakes_of_other_origin_are_other_kernels():
    theirs = other()
    cards = tuple(KernelCard(card.name, card.rung, card.idea, origin="elsewhere") for card in theirs.header.kernels)
    renamed = msgspec.structs.replace(theirs, header=msgspec.structs.replace(theirs.header, kernels=cards))
    with pytest.raises(UsageError, match="no cell in common"):
        pair(record(), renamed)


def test_the_seed_of_the_operands_does_not_matter():
    seeded = tuple(
        measured(each.case.kernel, each.case.problem.n, 1e-3, each.case.threads, seed=7) for each in ladder(sizes=(16,))
    )
    assert len(pair(record(), other(measurements=seeded)).cells) == len(seeded)


def test_element_types_have_means_of_their_own():
    both = (*ladder(), *ladder(dtype="float32"))
    slower = (*ladder(1.5), *ladder(1.5, dtype="float32"))
    found = pair(record(measurements=both), other(measurements=slower))
    assert [group.family for group in found.groups()] == ["float64", "float32"]
    assert pair(record(measurements=both), other(measurements=slower), dtype="float32").families == ("float32",)


@pytest.mark.parametrize("axis", AXES)
def test_groups_hold_every_common_cell_once_in_the_order_of_their_axis(axis):
    found = pair()
    groups = found.groups(axis)
    assert sorted(place for group in groups for place in group.places) == list(range(len(found.cells)))
    expected = {
        "kernel": ["python_lists", "numba_ikj", "numpy_matmul"],
        "n": [str(n) for n in SIZES],
        "threads": ["1", "2"],
    }
    assert [group.label for group in groups] == expected[axis]


def test_other_operations_have_means_of_their_own_and_no_rate_where_nothing_is_computed():
    moved = (measured("numpy_transpose", 64, 1e-5, operation="transpose"), *ladder(sizes=(64,)))
    slower = (measured("numpy_transpose", 64, 2e-5, operation="transpose"), *ladder(1.5, sizes=(64,)))
    found = pair(record(measurements=moved), other(measurements=slower))
    assert [group.family for group in found.groups()] == ["float64", "transpose, float64"]
    *_, last = found.groups()
    assert found.mean(1, last).ratio.estimate == pytest.approx(0.5)
    assert found.mean(1, last).share is None
    assert np.isnan(found.rates[:, last.places[0]]).all()


def test_kernels_from_elsewhere_have_times_and_no_rates():
    found = pair(foreign="matbench")
    assert np.isnan(found.rates).all()
    assert not np.isnan(found.ratios).any()


def test_sizes_can_be_chosen():
    assert {cell.n for cell in pair(shapes=((64, 64, 64),)).cells} == {64}


# -- what can't be compared --------------------------------------------------------------------------------------------


def test_one_run_alone_is_no_comparison():
    with pytest.raises(UsageError, match="one run alone"):
        compare([run(record())])


def test_an_invalid_run_is_set_aside_and_said():
    found = compare([run(record(), "a"), run(record(mark="000001"), "b", "INVALID: no"), run(other(), "c")])
    assert [each.name for each in found.runs] == ["a", "c"]
    assert found.aside == (("b", "INVALID: no"),)


def test_an_invalid_base_is_refused():
    with pytest.raises(UsageError, match="--baseline"):
        compare([run(record(), "a", "INVALID: no"), run(other(), "b")])


def test_one_run_and_an_invalid_one_are_no_comparison():
    with pytest.raises(UsageError, match="set aside"):
        compare([run(record(), "a"), run(other(), "b", "INVALID: no")])


def test_nothing_in_common_says_what_each_has():
    with pytest.raises(UsageError, match=r"float64.*float32|float32.*float64") as caught:
        pair(record(), other(measurements=ladder(dtype="float32")))
    assert "never mixed" in str(caught.value)


def test_what_nobody_has_is_said_with_what_there_is():
    with pytest.raises(UsageError, match="float64"):
        pair(dtype="int64")


# -- drift -------------------------------------------------------------------------------------------------------------


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


def test_the_noise_floor_of_the_machine_counts():
    found = pair(floors={"aa11": 0.07})
    assert found.drifts[1][1].size == 0.07
    assert "floor" in found.drifts[1][1].reason


def test_repeated_runs_of_one_machine_tell_its_drift():
    runs = [run(record(mark=f"{place:06}", measurements=ladder(factor)), str(place))
            for place, factor in enumerate((1.0, 1.08))]  # fmt: skip
    found = compare([*runs, run(other(), "other")])
    assert found.drifts[2][1].size == pytest.approx(math.log(1.08), rel=1e-3)
    assert "repeated" in found.drifts[2][1].reason
    assert found.drifts[1][1].size == LEAST_DRIFT, "two runs alone are not told from their own difference"


def test_too_few_samples_leave_a_ratio_without_an_interval_and_a_cell_open():
    few = tuple(measured("numba_ikj", n, 1e-9 * n**3, spread=SPREAD[:5]) for n in SIZES)
    found = pair(record(measurements=few), other(measurements=few))
    assert found.ratio(1, 0) == Interval(1.0)
    assert words(found) == {"INCONCLUSIVE"}
    assert found.mean(1, found.groups()[0]).ratio.low is None


def test_means_leave_out_cells_without_an_interval_where_others_have_one():
    found = pair(
        record(measurements=(*ladder(), measured("numba_ikj", 2048, 1.0, spread=SPREAD[:1]))),
        other(measurements=(*ladder(1.5), measured("numba_ikj", 2048, 9.0, spread=SPREAD[:1]))),
    )
    mean = found.mean(1, found.groups()[0])
    assert mean.ratio.estimate == pytest.approx(1 / 1.5, rel=1e-4)
    assert mean.cells == len(ladder())


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


# -- what differs ------------------------------------------------------------------------------------------------------


def test_hardware_comes_first_then_software_then_conditions():
    runs = [run(record(), "a"), run(other(python="3.13.1", conditions=Conditions(governor="powersave")), "b")]
    facts = differing(runs)
    groups = [fact.group for fact in facts]
    assert groups == sorted(groups, key=("hardware", "software", "conditions").index)
    found = {fact.name: fact.values for fact in facts}
    assert found["processor"] == ("AMD EPYC 9R14", "Intel Xeon 6975P")
    assert found["Python"] == ("3.11.7", "3.13.1")
    assert found["BLAS"] == ("openblas 0.3.30 SkylakeX", "mkl 2025.1 AVX512")


def test_equal_runs_differ_in_nothing():
    assert differing([run(record(), "a"), run(record(mark="000001"), "b")]) == ()


def test_what_only_one_run_tells_is_no_difference_but_a_variable_is():
    there = record(mark="000001", variables={"OMP_NUM_THREADS": "1"}, packages={"numpy": "2.4.6", "numba": "0.68"})
    (fact,) = differing([run(record(), "a"), run(there, "b")])
    assert (fact.name, fact.values) == ("OMP_NUM_THREADS", ("not set", "1"))


def test_another_blas_another_thread_limit_and_synthetic_runs_are_said_beforehand():
    said = " ".join(pair(None, other(variables={"OMP_NUM_THREADS": "1"}, preset="synthetic")).remarks)
    assert "BLAS" in said
    assert "OMP_NUM_THREADS" in said
    assert "synthetic" in said


def test_instruction_sets_are_told_by_what_not_all_have():
    def with_features(made, *features):
        cpu = msgspec.structs.replace(made.header.host.cpu, features=features)
        host = msgspec.structs.replace(made.header.host, cpu=cpu)
        return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, host=host))

    runs = [run(with_features(record(), "avx2", "fma"), "a"), run(with_features(record(), "avx2", "fma", "amx"), "b")]
    (fact,) = differing(runs)
    assert fact.values == ("only what all have", "also amx")


def test_the_machines_blas_is_that_of_numpy():
    assert facts_of(run(record(libraries=(BLAS, BLAS))))["software", "BLAS"] == "openblas 0.3.30 SkylakeX"
