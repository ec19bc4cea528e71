"""Verdicts on paired comparisons: a pure function of the raw samples, the same bits for the same record.

The unit is the process: what happens inside one is not independent. Ratios are the time of B over the time of A, so
that above 1 A is faster; B is the base, and the verdict is about A.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from matbench.analyse.pair_blocks import Reduction, Void, reduce_cells
from matbench.analyse.pair_rules import RELATIVE, Evidence, Word, bounds, decide, half_width, set_aside
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import holm, median_interval, processes_needed, sign_test
from matbench.model import Value
from matbench.pairing import Cell, PairRecord, Settings

__all__ = [
    "Verdict",
    "Word",
    "enough",
    "fastest",
    "fewest_processes",
    "for_table",
    "hopeless",
    "is_narrow",
    "judge",
    "noise_floor",
    "seen_apart",
    "undecided",
    "unfinished",
    "verdicts",
]

DISSENTERS = 1  # processes that may say the opposite, in the first round
TRIED = 6  # processes after which a comparison may be given up


class Verdict(Value, frozen=True):
    """What a comparison came to: one word, why, and the figures that it rests on."""

    cell: Cell
    word: Word  # about A, with B as the base
    reason: str  # one sentence, without its full stop
    ratio: Interval | None = None  # time of B over time of A: above 1, A is faster
    control: Interval | None = None  # time of A' over time of A: what the measurement makes of identical code
    floor: float | None = None  # smallest difference that is claimed, relative
    p_value: float | None = None  # of the sign test, after Holm's correction over the record's comparisons
    seconds_a: Interval | None = None  # time of one call
    seconds_b: Interval | None = None
    processes: int = 0  # used
    void: tuple[Void, ...] = ()
    blocks: int = 0  # sampled
    dropped: tuple[tuple[str, int], ...] = ()  # reason -> blocks


def verdicts(record: PairRecord) -> tuple[Verdict, ...]:
    """The verdict on each cell of the record, in the order of its header.

    Every number is derived from the raw samples and the header's settings.
    """
    reasons = {refusal.cell: refusal.reason for refusal in record.refusals}
    refused = [reasons.get(index) for index in range(len(record.header.cells))]
    return judge(reduce_cells(record), record.header.settings, record.header.floor, refused)


def judge(
    reductions: Sequence[Reduction],
    settings: Settings,
    machine_floor: float | None = None,
    refused: Sequence[str | None] = (),
) -> tuple[Verdict, ...]:
    """Verdicts on comparisons that are shown together, corrected for their number.

    Parameters
    ----------
    reductions
        One a comparison.
    settings
        Confidence, margins and floors.
    machine_floor
        This machine's own spread between identical code, where it is known (see `noise_floor`).
    refused
        For each comparison why it was not measured, None where it was.
    """
    reasons = [*refused, *[None] * (len(reductions) - len(refused))]
    lost = [reason or set_aside(len(each.values), each.void) for each, reason in zip(reductions, reasons, strict=True)]
    chances = [1.0 if why else _chance(each, settings) for each, why in zip(reductions, lost, strict=True)]
    judged = [index for index, why in enumerate(lost) if not why]
    adjusted = dict(zip(judged, holm([chances[index] for index in judged]), strict=True))
    found = []
    for index, (each, why) in enumerate(zip(reductions, lost, strict=True)):
        if why is not None:
            found.append(_invalid(each, why))
            continue
        evidence = Evidence(
            ratio=_interval([value.ratio for value in each.values], settings),
            control=_control(each, settings),
            processes=len(each.values),
            settings=settings,
            p_value=adjusted[index],
            rows=len(judged),
            machine_floor=machine_floor,
        )
        found.append(_verdict(each, evidence))
    return tuple(found)


def _interval(values: Sequence[float], settings: Settings) -> Interval:
    return median_interval(values, settings.confidence)


def _control(reduction: Reduction, settings: Settings) -> Interval | None:
    """A' against A; None unless every process has it."""
    values = [value.control for value in reduction.values if value.control is not None]
    return _interval(values, settings) if len(values) == len(reduction.values) else None


def _chance(reduction: Reduction, settings: Settings) -> float:
    """The sign test's probability that the margin is exceeded by chance; 1 where it is not."""
    ratios = [value.ratio for value in reduction.values]
    estimate, margin = _interval(ratios, settings).estimate, math.log1p(settings.claim)
    return sign_test(ratios, math.copysign(margin, estimate)) if abs(estimate) > margin else 1.0


def _exp(interval: Interval) -> Interval:
    low, high = bounds(interval)
    if not math.isfinite(low):
        return Interval(math.exp(interval.estimate))
    return Interval(math.exp(interval.estimate), math.exp(low), math.exp(high))


def _invalid(reduction: Reduction, reason: str) -> Verdict:
    return Verdict(
        cell=reduction.cell,
        word="INVALID",
        reason=reason,
        processes=len(reduction.values),
        void=reduction.void,
        blocks=reduction.blocks,
        dropped=reduction.dropped,
    )


def _verdict(reduction: Reduction, evidence: Evidence) -> Verdict:
    word, reason = decide(evidence)
    settings = evidence.settings
    return Verdict(
        cell=reduction.cell,
        word=word,
        reason=reason,
        ratio=_exp(evidence.ratio),
        control=None if evidence.control is None else _exp(evidence.control),
        floor=math.expm1(evidence.floor),
        p_value=evidence.p_value,
        seconds_a=_exp(_interval([value.log_a for value in reduction.values], settings)),
        seconds_b=_exp(_interval([value.log_b for value in reduction.values], settings)),
        processes=len(reduction.values),
        void=reduction.void,
        blocks=reduction.blocks,
        dropped=reduction.dropped,
    )


