"""Rows as text: Markdown for people, CSV for programs."""

from __future__ import annotations

import csv
import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from matbench.analyse.ladder import fastest
from matbench.operations import PRODUCT
from matbench.present.choose import base_row, has_bounds, has_time, peak_of, rows_at, square_series
from matbench.present.shares import OTHER_CHAIN, share_notes, share_text, usual
from matbench.present.words import (
    bracket,
    clean,
    count_threads,
    escape_markdown,
    speed_of,
    speed_text,
    time_text,
    unit_of,
    where,
)
from matbench.units import format_bytes, format_factor, format_percent, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matbench.analyse.rows import Beside, Interval, Row, Share, SpeedUp, Table
    from matbench.model import Dtype, Problem

__all__ = [
    "bullets",
    "csv_text",
    "ladder_table",
    "overview_table",
    "render_markdown",
    "to_csv",
]

NO_INTERVAL = "†"
ENDED = "‡"  # it was stopped: there are fewer samples than planned
ONE_PROCESS = "Intervals are over the rounds of one sampling process; another process may lie outside them."
SOME_OF_ONE = "Rows of one process: over its rounds; another process may lie outside them."
TOO_FEW = 2  # processes: what their rounds scatter says nothing of other processes, and two are no sample of these
SIX = 6  # processes are the fewest for an interval by order statistics
NOTHING = "–"  # a cell that has no value
_NUMBER = re.compile(r"~?[<+-]?\d")
_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH COMMERCIAL AT}")


