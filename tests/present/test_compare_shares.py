"""Shares of the peak in a comparison: what each is over is told, and where the runs differ it is said beforehand."""

from __future__ import annotations

import csv
import io
import math

import msgspec
import pytest
from compare_examples import other, record, roof, run

from matbench.analyse.machines import compare
from matbench.present.machines.data import comparison_csv, comparison_object
from matbench.present.machines.page import comparison_page
from matbench.present.machines.text import comparison_text
from matbench.present.machines.told import mixed_text

ROUNDS = "chains of multiply-adds timed in the same rounds"
OF_RUN = "the fastest chain of multiply-adds of the run"


def compared(*records):
    return compare([run(each, f"run-{place}") for place, each in enumerate(records, 1)])


def paired(made, most=math.inf):
    """A record whose chains were sampled in the rounds of its blocks up to a size."""
    arms = {(each.case.problem, each.case.threads): None for each in made.measurements if each.case.problem.n <= most}
    chains = (msgspec.structs.replace(roof(threads=count, wander=(1.0,)), problem=problem) for problem, count in arms)
    return msgspec.structs.replace(made, ceilings=(*made.ceilings, *chains))


def test_shares_over_unlike_chains_are_said_before_the_figures_and_told_to_programs():
    found = compared(paired(record()), other())
    said = f"shares of peak are not all over the same: run 1 over {ROUNDS}, run 2 over {OF_RUN}; compare GFLOP/s"
    assert mixed_text(found) == said
    text = comparison_text(found)
    assert text.index(f"S{said[1:]}.") < text.index("Geometric means")
    assert f"S{said[1:]}." in comparison_page(found)
    told = comparison_object(found)
    assert said in told["remarks"]
    assert {tuple(cell["peak_beside"]) for cell in told["cells"]} == {("round", "run")}
    rows = list(csv.DictReader(io.StringIO(comparison_csv(found))))
    assert {(row["run"], row["peak_beside"]) for row in rows} == {("run-1", "round"), ("run-2", "run")}


@pytest.mark.parametrize("wrap", [lambda made: made, paired])
def test_shares_over_like_chains_are_compared_without_a_word(wrap):
    assert mixed_text(compared(wrap(record()), wrap(other()))) is None


def test_a_run_without_shares_differs_from_no_other():
    found = compared(paired(record()), other(ceilings=()))
    assert mixed_text(found) is None
    assert {tuple(cell["peak_beside"]) for cell in comparison_object(found)["cells"]} == {("round", None)}
    assert {row["peak_beside"] for row in csv.DictReader(io.StringIO(comparison_csv(found)))} == {"round", ""}


def test_runs_that_differ_in_some_cells_are_told_with_all_that_theirs_are_over():
    several = [other(mark=f"00000{place}") for place in range(5)]
    said = mixed_text(compared(paired(record(), most=64), paired(record(mark="000009")), *several))
    assert said == (
        f"shares of peak are not all over the same: run 1 over {ROUNDS} and {OF_RUN}, run 2 over {ROUNDS}, "
        f"5 of 7 runs over {OF_RUN}; compare GFLOP/s"
    )
