"""The crossover table: from which size on each rung holds its own, with and without the time to compile it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.analyse.crossover import Span, compile_seconds, overtakes, winners
from matbench.present.choose import square_series
from matbench.present.numbers import Numbers, texts
from matbench.present.tables import render_markdown
from matbench.present.words import count_threads, listed, who

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype
    from matbench.present.choose import Series

__all__ = ["crossover_table", "finding_crossover", "numbers_crossover"]

NEVER = "no lasting win"  # clearly slower at the largest size, or nowhere faster
MOST_SPANS = 3  # that a sentence lists


def _series(table: Table, dtype: Dtype) -> tuple[Series, ...]:
    return tuple(one for one in square_series(table, dtype) if one.layout == "C")


def _base_rows(table: Table, series: Sequence[Series]) -> tuple[Row, ...]:
    return next((one.rows for one in series if one.card.name == table.base and one.threads == 1), ())


def numbers_crossover(table: Table, dtype: Dtype = "float64") -> Numbers:
    """A row for each rung and thread count: from which n on it is not clearly slower, than what.

    "From n on" is the smallest size at which its time is the shorter one, of those with no larger size at which it is
    clearly slower. Predicted times count, and a size at which one of the two is predicted is marked ``~``. The columns
    on compiling are empty for what is not compiled.
    """
    series = _series(table, dtype)
    base, compiling = _base_rows(table, series), compile_seconds(table, dtype)
    fastest = winners([one.rows for one in series])
    columns = (
        *("kernel", "threads", f"not clearly slower than {table.base} from n on", "rung before"),
        *("not clearly slower than it from n on", "no other is clearly faster at n", "first call [s]"),
        f"one call with compiling not clearly slower than {table.base} from n on",
    )
    rows = []
    for place, one in enumerate(series):
        before = next((other for other in reversed(series[:place]) if other.threads <= one.threads), None)
        first_s = compiling.get(one.card.name)
        is_base = one.card.name == table.base and one.threads == 1
        rows.append(
            (
                one.card.name,
                one.threads,
                None if is_base or not base else _from(one.rows, base),
                None if before is None else f"{before.card.name} on {count_threads(before.threads)}",
                None if before is None else _from(one.rows, before.rows),
                ", ".join(_range(span) for span in fastest if span[:2] == (one.card.name, one.threads)) or None,
                first_s,
                None if first_s is None or not base else _from(one.rows, base, first_s),
            )
        )
    return Numbers(columns, tuple(rows))


def _from(rows: Sequence[Row], rivals: Sequence[Row], extra_s: float = 0.0) -> int | str:
    """What `overtakes` gives, marked where one of the two is predicted there."""
    n = overtakes(rows, rivals, extra_s)
    if n is None:
        return NEVER
    return f"~{n}" if any(row.extrapolated for row in (*rows, *rivals) if row.case.problem.n == n) else n


def _range(span: Span) -> str:
    return str(span.first) if span.first == span.last else f"{span.first} to {span.last}"


def finding_crossover(table: Table, dtype: Dtype = "float64") -> str:
    """Than which rung no other is clearly faster from which n on, of calls alone and of one that has to compile."""
    series = [one.rows for one in _series(table, dtype)]
    spans = winners(series)
    if not spans:
        return "Nothing was measured."
    compiling = compile_seconds(table, dtype)
    text = f"In {dtype}, of calls alone, {_told(spans)}"
    if not compiling:
        return f"{text}."
    return f"{text}; where a single call has to pay for compiling, {_told(winners(series, compiling))}."


def _told(spans: Sequence[Span]) -> str:
    last = spans[-1]
    if len(spans) == 1:
        return f"no other is clearly faster than {who(*last[:2])} at any size measured"
    top = f"no other is clearly faster than {who(*last[:2])} from n = {last.first} on"
    if len(spans) <= MOST_SPANS:
        return f"{top}, than {listed(f'{who(*span[:2])} at n = {_range(span)}' for span in spans[:-1])}"
    others = [each for each in dict.fromkeys(who(*span[:2]) for span in spans[:-1]) if each != who(*last[:2])]
    if not others:
        return top
    return f"{top}; at smaller sizes that holds of {listed(others)}{'' if len(others) == 1 else ' by turns'}"


def crossover_table(table: Table, dtype: Dtype = "float64") -> str:
    """`numbers_crossover` as a Markdown table, without columns that hold nothing."""
    numbers = numbers_crossover(table, dtype)
    if not numbers.rows:
        return "Nothing was measured."
    kept = [place for place in range(len(numbers.columns)) if any(row[place] is not None for row in numbers.rows)]
    lines = [[line[place] for place in kept] for line in texts(numbers)]
    return render_markdown([numbers.columns[place] for place in kept], lines)
