"""What share of the multiply-add peak a case reaches: its rate over that of chains that were timed beside it.

A shared processor changes its pace within a run, by a fifth and more. The fastest chain of minutes is a limit, which
nothing exceeds, but it is no measure of what could be done in the moment in which a kernel was timed. So each sample is
told over the chain of its own round, which ran among the kernels: what slows a whole round slows both. What is shorter
than a round does not cancel: a chain takes milliseconds, a long call seconds, so that bursts fall on the call more.

The chains of the rounds are of the widest vectors. Where narrower ones are faster, they count for as much more.

Records of before rounds told their chains tell processes: there each sample is told over the middle chain of its
process, where three processes or more have one. Else it is told over the fastest chain of the run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matbench.analyse.compare_cells import Array, Flat, flattened, joined, middles, processes_in
from matbench.analyse.rows import Beside, Share
from matbench.analyse.statistics import call_seconds
from matbench.model import FEWEST_PROCESSES

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from matbench.analyse.rows import Interval
    from matbench.model import Case, Ceiling, Samples

__all__ = ["KINDS", "Shares", "many_shares", "shares_of", "widest_chains"]

KINDS: tuple[Beside, ...] = ("run", "process", "round")  # by their index, the better the higher


class Shares(NamedTuple):
    """The shares of many cases side by side."""

    bounds: Array  # 3 x cases: estimates, lower and upper bounds; NaN where there are none
    kind: NDArray[np.intp]  # of each case the place in `KINDS` of what it is told over


def shares_of(
    cases: Sequence[Case], taken: Sequence[Samples], ceilings: Iterable[Ceiling], peaks: Mapping[str, Interval]
) -> tuple[Share | None, ...]:
    """The share of the peak that each case reaches: what `many_shares` tells, one by one; None where there is none."""
    found = many_shares(cases, taken, ceilings, peaks)
    return tuple(
        None if math.isnan(estimate) else _share(estimate, low, high, KINDS[place])
        for estimate, low, high, place in zip(*found.bounds.tolist(), found.kind.tolist(), strict=True)
    )


def _share(estimate: float, low: float, high: float, beside: Beside) -> Share:
    return Share(estimate, beside=beside) if math.isnan(low) else Share(estimate, low, high, beside)


def many_shares(
    cases: Sequence[Case], taken: Sequence[Samples], ceilings: Iterable[Ceiling], peaks: Mapping[str, Interval]
) -> Shares:
    """The share of the peak that each of many cases reaches, with its 95 % interval.

    Parameters
    ----------
    cases
        Whose rates count.
    taken
        The samples of each.
    ceilings
        All that were measured in the same run.
    peaks
        ``'<dtype>/<threads>'`` -> fastest chain of the run, flop/s.

    Returns
    -------
    Shares
        None of a case that counts no operations or has no samples, or whose peak nothing tells. The interval is by the
        rule of `over_processes`.
    """
    count = len(cases)
    if not cases or not peaks:
        return Shares(np.full((3, count), np.nan), np.zeros(count, dtype=np.intp))
    flat, chains = flattened(taken), widest_chains(ceilings)
    gains = _gains(chains, peaks)
    in_process, in_round = _in_process(cases, flat, chains, gains), _in_round(cases, taken, flat, chains, gains)
    kind = _kinds(count, flat, in_process, in_round)
    chain = np.choose(kind[flat.owner], (_of_run(cases, peaks)[flat.owner], in_process, in_round))
    flops = np.array([case.problem.flops for case in cases], dtype=float)[flat.owner]
    kept = np.flatnonzero(np.isfinite(chain) & (flops > 0))
    owner, process = flat.owner[kept], flat.process[kept]
    # Times over the time of a chain that does as much: the middle of times is what rates are told from.
    times = middles(flat.seconds[kept] * chain[kept] / flops[kept], owner, process, count)
    return Shares(1 / times[[0, 2, 1]], kind)


def _of_run(cases: Sequence[Case], peaks: Mapping[str, Interval]) -> Array:
    """The fastest chain of the run for each case, flop/s; NaN where there is none."""
    rates = {key: peak.estimate for key, peak in peaks.items()}
    return np.array([rates.get(_key(case.problem.dtype, case.threads), math.nan) for case in cases])


def _key(dtype: str, threads: int) -> str:
    """By which peaks are known."""
    return f"{dtype}/{threads}"


def widest_chains(ceilings: Iterable[Ceiling]) -> tuple[Ceiling, ...]:
    """The chains of the widest vectors of each element type and thread count, as far as they were sampled."""
    chains = [each for each in ceilings if each.kind == "fma" and len(each.samples)]
    widest: dict[str, int] = {}
    for each in chains:
        key = _key(each.dtype, each.threads)
        widest[key] = max(widest.get(key, 0), each.lanes)
    return tuple(each for each in chains if each.lanes == widest[_key(each.dtype, each.threads)])


def _kinds(cases: int, flat: Flat, in_process: Array, in_round: Array) -> NDArray[np.intp]:
    """Which chains each case is told over: those of its rounds or its processes, if these are enough, or the run's."""
    every, known, paired = (
        processes_in(flat.owner[kept], flat.process[kept], cases)
        for kept in (np.full(len(flat.owner), fill_value=True), np.isfinite(in_process), np.isfinite(in_round))
    )
    kind = np.zeros(cases, dtype=np.intp)
    kind[known >= FEWEST_PROCESSES] = 1
    # Where an older run was resumed, the one or two processes that pair must not speak for all.
    kind[(paired > 0) & (paired >= np.minimum(FEWEST_PROCESSES, every))] = 2
    return kind


