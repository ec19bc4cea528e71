"""The cases of a record as the values that asv keeps of a benchmark with parameters; pure functions."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from typing import TYPE_CHECKING

from matbench.model import DTYPES
from matbench.operations import PRODUCT
from matbench.record.asv_format import FURTHER, RATED, TIMED
from matbench.record.exchange import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matbench.model import Case, Measurement, Record, Samples

__all__ = [
    "MARKUP",
    "MOST_CASES",
    "Axes",
    "Key",
    "axes_of",
    "call_seconds",
    "cells_of",
    "count_cases",
    "exact",
    "has_time",
    "result_of",
    "union",
    "usual_loops",
]

MOST_CASES = 1_000_000  # combinations of a benchmark's parameters; asv goes through all of them
MARKUP = re.compile(r"[<>&\"'`\\]")  # asv's pages show what they are given as HTML

Key = tuple[str, ...]  # the parameters of a case, as asv writes them
Axes = list[list[str]]  # the values of each parameter


def count_cases(count: int) -> str:
    """``1 case`` or ``3 cases``."""
    return "1 case" if count == 1 else f"{count} cases"


def cells_of(record: Record) -> tuple[dict[str, dict[Key, Measurement]], tuple[str, ...]]:
    """What asv has a place for, by benchmark and its parameters there; and how much of what kind it has none for."""
    cells: dict[str, dict[Key, Measurement]] = {}
    left_out: Counter[str] = Counter()
    strangers = {card.name for card in record.header.kernels if card.origin == FOREIGN}
    for each in record.measurements:
        problem = each.case.problem
        key = (repr(each.case.kernel), str(problem.n), repr(problem.dtype), str(each.case.threads))
        reason = _no_place(each.case, strangers)
        name = TIMED if problem.operation == PRODUCT else f"{FURTHER}{problem.operation}"
        if reason is None and key not in cells.get(name, {}):
            cells.setdefault(name, {})[key] = each
        else:
            left_out[reason or "with further operands"] += 1
    return cells, tuple(f"{count_cases(count)} {reason}" for reason, count in left_out.items())


def _no_place(case: Case, strangers: Collection[str]) -> str | None:
    """Of what kind a case is that asv's benchmark does not have."""
    if case.kernel in strangers:
        return "of another project's benchmarks"
    if not case.problem.is_square:
        return "of rectangular problems"
    if case.problem.layout != "C":
        return "in Fortran order"
    if not case.kernel.isprintable() or MARKUP.search(case.kernel):
        return "of kernels whose name a web page would take for markup"
    return None


def axes_of(cells: Mapping[Key, Measurement], record: Record) -> Axes:
    """The values of each parameter: kernels in ladder order, all others ascending."""
    found = [set(values) for values in zip(*cells, strict=True)]
    ladder = [repr(card.name) for card in record.header.kernels]
    kernels, types = sorted(found[0]), [repr(dtype) for dtype in DTYPES]
    return [
        [*(name for name in dict.fromkeys(ladder) if name in found[0]), *(k for k in kernels if k not in ladder)],
        sorted(found[1], key=int),
        [name for name in types if name in found[2]],
        sorted(found[3], key=int),
    ]


def union(there: Sequence[Sequence[str]], more: Axes) -> Axes:
    """The values of both, numbers ascending; `more` where `there` is not of the same parameters."""
    if len(there) != len(more):
        return more
    every = [list(dict.fromkeys([*old, *new])) for old, new in zip(there, more, strict=True)]
    made = [sorted(values, key=int) if all(each.isdecimal() for each in values) else values for values in every]
    if math.prod(map(len, made)) > MOST_CASES:
        raise ValueError(f"more than {MOST_CASES:,} combinations of parameters")
    return made


def result_of(name: str, each: Measurement | None) -> float | None:
    """A time or a rate; None where the case failed, NaN where it was skipped, as asv has it."""
    if each is None or (not has_time(each) and each.outcome in {"measured", "skipped"}):
        return math.nan
    if not has_time(each):
        return None
    seconds = statistics.median(call_seconds(each.samples))
    return float(f"{each.case.problem.flops / seconds * 1e-9:.4g}") if name == RATED else seconds


def has_time(each: Measurement) -> bool:
    """Whether a case was timed and found right."""
    return len(each.samples) > 0 and each.outcome != "wrong"


def call_seconds(samples: Samples) -> list[float]:
    """Time of one call in each sample, s: exact to the nanosecond of the whole sample up to 13 days of it."""
    return [elapsed / 1e9 / loops for elapsed, loops in zip(samples.elapsed_ns, samples.loops, strict=True)]


def usual_loops(samples: Samples) -> int:
    """The loop count of most samples: asv has one a case."""
    return statistics.mode(samples.loops)


def exact(samples: Samples) -> dict[str, list[int]]:
    """What asv has no place for, by the names of `EXACT` without their prefix."""
    return {
        "loops": list(samples.loops),
        "process": list(samples.process),
        "round": list(samples.round),
    }
