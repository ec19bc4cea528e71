"""A record reduced to what a comparison needs: its cells, its roof, why not to believe it, what it is called."""

import pytest
from compare_examples import ladder, measured, other, pair, record, run, skipped, words

from matbench.analyse.compare_runs import distinct_names
from matbench.model import Conditions, Measurement


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
