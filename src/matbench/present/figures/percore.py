"""What becomes of the rate of one core when others work beside it, at a large size and two smaller ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matbench.present.choose import cards, peak_of
from matbench.present.figures.frame import (
    LABEL,
    Dot,
    EndLabel,
    bounds_of,
    direct_labels,
    draw_dots,
    foot,
    new_sheet,
    note_of,
    nothing,
    subheading,
    tick_at,
)
from matbench.present.figures.threads import rates_by_threads, scaling_rows, thread_axis
from matbench.present.numbers import Cell, Numbers
from matbench.present.style import fitted, inks, looks, palette
from matbench.present.words import clean, count_threads
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype, Record
    from matbench.present.figures.frame import Sheet

    Rows = dict[str, list[Row]]  # kernel -> rows ascending in threads

__all__ = ["alt_percore", "draw_percore", "finding_percore", "rows_percore"]

HEADING = "What each core gives when others work beside it"
PARTS = (1 / 16, 1 / 4)  # of the largest size: what the two other panels are about, as near as was measured
NO_SCALING = "no kernel was measured on more than one thread count"


def draw_percore(table: Table, dtype: Dtype = "float64", record: Record | None = None, dark: bool = False) -> Figure:
    """GFLOP/s for each core against threads, at up to three sizes, under the measured peak of a core.

    Parameters
    ----------
    table
        The figures.
    dtype
        Element type.
    record
        Tells how many cores there are: threads beyond them share cores. Without it each thread counts as a core.
    dark
        Whether on dark paper.
    """
    ink = inks(dark=dark)
    found = _panels(table, dtype)
    with looks(ink):
        if not found:
            return nothing(ink, HEADING, subheading(table, dtype), _why_not(table, dtype))
        kernels = list(next(reversed(found.values())))
        below = subheading(table, f"{dtype}, GFLOP/s for each core against threads")
        sheet = new_sheet(ink, HEADING, below, panels=len(found), labels=len(kernels))
        styles, cores = palette(cards(table), ink), _cores(record)
        dots = [{kernel: [_dot(row, cores) for row in rows[kernel]] for kernel in rows} for rows in found.values()]
        _axes(sheet, list(found), dots, _peaks(table, dtype, found, cores))
        for ax, panel in zip(sheet.axes, dots, strict=True):
            for kernel, some in panel.items():
                draw_dots(ax, some, styles[kernel], ink, label=fitted(kernel, LABEL, 9))
        ends = [EndLabel(dots[-1][k][-1].x, dots[-1][k][-1].y, fitted(k, LABEL, 9), styles[k]) for k in kernels]
        direct_labels(sheet, sheet.axes[-1], ends)
        foot(sheet, _note(found, cores))
        return sheet.figure


def _panels(table: Table, dtype: Dtype) -> dict[int, Rows]:
    """Size -> the kernels measured on several thread counts: where scaling is told, and two smaller sizes before it."""
    last = scaling_rows(table, dtype)
    if last is None:
        return {}
    n, kernels = last
    by_size = rates_by_threads(table, dtype)
    told = {size: {k: rows[k] for k in kernels if k in rows} for size, rows in by_size.items() if size <= n}
    sizes = sorted(size for size, rows in told.items() if rows)
    nearest = {min(sizes, key=lambda size: abs(math.log(size / (part * n)))) for part in PARTS}
    return {size: told[size] for size in sorted({*nearest, n})}


def _why_not(table: Table, dtype: Dtype) -> str:
    counts = {row.case.threads for row in table.rows if row.case.problem.dtype == dtype and row.rate is not None}
    if not counts:
        return "nothing measured"
    return f"everything was measured on {count_threads(next(iter(counts)))} alone" if len(counts) == 1 else NO_SCALING


def _cores(record: Record | None) -> int | None:
    return None if record is None else record.header.host.physical_cores


def _used(threads: int, cores: int | None) -> int:
    """Cores that so many threads keep busy."""
    return min(threads, cores or threads)


def _dot(row: Row, cores: int | None) -> Dot:
    if row.rate is None:
        raise ValueError("only rows with a rate are drawn")
    unit = 1e9 * _used(row.case.threads, cores)
    low, high = row.rate.low, row.rate.high
    bounds = (None if low is None else low / unit, None if high is None else high / unit)
    return Dot(row.case.threads, row.rate.estimate / unit, *bounds)


def _peaks(table: Table, dtype: Dtype, found: dict[int, Rows], cores: int | None) -> list[tuple[int, float]]:
    """Threads and the measured peak of a core, GFLOP/s, where it was measured."""
    counts = {row.case.threads for panel in found.values() for rows in panel.values() for row in rows}
    peaks = ((threads, peak_of(table, dtype, threads)) for threads in sorted(counts))
    return [(threads, peak.estimate / 1e9 / _used(threads, cores)) for threads, peak in peaks if peak is not None]


def _axes(
    sheet: Sheet, sizes: Sequence[int], panels: Sequence[dict[str, list[Dot]]], peaks: Sequence[tuple[int, float]]
) -> None:
    """The same vertical axis everywhere, from nothing to the peak of a core, so that the panels compare."""
    ink = sheet.ink
    dots = [dot for panel in panels for some in panel.values() for dot in some]
    counts = sorted({int(dot.x) for dot in dots})
    top = 1.1 * max([bounds_of(dots)[1], *(rate for _, rate in peaks)])
    for ax, n in zip(sheet.axes, sizes, strict=True):
        thread_axis(ax, counts)
        ax.set_ylim(0, top)
        tick_at(ax.yaxis, [tick for tick in ax.get_yticks() if tick <= top])
        ax.set_title(f"n = {n}", loc="left", fontsize=9.5, pad=4)
        if peaks:
            ax.plot(*zip(*peaks, strict=True), color=ink.roof, linewidth=1.2, linestyle=(0, (6, 2)), zorder=1)
    sheet.axes[0].set_ylabel("GFLOP/s for each core")
    if peaks:
        place, text = (counts[0] / 1.18, peaks[0][1]), "peak of a core"
        sheet.axes[0].annotate(text, place, (0, 4), textcoords="offset points", size=8.5, color=ink.roof)


def _note(found: dict[int, Rows], cores: int | None) -> str:
    rows = [row for panel in found.values() for some in panel.values() for row in some]
    parts = [note_of(rows, lambda row: row.rate)]
    if cores is not None and any(row.case.threads > cores for row in rows):
        parts.append(f"There are {cores} cores: more threads share them.")
    return "  ".join(parts)


def finding_percore(table: Table, dtype: Dtype = "float64", record: Record | None = None) -> str:
    """What the fastest threaded kernel keeps of its rate for each core, at the largest and at the smallest size."""
    found = _panels(table, dtype)
    if not found:
        return f"There is no scaling to tell: {_why_not(table, dtype)}."
    cores, n = _cores(record), max(found)
    kernel = max(found[n], key=lambda name: _dot(found[n][name][-1], cores).y)
    ends = dict.fromkeys([n, min(size for size in found if kernel in found[size])])
    told = [f"{_change(found[size][kernel], cores)} at n = {size}" for size in ends]
    last = found[n][kernel][-1]
    text = f"In {dtype}, from {count_threads(found[n][kernel][0].case.threads)} to {count_threads(last.case.threads)}"
    return f"{text} the rate of {clean(kernel, 80)} for each core goes {', and '.join(told)}."


def _change(rows: Sequence[Row], cores: int | None) -> str:
    first, last = _dot(rows[0], cores), _dot(rows[-1], cores)
    return f"from {format_rate(1e9 * first.y)} to {format_rate(1e9 * last.y)} GFLOP/s"


def alt_percore(table: Table, dtype: Dtype = "float64", record: Record | None = None) -> str:
    """What the picture shows, then its finding."""
    found = _panels(table, dtype)
    told = finding_percore(table, dtype, record)
    if not found:
        return f"Empty chart. {told}"
    sizes = ", ".join(map(str, found))
    return f"Charts of GFLOP/s for each core against the number of threads, {dtype}, at n = {sizes}. {told}"


def rows_percore(table: Table, dtype: Dtype = "float64", record: Record | None = None) -> Numbers:
    """A row for each size, kernel and thread count."""
    cores = _cores(record)
    columns = ("n", "kernel", "threads", "cores", "GFLOP/s for each core", "low", "high", "peak of a core [GFLOP/s]")
    lines: list[tuple[Cell, ...]] = []
    for n, kernels in _panels(table, dtype).items():
        for kernel, rows in kernels.items():
            for row in rows:
                dot, used = _dot(row, cores), _used(row.case.threads, cores)
                peak = peak_of(table, dtype, row.case.threads)
                roof = None if peak is None else peak.estimate / 1e9 / used
                lines.append((n, kernel, row.case.threads, used, dot.y, dot.low, dot.high, roof))
    return Numbers(columns, tuple(lines))
