"""Runs that can't be compared, or hardly: the sentence that says why and what to do, the runs whose fault it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from matbench.errors import UsageError
from matbench.model import DTYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matbench.analyse.compare_cells import Cell
    from matbench.analyse.compare_runs import Run
    from matbench.analyse.machines import Excluded

__all__ = ["Limit", "check_sound", "dtype_place", "limit_of", "nothing_in_common"]

_SHOWN = 3  # things that a message names
_TRIED = 20  # sets of runs that a comparison is tried without


def dtype_place(dtype: str) -> int:
    """Where an element type stands in the order of all; the last place for one that is not known."""
    return next((place for place, each in enumerate(DTYPES) if each == dtype), len(DTYPES))


def check_sound(runs: Sequence[Run], base: int, sound: Sequence[Run]) -> None:
    """Raise `UsageError` unless the base and at least one other run can be compared."""
    if len(runs) < 2:
        raise UsageError("one run alone is no comparison; name two or more, or a folder that holds them")
    chosen = runs[base]
    if chosen.fault is not None:
        raise UsageError(
            f"{chosen.name} can't be the base ({chosen.fault}); name another with --baseline or measure it again"
        )
    if len(sound) < 2:
        other = next(run for run in runs if run.fault is not None)
        raise UsageError(
            f"only {chosen.name} is left to compare: {other.name} is set aside ({other.fault}); measure it again"
        )


def nothing_in_common(runs: Sequence[Run], wanted: Sequence[Collection[Cell]]) -> UsageError:
    """Why: what was asked for is nowhere, one run shares nothing with the others, or there are simply too many."""
    if not any(wanted):
        dtypes = dict.fromkeys(cell.dtype for run in runs for cell in run.cells)
        return UsageError(f"none of these runs has such cells; element types there are: {', '.join(dtypes) or 'none'}")
    counts: dict[Cell, int] = {}
    for cells in wanted:
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
    rarest = min(range(len(runs)), key=lambda place: max((counts[cell] for cell in wanted[place]), default=0))
    told = f"{runs[rarest].name} has {_contents(wanted[rarest])}"
    other = next(place for place in range(len(runs)) if place != rarest)
    return UsageError(
        f"these runs have no cell in common (unlike sizes, threads and element types are never mixed): {told}, "
        f"{runs[other].name} has {_contents(wanted[other])}; leave one out, or measure the same sizes"
    )


class Limit(NamedTuple):
    """The few runs without which the others have much more in common."""

    runs: tuple[int, ...]  # their indices, ascending
    cells: int  # that the others have in common, and these lack


def limit_of(excluded: Collection[Excluded], common: int, runs: int) -> Limit | None:
    """A few runs without which the others would share at least twice as many cells; None where none are found.

    Of the sets of runs that lack the same cells, the `_TRIED` that lack most are tried, the smallest of them first.

    Parameters
    ----------
    excluded
        Cells that some runs lack.
    common
        How many none lacks.
    runs
        How many are compared. Fewer than half of them are ever named: more are no exception.
    """
    counts = Counter(each.lacking for each in excluded)
    tried = [lacking for lacking, _ in counts.most_common() if 2 * len(lacking) < runs][:_TRIED]
    for lacking in sorted(tried, key=len):
        alone = set(lacking)
        gained = sum(count for each, count in counts.items() if len(each) <= len(alone) and alone.issuperset(each))
        if gained >= common:
            return Limit(lacking, gained)
    return None


def _contents(cells: Collection[Cell]) -> str:
    """What there is, briefly: ``float64 at 64, 100 and 3 more sizes on 1 and 2 threads``."""
    if not cells:
        return "nothing of it"
    dtypes = sorted({cell.dtype for cell in cells}, key=dtype_place)
    shapes = [shape for _, shape in sorted({(cell.flops, cell.shape) for cell in cells})]
    more = f" and {len(shapes) - _SHOWN} more" if len(shapes) > _SHOWN else ""
    threads = ", ".join(map(str, sorted({cell.threads for cell in cells})[: _SHOWN + 1]))
    return f"{', '.join(dtypes)} at n = {', '.join(shapes[:_SHOWN])}{more} (threads: {threads})"
