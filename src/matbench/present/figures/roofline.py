"""The roofline: rates against operations for each byte, under the measured peak and the measured bandwidths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.patheffects import withStroke

from matbench.analyse.nests import traffic
from matbench.analyse.roofline import HIT, MEMORY, PEAK, limits, lowest, roofs
from matbench.model import Caches
from matbench.present.ceilings import OVER, ceiling_words
from matbench.present.choose import cards, headline_problem, is_drawable, is_measured, peak_of, rows_at
from matbench.present.figures.frame import (
    LABEL,
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
from matbench.present.figures.speedup import fitted_words
from matbench.present.numbers import Cell, Numbers
from matbench.present.style import fitted, inks, looks, palette, width_of
from matbench.present.words import count_threads, listed, where, who
from matbench.units import format_bytes, format_percent, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from matbench.analyse.roofline import Limit
    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype, Problem, Record
    from matbench.present.figures.frame import Sheet

__all__ = ["alt_roofline", "draw_roofline", "finding_roofline", "rows_roofline"]

GIGA = 1e9
NO_ROOF = "no roof can be drawn: neither a peak nor a bandwidth was measured"
NO_LIMIT = "no ceiling was measured that could limit these rungs: calls in a row need no memory"
MOST_HITS = 4  # of one ceiling that a sentence lists


class _Spot(NamedTuple):
    """A row with its place: the intensity at the level that allows it least, and those at the other levels."""

    row: Row
    x: float  # flop/byte
    others: tuple[float, ...]
    inside: bool  # no level is a limit: its operands fit into the last cache


def draw_roofline(
    table: Table,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    dark: bool = False,
) -> Figure:
    """GFLOP/s against flop/byte for every rung at one problem, both logarithmic.

    Each rung stands at the intensity of the level whose bandwidth allows it least; where several levels were
    measured, ticks on a thin line mark its intensities at the others. Predictions are hollow.

    Parameters
    ----------
    table
        Rates, peaks and bandwidths.
    dtype
        Element type, where `problem` is None.
    problem
        By default the one that the run is told by.
    record
        Tells the sizes of the caches; without it every byte is counted once.
    dark
        Whether on dark paper.
    """
    ink, problem = inks(dark=dark), problem or headline_problem(table, dtype)
    heading = "Under which roof" if problem is None else f"Under which roof: {where(problem)}"
    spots = _spots(table, problem, record)
    with looks(ink):
        below = subheading(table, "rate against operations for each byte")
        if problem is None or not spots:
            return nothing(ink, heading, below)
        counts = _roofed(table, problem.dtype, spots)
        if not counts:
            return nothing(ink, heading, below, NO_ROOF)
        sheet = new_sheet(ink, heading, below, labels=len(spots))
        _axes(sheet, table, problem.dtype, spots, counts)
        for threads in counts:
            _draw_roofs(sheet, table, problem.dtype, threads, plain=threads == counts[0])
        _draw_spots(sheet, table, spots)
        foot(sheet, _note(table, problem, spots, _caches(record)))
        return sheet.figure


def _caches(record: Record | None) -> Caches:
    return Caches() if record is None else record.header.host.caches


def _spots(table: Table, problem: Problem | None, record: Record | None) -> tuple[_Spot, ...]:
    rows = () if problem is None else rows_at(table, problem)
    return tuple(_spot(row, table, _caches(record)) for row in rows if row.rate is not None and is_drawable(row.rate))


def _spot(row: Row, table: Table, caches: Caches) -> _Spot:
    levels = [limit for limit in limits(row, table, caches) if limit.intensity is not None]
    nearest = lowest(tuple(levels))
    if nearest is None or nearest.intensity is None:
        # No level binds it, or none was measured: each operand counted once, as if it came from memory.
        return _Spot(row, traffic(row.case, caches)[-1].intensity(row.case.problem.flops), (), inside=True)
    others = tuple(limit.intensity for limit in levels if limit is not nearest and limit.intensity is not None)
    return _Spot(row, nearest.intensity, others, inside=False)


def _roofed(table: Table, dtype: Dtype, spots: Sequence[_Spot]) -> list[int]:
    """The thread counts whose roofs are drawn: the fewest and the most of the rows, where any was measured."""
    counts = sorted({spot.row.case.threads for spot in spots})
    ends = dict.fromkeys([counts[0], counts[-1]])
    return [threads for threads in ends if peak_of(table, dtype, threads) is not None or roofs(table, threads)]


def _peak(table: Table, dtype: Dtype, threads: int) -> float | None:
    """The peak in GFLOP/s."""
    peak = peak_of(table, dtype, threads)
    return None if peak is None else peak.estimate / GIGA


def _axes(sheet: Sheet, table: Table, dtype: Dtype, spots: Sequence[_Spot], counts: Sequence[int]) -> None:
    """Limits that hold all points and the ridge, where the lowest bandwidth meets the peak."""
    ax = sheet.axes[0]
    rates = [spot.row.rate.estimate / GIGA for spot in spots if spot.row.rate is not None]
    peaks = [peak for threads in counts if (peak := _peak(table, dtype, threads)) is not None]
    places = [x for spot in spots for x in (spot.x, *spot.others)]
    ridges = [
        peak * GIGA / roof.bandwidth
        for threads in counts
        if (peak := _peak(table, dtype, threads)) is not None
        for roof in roofs(table, threads)
    ]
    left, right = min([*places, *ridges]) / 4, max([*places, *ridges]) * 2.5
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(left, right)
    ax.set_ylim(min(rates) / 1.6, 1.35 * max([*rates, *peaks]))
    tick_at(ax.xaxis, log_ticks(left, right, apart=0.09))
    tick_at(ax.yaxis, log_ticks(*ax.get_ylim()))
    ax.set_xlabel("operations for each byte moved [flop/byte]")
    ax.set_ylabel("GFLOP/s")


def _draw_roofs(sheet: Sheet, table: Table, dtype: Dtype, threads: int, *, plain: bool) -> None:
    """The bandwidths as slopes and the peak as a level; those of the most threads dashed, main memory alone."""
    ax, ink = sheet.axes[0], sheet.ink
    left, right = ax.get_xlim()
    low, high = ax.get_ylim()
    peak = _peak(table, dtype, threads)
    measured, lines = roofs(table, threads), []
    for roof in measured if plain else [each for each in measured if each.level == MEMORY]:
        slope = roof.bandwidth / GIGA
        ridge = min(right, (peak or high) / slope)
        lines += ax.plot([left, ridge], [slope * left, slope * ridge])
        start = 1.2 * max(left, low / slope)
        text = f"{roof.level}{'' if plain else ', ' + count_threads(threads)}: {format_rate(roof.bandwidth)} GB/s"
        _roof_label(sheet, text, (start, slope * start), slanted=True)
    if peak is not None:
        first = peak * GIGA / max((roof.bandwidth for roof in measured), default=peak * GIGA / left)
        lines += ax.plot([max(left, first), right], [peak, peak])
        text = f"{PEAK}, {count_threads(threads)}: {format_rate(peak * GIGA)} GFLOP/s"
        _roof_label(sheet, text, (right, peak), slanted=False)
    for line in lines:
        line.set(color=ink.roof, linewidth=1.2, linestyle="-" if plain else (0, (6, 2)), zorder=1)


def _roof_label(sheet: Sheet, text: str, place: tuple[float, float], *, slanted: bool) -> None:
    """The name of a roof just above it: along a bandwidth from its lower end, or at the right end of a peak."""
    ax = sheet.axes[0]
    (x0, y0), (x1, y1) = ax.transData.transform([place, (2 * place[0], 2 * place[1])])
    angle = math.degrees(math.atan2(y1 - y0, x1 - x0)) if slanted else 0.0
    ax.annotate(
        text,
        place,
        (-2.5 * math.sin(math.radians(angle)), 2.5) if slanted else (-4, 2.5),
        textcoords="offset points",
        size=8.5,
        color=sheet.ink.roof,
        rotation=angle,
        rotation_mode="anchor",
        ha="left" if slanted else "right",
        va="bottom",
        zorder=5,
        path_effects=[withStroke(linewidth=2.5, foreground=sheet.ink.paper)],
    )


def _draw_spots(sheet: Sheet, table: Table, spots: Sequence[_Spot]) -> None:
    ax, ink = sheet.axes[0], sheet.ink
    styles = palette(cards(table), ink)
    labels = []
    for spot in spots:
        look, name = styles[spot.row.case.kernel], _name(spot, spots)
        dot = _dot(spot)
        if spot.others:
            span = [min(spot.x, *spot.others), max(spot.x, *spot.others)]
            ax.plot(span, [dot.y, dot.y], color=look.color, linewidth=0.9, alpha=0.55, zorder=2)
            ax.plot(spot.others, [dot.y] * len(spot.others), "|", color=look.color, markersize=7, zorder=3)
        draw_dots(ax, [dot], look, ink, label=name)
        labels.append(EndLabel(dot.x, dot.y, name, look))
    direct_labels(sheet, ax, labels)


def _dot(spot: _Spot) -> Dot:
    rate = spot.row.rate
    if rate is None:
        raise ValueError("only rows with a rate are drawn")
    low, high = rate.low, rate.high
    bounds = (None if low is None else low / GIGA, None if high is None else high / GIGA)
    return Dot(spot.x, rate.estimate / GIGA, *bounds, hollow=spot.row.extrapolated)


def _name(spot: _Spot, spots: Sequence[_Spot]) -> str:
    """The kernel, with its threads where they are several or where it stands twice."""
    case = spot.row.case
    twice = sum(other.row.case.kernel == case.kernel for other in spots) > 1
    rest = f", {count_threads(case.threads)}" if twice or case.threads > 1 else ""
    return fitted(case.kernel, LABEL - width_of(rest, 9), 9) + rest


def _note(table: Table, problem: Problem, spots: Sequence[_Spot], caches: Caches) -> str:
    rows = [spot.row for spot in spots]
    parts = ["Bytes are counted by a model."]
    if any(spot.others for spot in spots):
        parts.append("Dots: at the level that allows least; ticks: at the others.")
    last = caches.last
    if any(spot.inside for spot in spots) and last and problem.operand_bytes <= last:
        parts.append(f"{format_bytes(problem.operand_bytes)} of operands fit into the last cache: no memory is needed.")
    if any(row.extrapolated for row in rows):
        parts.append(fitted_words(table, [row for row in rows if row.extrapolated]))
    return "  ".join(parts)


def finding_roofline(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> str:
    """Which rungs run into a ceiling, and into which."""
    problem = problem or headline_problem(table, dtype)
    rows = [] if problem is None else [row for row in rows_at(table, problem) if is_measured(row)]
    found = [(row, limit) for row in rows if (limit := lowest(limits(row, table, _caches(record)))) is not None]
    if problem is None or not rows:
        return "Nothing was measured."
    if not found:
        bare = not any(roofs(table, row.case.threads) for row in rows)
        return f"At {where(problem)}, {NO_ROOF if bare else NO_LIMIT}."
    wrong = [(row, limit) for row, limit in found if limit.share > OVER]
    if wrong:
        return f"At {where(problem)}, {_reach(*wrong[0])}: a fault of the measurement or of the model."
    hits = [pair for pair in found if pair[1].share >= HIT]
    if not hits:
        nearest = max(found, key=lambda pair: pair[1].share)
        return f"At {where(problem)}, no rung runs into a measured ceiling: the nearest, {_reach(*nearest)}."
    others, unlimited = len(found) - len(hits), len(rows) - len(found)
    rest = [f"the other {others} reach less than {format_percent(HIT)} of every ceiling measured"] if others else []
    if unlimited:
        rest.append(f"for {unlimited} no ceiling was measured")
    return f"At {where(problem)}, {'; '.join([*_hits(hits), *rest])}."


def _hits(hits: Sequence[tuple[Row, Limit]]) -> Iterator[str]:
    """For each ceiling who runs into it, the nearest first."""
    for name in dict.fromkeys(limit.name for _, limit in hits):
        some = sorted((pair for pair in hits if pair[1].name == name), key=lambda pair: -pair[1].share)
        told = [
            f"{who(r.case.kernel, r.case.threads)} ({format_percent(limit.share)})" for r, limit in some[:MOST_HITS]
        ]
        more = [f"{len(some) - MOST_HITS} more"] if len(some) > MOST_HITS else []
        verb = "runs" if len(some) == 1 else "run"
        yield f"{listed([*told, *more])} {verb} into {ceiling_words(some[0][1])}"


def _reach(row: Row, limit: Limit) -> str:
    return f"{who(row.case.kernel, row.case.threads)} reaches {format_percent(limit.share)} of {ceiling_words(limit)}"


def alt_roofline(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> str:
    """What the picture shows, then its finding."""
    problem = problem or headline_problem(table, dtype)
    told = finding_roofline(table, dtype, problem, record)
    spots = _spots(table, problem, record)
    counts = _roofed(table, problem.dtype, spots) if problem is not None and spots else []
    if problem is None or not counts:
        return f"Empty chart. {told}"
    measured = [f"{roof.level} {format_rate(roof.bandwidth)} GB/s" for roof in roofs(table, counts[0])]
    peak = _peak(table, problem.dtype, counts[0])
    limits_told = [*([f"peak {format_rate(peak * GIGA)} GFLOP/s"] if peak is not None else []), *measured]
    text = f"Roofline: GFLOP/s against flop/byte at {where(problem)}, both logarithmic, {len(spots)} points;"
    return f"{text} on {count_threads(counts[0])} {listed(limits_told)}. {told}"


def rows_roofline(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> Numbers:
    """A row for each rung: its rate, its lowest ceiling, and the flop/byte at every level."""
    problem, caches = problem or headline_problem(table, dtype), _caches(record)
    spots = _spots(table, problem, record)
    levels = list(dict.fromkeys(each.level for spot in spots for each in reversed(traffic(spot.row.case, caches))))
    columns = (
        *("kernel", "threads", "GFLOP/s", "lowest ceiling", "it allows [GFLOP/s]", "share of it [%]", "bytes are"),
        *(f"{level} [flop/byte]" for level in levels),
    )
    lines: list[tuple[Cell, ...]] = []
    for spot in spots:
        row, limit = spot.row, lowest(limits(spot.row, table, caches))
        moved = {each.level: each for each in traffic(row.case, caches)}
        told = (None, None, None) if limit is None else (limit.name, limit.rate / GIGA, 100 * limit.share)
        counted = "counted" if all(each.counted for each in moved.values()) else "the least possible"
        intensities = (moved[level].intensity(row.case.problem.flops) if level in moved else None for level in levels)
        rate = _dot(spot).y
        shown = f"~{rate:.3g}" if row.extrapolated else rate
        lines.append((row.case.kernel, row.case.threads, shown, *told, counted, *intensities))
    return Numbers(columns, tuple(lines))
