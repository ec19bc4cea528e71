"""The pictures there are, each with its words and its numbers, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict, get_args

from matbench.errors import UsageError
from matbench.present.choose import headline_problem
from matbench.present.figures import credit, distributions, heatmap, percore, roofline, told
from matbench.present.figures.frame import nothing, subheading
from matbench.present.figures.ladder import ladder_figure
from matbench.present.figures.rate import rate_figure
from matbench.present.figures.speedup import speedup_figure
from matbench.present.figures.threads import thread_figure
from matbench.present.style import inks, looks
from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table
    from matbench.model import Dtype, Problem, Record
    from matbench.present.numbers import Numbers

__all__ = ["KINDS", "About", "Kind", "alt_text", "draw", "finding", "numbers"]

Kind = Literal["speedup", "rate", "threads", "ladder", "percore", "roofline", "heatmap", "distributions", "credit"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class About(TypedDict):
    """What all functions of a kind of picture can be told besides the table."""

    dtype: Dtype
    problem: Problem | None
    record: Record | None
    attribution: Attribution | None


class _Asked(NamedTuple):
    """What a picture is asked about; each takes what it needs."""

    table: Table
    dtype: Dtype
    problem: Problem | None
    record: Record | None
    attribution: Attribution | None


class _Picture(NamedTuple):
    draw: Callable[[_Asked, bool], Figure]
    finding: Callable[[_Asked], str]
    alt: Callable[[_Asked], str]
    numbers: Callable[[_Asked], Numbers]


def draw(
    kind: Kind,
    table: Table,
    *,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    attribution: Attribution | None = None,
    dark: bool = False,
) -> Figure:
    """The picture of a kind; where there is nothing to draw, a sheet that says so.

    Parameters
    ----------
    kind
        One of `KINDS`.
    table
        The derived figures.
    dtype
        Element type of the pictures over n and over threads.
    problem
        Of the pictures at one size; by default the one that the run is told by.
    record
        Has the raw samples, which `distributions` draws, and the caches and cores that `roofline` and `percore` reckon
        with.
    attribution
        What `credit` draws.
    dark
        Whether on dark paper.

    Raises
    ------
    UsageError
        If there is no such kind.
    """
    return _picture(kind).draw(_asked(table, dtype, problem, record, attribution), dark)


def finding(
    kind: Kind,
    table: Table,
    *,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    attribution: Attribution | None = None,
) -> str:
    """What the picture of this kind says, in one sentence; parameters as for `draw`."""
    return _picture(kind).finding(_asked(table, dtype, problem, record, attribution))


def alt_text(
    kind: Kind,
    table: Table,
    *,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    attribution: Attribution | None = None,
) -> str:
    """The picture for somebody who can't see it: kind of chart, axes, range, then the finding; as for `draw`."""
    return _picture(kind).alt(_asked(table, dtype, problem, record, attribution))


def numbers(
    kind: Kind,
    table: Table,
    *,
    dtype: Dtype = "float64",
    problem: Problem | None = None,
    record: Record | None = None,
    attribution: Attribution | None = None,
) -> Numbers:
    """The numbers that the picture is drawn from; no rows where there is nothing to draw; as for `draw`."""
    return _picture(kind).numbers(_asked(table, dtype, problem, record, attribution))


def _picture(kind: Kind) -> _Picture:
    found = _PICTURES.get(kind)
    if found is None:
        raise UsageError(f"no picture {clean(str(kind))!r}; there are {', '.join(KINDS)}")
    return found


def _asked(
    table: Table,
    dtype: Dtype,
    problem: Problem | None,
    record: Record | None,
    attribution: Attribution | None,
) -> _Asked:
    return _Asked(table, dtype, problem or headline_problem(table, dtype), record, attribution)


def _over_sizes(
    draw_it: Callable[[Table, Dtype, bool], Figure],
    finding_it: Callable[[Table, Dtype], str],
    alt_it: Callable[[Table, Dtype], str],
    rows_of: Callable[[Table, Dtype], Numbers],
) -> _Picture:
    """A picture that needs the table and the element type alone."""
    return _Picture(
        lambda asked, dark: draw_it(asked.table, asked.dtype, dark),
        lambda asked: finding_it(asked.table, asked.dtype),
        lambda asked: alt_it(asked.table, asked.dtype),
        lambda asked: rows_of(asked.table, asked.dtype),
    )


def _at_problem(
    draw_it: Callable[[Table, Dtype, Problem | None, Record | None, bool], Figure],
    finding_it: Callable[[Table, Dtype, Problem | None, Record | None], str],
    alt_it: Callable[[Table, Dtype, Problem | None, Record | None], str],
    rows_of: Callable[[Table, Dtype, Problem | None, Record | None], Numbers],
) -> _Picture:
    """A picture of one size that needs the record besides the table."""
    return _Picture(
        lambda asked, dark: draw_it(*asked[:4], dark),
        lambda asked: finding_it(*asked[:4]),
        lambda asked: alt_it(*asked[:4]),
        lambda asked: rows_of(*asked[:4]),
    )


def _ladder(asked: _Asked, dark: bool) -> Figure:
    if asked.problem is not None:
        return ladder_figure(asked.table, asked.problem, dark)
    ink = inks(dark=dark)
    with looks(ink):
        return nothing(ink, "The ladder", subheading(asked.table, asked.dtype))


_PICTURES: dict[str, _Picture] = {
    "speedup": _Picture(
        lambda asked, dark: speedup_figure(asked.table, asked.dtype, dark),
        lambda asked: told.finding_speedup(asked.table, asked.dtype, asked.problem),
        lambda asked: told.alt_speedup(asked.table, asked.dtype, asked.problem),
        lambda asked: told.rows_speedup(asked.table, asked.dtype),
    ),
    "rate": _over_sizes(rate_figure, told.finding_rate, told.alt_rate, told.rows_rate),
    "threads": _over_sizes(thread_figure, told.finding_threads, told.alt_threads, told.rows_threads),
    "ladder": _Picture(
        _ladder,
        lambda asked: told.finding_ladder(asked.table, asked.dtype, asked.problem),
        lambda asked: told.alt_ladder(asked.table, asked.dtype, asked.problem),
        lambda asked: told.rows_ladder(asked.table, asked.dtype, asked.problem),
    ),
    "percore": _Picture(
        lambda asked, dark: percore.draw_percore(asked.table, asked.dtype, asked.record, dark),
        lambda asked: percore.finding_percore(asked.table, asked.dtype, asked.record),
        lambda asked: percore.alt_percore(asked.table, asked.dtype, asked.record),
        lambda asked: percore.rows_percore(asked.table, asked.dtype, asked.record),
    ),
    "roofline": _at_problem(
        roofline.draw_roofline, roofline.finding_roofline, roofline.alt_roofline, roofline.rows_roofline
    ),
    "heatmap": _over_sizes(heatmap.draw_heatmap, heatmap.finding_heatmap, heatmap.alt_heatmap, heatmap.rows_heatmap),
    "distributions": _at_problem(
        distributions.draw_distributions,
        distributions.finding_distributions,
        distributions.alt_distributions,
        distributions.rows_distributions,
    ),
    "credit": _Picture(
        lambda asked, dark: credit.draw_credit(asked.attribution, dark, asked.table),
        lambda asked: credit.finding_credit(asked.attribution),
        lambda asked: credit.alt_credit(asked.attribution),
        lambda asked: credit.rows_credit(asked.attribution),
    ),
}
