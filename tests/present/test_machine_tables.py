"""A comparison as text, rows, an object and a page: complete, valid, and harmless whatever a record is called."""

import csv
import dataclasses
import io
import json
import re

import msgspec
import numpy as np
import pytest
from compare_examples import BLAS, SPREAD, ladder, measured, other, record, skipped

from matbench.analyse.compare_cells import Cell
from matbench.analyse.compare_drift import LEAST_DRIFT, Drift
from matbench.analyse.compare_runs import reduce_record
from matbench.analyse.machines import AXES, Comparison, compare
from matbench.model import Conditions, Problem
from matbench.present.machines.data import CSV_COLUMNS, comparison_csv, comparison_object
from matbench.present.machines.packed import ALPHABET, LEAST, PER_DECADE, packed, packed_times
from matbench.present.machines.page import comparison_page
from matbench.present.machines.panels import panels_of
from matbench.present.machines.tables import groups_grid, headline_cells, means_grid
from matbench.present.machines.text import comparison_text
from matbench.present.machines.told import headline, limit_text

HOSTILE = "<script>alert(1)</script>\"'|`=1+1](javascript:x)\u202e\x00\x1b[2J&amp;" + "x" * 500


def compared(*records, **options):
    made = records or (record(), other())
    return compare([reduce_record(each, each.header.machine + str(i)) for i, each in enumerate(made)], **options)


