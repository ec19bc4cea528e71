"""What was left out and why, in as few lines as tell it all."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from matbench.present.tables import bullets
from matbench.present.words import listed, where

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matbench.analyse.rows import Table
    from matbench.model import Case, Problem

__all__ = ["LeftOut", "left_out_lines", "skipped_lines", "skipped_list"]

SCALES = {
    "ns": 1e-9,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "B": 1.0,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
}
QUANTITY = re.compile(rf"(\d[\d,]*(?:\.\d+)?) ({'|'.join(SCALES)})\b")
ONE = "ask for it"  # of a remedy that names a single case


class LeftOut(NamedTuple):
    """A case that was not measured."""

    case: Case
    reason: str
    wrong: bool = False  # its result failed the oracle


def skipped_list(table: Table, problems: Collection[Problem] | None = None) -> str:
    """What was not measured and why, a Markdown list; the empty string where nothing was skipped.

    Parameters
    ----------
    table
        Where the rows are.
    problems
        Which problems to look at; all by default.
    """
    return bullets(skipped_lines(table, problems))


def skipped_lines(table: Table, problems: Collection[Problem] | None = None) -> list[str]:
    """What was not measured and why, lines of plain text; as for `skipped_list`."""
    asked = [row for row in table.rows if problems is None or row.case.problem in problems]
    found = [LeftOut(row.case, row.skipped, row.wrong) for row in asked if row.skipped is not None]
    return left_out_lines(found, Counter(row.case.kernel for row in asked))


def left_out_lines(found: Sequence[LeftOut], total: Mapping[str, int]) -> list[str]:
    """A line for each kernel and reason; where a reason has figures of each case, one for each problem instead.

    Parameters
    ----------
    found
        What was left out.
    total
        Cases of each kernel that there are, those left out among them: of one that has no others the sizes go unsaid.
    """
    groups: dict[tuple[Problem | str, str], list[LeftOut]] = {}
    for each in found:
        head = each.reason.partition("; ")[0]
        figures = 0 if each.wrong else len(QUANTITY.findall(head))
        kind = f"{figures} {QUANTITY.sub('..', head)}"
        key: tuple[Problem | str, str] = (each.case.problem, kind) if figures else (each.case.kernel, each.reason)
        groups.setdefault(key, []).append(each)
    return [
        _of_kernel(place, group, total) if isinstance(place, str) else _of_problem(place, group)
        for (place, _), group in groups.items()
    ]


def _of_kernel(kernel: str, group: Sequence[LeftOut], total: Mapping[str, int]) -> str:
    place = "" if len(group) == total[kernel] else f", {_places(group)}"
    told = "wrong result, never timed: " if any(each.wrong for each in group) else ""
    return f"{kernel}{place}: {told}{group[0].reason}"


def _places(group: Sequence[LeftOut]) -> str:
    """The problems in words, square sizes gathered by element type."""
    sizes: dict[str, dict[str, None]] = {}  # by element type; the inner dictionary is an ordered set
    others: dict[str, None] = {}
    for problem in (each.case.problem for each in group):
        if problem.is_square:
            sizes.setdefault(problem.dtype, {})[str(problem.n)] = None
        else:
            others[where(problem)] = None
    return "; ".join([*(f"n = {', '.join(found)} ({dtype})" for dtype, found in sizes.items()), *others])


def _of_problem(problem: Problem, group: Sequence[LeftOut]) -> str:
    threads: dict[str, list[int]] = {}
    for each in group:
        threads.setdefault(each.case.kernel, []).append(each.case.threads)
    arms = ", ".join(_arm(kernel, counts) for kernel, counts in threads.items())
    return f"{where(problem)}: {arms}: {_joined([each.reason for each in group])}"


def _arm(kernel: str, threads: Sequence[int]) -> str:
    if list(threads) == [1]:
        return kernel
    return f"{kernel} on {listed(map(str, sorted(threads)))} threads"


def _joined(reasons: Sequence[str]) -> str:
    """Reasons that differ in their figures alone as one, each figure from the least to the largest."""
    head, then, remedy = reasons[0].partition("; ")
    columns = zip(*(QUANTITY.findall(each.partition("; ")[0]) for each in reasons), strict=True)
    spans = iter([_span(column) for column in columns])
    told = QUANTITY.sub(lambda _: next(spans), head)
    return told + then + (remedy.replace(ONE, "ask for one of them") if len(reasons) > 1 else remedy)


def _span(quantities: Sequence[tuple[str, str]]) -> str:
    sizes = {f"{number} {unit}": float(number.replace(",", "")) * SCALES[unit] for number, unit in quantities}
    low, high = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    return low if low == high else f"{low} to {high}"