def for_table(settings: Settings, rows: int) -> Settings:
    """The settings with as many processes as it takes to tell a difference in a table of so many rows.

    One process may dissent, as one of the twelve of a single comparison may: each doubling of the rows takes one more.
    """
    needed = processes_needed(rows, settings.confidence, DISSENTERS)
    first = max(settings.processes, needed)
    return msgspec.structs.replace(settings, processes=first, most_processes=max(settings.most_processes, first))


def fewest_processes(settings: Settings, rows: int) -> int:
    """Processes without which no difference can be told in a table of so many rows: all of them have to agree."""
    return min(settings.processes, processes_needed(rows, settings.confidence))


def hopeless(record: PairRecord) -> bool:
    """Whether no further process is worth its time: most of those that were taken had to be set aside.

    What is set aside is decided without a look at the arms, so that to stop for it favours neither.
    """
    refused = {refusal.cell for refusal in record.refusals}
    left = [each for index, each in enumerate(reduce_cells(record)) if index not in refused]
    tried = [(len(each.void), len(each.void) + len(each.values)) for each in left]
    return bool(tried) and all(processes >= TRIED and 2 * void > processes for void, processes in tried)


def enough(record: PairRecord) -> bool:
    """Whether no further process is to be started: every interval is narrow enough, or the processes are used up.

    Width alone decides, never the verdict: who stops when significant finds what is not there. Narrow enough is the
    settings' half-width, or a fiftieth of the difference: a factor of 100 need not be known to half a percent.
    """
    settings = record.header.settings
    if len(record.processes) >= settings.most_processes:
        return True
    refused = {refusal.cell for refusal in record.refusals}
    open_cells = [each for index, each in enumerate(reduce_cells(record)) if index not in refused]
    return all(is_narrow(each, settings) for each in open_cells)


def is_narrow(reduction: Reduction, settings: Settings) -> bool:
    """Whether the intervals of ratio and control are as narrow as `settings` want them."""
    if not reduction.values:
        return False
    ratio, control = _interval([value.ratio for value in reduction.values], settings), _control(reduction, settings)
    wanted = max(settings.half_width, RELATIVE * abs(ratio.estimate))
    return half_width(ratio) <= wanted and (control is None or half_width(control) <= wanted)


def unfinished(record: PairRecord) -> tuple[bool, ...]:
    """For each cell whether more time may say more of it: its first round was cut short, or its interval is too wide.

    Of one whose interval is as narrow as the settings want it the engine takes no more, whatever it says.
    """
    settings = record.header.settings
    is_cut = len(record.processes) < settings.processes
    return tuple(is_cut or not is_narrow(each, settings) for each in reduce_cells(record))


def undecided(record: PairRecord) -> tuple[int, ...]:
    """Indices of the cells that more time may decide: INCONCLUSIVE, in a round cut short or with too wide an interval.

    One whose interval is narrow enough may be INCONCLUSIVE as well: its difference is below the floor, it lies across a
    stated claim, or Holm's correction is in its way. It is left out, since the engine takes no more of it.
    """
    rows = zip(verdicts(record), unfinished(record), strict=True)
    return tuple(index for index, (row, is_open) in enumerate(rows) if is_open and row.word == "INCONCLUSIVE")


def noise_floor(record: PairRecord) -> float | None:
    """The spread that a machine shows between identical code: the largest difference in a series of A/A comparisons.

    It is stored with the machine and handed to `judge`: no smaller difference is claimed there.

    Parameters
    ----------
    record
        As of `seen_apart`.

    Returns
    -------
    float or None
        As a logarithm of a ratio, relative for small values; None where the record has no valid A/A comparison.
    """
    return max(seen_apart(record), default=None)


def seen_apart(record: PairRecord) -> tuple[float, ...]:
    """How far identical code was seen apart, as logarithms of ratios without their sign: of every A/A comparison.

    Parameters
    ----------
    record
        Comparisons of kernels with themselves; other cells are left out, but their controls count.
    """
    found: list[float] = []
    for each in reduce_cells(record):
        if set_aside(len(each.values), each.void) is not None:
            continue
        control = _control(each, record.header.settings)
        found += [] if control is None else [abs(control.estimate)]
        if each.cell.a == each.cell.b:
            found.append(abs(_interval([value.ratio for value in each.values], record.header.settings).estimate))
    return tuple(found)


def fastest(rows: Sequence[Verdict]) -> str | None:
    """The fastest of several arms on one problem: only if it was compared with the runner-up, and is ahead of it.

    Returns
    -------
    str or None
        None where the two best were not compared with each other, or the comparison does not tell them apart.
    """
    times: dict[str, float] = {}
    for row in rows:
        for name, seconds in ((row.cell.a, row.seconds_a), (row.cell.b, row.seconds_b)):
            if seconds is not None:
                times[name] = min(seconds.estimate, times.get(name, math.inf))
    if len(times) < 2:
        return None
    first, second = sorted(times, key=times.__getitem__)[:2]
    ahead = {(first, second, "FASTER"), (second, first, "SLOWER")}
    return first if any((row.cell.a, row.cell.b, row.word) in ahead for row in rows) else None
