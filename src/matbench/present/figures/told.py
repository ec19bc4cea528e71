"""The ladder and the pictures over n and over threads in words and numbers: the one thing each says, and all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.present.choose import (
    has_time,
    headline_problem,
    is_drawable,
    is_measured,
    peak_of,
    predecessor,
    rows_at,
    square_series,
)
from matbench.present.figures.threads import efficiency, scaling_rows
from matbench.present.numbers import Cell, Numbers, bounds
from matbench.present.shares import beside_words
from matbench.present.tables import NO_INTERVAL, base_words, speedup_text
from matbench.present.words import clean, count_threads, listed, rate_text, where, who
from matbench.units import format_factor, format_percent, format_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype, Problem

__all__ = [
    "alt_ladder",
    "alt_rate",
    "alt_speedup",
    "alt_threads",
    "finding_ladder",
    "finding_rate",
    "finding_speedup",
    "finding_threads",
    "rows_ladder",
    "rows_rate",
    "rows_speedup",
    "rows_threads",
]

NOTHING = "Nothing was measured."
GIGA = 1e9


def _who(row: Row) -> str:
    return who(row.case.kernel, row.case.threads)


def _over_n(table: Table, dtype: Dtype, what: str, told: str) -> str:
    """A chart over n for somebody who can't see it: what it shows, its range, then what it says."""
    series = square_series(table, dtype)
    if not series:
        return f"Empty chart. {told}"
    sizes = [row.case.problem.n for one in series for row in one.rows]
    kernels = len({one.card.name for one in series})
    counted = "1 kernel" if kernels == 1 else f"{kernels} kernels"
    return f"{what} against n from {min(sizes)} to {max(sizes)}, both logarithmic, {dtype}, {counted}. {told}"


# -- speed-up over n --------------------------------------------------------------------------------------------------


