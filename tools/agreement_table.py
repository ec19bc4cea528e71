"""Whether runners that measured the same cells agree: the values they leave, the ratios, the verdicts, the table.

A sitting is a number of rounds; in each round every runner measures every cell in a process of its own, and what they
measured within a minute of each other is compared: the machine's moods are those of minutes.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import field

from matbench.analyse.rows import Interval
from matbench.analyse.statistics import call_seconds, median_interval
from matbench.model import Case, Environment, Host, Samples, Value
from matbench.present.tables import render_markdown
from matbench.units import format_seconds

__all__ = [
    "RUNNERS",
    "Cell",
    "Compared",
    "Sitting",
    "Turn",
    "cells",
    "limit",
    "summary",
    "to_markdown",
    "verdict",
    "within",
]

RUNNERS = ("matbench run", "asv", "pytest-benchmark")
PAIRS = tuple(itertools.combinations(RUNNERS, 2))
SHORT_S = 10e-6  # s, up to here what a runner adds to a call shows
SHORT_LIMIT, LIMIT = 0.30, 0.15  # largest disagreement of cells up to that, and of longer ones
VERDICTS = ("agree", "differ", "undecided")

Times: TypeAlias = dict[str, dict[int, tuple[float, ...]]]  # runner -> round -> time of one call in each sample, s


class Turn(Value, frozen=True):
    """What one runner measured of one cell in one round."""

    round: int
    runner: str
    case: Case
    samples: Samples


class Sitting(Value, frozen=True, kw_only=True):
    """All that was measured, and where: no path, no host name."""

    schema: int = 1
    created: str  # ISO 8601, UTC
    finished: str | None = None  # the same; None while rounds are missing
    machine: str  # anonymous label
    command: str
    commit: str  # that was checked out
    changed: bool = False  # whether files differed from it
    profile: str  # that says which cells, and how each is sampled
    host: Host
    environment: Environment
    runners: dict[str, str] = field(default_factory=dict)  # distribution -> version
    rounds: int  # of every cell
    most: int = 0  # of cells that are undecided after those
    turns: tuple[Turn, ...] = ()


class Compared(Value, frozen=True):
    """Two runners on one cell: time under one over time under the other, in two ways.

    Attributes
    ----------
    rounds
        Median over rounds of the ratio of each round's medians, with its interval of 95 %.
    fastest
        Ratio of the fastest samples of all rounds, and what it would be without any one round.
    verdict
        One of VERDICTS.
    """

    rounds: Interval
    fastest: Interval
    verdict: str


class Cell(Value, frozen=True):
    """One case under all runners."""

    case: Case
    seconds: dict[str, float]  # runner -> time of one call, s: the median over rounds
    compared: dict[str, Compared]  # '<runner> / <runner>' -> how they compare
    limit: float  # largest disagreement allowed

    @property
    def verdict(self) -> str:
        """'differ' if any two do, else 'undecided' if any two are, else 'agree'."""
        found = {each.verdict for each in self.compared.values()}
        return next((each for each in ("differ", "undecided") if each in found), "agree")


def limit(seconds: float) -> float:
    """The largest disagreement that a cell of that time is allowed, as a share.

    Examples
    --------
    >>> limit(3e-6), limit(1e-3)
    (0.3, 0.15)
    """
    return LIMIT if seconds > SHORT_S else SHORT_LIMIT


def within(ratio: Interval, most: float) -> str:
    """Whether a ratio of two times is near 1: within ``1 / (1 + most)`` and ``1 + most``.

    'agree' if its whole interval is, 'differ' if none of it is, else 'undecided'; an interval that is wider than that
    range decides nothing, for on a noisy machine some of many would lie outside by chance.

    Examples
    --------
    >>> within(Interval(1.02, 0.98, 1.05), 0.15), within(Interval(1.3, 1.2, 1.4), 0.15)
    ('agree', 'differ')
    >>> within(Interval(1.02, 0.8, 1.1), 0.15), within(Interval(2.0, 1.2, 4.0), 0.15), within(Interval(1.0), 0.15)
    ('undecided', 'undecided', 'undecided')
    """
    if ratio.low is None or ratio.high is None or ratio.high / ratio.low > (1 + most) ** 2:
        return "undecided"
    if ratio.low > 1 + most or ratio.high < 1 / (1 + most):
        return "differ"
    return "agree" if ratio.high <= 1 + most and ratio.low >= 1 / (1 + most) else "undecided"


def verdict(rounds: Interval, fastest: Interval, most: float) -> str:
    """Whether two runners agree: by their rounds, and where these scatter too much to tell, by their fastest samples.

    What makes a sample slow, another program or the hypervisor, is not the runner's; what a runner adds is in the
    fastest, too. But that one of them never met the machine at its fastest is no proof that they differ.
    """
    by_rounds = within(rounds, most)
    if by_rounds != "undecided":
        return by_rounds
    return "agree" if within(fastest, most) == "agree" else "undecided"


def cells(sitting: Sitting) -> tuple[Cell, ...]:
    """Every case that was measured, in the order of measuring, with its ratios and verdicts."""
    found: dict[Case, Times] = {}
    for turn in sitting.turns:
        found.setdefault(turn.case, {}).setdefault(turn.runner, {})[turn.round] = call_seconds(turn.samples)
    return tuple(_cell(case, times) for case, times in found.items())


def _cell(case: Case, times: Times) -> Cell:
    here = [runner for runner in RUNNERS if runner in times]
    seconds = {runner: statistics.median(map(statistics.median, times[runner].values())) for runner in here}
    most = limit(statistics.median(seconds.values()))
    pairs = [(one, other) for other, one in PAIRS if one in times and other in times]
    compared = {f"{one} / {other}": _compared(times[one], times[other], most) for one, other in pairs}
    return Cell(case, seconds, compared, most)


def _compared(one: Mapping[int, Sequence[float]], other: Mapping[int, Sequence[float]], most: float) -> Compared:
    shared = sorted(one.keys() & other.keys())
    logs = [math.log(statistics.median(one[place]) / statistics.median(other[place])) for place in shared]
    found = median_interval(logs) if logs else Interval(0.0)
    bounds = (None if bound is None else math.exp(bound) for bound in (found.low, found.high))
    rounds = Interval(math.exp(found.estimate), *bounds)
    fastest = _fastest([min(each) for each in one.values()], [min(each) for each in other.values()])
    return Compared(rounds, fastest, verdict(rounds, fastest, most))


def _fastest(one: Sequence[float], other: Sequence[float]) -> Interval:
    """Ratio of the smallest values, and its bounds if any one of them is left out; none where there is but one."""
    first, second = sorted(one)[:2], sorted(other)[:2]
    ratio = first[0] / second[0]
    if len(first) < 2 or len(second) < 2:
        return Interval(ratio)
    return Interval(ratio, first[0] / second[1], first[1] / second[0])


def _text(ratio: Interval) -> str:
    bounds = "" if ratio.low is None or ratio.high is None else f" [{ratio.low:.2f}, {ratio.high:.2f}]"
    return f"{ratio.estimate:.2f}{bounds}"


def to_markdown(found: Sequence[Cell]) -> str:
    """Two tables: each cell's time under each runner and its verdict; each pair's ratios and theirs."""
    times = [
        [
            cell.case.kernel,
            cell.case.problem.shape_label,
            *(format_seconds(cell.seconds[each]) if each in cell.seconds else "-" for each in RUNNERS),
            f"{cell.limit:.0%}",
            cell.verdict,
        ]
        for cell in found
    ]
    ratios = [
        [cell.case.kernel, cell.case.problem.shape_label, pair, _text(each.rounds), _text(each.fastest), each.verdict]
        for cell in found
        for pair, each in cell.compared.items()
    ]
    first = render_markdown(["kernel", "n", *RUNNERS, "limit", "verdict"], times)
    second = render_markdown(["kernel", "n", "ratio of", "by rounds", "of the fastest", "verdict"], ratios)
    return f"{first}\n{second}"


def summary(found: Sequence[Cell]) -> str:
    """How many cells agree, and the largest disagreement, in a sentence."""
    counts = {each: sum(cell.verdict == each for cell in found) for each in VERDICTS}
    ratios = [each.fastest.estimate for cell in found for each in cell.compared.values()]
    largest = max((max(each, 1 / each) for each in ratios), default=1.0)
    told = f"{counts['agree']} of {len(found)} cells agree within their limits"
    told += f", {counts['differ']} differ" if counts["differ"] else ""
    told += f", {counts['undecided']} are undecided" if counts["undecided"] else ""
    return f"{told}; the fastest samples of two runners are at most {largest - 1:.0%} apart."
