"""What the operations say beside each other: which are bound by arithmetic, which by memory, and what follows.

A processor does several operations in the time in which memory delivers one byte. An operation that has fewer for each
byte it moves waits for memory, whatever it is written in; wider vectors and more cores make it wait better.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matbench.analyse.ladder import fastest
from matbench.model import ITEMSIZE
from matbench.operations import OPERATIONS, Operation
from matbench.present.choose import base_row, headline_problem, is_measured, peak_of, row_of, rows_at
from matbench.present.shares import beside_words
from matbench.present.tables import NO_INTERVAL, base_words, render_markdown, speedup_text
from matbench.present.words import clean, count_threads, speed_text, unit_of, where, who
from matbench.units import format_factor, format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.rows import Row, SpeedUp, Table
    from matbench.model import Dtype, Problem

__all__ = [
    "contrast",
    "contrast_table",
    "heading",
    "intensity_words",
    "machine_balance",
    "operation_sentence",
    "operations_table",
    "pace_sentence",
]

NOTHING = "–"
MARKS = (("~", "extrapolated, not measured"), (NO_INTERVAL, "no interval"))


def operations_table(n: int = 1000) -> str:
    """All operations with what they state of themselves, a Markdown table: counts, and intensity at n in float64."""
    titles = ("name", "operation", "operations and elements", f"flop/byte at n = {n}", "told in", "base")
    lines = [
        (
            f"`{each.name}`",
            f"`{each.formula}`",
            each.count,
            f"{each.intensity(n, ITEMSIZE['float64']):.3g}",
            "GFLOP/s" if each.told == "flop/s" else "GB/s",
            f"`{each.base}`",
        )
        for each in OPERATIONS.values()
    ]
    return render_markdown(titles, lines)


def heading(operation: Operation) -> str:
    """An operation by its title and as NumPy writes it.

    Examples
    --------
    >>> from matbench.operations import OPERATIONS
    >>> heading(OPERATIONS["matvec"])
    'matrix times vector: A @ v'
    """
    return f"{operation.title}: {operation.formula}"


def machine_balance(table: Table, dtype: Dtype = "float64", threads: int = 1) -> float | None:
    """Operations that the machine does, at its measured peak, while one byte comes from memory; flop/byte.

    None where the peak of that element type or the bandwidth was not measured.
    """
    peak, bandwidth = peak_of(table, dtype, threads), fastest(table.bandwidths, threads)
    return peak.estimate / bandwidth if peak is not None and bandwidth else None


def intensity_words(problem: Problem) -> str:
    """How many operations there are for each byte, in words."""
    flops = problem.definition.intensity(problem.n, problem.itemsize)
    return (
        f"{flops:.3g} flop of work for each byte that has to be moved"
        if flops
        else "nothing to compute but much to move"
    )


def pace_sentence(table: Table, problem: Problem) -> str:
    """What sets the pace of an operation on this machine, and so whether vectors and cores help."""
    words = intensity_words(problem)
    balance = machine_balance(table, problem.dtype)
    if balance is None:
        return f"It has {words}."
    told = f"It has {words}; one core does {balance:.3g} flop while a byte comes from memory"
    if problem.definition.intensity(problem.n, problem.itemsize) < balance:
        return (
            f"{told}: beyond the caches memory sets the pace, and wider vectors or more cores help only as far as "
            "they fetch faster."
        )
    return f"{told}: arithmetic sets the pace, and vectors and cores multiply it, once data is used from a cache."


def _best(rows: Sequence[Row]) -> Row | None:
    timed = [row for row in rows if is_measured(row) and not row.card.view]
    return min(timed, key=_seconds, default=None)


def _seconds(row: Row) -> float:
    return row.seconds.estimate if row.seconds is not None else math.inf


def _worth_of_threads(rows: Sequence[Row], best: Row) -> float | None:
    """How many times faster the most threads are than one, for the kernel that is the fastest of those that thread."""
    counts = [row.case.threads for row in rows if is_measured(row) and row.card.threaded]
    if not counts or max(counts) == 1:
        return None
    threaded = [row for row in rows if is_measured(row) and row.card.threaded and row.case.threads == max(counts)]
    most = best if best in threaded else min(threaded, key=_seconds)
    one = row_of(rows, most.case.kernel, 1)
    return None if one is None else _seconds(one) / _seconds(most)


def operation_sentence(table: Table, problem: Problem) -> str | None:
    """How many times faster the fastest kernel is than the base at a problem; None where nothing was measured there."""
    rows = rows_at(table, problem)
    best, base = _best(rows), base_row(table, problem)
    if best is None:
        return None
    fast = f"{who(best.case.kernel, best.case.threads)}, {speed_text(best)} {unit_of(table.operation)}"
    if base is None or best.speedup is None or best is base:
        return f"At {where(problem)}, the fastest is {fast}."
    times = speedup_text(best.speedup)
    return f"At {where(problem)}, {fast}, is {times} faster than {clean(base_words(table, problem), limit=300)}."


def contrast_table(tables: Sequence[Table], dtype: Dtype = "float64") -> str:
    """The operations beside each other, each at the size that it is told by: a Markdown table.

    Arithmetic intensity, speed-up of the fastest kernel over the base of its operation, what the threads were
    worth, and the share of the limit, peak or bandwidth, that was reached.
    """
    titles = ("operation", "n", "flop/byte", "fastest", "speed", "over the base", "threads worth", "of the limit")
    lines = [line for table in tables if (line := _contrast(table, dtype)) is not None]
    return render_markdown(titles, lines) if lines else ""


def contrast(tables: Sequence[Table], dtype: Dtype = "float64") -> str:
    """The operations beside each other, with a heading and with what the machine can do for each byte it fetches."""
    text = contrast_table(tables, dtype)
    if not text:
        return ""
    balance = machine_balance(tables[0], dtype)
    told = (
        "Each at the size that it is told by. An operation with fewer flop for each byte than the processor does while "
        "a byte comes from memory waits for memory beyond the caches"
    )
    here = "." if balance is None else f": here those with fewer than {balance:.3g}."
    cached = any((row.bandwidth_fraction or 0.0) > 1 for table in tables for row in table.rows)
    more = " More than 100 % of memory is what a cache delivers." if cached else ""
    marks = "".join(f" {mark} {words}." for mark, words in MARKS if mark in text)
    return f"## The operations beside each other\n\n{text}\n\n{told}{here}{_over(tables, dtype)}{more}{marks}"


def _over(tables: Sequence[Table], dtype: Dtype) -> str:
    """What the shares of the peak in that table are over, a sentence after a blank; empty where it has none."""
    kinds = {}
    for table in tables:
        problem = headline_problem(table, dtype)
        best = None if problem is None else _best(rows_at(table, problem))
        if best is not None and best.peak_share is not None and unit_of(table.operation) == "GFLOP/s":
            kinds[best.peak_share.beside] = beside_words(best.peak_share.beside)
    return f" Of peak: the rate over that of {' or '.join(kinds.values())}." if kinds else ""


def _contrast(table: Table, dtype: Dtype) -> tuple[str, ...] | None:
    problem = headline_problem(table, dtype)
    rows = rows_at(table, problem) if problem is not None else ()
    best = _best(rows)
    if problem is None or best is None:
        return None
    share = best.peak_fraction if unit_of(table.operation) == "GFLOP/s" else best.bandwidth_fraction
    threads = _worth_of_threads(rows, best)
    return (
        problem.definition.formula,
        str(problem.n),
        f"{problem.definition.intensity(problem.n, ITEMSIZE[dtype]):.3g}",
        f"{best.case.kernel}, {count_threads(best.case.threads)}",
        f"{speed_text(best)} {unit_of(table.operation)}",
        NOTHING if best.speedup is None else _speedup_cell(best.speedup),
        NOTHING if threads is None else format_factor(threads),
        NOTHING if share is None else f"{format_percent(share)} of {_limit(table)}",
    )


def _speedup_cell(speedup: SpeedUp) -> str:
    """A speed-up as tables tell it, marked where the base was predicted."""
    return ("~" if speedup.extrapolated else "") + speedup_text(speedup)


def _limit(table: Table) -> str:
    return "peak" if unit_of(table.operation) == "GFLOP/s" else "memory"
