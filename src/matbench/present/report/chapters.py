"""The figures of a report, in the order in which they are told: each a finding, a picture, a table, a CSV."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from matbench.operations import OPERATIONS
from matbench.present import figures
from matbench.present.attribution import HOW, at_size
from matbench.present.choose import cards, has_time, headline_problem
from matbench.present.crossover import finding_crossover, numbers_crossover
from matbench.present.figures import Kind
from matbench.present.numbers import csv_of, texts
from matbench.present.operations import heading, pace_sentence
from matbench.present.report.drawings import dark_colours
from matbench.present.report.page import data_uri
from matbench.present.words import speed_of, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table
    from matbench.model import Dtype, Problem, Record
    from matbench.present.numbers import Numbers
    from matbench.present.report.drawings import Drawings

__all__ = ["CHAPTERS", "Chapter", "Told", "has_speeds", "tell"]


class Chapter(NamedTuple):
    """One figure of the report."""

    kind: Kind | None  # of the picture; None where there is a table only
    name: str  # in addresses and file names
    title: str
    reading: str  # how the picture is read, where it does not say so itself


CHAPTERS = (
    Chapter(
        "ladder",
        "ladder",
        "The ladder",
        "Each rung adds one idea to the one above it; between two rungs stands what it is worth in this order.",
    ),
    Chapter(
        "credit",
        "credit",
        "What made it fast, in whatever order",
        "Measured apart, with each idea switched on and off in the same generated product: what an idea adds to those "
        "before it depends on the order in which they are told, the average over all orders does not.",
    ),
    Chapter("speedup", "speedup", "Speed-up against n", "Bars are 95 % intervals; hollow marks rest on a prediction."),
    Chapter(
        "rate",
        "rate",
        "GFLOP/s against n, up to the measured peak",
        "The axis ends at the peak: what is missing to it is what the kernel leaves unused.",
    ),
    Chapter("percore", "percore", "Thread scaling per core", "Level lines would be perfect scaling."),
    Chapter("threads", "threads", "Efficiency of threads", "The rate per thread over that on the fewest threads."),
    Chapter(
        "roofline",
        "roofline",
        "Roofline",
        "Under the slanted roof memory is what limits, under the level one arithmetic is.",
    ),
    Chapter(
        "heatmap",
        "heatmap",
        "Kernel by size, as % of the peak",
        "100 % are chains of multiply-adds on as many threads; which of them stands below the picture.",
    ),
    Chapter(
        "distributions",
        "distributions",
        "How the samples scatter",
        "Every sample as it was taken, relative to the median of its kernel.",
    ),
    Chapter(
        None,
        "crossover",
        "Which kernel from which size on",
        "The fastest kernel of each range of n, with and without the compile time of a first call.",
    ),
)


UNKNOWN = f"What each is worth whatever the order was not measured on this machine: {HOW}."
TIMES_ALONE = {"ladder", "speedup", "distributions", None}  # kinds that say something where no rate is known


class Told(NamedTuple):
    """A chapter of one record, ready for the page."""

    chapter: Chapter
    finding: str  # one sentence, computed from the data
    svg: str | None  # the picture as an element of the page; None where there is nothing to draw
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]  # by column
    csv: str  # address of a link


def has_speeds(table: Table) -> bool:
    """Whether the times are of known work; False for another project's benchmarks, of which only times are known."""
    timed = [row for row in table.rows if has_time(row)]
    return not timed or any(speed_of(row) is not None for row in timed)


def tell(
    record: Record,
    tables: Sequence[Table],
    dtype: Dtype,
    told: Mapping[Problem, Attribution | None],
    drawings: Drawings,
) -> tuple[Told, ...]:
    """All chapters of a record.

    Parameters
    ----------
    record
        What was measured.
    tables
        Its derived figures, of every operation; of all but the first only the ladder is told.
    dtype
        Element type that is told of.
    told
        What the record is told by: each problem has its ladder, and beside it the attribution where there is one; the
        first is what other pictures of one size show.
    drawings
        Of the page; the pictures are added to it.
    """
    first, *others = tables
    teller = _Teller(record, first, dtype, drawings)
    beside = (_Teller(record, each, dtype, drawings).operation() for each in others)
    return (*teller.chapters(told), *beside)


