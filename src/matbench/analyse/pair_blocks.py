"""From raw samples to one number a process: what a comparison of two arms rests on.

A block is worth the difference of its arms' mean logarithmic times; a process is worth the median of its kept blocks.
A disturbed block is dropped whole, by sums over all its samples: which arm was disturbed is never looked at.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import NamedTuple

from matbench.model import Value
from matbench.pairing import Cell, PairBlock, PairProcess, PairRecord, Sample

__all__ = ["ProcessValue", "Reduction", "Void", "disturbances", "reduce_cells"]

TAKEN = 0.01  # of a block's time without the processor: as much as the differences that are to be told apart
APART = 0.02  # of the distance between the slowest sample and the fastest: arms a factor of 100 apart stand 9 %
FAULT_NS = 1000  # a page fault, zeroing included, costs about as much on a virtual machine
FAULTS = 0.002  # of a block's time spent in more page faults than its process's blocks have in the median
PACE = 0.05  # by which the canary may be off its median: a turbo step or the neighbour's vector licence
SLOW = 2.0  # times the median block: nothing else told why, yet it is not the same experiment
LEAST_KEPT = 0.25  # of a process's blocks; a median of fewer says little of the process
STOLEN = 0.05  # of all processor time, where samples don't tell themselves whether they lost it
THROTTLED = 0.01  # of a process's time, held back by the control group's quota, likewise


class ProcessValue(Value, frozen=True):
    """One process's verdict on one cell: medians over its kept blocks, of natural logarithms."""

    process: int
    ratio: float  # log of the time of B over the time of A
    control: float | None  # log of the time of A' over the time of A; None without a control
    log_a: float  # log of the seconds of one call
    log_b: float
    kept: int  # blocks


class Void(Value, frozen=True):
    """A process of which nothing is used, and why."""

    process: int
    reason: str


class Reduction(Value, frozen=True):
    """All that a cell's samples come down to."""

    cell: Cell
    values: tuple[ProcessValue, ...] = ()
    void: tuple[Void, ...] = ()
    blocks: int = 0  # sampled, whatever became of them
    dropped: tuple[tuple[str, int], ...] = ()  # reason -> blocks, the most frequent first


class _Sums(NamedTuple):
    """A block without its labels: sums over its samples, None where one of them does not tell."""

    elapsed: int  # ns
    pace: float  # ns of a call
    taken: int | None  # ns without the processor
    faults: int | None
    switches: int | None
    delay: int | None  # ns
    samples: int
    canary: int | None  # ns
    spread: float  # logarithm of the longest sample over the shortest


class _Norm(NamedTuple):
    """Medians over the blocks of one cell in one process."""

    pace: float
    faults: float
    switches: float
    canary: float


def _total(samples: Sequence[Sample], told: Callable[[Sample], int | None]) -> int | None:
    total = 0
    for sample in samples:
        value = told(sample)
        if value is None:
            return None
        total += value
    return total


def _sums(block: PairBlock, threads: int) -> _Sums:
    samples = block.samples
    times = [sample.elapsed_ns for sample in samples]
    elapsed = sum(times)
    cpu = _total(samples, lambda sample: sample.cpu_ns) if threads == 1 else None
    return _Sums(
        elapsed=elapsed,
        pace=elapsed / (block.loops * max(1, len(samples))),
        taken=None if cpu is None else max(0, elapsed - cpu),
        faults=_total(samples, lambda sample: sample.faults),
        switches=_total(samples, lambda sample: sample.switches),
        delay=_total(samples, lambda sample: sample.delay_ns),
        samples=len(samples),
        canary=block.canary_ns,
        spread=math.log(max(times) / min(times)) if times else 0.0,
    )


