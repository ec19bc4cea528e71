"""What a report says of one record, as plain values: the template adds the words around them and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.doctor import diagnose
from matbench.analyse.plausible import implausible
from matbench.present.card import condition_lines, host_lines, software_lines
from matbench.present.choose import credit_at, headline_problems
from matbench.present.figures import finding
from matbench.present.left_out import skipped_lines
from matbench.present.report.chapters import has_speeds, tell
from matbench.present.sentences import (
    ceilings_sentence,
    closing_sentences,
    compile_sentence,
    extrapolated_sentence,
    steps,
)
from matbench.present.words import clean, count_threads, where
from matbench.units import format_factor, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table
    from matbench.model import Dtype, Problem, Record
    from matbench.present.report.chapters import Told
    from matbench.present.report.drawings import Drawings

__all__ = ["Story", "story_of"]

Lines = tuple[tuple[str, str], ...]


class Story(NamedTuple):
    """One record as it is told; all texts may be foreign, and are escaped by the template."""

    machine: str
    cpu: str
    date: str
    id: str
    command: str  # that repeats the run
    dtype: Dtype
    file: str  # begins the names of files that are saved from the page
    sentences: tuple[str, ...]  # the first is the one to remember
    chapters: tuple[Told, ...]
    hardware: Lines
    software: Lines
    conditions: Lines
    warnings: tuple[str, ...]
    skipped: tuple[str, ...]
    method: tuple[str, ...]
    is_ours: bool  # whether matbench measured it itself
    has_speeds: bool  # whether the work behind the times is known, so that it can be read against a peak
    climb: Lines  # rung and how many times faster than the base
    climbed: str  # where the climb is told
    island: str  # the record as an element of the page


def story_of(
    record: Record,
    tables: Sequence[Table],
    dtype: Dtype,
    island: str,
    attributions: Sequence[Attribution],
    *,
    drawings: Drawings,
) -> Story:
    """What is to be said of a record.

    Parameters
    ----------
    record
        What was measured.
    tables
        Its derived figures, of every operation; most is told of the first.
    dtype
        Element type that the figures are about.
    island
        The record as an element of the page.
    attributions
        Of any machine: those that belong to the record are told.
    drawings
        Of the page; the pictures are added to it.
    """
    header, table = record.header, tables[0]
    problems = headline_problems(table, dtype)
    credits_ = {problem: credit_at(header, problem, attributions) for problem in problems}
    return Story(
        machine=header.machine,
        cpu=header.host.cpu.brand,
        date=header.created[:10],
        id=header.id,
        command=header.plan.command,
        dtype=dtype,
        file="".join(letter for letter in header.id if letter.isascii() and letter.isalnum())[:60] or "record",
        sentences=tuple(_sentences(table, dtype, credits_)),
        chapters=tell(record, tables, dtype, credits_, drawings),
        hardware=tuple(host_lines(header.host)),
        software=tuple(software_lines(header.environment)),
        conditions=tuple(condition_lines(header.conditions)),
        warnings=tuple(_warnings(record)),
        skipped=tuple(line for each in tables for line in skipped_lines(each)),
        method=tuple(_method(record)),
        is_ours=header.plan.command.startswith("matbench run"),
        has_speeds=has_speeds(table),
        climb=tuple(_climb(table, problems)),
        climbed=where(problems[-1]) if problems else "",
        island=island,
    )


def _sentences(table: Table, dtype: Dtype, credits_: Mapping[Problem, Attribution | None]) -> list[str]:
    climbs = closing_sentences(table, credits_)
    told = (*climbs, extrapolated_sentence(table), compile_sentence(table), ceilings_sentence(table))
    found = [sentence for sentence in told if sentence]
    # Without NumPy's product or the base there is no climb to tell of.
    return found if climbs and climbs[0] else [finding("speedup", table, dtype=dtype), *found]


def _warnings(record: Record) -> Iterator[str]:
    """All that makes the figures less certain, each in a sentence."""
    header = record.header
    if not record.is_complete:
        yield "This run did not reach its end: what follows is what was measured until then."
    yield from record.warnings
    yield from record.end.warnings if record.end else ()
    yield from implausible(record)
    for each in record.measurements:
        if each.outcome in {"wrong", "ended"}:
            yield f"{each.case.kernel} at {where(each.case.problem)}: {each.reason or each.outcome}."
    for seen in diagnose(header.host, header.environment, header.conditions):
        if seen.level != "ok":
            yield f"{seen.subject}: {seen.saw}; {seen.why}{f' (remedy: {seen.remedy})' if seen.remedy else ''}"


def _method(record: Record) -> Iterator[str]:
    """What is particular to the run."""
    plan = record.header.plan
    measured = [each for each in record.measurements if len(each.samples)]
    samples = sum(len(each.samples) for each in measured)
    processes = len({process for each in measured for process in each.samples.process})
    counted = "1 process" if processes == 1 else f"{processes} processes"
    took = f" in {format_seconds(record.end.elapsed_s)}" if record.end else ""
    cases = f"{len(measured)} of {len(record.measurements)} cases"
    yield f"{cases} were measured, with {samples:,} samples from {counted}{took}."
    yield (
        f"Preset {plan.preset}, seed {plan.seed}, at most {plan.rounds} samples a case, each at least "
        f"{format_seconds(plan.sample_ns * 1e-9)} long, within {format_seconds(plan.budget_s)}."
    )
    if record.end and record.end.libraries:
        told = (f"{each.name} {each.version} ({each.api}, {each.architecture})" for each in record.end.libraries)
        yield f"Libraries in the sampling process: {', '.join(told)}."


def _climb(table: Table, problems: Sequence[Problem]) -> Iterator[tuple[str, str]]:
    """The climb of the first sentence, cumulated as the published ladders are."""
    found = steps(table, problems[-1]) if problems else ()
    if not found:
        return
    yield clean(table.base, 80), format_factor(1.0)
    factor = 1.0
    for step in found:
        factor *= step.factor
        case = step.row.case
        yield f"plus {step.name}: {clean(case.kernel, 80)}, {count_threads(case.threads)}", format_factor(factor)
