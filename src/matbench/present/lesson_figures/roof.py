"""The idea of the roofline, drawn from four numbers that a reader has measured.

The suite's own roofline (`matbench.present.figures`) is drawn from a record, with every rung and every level of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matbench.errors import UsageError
from matbench.present.figures.frame import log_ticks, tick_at
from matbench.present.lesson_figures.picture import Picture, drawn, number
from matbench.present.lesson_figures.plane import BLUE
from matbench.present.style import LIGHT, drawable
from matbench.present.words import listed
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

__all__ = ["roof"]

GIGA = 1e9


def roof(peak: float, stream: float, points: Mapping[str, tuple[float, float]]) -> Picture:
    """Rates against arithmetic intensity, under the slope of the memory and the flat roof of the arithmetic.

    Parameters
    ----------
    peak
        Most operations per second.
    stream
        Most bytes per second.
    points
        Name -> intensity (operations per byte) and rate (operations per second).

    Raises
    ------
    UsageError
        If a number is not positive, or there is no point.
    """
    values = [peak, stream, *(value for point in points.values() for value in point)]
    if not points or not all(0 < value < np.inf for value in values):
        raise UsageError("a roofline needs a peak, a bandwidth and a point, all above 0; measure them first")
    ridge = peak / stream
    left = min(ridge, *(intensity for intensity, _ in points.values())) / 4
    right = max(ridge, *(intensity for intensity, _ in points.values())) * 6

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.14, 0.86, 0.72))
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(left, right)
        lowest = min([left * stream, *(rate for _, rate in points.values())]) / GIGA
        ax.set_ylim(lowest / 1.5, 2.2 * max([peak, *(rate for _, rate in points.values())]) / GIGA)
        level = np.array([left, ridge, right])
        ax.plot(level, np.minimum(peak, stream * level) / GIGA, color=LIGHT.roof, linewidth=1.6, label="roof")
        ax.axvline(ridge, color=LIGHT.muted, linewidth=0.8, linestyle=":")
        above: dict[str, Any] = {"textcoords": "offset points", "size": 9, "color": LIGHT.roof}
        ax.annotate(f"arithmetic: {format_rate(peak)} GFLOP/s", (right, peak / GIGA), (-4, 5), ha="right", **above)
        ax.annotate(f"memory: {format_rate(stream)} GB/s", (left, left * stream / GIGA), (16, 0), ha="left", **above)
        for name, (intensity, rate) in points.items():
            ax.plot(intensity, rate / GIGA, "o", color=BLUE, markersize=8, label=name)
            ax.annotate(drawable(name), (intensity, rate / GIGA), (9, -13), textcoords="offset points", ha="left")
        tick_at(ax.xaxis, log_ticks(left, right, apart=0.09))
        tick_at(ax.yaxis, log_ticks(*ax.get_ylim()))
        ax.set_xlabel("operations for each byte moved")
        ax.set_ylabel("GFLOP/s")

    told = listed(
        f"{name} at {number(intensity)} operations per byte reaches {format_rate(rate)} GFLOP/s"
        for name, (intensity, rate) in points.items()
    )
    alt = (
        f"Roofline, both axes logarithmic: a slope of {format_rate(stream)} GB/s meets a flat roof of "
        f"{format_rate(peak)} GFLOP/s at {number(ridge)} operations per byte. {told}."
    )
    return drawn("The roofline", alt, (7.2, 4.4), draw)