def _middle(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return median(known) if known else 0.0


def _disturbance(block: _Sums, norm: _Norm) -> str | None:
    """Why the block is dropped, by the first rule that applies."""
    waited = max(block.taken or 0, block.delay or 0)
    if waited > max(TAKEN, APART * block.spread) * block.elapsed:
        return "the processor was taken away"
    if block.faults is not None and (block.faults - norm.faults) * FAULT_NS > FAULTS * block.elapsed:
        return "page faults"
    if block.taken is None and block.switches is not None and block.switches > 2 * norm.switches + block.samples:
        return "switched out"
    if block.canary is not None and abs(block.canary / norm.canary - 1) > PACE:
        return "the processor's pace changed"
    return "far slower than the others" if block.pace > SLOW * norm.pace else None


def disturbances(blocks: Sequence[PairBlock], threads: int) -> tuple[str | None, ...]:
    """Why each block is to be dropped, None for those to be kept; blind to which sample belongs to which arm.

    Parameters
    ----------
    blocks
        All blocks of one cell in one process.
    threads
        Of the cell: CPU time that a sample lacks counts as taken away only where one thread works.

    Returns
    -------
    tuple of str or None
        As long as `blocks`. Counters that the system does not keep are not looked at.
    """
    sums = [_sums(block, threads) for block in blocks]
    norm = _Norm(
        pace=_middle([each.pace for each in sums]),
        faults=_middle([each.faults for each in sums]),
        switches=_middle([each.switches for each in sums]),
        canary=_middle([each.canary for each in sums]) or 1.0,
    )
    return tuple(_disturbance(each, norm) for each in sums)


def _logs(block: PairBlock) -> dict[str, float] | None:
    """Mean logarithm of each arm's time, ns; None if A or B is missing."""
    times: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    for sample in block.samples:
        times[sample.arm].append(math.log(sample.elapsed_ns))
    if not times["a"] or not times["b"]:
        return None
    return {arm: fmean(values) for arm, values in times.items() if values}


def _value(process: int, blocks: Sequence[PairBlock]) -> ProcessValue | None:
    """Medians over the blocks that are left; None where there is none with both arms."""
    found = [(logs, math.log(block.loops * 1e9)) for block in blocks if (logs := _logs(block)) is not None]
    if not found:
        return None
    controls = [logs["c"] - logs["a"] for logs, _ in found if "c" in logs]
    return ProcessValue(
        process=process,
        ratio=median(logs["b"] - logs["a"] for logs, _ in found),
        control=median(controls) if controls else None,
        log_a=median(logs["a"] - unit for logs, unit in found),
        log_b=median(logs["b"] - unit for logs, unit in found),
        kept=len(found),
    )


def _lost(process: PairProcess, blocks: Sequence[PairBlock], threads: int) -> str | None:
    """Why a process is void as a whole: told by the engine, or time lost that its samples can't tell of themselves."""
    if process.void is not None:
        return process.void
    if threads == 1 and all(sample.cpu_ns is not None for block in blocks for sample in block.samples):
        return None
    if process.total_ticks and (process.steal_ticks or 0) > STOLEN * process.total_ticks:
        return "the hypervisor took processor time away"
    if process.elapsed_ns and (process.throttled_ns or 0) > THROTTLED * process.elapsed_ns:
        return "the control group's quota held it back"
    return None


def _reduce(cell: Cell, processes: Sequence[PairProcess], blocks: dict[int, list[PairBlock]]) -> Reduction:
    values: list[ProcessValue] = []
    void: list[Void] = []
    dropped: Counter[str] = Counter()
    for process in processes:
        own = sorted(blocks.get(process.process, ()), key=lambda block: block.block)
        if not own and process.void is None:
            continue  # it did not come to this cell
        lost = _lost(process, own, cell.threads)
        if lost is not None:
            void.append(Void(process.process, lost))
            continue
        why = disturbances(own, cell.threads)
        kept = [block for block, reason in zip(own, why, strict=True) if reason is None]
        reasons = Counter(reason for reason in why if reason is not None)
        dropped.update(reasons)
        value = _value(process.process, kept)
        if value is not None and value.kept >= LEAST_KEPT * len(own):
            values.append(value)
        else:
            common = reasons.most_common(1)
            void.append(Void(process.process, common[0][0] if common else "it has no whole block"))
    sampled = sum(len(blocks.get(process.process, ())) for process in processes)
    ranked = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
    return Reduction(cell, tuple(values), tuple(void), sampled, tuple(ranked))


def reduce_cells(record: PairRecord) -> tuple[Reduction, ...]:
    """Each cell's samples come down to a few numbers a process, in the order of the header's cells.

    A process counts once it has ended: blocks of one that was killed are left out, whichever they are.

    Returns
    -------
    tuple of Reduction
        A pure function of the raw samples: the same record gives the same bits.
    """
    cells = record.header.cells
    blocks: dict[int, dict[int, list[PairBlock]]] = defaultdict(lambda: defaultdict(list))
    for block in record.blocks:
        blocks[block.cell][block.process].append(block)
    processes = sorted(record.processes, key=lambda each: each.process)
    return tuple(_reduce(cell, processes, blocks[index]) for index, cell in enumerate(cells))
