"""Whether code has become slower, or holds what was claimed of it, by the statistics of every comparison.

A gate is one-sided: only being slower than demanded is of interest. It fails where the whole interval, the floor and
Holm's correction agree that the demand is missed by more than the margin; it passes where the whole interval is within
the margin or better. With a demand of equality, FASTER and EQUIVALENT pass and SLOWER fails, from a margin of 1 % on:
below it, the floor or what counts as equal may be wider than the margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Literal

from matbench.analyse.pair_blocks import Reduction, reduce_cells
from matbench.analyse.pair_rules import bounds, difference
from matbench.analyse.pairs import Verdict, unfinished, verdicts
from matbench.analyse.statistics import holm, sign_test
from matbench.model import Value
from matbench.pairing import PairRecord, Refusal, Settings
from matbench.units import format_factor, format_percent

__all__ = ["Outcome", "Ruling", "doubtful", "rulings"]

Outcome = Literal["pass", "fail", "doubt", "none"]  # 'none': it could not be compared


class Ruling(Value, frozen=True):
    """What a gate makes of one comparison."""

    verdict: Verdict
    factor: float  # time of B over time of A that is demanded at least
    margin: float  # by which it may be missed, relative
    outcome: Outcome
    reason: str  # one sentence, without its full stop


def rulings(record: PairRecord, factors: Sequence[float], margin: float, *, stated: bool = True) -> tuple[Ruling, ...]:
    """What a gate makes of each comparison of a record.

    Parameters
    ----------
    record
        What was measured.
    factors
        For each of its cells, time of B over time of A that is demanded at least: 1 against a baseline.
    margin
        By which a demand may be missed, relative: 0.05 lets pass what is 5 % slower.
    stated
        Whether that margin was asked for: one that was not is no part of a demand that states a factor.
    """
    settings = record.header.settings
    margins = [margin if stated or factor == 1 else 0.0 for factor in factors]
    demands = [math.log(factor) - math.log1p(each) for factor, each in zip(factors, margins, strict=True)]
    rows = list(zip(verdicts(record), reduce_cells(record), demands, strict=True))
    judged = [index for index, (verdict, _, _) in enumerate(rows) if verdict.ratio is not None]
    chances = holm([_chance(rows[index][1], rows[index][2]) for index in judged])
    sure = {index for index, chance in zip(judged, chances, strict=True) if chance <= 1 - settings.confidence}
    refused = {each.cell: _refused(each) for each in record.refusals}
    found = []
    for index, (verdict, _, demand) in enumerate(rows):
        outcome = refused.get(index) or _outcome(verdict, demand, sure=index in sure)
        reason = _reason(verdict, outcome, factors[index], margins[index], settings)
        found.append(Ruling(verdict, factors[index], margins[index], outcome, reason))
    return tuple(found)


def doubtful(record: PairRecord, factors: Sequence[float], margin: float, *, stated: bool = True) -> tuple[int, ...]:
    """Indices of the cells that more time may decide: in doubt, in a round cut short or with too wide an interval.

    A gate may pass what leaves its verdict open, and doubt what its verdict decides: see `undecided` for verdicts.

    Parameters
    ----------
    record, factors, margin, stated
        As of `rulings`.
    """
    rows = zip(rulings(record, factors, margin, stated=stated), unfinished(record), strict=True)
    return tuple(
        index
        for index, (row, is_open) in enumerate(rows)
        if is_open and row.outcome == "doubt" and row.verdict.word != "INVALID"
    )


def _refused(refusal: Refusal) -> Outcome:
    """A wrong result fails whatever its speed; that of the other arm says nothing about the one that is checked."""
    return "fail" if refusal.outcome == "wrong" and refusal.arm != "b" else "none"


def _chance(reduction: Reduction, demand: float) -> float:
    """The probability that so many processes miss the demand if their median meets it; 1 where their median does."""
    ratios = [value.ratio for value in reduction.values]
    return sign_test(ratios, demand) if median(ratios) < demand else 1.0


def _outcome(verdict: Verdict, demand: float, *, sure: bool) -> Outcome:
    if verdict.word == "INVALID" or verdict.ratio is None or verdict.ratio.low is None or verdict.ratio.high is None:
        return "doubt"
    low, high = math.log(verdict.ratio.low), math.log(verdict.ratio.high)
    if low >= demand:
        return "pass"
    misses = demand - math.log(verdict.ratio.estimate) > math.log1p(verdict.floor or 0.0)
    return "fail" if high < demand and misses and sure else "doubt"


def _reason(verdict: Verdict, outcome: Outcome, factor: float, margin: float, settings: Settings) -> str:
    if verdict.ratio is None or verdict.word == "INVALID":
        return verdict.reason
    estimate = math.log(verdict.ratio.estimate)
    seen = _seen(estimate)
    asked = "no slower than B" if factor == 1 else f"at least {_factor(factor)} as fast"
    within = f" within the margin of {format_percent(margin)}" if margin else ""
    if outcome == "pass":
        return f"A is {seen}, and {asked} was demanded{within}"
    if outcome == "fail":
        missed = difference(math.log(factor) - estimate)
        beyond = f", beyond the margin of {format_percent(margin)}" if margin else ""
        over = f"it takes {missed} longer than that{beyond}"
        return f"A is {seen}, and {asked} was demanded: {over}"
    low, high = bounds(verdict.ratio)
    if not math.isfinite(low):
        return verdict.reason
    level = format_percent(settings.confidence)
    shown = f"between {_factor(low)} and {_factor(high)}"
    return f"B takes {shown} the time of A (confidence {level}), which leaves open whether {asked}{within}"


def _seen(estimate: float) -> str:
    if abs(estimate) >= math.log(2):
        return f"{format_factor(math.exp(abs(estimate)))} {'faster' if estimate > 0 else 'slower'}"
    return f"{difference(estimate)} {'faster' if estimate >= 0 else 'slower'}"


def _factor(value: float) -> str:
    return f"{value:.3f}×" if value < 10 else format_factor(value)
