"""From which size on one kernel is not clearly slower than another, and what compiling does to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.rows import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype

__all__ = ["Span", "compile_seconds", "overtakes", "winners"]


class Span(NamedTuple):
    """Neighbouring measured sizes at which no other is clearly faster than the same kernel on the same threads."""

    kernel: str
    threads: int
    first: int  # n
    last: int  # n


def compile_seconds(table: Table, dtype: Dtype) -> dict[str, float]:
    """By kernel, the longest first call in a dtype, s: for a compiled kernel mostly the time to compile it."""
    found: dict[str, float] = {}
    for row in table.rows:
        if row.first_call_s is not None and row.card.compiled and row.case.problem.dtype == dtype:
            found[row.case.kernel] = max(found.get(row.case.kernel, 0.0), row.first_call_s)
    return found


def overtakes(rows: Iterable[Row], rivals: Iterable[Row], extra_s: float = 0.0) -> int | None:
    """The smallest n from which on one kernel is not clearly slower than another.

    It is the smallest size where its time is the shorter one, of those with no larger size where it is clearly slower:
    where even its lower bound is above the other's upper bound.

    Parameters
    ----------
    rows, rivals
        Rows of square problems, one a size; measured or predicted.
    extra_s
        What the first of them pays besides, such as compiling, s.

    Returns
    -------
    int or None
        None where it is clearly slower at the largest size in common, never faster, or where there is no such size.
    """
    ours, theirs = _times(rows), _times(rivals)
    found = None
    for n in sorted(ours.keys() & theirs.keys(), reverse=True):
        time = _plus(ours[n], extra_s)
        if _clearly_slower(time, theirs[n]):
            break
        if time.estimate < theirs[n].estimate:
            found = n
    return found


def winners(series: Sequence[Sequence[Row]], compiling: Mapping[str, float] | None = None) -> tuple[Span, ...]:
    """The kernel that no other clearly beats at each size, neighbouring sizes with the same one joined.

    From the largest size down, a kernel stays the winner until another is clearly faster: noise makes no winners.

    Parameters
    ----------
    series
        For each kernel and thread count its rows of square problems, one a size; predictions do not count.
    compiling
        By kernel, what a single call pays besides, s; nothing by default.

    Returns
    -------
    tuple of Span
        Ascending in n; every measured size is in one.
    """
    by_size: dict[int, dict[tuple[str, int], Interval]] = {}
    for rows in series:
        measured = [row for row in rows if not row.extrapolated]
        for n, time in _times(measured).items():
            case = measured[0].case
            extra = 0.0 if compiling is None else compiling.get(case.kernel, 0.0)
            by_size.setdefault(n, {})[case.kernel, case.threads] = _plus(time, extra)
    spans: list[Span] = []
    for n, times in sorted(by_size.items(), reverse=True):
        best = min(times, key=lambda case: times[case].estimate)
        if spans and (holder := spans[-1][:2]) in times and not _clearly_slower(times[holder], times[best]):
            spans[-1] = spans[-1]._replace(first=n)
        else:
            spans.append(Span(*best, n, n))
    return tuple(reversed(spans))


def _times(rows: Iterable[Row]) -> dict[int, Interval]:
    return {row.case.problem.n: row.seconds for row in rows if row.seconds is not None}


def _plus(time: Interval, extra_s: float) -> Interval:
    low, high = (None if bound is None else bound + extra_s for bound in (time.low, time.high))
    return Interval(time.estimate + extra_s, low, high)


def _clearly_slower(one: Interval, other: Interval) -> bool:
    """Whether the intervals are apart; an estimate without bounds stands for both of them."""
    low = one.estimate if one.low is None else one.low
    return low > (other.estimate if other.high is None else other.high)
