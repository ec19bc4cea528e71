"""Runs side by side: the cells that all of them have, absolute, as shares of each one's own peak, over one of them.

Nothing is mixed: cells are equal in kernel, origin, threads, shape, element type and layout; means are taken over the
cells that all have, each element type and operation for itself; a run that can't be believed is set aside, with why.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from matbench.analyse.compare_drift import (
    Drift,
    counted,
    drift_between,
    mean_ratios,
    ratios_between,
    repeats_of,
    word_of,
)
from matbench.analyse.compare_facts import Fact, differing, remarks
from matbench.analyse.compare_unlike import check_sound, dtype_place, nothing_in_common
from matbench.analyse.pair_rules import Word
from matbench.analyse.rows import Interval
from matbench.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from matbench.analyse.compare_cells import Array, Cell
    from matbench.analyse.compare_runs import Run
    from matbench.sizes import Shape

__all__ = ["AXES", "Axis", "Comparison", "Excluded", "Group", "Mean", "compare"]

Axis = Literal["kernel", "n", "threads"]
AXES: tuple[Axis, ...] = ("kernel", "n", "threads")

NOT_MEASURED = "not measured"


class Excluded(NamedTuple):
    """A cell that not all runs have."""

    cell: Cell
    lacking: tuple[int, ...]  # indices of the runs without it
    reason: str  # of the first of them that tells one


@dataclass(frozen=True, eq=False, slots=True)
class Group:
    """Cells that a mean is taken over: one element type and operation, and what they share on an axis.

    A comparison has one of each: among thousands of runs, telling them apart by their many places would take longer
    than their means.
    """

    family: str  # element type, and the operation where it is not the product
    label: str  # empty for all cells of the family
    places: tuple[int, ...]  # among the common cells


class Mean(NamedTuple):
    """What a group of cells comes to in one run."""

    ratio: Interval  # geometric mean of: time of the base over time of the run
    share: float | None  # geometric mean of the shares of the run's own peak
    cells: int  # that it is the mean of: those with bounds in all runs, where there are any
    drift: float  # that the bounds hold, as a logarithm
    settled: Word | None  # the word where none is to be found

    @property
    def word(self) -> Word:
        """What may be said of the run: found when it is asked for, as of most means among many runs it never is."""
        return self.settled or word_of(self.ratio, self.drift)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several runs over the cells that all of them have.

    Attributes
    ----------
    runs
        Those that may be compared, in the order given.
    base
        Index of the one that ratios are told over.
    cells
        What all runs have: by element type, size, ladder, threads.
    seconds
        runs x 3 x cells: median time of a call and its bounds, s; NaN for bounds that are not known.
    drifts
        What is allowed for between the base and each run, by threads.
    excluded
        Cells that some runs have and others lack.
    aside
        Runs that are not compared: (name, why).
    foreign
        Origin of kernels that need not be products of matrices; they have times, but no rates.
    """

    runs: tuple[Run, ...]
    base: int
    cells: tuple[Cell, ...]
    seconds: Array
    drifts: tuple[dict[int, Drift], ...]
    excluded: tuple[Excluded, ...] = ()
    aside: tuple[tuple[str, str], ...] = ()
    foreign: str = ""

    @cached_property
    def ratios(self) -> Array:
        """Runs x 3 x cells: time of the base over time of the run, with bounds that hold the drift."""
        threads = sorted(self.drifts[self.base])
        column = {count: place for place, count in enumerate(threads)}
        sizes = np.array([[drifts[count].size for count in threads] for drifts in self.drifts])
        drift = sizes[:, [column[cell.threads] for cell in self.cells]]
        found = ratios_between(self.seconds[self.base], self.seconds, drift)
        found[self.base] = 1.0
        return found

    @cached_property
    def rates(self) -> Array:
        """Runs x cells: operations over the median time, flop/s; NaN where none are counted or known."""
        flops = np.array(
            [np.nan if cell.origin == self.foreign else (cell.flops or np.nan) for cell in self.cells], dtype=float
        )
        rates: Array = flops / self.seconds[:, 0, :]
        return rates

    @property
    def shares(self) -> Array:
        """Runs x cells: the share of that run's own multiply-add peak, as `shares_of` has it; NaN without one."""
        return self._told_shares[0]

    @property
    def besides(self) -> NDArray[np.intp]:
        """Runs x cells: the place in `KINDS` of what each share is told over; -1 without one."""
        return self._told_shares[1]

    @cached_property
    def _told_shares(self) -> tuple[Array, NDArray[np.intp]]:
        shares = np.full((len(self.runs), len(self.cells)), np.nan)
        besides = np.full(shares.shape, -1, dtype=np.intp)
        told = [(place, run, run.shares) for place, run in enumerate(self.runs) if run.shares is not None]
        columns = _columns([run for _, run, _ in told], self.cells)
        for place, run, found in told:
            own = columns[id(run.cells)]
            shares[place], besides[place] = found.bounds[0, own], found.kind[own]
        shares[np.isnan(self.rates)] = np.nan  # of kernels that need not be products of matrices
        besides[np.isnan(shares)] = -1
        return shares, besides

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """What is not the same in all runs."""
        return differing(self.runs)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What to know before the figures."""
        return remarks(self.runs, self.facts)

    @property
    def families(self) -> tuple[str, ...]:
        """Element types, with the operation where it is not the product, of the common cells."""
        return tuple(dict.fromkeys(cell.family for cell in self.cells))

    @property
    def is_one_machine(self) -> bool:
        """Whether all runs were made on one machine, as far as is known."""
        return all(run.is_same_machine(self.runs[self.base]) for run in self.runs)

    def groups(self, axis: Axis | None = None) -> tuple[Group, ...]:
        """The common cells by family and what they share on an axis; one group a family without it."""
        if axis not in self._groups:
            self._groups[axis] = self._made_groups(axis)
        return self._groups[axis]

    @cached_property
    def _groups(self) -> dict[Axis | None, tuple[Group, ...]]:
        return {}

    def _made_groups(self, axis: Axis | None) -> tuple[Group, ...]:
        found: dict[tuple[str, str], list[int]] = {}
        for place, cell in enumerate(self.cells):
            found.setdefault((cell.family, _label(cell, axis)), []).append(place)
        ordered = sorted(found, key=lambda key: self._group_key(key, axis))
        return tuple(Group(*key, tuple(found[key])) for key in ordered)

    def _group_key(self, key: tuple[str, str], axis: Axis | None) -> tuple[int, int, int]:
        """Families as the cells have them, kernels by the ladder, numbers by size; sorting is stable."""
        family, label = self.families.index(key[0]), key[1]
        if axis == "kernel":
            return family, self._ladder.get(label, len(self._ladder)), 0
        if label.isdigit():
            return family, 0, int(label)
        return family, 1, 0

    @cached_property
    def _ladder(self) -> dict[str, int]:
        return _ladder([self.runs[self.base], *self.runs])

    def means(self, group: Group) -> tuple[Mean, ...]:
        """The geometric means of all runs over the cells of a group."""
        if group not in self._means:
            self._means[group] = tuple(self._made_means(list(group.places)))
        return self._means[group]

    @cached_property
    def _means(self) -> dict[Group, tuple[Mean, ...]]:
        return {}

    def _made_means(self, places: list[int]) -> Iterator[Mean]:
        kept = np.array(places)[counted(self.ratios[:, :, places])]
        threads = {self.cells[place].threads for place in kept.tolist()}
        shares = np.exp(np.log(self.shares[:, kept]).mean(axis=1)).tolist()
        ratios = mean_ratios(self.ratios[:, :, kept])
        for run, (ratio, share) in enumerate(zip(ratios, shares, strict=True)):
            told = None if np.isnan(share) else share
            yield Mean(ratio, told, len(kept), self._drift(run, threads), self._settled(run))

    def mean(self, run: int, group: Group) -> Mean:
        """The geometric means of one run over the cells of a group."""
        return self.means(group)[run]

    def ratio(self, run: int, place: int) -> Interval:
        """The ratio in one cell."""
        return _interval(self.ratios[run, :, place])

    def time(self, run: int, place: int) -> Interval:
        """The time of a call in one cell, s."""
        return _interval(self.seconds[run, :, place])

    def word(self, run: int, place: int) -> Word:
        """What may be said of a run in one cell."""
        drift = self._drift(run, {self.cells[place].threads})
        return self._settled(run) or word_of(self.ratio(run, place), drift)

    def _settled(self, run: int) -> Word | None:
        """The word of a run whatever its figures are; None where they decide."""
        if run == self.base:
            return "EQUIVALENT"
        return "INVALID" if self.runs[run].doubt or self.runs[self.base].doubt else None

    def _drift(self, run: int, threads: Collection[int]) -> float:
        """The largest that is allowed for on these thread counts."""
        return max(self.drifts[run][count].size for count in threads)


def _interval(values: Array) -> Interval:
    estimate, low, high = map(float, values)
    return Interval(estimate) if np.isnan(low) else Interval(estimate, low, high)


def _label(cell: Cell, axis: Axis | None) -> str:
    if axis is None:
        return ""
    return {"kernel": cell.kernel, "n": cell.shape, "threads": str(cell.threads)}[axis]


def _operation_place(operation: str) -> int:
    return next((place for place, each in enumerate(OPERATIONS) if each == operation), len(OPERATIONS))


def _ladder(runs: Iterable[Run]) -> dict[str, int]:
    """Kernel -> its place on the ladder; those that only later runs have come after."""
    names = dict.fromkeys(card.name for run in runs for card in run.header.kernels)
    return {name: place for place, name in enumerate(names)}


def compare(
    runs: Sequence[Run],
    base: int = 0,
    *,
    dtype: str | None = None,
    shapes: Collection[Shape] = (),
    floors: Mapping[str, float] | None = None,
    foreign: str = "",
) -> Comparison:
    """Several runs side by side.

    Parameters
    ----------
    runs
        At least two, with names that differ.
    base
        Index of the one that ratios are told over.
    dtype, shapes
        Only cells of this element type and of these (m, n, k); all by default.
    floors
        Name of a run -> measured noise floor of its machine, as a logarithm.
    foreign
        Origin of kernels that need not be products of matrices.

    Raises
    ------
    UsageError
        If fewer than two runs can be compared, the base can't, or the runs have no cell in common.
    """
    sound = [run for run in runs if run.fault is None]
    aside = tuple((run.name, run.fault) for run in runs if run.fault is not None)
    check_sound(runs, base, sound)
    wanted = _wanted(sound, dtype, shapes)
    unlike = list({id(cells): cells for cells in wanted}.values())
    common = unlike[0].intersection(*unlike[1:])
    if not common:
        raise nothing_in_common(sound, wanted)
    ladder = _ladder([runs[base], *sound])
    cells = sorted(common, key=lambda cell: _order(cell, ladder))
    repeats, counts = repeats_of(sound), sorted({cell.threads for cell in cells})
    return Comparison(
        runs=tuple(sound),
        base=sound.index(runs[base]),
        cells=tuple(cells),
        seconds=_side_by_side(sound, cells),
        drifts=tuple(
            {count: drift_between(runs[base], run, count, repeats, floors) for count in counts} for run in sound
        ),
        excluded=_excluded(
            sound, wanted, sorted(unlike[0].union(*unlike[1:]) - common, key=lambda cell: _order(cell, ladder))
        ),
        aside=aside,
        foreign=foreign,
    )


def _wanted(runs: Sequence[Run], dtype: str | None, shapes: Collection[Shape]) -> list[frozenset[Cell]]:
    """The cells of each run that are asked for; of runs that share their cells it is one set."""
    found: dict[int, frozenset[Cell]] = {}
    for run in runs:
        if id(run.cells) not in found:
            found[id(run.cells)] = frozenset(
                cell
                for cell in run.cells
                if dtype in {None, cell.dtype} and (not shapes or (cell.m, cell.n, cell.k) in shapes)
            )
    return [found[id(run.cells)] for run in runs]


def _side_by_side(runs: Sequence[Run], cells: Sequence[Cell]) -> Array:
    """Runs x 3 x cells: times of these cells, which all runs have."""
    columns = _columns(runs, cells)
    return np.stack([run.seconds[:, columns[id(run.cells)]] for run in runs])


def _columns(runs: Sequence[Run], cells: Sequence[Cell]) -> dict[int, NDArray[np.intp]]:
    """Where these cells, which all runs have, are among the cells of each: runs of one plan share theirs."""
    columns: dict[int, NDArray[np.intp]] = {}
    for run in runs:
        if id(run.cells) not in columns:
            places = {cell: place for place, cell in enumerate(run.cells)}
            columns[id(run.cells)] = np.array([places[cell] for cell in cells])
    return columns


def _order(cell: Cell, ladder: Mapping[str, int]) -> tuple[object, ...]:
    """By operation and element type, squares before rectangles, small before large, then the ladder, then threads."""
    place = ladder.get(cell.kernel, len(ladder))
    size = (cell.m != cell.n or cell.n != cell.k, cell.flops, cell.m, cell.n, cell.layout)
    return (
        _operation_place(cell.operation),
        dtype_place(cell.dtype),
        *size,
        place,
        cell.kernel,
        cell.threads,
        cell.origin,
    )


def _excluded(runs: Sequence[Run], wanted: Sequence[frozenset[Cell]], cells: Sequence[Cell]) -> tuple[Excluded, ...]:
    alike: dict[frozenset[Cell], list[int]] = {}  # most of many runs have the same cells as others
    for place, own in enumerate(wanted):
        alike.setdefault(own, []).append(place)
    every = frozenset(cells)
    lacking: dict[Cell, list[int]] = {cell: [] for cell in cells}
    for own, places in alike.items():
        for cell in every - own:
            lacking[cell].extend(places)
    return tuple(
        Excluded(cell, tuple(sorted(places)), _reason(cell, [runs[at] for at in sorted(places)]))
        for cell, places in lacking.items()
    )


def _reason(cell: Cell, lacking: Sequence[Run]) -> str:
    return next((run.missing[cell] for run in lacking if cell in run.missing), NOT_MEASURED)
