"""A comparison of runs as text: what differs first, then means over common cells, the cells, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.present.machines.tables import (
    SEVERAL,
    Grid,
    cells_grid,
    facts_grid,
    groups_grid,
    headline_cells,
    means_grid,
    runs_grid,
)
from matbench.present.machines.told import count_cells, excluded_lines, headline, method_notes, warnings_of
from matbench.present.tables import NO_INTERVAL, render_markdown
from matbench.present.words import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matbench.analyse.machines import Axis, Comparison

__all__ = ["comparison_text"]

MOST_FACTS = 40  # differences that a screen shows
MOST_CELLS = 60  # cells, where no size was asked for
RANKED = 25  # runs of a ranking
LEFT_OUT = 12  # lines of what is left out


def comparison_text(found: Comparison, axis: Axis = "kernel", *, every: bool = False, markdown: bool = False) -> str:
    """The whole comparison for people.

    Parameters
    ----------
    found
        The runs over their common cells.
    axis
        What the means are grouped by.
    every
        Whether to show every common cell, and every run of a ranking, however many there are.
    markdown
        Whether headings are marked as such.

    Returns
    -------
    str
        Sections with tables that are valid Markdown in either case.
    """
    sections = [
        ("", escape_markdown(headline(found), limit=2000)),
        ("Runs", "" if len(found.runs) > SEVERAL and not every else _table(runs_grid(found))),
        ("What differs", _facts(found, every=every)),
        ("Before the figures", _bullets(warnings_of(found))),
        ("Geometric means over the common cells", _means(found, every=every)),
        (f"By {axis}", _table(groups_grid(found, axis))),
        ("Cells", _cells(found, every=every)),
        ("Left out", _bullets(excluded_lines(found, None if every else LEFT_OUT))),
        ("How to read it", _bullets(method_notes(found))),
    ]
    told = [(f"{'## ' if markdown else ''}{title}\n\n{text}" if title else text) for title, text in sections if text]
    return "\n\n".join(["# Comparison", *told] if markdown else told)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape_markdown(line, limit=1000)}" for line in lines)


def _table(grid: Grid) -> str:
    return render_markdown(grid.columns, grid.rows)


def _facts(found: Comparison, *, every: bool) -> str:
    grid = facts_grid(found)
    if not grid.rows:
        return "Nothing that is known of hardware, software or conditions."
    shown = grid.rows if every else grid.rows[:MOST_FACTS]
    more = len(grid.rows) - len(shown)
    return _table(Grid(grid.columns, shown)) + (f"\n\n- {more} more differences: --format md or json." if more else "")


def _means(found: Comparison, *, every: bool) -> str:
    parts = []
    for group in found.groups():
        grid = means_grid(found, group, None if every else RANKED)
        more = len(found.runs) - len(grid.rows)
        note = f"\n\n- {more} more runs: --format md or html." if more else ""
        cells, common = found.mean(found.base, group).cells, len(group.places)
        counted = count_cells(cells) + (f" of {common} in common" if cells < common else "")
        parts.append(f"{group.family}, {counted}:\n\n{_table(grid)}{note}")
    return "\n\n".join(parts)


def _cells(found: Comparison, *, every: bool) -> str:
    if len(found.runs) > SEVERAL:
        return "The figures of so many runs are in --format csv, json or html."
    some = not every and len(found.cells) > MOST_CELLS
    places = (headline_cells(found) if some else []) or list(range(len(found.cells)))
    grid = cells_grid(found, places)
    notes = ["GFLOP/s are the operations of the textbook, 2 m n k for a product, over the median time of a call."]
    if any(NO_INTERVAL in text for row in grid.rows for text in row):
        notes.append(f"{NO_INTERVAL} no interval: too few samples.")
    if len(places) < len(found.cells):
        notes.append(f"{count_cells(len(found.cells) - len(places))} more: give --size, or --format csv.")
    return f"{_table(grid)}\n\n{_bullets(notes)}"
