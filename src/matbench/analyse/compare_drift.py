"""What a machine may do between two runs, and the word that is left to say of a cell once that is allowed for.

Samples of one run pair, those of two runs don't: between them clocks, neighbours and the places of arrays in memory
change, and no number of samples shows it. So the interval of every ratio between runs is that of the samples widened
by a drift on both sides, and no difference within it is claimed.
"""

from __future__ import annotations

import math
from itertools import combinations, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matbench.analyse.pair_rules import Evidence, Word, difference, word_for
from matbench.analyse.rows import Interval
from matbench.model import Value
from matbench.pairing import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from matbench.analyse.compare_cells import Array
    from matbench.analyse.compare_runs import Run

__all__ = [
    "LEAST_DRIFT",
    "MARGIN",
    "UNTOLD_DRIFT",
    "WORDS",
    "Drift",
    "Repeats",
    "counted",
    "drift_between",
    "drift_words",
    "mean_ratios",
    "ratios_between",
    "repeats_of",
    "word_of",
]

WORDS: tuple[Word, ...] = ("FASTER", "SLOWER", "EQUIVALENT", "INCONCLUSIVE")

LEAST_DRIFT = 0.03  # as a logarithm: what two runs of one unchanged machine differ by where nothing tells more
UNTOLD_DRIFT = 0.10  # where not even the pace of the machine is known, as with results of asv
MARGIN = 0.10  # within which separate runs count as equal: asv's factor of 1.1; `matbench pair` tells less apart
SHARE = 0.9  # of the cells of two runs with nothing changed, whose difference is taken for drift
MOST_REPEATS = 64  # pairs of runs that the drift is read from
LEAST_CELLS = 10  # that these share before their differences tell a drift

_SETTINGS = Settings(equivalence=MARGIN, least_floor=LEAST_DRIFT)


class Drift(Value, frozen=True):
    """How far two runs may lie apart with nothing changed."""

    size: float  # as a logarithm of a ratio
    reason: str  # what it was read from, a phrase


class Repeats(NamedTuple):
    """Runs of one machine in one set-up, and what they differ by."""

    runs: frozenset[int]  # their identities
    spreads: dict[int, float]  # threads -> what nine in ten cells differ by at most, as a logarithm


def drift_between(
    base: Run,
    run: Run,
    threads: int,
    repeats: Iterable[Repeats] = (),
    floors: Mapping[str, float] | None = None,
) -> Drift:
    """The largest drift of cells on so many threads that anything gives evidence of.

    Parameters
    ----------
    base, run
        The two that are compared.
    threads
        Of the cells: neighbours that leave one thread alone may halve the pace of two.
    repeats
        Runs that were repeated with nothing changed (see `repeats_of`); two that are compared with each other do not
        tell their own drift.
    floors
        Name of a run -> spread that its machine shows between identical code, as a logarithm, where it was measured.

    Notes
    -----
    The candidates: `LEAST_DRIFT`, or `UNTOLD_DRIFT` where the pace of a run is not known; how the pace of the
    multiply-add chains wandered within the two runs; for one machine also by how much it changed between them; the
    stored noise floor; the differences between repeated runs.
    """
    found = [*_by_pace(base, run, threads)]
    for each in (base, run):
        floor = (floors or {}).get(each.name)
        if floor is not None:
            found.append(Drift(floor, "the machine's measured noise floor"))
    sides = {id(base), id(run)}
    spreads = [each.spreads.get(threads) for each in repeats if each.runs & sides and each.runs != sides]
    found += [Drift(size, "what repeated runs of the unchanged machine differ by") for size in spreads if size]
    return max(found, key=lambda each: each.size)


def _by_pace(base: Run, run: Run, threads: int) -> Iterator[Drift]:
    """What the multiply-add chains tell, which were sampled in every block of both runs."""
    shared = base.paces.keys() & run.paces.keys()
    if not shared:
        yield Drift(UNTOLD_DRIFT, "nothing tells how steady the machines were")
        return
    yield Drift(LEAST_DRIFT, "the least that is allowed for between separate runs")
    on_threads = [key for key in shared if key.endswith(f"/{threads}")]
    pairs = [(base.paces[key], run.paces[key]) for key in on_threads or shared]
    wander = max(math.hypot(one.wander, other.wander) for one, other in pairs)
    yield Drift(wander, "how the pace of the multiply-add chains wandered within the runs")
    if base.is_same_machine(run):
        shift = max(abs(math.log(one.seconds / other.seconds)) for one, other in pairs)
        yield Drift(shift, "by how much the pace of the multiply-add chains changed between the runs")


def repeats_of(runs: Iterable[Run]) -> tuple[Repeats, ...]:
    """The runs that were repeated on one machine with the same software and the same settings of the machine."""
    found: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        key = _setup(run)
        if "unknown" not in key:
            found.setdefault(key, []).append(run)
    return tuple(
        Repeats(frozenset(map(id, several)), _spreads(several)) for several in found.values() if len(several) > 1
    )