def render_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""An aligned Markdown table; columns of numbers stand to the right.

    Parameters
    ----------
    columns
        Headings.
    rows
        Cells, one for each heading. They are escaped here: foreign text is welcome.

    Returns
    -------
    str
        Lines joined by newlines, none at the end.

    Examples
    --------
    >>> print(render_markdown(["kernel", "GFLOP/s"], [["python_lists", "0.033"], ["a|b", "52"]]))
    | kernel       | GFLOP/s |
    | :----------- | ------: |
    | python_lists |   0.033 |
    | a\|b         |      52 |
    """
    cells = [[escape_markdown(cell) for cell in line] for line in (columns, *rows)]
    widths = [max(3, *(len(line[i]) for line in cells)) for i in range(len(columns))]
    right = [_is_numeric([line[i] for line in cells[1:]]) for i in range(len(columns))]
    rules = ["-" * (w - 1) + ":" if r else ":" + "-" * (w - 1) for w, r in zip(widths, right, strict=True)]
    lines = [cells[0], rules, *cells[1:]]
    return "\n".join("| " + " | ".join(_pad(line, widths, right)) + " |" for line in lines)


def _is_numeric(cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell not in {"", NOTHING}]
    return bool(told) and all(_NUMBER.match(cell) for cell in told)


def _pad(line: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    return [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)]


def ladder_table(table: Table, problem: Problem, *, narrow: bool = False) -> str:
    """The ladder at one problem: what each rung takes, how fast that is, over what, and how far from the peak.

    Parameters
    ----------
    table
        Where the rows are.
    problem
        Which of them; its seed does not matter.
    narrow
        Whether to leave out the idea, the widest column.

    Returns
    -------
    str
        A Markdown table with only the columns that vary, then a list of notes that name the base, mark what is
        extrapolated or has no interval. Skipped cases are in `left_out`.
    """
    rows = [row for row in rows_at(table, problem) if has_time(row)]
    if not rows:
        return f"Nothing was measured at {where(problem)}."
    columns = _ladder_columns(table, rows)
    if narrow:
        del columns["idea"]
    kept = {title: cells for title, cells in columns.items() if any(cells)}
    text = render_markdown(list(kept), list(zip(*kept.values(), strict=True)))
    return f"{text}\n\n{bullets(_ladder_notes(table, problem, rows))}".rstrip()


def _ladder_columns(table: Table, rows: Sequence[Row]) -> dict[str, list[str]]:
    """Title -> cells; a column that does not vary has only empty cells."""
    rungs = [row.card.rung for row in rows]
    threads = [row.case.threads for row in rows]
    columns = {
        "rung": rungs if len(set(rungs)) > 1 else [],
        "kernel": [row.case.kernel for row in rows],
        "idea": [row.card.idea for row in rows],
        "threads": [str(t) for t in threads] if set(threads) != {1} else [],
        "time of a call": [_time_cell(row) for row in rows],
        unit_of(table.operation): [speed_text(row) for row in rows],
        f"speed-up over {table.base}": [_speedup_cell(row, table.base) for row in rows],
        **_share_columns(table, rows),
    }
    return {title: cells or [""] * len(rows) for title, cells in columns.items()}


def _time_cell(row: Row) -> str:
    if row.seconds is None:
        return ""
    mark = "" if has_bounds(row.seconds) else NO_INTERVAL
    return ("~" if row.extrapolated else "") + time_text(row.seconds) + mark + (ENDED if row.ended else "")


def _share_columns(table: Table, rows: Sequence[Row]) -> dict[str, list[str]]:
    """How far from the limit of the hardware that an operation is told against: arithmetic or memory."""
    if unit_of(table.operation) == "GFLOP/s":
        most = usual(rows)
        return {"share of peak": [_peak_cell(row, most) for row in rows]}
    return {"share of memory bandwidth": [_memory_cell(row) for row in rows]}


def _peak_cell(row: Row, most: Beside) -> str:
    share = row.peak_share
    if share is None:
        return ""
    if row.extrapolated:
        return "~" + format_percent(share.estimate)
    mark = "" if share.low is not None else NO_INTERVAL
    return share_text(share) + mark + (OTHER_CHAIN if share.beside != most else "")


def _memory_cell(row: Row) -> str:
    share = row.bandwidth_fraction
    return "" if share is None else ("~" if row.extrapolated else "") + format_percent(share)


def _speedup_cell(row: Row, base: str) -> str:
    if row.case.kernel == base and row.case.threads == 1:
        return "1 (base)"
    if row.speedup is None:
        return ""
    over = "" if row.speedup.base == base else f" over {row.speedup.base}"
    return ("~" if _is_predicted(row) else "") + speedup_text(row.speedup) + over


def _is_predicted(row: Row) -> bool:
    """Whether the row's speed-up rests on a prediction, its own or the base's."""
    return row.extrapolated or (row.speedup is not None and row.speedup.extrapolated)


def speedup_text(speedup: Interval | SpeedUp) -> str:
    """A speed-up with its bounds, or with the mark that says that it has none."""
    value = format_factor(speedup.estimate)
    if speedup.low is None or speedup.high is None:
        return value + NO_INTERVAL
    return value + bracket(format_factor(max(speedup.low, 0.0))[:-1], format_factor(speedup.high)[:-1])


def _ladder_notes(table: Table, problem: Problem, rows: Sequence[Row]) -> list[str]:
    rates = any(speed_of(row) is not None for row in rows)
    notes = [f"At {where(problem)}" + (f"; {_rate_words(problem)}, with the time's interval." if rates else ".")]
    if any(row.speedup is not None for row in rows):
        notes.append(f"Speed-up [low, high]: the time of {base_words(table, problem)} over the time of the kernel.")
    notes.extend(_extrapolated_notes(table, problem, rows))
    notes.extend(_process_notes(rows))
    notes.extend(_interval_notes(table.base, problem, rows))
    notes.extend(
        f"{ENDED} {row.case.kernel} on {count_threads(row.case.threads)}: {row.ended}." for row in rows if row.ended
    )
    notes.extend(_peak_notes(table, problem, rows))
    return notes


def _process_notes(rows: Sequence[Row]) -> list[str]:
    """What the intervals of measured rows are over: several processes, the rounds of one, or some of each."""
    counts = {row.processes for row in rows if row.processes and has_bounds(row.seconds)}
    several = counts - {1}
    if not several:
        return [ONE_PROCESS] if counts else []
    fewest, most = min(several), max(several)
    shown = str(most) if fewest == most else f"{fewest} to {most}"
    few = "; with three to five of them it is Student's t interval of their logarithms" if fewest < SIX else ""
    notes = [f"Intervals are over {shown} sampling processes, each of them one observation{few}."]
    return [*notes, SOME_OF_ONE] if 1 in counts else notes


def _rate_words(problem: Problem) -> str:
    """What the speeds in a table are: of which work, over the time."""
    if problem.operation == PRODUCT:
        return "GFLOP/s are 2 m n k over the time"
    if unit_of(problem.operation) == "GFLOP/s":
        return f"GFLOP/s are {problem.definition.count} over the time"
    return f"GB/s are the {format_bytes(problem.operand_bytes)} of operands and result over the time"


def base_words(table: Table, problem: Problem) -> str:
    """The base with its absolute rate and its threads, as every ratio must name it."""
    row = base_row(table, problem)
    if row is None or speed_of(row) is None:
        return f"{table.base} (1 thread, rate unknown here)"
    word = ", extrapolated," if row.extrapolated else ""
    return f"{table.base} ({speed_text(row)} {unit_of(table.operation)}{word} on 1 thread)"


def _extrapolated_notes(table: Table, problem: Problem, rows: Sequence[Row]) -> list[str]:
    base = base_row(table, problem)
    predicted = {row.case.kernel: row.fitted for row in rows if row.extrapolated}
    if base is not None and base.extrapolated:  # it may be in none of these rows, which are a choice
        predicted.setdefault(table.base, base.fitted)
    ranges = [f"{kernel} fitted on {fitted or 'an unknown range'}" for kernel, fitted in predicted.items()]
    return [f"~ extrapolated, not measured: {'; '.join(ranges)}."] if ranges else []


def _interval_notes(base: str, problem: Problem, rows: Sequence[Row]) -> list[str]:
    """That figures have no interval; and why, and what to do about it, where it is their number of processes."""
    lacking = [row for row in rows if _lacks_interval(row, base)]
    if not any(row.processes == TOO_FEW for row in lacking):
        return [f"{NO_INTERVAL} no interval."] if lacking else []
    command = f"matbench run --sizes {problem.shape_label}"
    command += "" if problem.operation == PRODUCT else f" --operations {problem.operation}"
    command += "" if problem.dtype == "float64" else f" --dtypes {problem.dtype}"
    whose = "its samples are" if all(row.processes == TOO_FEW for row in lacking) else "some of them for samples"
    why = f"{whose} of two processes, which can't tell how far processes lie apart"
    how = "So ends a run that was interrupted and resumed, or was short of time"
    return [f"{NO_INTERVAL} no interval: {why}. {how}; measure it anew: {command}."]


def _lacks_interval(row: Row, base: str) -> bool:
    cells = (_time_cell(row), _speedup_cell(row, base), _peak_cell(row, "run"))
    return any(NO_INTERVAL in cell for cell in cells)


def _peak_notes(table: Table, problem: Problem, rows: Sequence[Row]) -> list[str]:
    if unit_of(table.operation) == "GB/s":
        return _memory_notes(table, rows)
    counts = sorted({row.case.threads for row in rows if row.peak_share is not None})
    peaks = [(t, peak_of(table, problem.dtype, t)) for t in counts]
    told = [f"{format_rate(peak.estimate)} GFLOP/s on {count_threads(t)}" for t, peak in peaks if peak is not None]
    fastest_chain = [f"The fastest chain of the run reached {', '.join(told)}."] if told else []
    return [*share_notes(rows), *fastest_chain]


def _memory_notes(table: Table, rows: Sequence[Row]) -> list[str]:
    told = [row for row in rows if row.bandwidth_fraction is not None]
    counts = sorted({row.case.threads for row in told})
    streams = [(t, fastest(table.bandwidths, t)) for t in counts]
    found = [f"{format_rate(stream)} GB/s on {count_threads(t)}" for t, stream in streams if stream is not None]
    cached = any((row.bandwidth_fraction or 0.0) > 1 for row in told)
    notes = [f"Share of memory bandwidth: of the measured {', '.join(found)}."] if found else []
    views = [row.case.kernel for row in rows if row.card.view]
    notes += [f"{name} gives back a view: it moves nothing, and has no speed." for name in views]
    if cached:
        notes.append("Above 100 %: from call to call the operands stay in a cache, which is faster than memory.")
    return notes


def bullets(notes: Iterable[str]) -> str:
    """Notes as a Markdown list; foreign text is escaped."""
    return "\n".join(f"- {escape_markdown(note, limit=1000)}" for note in notes)


def overview_table(table: Table, dtype: Dtype = "float64") -> str:
    """Kernels against square sizes in GFLOP/s or GB/s for one element type, a Markdown table with notes.

    A dash is a case without a time; `left_out.skipped_list` says why.
    """
    series = square_series(table, dtype)
    if not series:
        return f"Nothing was measured on square {dtype} problems."
    sizes = sorted({row.case.problem.n for one in series for row in one.rows})
    threaded = {one.threads for one in series} != {1}
    titles = ["kernel", *(["threads"] if threaded else []), *(f"n = {n}" for n in sizes)]
    lines = []
    for one in (each for each in series if not each.card.view):
        told = (row for row in one.rows if speed_of(row) is not None)
        cells = {
            row.case.problem.n: speed_text(row) + ("" if has_bounds(speed_of(row)) else NO_INTERVAL) for row in told
        }
        name = one.card.name + ("" if one.layout == "C" else " (F order)")
        lines.append([name, *([str(one.threads)] if threaded else []), *(cells.get(n, NOTHING) for n in sizes)])
    return f"{render_markdown(titles, lines)}\n\n{bullets(_overview_notes(lines, dtype, unit_of(table.operation)))}"


def _overview_notes(lines: Sequence[Sequence[str]], dtype: Dtype, unit: str) -> list[str]:
    cells = [cell for line in lines for cell in line[1:]]
    notes = [f"{unit} in {dtype}: estimates, whose intervals stand in the table of each size."]
    if any(cell.startswith("~") for cell in cells):
        notes.append("~ extrapolated, not measured; the table of the size names the fitted range.")
    if any(cell.endswith(NO_INTERVAL) for cell in cells):
        notes.append(f"{NO_INTERVAL} no interval.")
    if NOTHING in cells:
        notes.append(f"{NOTHING} not measured.")
    return notes


def to_csv(*tables: Table) -> str:
    """All rows as comma-separated values, one line a case, SI units in the column names, empty where unknown.

    Text that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    return csv_text(_CSV_COLUMNS, (tuple(_csv_row(row).values()) for table in tables for row in table.rows))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Comma-separated values with a heading, empty where a cell is None; formulas of spreadsheets are defused."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_csv_cell(cell) for cell in row] for row in (columns, *rows))
    return out.getvalue()


