"""Tables of a comparison as plain cells, for Markdown and for the page: runs, differences, means, cells.

Runs are told by their number in the table of runs: names are long, and columns are many.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.compare_facts import cpus_of
from matbench.present.tables import NO_INTERVAL, NOTHING
from matbench.present.words import bracket
from matbench.units import format_factor, format_percent, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matbench.analyse.machines import Axis, Comparison, Group
    from matbench.analyse.rows import Interval

__all__ = [
    "FEW",
    "SEVERAL",
    "Grid",
    "cells_grid",
    "facts_grid",
    "groups_grid",
    "headline_cells",
    "is_doubted",
    "means_grid",
    "percent_text",
    "ranked",
    "ratio_text",
    "runs_grid",
]

FEW = 4  # runs whose figures stand side by side
SEVERAL = 8  # runs whose ratios do
COMMONEST = 3  # values of a fact that are named where there are many runs
NEARLY_ALL = 0.75  # of the kernels: what is too slow for large sizes need not hold the others back


class Grid(NamedTuple):
    """A table: headings, and one text for each in every row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold figures."""
        cells = ([cell for cell in column if cell not in {"", NOTHING}] for column in zip(*self.rows, strict=True))
        return tuple(bool(column) and all(cell.lstrip("<")[:1].isdigit() for cell in column) for column in cells)


def ratio_text(ratio: Interval) -> str:
    """A ratio with its bounds, or with the mark that says that it has none."""
    value = format_factor(ratio.estimate)
    if ratio.low is None or ratio.high is None:
        return value + NO_INTERVAL
    return value + bracket(format_factor(ratio.low)[:-1], format_factor(ratio.high)[:-1])


def percent_text(share: float | None) -> str:
    """A share in percent, a dash where there is none."""
    return NOTHING if share is None or math.isnan(share) else format_percent(share)


def _rate_text(rate: float) -> str:
    return NOTHING if math.isnan(rate) else format_rate(rate)


def is_doubted(found: Comparison, place: int) -> bool:
    """Whether nothing may be concluded from the ratios of a run: it or the base is in doubt."""
    return bool(found.runs[place].doubt or found.runs[found.base].doubt)


def ranked(found: Comparison, group: Group) -> list[tuple[int, Interval]]:
    """All runs and their mean ratio over a group, the highest first; those in doubt come last and have no rank."""
    means = [(place, found.mean(place, group).ratio) for place in range(len(found.runs))]
    return sorted(means, key=lambda each: (is_doubted(found, each[0]), -each[1].estimate))


def runs_grid(found: Comparison) -> Grid:
    """Which runs there are, and what each is."""
    rows = []
    for place, run in enumerate(found.runs):
        header = run.header
        name = run.name + (" (base)" if place == found.base else "")
        cells = (
            *(str(place + 1), name, header.host.cpu.brand, cpus_of(header)),
            *(header.created[:10], header.plan.command, str(len(run.cells)), _peaks(run.peaks)),
        )
        rows.append(cells)
    return Grid(("run", "name", "processor", "CPUs", "measured", "command", "cells", "peak GFLOP/s"), tuple(rows))


def _peaks(peaks: dict[str, float]) -> str:
    """Peaks in float64 on the fewest and on the most threads that were measured."""
    counts = sorted(int(key.rpartition("/")[2]) for key in peaks if key.startswith("float64/"))
    ends = dict.fromkeys((*counts[:1], *counts[-1:]))
    return ", ".join(f"{format_rate(peaks[f'float64/{count}'])} on {count}" for count in ends) or NOTHING


def facts_grid(found: Comparison) -> Grid:
    """What is not the same in all runs: of few runs every value, of many the commonest."""
    if len(found.runs) <= FEW:
        numbers = tuple(str(place + 1) for place in range(len(found.runs)))
        return Grid(("", "what", *numbers), tuple((fact.group, fact.name, *fact.values) for fact in found.facts))
    rows = tuple((fact.group, fact.name, *_spread(fact.values)) for fact in found.facts)
    return Grid(("", "what", "values", "most often"), rows)


def _spread(values: Sequence[str]) -> tuple[str, str]:
    """How many values there are, and the commonest with their counts."""
    counts = Counter(values)
    return str(len(counts)), ", ".join(f"{value} ({count})" for value, count in counts.most_common(COMMONEST))


def means_grid(found: Comparison, group: Group, limit: int | None = None) -> Grid:
    """All runs by their geometric means over a group, the highest first, those in doubt last and without a rank."""
    rows = []
    for rank, (place, ratio) in enumerate(ranked(found, group)[:limit], 1):
        run, mean, is_base = found.runs[place], found.mean(place, group), place == found.base
        over, word = ("1 (base)", "") if is_base else (ratio_text(ratio), mean.word)
        told = NOTHING if is_doubted(found, place) else str(rank)
        rows.append((told, str(place + 1), run.name, run.header.host.cpu.brand, over, percent_text(mean.share), word))
    return Grid(("rank", "run", "name", "processor", "over the base", "of peak", "verdict"), tuple(rows))


def groups_grid(found: Comparison, axis: Axis) -> Grid:
    """Geometric means over the common cells by kernel, n or threads."""
    others = _others(found)
    columns = [*(["type"] if len(found.families) > 1 else []), axis, "cells"]
    if len(found.runs) <= SEVERAL:
        columns += [f"{place + 1} over {found.base + 1}" for place in others]
        columns += [f"{place + 1} verdict" for place in others] if len(found.runs) <= FEW else []
    else:
        columns += ["fastest", "over the base", "median run", "slowest"]
    rows = []
    for group in found.groups(axis):
        start = (
            *((group.family,) if len(found.families) > 1 else ()),
            group.label,
            str(found.mean(found.base, group).cells),
        )
        many = len(found.runs) > SEVERAL
        rows.append((*start, *(_extremes(found, group) if many else _means(found, group, others))))
    return Grid(tuple(columns), tuple(rows))


def _others(found: Comparison) -> list[int]:
    return [place for place in range(len(found.runs)) if place != found.base]


def _means(found: Comparison, group: Group, others: Sequence[int]) -> list[str]:
    means = [found.mean(place, group) for place in others]
    words = [mean.word for mean in means] if len(found.runs) <= FEW else []
    return [*(ratio_text(mean.ratio) for mean in means), *words]


def _extremes(found: Comparison, group: Group) -> list[str]:
    order = ranked(found, group)
    sure = [each for each in order if not is_doubted(found, each[0])]
    told = sure or order
    (best, first), (_, middle), (_, last) = told[0], told[len(told) // 2], told[-1]
    return [found.runs[best].name if sure else NOTHING, ratio_text(first), ratio_text(middle), ratio_text(last)]


def headline_cells(found: Comparison) -> list[int]:
    """The cells of the largest square size of each family at which nearly all that is anywhere was measured."""
    places: list[int] = []
    for group in found.groups():
        sizes: dict[int, list[int]] = {}
        for place in group.places:
            cell = found.cells[place]
            if cell.m == cell.n == cell.k:
                sizes.setdefault(cell.n, []).append(place)
        most = max(map(len, sizes.values()), default=0)
        largest = max((n for n, own in sizes.items() if len(own) >= NEARLY_ALL * most), default=None)
        places += [] if largest is None else sizes[largest]
    return places


def cells_grid(found: Comparison, places: Sequence[int]) -> Grid:
    """Cells side by side: of few runs rates, shares of the peak, ratios and verdicts; of several the ratios."""
    layouts = {found.cells[place].layout for place in places} - {"C"}
    columns = ("type", "n", "kernel", "threads", *(["layout"] if layouts else []), *_cell_columns(found))
    rows = []
    for place in places:
        cell = found.cells[place]
        start = (cell.family, cell.shape, cell.kernel, str(cell.threads), *([cell.layout] if layouts else []))
        rows.append((*start, *_figures(found, place)))
    return Grid(columns, tuple(rows))


def _cell_columns(found: Comparison) -> Iterator[str]:
    base = found.base + 1
    if len(found.runs) > FEW:
        yield f"{base}: GFLOP/s"
        yield from (f"{place + 1} over {base}" for place in _others(found))
        return
    for place in range(len(found.runs)):
        yield f"{place + 1}: GFLOP/s"
        yield f"{place + 1}: of peak"
    for place in _others(found):
        yield f"{place + 1} over {base}"
        yield f"{place + 1} verdict"


def _figures(found: Comparison, cell: int) -> Iterator[str]:
    if len(found.runs) > FEW:
        yield _rate_text(float(found.rates[found.base, cell]))
        yield from (ratio_text(found.ratio(place, cell)) for place in _others(found))
        return
    for place in range(len(found.runs)):
        yield _rate_text(float(found.rates[place, cell]))
        yield percent_text(float(found.shares[place, cell]))
    for place in _others(found):
        yield ratio_text(found.ratio(place, cell))
        yield found.word(place, cell)