def _setup(run: Run) -> tuple[object, ...]:
    header = run.header
    state = header.conditions
    settings = (state.governor, state.turbo, state.cpu_quota, state.affinity, state.huge_pages, state.on_battery)
    return header.host.host_id, header.environment.env_id, *settings


def _spreads(runs: Iterable[Run]) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for one, other in islice(combinations(runs, 2), MOST_REPEATS):
        for cell in one.medians.keys() & other.medians.keys():
            found.setdefault(cell.threads, []).append(abs(math.log(one.medians[cell] / other.medians[cell])))
    return {
        threads: sorted(sizes)[math.ceil(SHARE * len(sizes)) - 1]
        for threads, sizes in found.items()
        if len(sizes) >= LEAST_CELLS
    }


def ratios_between(base: Array, run: Array, drift: Array) -> Array:
    """Time of the base over time of the run, cell by cell: above 1 the run is faster.

    Parameters
    ----------
    base, run
        3 x cells: medians, lower and upper bounds, s; NaN for bounds that are not known. Instead of one run several,
        side by side: runs x 3 x cells.
    drift
        Of each cell, as a logarithm; it widens the intervals on both sides. Of several runs: runs x cells.

    Returns
    -------
    array, 3 x cells, or runs x 3 x cells
        Estimates, lower and upper bounds.

    Notes
    -----
    The bounds are the widest that those of the two medians allow, so that they hold without any assumption on how the
    errors of the two go together.
    """
    wider = np.exp(drift)
    unknown = np.isnan(base[1]) | np.isnan(run[..., 1, :])
    low, high = base[1] / run[..., 2, :] / wider, base[2] / run[..., 1, :] * wider
    bounds = np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    return np.stack([base[0] / run[..., 0, :], *bounds], axis=-2)


def counted(ratios: Array) -> NDArray[np.bool_]:
    """Which cells a mean counts: those that have bounds in all runs; all of them where there is none.

    Parameters
    ----------
    ratios
        runs x 3 x cells, as `ratios_between` gives them.
    """
    sure: NDArray[np.bool_] = np.asarray(~np.isnan(ratios[:, 1, :]).any(axis=0))
    return sure if sure.any() else np.ones_like(sure)


def mean_ratios(ratios: Array) -> tuple[Interval, ...]:
    """The geometric mean of each run's ratios, bounded as if all of them erred to one side: a drift hits all alike.

    Parameters
    ----------
    ratios
        runs x 3 x cells, at least one cell, as `ratios_between` gives them.

    Returns
    -------
    tuple of Interval
        One a run, without bounds where any of its cells has none.
    """
    means = np.exp(np.log(ratios).mean(axis=2))
    return tuple(Interval(each[0]) if np.isnan(each[1]) else Interval(*each) for each in means.tolist())


def word_of(ratio: Interval, drift: float) -> Word:
    """What may be said of the run, by the rules of paired comparisons: FASTER or SLOWER than the base, or neither.

    Parameters
    ----------
    ratio
        Time of the base over time of the run, its bounds widened by the drift.
    drift
        As a logarithm: it stands for what a control would show, as identical code in two runs differs by so much.

    Notes
    -----
    Words are not corrected for the number of cells: each bound already allows for both medians to err at once and for
    the drift on top. EQUIVALENT means that the whole interval lies within 10 % of equal.
    """
    if ratio.low is None or ratio.high is None:
        return "INCONCLUSIVE"
    evidence = Evidence(
        ratio=Interval(math.log(ratio.estimate), math.log(ratio.low), math.log(ratio.high)),
        control=Interval(0.0, -drift, drift),
        processes=1,
        settings=_SETTINGS,
        p_value=0.0,  # what chance does is in the bounds
        rows=1,
        machine_floor=None,
    )
    return word_for(evidence)


def drift_words(drifts: Mapping[int, Drift]) -> str:
    """Drifts by threads as a phrase: ``3.0 % (what it was read from)``, or ``3.0 % on 1 thread, 9.0 % on 2 (..)``.

    Examples
    --------
    >>> one, two = Drift(0.03, "habit"), Drift(0.1, "noise")
    >>> drift_words({1: one, 2: one}), drift_words({1: one, 2: two})
    ('3.0 % (habit)', '3.0 % on 1 thread, 11 % on 2 (noise)')
    """
    largest = max(drifts.values(), key=lambda each: each.size)
    sizes = {threads: difference(drift.size) for threads, drift in sorted(drifts.items())}
    if len(set(sizes.values())) == 1:
        return f"{difference(largest.size)} ({largest.reason})"
    told = [f"{size} on {threads}{' thread' if threads == 1 else ''}" for threads, size in sizes.items()]
    return f"{', '.join(told)} ({largest.reason})"
