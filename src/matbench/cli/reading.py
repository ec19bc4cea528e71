"""The commands that read records: show, plot, export. None of them imports Numba."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec

from matbench.analyse.attribution import Attribution, nearest
from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.cli.credits import kept
from matbench.cli.operations import chosen_tables, section, tables_of
from matbench.cli.options import way_on
from matbench.errors import MatbenchError, RecordError, UsageError
from matbench.model import DTYPES, Case, Dtype, Header, Problem, Record
from matbench.operations import PRODUCT
from matbench.present.choose import credit_at, headline_problem, headline_problems
from matbench.present.json_object import run_object
from matbench.present.machine_code import codes_csv, compiled_kernels
from matbench.present.operations import contrast
from matbench.present.tables import to_csv
from matbench.present.words import clean
from matbench.record.asv_reading import asv_files, asv_place, read_asv
from matbench.record.exchange import FOREIGN, samples_csv
from matbench.record.journal import encode_record
from matbench.record.names import check_name
from matbench.record.reading import AnyRecord
from matbench.record.store import read_record, resolve_record, write_bytes, write_text
from matbench.sizes import parse_sizes

__all__ = [
    "asv_records",
    "chosen_dtype",
    "draw_figures",
    "export_record",
    "extent_of",
    "load_table",
    "parse_dtype",
    "plot_record",
    "run_json",
    "sections_of",
    "show_record",
    "told",
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
        remedy = way_on(resolve_record(argument, results), results, "matbench run --resume")
        console.warn(f"this run did not reach its end ({extent_of(record)}); {remedy}")
    if base is not None:
        _check_base(record, base)
    return record, _only_times(tabulate(record, base))


def _check_base(record: Record, base: str) -> None:
    """Refuse a base without a time on one thread: that it was installed is not enough to tell anything over it."""
    timed = {
        each.case.kernel
        for each in record.measurements
        if len(each.samples) and each.outcome != "wrong" and each.case.threads == 1
    }
    if base in timed:
        return
    cards = [card.name for card in record.header.kernels]
    ladder = [*(name for name in cards if name in timed), *sorted(timed - set(cards))]
    there = ", ".join(clean(name, 80) for name in ladder) or "none"
    raise UsageError(f"no kernel {clean(base, 80)!r} with a time on 1 thread in this record; there are: {there}")


def extent_of(record: AnyRecord) -> str:
    """How much of what was planned a record holds: ``12 of 40 cases``."""
    if isinstance(record, Record):
        blocks = record.header.plan.blocks
        planned = {Case(kernel, block.problem, threads) for block in blocks for kernel, threads in block.arms}
        return f"{sum(each.case in planned for each in record.measurements)} of {len(planned)} cases"
    return f"{len(record.processes)} of {record.header.settings.processes} processes"


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
        msgspec.structs.replace(row, rate=None, peak_share=None) if row.card.origin == FOREIGN else row
        for row in table.rows
    )
    return msgspec.structs.replace(table, rows=tuple(rows))


def _has_rates(table: Table) -> bool:
    return any(row.rate is not None for row in table.rows)


def run_json(header: Header, *tables: Table) -> str:
    """The object that DESIGN promises to programs."""
    return msgspec.json.format(msgspec.json.encode(run_object(header, *tables)), indent=1).decode()


def _heading(header: Header) -> str:
    plan = header.plan
    words = [
        clean(each) for each in (header.machine, header.host.cpu.brand, header.created[:10], plan.command, header.id)
    ]
    return "{}: {}, {}, `{}`, record {}".format(*words)


def told(
    header: Header, sections: Sequence[tuple[Table, Sequence[Problem]]], attributions: Sequence[Attribution] = ()
) -> str:
    """Heading, the ladders of every operation with what they say, and the operations beside each other."""
    parts = [_heading(header)]
    for place, (table, problems) in enumerate(sections):
        parts += section(
            table, problems, limits=place == 0, credit=partial(credit_at, header, attributions=attributions)
        )
    if len(sections) > 1:
        tables = [table for table, _ in sections]
        parts.append(contrast(tables, chosen_dtype(tables[0])))
    return "\n\n".join(parts)


def sections_of(
    record: Record, table: Table, base: str | None = None, size: str | None = None, dtype: str | None = None
) -> list[tuple[Table, list[Problem]]]:
    """The tables of a record, each with the problems whose ladders are shown; those without the size are left out.

    Raises
    ------
    UsageError
        If no table has the size or the dtype.
    """
    found, refused = [], []
    for each in tables_of(record, table, base):
        try:
            found.append((each, _problems(each, size, chosen_dtype(each, dtype))))
        except UsageError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    return found


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
        console.data(run_json(record.header, *tables_of(record, table, base)))
        return 0
    console.data(told(record.header, sections_of(record, table, base, size, dtype), kept(results)))
    console.hint(f"draw it: matbench plot {shlex.quote(argument or record.header.id)}")
    return 0


def draw_figures(
    table: Table,
    folder: Path,
    kinds: Sequence[str],
    dtype: Dtype,
    *,
    dark: bool,
    record: Record,
    attributions: Sequence[Attribution] = (),
) -> list[Path]:
    """Write the figures of one dtype that there is something for, each as PNG and SVG; returns the files."""
    from matbench.present import figures  # Matplotlib takes half a second to import

    problem = headline_problem(table, dtype)
    credit = credit_at(record.header, problem, attributions)
    paths = []
    for kind in figures.KINDS:
        if kind not in kinds or (kind == "ladder" and problem is None) or (kind == "credit" and credit is None):
            continue
        asked = figures.About(dtype=dtype, problem=problem, record=record, attribution=credit)
        figure = figures.draw(kind, table, **asked, dark=dark)
        title, description = figures.finding(kind, table, **asked), figures.alt_text(kind, table, **asked)
        digest = figures.digest(credit if kind == "credit" and credit is not None else table)
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
    operations: str | None = None,
) -> int:
    """Draw a record's figures, those of the product or of the operations asked for."""
    from matbench.present.figures import KINDS

    wanted = [kind.strip() for kind in kinds.split(",")] if kinds else list(KINDS)
    for kind in wanted:
        if kind not in KINDS:
            raise UsageError(f"no figure {kind!r}; there are: {', '.join(KINDS)}")
    record, table = load_table(argument, results, base)
    target, found = folder or figure_folder(results, record.header), kept(results)
    chosen = [(each, chosen_dtype(each, dtype)) for each in chosen_tables(record, table, base, operations)]
    if kinds is not None and "credit" in wanted:
        _check_credit(record.header, chosen, found)
    for each, element in chosen:
        drawn = wanted if kinds is not None or _has_rates(each) else ["speedup"]
        place = target if each.operation == table.operation else target / each.operation
        for path in draw_figures(each, place, drawn, element, dark=dark, record=record, attributions=found):
            console.data(str(path))
    return 0


