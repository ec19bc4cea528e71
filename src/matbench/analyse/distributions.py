"""How the samples of each case lie around their median: what stands behind an interval."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from matbench.analyse.statistics import call_interval, call_seconds

if TYPE_CHECKING:
    from matbench.analyse.rows import Interval
    from matbench.model import Case, Problem, Record

__all__ = ["Spread", "spreads"]

LATE = 1.5  # times the median: a sample that took longer was interrupted rather than slow


class Spread(NamedTuple):
    """The samples of one case in the order they were taken."""

    case: Case
    seconds: tuple[float, ...]  # time of one call in each sample, s
    process: tuple[int, ...]  # index of the sampling process of each
    median: Interval  # s, with its interval where there are enough processes, or rounds of one
    quartiles: tuple[float, float]  # lower and upper, s

    @property
    def late(self) -> int:
        """How many samples took more than 1.5 times the median."""
        return sum(each > LATE * self.median.estimate for each in self.seconds)

    @property
    def width(self) -> float:
        """The distance of the quartiles over the median: 0.01 if half of the samples lie within one percent."""
        low, high = self.quartiles
        return (high - low) / self.median.estimate

    @property
    def drift(self) -> float | None:
        """The largest median of a process over the smallest; None with a single process."""
        groups: dict[int, list[float]] = {}
        for process, each in zip(self.process, self.seconds, strict=True):
            groups.setdefault(process, []).append(each)
        medians = [statistics.median(group) for group in groups.values()]
        return max(medians) / min(medians) if len(medians) > 1 else None


def spreads(record: Record, problem: Problem) -> tuple[Spread, ...]:
    """The samples of all cases that were measured at a problem, in the order of the ladder; its seed is all one."""
    places = {card.name: place for place, card in enumerate(record.header.kernels)}
    found = []
    for each in record.measurements:
        if (
            replace(each.case.problem, seed=0) == replace(problem, seed=0)
            and len(each.samples)
            and each.outcome != "wrong"
        ):
            seconds = call_seconds(each.samples)
            middle = call_interval(each.samples)
            found.append(Spread(each.case, seconds, each.samples.process, middle, _quartiles(seconds)))
    return tuple(sorted(found, key=lambda one: (places.get(one.case.kernel, len(places)), one.case.threads)))


def _quartiles(seconds: tuple[float, ...]) -> tuple[float, float]:
    if len(seconds) == 1:
        return seconds[0], seconds[0]
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, high
