"""Foreign text made harmless, and the few phrases that tables, sentences and pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.operations import OPERATIONS, PRODUCT, OperationName
from matbench.units import format_rate, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matbench.analyse.rows import Interval, Row
    from matbench.model import Problem

__all__ = [
    "bracket",
    "clean",
    "count_threads",
    "escape_markdown",
    "listed",
    "rate_text",
    "shape_words",
    "speed_of",
    "speed_text",
    "time_text",
    "unit_of",
    "where",
    "who",
]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, limit: int = 200) -> str:
    r"""`text` on one line: white space collapsed, control and direction characters replaced, cut at `limit`.

    Examples
    --------
    >>> clean("two\nlines\tand more", limit=12)
    'two lines a…'
    """
    if not text.isprintable():  # nearly all texts are
        text = "".join(c if c.isprintable() else " " if c.isspace() else REPLACEMENT for c in text)
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape_markdown(text: str, limit: int = 200) -> str:
    r"""`text` as it may stand in a cell of a Markdown table: no cell border, no raw HTML, no link.

    Examples
    --------
    >>> escape_markdown("a|b <script> <0.01 %")
    'a\\|b \\<script> <0.01 %'
    """
    line = clean(text, limit).replace("\\", "\\\\").replace("|", "\\|").replace("](", "]\\(")
    parts = line.split("<")
    # A '<' before a digit or a blank opens no tag, and stays readable in a terminal.
    opened = ("\\<" + part if part[:1].isalpha() or part[:1] in "/!?" else "<" + part for part in parts[1:])
    return parts[0] + "".join(opened)


def count_threads(threads: int) -> str:
    """``1 thread`` or ``8 threads``."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def shape_words(problem: Problem) -> str:
    """``n = 256`` for a square problem, ``m x n x k = 8x1000x1000`` otherwise."""
    return f"n = {problem.n}" if problem.is_square else f"m x n x k = {problem.shape_label}"


def where(problem: Problem) -> str:
    """The problem in words: shape, element type, and operation and layout where they are not the usual ones."""
    layout = "" if problem.layout == "C" else f", {problem.layout} order"
    operation = "" if problem.operation == PRODUCT else f"{problem.definition.formula}, "
    return f"{shape_words(problem)} ({operation}{problem.dtype}{layout})"


def bracket(low: str, high: str) -> str:
    """Bounds as they stand behind an estimate."""
    return f" [{low}, {high}]"


def time_text(seconds: Interval) -> str:
    """A time with its bounds, the unit told once where all three share it; without bounds the time alone."""
    value = format_seconds(seconds.estimate)
    if seconds.low is None or seconds.high is None:
        return value
    low, high = format_seconds(max(seconds.low, 0.0)), format_seconds(seconds.high)
    unit = value.rpartition(" ")[2]
    if low.endswith(f" {unit}") and high.endswith(f" {unit}"):
        low, high = low.rpartition(" ")[0], high.rpartition(" ")[0]
    return value + bracket(low, high)


def listed(items: Iterable[str]) -> str:
    """Items joined by commas, the last by 'and'.

    Examples
    --------
    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def who(kernel: str, threads: int) -> str:
    """A kernel with its threads: ``numpy_matmul on 2 threads``."""
    return f"{clean(kernel, 80)} on {count_threads(threads)}"


def rate_text(row: Row) -> str:
    """GFLOP/s of a row without the unit, ``~`` before a prediction; empty where there is none."""
    if row.rate is None:
        return ""
    return ("~" if row.extrapolated else "") + format_rate(row.rate.estimate)


def unit_of(operation: OperationName) -> str:
    """The unit that an operation's speed is told in.

    Examples
    --------
    >>> unit_of("matmul"), unit_of("matvec")
    ('GFLOP/s', 'GB/s')
    """
    return "GFLOP/s" if OPERATIONS[operation].told == "flop/s" else "GB/s"


def speed_of(row: Row) -> Interval | None:
    """The speed of a row in that unit, before it is scaled: flop/s or byte/s; None where there is none."""
    return row.rate if row.case.problem.definition.told == "flop/s" else row.traffic


def speed_text(row: Row) -> str:
    """The speed of a row without its unit, ``~`` before a prediction; empty where there is none."""
    speed = speed_of(row)
    return "" if speed is None else ("~" if row.extrapolated else "") + format_rate(speed.estimate)
