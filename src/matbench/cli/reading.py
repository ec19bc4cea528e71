"""The commands that read records: show, plot, export, import, validate. None of them imports Numba."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.errors import RecordError, UsageError
from matbench.model import DTYPES, Dtype, Header, Problem, Record
from matbench.present.choose import headline_problem, headline_problems
from matbench.present.json_object import run_object
from matbench.present.sentences import ceilings_sentence, closing_sentence, compile_sentence, extrapolated_sentence
from matbench.present.tables import ladder_table, overview_table, skipped_list, to_csv
from matbench.present.words import clean
from matbench.record.exchange import samples_csv
from matbench.record.journal import encode_record
from matbench.record.names import check_name
from matbench.record.store import find_records, import_record, read_record, resolve_record, write_bytes, write_text
from matbench.sizes import parse_sizes

__all__ = [
    "chosen_dtype",
    "draw_figures",
    "export_record",
    "import_file",
    "load_table",
    "parse_dtype",
    "plot_record",
    "run_json",
    "show_record",
    "told",
    "validate_files",
]


def parse_dtype(text: str) -> Dtype:
    """One of the dtypes of the suite."""
    for dtype in DTYPES:
        if text.strip() == dtype:
            return dtype
    raise UsageError(f"no dtype {text.strip()!r}; there are: {', '.join(get_args(Dtype))}")


def chosen_dtype(table: Table, asked: str | None = None) -> Dtype:
    """The dtype asked for, or the first of the record.

    Raises
    ------
    UsageError
        If the record has nothing in it.
    """
    there = tuple(dict.fromkeys(row.case.problem.dtype for row in table.rows))
    if asked is None:
        return there[0] if there else "float64"
    dtype = parse_dtype(asked)
    if dtype not in there:
        raise UsageError(f"nothing in {dtype} in this record; there are: {', '.join(there) or 'none'}")
    return dtype


def load_table(argument: str | None, results: Path, base: str | None) -> tuple[Record, Table]:
    """A record and its derived figures; warns of what the reader had to set aside."""
    record = read_record(resolve_record(argument, results))
    for warning in record.warnings:
        console.warn(warning)
    if not record.is_complete:
        console.warn("this run did not reach its end; matbench run --resume continues it")
    names = [card.name for card in record.header.kernels]
    if base is not None and base not in names:
        raise UsageError(f"no kernel {base!r} in this record; there are: {', '.join(map(clean, names))}")
    return record, tabulate(record, base)


def run_json(header: Header, table: Table) -> str:
    """The object that DESIGN promises to programs."""
    return msgspec.json.format(msgspec.json.encode(run_object(header, table)), indent=1).decode()


def _heading(header: Header) -> str:
    plan = header.plan
    words = [
        clean(each) for each in (header.machine, header.host.cpu.brand, header.created[:10], plan.command, header.id)
    ]
    return "{}: {}, {}, `{}`, record {}".format(*words)


def told(header: Header, table: Table, problems: Sequence[Problem]) -> str:
    """Heading, one ladder a problem, sentences, overview, and what was left out."""
    parts = [_heading(header), *(ladder_table(table, problem) for problem in problems)]
    sentences = (
        *(closing_sentence(table, problem) for problem in problems),
        extrapolated_sentence(table),
        compile_sentence(table),
        ceilings_sentence(table),
    )
    parts += [sentence for sentence in sentences if sentence]
    dtypes = dict.fromkeys(row.case.problem.dtype for row in table.rows)
    parts += [overview_table(table, dtype) for dtype in dtypes]
    left_out = skipped_list(table)
    return "\n\n".join([*parts, *([f"Left out:\n\n{left_out}"] if left_out else [])])


def _problems(table: Table, size: str | None, dtype: Dtype) -> list[Problem]:
    """The problems whose ladders are shown: those asked for, or the one that the sentence is about."""
    there = dict.fromkeys(row.case.problem for row in table.rows if row.case.problem.dtype == dtype)
    if size is None:
        return [*headline_problems(table, dtype)] or [each for each in there if each.is_square][-1:]
    shapes = parse_sizes(size)
    chosen = [each for each in there if (each.m, each.n, each.k) in shapes]
    if not chosen:
        sizes = ", ".join(each.shape_label for each in there if not each.is_slab) or "none"
        raise UsageError(f"no size {size} in {dtype} in this record; there are: {sizes}")
    return chosen


def show_record(
    argument: str | None, results: Path, *, size: str | None, dtype: str | None, base: str | None, as_json: bool
) -> int:
    """Print a record."""
    record, table = load_table(argument, results, base)
    if as_json:
        console.data(run_json(record.header, table))
        return 0
    console.data(told(record.header, table, _problems(table, size, chosen_dtype(table, dtype))))
    console.hint(f"draw it: matbench plot {record.header.id}")
    return 0


def draw_figures(table: Table, folder: Path, kinds: Sequence[str], dtype: Dtype, *, dark: bool) -> list[Path]:
    """Write the figures of one dtype, each as PNG and SVG; returns the files."""
    from matbench.present import figures  # Matplotlib takes half a second to import

    problem = headline_problem(table, dtype)
    made = {
        "speedup": lambda: figures.speedup_figure(table, dtype, dark),
        "rate": lambda: figures.rate_figure(table, dtype, dark),
        "threads": lambda: figures.thread_figure(table, dtype, dark),
    }
    if problem is not None:
        made["ladder"] = lambda: figures.ladder_figure(table, problem, dark)
    digest = figures.digest(table)
    paths = []
    for kind in kinds:
        if kind not in made:
            continue
        figure = made[kind]()
        known = next(each for each in figures.KINDS if each == kind)
        title = figures.finding(known, table, dtype=dtype, problem=problem)
        description = figures.alt_text(known, table, dtype=dtype, problem=problem)
        for form in ("png", "svg"):
            path = folder / f"{kind}-{dtype}{'-dark' if dark else ''}.{form}"
            write_bytes(path, figures.render(figure, form, title=title, description=description, digest=digest))
            paths.append(path)
    return paths


def figure_folder(results: Path, header: Header) -> Path:
    """Where the figures of a record go by default."""
    # The names come from a file that may be a stranger's: no path out of the folder.
    return results / "figures" / check_name(header.machine, "machine label") / check_name(header.id, "record id")


def plot_record(
    argument: str | None,
    results: Path,
    *,
    kinds: str | None,
    dtype: str | None,
    dark: bool,
    folder: Path | None,
    base: str | None,
) -> int:
    """Draw a record's figures."""
    from matbench.present.figures import KINDS

    wanted = [kind.strip() for kind in kinds.split(",")] if kinds else list(KINDS)
    for kind in wanted:
        if kind not in KINDS:
            raise UsageError(f"no figure {kind!r}; there are: {', '.join(KINDS)}")
    record, table = load_table(argument, results, base)
    target = folder or figure_folder(results, record.header)
    for path in draw_figures(table, target, wanted, chosen_dtype(table, dtype), dark=dark):
        console.data(str(path))
    return 0


