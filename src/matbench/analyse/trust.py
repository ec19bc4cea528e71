"""How often verdicts are right where the truth is known: false alarms, power, coverage, with their upper bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean

from matbench.analyse.pair_rules import bounds
from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import upper_bound
from matbench.model import Value

__all__ = ["SAME", "Tally", "tally"]

SAME = 1.0  # ratio of identical code


class Tally(Value, frozen=True):
    """Counts of comparisons whose true ratio is known."""

    truth: float  # time of B over time of A
    comparisons: int
    faster: int = 0
    slower: int = 0
    equivalent: int = 0
    inconclusive: int = 0
    invalid: int = 0
    intervals: int = 0  # comparisons that have one and are not INVALID
    covered: int = 0  # of these, intervals that hold the truth
    width: float | None = None  # mean half-width of these intervals, as a difference of logarithms
    processes: float | None = None  # mean number used by them
    largest: float | None = None  # largest distance of an estimate from the truth, as a difference of logarithms

    @property
    def decided(self) -> int:
        """Comparisons that ended in a word on the difference: FASTER, SLOWER or EQUIVALENT."""
        return self.faster + self.slower + self.equivalent

    @property
    def claims(self) -> int:
        """Comparisons that ended in FASTER or SLOWER."""
        return self.faster + self.slower

    @property
    def found(self) -> int:
        """Differences told with the right sign; 0 where there is none."""
        if self.truth == SAME:
            return 0
        return self.faster if self.truth > SAME else self.slower

    @property
    def wrong(self) -> int:
        """False alarms, or differences told with the wrong sign."""
        return self.claims - self.found

    @property
    def wrong_at_most(self) -> float:
        """Upper 95 % confidence bound of the rate of wrong words."""
        return upper_bound(self.wrong, self.comparisons)

    @property
    def covered_at_least(self) -> float:
        """Lower 95 % confidence bound of the share of intervals that hold the truth."""
        return 1 - upper_bound(self.intervals - self.covered, self.intervals) if self.intervals else 0.0


def tally(verdicts: Iterable[Verdict], truth: float = SAME) -> Tally:
    """Counts of the words and of the intervals that hold `truth`, the time of B over the time of A.

    Intervals of INVALID comparisons are not counted: nothing is said by them.
    """
    rows = list(verdicts)
    words = [row.word for row in rows]
    shown: list[tuple[Verdict, Interval]] = [
        (row, row.ratio)
        for row in rows
        if row.word != "INVALID" and row.ratio is not None and row.ratio.low is not None
    ]
    edges = [bounds(ratio) for _, ratio in shown]
    return Tally(
        truth=truth,
        comparisons=len(rows),
        faster=words.count("FASTER"),
        slower=words.count("SLOWER"),
        equivalent=words.count("EQUIVALENT"),
        inconclusive=words.count("INCONCLUSIVE"),
        invalid=words.count("INVALID"),
        intervals=len(shown),
        covered=sum(low <= truth <= high for low, high in edges),
        width=fmean(math.log(high / low) / 2 for low, high in edges) if shown else None,
        processes=fmean(row.processes for row, _ in shown) if shown else None,
        largest=max((abs(math.log(ratio.estimate / truth)) for _, ratio in shown), default=None),
    )
