"""Intervals that need no assumption about the shape of the noise: order statistics of medians and paired ratios.

One does: where a run ended with three to five processes, which are too few for order statistics.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from matbench.analyse.rows import Interval
from matbench.model import FEWEST_PROCESSES, Samples

__all__ = [
    "CONFIDENCE",
    "call_interval",
    "call_seconds",
    "holm",
    "is_few",
    "median_interval",
    "over_processes",
    "paired_ratio",
    "processes_needed",
    "processes_of",
    "rank_of_bound",
    "sign_test",
    "student_reach",
    "upper_bound",
]

CONFIDENCE = 0.95
MANY = 20_000  # values from which the binomial distribution is taken for normal


def rank_of_bound(count: int, confidence: float = CONFIDENCE) -> int | None:
    """The rank (from 1) of the order statistic that bounds a median from below with the given two-sided confidence.

    The interval from that rank to the same rank counted from above holds the median of any continuous distribution
    with at least that probability: the number of values below the median is binomial with probability 1/2.

    Returns
    -------
    int or None
        None where there are too few values for any interval: fewer than 6 at 95 %.

    Examples
    --------
    >>> [rank_of_bound(count) for count in (5, 6, 9, 11, 21)]
    [None, 1, 2, 2, 6]
    """
    if count > MANY:  # as good as exact, and a stranger's file may hold millions
        half = statistics.NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(count) / 2
        return max(1, math.floor((count - 1) / 2 - half))
    below, ways, rank, every = 0, 1, 0, 2**count
    while rank < count:
        below += ways
        if 2 * below / every > 1 - confidence:
            break
        ways = ways * (count - rank) // (rank + 1)  # the next binomial coefficient from this one, exactly
        rank += 1
    return rank or None


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median with its exact interval, which is absent where there are too few values.

    Parameters
    ----------
    values
        At least one.
    confidence
        Two-sided.

    Examples
    --------
    >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0])
    Interval(estimate=3.5, low=1.0, high=6.0)
    """
    ordered = sorted(values)
    estimate = statistics.median(ordered)
    rank = rank_of_bound(len(ordered), confidence)
    if rank is None:
        return Interval(estimate)
    return Interval(estimate, ordered[rank - 1], ordered[-rank])


def sign_test(values: Sequence[float], centre: float = 0.0) -> float:
    """How probable it is that as few values lie on one side of `centre` if it is their median, two-sided.

    It agrees with `median_interval`: with the p-value at most 1 - c, the interval of confidence c excludes `centre`.
    Values equal to `centre` count against the side that is tested.

    Returns
    -------
    float
        Between 0 and 1; 1 without values.

    Examples
    --------
    >>> sign_test([0.1] * 12), sign_test([0.1] * 11 + [-0.1])
    (0.00048828125, 0.00634765625)
    """
    count = len(values)
    fewest = min(sum(value <= centre for value in values), sum(value >= centre for value in values))
    return min(1.0, 2 * sum(math.comb(count, ways) for ways in range(fewest + 1)) / (1 << count))


