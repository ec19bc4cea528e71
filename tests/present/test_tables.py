import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.rows import Interval
from matbench.model import Problem
from matbench.present.tables import (
    ladder_table,
    overview_table,
    render_markdown,
    to_csv,
)

AT_256, AT_1000 = Problem(256, 256, 256), Problem(1000, 1000, 1000)


def cells_of(text):
    """The cells of the first Markdown table in `text`, without the heading rule."""
    lines = [line for line in text.split("\n\n")[0].splitlines() if not set(line) <= set("|:- ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_numbers_stand_to_the_right_and_words_to_the_left():
    assert render_markdown(["name", "s"], [["a", "1.5"], ["long name", "~12"]]).splitlines() == [
        "| name      |   s |",
        "| :-------- | --: |",
        "| a         | 1.5 |",
        "| long name | ~12 |",
    ]


def test_a_table_without_rows_keeps_its_headings():
    assert render_markdown(["a"], []) == "| a   |\n| :-- |"


@given(st.lists(st.text(max_size=30), min_size=3, max_size=3))
def test_no_foreign_text_breaks_out_of_its_cell(texts):
    lines = render_markdown(["x", "y", "z"], [texts]).split("\n")
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    bare = lines[2].replace("\\\\", "").replace("\\|", "")
    assert bare.count("|") == 4
    assert lines[2].isprintable()


def test_raw_html_and_links_are_defused():
    line = render_markdown(["x"], [["<script>![a](http://b) <1 %"]]).splitlines()[2]
    assert "\\<script>" in line
    assert "](" not in line
    assert "<1 %" in line


def test_the_ladder_has_a_line_for_each_measured_row_in_ladder_order(table):
    head, *lines = cells_of(ladder_table(table, AT_256))
    assert head == [
        *("rung", "kernel", "idea", "threads", "time of a call", "GFLOP/s"),
        *("speed-up over python_lists", "share of peak"),
    ]
    expected = [(r.case.kernel, str(r.case.threads)) for r in table.rows if r.case.problem == AT_256 and r.seconds]
    assert [(line[1], line[3]) for line in lines] == expected


def test_every_figure_of_the_ladder_is_that_of_its_row(made):
    row = made.row(made.card("fast"), 100, 0.002, base_s=1.0, by=0.1)
    line = cells_of(ladder_table(made.table([made.row(made.card(made.base), 100, 1.0), row]), row.case.problem))[2]
    assert line == ["fast", "an idea of its own", "2.00 ms [1.82, 2.20]", "1.00", "500× [455, 550]", "1.7 % [1.5, 1.8]"]


def test_columns_that_do_not_vary_are_left_out(made):
    rows = [made.row(made.card(name), 64, 0.01) for name in ("one", "two")]
    assert cells_of(ladder_table(made.table(rows), rows[0].case.problem, narrow=True))[0] == [
        "kernel",
        "time of a call",
        "GFLOP/s",
        "share of peak",
    ]


def test_a_thread_count_other_than_one_is_told_even_when_it_does_not_vary(made):
    rows = [made.row(made.card("one"), 64, 0.01, threads=2)]
    assert "threads" in cells_of(ladder_table(made.table(rows), rows[0].case.problem))[0]


def test_the_base_is_named_with_its_rate_and_threads(table):
    assert "the time of python_lists (0.0326 GFLOP/s on 1 thread)" in ladder_table(table, AT_256)


def test_what_is_extrapolated_is_marked_and_the_fitted_range_is_named(table):
    text = ladder_table(table, AT_1000)
    base, product = (next(x for x in cells_of(text) if x[1] == name) for name in ("python_lists", "numpy_matmul"))
    assert base[4].startswith("~")
    assert base[5].startswith("~")
    assert product[6].startswith("~")
    assert not product[4].startswith("~")
    assert "~ extrapolated, not measured: python_lists fitted on n = 16 to 257." in text


def test_a_base_that_was_measured_is_not_said_to_be_extrapolated_where_another_row_is(made):
    base = made.row(made.card(made.base), 100, 1.0)
    slow = made.row(
        made.card("slow"), 100, 3.0, base_s=1.0, base_extrapolated=True, extrapolated=True, fitted="1 to 2 rows"
    )
    text = ladder_table(made.table([base, slow]), slow.case.problem)
    assert "~ extrapolated, not measured: slow fitted on 1 to 2 rows." in text


def test_where_nothing_is_extrapolated_the_word_does_not_fall(table):
    assert "extrapolated" not in ladder_table(table, AT_256)


def test_a_figure_without_an_interval_is_marked(made):
    row = made.row(made.card("one"), 64, 0.01)
    text = ladder_table(made.table([_without_bounds(row)]), row.case.problem)
    assert "10.0 ms†" in text
    assert "† no interval" in text


@pytest.mark.parametrize(
    ("dtype", "command"),
    [("float64", "matbench run --sizes 64"), ("float32", "matbench run --sizes 64 --dtypes float32")],
)
def test_a_figure_of_two_processes_says_why_it_has_no_interval_and_what_to_do(made, dtype, command):
    row = made.row(made.card("one"), 64, 0.01, dtype=dtype)
    two = msgspec.structs.replace(_without_bounds(row), processes=2)
    text = ladder_table(made.table([two]), row.case.problem)
    assert "10.0 ms†" in text
    assert "† no interval: its samples are of two processes" in text
    assert "interrupted and resumed" in text
    assert text.splitlines()[-1].startswith("- †")
    assert f"measure it anew: {command}." in text


def test_where_only_some_are_of_two_processes_it_is_said_of_some_only(made):
    rows = [_without_bounds(made.row(made.card(name), 64, 0.01)) for name in ("one", "two")]
    rows = [msgspec.structs.replace(row, processes=count) for count, row in enumerate(rows, 1)]
    text = ladder_table(made.table(rows), rows[0].case.problem)
    assert "† no interval: some of them for samples of two processes, which can't tell" in text
    assert text.count("† no") == 1


def _without_bounds(row):
    return type(row)(case=row.case, card=row.card, seconds=Interval(0.01), rate=Interval(row.rate.estimate))


def test_the_seed_of_the_operands_does_not_hide_a_row(table):
    assert ladder_table(table, Problem(256, 256, 256, seed=7)) == ladder_table(table, AT_256)


def test_a_problem_without_times_says_so(table):
    assert ladder_table(table, Problem(3, 4, 5)) == "Nothing was measured at m x n x k = 3x4x5 (float64)."
    assert "Nothing" in overview_table(table, "float32")


def test_the_overview_has_a_column_for_each_square_size(table, made):
    head, *lines = cells_of(overview_table(table))
    assert head == ["kernel", "threads", *(f"n = {n}" for n in made.sizes)]
    by_name = {(line[0], line[1]): line[2:] for line in lines}
    assert by_name["python_arrays", "1"][-1] == "–"
    assert by_name["python_lists", "1"][-1] == "~0.0330"
    assert by_name["numpy_matmul", "1"][made.sizes.index(1024)] == "54.4"


def test_rectangular_problems_are_not_in_the_overview(made):
    row = made.row(made.card("one"), 64, 0.01)
    flat = type(row)(case=type(row.case)("flat", Problem(8, 64, 64)), card=made.card("flat"), seconds=row.seconds)
    assert "flat" not in overview_table(made.table([row, flat]))


def test_the_csv_holds_every_row_with_its_exact_numbers(table):
    lines = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert len(lines) == len(table.rows)
    for line, row in zip(lines, table.rows, strict=True):
        assert (line["kernel"], int(line["n"]), int(line["threads"])) == (
            row.case.kernel,
            row.case.problem.n,
            row.case.threads,
        )
        assert line["time_s"] == ("" if row.seconds is None else repr(row.seconds.estimate))
        assert line["speedup_high"] == ("" if row.speedup is None else repr(row.speedup.high))
        assert line["extrapolated"] == ("yes" if row.extrapolated else "no")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\N{FULLWIDTH EQUALS SIGN}1"])
def test_no_name_becomes_a_formula(made, name):
    line = next(csv.DictReader(io.StringIO(to_csv(made.table([made.row(made.card(name), 8, 1.0)])))))
    assert line["kernel"].startswith("'")


def test_a_case_that_was_stopped_is_marked_with_its_reason(made):
    rows = [made.row(made.card("python_lists"), 64, 1.0), made.row(made.card("numba_ijk"), 64, 0.1, ended="it hangs")]
    text = ladder_table(made.table(rows), Problem(64, 64, 64))
    marked = [line for line in text.splitlines() if "‡" in line]
    assert len(marked) == 2
    assert marked[0].startswith("| ")
    assert "numba_ijk" in marked[0]
    assert marked[1] == "- ‡ numba_ijk on 1 thread: it hangs."


@pytest.mark.parametrize(
    ("processes", "notes"),
    [
        ((1,), ["Intervals are over the rounds of one sampling process; another process may lie outside them."]),
        ((6, 9), ["Intervals are over 6 to 9 sampling processes, each of them one observation."]),
        (
            (1, 6),
            [
                "Intervals are over 6 sampling processes, each of them one observation.",
                "Rows of one process: over its rounds; another process may lie outside them.",
            ],
        ),
        (
            (4, 6),
            [
                (
                    "Intervals are over 4 to 6 sampling processes, each of them one observation; with three to five "
                    "of them it is Student's t interval of their logarithms."
                )
            ],
        ),
        ((), []),
    ],
)
def test_it_is_said_what_the_intervals_are_over(made, processes, notes):
    rows = [made.row(made.card(f"k{count}"), 64, 0.1, processes=count) for count in processes]
    rows.append(_without_bounds(made.row(made.card("other"), 64, 0.1, processes=2)))
    text = ladder_table(made.table(rows), Problem(64, 64, 64))
    assert [line[2:] for line in text.splitlines() if "process" in line] == notes
