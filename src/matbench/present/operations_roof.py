"""All operations under one roofline: which wait for memory, which for arithmetic, and what threads are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matbench.analyse.ladder import fastest
from matbench.model import ITEMSIZE
from matbench.present.choose import is_drawable, is_measured, peak_of
from matbench.present.figures.frame import (
    Dot,
    EndLabel,
    direct_labels,
    draw_dots,
    foot,
    log_ticks,
    new_sheet,
    nothing,
    subheading,
    tick_at,
)
from matbench.present.operations import machine_balance
from matbench.present.style import inks, looks, palette
from matbench.present.words import count_threads, listed
from matbench.units import format_factor, format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype
    from matbench.operations import Operation
    from matbench.present.figures.frame import Sheet

__all__ = ["alt_operations", "draw_operations", "finding_operations"]

GIGA = 1e9
HEADING = "All operations under one roof"


class _Place(NamedTuple):
    """An operation at its largest size: its fastest kernel on one thread, and on the most threads."""

    operation: Operation
    n: int
    intensity: float  # flop/byte, each operand and the result moved once
    one: Row
    most: Row | None

    @property
    def worth(self) -> float | None:
        """How many times faster it is on the most threads than on one."""
        return None if self.most is None else _seconds(self.one) / _seconds(self.most)


def _seconds(row: Row) -> float:
    if row.seconds is None:
        raise ValueError("only rows with a time have a place")
    return row.seconds.estimate


def _gflops(row: Row) -> float:
    if row.rate is None:
        raise ValueError("only rows with a rate have a place")
    return row.rate.estimate / GIGA


def _place(table: Table, dtype: Dtype) -> _Place | None:
    """Of the largest size, where operands are least likely to stay in a cache; None where nothing can be placed."""
    timed = [row for row in table.rows if row.case.problem.dtype == dtype and _has_place(row)]
    n = max((row.case.problem.n for row in timed if row.case.threads == 1), default=None)
    if n is None:
        return None
    timed = [row for row in timed if row.case.problem.n == n]
    ones, threads = [row for row in timed if row.case.threads == 1], max(row.case.threads for row in timed)
    most = min((row for row in timed if row.case.threads == threads > 1), key=_seconds, default=None)
    definition = ones[0].case.problem.definition
    return _Place(definition, n, definition.intensity(n, ITEMSIZE[dtype]), min(ones, key=_seconds), most)


def _has_place(row: Row) -> bool:
    """Whether a row was measured and has a rate: not what only moves data, not a rectangle."""
    problem = row.case.problem
    square = problem.is_square and problem.layout == "C"
    return square and is_measured(row) and not row.card.view and row.rate is not None and is_drawable(row.rate)


def _places(tables: Sequence[Table], dtype: Dtype) -> list[_Place]:
    return [place for table in tables if (place := _place(table, dtype)) is not None]


def draw_operations(tables: Sequence[Table], dtype: Dtype = "float64", *, dark: bool = False) -> Figure:
    """GFLOP/s against flop/byte, both logarithmic: for each operation its fastest kernel on one and on all threads.

    Parameters
    ----------
    tables
        One an operation, of one record.
    dtype
        Element type.
    dark
        Whether on dark paper.
    """
    ink, places = inks(dark=dark), _places(tables, dtype)
    with looks(ink):
        if not places:
            return nothing(ink, HEADING, "")
        below = subheading(tables[0], f"fastest kernel of each operation, {dtype}")
        sheet = new_sheet(ink, HEADING, below, labels=len(places))
        counts = _counts(places)
        _axes(sheet, tables[0], dtype, places, counts)
        for threads in counts:
            _roof(sheet, tables[0], dtype, threads, plain=threads == 1)
        _dots(sheet, places)
        foot(sheet, _note(tables, places, counts))
        return sheet.figure


def _counts(places: Sequence[_Place]) -> list[int]:
    """One thread, and the most."""
    return sorted({1, *(place.most.case.threads for place in places if place.most is not None)})


def _limits(table: Table, dtype: Dtype, threads: int) -> tuple[float | None, float | None]:
    """Peak in GFLOP/s and the faster stream of main memory in GB/s; None where it was not measured."""
    peak, bandwidth = peak_of(table, dtype, threads), fastest(table.bandwidths, threads)
    return (None if peak is None else peak.estimate / GIGA), (bandwidth / GIGA if bandwidth else None)


def _axes(sheet: Sheet, table: Table, dtype: Dtype, places: Sequence[_Place], counts: Sequence[int]) -> None:
    ax = sheet.axes[0]
    rates = [_gflops(row) for place in places for row in (place.one, place.most) if row is not None]
    peaks = [peak for threads in counts if (peak := _limits(table, dtype, threads)[0]) is not None]
    across = [place.intensity for place in places]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(min(across) / 2, max(across) * 2)
    ax.set_ylim(min(rates) / 2, 1.6 * max([*rates, *peaks]))
    tick_at(ax.xaxis, log_ticks(*ax.get_xlim(), apart=0.09))
    tick_at(ax.yaxis, log_ticks(*ax.get_ylim()))
    ax.set_xlabel("operations for each byte that has to be moved [flop/byte]")
    ax.set_ylabel("GFLOP/s")


def _roof(sheet: Sheet, table: Table, dtype: Dtype, threads: int, *, plain: bool) -> None:
    """What memory and arithmetic allow; of more threads dashed."""
    peak, bandwidth = _limits(table, dtype, threads)
    if peak is None or bandwidth is None:
        return
    ax, (left, right) = sheet.axes[0], sheet.axes[0].get_xlim()
    level = np.array(sorted({left, min(max(peak / bandwidth, left), right), right}))
    style = "-" if plain else (0, (6, 2))
    ax.plot(level, np.minimum(peak, bandwidth * level), color=sheet.ink.roof, linewidth=1.2, linestyle=style, zorder=1)
    dashed = "" if plain else " (dashed)"
    words = (
        f"{count_threads(threads)}{dashed}: {format_rate(peak * GIGA)} GFLOP/s, {format_rate(bandwidth * GIGA)} GB/s"
    )
    # Above the slope nothing can stand.
    place = (0.02, 0.92 if plain else 0.98)
    ax.text(*place, words, transform=ax.transAxes, size=8.5, color=sheet.ink.roof, va="top")


def _dots(sheet: Sheet, places: Sequence[_Place]) -> None:
    """A dot for one thread, ringed for the most, and a line between them: what the threads are worth."""
    ax, ink = sheet.axes[0], sheet.ink
    styles = palette([place.one.card for place in places], ink)
    labels = []
    for place in places:
        look, name = styles[place.one.case.kernel], f"{place.operation.name} {place.n}"
        dots = [Dot(place.intensity, _gflops(place.one))]
        if place.most is not None:
            dots.append(Dot(place.intensity, _gflops(place.most), ringed=True))
        draw_dots(ax, dots, look, ink, label=place.operation.name)
        labels.append(EndLabel(dots[0].x, dots[0].y, name, look))
    direct_labels(sheet, ax, labels)


def _note(tables: Sequence[Table], places: Sequence[_Place], counts: Sequence[int]) -> str:
    parts = ["Beside each name: n.  Bytes: every operand and the result once."]
    if len(counts) > 1:
        parts.append(f"Dots: one thread; ringed: {count_threads(counts[-1])}.")
    shown = {place.operation.name for place in places}
    left_out = [table.operation for table in tables if table.operation not in shown]
    if left_out:
        parts.append(f"Without a place, for want of arithmetic or of a time: {', '.join(left_out)}.")
    return "  ".join(parts)


def finding_operations(tables: Sequence[Table], dtype: Dtype = "float64") -> str:
    """What threads are worth where memory sets the pace, and where arithmetic does."""
    places = _places(tables, dtype)
    balance = machine_balance(tables[0], dtype) if tables else None
    if not places or balance is None:
        return "Nothing was measured that has a place under a roof."
    told = f"One core does {balance:.3g} flop while a byte comes from memory."
    counts = _counts(places)
    if len(counts) == 1:
        return told
    memory, arithmetic = (
        _worth([place for place in places if (place.intensity < balance) == below]) for below in (True, False)
    )
    parts = [
        *([f"with fewer for each byte, where memory sets the pace, they are worth {memory}"] if memory else []),
        *([f"with more, where arithmetic does, {arithmetic}"] if arithmetic else []),
    ]
    return f"{told} Of {count_threads(counts[-1])}: {'; '.join(parts)}." if parts else told


def _worth(places: Sequence[_Place]) -> str:
    """What threads are worth among some operations, from the least to the most; empty where none threads."""
    found = sorted((place.worth, place.operation.formula) for place in places if place.worth is not None)
    if not found:
        return ""
    ends = [f"{format_factor(worth)} ({formula})" for worth, formula in (found[0], found[-1])]
    return ends[0] if len(found) == 1 else f"{ends[0]} to {ends[1]}"


def alt_operations(tables: Sequence[Table], dtype: Dtype = "float64") -> str:
    """What the picture shows, then its finding."""
    places = _places(tables, dtype)
    if not places:
        return f"Empty chart. {finding_operations(tables, dtype)}"
    points = listed(f"{p.operation.name} at {p.intensity:.3g} with {_gflops(p.one):.3g} GFLOP/s" for p in places)
    return (
        "Roofline: GFLOP/s against flop/byte, both logarithmic; of each operation the fastest kernel on one thread: "
        f"{points}. {finding_operations(tables, dtype)}"
    )
