"""Lines of one case, or of one ceiling, joined to one value."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from matbench.model import Case, Ceiling, Measurement, Samples

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

__all__ = ["merge_ceilings", "merge_measurements"]


def merge_measurements(values: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """One measurement a case, in order of first appearance, the samples joined in the order given.

    A ``wrong`` line decides the outcome, else an ``ended`` one, else one that was ``measured``; it brings its own
    reason and error. Every other field is kept from the first line that has it.
    """
    every = tuple(values)
    if len({value.case for value in every}) == len(every):  # as in every run that has ended
        return every
    parts: dict[Case, list[Measurement]] = {}
    for value in every:
        parts.setdefault(value.case, []).append(value)
    return tuple(_merged_case(same) for same in parts.values())


def _merged_case(parts: Sequence[Measurement]) -> Measurement:
    """The one measurement that `parts` of the same case amount to."""
    if len(parts) == 1:
        return parts[0]
    ranks = ("wrong", "ended", "measured")  # a case that was skipped at first may be measured when a run goes on
    telling = [part for part in parts if part.outcome != "measured" or len(part.samples)]
    verdict = next((part for kind in ranks for part in telling if part.outcome == kind), parts[0])
    candidates = (verdict, *parts)
    return Measurement(
        case=verdict.case,
        outcome=verdict.outcome,
        reason=verdict.reason
        if verdict.outcome == "measured"
        else next((part.reason for part in candidates if part.reason is not None), None),
        samples=_joined([part.samples for part in parts]),
        first_call_ns=next((part.first_call_ns for part in parts if part.first_call_ns is not None), None),
        error=next((part.error for part in candidates if part.error is not None), None),
        bytes_allowed=next((part.bytes_allowed for part in candidates if part.bytes_allowed is not None), None),
        machine_code=next((part.machine_code for part in parts if part.machine_code is not None), None),
    )


def merge_ceilings(values: Iterable[Ceiling]) -> tuple[Ceiling, ...]:
    """One ceiling a kind, dtype, lanes, threads, fused, work and problem, in order of first appearance, samples joined.

    `work` counts as well: times of loops of different size can't be joined.
    """
    parts: dict[Hashable, list[Ceiling]] = {}
    for value in values:
        key = (value.kind, value.dtype, value.lanes, value.threads, value.fused, value.work, value.problem)
        parts.setdefault(key, []).append(value)
    return tuple(
        msgspec.structs.replace(
            same[0],
            samples=_joined([part.samples for part in same]),
            reason=next((part.reason for part in same if part.reason is not None), None),
        )
        for same in parts.values()
    )


def _joined(parts: Sequence[Samples]) -> Samples:
    """All samples of `parts`, in order, in time that grows only with their number."""
    return Samples(
        loops=tuple(chain.from_iterable(part.loops for part in parts)),
        elapsed_ns=tuple(chain.from_iterable(part.elapsed_ns for part in parts)),
        process=tuple(chain.from_iterable(part.process for part in parts)),
        round=tuple(chain.from_iterable(part.round for part in parts)),
    )
