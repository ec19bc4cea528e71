"""Rate against the size, under the measured peak."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.patheffects import withStroke

from matbench.present.choose import cards, is_drawable, peak_of, square_series
from matbench.present.figures.frame import (
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
    series_label,
    size_axis,
    subheading,
    tick_at,
)
from matbench.present.figures.speedup import fitted_words
from matbench.present.style import inks, looks, palette
from matbench.present.words import count_threads
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.rows import Interval, Row, Table
    from matbench.model import Dtype
    from matbench.present.choose import Series
    from matbench.present.figures.frame import Sheet

__all__ = ["peaks_of", "rate_figure"]

HEADING = "How fast each rung is"
GIGA = 1e9


def rate_figure(table: Table, dtype: Dtype = "float64", dark: bool = False) -> Figure:
    """GFLOP/s against n, both logarithmic; the axis ends at the measured peak of all threads drawn.

    Lines are thin and light, so that the drops at powers of two (ringed) can be seen.
    """
    ink = inks(dark=dark)
    drawn = [one for one in map(_with_rate, square_series(table, dtype)) if one is not None]
    with looks(ink):
        below = subheading(table, f"{dtype}, square matrices")
        if not drawn:
            return nothing(ink, HEADING, below)
        peaks = peaks_of(table, dtype, drawn)
        heading = f"{HEADING}, up to the measured peak" if peaks else HEADING
        sheet = new_sheet(ink, heading, below, labels=len(drawn))
        ax, styles = sheet.axes[0], palette(cards(table), ink)
        dots = {series_label(one, drawn): [_dot(row) for row in one.rows] for one in drawn}
        sizes = sorted({row.case.problem.n for one in drawn for row in one.rows})
        size_axis(ax, sizes, *padded(sizes[0], sizes[-1], 1.15))
        _rate_axis(sheet, [dot for some in dots.values() for dot in some], peaks)
        labels = []
        for one, (name, some) in zip(drawn, dots.items(), strict=True):
            look = styles[one.card.name]
            draw_dots(ax, some, look, ink, label=name, dashed=one.threads > 1)
            labels.append(EndLabel(some[-1].x, some[-1].y, name, look))
        direct_labels(sheet, ax, labels)
        _draw_peaks(sheet, peaks)
        foot(sheet, _note(table, [row for one in drawn for row in one.rows], peaks))
        return sheet.figure


def _with_rate(one: Series) -> Series | None:
    rows = tuple(row for row in one.rows if row.rate is not None and is_drawable(row.rate))
    return None if not rows else one._replace(rows=rows)


def _dot(row: Row) -> Dot:
    rate, n = row.rate, row.case.problem.n
    if rate is None:
        raise ValueError("only rows with a rate are drawn")
    low = None if rate.low is None else rate.low / GIGA
    high = None if rate.high is None else rate.high / GIGA
    return Dot(n, rate.estimate / GIGA, low, high, hollow=row.extrapolated, ringed=_is_power(n))


def _is_power(n: int) -> bool:
    return n & (n - 1) == 0


def peaks_of(table: Table, dtype: Dtype, drawn: Sequence[Series]) -> dict[int, Interval]:
    """The measured peaks (flop/s) of the fewest and the most threads drawn, by thread count."""
    counts = sorted({one.threads for one in drawn})
    found = {t: peak_of(table, dtype, t) for t in {1, counts[-1]}}
    return {t: peak for t, peak in sorted(found.items()) if peak is not None}


def _rate_axis(sheet: Sheet, dots: Sequence[Dot], peaks: dict[int, Interval]) -> None:
    """Limits: from below the slowest to the highest peak; past it only if a point lies there, which is a fault."""
    ax = sheet.axes[0]
    low, high = bounds_of([Dot(dot.x, dot.y) for dot in dots])
    roof = max((peak.estimate / GIGA for peak in peaks.values()), default=0.0)
    bottom, top = padded(low, high)
    ax.set_yscale("log")
    ax.set_ylim(bottom, top if high > roof else roof)
    tick_at(ax.yaxis, log_ticks(*ax.get_ylim()))
    ax.set_ylabel("GFLOP/s")


def _draw_peaks(sheet: Sheet, peaks: dict[int, Interval]) -> None:
    """Each peak as a line with its value above it, at the left, where small sizes are slow."""
    ax, ink = sheet.axes[0], sheet.ink
    ends: list[float] = []
    for threads, peak in sorted(peaks.items(), reverse=True):
        rate = peak.estimate / GIGA
        ax.axhline(rate, color=ink.roof, linewidth=1.2, linestyle=(0, (6, 2)), zorder=1, clip_on=False)
        # The name of a peak that lies just under another goes below its line.
        below = bool(ends) and math.log(ends[-1] / rate) < 0.06 * math.log(ax.get_ylim()[1] / ax.get_ylim()[0])
        text = f"peak, {count_threads(threads)}: {format_rate(peak.estimate)} GFLOP/s"
        offset = (4, -3) if below else (4, 2)
        ax.annotate(
            text,
            (ax.get_xlim()[0], rate),
            offset,
            textcoords="offset points",
            size=8.5,
            color=ink.roof,
            va="top" if below else "bottom",
            annotation_clip=False,
            zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground=ink.paper)],
        )
        ends.append(rate)


def _note(table: Table, rows: list[Row], peaks: dict[int, Interval]) -> str:
    ringed = any(_is_power(row.case.problem.n) and not row.extrapolated for row in rows)
    parts = [note_of(rows, lambda row: row.rate), "Ringed: measured at a power of two." if ringed else ""]
    if any(row.extrapolated for row in rows):
        parts.append(fitted_words(table, [row for row in rows if row.extrapolated]))
    if not peaks:
        parts.append("The peak was not measured.")
    elif any(row.rate is not None and row.rate.estimate > max(p.estimate for p in peaks.values()) for row in rows):
        parts.append("A point above the measured peak is a fault of the measurement.")
    return "  ".join(part for part in parts if part)
