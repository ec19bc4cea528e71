"""The samples themselves: how the times of each rung lie around their median."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle

from matbench.analyse.distributions import LATE, spreads
from matbench.present.choose import cards, headline_problem
from matbench.present.figures.frame import WIDTH, foot, new_sheet, nothing, subheading, tick_at
from matbench.present.numbers import Numbers
from matbench.present.style import fitted, inks, looks, palette, width_of
from matbench.present.words import clean, count_threads, where, who
from matbench.units import format_percent, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from matbench.analyse.distributions import Spread
    from matbench.analyse.rows import Table
    from matbench.model import Dtype, Problem, Record
    from matbench.present.figures.frame import Sheet
    from matbench.present.style import Look

__all__ = ["alt_distributions", "draw_distributions", "finding_distributions", "rows_distributions"]

LEFT, RIGHT = 2.25, 1.85  # inches, for the names and for the columns of figures
PITCH = 0.4  # inches between rungs
BAND = 0.34  # of the pitch, above and below a rung's line: room for its samples
MOST_POINTS = 2000  # of one picture; more are thinned evenly
FARTHEST = 2.0  # times the median; what lies beyond would squeeze the rest: it stands at the edge
FEWEST = 4  # samples that quartiles need to say anything
MARKS = ("o", "^", "s", "D", "v", "P", "X")  # a mark for each process, over and over
TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0)


def draw_distributions(
    table: Table,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    dark: bool = False,
) -> Figure:
    """Every sample of every rung at one problem as a multiple of the rung's median, on a logarithmic axis.

    Within a rung the first sample is at the top, the last at the bottom; each sampling process has a mark of its own.
    Boxes hold the middle half of the samples, bars the interval of the median.

    Parameters
    ----------
    table
        Names the machine and the kernels.
    dtype
        Element type, where `problem` is None.
    problem
        By default the one that the run is told by.
    record
        Where the samples are; without it there is nothing to draw.
    dark
        Whether on dark paper.
    """
    ink, problem = inks(dark=dark), problem or headline_problem(table, dtype)
    heading = "The samples" if problem is None else f"The samples at {where(problem)}"
    found = _found(problem, record)
    with looks(ink):
        below = subheading(table, "time of a call over the median of its rung")
        if not found:
            return nothing(ink, heading, below, "no samples")
        sheet = new_sheet(ink, heading, below, labels=round((len(found) + 0.4) * PITCH / 0.19), left=LEFT, right=RIGHT)
        styles = palette(cards(table), ink)
        _axes(sheet, found)
        room = _room(found)
        for place, one in enumerate(found):
            _strip(sheet, place, one, styles[one.case.kernel], room)
        _columns(sheet, found)
        foot(sheet, _note(found))
        return sheet.figure


def _found(problem: Problem | None, record: Record | None) -> tuple[Spread, ...]:
    return () if problem is None or record is None else spreads(record, problem)


def _relative(one: Spread) -> list[float]:
    return [each / one.median.estimate for each in one.seconds]


def _axes(sheet: Sheet, found: Sequence[Spread]) -> None:
    ax = sheet.axes[0]
    ratios = [ratio for one in found for ratio in _relative(one) if ratio <= FARTHEST]
    low, high = min(*ratios, 0.98), max(*ratios, 1.02)
    room = 0.03 * math.log(high / low)
    ax.set_xscale("log")
    ax.set_xlim(low * math.exp(-room), high * math.exp(room))
    tick_at(ax.xaxis, _ticks(*ax.get_xlim()), lambda value, _: f"{value:g}×")
    ax.set_xlabel("time of a call over the rung's median (further left is faster)")
    ax.axvline(1.0, color=sheet.ink.muted, linewidth=1.0, zorder=1)
    ax.set_ylim(len(found) - 0.5, -0.6)
    tick_at(ax.yaxis, [float(place) for place in range(len(found))], lambda value, _: _name(found, value))
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")  # a line through a rung would look like its interval
    ax.spines["left"].set_visible(False)


def _ticks(low: float, high: float) -> list[float]:
    """The median first, then on either side what is far enough from the tick before."""
    apart = 0.085 * math.log(high / low)
    kept = [1.0]
    for side in (sorted(t for t in TICKS if t > 1), sorted((t for t in TICKS if t < 1), reverse=True)):
        last = 1.0
        for tick in side:
            if low <= tick <= high and abs(math.log(tick / last)) >= apart:
                kept.append(tick)
                last = tick
    return sorted(kept)


def _name(found: Sequence[Spread], place: float) -> str:
    case = found[round(place)].case
    several = sum(other.case.kernel == case.kernel for other in found) > 1
    rest = f", {count_threads(case.threads)}" if several or case.threads > 1 else ""
    return fitted(case.kernel, LEFT - 0.25 - width_of(rest, 9.5), 9.5) + rest


def _strip(sheet: Sheet, place: int, one: Spread, look: Look, room: int) -> None:
    """At most about `room` samples of a rung, the first at the top, over the box of their middle half."""
    ax, ink = sheet.axes[0], sheet.ink
    median, (low, high) = one.median.estimate, one.quartiles
    if len(one.seconds) >= FEWEST:
        box = ((low / median), place - BAND - 0.06)
        size = ((high - low) / median, 2 * BAND + 0.12)
        ax.add_patch(Rectangle(box, *size, facecolor=look.color, alpha=0.18, edgecolor="none", zorder=2))
    if one.median.low is not None and one.median.high is not None:
        ends = (one.median.low / median, one.median.high / median)
        ax.hlines(place, *ends, color=ink.text, linewidth=1.6, zorder=3)
    step = max(1, -(-len(one.seconds) // room))
    last = max(1, len(one.seconds) - 1)
    points = [(i, ratio) for i, ratio in enumerate(_relative(one)) if i % step == 0]
    order = {process: number for number, process in enumerate(dict.fromkeys(one.process))}
    heights = {i: place - BAND + 2 * BAND * i / last if len(one.seconds) > 1 else place for i, _ in points}
    for process, number in order.items():
        some = [(i, ratio) for i, ratio in points if one.process[i] == process and ratio <= FARTHEST]
        style = {"marker": MARKS[number % len(MARKS)], "label": f"{one.case.kernel}/{one.case.threads}/{process}"}
        _marks(ax, [ratio for _, ratio in some], [heights[i] for i, _ in some], look, **style)
    late = [heights[i] for i, ratio in points if ratio > FARTHEST]
    _marks(ax, [ax.get_xlim()[1]] * len(late), late, look, marker=">", label=f"{one.case.kernel}/{one.case.threads}~")


def _marks(ax: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, *, marker: str, label: str) -> None:
    ax.plot(
        xs,
        ys,
        linestyle="none",
        marker=marker,
        markersize=3.2,
        color=look.color,
        markeredgewidth=0,
        clip_on=False,
        zorder=4,
        label=label,
    )


def _columns(sheet: Sheet, found: Sequence[Spread]) -> None:
    """Median and count of the samples, right of the axes."""
    ax, ink = sheet.axes[0], sheet.ink
    inch = 1 / (ax.get_position().width * WIDTH)
    ends = (1 + 0.92 * inch, 1 + 1.62 * inch)
    for end, title in zip(ends, ("median", "samples"), strict=True):
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
    for place, one in enumerate(found):
        for end, text in zip(ends, (format_seconds(one.median.estimate), f"{len(one.seconds)}"), strict=True):
            ax.text(end, place, text, transform=ax.get_yaxis_transform(), ha="right", va="center_baseline", size=9)


def _room(found: Sequence[Spread]) -> int:
    """How many samples of each rung are drawn."""
    return max(20, MOST_POINTS // len(found))


def _note(found: Sequence[Spread]) -> str:
    beyond = sum(ratio > FARTHEST for one in found for ratio in _relative(one))
    processes = max(len(set(one.process)) for one in found)
    parts = [
        "Box: the middle half. Bar: 95 % interval of the median. From top to bottom: in the order they were taken.",
        f"Marks: {processes} sampling processes." if processes > 1 else "",
        f"At the right edge: {beyond} that took more than {FARTHEST:.0f} times the median." if beyond else "",
        "Of the many samples not all are drawn." if any(len(one.seconds) > _room(found) for one in found) else "",
    ]
    return "  ".join(part for part in parts if part)


def finding_distributions(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> str:
    """Which rung's times scatter least and which most, and how many samples were interrupted."""
    problem = problem or headline_problem(table, dtype)
    if record is None:
        return "The samples are not at hand."
    found = _found(problem, record)
    if problem is None or not found:
        return "Nothing was measured."
    told = [one for one in found if len(one.seconds) >= FEWEST]
    if not told:
        return f"At {where(problem)}, no rung has enough samples to tell how they scatter."
    least, most = min(told, key=lambda one: one.width), max(told, key=lambda one: one.width)
    text = f"At {where(problem)}, the middle half of the times spans {_width(least)}"
    if most is not least:
        text += f" (least) to {_width(most)} (most)"
    late, every = sum(one.late for one in found), sum(len(one.seconds) for one in found)
    return f"{text}; {late} of {every} samples took more than {LATE:g} times their median."