def _gains(chains: Iterable[Ceiling], peaks: Mapping[str, Interval]) -> dict[str, float]:
    """By element type, how many times the rate of the widest vectors the fastest have: at least 1.

    Told on one thread, where all widths are measured: some processors slow down for their widest vectors.
    """
    rates: dict[str, float] = {}
    for each in chains:
        if each.threads == 1:
            rates[each.dtype] = max(each.work / min(call_seconds(each.samples)), rates.get(each.dtype, 0.0))
    fastest = {dtype: peaks.get(_key(dtype, 1)) for dtype in rates}
    return {dtype: max(1.0, peak.estimate / rates[dtype]) for dtype, peak in fastest.items() if peak is not None}


def _in_process(cases: Sequence[Case], flat: Flat, chains: Sequence[Ceiling], gains: Mapping[str, float]) -> Array:
    """For each sample of the cases, the middle chain of its process, flop/s; NaN where there is none."""
    keys = [_key(each.dtype, each.threads) for each in chains]
    ours = [_key(case.problem.dtype, case.threads) for case in cases]
    own = flattened([each.samples for each in chains])
    if len(np.unique(own.process)) < FEWEST_PROCESSES:
        return np.full(len(flat.owner), np.nan)
    key, wanted = _numbers(keys, ours)
    code, found = _matched((key[own.owner], own.process), (wanted[flat.owner], flat.process))
    order = np.argsort(code, kind="stable")
    rates = (_work(chains, gains)[own.owner] / own.seconds)[order]
    middle = middles(rates, code[order], np.zeros_like(code), int(code.max()) + 1)[0]
    return np.append(middle, np.nan)[found]


def _in_round(
    cases: Sequence[Case], taken: Sequence[Samples], flat: Flat, chains: Sequence[Ceiling], gains: Mapping[str, float]
) -> Array:
    """For each sample of the cases, the chain of its round, flop/s; NaN where there is none."""
    blocks = [each for each in chains if each.problem is not None]
    if not blocks:
        return np.full(len(flat.owner), np.nan)
    samples = [each.samples for each in blocks]
    own = flattened(samples)
    block, wanted = _numbers(
        [(each.problem, each.threads) for each in blocks], [(case.problem, case.threads) for case in cases]
    )
    code, found = _matched(
        (block[own.owner], own.process, joined(samples, "round", len(own.owner))),
        (wanted[flat.owner], flat.process, joined(taken, "round", len(flat.owner))),
    )
    rates = np.full(int(code.max()) + 2, np.nan)  # the last one for what is not found
    rates[code] = _work(blocks, gains)[own.owner] / own.seconds
    return rates[found]


def _work(chains: Sequence[Ceiling], gains: Mapping[str, float]) -> Array:
    """What a loop of each chain comes to, flop: as much more as vectors of the fastest width would do meanwhile."""
    return np.array([each.work * gains.get(each.dtype, 1.0) for each in chains])


def _numbers(keys: Sequence[Hashable], wanted: Sequence[Hashable]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Equal numbers for equal keys, and the number of each wanted one: -1 where there is none."""
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return (
        np.array([places[key] for key in keys], dtype=np.intp),
        np.array([places.get(key, -1) for key in wanted], dtype=np.intp),
    )


def _matched(
    ours: Sequence[NDArray[np.int64]], wanted: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Equal numbers for equal rows of a table, and the number of each row wanted: -1 where there is none.

    Parameters
    ----------
    ours, wanted
        Columns; ours have one row at least, and hold what a file tells, which may be too large to reckon with.
    """
    code, found = np.zeros(len(ours[0]), dtype=np.intp), np.zeros(len(wanted[0]), dtype=np.intp)
    for column, other in zip(ours, wanted, strict=True):
        ranks, rank = _ranked(column, other)
        count = int(ranks.max()) + 1
        found = np.where((found < 0) | (rank < 0), -1, found * count + rank)
        code, found = _ranked(code * count + ranks, found)
    return code, found


def _ranked(ours: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rank of each value among those that differ, and that of each wanted one: -1 where it is not among them."""
    known, ranks = np.unique(ours, return_inverse=True)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return ranks, np.where(known[at] == wanted, at, -1)
