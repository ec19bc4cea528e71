"""Cells, which runs must have in common to be compared, and the times in them, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from matbench.analyse.statistics import is_few, rank_of_bound, student_reach
from matbench.model import Case, Samples
from matbench.operations import OPERATIONS, PRODUCT, OperationName

__all__ = [
    "Array",
    "Cell",
    "Flat",
    "Work",
    "cell_of",
    "flattened",
    "joined",
    "medians",
    "middles",
    "processes_in",
    "work_of",
]

Array: TypeAlias = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int64)

KNOWN = 100_000  # cells that are kept: thousands of runs have the same few hundred
PLANS = 100  # sets of cells that are: runs of one plan have the same one


class Cell(NamedTuple):
    """What runs must share to be compared: the seed of the operands is no part of it."""

    kernel: str
    threads: int
    m: int
    n: int
    k: int
    dtype: str
    layout: str
    operation: OperationName
    origin: str  # distribution that declares the kernel: a namesake of another is another kernel

    @property
    def flops(self) -> int:
        """Floating-point operations of the textbook algorithm; 0 where data is only moved."""
        return OPERATIONS[self.operation].flops(self.m, self.n, self.k)

    @property
    def family(self) -> str:
        """What may share a mean: ``float64`` for products, ``inverse, float64`` for other operations."""
        return self.dtype if self.operation == PRODUCT else f"{self.operation}, {self.dtype}"

    @property
    def shape(self) -> str:
        """``1000`` for a square problem, ``8x1000x1000`` (m x n x k) otherwise."""
        return str(self.n) if self.m == self.n == self.k else f"{self.m}x{self.n}x{self.k}"


_facts = attrgetter(
    *("kernel", "threads", "problem.m", "problem.n", "problem.k", "problem.dtype", "problem.layout"),
    "problem.operation",
)


@lru_cache(maxsize=KNOWN)
def cell_of(case: Case, origin: str) -> Cell:
    """The cell of a case, whose kernel `origin` declares; equal cells are one object, whatever their seeds."""
    return _cell(_facts(case), origin)


@lru_cache(maxsize=KNOWN)
def _cell(
    facts: tuple[str, int, int, int, int, str, str, OperationName],
    origin: str,
) -> Cell:
    return Cell(*facts, origin)


class Work(NamedTuple):
    """What some cells come to, the same for all runs that have them."""

    cells: tuple[Cell, ...]  # equal ones are one object, so that they need not be compared cell by cell
    flops: Array  # operations of each
    keys: tuple[str, ...]  # by which roofs are known; empty for whole numbers, which have none
    key: NDArray[np.intp]  # place of each cell's among them


@lru_cache(maxsize=PLANS)
def work_of(cells: tuple[Cell, ...]) -> Work:
    """The operations of cells, and by what keys their roofs are known."""
    every = ["" if cell.dtype == "int64" else f"{cell.dtype}/{cell.threads}" for cell in cells]
    places = {key: place for place, key in enumerate(dict.fromkeys(every))}
    flops = np.array([cell.flops for cell in cells], dtype=float)
    return Work(cells, flops, tuple(places), np.array([places[key] for key in every], dtype=np.intp))


def medians(taken: Sequence[Samples]) -> Array:
    """Of many cases the middle time of a call and its 95 % interval, as `call_interval` has them one by one.

    Parameters
    ----------
    taken
        Samples of each case, at least one.

    Returns
    -------
    array, 3 x cases
        Middles, lower and upper bounds, s; NaN for bounds where there are too few samples or processes.
    """
    flat = flattened(taken)
    return middles(flat.seconds, flat.owner, flat.process, len(taken))


class Flat(NamedTuple):
    """The samples of many cases, case after case."""

    owner: NDArray[np.intp]  # place of the case
    process: NDArray[np.int64]
    seconds: Array  # of one call


def flattened(taken: Sequence[Samples]) -> Flat:
    """The samples of many cases side by side."""
    counts = np.fromiter(map(len, map(attrgetter("loops"), taken)), dtype=np.intp, count=len(taken))
    owner = np.repeat(np.arange(len(taken)), counts)
    seconds = joined(taken, "elapsed_ns", len(owner)) * 1e-9 / joined(taken, "loops", len(owner))
    return Flat(owner, joined(taken, "process", len(owner)), seconds)


def middles(values: Array, owner: NDArray[np.intp], process: NDArray[np.int64], count: int) -> Array:
    """Of many cases the middle of their values and its 95 % interval by the rule of `over_processes`.

    Parameters
    ----------
    values
        One for each sample, positive.
    owner, process
        Of each sample: place of its case, ascending, and the process that took it.
    count
        Cases.

    Returns
    -------
    array, 3 x cases
        Middles, lower and upper bounds; NaN where there are no values, or too few for bounds.
    """
    sizes, owners, ordered = _grouped(values, owner, process)
    of_process = _intervals(ordered, sizes)
    processes = np.bincount(owners, minlength=count)
    is_alone, are_several = processes == 1, processes > 1
    found = np.full((3, count), np.nan)
    found[:, is_alone] = of_process[:, is_alone[owners]]
    found[:, are_several] = _intervals(of_process[0, are_several[owners]], processes[are_several], are_processes=True)
    return found


def processes_in(owner: NDArray[np.intp], process: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """How many processes took the samples of each of so many cases; owners are ascending."""
    _, owners, _ = _grouped(process, owner, process)
    return np.bincount(owners, minlength=count)


def _grouped(
    values: NDArray[Number], owner: NDArray[np.intp], process: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Number]]:
    """The values of all cases, those of a process side by side.

    Returns
    -------
    sizes
        How many each process of each case has.
    owners
        Place of its case, ascending.
    values
        In that order.
    """
    goes_on = owner[1:] == owner[:-1]
    if (goes_on & (process[1:] < process[:-1])).any():  # within a case they may lie in any order, and hardly ever do
        order = np.lexsort((process, owner))
        process, values = process[order], values[order]
    is_first = np.ones(len(owner), dtype=bool)
    is_first[1:] = ~goes_on | (process[1:] != process[:-1])
    begins = np.flatnonzero(is_first)
    return np.diff(begins, append=len(owner)), owner[begins], values


def joined(taken: Sequence[Samples], field: str, count: int) -> NDArray[np.int64]:
    """One field of all samples, `count` of them, case after case; no function of Python is called for each."""
    return np.fromiter(chain.from_iterable(map(attrgetter(field), taken)), dtype=np.int64, count=count)


def _intervals(seconds: Array, sizes: NDArray[np.intp], *, are_processes: bool = False) -> Array:
    """The middle of each group of times with its bounds, 3 x groups; groups of one size are sorted all at once.

    Parameters
    ----------
    seconds
        Group after group.
    sizes
        Of the groups, at least 1.
    are_processes
        Whether each time stands for a process: then a few of them have Student's interval.
    """
    starts = np.cumsum(sizes) - sizes
    found = np.full((3, len(sizes)), np.nan)
    for size in np.unique(sizes).tolist():
        places = np.flatnonzero(sizes == size)
        ordered = np.sort(seconds[starts[places][:, None] + np.arange(size)], axis=1)
        if are_processes and is_few(size):
            found[:, places] = _student(ordered)
            continue
        found[0, places] = (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2
        rank = rank_of_bound(size)
        if rank is not None:
            found[1:, places] = ordered[:, rank - 1], ordered[:, -rank]
    return found


def _student(seconds: Array) -> Array:
    """Means of rows of times with Student's intervals, by their logarithms: rows x times to 3 x rows."""
    logs = np.log(seconds)
    middles = logs.mean(axis=1)
    reaches = student_reach(seconds.shape[1]) * logs.std(axis=1, ddof=1)
    found: Array = np.exp(np.stack([middles, middles - reaches, middles + reaches]))
    return found
