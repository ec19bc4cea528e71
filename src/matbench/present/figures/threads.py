"""What more threads bring: rate per thread, and efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.present.choose import cards, has_time, is_drawable, peak_of
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
    plain,
    subheading,
    tick_at,
)
from matbench.present.style import fitted, inks, looks, palette
from matbench.present.words import count_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from matbench.analyse.rows import Interval, Row, Table
    from matbench.model import Dtype
    from matbench.present.figures.frame import Sheet

__all__ = ["efficiency", "rates_by_threads", "scaling_rows", "thread_axis", "thread_figure"]

HEADING = "What more threads bring"


def thread_figure(table: Table, dtype: Dtype = "float64", dark: bool = False) -> Figure:
    """GFLOP/s per thread and efficiency against threads, at the largest size that the threaded kernels share."""
    ink = inks(dark=dark)
    found = scaling_rows(table, dtype)
    with looks(ink):
        if found is None:
            return nothing(
                ink, HEADING, subheading(table, dtype), "no kernel was measured on more than one thread count"
            )
        n, kernels = found
        sheet = new_sheet(ink, HEADING, subheading(table, f"{dtype}, n = {n}"), panels=2, labels=len(kernels))
        styles = palette(cards(table), ink)
        rates = {kernel: [_per_thread(row) for row in rows] for kernel, rows in kernels.items()}
        shares = {kernel: efficiency(rows) for kernel, rows in kernels.items()}
        _rate_panel(sheet, table, dtype, rates)
        _efficiency_panel(sheet, shares, min(rows[0].case.threads for rows in kernels.values()))
        labels = []
        for kernel in kernels:
            look, name = styles[kernel], fitted(kernel, LABEL, 9)
            draw_dots(sheet.axes[0], rates[kernel], look, ink, label=name)
            draw_dots(sheet.axes[1], shares[kernel], look, ink, label=name)
            labels.append(EndLabel(shares[kernel][-1].x, shares[kernel][-1].y, name, look))
        direct_labels(sheet, sheet.axes[1], labels)
        note = note_of([row for rows in kernels.values() for row in rows], lambda row: row.rate)
        foot(sheet, f"{note}  Bars of the efficiency combine the intervals of both rates at their worst.")
        return sheet.figure


def scaling_rows(table: Table, dtype: Dtype) -> tuple[int, dict[str, list[Row]]] | None:
    """The size to tell scaling at and, by kernel, its rows ascending in threads; None where there are none.

    The largest n at which all kernels with several thread counts have them; failing that, the largest among those
    with the most such kernels.
    """
    scaling = rates_by_threads(table, dtype)
    if not any(scaling.values()):
        return None
    n = max(scaling, key=lambda n: (len(scaling[n]), n))
    return n, scaling[n]


def rates_by_threads(table: Table, dtype: Dtype) -> dict[int, dict[str, list[Row]]]:
    """By square size and kernel the rows ascending in threads, where they are several and have a measured rate."""
    by_size: dict[int, dict[str, dict[int, Row]]] = {}
    for row in table.rows:
        problem = row.case.problem
        fits = problem.is_square and problem.dtype == dtype and problem.layout == "C"
        if fits and has_time(row) and not row.extrapolated and row.rate is not None and is_drawable(row.rate):
            by_size.setdefault(problem.n, {}).setdefault(row.case.kernel, {}).setdefault(row.case.threads, row)
    return {
        n: {kernel: [rows[t] for t in sorted(rows)] for kernel, rows in kernels.items() if len(rows) > 1}
        for n, kernels in by_size.items()
    }


def _rate(row: Row) -> Interval:
    if row.rate is None:
        raise ValueError("only rows with a rate are drawn")
    return row.rate


def _per_thread(row: Row) -> Dot:
    rate, unit = _rate(row), 1e9 * row.case.threads
    low = None if rate.low is None else rate.low / unit
    return Dot(row.case.threads, rate.estimate / unit, low, None if rate.high is None else rate.high / unit)


def efficiency(rows: Sequence[Row]) -> list[Dot]:
    """Rate per thread over that of the first row (the fewest threads), against threads.

    The bounds combine those of both rates at their worst; the first row is 1 by definition and has none.
    """
    first = _per_thread(rows[0])
    dots = [Dot(first.x, 1.0)]
    for dot in map(_per_thread, rows[1:]):
        low = dot.low / first.high if dot.low is not None and first.high else None
        high = dot.high / first.low if dot.high is not None and first.low else None
        dots.append(Dot(dot.x, dot.y / first.y, low, high))
    return dots


def thread_axis(ax: Axes, counts: Sequence[int]) -> None:
    """The horizontal axis over threads, logarithmic to base 2, labelled at the counts measured, which ascend."""
    ax.set_xscale("log", base=2)
    ax.set_xlim(counts[0] / 1.2, counts[-1] * 1.2)
    tick_at(ax.xaxis, counts[:: max(1, -(-len(counts) // 8))])
    ax.set_xlabel("threads")


def _rate_panel(sheet: Sheet, table: Table, dtype: Dtype, rates: dict[str, list[Dot]]) -> None:
    ax, ink = sheet.axes[0], sheet.ink
    dots = [dot for some in rates.values() for dot in some]
    counts = sorted({int(dot.x) for dot in dots})
    thread_axis(ax, counts)
    peaks = [(t, peak_of(table, dtype, t)) for t in counts]
    roof = [(t, peak.estimate / t / 1e9) for t, peak in peaks if peak is not None]
    if roof:
        ax.plot(*zip(*roof, strict=True), color=ink.roof, linewidth=1.2, linestyle=(0, (6, 2)), label="peak", zorder=1)
        place, text = (counts[0] / 1.18, roof[0][1]), "peak per thread"
        ax.annotate(text, place, (0, 4), textcoords="offset points", size=8.5, color=ink.roof)
    top = max([bounds_of(dots)[1], *(rate for _, rate in roof)])
    ax.set_ylim(0, top * 1.1)
    tick_at(ax.yaxis, [tick for tick in ax.get_yticks() if tick <= top * 1.1])
    ax.set_ylabel("GFLOP/s per thread")


def _efficiency_panel(sheet: Sheet, shares: dict[str, list[Dot]], fewest: int) -> None:
    ax = sheet.axes[1]
    dots = [dot for some in shares.values() for dot in some]
    thread_axis(ax, sorted({int(dot.x) for dot in dots}))
    ax.axhline(1.0, color=sheet.ink.muted, linewidth=1.0, zorder=1)
    ax.set_ylim(0, max(1.1, 1.05 * bounds_of(dots)[1]))
    ax.set_ylabel(f"efficiency (rate per thread over that on {count_threads(fewest)})")
    tick_at(ax.yaxis, [tick for tick in (0, 0.2, 0.4, 0.6, 0.8, 1) if tick <= ax.get_ylim()[1]], _percent)


def _percent(value: float, _position: object) -> str:
    return f"{plain(100 * value)} %" if value else "0 %"
