"""Cells, which runs must have in common to be compared, and the times in them, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matbench.analyse.statistics import call_interval, processes_of, rank_of_bound
from matbench.model import Case, Samples
from matbench.operations import OPERATIONS, PRODUCT, OperationName

__all__ = ["Array", "Cell", "cell_of", "medians", "work_of"]

Array: TypeAlias = NDArray[np.float64]

KNOWN = 100_000  # cells that are kept: thousands of runs have the same few hundred


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


def cell_of(case: Case, origin: str) -> Cell:
    """The cell of a case, whose kernel `origin` declares; equal cells are one object."""
    return _cell(_facts(case), origin)


@lru_cache(maxsize=KNOWN)
def _cell(
    facts: tuple[str, int, int, int, int, str, str, OperationName],
    origin: str,
) -> Cell:
    return Cell(*facts, origin)


@lru_cache(maxsize=KNOWN)
def work_of(cell: Cell) -> tuple[int, str]:
    """Operations of a cell, and by what key its roof is known: empty for whole numbers, which have none."""
    return cell.flops, "" if cell.dtype == "int64" else f"{cell.dtype}/{cell.threads}"


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
    found = np.full((3, len(taken)), np.nan)
    processes = [processes_of(each) for each in taken]
    alone = [place for place, count in enumerate(processes) if count == 1]
    found[:, alone] = _over_rounds([taken[place] for place in alone])
    for place, count in enumerate(processes):
        if count > 1:
            interval = call_interval(taken[place])
            found[0, place] = interval.estimate
            if interval.low is not None and interval.high is not None:
                found[1:, place] = interval.low, interval.high
    return found


def _over_rounds(taken: Sequence[Samples]) -> Array:
    """The same of cases of one process each, whose rounds are the observations: all at once, as most there are."""
    counts = np.fromiter((len(each.loops) for each in taken), dtype=np.intp, count=len(taken))
    total = int(counts.sum())
    loops = np.fromiter(chain.from_iterable(each.loops for each in taken), dtype=float, count=total)
    elapsed = np.fromiter(chain.from_iterable(each.elapsed_ns for each in taken), dtype=float, count=total)
    seconds = elapsed * 1e-9 / loops
    starts = np.cumsum(counts) - counts
    found = np.full((3, len(taken)), np.nan)
    for count in map(int, np.unique(counts)):
        places = np.flatnonzero(counts == count)
        ordered = np.sort(seconds[starts[places][:, None] + np.arange(count)], axis=1)
        found[0, places] = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
        rank = rank_of_bound(count)
        if rank is not None:
            found[1, places], found[2, places] = ordered[:, rank - 1], ordered[:, -rank]
    return found
