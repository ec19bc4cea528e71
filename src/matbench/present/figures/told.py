"""The pictures in words: what each shows, and the one thing it says, computed from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from matbench.errors import UsageError
from matbench.present.choose import (
    has_time,
    headline_problem,
    is_measured,
    peak_of,
    predecessor,
    rows_at,
    square_series,
)
from matbench.present.figures.threads import efficiency, scaling_rows
from matbench.present.tables import NO_INTERVAL, base_words, speedup_text
from matbench.present.words import clean, count_threads, listed, rate_text, where
from matbench.units import format_factor, format_percent, format_rate

if TYPE_CHECKING:
    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype, Problem

__all__ = ["KINDS", "Kind", "alt_text", "finding"]

Kind = Literal["speedup", "rate", "threads", "ladder"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NOTHING = "Nothing was measured."


def finding(kind: Kind, table: Table, *, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """What the picture of this kind says, in one sentence.

    Parameters
    ----------
    kind
        One of `KINDS`.
    table
        The values that the picture is drawn from.
    dtype
        Element type of the pictures over n and over threads.
    problem
        Of the ladder; by default the one that the run is told by.

    Raises
    ------
    UsageError
        If there is no such kind.
    """
    problem = problem or headline_problem(table, dtype)
    if kind == "speedup":
        return _speedup_finding(table, problem)
    if kind == "rate":
        return _rate_finding(table, dtype)
    if kind == "threads":
        return _threads_finding(table, dtype)
    if kind == "ladder":
        return _ladder_finding(table, problem)
    raise UsageError(f"no picture {clean(str(kind))!r}; there are {', '.join(KINDS)}")


def alt_text(kind: Kind, table: Table, *, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """The picture for somebody who can't see it: kind of chart, axes, range, then the finding; as for `finding`."""
    problem = problem or headline_problem(table, dtype)
    told = finding(kind, table, dtype=dtype, problem=problem)
    series = square_series(table, dtype)
    if not series and (kind != "ladder" or problem is None):
        return f"Empty chart. {told}"
    sizes = [row.case.problem.n for one in series for row in one.rows]
    kernels = len({one.card.name for one in series})
    counted = "1 kernel" if kernels == 1 else f"{kernels} kernels"
    over_n = f"against n from {min(sizes)} to {max(sizes)}, both logarithmic, {dtype}, {counted}." if sizes else ""
    shown = {
        "speedup": f"Chart of the speed-up over {clean(table.base, 80)} {over_n}",
        "rate": f"Chart of GFLOP/s {over_n}",
        "threads": "Two charts against the number of threads: GFLOP/s per thread, and efficiency.",
        "ladder": _ladder_alt(table, problem),
    }
    return f"{shown[kind]} {told}"


def _ladder_alt(table: Table, problem: Problem | None) -> str:
    if problem is None:
        return "Empty chart."
    rows = [row for row in rows_at(table, problem) if has_time(row)]
    rates = "; ".join(f"{_who(row)} {rate_text(row)}" for row in rows[:40])
    return f"Chart of the time of one call at {where(problem)}, rung by rung. GFLOP/s: {rates}."


def _who(row: Row) -> str:
    return f"{clean(row.case.kernel, 80)} on {count_threads(row.case.threads)}"


def _speedup_finding(table: Table, problem: Problem | None) -> str:
    if problem is None:
        return NOTHING
    rows = [(row, row.speedup) for row in rows_at(table, problem) if is_measured(row)]
    told = [(row, over) for row, over in rows if over is not None and over.estimate > 0 and not over.extrapolated]
    told = [(row, over) for row, over in told if row.case.kernel != over.base]
    if not told:
        return f"No speed-up can be told: {clean(table.base, 80)} was not measured beside another kernel."
    row, over = max(told, key=lambda pair: pair[1].estimate)
    figure = speedup_text(over).replace(NO_INTERVAL, " (no interval)")
    speed = "faster than" if over.estimate >= 1 else "the speed of"
    return f"At {where(problem)}, {_who(row)} is {figure} {speed} {base_words(table, problem)}."


def _rate_finding(table: Table, dtype: Dtype) -> str:
    rows = [row for one in square_series(table, dtype) for row in one.rows if is_measured(row)]
    rated = [(row.rate.estimate, row) for row in rows if row.rate is not None]
    if not rated:
        return NOTHING
    rate, row = max(rated, key=lambda pair: pair[0])
    text = f"The highest rate is {format_rate(rate)} GFLOP/s, by {_who(row)} at {where(row.case.problem)}"
    peak = peak_of(table, dtype, row.case.threads)
    if peak is None:
        return f"{text}; the peak was not measured."
    share = f"{format_percent(rate / peak.estimate)} of the measured peak of {format_rate(peak.estimate)}"
    fault = ", which is a fault of the measurement" if rate > peak.estimate else ""
    return f"{text}: {share} GFLOP/s{fault}."


def _threads_finding(table: Table, dtype: Dtype) -> str:
    found = scaling_rows(table, dtype)
    if found is None:
        return "No kernel was measured on more than one thread count."
    n, kernels = found
    last = {kernel: efficiency(rows)[-1] for kernel, rows in kernels.items()}
    kept = [f"{format_percent(dot.y)} for {clean(k, 80)} on {count_threads(int(dot.x))}" for k, dot in last.items()]
    fewest = count_threads(min(rows[0].case.threads for rows in kernels.values()))
    return f"At n = {n} ({dtype}), the efficiency (rate per thread over that on {fewest}) is {listed(kept)}."


def _ladder_finding(table: Table, problem: Problem | None) -> str:
    rows = [] if problem is None else [row for row in rows_at(table, problem) if has_time(row)]
    times = [row.seconds.estimate for row in rows if row.seconds is not None]
    if problem is None or not rows:
        return NOTHING
    if len(rows) < 2:
        return f"At {where(problem)}, only {_who(rows[0])} was measured: {rate_text(rows[0])} GFLOP/s."
    steps = [(start, end) for end in range(len(rows)) if (start := predecessor(rows, end)) is not None]
    if not steps:
        return f"At {where(problem)}, no two rungs can be compared on as many threads."
    start, end = max(steps, key=lambda step: times[step[0]] / times[step[1]])
    factor, before, after = times[start] / times[end], rows[start], rows[end]
    if factor <= 1:
        return f"At {where(problem)}, no rung is faster than the one before it."
    word = ", extrapolated" if before.extrapolated or after.extrapolated else ""
    gain = f"{format_factor(factor)}{word}"
    return f"At {where(problem)}, the largest single step is from {_who(before)} to {_who(after)}: {gain}."
