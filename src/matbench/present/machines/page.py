"""A comparison of runs as one offline page: everything stands in it as text, scripts only sort, find, hide and draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.compare_facts import cpus_of
from matbench.present.machines.data import comparison_csv
from matbench.present.machines.packed import packed
from matbench.present.machines.panels import panels_of
from matbench.present.machines.tables import (
    SEVERAL,
    cells_grid,
    facts_grid,
    groups_grid,
    is_doubted,
    means_grid,
    percent_text,
    ranked,
    ratio_text,
    runs_grid,
)
from matbench.present.machines.told import excluded_lines, headline, method_notes, warnings_of
from matbench.present.report.page import compose, data_uri
from matbench.present.tables import NOTHING
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matbench.analyse.machines import Axis, Comparison, Group

__all__ = ["comparison_page"]

LISTED = 2000  # runs that the ranking names: more would make the page too large to mail
LINES = 40  # of what is left out
CSV_LIMIT = 400_000  # bytes of the file that is linked within the page


class Ranked(NamedTuple):
    """One line of the ranking."""

    run: int
    rank: str  # a dash for a run in doubt
    name: str
    processor: str
    cpus: str  # as `cpus_of` tells them
    ratio: str
    value: str  # of the ratio, for the script
    width: int  # of the bar, percent of the longest
    share: str
    peak: str
    word: str
    is_base: bool
    is_doubted: bool


def comparison_page(found: Comparison, axis: Axis = "kernel") -> str:
    """The comparison as one HTML page without a reference to anything outside of it.

    Parameters
    ----------
    found
        The runs over their common cells.
    axis
        What the table of means is grouped by.

    Returns
    -------
    str
        Below 3 MB for a thousand machines with 500 cells each.
    """
    group, *others = found.groups()
    is_many = len(found.runs) > SEVERAL
    island = packed(found)
    csv = "" if is_many else comparison_csv(found)
    return compose(
        "compare.html.j2",
        title=f"matbench: {len(found.runs)} runs compared",
        package="matbench.present.machines",
        styles=("page.css", "compare.css"),
        scripts=("page.js", "compare.js"),
        headline=headline(found),
        warnings=warnings_of(found),
        facts=facts_grid(found),
        runs=None if is_many else runs_grid(found),
        family=group.family,
        count=found.mean(found.base, group).cells,
        base=found.runs[found.base].name,
        ranking=list(_ranking(found, group)),
        unlisted=max(0, len(found.runs) - LISTED),
        others=[
            (other.family, found.mean(found.base, other).cells, means_grid(found, other, LISTED)) for other in others
        ],
        axis=axis,
        groups=groups_grid(found, axis),
        panels=panels_of(found, group),
        is_many=is_many,
        cells=None if is_many else cells_grid(found, list(range(len(found.cells)))),
        csv=data_uri(csv, "text/csv") if csv and len(csv) <= CSV_LIMIT else "",
        excluded=excluded_lines(found, LINES),
        notes=method_notes(found),
        island=island,
        held=len(island["cells"]),
        common=len(found.cells),
    )


def _ranking(found: Comparison, group: Group) -> Iterator[Ranked]:
    order = ranked(found, group)[:LISTED]
    longest = max(ratio.estimate for _, ratio in order)
    for rank, (place, ratio) in enumerate(order, 1):
        run, mean = found.runs[place], found.mean(place, group)
        is_base = place == found.base
        dtype = found.cells[group.places[0]].dtype
        yield Ranked(
            run=place,
            rank=NOTHING if is_doubted(found, place) else str(rank),
            name=run.name,
            processor=run.header.host.cpu.brand,
            cpus=cpus_of(run.header),
            ratio="1 (base)" if is_base else ratio_text(ratio),
            value=f"{ratio.estimate:.5g}",
            width=max(1, round(100 * ratio.estimate / longest)),
            share=percent_text(mean.share),
            peak=format_rate(run.peaks[f"{dtype}/1"]) if f"{dtype}/1" in run.peaks else NOTHING,
            word="" if is_base else mean.word,
            is_base=is_base,
            is_doubted=is_doubted(found, place),
        )