_CSV_COLUMNS = (
    *("kernel", "rung", "m", "n", "k", "dtype", "layout", "threads"),
    *("time_s", "time_low_s", "time_high_s", "rate_flop_per_s", "rate_low_flop_per_s", "rate_high_flop_per_s"),
    *("peak_fraction", "speedup_base", "speedup", "speedup_low", "speedup_high", "speedup_extrapolated"),
    *("first_call_s", "extrapolated", "fitted", "skipped", "wrong", "ended"),
    *("operation", "traffic_byte_per_s", "bandwidth_fraction"),
    *("peak_fraction_low", "peak_fraction_high", "peak_beside"),
)


def _csv_row(row: Row) -> dict[str, object]:
    problem, speedup = row.case.problem, row.speedup
    speedups = (speedup.base, *_bounds(speedup), speedup.extrapolated) if speedup is not None else (None,) * 5
    values = (
        *(row.case.kernel, row.card.rung, problem.m, problem.n, problem.k, problem.dtype, problem.layout),
        *(row.case.threads, *_bounds(row.seconds), *_bounds(row.rate), row.peak_fraction, *speedups),
        *(row.first_call_s, row.extrapolated, row.fitted, row.skipped, row.wrong, row.ended),
        *(problem.operation, row.traffic.estimate if row.traffic else None, row.bandwidth_fraction),
        *_share_bounds(row.peak_share),
    )
    return dict(zip(_CSV_COLUMNS, values, strict=True))


def _bounds(value: Interval | SpeedUp | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if value is None else (value.estimate, value.low, value.high)


def _share_bounds(share: Share | None) -> tuple[float | None, float | None, str | None]:
    return (None, None, None) if share is None else (share.low, share.high, share.beside)


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _csv_word(value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)  # the same few names stand in a million rows
def _csv_word(value: str) -> str:
    text = clean(value, limit=2000)
    return f"'{text}" if text.startswith(_FORMULA) else text
