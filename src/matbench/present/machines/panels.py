"""Small multiples: for each kernel GFLOP/s against n, few runs as lines, many as a band with its middle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matbench.present.machines.tables import SEVERAL
from matbench.present.words import count_threads
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matbench.analyse.compare_cells import Array
    from matbench.analyse.machines import Comparison, Group

__all__ = ["HEIGHT", "WIDTH", "Line", "Panel", "panels_of"]

WIDTH, HEIGHT = 260, 180  # of a panel, in its own units
LEFT, RIGHT, TOP, BOTTOM = 38, 8, 8, 24  # around the axes
MOST = 60  # panels
DECADE = 10.0


class Line(NamedTuple):
    """One run in one panel."""

    run: int  # its index; -1 for the middle of many
    name: str
    points: str  # as SVG has them


class Panel(NamedTuple):
    """One kernel on one thread count."""

    kernel: str
    threads: int
    sizes: tuple[int, ...]
    x_ticks: tuple[tuple[float, str], ...]  # place, label
    y_ticks: tuple[tuple[float, str], ...]
    x_range: tuple[float, float]  # of log10 n
    y_range: tuple[float, float]  # of log10 flop/s
    lines: tuple[Line, ...]
    band: str  # outline of the middle 80 % of many runs; empty for few
    alt: str


def panels_of(found: Comparison, group: Group) -> tuple[Panel, ...]:
    """A panel for each kernel and thread count of a group with rates at two square sizes at least, all on one scale."""
    series: dict[tuple[str, int], list[int]] = {}
    for place in group.places:
        cell = found.cells[place]
        if cell.m == cell.n == cell.k and cell.layout == "C" and not np.isnan(found.rates[:, place]).any():
            series.setdefault((cell.kernel, cell.threads), []).append(place)
    wanted = {key: places for key, places in series.items() if len(places) > 1}
    if not wanted:
        return ()
    every = [place for places in wanted.values() for place in places]
    x_range = _padded([math.log10(found.cells[place].n) for place in every])
    y_range = _padded(np.log10(found.rates[:, every]).ravel().tolist())
    ladder = [each.label for each in found.groups("kernel") if each.family == group.family]
    order = sorted(wanted, key=lambda key: (ladder.index(key[0]), key[1]))
    return tuple(_panel(found, key, wanted[key], x_range, y_range) for key in order[:MOST])


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return low - 0.05, high + 0.05


def _panel(
    found: Comparison,
    key: tuple[str, int],
    places: Sequence[int],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> Panel:
    kernel, threads = key
    sizes = tuple(found.cells[place].n for place in places)
    logs = np.log10(found.rates[:, list(places)])
    across = [_at(math.log10(n), x_range, LEFT, WIDTH - RIGHT) for n in sizes]

    def points(values: Iterable[float]) -> str:
        upward = (_at(value, y_range, HEIGHT - BOTTOM, TOP) for value in values)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, upward, strict=True))

    base = Line(found.base, found.runs[found.base].name, points(logs[found.base]))
    if len(found.runs) <= SEVERAL:
        lines = tuple(Line(run, found.runs[run].name, points(own)) for run, own in enumerate(logs))
        band = ""
    else:
        low, middle, high = np.quantile(logs, [0.1, 0.5, 0.9], axis=0)
        lines = (Line(-1, "median", points(middle)), base)
        band = points(low) + " " + " ".join(reversed(points(high).split(" ")))
    return Panel(
        kernel=kernel,
        threads=threads,
        sizes=sizes,
        x_ticks=_size_ticks(x_range),
        y_ticks=_rate_ticks(y_range),
        x_range=x_range,
        y_range=y_range,
        lines=lines,
        band=band,
        alt=_alt(kernel, threads, sizes, logs),
    )


def _at(value: float, span: tuple[float, float], first: float, last: float) -> float:
    return first + (value - span[0]) / (span[1] - span[0]) * (last - first)


def _size_ticks(span: tuple[float, float]) -> tuple[tuple[float, str], ...]:
    sizes = [n for n in (4, 16, 64, 256, 1024, 4096, 16384) if span[0] <= math.log10(n) <= span[1]]
    return tuple((_at(math.log10(n), span, LEFT, WIDTH - RIGHT), str(n)) for n in sizes)


def _rate_ticks(span: tuple[float, float]) -> tuple[tuple[float, str], ...]:
    powers = range(math.ceil(span[0]), math.floor(span[1]) + 1)
    return tuple((_at(power, span, HEIGHT - BOTTOM, TOP), _tidy(DECADE**power)) for power in powers)


def _tidy(rate: float) -> str:
    gflops = rate / 1e9
    return f"{gflops:g}"


def _alt(kernel: str, threads: int, sizes: Sequence[int], logs: Array) -> str:
    last = 10.0 ** logs[:, -1]
    low, high = format_rate(float(last.min())), format_rate(float(last.max()))
    told = low if low == high else f"{low} to {high}"
    return f"{kernel} on {count_threads(threads)}, n from {sizes[0]} to {sizes[-1]}: {told} GFLOP/s at n = {sizes[-1]}"