def many(runs=1000, cells=500):
    """A large comparison without the cost of its records."""
    names = [f"kernel_{place}" for place in range(cells // 20)]
    sizes = [16 * (place + 1) for place in range(20)]
    columns = tuple(Cell(name, 1, n, n, n, "float64", "C", "matmul", "matbench") for n in sizes for name in names)
    dice = np.random.default_rng(1)
    medians = dice.lognormal(-5, 2, (runs, 1, len(columns)))
    first = reduce_record(record(preset="synthetic"), "first")
    each = tuple(dataclasses.replace(first, name=f"synthetic-{place:04}", shares=None) for place in range(runs))
    return Comparison(
        runs=each,
        base=0,
        cells=columns,
        seconds=medians * np.array([1.0, 0.99, 1.01])[None, :, None],
        drifts=({1: Drift(LEAST_DRIFT, "made up")},) * runs,
    )


def tables(text):
    """The Markdown tables of a text, each as lists of cells."""
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, flags=re.MULTILINE)
    return [[re.split(r"(?<!\\)\|", line)[1:-1] for line in block.strip().splitlines()] for block in blocks]


# -- text --------------------------------------------------------------------------------------------------------------


def test_what_differs_comes_before_any_figure():
    text = comparison_text(compared())
    assert text.index("What differs") < text.index("Geometric means") < text.index("Cells") < text.index("How to read")
    assert "Intel Xeon 6975P" in text
    assert "the BLAS libraries differ" in text.replace("The BLAS", "the BLAS")


def test_the_same_cells_stand_side_by_side_absolute_relative_and_over_the_base():
    (cells,) = [each for each in tables(comparison_text(compared(), every=True)) if " 1: GFLOP/s " in each[0]]
    columns = [each.strip() for each in cells[0]]
    assert columns[4:] == ["1: GFLOP/s", "1: of peak", "2: GFLOP/s", "2: of peak", "2 over 1", "2 verdict"]
    line = next(
        row for row in cells if row[2].strip() == "numpy_matmul" and row[1].strip() == "1000" and row[3].strip() == "1"
    )
    assert [each.strip() for each in line[4:8]] == ["50.0", "83 %", "33.3", "83 %"]
    assert line[8].strip().startswith("0.667×")
    assert line[9].strip() == "SLOWER"


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("markdown", [True, False])
def test_every_table_is_valid_markdown(axis, markdown):
    for table in tables(comparison_text(compared(), axis, markdown=markdown)):
        assert len({len(row) for row in table}) == 1
        assert all(re.fullmatch(r" ?:?-+:? ?", cell) for cell in table[1])


def test_two_runs_of_one_machine_say_whether_anything_changed():
    same = comparison_text(compared(record(), record(mark="000001")))
    assert "quiet-heron1 is within 10 % of the base in every cell: 16 EQUIVALENT." in same
    assert "do not pair" in same
    slower = comparison_text(compared(record(), record(mark="000001", measurements=ladder(1.5))))
    assert "16 SLOWER" in slower
    assert "is within 10 %" not in slower


def test_what_is_inconclusive_is_not_told_as_unchanged():
    few = tuple(measured("numba_ikj", n, 1e-3, spread=SPREAD[:3]) for n in (16, 64))
    text = comparison_text(compared(record(measurements=few), record(mark="000001", measurements=few)))
    assert "quiet-heron1: no difference is certain (2 INCONCLUSIVE), a drift of " in text
    assert "changed" not in text.split("What differs")[0]


def test_two_versions_of_python_on_one_machine_are_told_apart():
    text = comparison_text(compared(record(), record(mark="000001", python="3.13.1", measurements=ladder(0.8))))
    assert "Its software is not the same: Python 3.11.7, 3.13.1" in text
    assert "16 FASTER" in text


def test_cells_that_count_in_no_mean_are_told_beside_those_that_do():
    found = compared(record(), other())
    total = len(found.groups()[0].places)
    assert f" of {total} in common" not in comparison_text(found)
    seconds = found.seconds.copy()
    seconds[1, 1:, 0] = np.nan  # a run that has no interval for the first cell
    assert f"{total - 1} cells of {total} in common" in comparison_text(dataclasses.replace(found, seconds=seconds))


def test_a_throttled_run_is_said_and_not_judged():
    stolen = Conditions(steal_ticks=0, total_ticks=0), Conditions(steal_ticks=30, total_ticks=100)
    text = comparison_text(compared(record(), other(conditions=stolen[0], in_the_end=stolen[1])))
    assert "throttled" in text
    assert "INVALID" in text
    assert "not judged" in text


def test_what_is_left_out_is_listed_with_the_reason():
    text = comparison_text(
        compared(record(), other(measurements=(*ladder(1.5, sizes=(16, 64)), skipped("numba_ikj", 256, "ill"))))
    )
    assert "numba_ikj at n = 256 (float64, 1 thread): ill in run 2" in text
    assert "n = 1000" in text


def test_a_ratio_without_an_interval_is_marked():
    few = tuple(measured("numba_ikj", n, 1e-3, spread=SPREAD[:3]) for n in (16, 64))
    assert "1.00\N{MULTIPLICATION SIGN}\N{DAGGER}" in comparison_text(
        compared(record(measurements=few), other(measurements=few))
    )


@pytest.mark.parametrize("count", [2, 4, 5, 8, 9, 30])
def test_however_many_runs_there_are_a_text_is_made_of_them(count):
    runs = [record(), *(other(mark=f"{place:06}", host_id=f"id{place}") for place in range(count - 1))]
    text = comparison_text(compared(*runs))
    assert f"{count} runs of {count} machines" in text
    assert max(map(len, text.splitlines())) < 1000


def test_the_headline_cells_are_those_of_the_largest_size_with_all_kernels():
    found = compared(record(measurements=(*ladder(), measured("numba_ikj", 4096, 20.0))),
                     other(measurements=(*ladder(1.5), measured("numba_ikj", 4096, 20.0))))  # fmt: skip
    assert {found.cells[place].n for place in headline_cells(found)} == {1000}


def test_hostile_names_stay_in_their_cells():
    text = comparison_text(compared(record(), hostile()), markdown=True, every=True)
    assert not {"\x00", "\x1b", "\u202e"} & set(text)
    assert "\\<script>" in text
    assert not re.search(r"(?<!\\)<script", text)
    for table in tables(text):
        assert len({len(row) for row in table}) == 1


def hostile():
    made = other(
        host={"cpu": HOSTILE, "hypervisor": HOSTILE}, libraries=(msgspec.structs.replace(BLAS, name=HOSTILE[:80]),)
    )
    header = msgspec.structs.replace(
        made.header, machine=HOSTILE[:80], plan=msgspec.structs.replace(made.header.plan, command=HOSTILE)
    )
    cases = tuple(
        msgspec.structs.replace(each, case=msgspec.structs.replace(each.case, kernel=HOSTILE[:80]))
        for each in made.measurements
        if each.case.kernel == "numba_ikj"
    )
    return msgspec.structs.replace(made, header=header, measurements=(*made.measurements, *cases))


# -- who leads ---------------------------------------------------------------------------------------------------------


def several(*factors, doubted=()):
    """Runs that take so many times as long as the base, some of them in doubt."""
    runs = [
        reduce_record(record(mark=f"{place:06}", host_id=f"id{place}", measurements=ladder(4 * factor)), f"run-{place}")
        for place, factor in enumerate((1.0, *factors))
    ]
    return compare([dataclasses.replace(run, doubt="throttled") if i in doubted else run for i, run in enumerate(runs)])


def test_the_fastest_in_the_mean_is_named_where_it_is_certain():
    assert "Fastest in the mean over all float64 cells: run-2, 2.00" in headline(several(1.5, 0.5, 1.5, 1.5))
    assert "No run is shown to be faster in the mean" in headline(several(1.5, 1.5, 1.5, 1.5))


def test_a_lead_that_is_not_certain_is_told_as_such():
    told = headline(several(0.99, 1.5, 1.5, 1.5))
    assert "Highest mean, which is no certain lead, over all float64 cells: run-1, 1.01" in told
    assert "Fastest" not in told


@pytest.mark.parametrize("count", [5, 9])
def test_a_run_in_doubt_stands_last_and_has_no_rank(count):
    found = several(0.25, 0.5, *(1.5,) * (count - 3), doubted={1})
    assert "Fastest in the mean over all float64 cells: run-2" in headline(found)
    rows = means_grid(found, found.groups()[0]).rows
    assert [row[2] for row in (rows[0], rows[-1])] == ["run-2", "run-1"]
    assert [row[0] for row in rows] == [*map(str, range(1, count)), "–"]
    assert comparison_page(found).count("data-doubted>") == 1
    assert not any("run-1" in row for row in groups_grid(found, "kernel").rows)


def test_over_a_base_in_doubt_nobody_is_called_the_fastest():
    found = several(0.25, *(1.5,) * 8, doubted={0})
    assert headline(found).endswith("No run is called the fastest: the figures are in doubt.")
    assert {row[0] for row in means_grid(found, found.groups()[0]).rows} == {"–"}
    assert {row[2] for row in groups_grid(found, "kernel").rows} == {"–"}


# -- for programs ------------------------------------------------------------------------------------------------------


def test_the_csv_has_every_cell_of_every_run():
    found = compared()
    rows = list(csv.DictReader(io.StringIO(comparison_csv(found))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == len(found.runs) * len(found.cells)
    assert {row["verdict"] for row in rows if row["run"] == "loud-magpie1"} == {"SLOWER"}
    assert {row["verdict"] for row in rows if row["run"] == "quiet-heron0"} == {""}


def test_no_cell_of_the_csv_is_a_formula():
    made = other()
    header = msgspec.structs.replace(made.header, machine="=1+1")
    text = comparison_csv(compared(record(), msgspec.structs.replace(made, header=header)))
    assert not [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell.startswith(("=", "@"))]


def test_the_object_is_plain_json_with_all_that_the_text_says():
    found = json.loads(msgspec.json.encode(comparison_object(compared())))
    assert {"schema", "base", "runs", "differences", "remarks", "set_aside", "means", "cells", "excluded"} <= set(found)
    assert found["base"] == "quiet-heron0"
    cell = found["cells"][-1]
    assert cell["ratio"]["low"][1] < cell["ratio"]["estimate"][1] < cell["ratio"]["high"][1]
    assert cell["verdict"] == [None, "SLOWER"]
    assert cell["gflops"][0] == pytest.approx(100, rel=1e-3)
    assert found["runs"][1]["drifts"][0]["size"] == LEAST_DRIFT
    assert {mean["of"] for mean in found["means"]} == {None, "python_lists", "numba_ikj", "numpy_matmul"}


def test_what_has_no_value_is_null_in_the_object():
    found = comparison_object(compared(record(ceilings=()), other(ceilings=())))
    assert {share for cell in found["cells"] for share in cell["peak_fraction"]} == {None}
    assert "NaN" not in msgspec.json.encode(found).decode()


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", [(), (record(), hostile())])
def test_the_page_names_nothing_outside_of_itself(records):
    page = comparison_page(compared(*records))
    visible = re.sub(r"data-[a-z]+=", "", page).split("<script")[0]
    assert re.findall(r"""(?:src|href|action|poster)=(?!["'](?:data:|#))""", visible) == []
    assert "url(" not in page
    assert "default-src &#39;none&#39;" in page


def test_hostile_names_are_text_on_the_page():
    page = comparison_page(compared(record(), hostile()))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert not {"\x00", "\x1b", "\u202e"} & set(page)


def test_the_island_can_be_read_back():
    found = compared()
    page = comparison_page(found)
    island = json.loads(
        re.search(r'<script type="application/json" id="comparison">(.*?)</script>', page, re.DOTALL)[1]
    )
    assert [run[0] for run in island["runs"]] == [run.name for run in found.runs]
    assert len(island["times"][0]) == 3 * len(found.cells)


def test_panels_stand_in_the_order_of_the_ladder():
    both = (*ladder(dtype="float32"), *ladder())
    found = compared(record(measurements=both), record(mark="000001", measurements=both))
    panels = panels_of(found, found.groups()[0])
    assert [(each.kernel, each.threads) for each in panels] == [
        ("python_lists", 1),
        ("numba_ikj", 1),
        ("numpy_matmul", 1),
        ("numpy_matmul", 2),
    ]
    assert all("GFLOP/s at n = 1000" in each.alt for each in panels)


def test_cells_without_a_rate_or_a_square_are_told_all_the_same():
    flat = tuple(
        msgspec.structs.replace(
            each, case=msgspec.structs.replace(each.case, problem=Problem(8, each.case.problem.n, 64))
        )
        for each in ladder(4.0)
    )
    found = compared(record(measurements=flat), other(measurements=flat), foreign="matbench")
    assert "8x1000x64" in comparison_text(found, every=True)
    page = comparison_page(found)
    assert "8x1000x64" in page
    assert 'class="panels"' not in page
    assert comparison_csv(found).count("\n") == 1 + 2 * len(found.cells)


def test_packed_times_are_right_to_a_fiftieth_of_a_percent():
    seconds = np.geomspace(1e-11, 1e8, 500)
    text = packed_times(seconds)
    for place, exact in enumerate(seconds):
        steps = 0
        for sign in text[3 * place : 3 * place + 3]:
            steps = 64 * steps + ALPHABET.index(sign)
        assert 10 ** (steps / PER_DECADE + LEAST) == pytest.approx(exact, rel=2e-4)


def test_a_thousand_machines_make_a_page_below_three_megabytes():
    found = many()
    page = comparison_page(found)
    assert len(page.encode()) < 3_000_000
    assert page.count("<tr data-run=") == 1000
    assert "1000 of 1000 runs are synthetic" in page
    assert 'class="band"' in page


def test_too_many_figures_are_cut_to_what_can_be_mailed():
    held = packed(many(runs=1500, cells=600))
    assert sum(map(len, held["times"])) <= 1_800_000
    assert len(held["cells"]) < 600


# -- what limits it ----------------------------------------------------------------------------------------------------

SMALL = {"measurements": ladder(sizes=(16,))}


def test_the_one_run_that_has_few_cells_is_named_with_the_remedy():
    found = compared(record(), record(mark="000001"), record(mark="000002", **SMALL))
    lost, others = len(ladder(sizes=(64, 256, 1000))), len(ladder())
    said = (
        f"run quiet-heron2 lacks {lost} of the {others} cells that the other 2 have in common: leave it out, or name "
        "the runs to compare, and all of them count"
    )
    assert limit_text(found) == said
    text = comparison_text(found)
    assert text.index(f"R{said[1:]}.") < text.index("Geometric means")
    assert comparison_object(found)["remarks"][0] == said


def test_several_small_runs_of_one_plan_limit_it_together():
    small = [record(mark=f"00000{place}", **SMALL) for place in range(2)]
    found = compared(*[record(mark=f"00001{place}") for place in range(3)], *small)
    assert limit_text(found).startswith("runs quiet-heron3 and quiet-heron4 lack ")


@pytest.mark.parametrize(
    "records",
    [
        (record(), record(mark="000001")),  # all have the same
        (record(), record(mark="000001", **SMALL)),  # of two, none is the exception
        (record(), record(mark="000001", **SMALL), record(mark="000002", **SMALL)),  # most are small
        (record(), record(mark="000001"), record(mark="000002", measurements=ladder(sizes=(16, 64, 256)))),  # a little
    ],
)
def test_no_run_is_blamed_where_leaving_it_out_would_not_double_the_cells(records):
    assert limit_text(compared(*records)) is None