def finding_speedup(table: Table, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """The largest measured speed-up at the problem that the run is told by, or at another."""
    problem = problem or headline_problem(table, dtype)
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


def alt_speedup(table: Table, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """What the picture shows, then its finding."""
    told = finding_speedup(table, dtype, problem)
    return _over_n(table, dtype, f"Chart of the speed-up over {clean(table.base, 80)}", told)


def rows_speedup(table: Table, dtype: Dtype = "float64") -> Numbers:
    """A row for each kernel, thread count and size."""
    titles = (f"speed-up over {table.base}", "low", "high")
    return _rows_over_n(table, dtype, titles, lambda row: bounds(row.speedup), _rests_on_prediction)


# -- rate over n ------------------------------------------------------------------------------------------------------


def finding_rate(table: Table, dtype: Dtype = "float64") -> str:
    """The highest measured rate, its share of the peak, and the peak."""
    rows = [row for one in square_series(table, dtype) for row in one.rows if is_measured(row)]
    rated = [(row.rate.estimate, row) for row in rows if row.rate is not None]
    if not rated:
        return NOTHING
    rate, row = max(rated, key=lambda pair: pair[0])
    text = f"The highest rate is {format_rate(rate)} GFLOP/s, by {_who(row)} at {where(row.case.problem)}"
    peak, share = peak_of(table, dtype, row.case.threads), row.peak_share
    if peak is None or share is None:
        return f"{text}; the peak was not measured."
    fault = ", which is a fault of the measurement" if rate > peak.estimate else ""
    limit = f"{format_rate(peak.estimate)} GFLOP/s{fault}"
    if share.beside == "run":
        return f"{text}: {format_percent(share.estimate)} of the measured peak of {limit}."
    return f"{text}: {format_percent(share.estimate)} of {beside_words(share.beside)}. The measured peak is {limit}."


def alt_rate(table: Table, dtype: Dtype = "float64") -> str:
    """What the picture shows, then its finding."""
    return _over_n(table, dtype, "Chart of GFLOP/s", finding_rate(table, dtype))


def rows_rate(table: Table, dtype: Dtype = "float64") -> Numbers:
    """A row for each kernel, thread count and size."""
    titles = ("GFLOP/s", "low", "high")
    return _rows_over_n(table, dtype, titles, lambda row: bounds(row.rate, GIGA), lambda row: row.extrapolated)


Three = tuple[float | None, float | None, float | None]


def _rows_over_n(
    table: Table,
    dtype: Dtype,
    titles: tuple[str, str, str],
    told: Callable[[Row], Three],
    predicted: Callable[[Row], bool],
) -> Numbers:
    rows = (row for one in square_series(table, dtype) for row in one.rows)
    return Numbers(("kernel", "threads", "n", *titles, "extrapolated"), tuple(_lines(rows, told, predicted)))


def _lines(
    rows: Iterable[Row], told: Callable[[Row], Three], predicted: Callable[[Row], bool]
) -> Iterable[tuple[Cell, ...]]:
    for row in rows:
        values = told(row)
        if values[0] is not None:
            word = "yes" if predicted(row) else "no"
            yield (row.case.kernel, row.case.threads, row.case.problem.n, *values, word)


def _rests_on_prediction(row: Row) -> bool:
    return row.extrapolated or (row.speedup is not None and row.speedup.extrapolated)


# -- scaling ----------------------------------------------------------------------------------------------------------


def finding_threads(table: Table, dtype: Dtype = "float64") -> str:
    """What each threaded kernel keeps of its rate per thread."""
    found = scaling_rows(table, dtype)
    if found is None:
        return "No kernel was measured on more than one thread count."
    n, kernels = found
    last = {kernel: efficiency(rows)[-1] for kernel, rows in kernels.items()}
    kept = [f"{format_percent(dot.y)} for {clean(k, 80)} on {count_threads(int(dot.x))}" for k, dot in last.items()]
    fewest = count_threads(min(rows[0].case.threads for rows in kernels.values()))
    return f"At n = {n} ({dtype}), the efficiency (rate per thread over that on {fewest}) is {listed(kept)}."


def alt_threads(table: Table, dtype: Dtype = "float64") -> str:
    """What the picture shows, then its finding."""
    told = finding_threads(table, dtype)
    if scaling_rows(table, dtype) is None:
        return f"Empty chart. {told}"
    return f"Two charts against the number of threads: GFLOP/s per thread, and efficiency. {told}"


def rows_threads(table: Table, dtype: Dtype = "float64") -> Numbers:
    """A row for each kernel and thread count at the size that scaling is told at."""
    columns = ("n", "kernel", "threads", "GFLOP/s per thread", "low", "high", "efficiency [%]")
    n, kernels = scaling_rows(table, dtype) or (0, {})
    lines: list[tuple[Cell, ...]] = []
    for kernel, rows in kernels.items():
        for row, dot in zip(rows, efficiency(rows), strict=True):
            lines.append((n, kernel, row.case.threads, *bounds(row.rate, GIGA * row.case.threads), 100 * dot.y))
    return Numbers(columns, tuple(lines))


# -- the ladder -------------------------------------------------------------------------------------------------------


def finding_ladder(table: Table, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """The largest step between two rungs."""
    problem = problem or headline_problem(table, dtype)
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


def alt_ladder(table: Table, dtype: Dtype = "float64", problem: Problem | None = None) -> str:
    """The rates of all rungs, then the finding."""
    problem = problem or headline_problem(table, dtype)
    told = finding_ladder(table, dtype, problem)
    if problem is None:
        return f"Empty chart. {told}"
    rows = [row for row in rows_at(table, problem) if has_time(row)]
    rates = "; ".join(f"{_who(row)} {rate_text(row)}" for row in rows[:40])
    return f"Chart of the time of one call at {where(problem)}, rung by rung. GFLOP/s: {rates}. {told}"


def rows_ladder(table: Table, dtype: Dtype = "float64", problem: Problem | None = None) -> Numbers:
    """A row for each rung at one problem."""
    problem = problem or headline_problem(table, dtype)
    columns = (
        *("kernel", "threads", "time of a call [s]", "time, low [s]", "time, high [s]", "GFLOP/s"),
        *(f"speed-up over {table.base}", "speed-up, low", "speed-up, high", "share of peak [%]", "extrapolated"),
    )
    lines: list[tuple[Cell, ...]] = []
    for row in () if problem is None else rows_at(table, problem):
        if row.seconds is None or not is_drawable(row.seconds):
            continue
        share = None if row.peak_fraction is None else 100 * row.peak_fraction
        figures = (*bounds(row.seconds), bounds(row.rate, GIGA)[0], *bounds(row.speedup), share)
        word = "yes" if _rests_on_prediction(row) else "no"
        lines.append((row.case.kernel, row.case.threads, *figures, word))
    return Numbers(columns, tuple(lines))
