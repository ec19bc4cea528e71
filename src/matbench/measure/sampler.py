"""The sampler: calibrated loops, interleaved in rounds of random order. Every runner takes its times with it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matbench.collector import collector_off
from matbench.measure.clock import Clock
from matbench.measure.placement import apart
from matbench.measure.threads import ThreadControl, drain

__all__ = ["Arm", "Sample", "allot", "calibrate", "on_the_run", "rounds", "schedule", "time_loops"]

MOST_LOOPS = 2**30
LONGEST_START_S = 0.05  # of a sample that is taken twice, so that its threads are awake


@dataclass(frozen=True)
class Sample:
    """One timed stretch: `loops` calls in a row that took `elapsed_ns` altogether."""

    loops: int
    elapsed_ns: int


@dataclass(frozen=True)
class Arm:
    """One thing to time against others: a call without arguments, its threads and its calibrated loop count.

    Attributes
    ----------
    call
        What is timed.
    threads
        Threads it is allowed.
    loops
        Calls in a sample.
    cost_s
        Expected time of a sample, s.
    """

    call: Callable[[], object]
    threads: int = 1
    loops: int = 1
    cost_s: float = 0.0


def time_loops(call: Callable[[], object], loops: int, clock: Clock) -> Sample:
    """The time of `loops` calls in a row.

    The loop itself costs about 10 ns a turn; nothing is subtracted for it.
    """
    turns = itertools.repeat(None, loops)
    start = clock.wall_ns()
    for _ in turns:
        call()
    return Sample(loops, max(1, clock.wall_ns() - start))


def calibrate(call: Callable[[], object], shortest_ns: int, clock: Clock, first: Sample = Sample(1, 0)) -> Sample:
    """A first sample that is at least `shortest_ns` long; its loop count is the one to use.

    A trial that happened to be interrupted looks long enough too early; so the count is tried twice, and the faster
    trial counts.

    Parameters
    ----------
    call
        What is timed.
    shortest_ns
        Shortest sample, ns.
    clock
        Takes the time.
    first
        A trial that was made before, if any.

    Returns
    -------
    Sample
        Its count of loops fills `shortest_ns`, its time tells what a sample costs.
    """
    trial = first if first.elapsed_ns else time_loops(call, first.loops, clock)
    while True:
        if trial.elapsed_ns >= shortest_ns:
            again = time_loops(call, trial.loops, clock)
            trial = min(trial, again, key=lambda each: each.elapsed_ns)
        if trial.elapsed_ns >= shortest_ns or trial.loops >= MOST_LOOPS:
            return trial
        # Aim a tenth above the target; never trust a first, cold trial by more than a factor of ten.
        wanted = 1.1 * trial.loops * shortest_ns / trial.elapsed_ns
        loops = min(MOST_LOOPS, max(trial.loops + 1, min(10 * trial.loops, int(wanted) + 1)))
        trial = time_loops(call, loops, clock)


def allot(costs_s: Sequence[float], budget_s: float, most: int) -> tuple[int, ...]:
    """How many samples each arm gets: equal time for all that want more than their share, `most` for the rest.

    Parameters
    ----------
    costs_s
        Expected time of one sample of each arm, s.
    budget_s
        Time for all samples together, s.
    most
        Most samples an arm may get.

    Returns
    -------
    tuple of int
        Samples of each arm: one for each, the cheapest first, then more. Zero for those that no time is left for.

    Examples
    --------
    >>> allot([0.003, 0.003, 1.0], budget_s=5.0, most=10)
    (10, 10, 4)
    >>> allot([0.5, 2.0, 2.0], budget_s=3.0, most=10)
    (1, 1, 0)
    """
    cheapest_first = sorted(range(len(costs_s)), key=lambda arm: costs_s[arm])
    counts = [0] * len(costs_s)
    left = budget_s
    for arm in cheapest_first:
        if costs_s[arm] > left:
            break
        counts[arm] = 1
        left -= costs_s[arm]
    served = [arm for arm in cheapest_first if counts[arm]]
    for place, arm in enumerate(served):
        share = left / (len(served) - place)
        more = most - 1 if costs_s[arm] * (most - 1) <= share else int(share / costs_s[arm])
        counts[arm] += more
        left -= more * costs_s[arm]
    return tuple(counts)


def schedule(counts: Sequence[int], rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Rounds of arm indices: each arm as often as its count says, in random order within a round.

    An arm's rounds are spread over all of them, and those of an arm with fewer are among those of an arm with more:
    any two pair as often as they can.

    Examples
    --------
    >>> [sorted(each) for each in schedule([4, 2], np.random.default_rng(0))]
    [[0, 1], [0], [0, 1], [0]]
    """
    turns = max(counts, default=0)
    place = {turn: rank for rank, turn in enumerate(_spread(turns))}
    for turn in range(turns):
        due = [arm for arm, count in enumerate(counts) if place[turn] < count]
        yield tuple(int(arm) for arm in rng.permutation(due))


def _spread(turns: int) -> list[int]:
    """All turns in an order of which every beginning is spread over them: binary digits read backwards."""
    digits = max(0, turns - 1).bit_length()
    backwards = (int(f"{place:0{digits}b}"[::-1], 2) if digits else 0 for place in range(2**digits))
    return [turn for turn in backwards if turn < turns]


@contextlib.contextmanager
def on_the_run(arm: Arm) -> Iterator[None]:
    """Within, the threads of an arm are awake, and each has its processor; nothing happens for one thread.

    The arm is called as often as in a sample before, unless a sample is so long that waking up is nothing beside it.
    """
    starts = arm.threads > 1 and arm.cost_s <= LONGEST_START_S
    if starts:
        arm.call()  # whatever threads it starts are there from now on
    with apart(arm.threads):
        for _ in range(arm.loops - 1 if starts else 0):
            arm.call()
        yield


def rounds(
    arms: Sequence[Arm],
    counts: Sequence[int],
    *,
    clock: Clock,
    rng: np.random.Generator,
    control: ThreadControl,
    before: Callable[[int], None] = lambda _: None,
) -> Iterator[dict[int, Sample]]:
    """Samples, one dictionary a round: index of the arm -> its sample.

    Between two arms of which one used several threads, idle threads are given the time to stop spinning. The
    consumer may stop at any round. `before` is called with the index of each arm before its sample.
    """
    spinning = False
    for order in schedule(counts, rng):
        taken: dict[int, Sample] = {}
        with collector_off():
            for index in order:
                arm = arms[index]
                before(index)
                if spinning:
                    drain(clock)
                with control.limited(arm.threads), on_the_run(arm):
                    taken[index] = time_loops(arm.call, arm.loops, clock)
                spinning = arm.threads > 1
        yield taken
