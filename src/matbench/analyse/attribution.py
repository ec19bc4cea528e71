"""Whose merit the speed is: credit for each idea, whatever the order in which the ideas are added.

A record of all combinations of the ideas is a game: the ideas are the players, and what a coalition of them is worth is
the logarithm of its speed. Credit is the Shapley value: what an idea adds to those that are there already, on the
average over all orders in which they can be added. It sums to the whole exactly. Not every order makes sense (vectors
need compiled code): the average runs over those that do, all with the same weight.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from matbench.analyse.ladder import peaks, rate_of, share_of_run, shares_in
from matbench.analyse.predict import predict_whole
from matbench.analyse.rows import Interval, Share
from matbench.analyse.shapley import Coalition, shares
from matbench.analyse.statistics import call_interval, call_seconds, over_processes
from matbench.errors import RecordError
from matbench.model import Case, Dtype, Measurement, Problem, Record, Samples, Value
from matbench.operations import PRODUCT

__all__ = [
    "Attribution",
    "Credit",
    "Step",
    "attribute",
    "attributions",
    "coalition_of",
    "ideas_of",
    "is_attribution",
    "is_combination",
    "nearest",
]

PREFIX, NONE, THREADS = "ideas", "none", "threads"  # as kernels of combinations are named
CORES = "cores"
COMMAND = "matbench explain --attribution --measure"


class Credit(Value, frozen=True):
    """What one idea is worth: two factors, one that depends on no order and the one of the told order."""

    idea: str  # short name: 'simd'
    words: str  # what tables call it: 'SIMD'
    factor: Interval  # order-free, times faster; below 1 it costs time. The product over all ideas is the total
    told: Interval  # times faster when it is added in the told order, all ideas before it being there


class Step(Value, frozen=True):
    """One step of the told order: what is reached with all ideas up to this one."""

    idea: str | None  # None: before any of them
    words: str
    kernel: str  # of the record
    threads: int
    seconds: Interval  # of one product
    rate: Interval  # flop/s
    predicted: bool = False  # whether the time is predicted from a few rows of the product


class Attribution(Value, frozen=True):
    """Who made it fast, at one size on one machine: the total, the credit for each idea, the climb as it is told."""

    record: str  # id
    machine: str  # anonymous label
    host_id: str  # of the machine
    cpu: str  # brand string
    created: str  # ISO 8601, UTC
    n: int
    dtype: Dtype
    threads: int  # of the steps that use more than one
    base: str  # the foot in words
    total: Interval  # times faster, all ideas against none
    credits: tuple[Credit, ...]  # in the told order
    steps: tuple[Step, ...]  # in the told order, the foot first: one more than there are credits
    measured: int  # combinations of ideas that were measured
    predicted: int  # further ones, predicted from a few rows of the product
    orders: int  # in which the ideas can be added: credit is the average over them
    rounds: int  # in which all that is measured was sampled: what the intervals rest on
    processes: int  # that these are of: where it is one, another may lie outside the intervals
    peak_share: Share | None = None  # that all ideas together reach of the multiply-add peak at as many threads


# -- what a record says of the combinations ----------------------------------------------------------------------------


class Times(NamedTuple):
    """The times of one combination."""

    case: Case
    seconds: Interval  # of one product
    logs: dict[tuple[int, int], float]  # of the seconds by process and round; none where the time is predicted


def attribute(record: Record) -> Attribution:
    """Credit for each idea, from a record of all their combinations.

    Parameters
    ----------
    record
        As ``matbench explain --attribution`` measures it.

    Raises
    ------
    RecordError
        If it holds no combinations of ideas, not all that belong together, or one of them twice.

    Notes
    -----
    What a combination is worth is the logarithm of its median time, with the sign changed. Intervals rest on the
    rounds in which all that is measured was sampled: what the machine does to a whole round cancels. Each gives a
    credit of its own; the interval is that of their median, widened to hold the estimate. Where the time of a
    combination is predicted, the bounds of the prediction are added at their worst.
    """
    game = _Game(record)
    tokens = game.told
    path = [frozenset(tokens[:count]) for count in range(len(tokens) + 1)]
    missing = [each for each in path if each not in game.times]
    if missing:
        step = "+".join(sorted(missing[0])) or NONE
        raise RecordError(f"{game.label} lacks the step {step}; measure anew: {COMMAND}")
    found = shares(game.times)
    if not found.orders:
        raise RecordError(f"{game.label} lacks the combination of all ideas; measure anew: {COMMAND}")
    credits_ = []
    for idea, before, after in zip(tokens, path, path[1:], strict=False):
        told = {after: 1.0, before: -1.0}
        credits_.append(Credit(idea, game.words(idea), game.factor(found.weights[idea]), game.factor(told)))
    return game.attribution(found.orders, tuple(credits_), path)


class _Game:
    """The combinations of one record at one size."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.label = f"record {record.header.id}"
        self.cards = {card.name: card for card in record.header.kernels}
        self.problem, arms = self._planned()
        self.top = max(threads for _, threads in arms)
        measured = {each.case: each for each in record.measurements}
        cases = self._cases(arms)
        self.times = {coalition_of(case): self._times(case, measured) for case in cases}
        self.told = self._told()
        if len(self.times) < len(cases) or len(set(self.told)) < len(self.told):
            raise RecordError(f"{self.label} tells an idea or a combination of them twice; measure anew: {COMMAND}")
        rounds = [set(each.logs) for each in self.times.values() if each.logs]
        self.rounds = sorted(set.intersection(*rounds)) if rounds else []

    def _planned(self) -> tuple[Problem, tuple[tuple[str, int], ...]]:
        """The size at which the ideas were combined, with the combinations."""
        for block in self.record.header.plan.blocks:
            arms = tuple(arm for arm in block.arms if is_combination(arm[0]))
            if arms and block.problem.is_square and block.problem.operation == PRODUCT:
                return block.problem, arms
        raise RecordError(f"{self.label} holds no combinations of ideas; measure them: {COMMAND}")

    def _cases(self, arms: Sequence[tuple[str, int]]) -> Sequence[Case]:
        """The combinations on one thread and on the most; those too slow to be planned whole."""
        wanted = dict.fromkeys(arm for arm in arms if arm[1] in {1, self.top})
        for block in self.record.header.plan.blocks:
            if block.problem.is_slab and block.problem.n == self.problem.n:
                wanted.update(dict.fromkeys(arm for arm in block.arms if is_combination(arm[0])))
        return [Case(name, self.problem, threads) for name, threads in wanted]

    def _times(self, case: Case, measured: Mapping[Case, Measurement]) -> Times:
        there = measured.get(case)
        if there is not None and len(there.samples) and there.outcome != "wrong":
            return Times(case, call_interval(there.samples), _logs(there.samples))
        predicted = predict_whole(self._rows(case, measured), self.problem.m)
        if predicted is None:
            reason = there.reason if there is not None and there.reason else "it was not measured"
            raise RecordError(f"{self.label} has no time of {case.kernel} ({reason}); measure anew: {COMMAND}")
        return Times(case, predicted, {})

    def _rows(self, case: Case, measured: Mapping[Case, Measurement]) -> list[tuple[int, float]]:
        """Rows and seconds of what was measured of a few rows of a product."""
        found = []
        for other, each in measured.items():
            problem = other.problem
            is_part = problem.is_slab and problem.n == self.problem.n and problem.dtype == self.problem.dtype
            if is_part and (other.kernel, other.threads) == (case.kernel, case.threads) and each.outcome != "wrong":
                found += [(problem.m, seconds) for seconds in call_seconds(each.samples)]
        return found

    def _told(self) -> tuple[str, ...]:
        """All ideas in the order in which they are told: that of the longest name, cores last."""
        longest = max(self.times, key=lambda each: (len(each), sorted(each)))
        ideas = ideas_of(self.times[longest].case.kernel)
        return (*ideas, THREADS) if THREADS in longest else ideas

    def words(self, idea: str) -> str:
        """What tables call an idea: the last one that a combination of the told order adds."""
        if idea == THREADS:
            return CORES
        place = self.told.index(idea)
        return self._idea(self.times[frozenset(self.told[: place + 1])].case.kernel)

    def _idea(self, kernel: str) -> str:
        card = self.cards.get(kernel)
        return card.idea if card is not None else kernel

    def factor(self, weights: Mapping[Coalition, float]) -> Interval:
        """How many times faster, from weights of the logarithms of speed."""
        estimate = -math.fsum(weight * math.log(self.times[each].seconds.estimate) for each, weight in weights.items())
        measured = [(self.times[each].logs, weight) for each, weight in weights.items() if self.times[each].logs]
        apart = {turn: -math.fsum(weight * logs[turn] for logs, weight in measured) for turn in self.rounds}
        found = over_processes(apart)
        if found is None or found.low is None or found.high is None:
            return Interval(math.exp(estimate))
        fixed = -math.fsum(
            weight * math.log(self.times[each].seconds.estimate)
            for each, weight in weights.items()
            if not self.times[each].logs
        )
        down, up = self._doubt(weights)
        low, high = min(estimate, found.low + fixed) - down, max(estimate, found.high + fixed) + up
        return Interval(math.exp(estimate), math.exp(low), math.exp(high))

    def _doubt(self, weights: Mapping[Coalition, float]) -> tuple[float, float]:
        """By how much predicted times may move a sum of logarithms of speed down and up, at their worst."""
        down = up = 0.0
        for each, weight in weights.items():
            seconds = self.times[each].seconds
            if self.times[each].logs or seconds.low is None or seconds.high is None:
                continue
            moves = [-weight * math.log(bound / seconds.estimate) for bound in (seconds.low, seconds.high)]
            down, up = down - min(0.0, *moves), up + max(0.0, *moves)
        return down, up

    def attribution(self, orders: int, credits_: tuple[Credit, ...], path: Sequence[Coalition]) -> Attribution:
        """All of it, the credit being known."""
        header, foot, whole = self.record.header, path[0], path[-1]
        steps = tuple(self._step(each, idea) for each, idea in zip(path, (None, *self.told), strict=True))
        predicted = sum(not each.logs for each in self.times.values())
        return Attribution(
            record=header.id,
            machine=header.machine,
            host_id=header.host.host_id,
            cpu=header.host.cpu.brand,
            created=header.created,
            n=self.problem.n,
            dtype=self.problem.dtype,
            threads=self.top,
            base=steps[0].words,
            total=self.factor({whole: 1.0, foot: -1.0}),
            credits=credits_,
            steps=steps,
            measured=len(self.times) - predicted,
            predicted=predicted,
            orders=orders,
            rounds=len(self.rounds),
            processes=len({process for process, _ in self.rounds}),
            peak_share=self._share(whole, steps[-1]),
        )

    def _share(self, coalition: Coalition, step: Step) -> Share | None:
        """The share of the peak that a combination reaches."""
        case, roofs = self.times[coalition].case, peaks(self.record.ceilings)
        peak = roofs.get(f"{self.problem.dtype}/{case.threads}")
        if step.predicted:
            return share_of_run(step.rate, peak) if peak else None
        measured = next(each for each in self.record.measurements if each.case == case)
        return shares_in(self.record, [measured], roofs)[case]

    def _step(self, coalition: Coalition, idea: str | None) -> Step:
        case, seconds, logs = self.times[coalition]
        return Step(
            idea=idea,
            words=self._idea(case.kernel) if idea is None else self.words(idea),
            kernel=case.kernel,
            threads=case.threads,
            seconds=seconds,
            rate=rate_of(self.problem.flops, seconds),
            predicted=not logs,
        )


