"""Records as CSV, one row a sample, for spreadsheets and data frames; and back again."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from matbench.errors import RecordError
from matbench.model import Measurement, Samples
from matbench.record.files import printable
from matbench.record.reading import merge_measurements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matbench.model import Record

__all__ = ["COLUMNS", "record_from_csv", "samples_csv"]

_PROBLEM = ("m", "n", "k", "dtype", "layout", "seed")
_SAMPLE = ("process", "round", "loops", "elapsed_ns")
_INTEGERS = {"m", "n", "k", "seed", "threads", "first_call_ns", "allowed_bytes", *_SAMPLE}
COLUMNS = (
    *("record", "machine", "kernel"),
    *_PROBLEM,
    *("threads", "outcome", "reason", "first_call_ns", "error_over_bound", "allowed_bytes"),
    *_SAMPLE,
)
_OPTIONAL = {"record", "machine", "reason", "first_call_ns", "error_over_bound", "allowed_bytes"}

# A spreadsheet takes a text that begins so for a formula, whatever quotes surround it; full-width signs too.
_FORMULA = re.compile(r"\s*[=+\-@'＝＋－＠]|[\t\r\n]")


def samples_csv(record: Record) -> str:
    """All raw samples of `record`, one row each under the names in `COLUMNS`.

    A case without samples has one row whose last four cells are empty, so that what was skipped is not lost.
    `elapsed_ns` is the time of `loops` calls together, ns. A text that a spreadsheet would run as a formula
    begins with an apostrophe. Lines end in CR LF, as RFC 4180 has it.
    """
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)  # lines end in CR LF: only what is in the line end do all versions quote within a cell
    writer.writerow(COLUMNS)
    origin = (_text_cell(record.header.id), _text_cell(record.header.machine))
    for measurement in record.measurements:
        case_cells = (*origin, *_case_cells(measurement))
        writer.writerows((*case_cells, *sample_cells) for sample_cells in _sample_rows(measurement.samples))
    return sheet.getvalue()


def _case_cells(measurement: Measurement) -> tuple[object, ...]:
    case, problem = measurement.case, measurement.case.problem
    error = measurement.error
    return (
        _text_cell(case.kernel),
        *(problem.m, problem.n, problem.k, problem.dtype, problem.layout, problem.seed),
        case.threads,
        measurement.outcome,
        "" if measurement.reason is None else _text_cell(measurement.reason),
        measurement.first_call_ns,
        error if error is not None and math.isfinite(error) else None,  # as in the record itself
        measurement.bytes_allowed,
    )


def _sample_rows(samples: Samples) -> Iterator[tuple[object, ...]]:
    if not len(samples):
        return iter([("",) * len(_SAMPLE)])
    return zip(samples.process, samples.round, samples.loops, samples.elapsed_ns, strict=True)


def _text_cell(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def record_from_csv(text: str) -> tuple[Measurement, ...]:
    """The measurements in a table that `samples_csv` wrote, every sample in its order.

    Parameters
    ----------
    text
        The file's contents. The columns may stand in any order and others may stand beside them.

    Raises
    ------
    RecordError
        If a column is missing or a row does not hold what its column says.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        if missing := [name for name in COLUMNS if name not in names and name not in _OPTIONAL]:
            raise RecordError(f"the table lacks the column {missing[0]!r}; export it with `matbench export --to csv`")
        rows = (_measurement(_cells(row, names, reader.line_num), reader.line_num) for row in reader if row)
        return merge_measurements(rows)
    except csv.Error as error:
        raise RecordError(f"line {reader.line_num} of the table is no CSV ({error}); export it again") from error


def _cells(row: list[str], names: list[str], line: int) -> dict[str, str]:
    if len(row) != len(names):
        raise RecordError(f"line {line} of the table has {len(row)} cells, not {len(names)}; export it again")
    return dict(zip(names, row, strict=True))


def _measurement(cells: dict[str, str], line: int) -> Measurement:
    """The measurement with at most one sample that a row stands for."""
    try:
        found = {name: _value(name, cells.get(name, "")) for name in COLUMNS}
        return msgspec.convert(_nested(found), Measurement)
    except (ValueError, msgspec.ValidationError) as error:
        raise RecordError(f"line {line} of the table: {printable(error)}; correct it or export it again") from error


def _value(name: str, cell: str) -> Any:
    """What the cell of the column `name` holds; None where it is empty."""
    if not cell:
        return None
    if name in _INTEGERS:
        if not re.fullmatch(r"[0-9]{1,19}", cell):
            raise ValueError(f"{name} {printable(cell, 40)!r} is no whole number")
        return int(cell)
    if name == "error_over_bound":
        return _finite(cell)
    return cell.removeprefix("'")


def _finite(cell: str) -> float:
    value = float(cell) if re.fullmatch(r"[0-9.eE+-]{1,40}", cell) else math.nan
    if math.isfinite(value):
        return value
    raise ValueError(f"error_over_bound {printable(cell, 40)!r} is no finite number")


def _nested(found: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a row in the shape of a `Measurement`; a sample must be there wholly or not at all."""
    sample = [found[name] for name in _SAMPLE]
    if None in sample and any(value is not None for value in sample):
        raise ValueError(f"{_SAMPLE[sample.index(None)]} is empty")
    return {
        "type": "measurement",
        "case": {
            "kernel": found["kernel"],
            "problem": {name: found[name] for name in _PROBLEM},
            "threads": found["threads"],
        },
        "outcome": found["outcome"],
        "reason": found["reason"],
        "samples": {} if None in sample else {name: (found[name],) for name in _SAMPLE},
        "first_call_ns": found["first_call_ns"],
        "error": found["error_over_bound"],
        "bytes_allowed": found["allowed_bytes"],
    }