@dataclass
class _Teller:
    """Makes the chapters of one operation in a record."""

    record: Record
    table: Table
    dtype: Dtype
    drawings: Drawings

    @cached_property
    def dark(self) -> Mapping[str, str]:
        """For each colour of a light picture, the one in its place in the dark."""
        return dark_colours(cards(self.table))

    def chapters(self, told: Mapping[Problem, Attribution | None]) -> Iterator[Told]:
        """All chapters of the operation that the record is about, in order."""
        first = next(iter(told), None)
        for chapter in CHAPTERS if has_speeds(self.table) else (each for each in CHAPTERS if each.kind in TIMES_ALONE):
            if chapter.kind is None:
                numbers = numbers_crossover(self.table, self.dtype)
                yield _told(chapter, finding_crossover(self.table, self.dtype), None, numbers)
            elif chapter.kind == "ladder" and first is not None:
                yield from self._ladders(chapter, told)
            elif chapter.kind == "credit":
                yield from self._credits(chapter, told)
            else:
                yield self._pictured(chapter, chapter.kind, self.dtype, first)
        # The rates in the other element types of the record; how they are read has been told.
        for other in dict.fromkeys(row.case.problem.dtype for row in self.table.rows if row.rate is not None):
            if other != self.dtype:
                chapter = Chapter("rate", f"rate-{other}", f"GFLOP/s against n in {other}", "")
                yield self._pictured(chapter, "rate", other, None)

    def _ladders(self, chapter: Chapter, told: Mapping[Problem, Attribution | None]) -> Iterator[Told]:
        """The ladder in the told order at each problem, with the way to the credit where that was not measured."""
        reading = chapter.reading if any(told.values()) else f"{chapter.reading} {UNKNOWN}"
        for problem in told:
            titled = chapter._replace(title=f"{chapter.title} at {where(problem)}", reading=reading)
            yield self._pictured(titled, "ladder", self.dtype, problem)

    def _credits(self, chapter: Chapter, told: Mapping[Problem, Attribution | None]) -> Iterator[Told]:
        """The credit in whatever order, once for each attribution that stands beside a ladder."""
        for credit in dict.fromkeys(each for each in told.values() if each is not None):
            title, name = f"{chapter.title}, at {at_size(credit)}", f"{chapter.name}-{credit.n}"
            yield self._pictured(chapter._replace(title=title, name=name), "credit", self.dtype, None, credit)

    def operation(self) -> Told:
        """The one chapter of an operation that was measured beside."""
        problem = headline_problem(self.table, self.dtype)
        known = OPERATIONS[self.table.operation]
        reading = "" if problem is None else pace_sentence(self.table, problem)
        chapter = Chapter("ladder", f"ladder-{self.table.operation}", f"Beside it, {heading(known)}", reading)
        return self._pictured(chapter, "ladder", self.dtype, problem)

    def _pictured(
        self, chapter: Chapter, kind: Kind, dtype: Dtype, problem: Problem | None, credit: Attribution | None = None
    ) -> Told:
        """A chapter with its picture, or without it where there is nothing to draw."""
        asked = figures.About(dtype=dtype, problem=problem, record=self.record, attribution=credit)
        numbers = figures.numbers(kind, self.table, **asked)
        element = None
        if numbers.rows:
            described = figures.alt_text(kind, self.table, **asked)
            figure = figures.draw(kind, self.table, **asked)
            element = self.drawings.add(figure, chapter.title, described, self.dark)
        return _told(chapter, figures.finding(kind, self.table, **asked), element, numbers)


def _told(chapter: Chapter, finding: str, svg: str | None, numbers: Numbers) -> Told:
    cells = list(zip(*numbers.rows, strict=True)) or [()] * len(numbers.columns)
    return Told(
        chapter=chapter,
        finding=finding,
        svg=svg,
        columns=numbers.columns,
        rows=tuple(map(tuple, texts(numbers))),
        numeric=tuple(any(isinstance(cell, int | float) for cell in column) for column in cells),
        csv=data_uri(csv_of(numbers), "text/csv"),
    )
