"""What part of a run each of its sampling processes takes: of the rounds, of the sure samples, of the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matbench.model import Measurement, Plan, Problem
from matbench.operations import PRODUCT

__all__ = ["ALONE", "Turn", "is_base", "own_share", "sure_here", "sure_samples", "whole_turns", "within"]

SURE = 6  # samples: the fewest that bound a median, or a ratio, with 95 %
SHARE_OF_SURE = 0.003  # of the budget that one arm may take for those
SHARE_OF_EACH = 0.012  # the same for one in each of several processes: without them there is no interval at all
SHARE_OF_BASE = 0.13  # the same for the kernel that all others are told over
SURE_OF_SLAB, SURE_OF_FIRST_SLABS = 3, 2  # samples, in all and by the first process: there are several slabs


@dataclass(frozen=True)
class Turn:
    """The part of a run that one of its sampling processes takes.

    Attributes
    ----------
    processes
        Of the run.
    later
        That are to follow.
    """

    processes: int = 1
    later: int = 0

    def rounds(self, plan: Plan) -> int:
        """Most samples of a case in it.

        Examples
        --------
        >>> Turn(processes=6).rounds(Plan("standard", "", 1, 85.0, 18, 3_000_000, "python_lists", ()))
        3
        """
        return -(-plan.rounds // self.processes)

    def sure(self, samples: int, before: int) -> int:
        """How many of the samples that a case is sure of fall to it.

        Parameters
        ----------
        samples
            That the case is sure of in the whole run.
        before
            Processes that have sampled it.

        Examples
        --------
        >>> Turn().sure(6, 0), Turn(6, later=5).sure(6, 0), Turn(6, later=3).sure(2, 1), Turn(6, later=2).sure(2, 2)
        (6, 1, 1, 0)
        """
        share = -(-samples // self.processes)
        return min(share, -(-max(0, samples - before) // (self.later + 1)))


ALONE = Turn()


def own_share(now: tuple[float, float], each: tuple[float, float], later: int, left_s: float) -> float:
    """Time for the process under way where others follow, s.

    All get their least, and of what is left parts as large as what they want beyond; what nobody wants stays with
    the process under way. If not even the least is there for all, it gets its own: what it leaves out nobody measures.

    Parameters
    ----------
    now
        Least and wanted time of the process under way, s.
    each
        The same of each of those that follow.
    later
        How many follow.
    left_s
        Time for all of them, s.

    Examples
    --------
    >>> own_share((2.0, 5.0), (1.0, 3.0), later=3, left_s=8.0)
    3.0
    >>> own_share((2.0, 5.0), (1.0, 3.0), later=3, left_s=20.0)
    11.0
    >>> own_share((2.0, 5.0), (1.0, 3.0), later=3, left_s=2.5)
    2.0
    """
    least, wanted = now[0] + later * each[0], now[1] + later * each[1]
    if left_s >= wanted:
        return left_s - later * each[1]
    if left_s < least:
        return min(left_s, now[0])
    return now[0] + (left_s - least) * (now[1] - now[0]) / (wanted - least)


def within(costs_s: Sequence[float], worths: Sequence[float], limit_s: float) -> frozenset[int]:
    """Which of several things can be had together in a limited time: the cheapest for what they are worth come first.

    Examples
    --------
    >>> sorted(within([1.0, 5.0, 2.0, 6.0], [1, 1, 1, 13], limit_s=9.5))
    [0, 2, 3]
    """
    found = set()
    for index in sorted(range(len(costs_s)), key=lambda place: costs_s[place] / worths[place]):
        if costs_s[index] <= limit_s:
            found.add(index)
            limit_s -= costs_s[index]
    return frozenset(found)


# -- samples that a case is sure of ------------------------------------------------------------------------------------


def is_base(plan: Plan, kernel: str, problem: Problem) -> bool:
    """Whether a kernel is one that others are told over: the plan's base, or that of another operation."""
    return kernel == plan.base or (problem.operation != PRODUCT and kernel == problem.definition.base)


def sure_samples(plan: Plan, kernel: str, problem: Problem, sample_s: float, processes: int = 1) -> int:
    """Samples that a case gets before any other gets more: six if they can be had, which is what an interval takes.

    In several processes they are one in each, or, where that is too dear, a single one: two give no interval, three
    to five a wide one. For the base they may cost more than for the rest, as every speed-up's interval needs them.
    """
    if problem.is_slab:
        return min(plan.rounds, SURE_OF_SLAB)
    share = SHARE_OF_SURE if processes == 1 else SHARE_OF_EACH
    share = SHARE_OF_BASE if is_base(plan, kernel, problem) else share
    affordable = min(plan.rounds, max(SURE, processes), int(share * plan.budget_s / sample_s))
    is_enough = processes == 1 or affordable >= min(SURE, processes)
    return max(1, affordable) if is_enough else 1


def sure_here(turn: Turn, problem: Problem, samples: int, before: int) -> int:
    """How many of the samples that a case is sure of one process takes, where so many others have sampled it before."""
    share = turn.sure(samples, before)
    # Of slabs the first takes two at least: a prediction rests on those of two slabs, whatever comes later.
    return max(share, min(samples, SURE_OF_FIRST_SLABS)) if problem.is_slab and not before else share


# -- a run that was cut short ------------------------------------------------------------------------------------------


def whole_turns(told: Iterable[Measurement], most: int) -> Counter[Problem]:
    """How many processes have sampled each problem as a whole, in a run that may have been cut short.

    Of a round all samples are stored, or none. A process that died, or that the run was interrupted in, was cut short
    in the problem that it was last heard of. It is through with that one, too, if it has all the rounds that it should
    have, or as many as one that went on from it. What it did not get to does not count for it.

    Parameters
    ----------
    told
        What was measured, sample by sample, in the order in which it was: merged by case it does not say which problem
        a process was in last.
    most
        Rounds that one process takes at most.
    """
    rounds: dict[Problem, dict[int, int]] = {}
    last: dict[int, Problem] = {}
    for each in told:
        for process, number in zip(each.samples.process, each.samples.round, strict=True):
            found = rounds.setdefault(each.case.problem, {})
            found[process] = max(found.get(process, 0), number + 1)
            last[process] = each.case.problem
    counts: Counter[Problem] = Counter()
    for problem, found in rounds.items():
        gone_on = {process: own for process, own in found.items() if last[process] != problem}
        enough = min(most, *gone_on.values()) if gone_on else most
        counts[problem] = sum(process in gone_on or own >= enough for process, own in found.items())
    return counts
