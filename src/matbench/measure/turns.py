"""What part of a run each of its sampling processes takes: of the rounds, of the sure samples, of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matbench.model import Plan

__all__ = ["ALONE", "Turn", "own_share", "within"]


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
