"""Samples as CSV and back."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_examples import FAST, distinct_measurements, header, record, samples

from matbench.errors import RecordError
from matbench.model import Case, Measurement, Problem
from matbench.record.exchange import COLUMNS, record_from_csv, samples_csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def changed(column: str, cell: str) -> str:
    """The example's table with another `cell` in its first row."""
    table = rows(samples_csv(record()))
    table[0][column] = cell
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, COLUMNS)
    writer.writeheader()
    writer.writerows(table)
    return sheet.getvalue()


def test_the_table_reads_so():
    text = samples_csv(record())
    assert text == (
        "record,machine,kernel,m,n,k,dtype,layout,seed,threads,outcome,reason,first_call_ns,error_over_bound,"
        "allowed_bytes,operation,process,round,loops,elapsed_ns\r\n"
        "20261122T161203Z-3f9a1c,icelake-2cpu-3f9a1c,numpy_matmul,64,64,64,float64,C,0,2,measured,,90000,0.1,,"
        "matmul,0,0,4,40000\r\n"
        "20261122T161203Z-3f9a1c,icelake-2cpu-3f9a1c,numpy_matmul,64,64,64,float64,C,0,2,measured,,90000,0.1,,"
        "matmul,0,1,4,41000\r\n"
        "20261122T161203Z-3f9a1c,icelake-2cpu-3f9a1c,numpy_matmul,64,64,64,float64,C,0,2,measured,,90000,0.1,,"
        "matmul,0,2,4,39000\r\n"
        "20261122T161203Z-3f9a1c,icelake-2cpu-3f9a1c,python_lists,64,64,64,float64,C,0,1,skipped,"
        "the budget is used up,,,,matmul,,,,\r\n"
    )


@settings(max_examples=60)
@given(distinct_measurements)
def test_every_sample_and_every_skipped_case_comes_back(values):
    # An empty reason is no reason: a cell can't tell them apart.
    kept = tuple(Measurement(**{**_fields(each), "reason": each.reason or None}) for each in values)
    assert record_from_csv(samples_csv(record(measurements=values))) == kept


def _fields(measurement: Measurement) -> dict[str, object]:
    return {name: getattr(measurement, name) for name in measurement.__struct_fields__}


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_no_text_cell_is_a_formula(text):
    value = Measurement(Case(text, Problem(1, 1, 1)), outcome="skipped", reason=text)
    (row,) = rows(samples_csv(record(header=header(record_id=text, machine=text), measurements=(value,))))
    for column in ("record", "machine", "kernel", "reason"):
        assert row[column].lstrip()[:1] not in set("=+-@＝＋－＠")
        assert row[column][0] not in "\t\r\n"
        assert row[column].removeprefix("'") == text or row[column] == text


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'quoted", " =1", "null", "nan", "1_0", 'ﬁ,"x"\n']
)
def test_texts_that_tempt_a_spreadsheet_come_back(text):
    value = Measurement(Case(text, Problem(1, 1, 1)), outcome="skipped", reason=text)
    assert record_from_csv(samples_csv(record(measurements=(value,)))) == (value,)


def test_rows_of_one_case_need_not_stand_together():
    first, second, *rest = samples_csv(record()).splitlines(keepends=True)[1:]
    head = samples_csv(record()).splitlines(keepends=True)[0]
    found = record_from_csv("".join([head, *rest, first, second]))
    assert {len(each.samples) for each in found} == {3, 0}


def test_columns_may_stand_in_any_order_beside_others():
    table = rows(samples_csv(record()))
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, ["note", *COLUMNS[::-1]], restval="mine")
    writer.writeheader()
    writer.writerows(table)
    assert record_from_csv(sheet.getvalue()) == record().measurements


def test_an_infinite_error_is_an_empty_cell():
    value = Measurement(FAST, outcome="wrong", reason="it is infinite", error=float("inf"), samples=samples(1))
    (found,) = record_from_csv(samples_csv(record(measurements=(value,))))
    assert found.error is None


@pytest.mark.parametrize(
    ("column", "cell", "part"),
    [
        ("m", "0", "Expected `int` >= 1"),
        ("m", "1_000", "no whole number"),
        ("m", "٣", "no whole number"),
        ("m", "", "Expected `int`, got `null`"),
        ("m", "9" * 5000, "no whole number"),
        ("elapsed_ns", "-5", "no whole number"),
        ("elapsed_ns", "", "elapsed_ns is empty"),
        ("elapsed_ns", "0", "Expected `int` >= 1"),
        ("error_over_bound", "inf", "no finite number"),
        ("error_over_bound", "1e999", "no finite number"),
        ("error_over_bound", "1e", "could not convert"),
        ("outcome", "guessed", "Invalid enum value"),
        ("dtype", "float16", "Invalid enum value"),
        ("kernel", "", "got `null`"),
    ],
)
def test_a_cell_that_is_not_what_its_column_says_is_told_with_its_line(column, cell, part):
    with pytest.raises(RecordError, match="line 2 of the table") as caught:
        record_from_csv(changed(column, cell))
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n",
        "kernel\nx\n",
        '"',
        samples_csv(record()) + "1,2\n",
        "\0",
        samples_csv(record()) + '"' + "x" * 200_000,
    ],
)
def test_a_table_of_something_else_is_refused(text):
    with pytest.raises(RecordError):
        record_from_csv(text)


@given(st.text(max_size=60), st.integers(0, len(samples_csv(record()))))
def test_random_damage_never_escapes_as_another_error(noise, at):
    text = samples_csv(record())
    for damaged in (noise, text[:at] + noise + text[at:]):
        with suppress(RecordError):
            record_from_csv(damaged)