def is_combination(kernel: str) -> bool:
    """Whether a kernel is a combination of ideas, by its name."""
    return kernel.startswith(f"{PREFIX}.")


def ideas_of(kernel: str) -> tuple[str, ...]:
    """The ideas that a combination's name tells, in its order.

    Examples
    --------
    >>> ideas_of("ideas.compile.order"), ideas_of("ideas.none")
    (('compile', 'order'), ())
    """
    ideas = tuple(kernel.split(".")[1:])
    return () if ideas == (NONE,) else ideas


def coalition_of(case: Case) -> Coalition:
    """The ideas that a case uses: those of its kernel, and cores where it has more than one thread."""
    return frozenset(ideas_of(case.kernel)) | ({THREADS} if case.threads > 1 else set())


def _logs(samples: Samples) -> dict[tuple[int, int], float]:
    """Logarithms of the seconds of a call, by process and round."""
    turns = zip(samples.process, samples.round, strict=True)
    return dict(zip(turns, map(math.log, call_seconds(samples)), strict=True))


# -- records of them ---------------------------------------------------------------------------------------------------


def is_attribution(record: Record) -> bool:
    """Whether a record is one of combinations of ideas."""
    return any(is_combination(name) for block in record.header.plan.blocks for name, _ in block.arms)


def attributions(records: Iterable[Record]) -> tuple[Attribution, ...]:
    """What records say of the ideas, newest first; those that do not say all of it are left out.

    So is one that did not reach its end, where another of the same machine, element type and size did.
    """
    found = []
    for record in records:
        with contextlib.suppress(RecordError):
            found.append((attribute(record), record.is_complete))
    whole = {_subject(each) for each, is_complete in found if is_complete}
    kept = [each for each, is_complete in found if is_complete or _subject(each) not in whole]
    return tuple(sorted(kept, key=lambda each: each.created, reverse=True))


def _subject(found: Attribution) -> tuple[str, str, Dtype, int]:
    """What an attribution is of: machine, element type, size."""
    return found.host_id, found.machine, found.dtype, found.n


def nearest(found: Sequence[Attribution], host_id: str, dtype: str, n: int) -> Attribution | None:
    """The attribution of a machine and dtype that is nearest in size; of several the first, which is the newest.

    Returns
    -------
    Attribution or None
        None where there is none, or where the machine is not known by its id.
    """
    there = [each for each in found if each.host_id == host_id != "unknown" and each.dtype == dtype]
    return min(there, key=lambda each: abs(math.log(each.n / n)), default=None)
