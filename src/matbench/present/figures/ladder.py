"""The ladder at one size, rung by rung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.present.choose import base_row, cards, has_bounds, has_time, predecessor, rows_at
from matbench.present.figures.frame import (
    WIDTH,
    Dot,
    bounds_of,
    foot,
    log_ticks,
    new_sheet,
    note_of,
    nothing,
    padded,
    subheading,
    tick_at,
)
from matbench.present.figures.speedup import fitted_words
from matbench.present.style import drawable, fitted, inks, looks, palette, width_of
from matbench.present.words import count_threads, rate_text, where
from matbench.units import format_factor, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.rows import Row, Table
    from matbench.model import Problem
    from matbench.present.figures.frame import Sheet
    from matbench.present.style import Look

__all__ = ["ladder_figure"]

LEFT, RIGHT = 2.25, 2.05  # inches, for the names and for the columns of figures
PITCH = 0.44  # inches between rungs


def ladder_figure(table: Table, problem: Problem, dark: bool = False) -> Figure:
    """The time of a call for each rung on a logarithmic axis, from the top rung of the table down.

    Dots with interval bars; between two rungs stands the factor from one to the next. Beside them the rate and the
    speed-up over the base.
    """
    ink = inks(dark=dark)
    rows = [row for row in rows_at(table, problem) if has_time(row)]
    with looks(ink):
        heading, below = f"The ladder at {where(problem)}", subheading(table, _base_words(table, problem))
        if not rows:
            return nothing(ink, heading, below)
        # The sheet reckons its height in labels of 0.19 inch.
        sheet = new_sheet(ink, heading, below, labels=round((len(rows) + 0.4) * PITCH / 0.19), left=LEFT, right=RIGHT)
        styles = palette(cards(table), ink)
        _axes(sheet, rows)
        _steps(sheet, rows)
        for place, row in enumerate(rows):
            _rung(sheet, place, row, styles[row.case.kernel])
        _columns(sheet, table, rows)
        note = f"{note_of(rows, lambda row: row.seconds)}  {fitted_words(table, rows)}"
        foot(sheet, f"{note}  Factors and columns: estimates without their intervals.")
        return sheet.figure


def _base_words(table: Table, problem: Problem) -> str:
    row = base_row(table, problem)
    name = drawable(table.base, 30)
    word = ", extrapolated" if row is not None and row.extrapolated else ""
    return f"base {name}" if row is None else f"base {name}, {rate_text(row)} GFLOP/s on 1 thread{word}"


def _axes(sheet: Sheet, rows: Sequence[Row]) -> None:
    ax = sheet.axes[0]
    low, high = bounds_of([_dot(row) for row in rows])
    ax.set_xscale("log")
    ax.set_xlim(*padded(low, high, 1.8))
    tick_at(ax.xaxis, log_ticks(*ax.get_xlim(), apart=0.14), lambda value, _: _time_tick(value))
    ax.set_xlabel("time of one call (further left is faster)")
    ax.set_ylim(len(rows) - 0.5, -0.6)
    tick_at(ax.yaxis, [float(place) for place in range(len(rows))], lambda value, _: _name(rows, value))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _time_tick(seconds: float) -> str:
    value, unit = format_seconds(seconds * 1.0000001).split(" ")
    return f"{float(value.replace(',', '')):,.10g} {unit}"


def _name(rows: Sequence[Row], place: float) -> str:
    row = rows[round(place)]
    several = sum(other.case.kernel == row.case.kernel for other in rows) > 1
    rest = f", {count_threads(row.case.threads)}" if several or row.case.threads > 1 else ""
    return fitted(row.case.kernel, LEFT - 0.25 - width_of(rest, 9.5), 9.5) + rest


def _dot(row: Row) -> Dot:
    seconds = row.seconds
    if seconds is None:
        raise ValueError("only rows with a time are drawn")
    return Dot(0, seconds.estimate, seconds.low, seconds.high, hollow=row.extrapolated)


def _rung(sheet: Sheet, place: int, row: Row, look: Look) -> None:
    """One dot with its bar, labelled with the kernel and its threads."""
    ax, ink, dot = sheet.axes[0], sheet.ink, _dot(row)
    if dot.low is not None and dot.high is not None and has_bounds(row.seconds):
        ax.hlines(place, max(dot.low, 1e-12), dot.high, color=look.color, linewidth=2.2, zorder=3)
    ax.plot(
        [dot.y],
        [place],
        linestyle="none",
        marker=look.marker,
        markersize=8,
        markerfacecolor=ink.paper if dot.hollow else look.color,
        markeredgecolor=look.color,
        zorder=4,
        label=f"{row.case.kernel}/{row.case.threads}" + "~" * dot.hollow,
    )


def _steps(sheet: Sheet, rows: Sequence[Row]) -> None:
    """The paths down the ladder, with the factor of each step written half a rung above its end."""
    ax, ink = sheet.axes[0], sheet.ink
    times = [_dot(row).y for row in rows]
    for end, after in enumerate(times):
        start = predecessor(rows, end)
        if start is None:
            continue
        factor = times[start] / after
        gain = f"{format_factor(factor)} faster" if factor >= 1 else f"{format_factor(1 / factor)} slower"
        predicted = rows[start].extrapolated or rows[end].extrapolated
        ax.plot([times[start], after], [start, end], color=ink.muted, linewidth=0.8, alpha=0.5, zorder=1)
        ax.text(
            after * factor ** (0.5 / (end - start)),  # on the path, straight on a logarithmic axis
            end - 0.5,
            "~" * predicted + gain,
            ha="center",
            va="center_baseline",
            size=8.5,
            color=ink.muted if factor >= 1 else ink.roof,
            bbox={"facecolor": ink.paper, "edgecolor": "none", "pad": 0.8},
            zorder=2,
        )


def _columns(sheet: Sheet, table: Table, rows: Sequence[Row]) -> None:
    """Rate and speed-up of each rung, right of the axes."""
    ax, ink = sheet.axes[0], sheet.ink
    inch = 1 / (ax.get_position().width * WIDTH)
    ends = (1 + 0.85 * inch, 1 + 1.85 * inch)
    for end, title in zip(ends, ("GFLOP/s", "speed-up"), strict=True):
        ax.annotate(
            title,
            (end, 1.0),
            (0, 1),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="bottom",
            size=9,
            color=ink.muted,
        )
    for place, row in enumerate(rows):
        for end, text in zip(ends, (rate_text(row), _speedup(row, table.base)), strict=True):
            ax.text(end, place, text, transform=ax.get_yaxis_transform(), ha="right", va="center_baseline", size=9)


def _speedup(row: Row, base: str) -> str:
    if row.case.kernel == base and row.case.threads == 1:
        return "base"
    if row.speedup is None:
        return ""
    return ("~" if row.speedup.extrapolated or row.extrapolated else "") + format_factor(row.speedup.estimate)
