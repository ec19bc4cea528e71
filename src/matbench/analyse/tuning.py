"""Which of several ways to do the same is faster beyond doubt: by the rules of a paired comparison."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from matbench.analyse.pair_rules import Evidence, Word, word_for
from matbench.analyse.rows import Interval
from matbench.analyse.statistics import call_seconds, holm, median_interval, processes_needed, sign_test
from matbench.model import Measurement, Problem, Samples, Value
from matbench.pairing import Settings

__all__ = ["Judged", "Times", "best", "complete", "decidable", "judged", "ranked", "times_of"]

Cell = tuple[Problem, int]  # problem and threads
Times = dict[str, dict[Cell, Samples]]  # name -> cell -> its samples


class Judged(Value, frozen=True):
    """What became of one that was compared with the one in use."""

    name: str
    factor: Interval  # time of the one in use over its time, geometric mean over all cells
    word: Word
    slower_at: tuple[int, ...] = ()  # n at which it is slower beyond doubt
    processes: int = 0  # that this rests on: those that have sampled both at every size


def times_of(measurements: Iterable[Measurement]) -> Times:
    """The samples of each kernel by problem and threads; of what came out wrong or was stopped nothing is said."""
    found: Times = defaultdict(dict)
    for each in measurements:
        if len(each.samples) and each.outcome == "measured":
            case = each.case
            found[case.kernel][case.problem, case.threads] = each.samples
    return dict(found)


def ranked(times: Times, used: str) -> tuple[str, ...]:
    """Those that look faster than the one in use, the fastest first: a choice of whom to compare, and no verdict."""
    scores = {name: _scores(times, used, name) for name in times if name != used}
    means = {name: statistics.median(each) for name, each in scores.items() if each}
    return tuple(sorted((name for name, mean in means.items() if mean > 0), key=lambda name: -means[name]))


def complete(times: Times, used: str, names: Iterable[str]) -> int:
    """In how many processes all of them were sampled, and the one in use, at every size."""
    return min((len(_scores(times, used, name)) for name in names), default=0)


def decidable(times: Times, used: str, clone: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names`, the first ones of them, that can be told from the one in use by as many processes as there are.

    Each one more takes more processes; where some are missing, the last are left out. How fast anything was plays no
    part in it, and the order has to be that of other samples: only then does leaving out keep the confidence.
    """
    confidence = Settings().confidence
    for count in range(len(names), 0, -1):
        if complete(times, used, (clone, *names[:count])) >= processes_needed(count, confidence):
            return tuple(names[:count])
    return ()


def judged(times: Times, used: str, clone: str, *, floor: float | None = None) -> tuple[Judged, ...]:
    """Each compared with the one in use, process by process.

    Parameters
    ----------
    times
        Samples of all, taken in interleaved rounds of several fresh processes.
    used
        The one in use.
    clone
        The same once more: what identical code differs by. Where that is more than noise, nothing can be said.
    floor
        This machine's own spread between identical code, where it is known: the logarithm of a ratio.
    """
    names = [name for name in times if name not in {used, clone}]
    scores = {name: _scores(times, used, name) for name in (*names, clone)}
    settings = Settings()
    chances = holm([sign_test(scores[name]) for name in names])
    found = []
    for name, chance in zip(names, chances, strict=True):
        if not scores[name]:
            continue
        evidence = Evidence(
            ratio=median_interval(scores[name], settings.confidence),
            control=median_interval(scores[clone], settings.confidence) if scores[clone] else None,
            processes=len(scores[name]),
            settings=settings,
            p_value=chance,
            rows=len(names),
            machine_floor=floor,
        )
        word = word_for(evidence)
        slower_at = _slower_at(times, used, name, settings.confidence)
        found.append(Judged(name, _factor(evidence.ratio), word, slower_at, evidence.processes))
    return tuple(found)


def best(found: Iterable[Judged]) -> Judged | None:
    """The fastest of those that are faster beyond doubt and nowhere slower; None where there is none."""
    sound = [each for each in found if each.word == "FASTER" and not each.slower_at]
    return max(sound, key=lambda each: each.factor.estimate, default=None)


def _scores(times: Times, used: str, name: str) -> tuple[float, ...]:
    """Logarithm of time of the one in use over time of `name`: one value a process, the mean over all cells.

    A process that lacks a cell is left out: means over different cells can't be compared.
    """
    cells = [_by_process(samples, times.get(name, {}).get(cell)) for cell, samples in times.get(used, {}).items()]
    shared = set.intersection(*map(set, cells)) if cells else set()
    return tuple(statistics.fmean(cell[process] for cell in cells) for process in sorted(shared))


def _by_process(used: Samples, other: Samples | None) -> dict[int, float]:
    """The median over the rounds of each process."""
    if other is None:
        return {}
    seconds = dict(zip(zip(used.process, used.round, strict=True), call_seconds(used), strict=True))
    logs: Mapping[int, list[float]] = defaultdict(list)
    for process, turn, other_s in zip(other.process, other.round, call_seconds(other), strict=True):
        if (process, turn) in seconds:
            logs[process].append(math.log(seconds[process, turn] / other_s))
    return {process: statistics.median(each) for process, each in logs.items()}


def _slower_at(times: Times, used: str, name: str, confidence: float) -> tuple[int, ...]:
    """The n of the cells in which it is slower by more than chance."""
    found = set()
    for (problem, threads), samples in times[used].items():
        values = list(_by_process(samples, times[name].get((problem, threads))).values())
        if values and sign_test(values) <= 1 - confidence and statistics.median(values) < 0:
            found.add(problem.n)
    return tuple(sorted(found))


def _factor(logs: Interval) -> Interval:
    """An interval of logarithms as one of factors."""
    low, high = (None if each is None else math.exp(each) for each in (logs.low, logs.high))
    return Interval(math.exp(logs.estimate), low, high)