def _width(one: Spread) -> str:
    return f"{format_percent(one.width)} of the median for {who(one.case.kernel, one.case.threads)}"


def alt_distributions(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> str:
    """What the picture shows, then its finding."""
    problem = problem or headline_problem(table, dtype)
    told = finding_distributions(table, dtype, problem, record)
    found = _found(problem, record)
    if problem is None or not found:
        return f"Empty chart. {told}"
    text = f"Strips of all samples at {where(problem)} over the median of their rung, {len(found)} rungs, logarithmic."
    return f"{text} {told}"


def rows_distributions(
    table: Table, dtype: Dtype = "float64", problem: Problem | None = None, record: Record | None = None
) -> Numbers:
    """A row for each rung: how many samples of how many processes, and where they lie."""
    columns = (
        *("kernel", "threads", "samples", "processes", "median [s]", "median, low [s]", "median, high [s]"),
        *("fastest over median", "lower quartile over median", "upper quartile over median", "slowest over median"),
        *("slowest over fastest process",),
    )
    lines = []
    for one in _found(problem or headline_problem(table, dtype), record):
        ratios, median = _relative(one), one.median
        quartiles = (each / median.estimate for each in one.quartiles)
        lines.append(
            (
                *(clean(one.case.kernel, 80), one.case.threads, len(one.seconds), len(set(one.process))),
                *(median.estimate, median.low, median.high),
                *(min(ratios), *quartiles, max(ratios), one.drift),
            )
        )
    return Numbers(columns, tuple(lines))
