"""Whether a record can be true: what no machine does, and what no run of matbench writes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from matbench.analyse.ladder import peaks
from matbench.units import format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matbench.model import Case, Measurement, Record, Samples

__all__ = ["implausible"]

ROOF_MARGIN = 1.05  # clocks differ by a few percent between the moments when roof and point are measured
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
    measured multiply-add ceilings of its dtype and thread count by more than 5 %. int64 has no roof.
    """
    return (
        *_above_roof(record),
        *_times(record),
        *_unplanned(record),
        *_outcomes(record),
        *_cards(record),
        *_counts(record),
        *_dates(record, now),
    )


def _label(case: Case) -> str:
    threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
    kernel = "".join(letter if letter.isprintable() else "?" for letter in case.kernel)
    return f"{kernel} at {case.problem.shape_label} {case.problem.dtype}, {threads}"


def _finding(saying: str, examples: Sequence[str]) -> Iterator[str]:
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
    yield from _finding("Faster than the measured peak of the machine", examples)


def _times(record: Record) -> Iterator[str]:
    """Calls that took no time, and samples that took longer than the whole run."""
    # No call of Python, however empty, takes less than a nanosecond.
    instant = (each for each in record.measurements if any(time < 1 for time in _per_call_ns(each.samples)))
    yield from _finding("A call took no time at all", _labels(instant))
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
    yield from _finding("Measured, but not listed in the plan", _labels(strangers))


def _outcomes(record: Record) -> Iterator[str]:
    skipped = (each for each in record.measurements if each.outcome == "skipped" and len(each.samples))
    yield from _finding("Skipped, yet there are samples", _labels(skipped))
    wrong = (each for each in record.measurements if each.outcome == "measured" and (each.error or 0.0) > 1)
    yield from _finding("The result is wrong beyond its rounding bound, yet counted as measured", _labels(wrong))


def _cards(record: Record) -> Iterator[str]:
    counts = Counter(card.name for card in record.header.kernels)
    yield from _finding("A kernel is described twice", [repr(name) for name, count in counts.items() if count > 1])
    kernels = dict.fromkeys(each.case.kernel for each in record.measurements)
    yield from _finding("A kernel is not described", [repr(name) for name in kernels if name not in counts])


def _counts(record: Record) -> Iterator[str]:
    rounds, cpus = record.header.plan.rounds, record.header.host.logical_cpus
    # A run that was continued, or whose sampling process had to be replaced, samples its last block once more.
    many = (each for each in record.measurements if max(Counter(each.samples.process).values(), default=0) > rounds)
    yield from _finding(f"More samples than the {rounds} that the plan allows", _labels(many))
    wide = (each for each in record.measurements if each.case.threads > cpus and len(each.samples))
    yield from _finding(f"More threads than the machine's {cpus} logical CPUs", _labels(wide))
    total = sum(len(each.samples) for each in record.measurements) + sum(len(each.samples) for each in record.ceilings)
    if total > SAMPLES_LIMIT:
        yield f"There are {total:,} samples, more than any run takes."
    cores = record.header.host.physical_cores
    if cores and cores > cpus:
        yield f"The machine has more cores ({cores}) than logical CPUs ({cpus})."


def _dates(record: Record, now: datetime | None) -> Iterator[str]:
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
