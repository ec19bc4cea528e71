"""Measured times as they came: in their order, side by side, and what their intervals are worth."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from matbench.analyse.rows import Interval
from matbench.analyse.statistics import median_interval
from matbench.errors import UsageError
from matbench.present.choose import has_bounds
from matbench.present.figures.frame import log_ticks, padded, tick_at
from matbench.present.lesson_figures.picture import Picture, drawn
from matbench.present.lesson_figures.plane import BLUE, ORANGE
from matbench.present.style import LIGHT, drawable
from matbench.present.words import listed, time_text
from matbench.units import format_factor, format_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["intervals", "race", "strips", "timeline"]

FAR = 10  # times the median: a sample beyond it asks for a logarithmic axis
UNITS = ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms"))


def _checked(seconds: Sequence[float], least: int = 1) -> list[float]:
    found = [float(each) for each in seconds]
    if len(found) < least or not all(0 < each < np.inf for each in found):
        raise UsageError(f"this picture needs at least {least} times in seconds, all above 0; measure some first")
    return found


def _unit(largest: float) -> tuple[float, str]:
    """Factor and name of the unit that suits times up to `largest` seconds."""
    return next(((scale, name) for limit, scale, name in UNITS if largest < limit), (1.0, "s"))


def _time_axis(ax: Axes, times: Sequence[float]) -> None:
    """From 0 up; logarithmic where one long time would press all others to the floor."""
    if max(times) > FAR * statistics.median(times):
        ax.set_yscale("log")
        ax.set_ylim(*padded(min(times), max(times)))
        tick_at(ax.yaxis, log_ticks(*ax.get_ylim()))
    else:
        ax.set_ylim(0, 1.08 * max(times))


def _level(ax: Axes, interval: Interval, scale: float) -> None:
    """The median as a line, its interval as a band."""
    ax.axhline(scale * interval.estimate, color=ORANGE, linewidth=1.4, label="median")
    if interval.low is not None and interval.high is not None:
        ax.axhspan(scale * interval.low, scale * interval.high, color=ORANGE, alpha=0.18, linewidth=0)


def timeline(seconds: Sequence[float], title: str = "Every sample, in its order") -> Picture:
    """Times in the order in which they were taken, with their median and its interval.

    Parameters
    ----------
    seconds
        Times of one call, s.
    title
        What was timed.

    Raises
    ------
    UsageError
        If there are no times.
    """
    times = _checked(seconds)
    told = median_interval(times)
    scale, unit = _unit(told.estimate)

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.14, 0.87, 0.72))
        _level(ax, told, scale)
        ax.plot(range(1, len(times) + 1), [scale * each for each in times], "o", color=BLUE, markersize=4)
        _time_axis(ax, [scale * each for each in times])
        ax.set_xlabel("sample")
        ax.set_ylabel(f"time of one call, {unit}")

    alt = (
        f"{len(times)} times in their order, from {format_seconds(min(times))} to {format_seconds(max(times))}; the "
        f"first is {format_seconds(times[0])}. Median with its interval: {time_text(told)}."
    )
    return drawn(title, alt, (8.0, 3.6), draw)


def strips(groups: Mapping[str, Sequence[float]], title: str = "Times side by side", what: str = "one call") -> Picture:
    """The times of several things, one strip of dots each, with medians and intervals.

    Parameters
    ----------
    groups
        Name -> times, s.
    title
        What was timed.
    what
        What each time is of.

    Raises
    ------
    UsageError
        If a group has no times, or there is no group.
    """
    found = {name: _checked(seconds) for name, seconds in groups.items()}
    if not found:
        raise UsageError("there is nothing to draw; give times by name")
    told = {name: median_interval(times) for name, times in found.items()}
    scale, unit = _unit(max(each.estimate for each in told.values()))

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.12, 0.87, 0.73))
        for place, (name, times) in enumerate(found.items()):
            aside = 0.16 * np.cos(np.arange(len(times)) * 2.4)  # so that equal times don't hide each other
            ax.plot(place + aside, [scale * each for each in times], "o", color=BLUE, markersize=3.5, alpha=0.6)
            middle = told[name]
            ax.plot([place - 0.3, place + 0.3], [scale * middle.estimate] * 2, color=ORANGE, linewidth=2)
            if middle.low is not None and middle.high is not None:
                ax.vlines(place + 0.34, scale * middle.low, scale * middle.high, color=ORANGE, linewidth=2)
        ax.set_xticks(range(len(found)), [drawable(name, 30) for name in found])
        ax.set_xlim(-0.6, len(found) - 0.4)
        _time_axis(ax, [scale * each for times in found.values() for each in times])
        ax.set_ylabel(f"time of {drawable(what, 30)}, {unit}")

    alt = (
        f"Times of {what} side by side, medians: {listed(f'{name} {time_text(each)}' for name, each in told.items())}."
    )
    return drawn(title, alt, (7.0, 3.8), draw)


def intervals(found: Sequence[Interval], truth: float, title: str = "Many intervals") -> Picture:
    """Intervals of repeated measurements of one thing, and which of them miss the truth.

    Parameters
    ----------
    found
        Each with bounds, s.
    truth
        What they should contain, s.

    Raises
    ------
    UsageError
        If there are none, or one has no bounds.
    """
    if not found or not all(map(has_bounds, found)):
        raise UsageError("this picture needs intervals with bounds; six samples are the fewest that have one")
    bounds = [(each.low or 0.0, each.high or 0.0) for each in found]
    missed = [not low <= truth <= high for low, high in bounds]
    scale, unit = _unit(truth)

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.14, 0.87, 0.72))
        ax.axhline(scale * truth, color=LIGHT.text, linewidth=1.0)
        for place, ((low, high), miss, each) in enumerate(zip(bounds, missed, found, strict=True), 1):
            color = ORANGE if miss else BLUE
            ax.vlines(place, scale * low, scale * high, color=color, linewidth=2.6 if miss else 1.4)
            ax.plot(place, scale * each.estimate, "D" if miss else "o", color=color, markersize=4)
        ends = [scale * end for pair in bounds for end in pair]
        if max(ends) > FAR * scale * truth:
            _time_axis(ax, ends)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("measurement")
        ax.set_ylabel(f"time of one call, {unit}")

    alt = (
        f"{len(found)} intervals beside the value {format_seconds(truth)} that they should contain: {sum(missed)} miss "
        f"it and are drawn thick."
    )
    return drawn(title, alt, (8.0, 3.6), draw)


def race(times: Mapping[str, Interval], predicted: Sequence[str] = (), title: str = "How long each takes") -> Picture:
    """Times on a logarithmic axis, the factor from each to the next between them; predictions are hollow.

    Parameters
    ----------
    times
        Name -> time of one call, s.
    predicted
        Names whose time was not measured.

    Raises
    ------
    UsageError
        If there are none, or one is not positive.
    """
    names, values = list(times), list(times.values())
    _checked([each.estimate for each in values])
    factors = [one.estimate / other.estimate for one, other in pairwise(values)]
    ends = [end for each in values for end in (each.low, each.estimate, each.high) if end]

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.2, 0.17, 0.76, 0.66))
        ax.set_xscale("log")
        ax.set_xlim(*padded(min(ends), max(ends), 2.0))
        ax.set_ylim(len(names) - 0.4, -0.6)
        for place, (name, each) in enumerate(times.items()):
            dot: dict[str, Any] = {"markerfacecolor": LIGHT.paper if name in predicted else BLUE, "label": name}
            if each.low and each.high:
                ax.hlines(place, each.low, each.high, color=BLUE, linewidth=1.6)
            ax.plot(each.estimate, place, "o", color=BLUE, markersize=8, **dot)
            ax.text(each.estimate, place - 0.16, format_seconds(each.estimate), ha="center", va="bottom", size=10)
        for place, factor in enumerate(factors):
            middle = math.sqrt(values[place].estimate * values[place + 1].estimate)
            ax.text(middle, place + 0.5, f"{format_factor(factor)}", ha="center", va="center", size=12, weight="bold")
        ax.set_yticks(range(len(names)), [drawable(name, 22) for name in names])
        tick_at(ax.xaxis, log_ticks(*ax.get_xlim()), lambda value, _: format_seconds(value))

    told = [f"{name} {time_text(each)}{' (predicted)' if name in predicted else ''}" for name, each in times.items()]
    gaps = f"; from one to the next {listed(map(format_factor, factors))}" if factors else ""
    return drawn(title, f"Times on a logarithmic axis: {listed(told)}{gaps}.", (8.0, 1.2 + 1.0 * len(names)), draw)
