"""The commands that read records: show, plot, export, import, validate. None of them imports Numba."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.errors import MatbenchError, RecordError, UsageError
from matbench.model import DTYPES, Dtype, Header, Problem, Record
from matbench.present.choose import headline_problem, headline_problems
from matbench.present.json_object import run_object
from matbench.present.sentences import ceilings_sentence, closing_sentence, compile_sentence, extrapolated_sentence
from matbench.present.tables import ladder_table, overview_table, skipped_list, to_csv
from matbench.present.words import clean
from matbench.record.asv_reading import asv_files, asv_place, read_asv
from matbench.record.exchange import FOREIGN, read_samples, samples_csv
from matbench.record.journal import encode_record
from matbench.record.names import check_name
from matbench.record.store import find_records, keep_record, read_record, resolve_record, write_bytes, write_text
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
    """A record, or results of asv as one, and its derived figures; warns of what the reader had to set aside."""
    record = _record_meant(argument, results, base)
    for warning in record.warnings:
        console.warn(warning)
    if not record.is_complete:
        console.warn("this run did not reach its end; matbench run --resume continues it")
    names = [card.name for card in record.header.kernels]
    if base is not None and base not in names:
        raise UsageError(f"no kernel {base!r} in this record; there are: {', '.join(map(clean, names))}")
    return record, _only_times(tabulate(record, base))


def _record_meant(argument: str | None, results: Path, base: str | None) -> Record:
    """The record that is meant, be it one of asv's."""
    place = None if argument is None else asv_place(argument)
    if place is None:
        return read_record(resolve_record(argument, results))
    return _newest(place, base) if place.is_dir() else read_asv(place, base)


def _newest(folder: Path, base: str | None) -> Record:
    """The newest of asv's results in a folder that hold times against a size."""
    paths = asv_files(folder)
    refused = []
    for path in paths:
        try:
            record = read_asv(path, base)
        except RecordError as error:
            refused.append(error)
            continue
        if len(paths) > 1:
            console.note(f"{path.parent.name}/{path.name}, the newest of {len(paths)} results")
        return record
    raise refused[0]


def _only_times(table: Table) -> Table:
    """The table without rates of what need not be a product of matrices: 2 m n k says nothing of a sort."""
    rows = (
        msgspec.structs.replace(row, rate=None, peak_fraction=None) if row.card.origin == FOREIGN else row
        for row in table.rows
    )
    return msgspec.structs.replace(table, rows=tuple(rows))


def _has_rates(table: Table) -> bool:
    return any(row.rate is not None for row in table.rows)


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
    parts += [overview_table(table, dtype) for dtype in dtypes if _has_rates(table)]
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
    console.hint(f"draw it: matbench plot {shlex.quote(argument or record.header.id)}")
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
    if kinds is None and not _has_rates(table):
        wanted = ["speedup"]
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
    raise UsageError(f"no format {form!r}; there are: csv, samples, json, md, record, asv")


def export_record(argument: str | None, results: Path, *, form: str, target: Path | None, base: str | None) -> int:
    """Write a record in another format, to a file or to standard output; as asv's results, to its folder."""
    record, table = load_table(argument, results, base)
    if form == "asv":
        from matbench.cli.asv import file_for_asv

        return file_for_asv(record, table, results, target)
    text = _encoded(record, table, form)
    if target is None:
        console.data(text)
    else:
        write_text(target, text)
        console.data(str(target))
    return 0


FORMS = ("record", "samples", "asv")  # that can be imported


def import_file(source: Path, results: Path, *, form: str | None, base: str | None) -> int:
    """Take in what was measured elsewhere: a record, raw samples, results of asv."""
    form = form or _form_of(source)
    if form not in FORMS:
        raise UsageError(f"no format {form!r} to import from; there are: {', '.join(FORMS)}")
    if form == "record" and base is not None:
        raise UsageError("a record has its base; give --base to matbench show or matbench plot")
    paths = [_kept(record, name, results) for name, record in _foreign_records(source, form, base)]
    for path in paths:
        console.data(str(path))
    console.hint(f"look at it: matbench show {paths[0].stem} | matbench plot {paths[0].stem}")
    return 0


def _form_of(source: Path) -> str:
    if source.suffix == ".csv":
        return "samples"
    return "record" if asv_place(str(source)) is None else "asv"


def _foreign_records(source: Path, form: str, base: str | None) -> list[tuple[str, Record]]:
    """What is to be taken in, with the name of its file; of a folder of asv's, the newest of each environment."""
    if form == "record":
        return [(source.name, read_record(source))]
    if form == "samples":
        return [(source.name, read_samples(source, base))]
    if not source.is_dir():
        return [(source.name, read_asv(source, base))]
    newest: dict[tuple[Path, str], Path] = {}
    for path in asv_files(source):
        newest.setdefault((path.parent, path.name.partition("-")[2]), path)
    found, refused = [], []
    for path in newest.values():
        try:
            found.append((path.name, read_asv(path, base)))
        except MatbenchError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    for each in refused:
        console.warn(str(each))
    return found


def _kept(record: Record, name: str, results: Path) -> Path:
    for warning in record.warnings:
        console.warn(warning)
    findings = implausible(record)
    if findings:
        raise RecordError(f"{name} is not plausible: {findings[0]}; ask its author to measure again")
    return keep_record(record, results)


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
