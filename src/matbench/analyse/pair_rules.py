"""From the evidence on a comparison to one word and the sentence that says why: rules, the first that applies."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from matbench.analyse.pair_blocks import Void
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import rank_of_bound
from matbench.model import Value
from matbench.pairing import Settings
from matbench.units import format_factor, format_percent

__all__ = ["RELATIVE", "Evidence", "Word", "bounds", "decide", "difference", "half_width", "set_aside", "word_for"]

Word = Literal["FASTER", "SLOWER", "EQUIVALENT", "INCONCLUSIVE", "INVALID"]
Reason = Callable[[], str]  # said where it is asked for: a comparison of many machines wants thousands of words alone
Decision = tuple[Word, Reason]

MOST_VOID = 0.25  # of the processes: beyond, those that are left are not those that were drawn
RELATIVE = 0.02  # of a difference: a width or a bias of that size does not matter to it


class Evidence(Value, frozen=True):
    """What a verdict is made from; intervals are of natural logarithms."""

    ratio: Interval  # time of B over time of A
    control: Interval | None  # time of A' over time of A
    processes: int  # used
    settings: Settings
    p_value: float  # that the margin is exceeded by chance alone, corrected
    rows: int  # comparisons that it was corrected for
    machine_floor: float | None  # this machine's own spread between identical code, where it is known

    @property
    def floor(self) -> float:
        """No smaller difference is claimed, however narrow the interval.

        The largest of: the settings' floor, the spread that this machine has shown between identical code, and how far
        this run's control reaches from none. Significance alone is not enough: identical code differs a little, and
        stably, by where it lies in memory.
        """
        reach = 0.0
        if self.control is not None and self.control.low is not None:
            reach = max(map(abs, bounds(self.control)))
        return max(self.settings.least_floor, self.machine_floor or 0.0, reach)

    @property
    def margin(self) -> float:
        """Logarithm of the ratio that a difference has to exceed; 0 where no claim was stated."""
        return math.log1p(self.settings.claim)


def bounds(interval: Interval) -> tuple[float, float]:
    """Low and high; infinite where there are none."""
    if interval.low is None or interval.high is None:
        return -math.inf, math.inf
    return interval.low, interval.high


def half_width(interval: Interval) -> float:
    """Half the distance between the bounds; infinite without bounds."""
    low, high = bounds(interval)
    return (high - low) / 2


def set_aside(used: int, void: Sequence[Void]) -> str | None:
    """Why a comparison is INVALID for the processes that it lost; None if enough are left.

    Parameters
    ----------
    used
        Processes left.
    void
        Processes lost.
    """
    if used and len(void) <= MOST_VOID * (len(void) + used):
        return None
    if not void:
        return "no process has come to its end"
    [(reason, _)] = Counter(each.reason for each in void).most_common(1)
    return f"{len(void)} of {len(void) + used} processes had to be set aside, mostly because: {reason}"


def decide(evidence: Evidence) -> tuple[Word, str]:
    """One word and its reason, a sentence without its full stop."""
    word, reason = _decision(evidence)
    return word, reason()


def word_for(evidence: Evidence) -> Word:
    """The word alone."""
    return _decision(evidence)[0]


def _decision(evidence: Evidence) -> Decision:
    return next(found for rule in RULES if (found := rule(evidence)) is not None)


def _crooked(evidence: Evidence) -> Decision | None:
    """Identical code differs: whatever does that may do it between A and B as well."""
    control = evidence.control
    if control is None:
        return "INVALID", lambda: "A was not compared with its own clone"
    low, high = bounds(control)
    tolerated = max(evidence.settings.least_floor, RELATIVE * abs(evidence.ratio.estimate))
    if low <= 0 <= high or abs(control.estimate) <= tolerated:
        return None
    estimate = control.estimate
    return "INVALID", lambda: f"A differs from its own clone by {difference(estimate)}: not the code alone is measured"


def _too_few(evidence: Evidence) -> Decision | None:
    if evidence.ratio.low is not None:
        return None

    def reason() -> str:
        confidence = evidence.settings.confidence
        needed = next(count for count in range(1, 10_000) if rank_of_bound(count, confidence))
        level = format_percent(confidence)
        return f"{evidence.processes} processes are too few for an interval of {level}: it takes {needed}"

    return "INCONCLUSIVE", reason


def _different(evidence: Evidence) -> Decision | None:
    """The interval excludes everything up to the margin, and the difference exceeds it by more than the floor."""
    (low, high), estimate = bounds(evidence.ratio), evidence.ratio.estimate
    if low <= evidence.margin and high >= -evidence.margin:
        return None
    if abs(estimate) - evidence.margin <= evidence.floor:
        return None
    if evidence.p_value > 1 - evidence.settings.confidence:
        return (
            "INCONCLUSIVE",
            lambda: f"among {evidence.rows} comparisons one may look like this by chance: take more processes",
        )
    word: Word = "FASTER" if estimate > 0 else "SLOWER"

    def reason() -> str:
        over = f"the margin of {difference(evidence.margin)} and " if evidence.margin else ""
        shown = difference(evidence.floor)
        return f"A is {word.lower()} by {difference(estimate)}: beyond {over}the {shown} that identical code may show"

    return word, reason


def _equal(evidence: Evidence) -> Decision | None:
    within = max(evidence.margin, evidence.settings.equivalence)
    low, high = bounds(evidence.ratio)
    if max(-low, high) > within:
        return None
    return "EQUIVALENT", lambda: f"the whole interval lies within {difference(within)} of equal"


def _open(evidence: Evidence) -> Decision:
    def reason() -> str:
        low, high = bounds(evidence.ratio)
        if low > evidence.margin or high < -evidence.margin:
            over = " over the margin" if evidence.margin else ""
            shown, estimate = difference(evidence.floor), difference(abs(evidence.ratio.estimate) - evidence.margin)
            return f"the difference of {estimate}{over} is no more than the {shown} that identical code may show"
        width = difference(half_width(evidence.ratio))
        return f"the interval of ±{width} leaves open whether there is a difference that matters"

    return "INCONCLUSIVE", reason


RULES = (_crooked, _too_few, _different, _equal, _open)


def difference(logarithm: float) -> str:
    """A logarithm of a ratio as people say it: percent up to a factor of 2.

    Examples
    --------
    >>> difference(0.00499), difference(-0.02), difference(4.6)
    ('0.50 %', '2.0 %', '99.5×')
    """
    size = abs(logarithm)
    return format_percent(math.expm1(size)) if size < math.log(2) else format_factor(math.exp(size))