def processes_needed(rows: int, confidence: float, dissenters: int = 0) -> int:
    """The fewest processes with which a difference can be told in a table, so many of them saying the opposite.

    Holm's correction asks the first of its rows to be as sure as if it were the worst of all; this many are enough
    for every row.

    Examples
    --------
    >>> processes_needed(1, 0.99), processes_needed(1, 0.99, 1), processes_needed(8, 0.99, 1)
    (8, 12, 15)
    """
    allowed, count = (1 - confidence) / rows, dissenters + 1
    while 2 * sum(math.comb(count, ways) for ways in range(dissenters + 1)) / (1 << count) > allowed:
        count += 1
    return count


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values: all that are at most alpha may be believed together, one false among them with
    probability alpha at most.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979) 65.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def upper_bound(hits: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The largest rate that `hits` in `trials` leave possible, one-sided (Clopper and Pearson).

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> round(upper_bound(0, 299), 4), round(upper_bound(1, 300), 4)
    (0.01, 0.0157)
    """
    from scipy.special import betaincinv  # noqa: PLC0415  a quarter of a second

    if hits >= trials:
        return 1.0
    return float(betaincinv(float(hits + 1), float(trials - hits), confidence))


def call_seconds(samples: Samples) -> tuple[float, ...]:
    """Time of one call in each sample, s."""
    pairs = zip(samples.elapsed_ns, samples.loops, strict=True)
    return tuple(elapsed * 1e-9 / loops for elapsed, loops in pairs)


def processes_of(samples: Samples) -> int:
    """How many processes took the samples."""
    return len(set(samples.process))


def over_processes(values: Mapping[tuple[int, int], float], confidence: float = CONFIDENCE) -> Interval | None:
    """The median of values that were observed round by round in some processes, and its interval.

    The process is the unit: where code and data lie in memory is drawn once for each, and moves a value by more than
    its rounds scatter. So each process is one observation, the median of its rounds. Where there is a single one, its
    rounds are the observations, and the interval is of this process: another may lie outside. Order statistics take
    six; of three to five, Student's interval of their mean is told, which takes the processes for normal. Two
    have none, and that of their rounds would not hold for others.

    Parameters
    ----------
    values
        By process and round; of times their logarithms, which are nearer to normal.
    confidence
        Two-sided.

    Returns
    -------
    Interval or None
        None without values; without bounds where there are too few for an interval.

    Examples
    --------
    >>> over_processes({(process, turn): process + turn / 10 for process in range(6) for turn in range(3)})
    Interval(estimate=2.6, low=0.1, high=5.1)
    >>> over_processes({(0, 0): 1.0, (1, 0): 2.0})
    Interval(estimate=1.5, low=None, high=None)
    """
    if not values:
        return None
    return _over_groups(((process, value) for (process, _), value in values.items()), confidence)


def _over_groups(values: Iterable[tuple[int, float]], confidence: float) -> Interval:
    """The rule of `over_processes`, for values with the processes that they come from; at least one."""
    groups = _by_process(values)
    if len(groups) == 1:
        return median_interval(groups[0], confidence)
    each = [statistics.median(group) for group in groups]
    return _student(each, confidence) if is_few(len(each), confidence) else median_interval(each, confidence)


def _by_process(values: Iterable[tuple[int, float]]) -> list[list[float]]:
    groups: dict[int, list[float]] = defaultdict(list)
    for process, value in values:
        groups[process].append(value)
    return list(groups.values())


def is_few(processes: int, confidence: float = CONFIDENCE) -> bool:
    """Whether so many processes are too few for order statistics, but not for Student's interval."""
    return processes >= FEWEST_PROCESSES and rank_of_bound(processes, confidence) is None


def _student(values: Sequence[float], confidence: float) -> Interval:
    """The mean of a few values with Student's interval."""
    middle = statistics.fmean(values)
    reach = student_reach(len(values), confidence) * statistics.stdev(values)
    return Interval(middle, middle - reach, middle + reach)


@lru_cache
def student_reach(count: int, confidence: float = CONFIDENCE) -> float:
    """How many standard deviations of so many values Student's interval of their mean reaches to each side.

    Examples
    --------
    >>> round(student_reach(3), 4), round(student_reach(5), 4)
    (2.4841, 1.2417)
    """
    from scipy.special import stdtrit  # noqa: PLC0415  a quarter of a second, for runs that ended early

    return float(stdtrit(count - 1, 0.5 + confidence / 2)) / math.sqrt(count)


def call_interval(samples: Samples, confidence: float = CONFIDENCE) -> Interval:
    """The middle time of a call, s, with its interval by the rule of `over_processes`.

    Parameters
    ----------
    samples
        At least one.
    confidence
        Two-sided.
    """
    values = tuple(zip(samples.process, call_seconds(samples), strict=True))
    if is_few(processes_of(samples), confidence):
        return _exponential(_student([math.log(statistics.median(each)) for each in _by_process(values)], confidence))
    return _over_groups(values, confidence)


def paired_ratio(base: Samples, other: Samples, confidence: float = CONFIDENCE) -> Interval | None:
    """Time of the base over time of the other: the median over rounds in which both were sampled.

    What the machine does to a whole round, fast or slow, cancels. The interval is by the rule of `over_processes`,
    on logarithms. Where all samples are of one process that has too few rounds in common for an interval,
    and where there is no such round at all, the estimate is the ratio of the two medians over all samples.

    Returns
    -------
    Interval or None
        None if either has no samples.
    """
    if not len(base) or not len(other):
        return None
    ours, theirs = _by_round(base), _by_round(other)
    logs = {key: math.log(ours[key] / seconds) for key, seconds in theirs.items() if key in ours}
    found = over_processes(logs, confidence)
    if found is None or (found.low is None and len({*base.process, *other.process}) == 1):
        return Interval(statistics.median(call_seconds(base)) / statistics.median(call_seconds(other)))
    # Where the two share a single process of the several that were sampled, its rounds tell nothing of the others.
    is_alone = len({process for process, _ in logs}) == 1 < len({*base.process, *other.process})
    return Interval(math.exp(found.estimate)) if is_alone else _exponential(found)


def _exponential(logs: Interval) -> Interval:
    """Of logarithms the values."""
    if logs.low is None or logs.high is None:
        return Interval(math.exp(logs.estimate))
    return Interval(math.exp(logs.estimate), math.exp(logs.low), math.exp(logs.high))


def _by_round(samples: Samples) -> dict[tuple[int, int], float]:
    """Time of one call, s, by process and round."""
    return dict(zip(zip(samples.process, samples.round, strict=True), call_seconds(samples), strict=True))
