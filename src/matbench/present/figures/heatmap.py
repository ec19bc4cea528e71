"""Kernel by size, each cell a share of the peak."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm, to_hex

from matbench.present.choose import is_measured, square_series
from matbench.present.figures.frame import WIDTH, foot, new_sheet, nothing, series_label, subheading, tick_at
from matbench.present.numbers import Cell, Numbers
from matbench.present.shares import ABOVE, beside_words, usual
from matbench.present.style import contrast, inks, looks, width_of
from matbench.present.words import count_threads, listed, who
from matbench.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype
    from matbench.present.choose import Series
    from matbench.present.figures.frame import Sheet

__all__ = ["alt_heatmap", "draw_heatmap", "finding_heatmap", "rows_heatmap"]

HEADING = "How much of the peak each rung reaches"
NO_PEAK = "No share of the peak can be told: the peak of {dtype} was not measured."
LEFT, RIGHT = 2.05, 0.95  # inches, for names and for the scale
MOST_SIZES = 20  # columns that have room for their numbers
BOTTOM, TOP = 1e-4, 1.0  # shares at the ends of the scale; what lies below has the lowest colour
SCALE = "cividis"  # even steps to the eye, with and without colour-blindness (Nuñez et al., PLoS ONE 2018)
_ABOVE = ((True, ABOVE), (False, "Above 100 is a fault of the measurement."))  # over chains beside it, and of the run
LIGHT_CELL, DARK_CELL = "#fdfdfd", "#000000"  # numbers in the cells: of no paper, for they are the same on every


def draw_heatmap(table: Table, dtype: Dtype = "float64", dark: bool = False) -> Figure:
    """A row for each kernel and thread count, a column for each n; in each cell the rate in percent of the peak.

    Colours are logarithmic from 0.01 % to 100 %. The peak is the one measured with as many threads.
    """
    ink = inks(dark=dark)
    drawn = _drawn(table, dtype)
    with looks(ink):
        below = subheading(table, f"{dtype}, square matrices, % of the peak on as many threads")
        if not drawn:
            return nothing(ink, HEADING, below, _why_not(table, dtype))
        sizes = _columns(drawn)
        sheet = new_sheet(ink, HEADING, below, labels=round(1.35 * len(drawn)), left=LEFT, right=RIGHT)
        _axes(sheet, drawn, sizes)
        _cells(sheet, drawn, sizes)
        _scale(sheet)
        foot(sheet, _note(table, drawn, sizes))
        return sheet.figure


def _drawn(table: Table, dtype: Dtype) -> tuple[Series, ...]:
    """The series that have a share of the peak, with the rows that do."""
    found = []
    for one in square_series(table, dtype):
        rows = tuple(row for row in one.rows if _share(row) > 0)
        if rows:
            found.append(one._replace(rows=rows))
    return tuple(found)


def _share(row: Row) -> float:
    share = row.peak_fraction
    return share if share is not None and math.isfinite(share) else 0.0


def _is_above(row: Row, *, is_beside: bool) -> bool:
    return _share(row) > 1.005 and is_beside == (row.peak_share is not None and row.peak_share.beside != "run")


def _why_not(table: Table, dtype: Dtype) -> str:
    return f"the peak of {dtype} was not measured" if square_series(table, dtype) else "nothing measured"


def _columns(drawn: Sequence[Series]) -> list[int]:
    """The sizes that have a column: where they are too many, those nearest to their neighbours go first.

    The smallest, the largest and, while there are others, the powers of two stay.
    """
    sizes = sorted({row.case.problem.n for one in drawn for row in one.rows})
    while len(sizes) > MOST_SIZES:
        inner = range(1, len(sizes) - 1)
        going = [i for i in inner if sizes[i] & (sizes[i] - 1)] or inner
        del sizes[min(going, key=lambda i: sizes[i + 1] / sizes[i - 1])]
    return sizes


def _axes(sheet: Sheet, drawn: Sequence[Series], sizes: Sequence[int]) -> None:
    ax = sheet.axes[0]
    ax.grid(visible=False)
    ax.set_xlim(-0.5, len(sizes) - 0.5)
    ax.set_ylim(len(drawn) - 0.5, -0.5)
    tick_at(ax.xaxis, [float(i) for i in range(len(sizes))], lambda value, _: str(sizes[round(value)]))
    tick_at(
        ax.yaxis,
        [float(i) for i in range(len(drawn))],
        lambda value, _: series_label(drawn[round(value)], drawn, LEFT - 0.2, 9.5),
    )
    width = ax.get_position().width * WIDTH / len(sizes)
    slanted = width < 1.15 * max(width_of(str(n), 9.5) for n in sizes)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9, labelrotation=60 if slanted else 0)
    ax.annotate(
        "n =", (0, 0), (-4, -5), xycoords="axes fraction", textcoords="offset points", ha="right", va="top", size=9
    )
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _points(columns: int) -> float:
    """The size of the numbers: the more columns, the smaller."""
    return 8.5 if columns <= 12 else 7.5 if columns <= 16 else 6.8


def _cells(sheet: Sheet, drawn: Sequence[Series], sizes: Sequence[int]) -> None:
    """The colours as one collection, for hundreds of patches are slow; predictions with a dotted frame."""
    ax, points = sheet.axes[0], _points(len(sizes))
    columns = {n: column for column, n in enumerate(sizes)}
    rows = [(columns.get(row.case.problem.n), line, row) for line, one in enumerate(drawn) for row in one.rows]
    told = [(column, line, row) for column, line, row in rows if column is not None]
    faces = colormaps[SCALE]([depth(_share(row)) for _, _, row in told])
    boxes = [_box(column, line, 0.5) for column, line, _ in told]
    paper = sheet.ink.paper
    ax.add_collection(PolyCollection(boxes, facecolors=faces, edgecolors=paper, linewidths=1.2), autolim=False)
    letters = [max((LIGHT_CELL, DARK_CELL), key=lambda ink: contrast(ink, face)) for face in map(to_hex, faces)]
    dotted = [
        (_box(column, line, 0.41), ink)
        for (column, line, row), ink in zip(told, letters, strict=True)
        if row.extrapolated
    ]
    if dotted:
        frames, colors = zip(*dotted, strict=True)
        dots = [(0, (1, 1.5))]
        frame = PolyCollection(frames, facecolors="none", edgecolors=colors, linewidths=0.7, linestyles=dots)
        ax.add_collection(frame, autolim=False)
    for (column, line, row), ink in zip(told, letters, strict=True):
        ax.text(column, line, percent(_share(row)), ha="center", va="center_baseline", size=points, color=ink)


def _box(column: int, line: int, half: float) -> list[tuple[float, float]]:
    """The corners of a square around a cell."""
    return [(column + half * x, line + half * y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def percent(share: float) -> str:
    """A share in percent with at most two digits, as short as a cell is narrow.

    Examples
    --------
    >>> [percent(share) for share in (0.944, 0.0951, 0.0123, 0.0049, 0.00031, 2e-6)]
    ['94', '9.5', '1.2', '.49', '.03', '<.01']
    """
    value = 100 * share
    if value < 0.005:
        return "<.01"
    if value >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}".lstrip("0")


def depth(share: float) -> float:
    """Where a share lies on the logarithmic scale, from 0 at its bottom to 1 at its top.

    Examples
    --------
    >>> [depth(share) for share in (1.0, 0.01, 1e-9, 2.0)]
    [1.0, 0.5, 0.0, 1.0]
    """
    return min(1.0, max(0.0, math.log(share / BOTTOM) / math.log(TOP / BOTTOM)))


def _scale(sheet: Sheet) -> None:
    """The colours with their shares, right of the cells."""
    ax, height = sheet.axes[0], sheet.figure.get_figheight()
    box = ax.get_position()
    room = sheet.figure.add_axes((box.x1 + 0.14 / WIDTH, box.y1 - 2.6 / height, 0.16 / WIDTH, 2.6 / height))
    bar = sheet.figure.colorbar(ScalarMappable(LogNorm(BOTTOM, TOP), colormaps[SCALE]), cax=room)
    bar.outline.set_visible(False)
    bar.ax.grid(visible=False)
    tick_at(bar.ax.yaxis, [1e-4, 1e-3, 1e-2, 1e-1, 1.0], lambda value, _: f"{100 * value:g} %")
    bar.ax.tick_params(length=0, labelsize=8.5)


def _note(table: Table, drawn: Sequence[Series], sizes: Sequence[int]) -> str:
    rows = [row for one in drawn for row in one.rows]
    everything = {row.case.problem.n for row in rows}
    empty = len(drawn) * len(sizes) > sum(row.case.problem.n in sizes for row in rows)
    parts = [
        "Estimates; their intervals stand in the tables.",
        f"100 % is {beside_words(usual(rows))}.",
        "Empty: not measured." if empty else "",
        "Dotted: extrapolated." if any(row.extrapolated for row in rows) else "",
        f"{len(everything) - len(sizes)} sizes between those shown are left out."
        if len(everything) > len(sizes)
        else "",
        *(words for is_beside, words in _ABOVE if any(_is_above(row, is_beside=is_beside) for row in rows)),
        "No peak, no row: " + ", ".join(_unrated(table, drawn)) + "." if _unrated(table, drawn) else "",
    ]
    return "  ".join(part for part in parts if part)


def _unrated(table: Table, drawn: Sequence[Series]) -> list[str]:
    """Thread counts that were timed without a peak to compare with."""
    dtype = drawn[0].rows[0].case.problem.dtype
    missing = {one.threads for one in square_series(table, dtype)} - {one.threads for one in drawn}
    return [count_threads(threads) for threads in sorted(missing)]


def finding_heatmap(table: Table, dtype: Dtype = "float64") -> str:
    """Which rungs reach half of the peak and from which n on, and the best of those that never do."""
    drawn = [(one, rows) for one in _drawn(table, dtype) if (rows := [row for row in one.rows if is_measured(row)])]
    if not drawn:
        return NO_PEAK.format(dtype=dtype) if square_series(table, dtype) else "Nothing was measured."
    best = {id(one): max(rows, key=_share) for one, rows in drawn}
    halves = [
        (one, next(row for row in rows if _share(row) >= 0.5)) for one, rows in drawn if _share(best[id(one)]) >= 0.5
    ]
    others = [best[id(one)] for one, _ in drawn if _share(best[id(one)]) < 0.5]
    rest = max(others, key=_share, default=None)
    told = (
        f"{who(rest.case.kernel, rest.case.threads)} gets to {format_percent(_share(rest))} at most"
        if rest is not None
        else ""
    )
    if not halves:
        return f"In {dtype}, no rung reaches half of the peak: {told}."
    reached = listed(f"{who(row.case.kernel, row.case.threads)} (from n = {row.case.problem.n})" for _, row in halves)
    return f"In {dtype}, half of the peak is reached by {reached}{'; of the others ' + told if told else ''}."


def alt_heatmap(table: Table, dtype: Dtype = "float64") -> str:
    """What the picture shows, then its finding."""
    drawn = _drawn(table, dtype)
    if not drawn:
        return f"Empty chart. {finding_heatmap(table, dtype)}"
    sizes = [row.case.problem.n for one in drawn for row in one.rows]
    text = f"Table of coloured cells, {len(drawn)} kernels by n from {min(sizes)} to {max(sizes)}, {dtype}: percent of"
    return f"{text} the peak, the colour logarithmic. {finding_heatmap(table, dtype)}"


def rows_heatmap(table: Table, dtype: Dtype = "float64") -> Numbers:
    """A row for each kernel and thread count, a column for each size, shares of the peak in percent."""
    drawn = _drawn(table, dtype)
    sizes = sorted({row.case.problem.n for one in drawn for row in one.rows})
    lines = []
    for one in drawn:
        shares: dict[int, Cell] = {row.case.problem.n: _cell_value(row) for row in one.rows}
        name = one.card.name + ("" if one.layout == "C" else " (F order)")
        lines.append((name, one.threads, *(shares.get(n) for n in sizes)))
    return Numbers(("kernel", "threads", *(f"n = {n} [% of peak]" for n in sizes)), tuple(lines))


def _cell_value(row: Row) -> float | str:
    return f"~{100 * _share(row):.3g}" if row.extrapolated else 100 * _share(row)