def _check_credit(header: Header, chosen: Sequence[tuple[Table, Dtype]], attributions: Sequence[Attribution]) -> None:
    """Refuse the picture of a credit that there is none of: only the product has one, beside a square problem."""
    products = [each for each in chosen if each[0].operation == PRODUCT]
    if not products:
        raise UsageError(f"only the product has credit for its ideas; leave out --kind credit, or add {PRODUCT}")
    ((product, dtype),) = products
    if nearest(attributions, header.host.host_id, dtype, 1) is None:
        measure = "matbench explain --attribution" + ("" if dtype == "float64" else f" --dtype {dtype}")
        raise UsageError(f"no attribution of this machine in {dtype} is kept; measure one with {measure}")
    if headline_problem(product, dtype) is None:
        raise UsageError(
            f"no square product in {dtype} in this record, beside which credit could stand; leave out --kind credit"
        )


def _encoded(record: Record, table: Table, form: str, base: str | None, results: Path) -> str:
    tables = tables_of(record, table, base)
    if form == "csv":
        return to_csv(*tables)
    if form == "samples":
        return samples_csv(record)
    if form == "json":
        return run_json(record.header, *tables)
    if form == "md":
        return told(record.header, sections_of(record, table, base), kept(results))
    if form == "record":
        return encode_record(record).decode()
    if form == "code":
        return codes_csv(compiled_kernels(record))
    raise UsageError(f"no format {form!r}; there are: csv, samples, json, md, record, asv, code")


def export_record(argument: str | None, results: Path, *, form: str, target: Path | None, base: str | None) -> int:
    """Write a record in another format, to a file or to standard output; as asv's results, to its folder."""
    record, table = load_table(argument, results, base)
    if form == "asv":
        from matbench.cli.asv import file_for_asv

        return file_for_asv(record, table, results, target)
    text = _encoded(record, table, form, base, results)
    if target is None:
        console.data(text)
    else:
        write_text(target, text)
        console.data(str(target))
    return 0


def asv_records(source: Path, base: str | None, *, wholly: bool = False) -> Iterator[tuple[Path, Record]]:
    """The results in a file of asv's, or the newest of each environment in a folder, one at a time, with their files.

    Files that are refused are left out of a folder with a warning at the end; `wholly`, one of them refuses the folder.
    """
    if not source.is_dir():
        yield source, read_asv(source, base)
        return
    newest: dict[tuple[Path, str], Path] = {}
    for path in asv_files(source, wholly=wholly):
        newest.setdefault((path.parent, path.name.partition("-")[2]), path)
    refused: list[MatbenchError] = []
    for path in newest.values():
        try:
            record = read_asv(path, base)
        except MatbenchError as error:
            refused.append(error)
            continue
        yield path, record
    if refused and (wholly or len(refused) == len(newest)):
        raise refused[0]
    for each in refused:
        console.warn(str(each))