def _encoded(record: Record, table: Table, form: str) -> str:
    if form == "csv":
        return to_csv(table)
    if form == "samples":
        return samples_csv(record)
    if form == "json":
        return run_json(record.header, table)
    if form == "md":
        return told(record.header, table, _problems(table, None, chosen_dtype(table)))
    if form == "record":
        return encode_record(record).decode()
    raise UsageError(f"no format {form!r}; there are: csv, samples, json, md, record")


def export_record(argument: str | None, results: Path, *, form: str, target: Path | None, base: str | None) -> int:
    """Write a record in another format, to a file or to standard output."""
    record, table = load_table(argument, results, base)
    text = _encoded(record, table, form)
    if target is None:
        console.data(text)
    else:
        write_text(target, text)
        console.data(str(target))
    return 0


def import_file(source: Path, results: Path) -> int:
    """Take in a stranger's record."""
    record = read_record(source)
    for warning in record.warnings:
        console.warn(warning)
    findings = implausible(record)
    if findings:
        raise RecordError(f"{source.name} is not plausible: {findings[0]}; ask its author to measure again")
    path = import_record(source, results)
    console.data(str(path))
    console.hint(f"look at it: matbench show {path.stem}")
    return 0


def validate_files(paths: Sequence[Path]) -> int:
    """Check records; 1 if any finding, and the worst code if one can't be read."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = find_records(path)
            if not inside:
                raise RecordError(f"no records under {path.name}; give a results folder, one that holds records/")
            files += inside
        else:
            files.append(path)
    code = 0
    for path in files:
        try:
            record = read_record(path)
        except RecordError as error:
            console.error(str(error))
            code = 2
            continue
        findings = (*record.warnings, *implausible(record))
        state = "" if findings else " ok" if record.is_complete else " ok, but not complete"
        console.data(f"{path.name}:{state}" + "".join(f"\n  {each}" for each in findings))
        code = max(code, 1 if findings else 0)
    return code
