"""Whether comparisons can be true: what no machine does, and what no `matbench pair` writes."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from matbench.analyse.plausible import dates, finding
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from matbench.analyse.rows import Interval
    from matbench.pairing import Cell, PairRecord

__all__ = ["implausible_pairs"]

# Over a peak that another run measured: the processor's clock may have been a quarter slower then.
ROOF_MARGIN = 1.25
TIME_MARGIN = 1.1  # over the time that a process took, for clocks that were set meanwhile
SAMPLES_LIMIT = 10_000_000


def implausible_pairs(
    record: PairRecord, peaks: Mapping[str, Interval] | None = None, now: datetime | None = None
) -> tuple[str, ...]:
    """What can't be true of comparisons, a sentence each; empty if all is plausible.

    Parameters
    ----------
    record
        The comparisons, complete or not.
    peaks
        Measured peaks of the same machine, flop/s, by ``'<dtype>/<threads>'``, where a run of it is known:
        comparisons measure none of their own.
    now
        Time of day, with a time zone; without it nothing counts as being of the future.
    """
    return (
        *_above_roof(record, peaks or {}),
        *_times(record),
        *_wrong(record),
        *_counts(record),
        *dates(record, now),
    )


def _label(cell: Cell, arm: str) -> str:
    name = cell.b if arm == "b" else cell.a
    kernel = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"{kernel} at {cell.problem.shape_label} {cell.problem.dtype}"


def _calls(record: PairRecord) -> dict[tuple[int, str], list[float]]:
    """The times of one call, ns, by cell and arm."""
    found: dict[tuple[int, str], list[float]] = {}
    for block in record.blocks:
        for sample in block.samples:
            found.setdefault((block.cell, sample.arm), []).append(sample.elapsed_ns / block.loops)
    return found


def _above_roof(record: PairRecord, peaks: Mapping[str, Interval]) -> Iterator[str]:
    examples = []
    for (place, arm), times in _calls(record).items():
        cell = record.header.cells[place]
        peak = peaks.get(f"{cell.problem.dtype}/{cell.threads}")
        rate = cell.problem.flops / median(times) * 1e9
        if peak is not None and cell.problem.dtype != "int64" and rate > ROOF_MARGIN * peak.estimate:
            examples.append(f"{_label(cell, arm)}: {format_rate(rate)} over {format_rate(peak.estimate)} GFLOP/s")
    yield from finding("Faster than the measured peak of the machine", examples)


def _times(record: PairRecord) -> Iterator[str]:
    """Calls that took no time, and samples that took longer than their process."""
    cells = record.header.cells
    # No call of Python, however empty, takes less than a nanosecond.
    instant = [_label(cells[place], arm) for (place, arm), times in _calls(record).items() if min(times) < 1]
    yield from finding("A call took no time at all", instant)
    spent: Counter[int] = Counter()
    for block in record.blocks:
        spent[block.process] += sum(sample.elapsed_ns for sample in block.samples)
    longer = [
        f"{spent[each.process] / 1e9:.0f} s of {each.elapsed_ns / 1e9:.0f} s in process {each.process}"
        for each in record.processes
        if each.elapsed_ns and spent[each.process] > TIME_MARGIN * each.elapsed_ns + 1e9
    ]
    yield from finding("The samples took longer than their process", longer)


def _wrong(record: PairRecord) -> Iterator[str]:
    refused = {each.cell for each in record.refusals if each.outcome == "wrong"}
    cells = record.header.cells
    examples = dict.fromkeys(
        _label(cells[place], arm)
        for each in record.processes
        for place, arm, error in each.errors
        if error > 1 and place < len(cells) and place not in refused and each.void is None
    )
    yield from finding("The result is wrong beyond its rounding bound, yet counted", list(examples))


def _counts(record: PairRecord) -> Iterator[str]:
    blocks = Counter((each.cell, each.process, each.block) for each in record.blocks)
    twice = [
        f"{block} of comparison {cell} in process {process}" for (cell, process, block), n in blocks.items() if n > 1
    ]
    yield from finding("A block is there twice", twice)
    processes = Counter(each.process for each in record.processes)
    yield from finding("A process is there twice", [str(process) for process, n in processes.items() if n > 1])
    cpus = record.header.host.logical_cpus
    wide = [_label(cell, "a") for cell in record.header.cells if cell.threads > cpus]
    yield from finding(f"More threads than the machine's {cpus} logical CPUs", wide)
    total = sum(len(each.samples) for each in record.blocks)
    if total > SAMPLES_LIMIT:
        yield f"There are {total:,} samples, more than any comparison takes."
