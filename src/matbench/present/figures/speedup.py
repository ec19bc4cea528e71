"""Speed-up over the base against the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.analyse.rows import Interval
from matbench.present.choose import cards, is_drawable, square_series
from matbench.present.figures.frame import (
    LABEL,
    Dot,
    EndLabel,
    bounds_of,
    direct_labels,
    draw_dots,
    foot,
    log_ticks,
    new_sheet,
    note_of,
    nothing,
    padded,
    plain,
    series_label,
    size_axis,
    subheading,
    tick_at,
)
from matbench.present.style import Look, drawable, fitted, inks, looks, palette, width_of
from matbench.present.words import listed
from matbench.units import format_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype
    from matbench.present.choose import Series

__all__ = ["base_rates", "fitted_words", "speedup_figure"]


def speedup_figure(table: Table, dtype: Dtype = "float64", dark: bool = False) -> Figure:
    """Speed-up over the base against n, both logarithmic.

    Dots with interval bars; hollow where the speed-up rests on a prediction. The base is named with its absolute
    rate on the axis. Rectangular problems have no place on it.
    """
    ink = inks(dark=dark)
    drawn = [one for one in map(_with_speedup, square_series(table, dtype)) if one is not None]
    # Times of another project's benchmarks have a size, but nobody knows how many operations that is.
    matrices = any(row.rate is not None for one in drawn for row in one.rows)
    with looks(ink):
        heading = f"Speed-up over {drawable(table.base, 40)}"
        below = subheading(table, f"{dtype}, square matrices" if matrices or not drawn else dtype)
        if not drawn:
            return nothing(ink, heading, below, _why_not(table, dtype))
        sheet = new_sheet(ink, heading, below, labels=len(drawn) + 1, left=1.25)
        ax, styles = sheet.axes[0], palette(cards(table), ink)
        dots = {series_label(one, drawn): [_dot(row) for row in one.rows] for one in drawn}
        sizes = sorted({row.case.problem.n for one in drawn for row in one.rows})
        low, high = bounds_of([Dot(1, 1), *(dot for some in dots.values() for dot in some)])
        size_axis(ax, sizes, *padded(sizes[0], sizes[-1], 1.15))
        ax.set_yscale("log")
        ax.set_ylim(*padded(low, high))
        tick_at(ax.yaxis, log_ticks(*ax.get_ylim()), lambda value, _: f"{plain(value)}×")
        rate = f"\n({base_rates(table, dtype)})" if matrices else ""
        ax.set_ylabel(f"speed-up over {drawable(table.base, 30)}{rate}")
        if not matrices:
            ax.set_xlabel("size")
        labels = [
            EndLabel(
                sizes[-1],
                1.0,
                f"{fitted(table.base, LABEL - width_of(' (base)', 9), 9)} (base)",
                Look(ink.muted, ink.muted, "_"),
            )
        ]
        ax.axhline(1.0, color=ink.muted, linewidth=1.0, zorder=1)
        for one, (name, some) in zip(drawn, dots.items(), strict=True):
            look = styles[one.card.name]
            draw_dots(ax, some, look, ink, label=name, dashed=one.threads > 1)
            labels.append(EndLabel(some[-1].x, some[-1].y, name, look))
        direct_labels(sheet, ax, labels)
        rows = [row for one in drawn for row in one.rows]
        foot(sheet, f"{note_of(rows, _interval)}  {fitted_words(table, rows)}")
        return sheet.figure


def _with_speedup(one: Series) -> Series | None:
    """The rows of a series that have a speed-up over another row than their own, or None."""
    rows = tuple(row for row in one.rows if row.speedup is not None and is_drawable(row.speedup) and not _is_base(row))
    return None if not rows else one._replace(rows=rows)


def _is_base(row: Row) -> bool:
    return row.speedup is not None and row.speedup.base == row.case.kernel and row.case.threads == 1


def _why_not(table: Table, dtype: Dtype) -> str:
    measured = any(square_series(table, dtype))
    return f"no speed-up: {drawable(table.base)} was not measured" if measured else "nothing measured"


def _interval(row: Row) -> Interval | None:
    speedup = row.speedup
    return None if speedup is None else Interval(speedup.estimate, speedup.low, speedup.high)


def _dot(row: Row) -> Dot:
    told = row.speedup
    if told is None:
        raise ValueError("only rows with a speed-up are drawn")
    return Dot(row.case.problem.n, told.estimate, told.low, told.high, hollow=row.extrapolated or told.extrapolated)


def base_rates(table: Table, dtype: Dtype) -> str:
    """The base's absolute rate: one figure, or the range over the sizes where it was measured."""
    rows = [r for one in square_series(table, dtype) if one.card.name == table.base for r in one.rows]
    rates = [r.rate.estimate for r in rows if r.rate is not None and not r.extrapolated and r.case.threads == 1]
    if not rates:
        return "its rate was not measured"
    low, high = format_rate(min(rates)), format_rate(max(rates))
    return f"{low if low == high else f'{low} to {high}'} GFLOP/s on 1 thread"


def fitted_words(table: Table, rows: list[Row]) -> str:
    """What hollow marks mean, with the fitted range; empty where nothing drawn rests on a prediction."""
    hollow = [row for row in rows if row.extrapolated or (row.speedup is not None and row.speedup.extrapolated)]
    if not hollow:
        return ""
    kernels = {row.case.kernel for row in hollow if row.extrapolated} | {
        row.speedup.base for row in hollow if row.speedup is not None and row.speedup.extrapolated
    }
    predicted = [row for row in table.rows if row.case.kernel in kernels and row.extrapolated and row.fitted]
    ranges: dict[str, dict[str, None]] = {}
    for row in predicted:
        ranges.setdefault(row.fitted or "", {})[drawable(row.case.kernel, 30)] = None
    told = "; ".join(f"{listed(names)} from {fitted_on}" for fitted_on, names in ranges.items())
    return f"Hollow: extrapolated ({told or 'range unknown'})."
