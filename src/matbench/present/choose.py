"""Which rows of a table a picture or a sentence is about: plain selections, no figures of their own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from matbench.analyse.attribution import nearest
from matbench.operations import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Interval, Row, SpeedUp, Table
    from matbench.model import Dtype, Header, KernelCard, Problem

__all__ = [
    "BLAS",
    "Series",
    "base_row",
    "cards",
    "credit_at",
    "has_bounds",
    "has_time",
    "headline_problem",
    "headline_problems",
    "is_drawable",
    "is_measured",
    "peak_of",
    "predecessor",
    "row_of",
    "rows_at",
    "square_series",
]

BLAS = "numpy_matmul"  # the kernel that the ladder is climbed for


class Series(NamedTuple):
    """One kernel with one thread count and layout over the square sizes, ascending, one row a size."""

    card: KernelCard
    threads: int
    layout: Literal["C", "F"]
    rows: tuple[Row, ...]


def has_bounds(interval: Interval | None) -> bool:
    """Whether the estimate comes with both bounds."""
    return interval is not None and interval.low is not None and interval.high is not None


def is_drawable(value: Interval | SpeedUp) -> bool:
    """Whether the estimate is positive and finite: it has a place on a logarithmic axis."""
    return math.isfinite(value.estimate) and value.estimate > 0


def has_time(row: Row) -> bool:
    """Whether the row has a time that can be drawn, measured or predicted."""
    return row.seconds is not None and is_drawable(row.seconds)


def is_measured(row: Row) -> bool:
    """Whether the row's time was really measured."""
    return has_time(row) and not row.extrapolated


def _same(one: Problem, other: Problem) -> bool:
    """Whether two problems differ in nothing but the seed of their operands."""
    return (one.m, one.n, one.k, one.dtype, one.layout) == (other.m, other.n, other.k, other.dtype, other.layout)


def rows_at(table: Table, problem: Problem) -> tuple[Row, ...]:
    """All rows at `problem` in ladder order; the seed of the operands does not matter."""
    return tuple(row for row in table.rows if _same(row.case.problem, problem))


def row_of(rows: Iterable[Row], kernel: str, threads: int) -> Row | None:
    """The first really measured row of `kernel` on `threads` threads, or None."""
    return next((r for r in rows if r.case.kernel == kernel and r.case.threads == threads and is_measured(r)), None)


def base_row(table: Table, problem: Problem) -> Row | None:
    """The row of the base kernel on one thread at `problem`, measured or predicted, or None."""
    found = (r for r in rows_at(table, problem) if r.case.kernel == table.base and r.case.threads == 1)
    return next((row for row in found if has_time(row)), None)


def square_series(table: Table, dtype: Dtype) -> tuple[Series, ...]:
    """All series over the square sizes of one element type that have a time, in ladder order."""
    found: dict[tuple[str, int, Literal["C", "F"]], dict[int, Row]] = {}
    for row in table.rows:
        problem = row.case.problem
        if problem.is_square and problem.dtype == dtype and has_time(row):
            key = (row.case.kernel, row.case.threads, problem.layout)
            found.setdefault(key, {}).setdefault(problem.n, row)
    ladder = [card.name for card in cards(table)]
    keys = sorted(found, key=lambda key: (ladder.index(key[0]), key[1], key[2]))
    return tuple(_series(key[1], key[2], found[key]) for key in keys)


def _series(threads: int, layout: Literal["C", "F"], rows: dict[int, Row]) -> Series:
    ordered = tuple(rows[n] for n in sorted(rows))
    return Series(card=ordered[0].card, threads=threads, layout=layout, rows=ordered)


def predecessor(rows: Sequence[Row], place: int) -> int | None:
    """The place of the row that the one at `place` is a step from: the nearest above on no more threads than it.

    A rung on one thread is no slow-down from the rung above it on eight.
    """
    threads = rows[place].case.threads
    return next((i for i in range(place - 1, -1, -1) if rows[i].case.threads <= threads), None)


def cards(table: Table) -> tuple[KernelCard, ...]:
    """The kernels of the table in ladder order, each once.

    A kernel that is absent from some problems (too slow, wrong element type) still finds its place: the problem
    with the most kernels is read first.
    """
    by_problem: dict[Problem, list[KernelCard]] = {}
    for row in table.rows:
        by_problem.setdefault(row.case.problem, []).append(row.card)
    found: dict[str, KernelCard] = {}
    for group in sorted(by_problem.values(), key=lambda group: -len({card.name for card in group})):
        for card in group:
            found.setdefault(card.name, card)
    return tuple(found.values())


def peak_of(table: Table, dtype: Dtype, threads: int) -> Interval | None:
    """The measured peak in flop/s, or None where it was not measured."""
    peak = table.peaks.get(f"{dtype}/{threads}")
    return peak if peak is not None and is_drawable(peak) else None


def headline_problem(table: Table, dtype: Dtype = "float64") -> Problem | None:
    """The square problem that the run is told by, or None where nothing was measured.

    The largest at which NumPy's matrix product has a speed-up with an interval; failing that, the largest at which
    both it and the base were really measured, or the largest among those with the most measured rows.
    """
    groups: dict[int, list[Row]] = {}
    for row in table.rows:
        problem = row.case.problem
        if problem.is_square and problem.dtype == dtype and problem.layout == "C" and is_measured(row):
            groups.setdefault(problem.n, []).append(row)
    if not groups:
        return None
    kernels = {n: {row.case.kernel for row in rows} for n, rows in groups.items()}
    told = [n for n in groups if {table.base, BLAS} <= kernels[n]]
    sure = [n for n in told if any(row.case.kernel == BLAS and _is_sure(row) for row in groups[n])]
    most = max(len(rows) for rows in groups.values())
    n = max(sure or told or [n for n, rows in groups.items() if len(rows) == most])
    return groups[n][0].case.problem


def headline_problems(table: Table, dtype: Dtype = "float64") -> tuple[Problem, ...]:
    """The problem that the run is told by and, if that is a larger one, the largest at which base and NumPy ran.

    The second is the lesson's, where the base runs once and for minutes: its speed-ups have no interval.
    """
    headline = headline_problem(table, dtype)
    if headline is None:
        return ()
    both = [
        row.case.problem
        for row in table.rows
        if row.case.kernel == BLAS and row.case.problem.dtype == dtype and row.case.problem.is_square
        if is_measured(row) and row_of(rows_at(table, row.case.problem), table.base, 1) is not None
    ]
    largest = max(both, key=lambda problem: problem.n, default=headline)
    return (headline,) if largest.n <= headline.n else (headline, largest)


def _is_sure(row: Row) -> bool:
    return row.speedup is not None and row.speedup.low is not None and not row.speedup.extrapolated


def credit_at(header: Header, problem: Problem | None, attributions: Sequence[Attribution]) -> Attribution | None:
    """The attribution that is told beside a record: of its machine, nearest in size; only square products have one."""
    if problem is None or problem.operation != PRODUCT or not problem.is_square:
        return None
    return nearest(attributions, header.host.host_id, problem.dtype, problem.n)
