"""What is said of a comparison in sentences: what it comes to, what to know first, what is left out, how it is made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from matbench.analyse.compare_drift import MARGIN, WORDS, drift_words
from matbench.analyse.compare_unlike import limit_of
from matbench.analyse.shares import KINDS
from matbench.present.machines.tables import FEW, is_doubted, ranked, ratio_text
from matbench.present.shares import beside_words
from matbench.present.words import clean, count_threads, listed
from matbench.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.machines import Comparison, Excluded
    from matbench.analyse.rows import Beside

__all__ = ["count_cells", "excluded_lines", "headline", "limit_text", "method_notes", "mixed_text", "warnings_of"]

FLAGS = 25  # remarks on single runs that are told
CHANGES = 3  # differences that the first sentence names
FEWEST = 3  # runs that a line names
SIZES = 8  # that a line names of what is left out
READING = (
    (
        "A cell is one kernel, thread count, shape, element type and layout; unlike cells are never compared. Only "
        "what was measured counts, nothing is extrapolated."
    ),
    (
        "Two runs do not pair: their samples were not taken side by side. So the interval of a ratio is that of both "
        "medians, widened by what a machine drifts between runs; differences within it are not claimed. To tell less "
        "apart, measure both side by side: matbench pair."
    ),
    (
        f"EQUIVALENT: the whole interval lies within {format_percent(MARGIN)} of equal. INCONCLUSIVE: neither that nor "
        "a difference is certain. INVALID: one of the two runs was disturbed, as the warnings say."
    ),
    (
        "Means are geometric, over the cells that have an interval in all runs, where there are such: one that lacks "
        "it in some run is shown and counts in no mean. Their bounds suppose that all cells err to the same side."
    ),
    (
        "Of peak: the rate over that of chains of multiply-adds on as many threads, timed in the same rounds; where a "
        "record does not tell these, the middle chain of the same process, else the fastest of the run."
    ),
)


def headline(found: Comparison) -> str:
    """What the comparison comes to, in two sentences: how much is compared, and whether anything changed."""
    machines = len(
        {run.header.host.host_id if run.header.host.host_id != "unknown" else run.name for run in found.runs}
    )
    of = "one machine" if machines == 1 else f"{machines} machines"
    base = clean(found.runs[found.base].name)
    first = f"{len(found.runs)} runs of {of} over {count_cells(len(found.cells))} in common; the base is {base}."
    if found.is_one_machine and (changed := _changed_software(found)):
        first = f"{first} Its software is not the same: {changed}."
    if len(found.runs) > FEW:
        return f"{first} {_best(found)}"
    others = [place for place in range(len(found.runs)) if place != found.base]
    return " ".join([first, *(_changed(found, place) for place in others)])


def _changed_software(found: Comparison) -> str:
    """What of the software differs, the first few with their values."""
    facts = [fact for fact in found.facts if fact.group == "software"]
    told = [f"{clean(fact.name)} {', '.join(clean(each, 40) for each in dict.fromkeys(fact.values))}" for fact in facts]
    more = f" and {len(told) - CHANGES} more" if len(told) > CHANGES else ""
    return "; ".join(told[:CHANGES]) + more


def count_cells(count: int) -> str:
    """``1 cell`` or ``242 cells``."""
    return "1 cell" if count == 1 else f"{count:,} cells"


def _changed(found: Comparison, place: int) -> str:
    """What became of one run over the base, cell by cell."""
    name, drift = clean(found.runs[place].name), drift_words(found.drifts[place])
    counts = Counter(found.word(place, cell) for cell in range(len(found.cells)))
    if counts["INVALID"]:
        doubtful = found.runs[place] if found.runs[place].doubt else found.runs[found.base]
        return f"{name} is not judged: {clean(doubtful.name)} was {doubtful.doubt}."
    told = listed(f"{counts[word]} {word}" for word in WORDS if counts[word])
    if counts["FASTER"] or counts["SLOWER"]:
        return f"{name} over it: {told}, beyond a drift of {drift}."
    if counts["INCONCLUSIVE"]:
        return f"{name}: no difference is certain ({told}), a drift of {drift} allowed for."
    return f"{name} is within {format_percent(MARGIN)} of the base in every cell: {told}."


def _best(found: Comparison) -> str:
    """Who leads in the mean, as far as the figures bear it."""
    group = found.groups()[0]
    best, ratio = ranked(found, group)[0]
    if is_doubted(found, best):
        return "No run is called the fastest: the figures are in doubt."
    if best == found.base:
        return f"No run is shown to be faster in the mean over all {group.family} cells."
    is_faster = found.mean(best, group).word == "FASTER"
    mean = "Fastest in the mean over" if is_faster else "Highest mean, which is no certain lead, over"
    name = clean(found.runs[best].name)
    return f"{mean} all {group.family} cells: {name}, {ratio_text(ratio)} the base."


def warnings_of(found: Comparison) -> list[str]:
    """What has to be known before the figures are believed, a line each."""
    limit = limit_text(found)
    lines = [] if limit is None else [f"{limit[0].upper()}{limit[1:]}."]
    lines += [f"{name} is set aside: {why}." for name, why in found.aside]
    remarks = (*found.remarks, *filter(None, [mixed_text(found)]))
    lines += [f"{remark[0].upper()}{remark[1:]}." for remark in remarks]
    lines += [
        f"{run.name} was {run.doubt}: its figures are shown, and nothing is concluded from them."
        for run in found.runs
        if run.doubt
    ]
    flags = [(place, flag) for place, run in enumerate(found.runs, 1) for flag in run.flags]
    lines += [f"Run {place}: {flag}." for place, flag in flags[:FLAGS]]
    if len(flags) > FLAGS:
        lines.append(f"{len(flags) - FLAGS} more such remarks are in --format json.")
    return lines


def limit_text(found: Comparison) -> str | None:
    """Which runs limit what is compared, and the remedy, in a sentence without its full stop; None where none does."""
    limit = limit_of(found.excluded, len(found.cells), len(found.runs))
    if limit is None:
        return None
    names = [clean(found.runs[place].name) for place in limit.runs]
    more = [f"{len(names) - FEWEST} more"] if len(names) > FEWEST else []
    who, lack, them = ("run", "lacks", "it") if len(names) == 1 else ("runs", "lack", "them")
    others, shared = len(found.runs) - len(names), limit.cells + len(found.cells)
    return (
        f"{who} {listed([*names[:FEWEST], *more])} {lack} {limit.cells:,} of the {shared:,} cells that the other "
        f"{others} have in common: leave {them} out, or name the runs to compare, and all of them count"
    )


def mixed_text(found: Comparison) -> str | None:
    """That shares of the peak are over unlike chains, in a sentence without its full stop; None where they are not."""
    kinds = found.besides
    highest = kinds.max(axis=0)
    if (np.where(kinds < 0, highest, kinds).min(axis=0) == highest).all():
        return None
    groups: dict[tuple[Beside, ...], list[int]] = {}
    for place, own in enumerate(kinds):
        nearest_first = tuple(KINDS[kind] for kind in reversed(np.unique(own[own >= 0]).tolist()))
        groups.setdefault(nearest_first, []).append(place)
    told = (
        f"{_runs(found, places)} over {listed(beside_words(each) for each in over)}"
        for over, places in groups.items()
        if over
    )
    return f"shares of peak are not all over the same: {', '.join(told)}; compare GFLOP/s"


def method_notes(found: Comparison) -> list[str]:
    """How the figures are made, a line each."""
    base = found.runs[found.base]
    over = f"A ratio is the time of the base, {base.name}, over the time of the run: above 1 the run is faster."
    notes = [READING[0], over, *READING[1:]]
    if len(found.runs) <= FEW:
        drifts = [
            f"run {place} {drift_words(drift)}"
            for place, drift in enumerate(found.drifts, 1)
            if place != found.base + 1
        ]
        notes.append(f"Allowed for as drift: {'; '.join(drifts)}.")
    return notes


def excluded_lines(found: Comparison, limit: int | None = None) -> list[str]:
    """What some runs have and others lack, a line for each kernel, those that lack it, and the reason."""
    groups: dict[tuple[str, tuple[int, ...], str], list[Excluded]] = {}
    for each in found.excluded:
        groups.setdefault((each.cell.kernel, each.lacking, each.reason), []).append(each)
    lines = [
        f"{kernel} at {_places(several, SIZES if limit is not None else None)}: {reason} {_lacking(found, lacking)}"
        for (kernel, lacking, reason), several in groups.items()
    ]
    if limit is not None and len(lines) > limit:
        left = sum(len(several) for several in list(groups.values())[limit:])
        lines = [*lines[:limit], f"{count_cells(left)} more: --format json lists all {len(found.excluded):,}"]
    return [f"{line}." for line in lines]


def _places(several: Sequence[Excluded], limit: int | None) -> str:
    """Sizes by element type and threads, of each no more than `limit`."""
    sizes: dict[tuple[str, int], dict[str, None]] = {}
    for each in several:
        sizes.setdefault((each.cell.family, each.cell.threads), {})[each.cell.shape] = None
    return "; ".join(
        f"n = {_first(list(shapes), limit)} ({family}, {count_threads(threads)})"
        for (family, threads), shapes in sizes.items()
    )


def _first(shapes: Sequence[str], limit: int | None) -> str:
    if limit is None or len(shapes) <= limit:
        return ", ".join(shapes)
    return f"{', '.join(shapes[:limit])} and {len(shapes) - limit} more"


def _lacking(found: Comparison, lacking: Sequence[int]) -> str:
    return f"in {_runs(found, lacking)}"


def _runs(found: Comparison, places: Sequence[int]) -> str:
    """Runs by their numbers, or how many of all they are."""
    if len(places) > FEW:
        return f"{len(places)} of {len(found.runs)} runs"
    return f"{'run' if len(places) == 1 else 'runs'} {listed(str(place + 1) for place in places)}"
