"""Whether a record can be true: what no machine does, and what no run of matbench writes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from matbench.analyse.ladder import bandwidths, fastest, peaks
from matbench.analyse.roofline import roofs_of
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matbench.model import Case, Measurement, Record, Samples
    from matbench.pairing import PairRecord

__all__ = ["dates", "finding", "implausible"]

ROOF_MARGIN = 1.05  # clocks differ by a few percent between the moments when roof and point are measured
MEMORY_TIMES = 4  # the last cache, as STREAM has it: operands that large can't lie in it from call to call
MEMORY_MARGIN = 1.5  # a quarter of them may, after all, and a copy may do without fetching what it writes over
LEVEL_MARGIN = 1.5  # levels are measured one after the other, on a machine that may be shared
CLOCK_SKEW = timedelta(hours=1)  # by which the clocks of two machines may disagree
TIME_MARGIN = 1.1  # over the duration of the run, for clocks that were set meanwhile
SAMPLES_LIMIT = 10_000_000
_SHOWN = 3  # cases that a finding names


def implausible(record: Record, now: datetime | None = None) -> tuple[str, ...]:
    """What can't be true of `record`, a sentence each; empty if all is plausible.

    Parameters
    ----------
    record
        One run, complete or not.
    now
        Time of day, with a time zone; without it no record counts as being of the future.

    Notes
    -----
    A point is above the roof if its rate, 2 m n k over the median time of a call, exceeds the best sample of the
    measured multiply-add ceilings of its dtype and thread count by more than 5 %. int64 has no roof. Operations that
    are told in bytes have a second one, the faster of the measured streams at their thread count, where their operands
    take four times the last cache: they may exceed it by half. On one thread, no cache is slower than what
    feeds it by more than that.
    """
    return (
        *_above_roof(record),
        *_above_memory(record),
        *_levels_reversed(record),
        *_times(record),
        *_unplanned(record),
        *_outcomes(record),
        *_cards(record),
        *_counts(record),
        *dates(record, now),
    )


def _label(case: Case) -> str:
    threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
    kernel = "".join(letter if letter.isprintable() else "?" for letter in case.kernel)
    return f"{kernel} at {case.problem.shape_label} {case.problem.dtype}, {threads}"


def finding(saying: str, examples: Sequence[str]) -> Iterator[str]:
    """One sentence for all `examples` of the same fault, naming the first few; none without any."""
    if examples:
        more = f" and {len(examples) - _SHOWN} more" if len(examples) > _SHOWN else ""
        yield f"{saying}: {'; '.join(examples[:_SHOWN])}{more}."


def _labels(measurements: Iterator[Measurement]) -> list[str]:
    return [_label(measurement.case) for measurement in measurements]


def _per_call_ns(samples: Samples) -> list[float]:
    return [elapsed / loops for loops, elapsed in zip(samples.loops, samples.elapsed_ns, strict=True)]


def _above_roof(record: Record) -> Iterator[str]:
    roofs = peaks(record.ceilings)
    examples = []
    for measurement in record.measurements:
        case = measurement.case
        peak = roofs.get(f"{case.problem.dtype}/{case.threads}")
        roof = peak.estimate if peak is not None and case.problem.dtype != "int64" else 0.0
        time = median(_per_call_ns(measurement.samples) or [0.0])
        if roof and time > 0 and case.problem.flops / time * 1e9 > ROOF_MARGIN * roof:
            rate = format_rate(case.problem.flops / time * 1e9)
            examples.append(f"{_label(case)}: {rate} over {format_rate(roof)} GFLOP/s")
    yield from finding("Faster than the measured peak of the machine", examples)


def _above_memory(record: Record) -> Iterator[str]:
    streams, cache = bandwidths(record.ceilings), record.header.host.caches.last
    views = {card.name for card in record.header.kernels if card.view}
    examples = []
    for measurement in record.measurements:
        case, problem = measurement.case, measurement.case.problem
        bandwidth = fastest(streams, case.threads)
        is_moving = problem.definition.told == "byte/s" and case.kernel not in views
        if not is_moving or not cache or not bandwidth or problem.operand_bytes < MEMORY_TIMES * cache:
            continue
        time = median(_per_call_ns(measurement.samples) or [0.0])
        if time > 0 and problem.operand_bytes / time * 1e9 > MEMORY_MARGIN * bandwidth:
            rate = format_rate(problem.operand_bytes / time * 1e9)
            examples.append(f"{_label(case)}: {rate} over {format_rate(bandwidth)} GB/s")
    yield from finding("Faster than the measured memory of the machine", examples)


def _levels_reversed(record: Record) -> Iterator[str]:
    """A cache that is slower on one thread than what feeds it was not measured, but something else.

    Several threads have to wait for each other where other programs run: of theirs, the best sample says little.
    """
    found = roofs_of(bandwidths(record.ceilings), 1)
    wrong = [(near, far) for near, far in pairwise(found) if near.bandwidth * LEVEL_MARGIN < far.bandwidth]
    rates = ((n.level, format_rate(n.bandwidth), f.level, format_rate(f.bandwidth)) for n, f in wrong)
    examples = [f"{near} {slow} GB/s, {far} {fast} GB/s" for near, slow, far, fast in rates]
    yield from finding("A level of the memory is slower than the one behind it", examples)


def _times(record: Record) -> Iterator[str]:
    """Calls that took no time, and samples that took longer than the whole run."""
    # No call of Python, however empty, takes less than a nanosecond.
    instant = (each for each in record.measurements if any(time < 1 for time in _per_call_ns(each.samples)))
    yield from finding("A call took no time at all", _labels(instant))
    begun = _moment(record.header.created)
    finished = _moment(record.end.finished) if record.end else None
    if begun and finished and finished >= begun:
        wall_s = (finished - begun).total_seconds()
        samples_s = sum(sum(each.samples.elapsed_ns) for each in record.measurements) / 1e9
        if samples_s > TIME_MARGIN * wall_s + 60:
            yield f"The samples took {samples_s:.0f} s altogether, but the run only {wall_s:.0f} s."


def _unplanned(record: Record) -> Iterator[str]:
    planned = {(block.problem, arm) for block in record.header.plan.blocks for arm in block.arms}
    strangers = (
        each
        for each in record.measurements
        if len(each.samples) and (each.case.problem, (each.case.kernel, each.case.threads)) not in planned
    )
    yield from finding("Measured, but not listed in the plan", _labels(strangers))


def _outcomes(record: Record) -> Iterator[str]:
    skipped = (each for each in record.measurements if each.outcome == "skipped" and len(each.samples))
    yield from finding("Skipped, yet there are samples", _labels(skipped))
    wrong = (each for each in record.measurements if each.outcome == "measured" and (each.error or 0.0) > 1)
    yield from finding("The result is wrong beyond its rounding bound, yet counted as measured", _labels(wrong))


def _cards(record: Record) -> Iterator[str]:
    counts = Counter(card.name for card in record.header.kernels)
    yield from finding("A kernel is described twice", [repr(name) for name, count in counts.items() if count > 1])
    kernels = dict.fromkeys(each.case.kernel for each in record.measurements)
    yield from finding("A kernel is not described", [repr(name) for name in kernels if name not in counts])


def _counts(record: Record) -> Iterator[str]:
    rounds, cpus = record.header.plan.rounds, record.header.host.logical_cpus
    # A run that was continued, or whose sampling process had to be replaced, samples its last block once more.
    many = (each for each in record.measurements if max(Counter(each.samples.process).values(), default=0) > rounds)
    yield from finding(f"More samples than the {rounds} that the plan allows", _labels(many))
    wide = (each for each in record.measurements if each.case.threads > cpus and len(each.samples))
    yield from finding(f"More threads than the machine's {cpus} logical CPUs", _labels(wide))
    total = sum(len(each.samples) for each in record.measurements) + sum(len(each.samples) for each in record.ceilings)
    if total > SAMPLES_LIMIT:
        yield f"There are {total:,} samples, more than any run takes."
    cores = record.header.host.physical_cores
    if cores and cores > cpus:
        yield f"The machine has more cores ({cores}) than logical CPUs ({cpus})."


def dates(record: Record | PairRecord, now: datetime | None) -> Iterator[str]:
    """What is wrong with the times of day at which a record was begun and ended."""
    begun = _moment(record.header.created)
    if begun is None:
        yield f"{_quoted(record.header.created)} is no date and time."
    elif now and begun > now + CLOCK_SKEW:
        yield f"The record was made in the future, {_quoted(record.header.created)}."
    if record.end is None:
        return
    finished = _moment(record.end.finished)
    if finished is None:
        yield f"{_quoted(record.end.finished)} is no date and time."
    elif begun and finished < begun:
        ended = _quoted(record.end.finished)
        yield f"The record ended, {ended}, before it began, {_quoted(record.header.created)}."


def _quoted(text: str) -> str:
    return repr(text[:40])


def _moment(text: str) -> datetime | None:
    """The moment that an ISO 8601 text names, UTC where it names no zone; None if it names none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
