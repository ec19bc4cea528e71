"""``matbench explain``: one rung, its idea, its source, its machine code, and the ceiling that it runs into."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from matbench.analyse.roofline import limits, lowest
from matbench.analyse.rows import Row, Table
from matbench.cli import console
from matbench.cli.operations import tables_of
from matbench.cli.options import RESULTS, results_option
from matbench.cli.reading import load_table, parse_dtype
from matbench.cli.tune import blocks_object, blocks_said
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, Rung, default_registry
from matbench.kernels.ceilings import vector_lanes
from matbench.kernels.machine_code import assembly, counted, why_no_assembly
from matbench.kernels.registry import FLOATS
from matbench.measure.libraries import add_blas_kernels, blas_of_numpy
from matbench.measure.tuning import KERNEL
from matbench.model import ITEMSIZE, Caches, Dtype, MachineCode
from matbench.operations import OPERATIONS
from matbench.present.ceilings import ceiling_sentence
from matbench.present.choose import headline_problem, is_measured
from matbench.present.json_object import row_object
from matbench.present.machine_code import code_object, code_table, code_words, stored_code
from matbench.present.operations import heading
from matbench.present.shares import beside_words, share_text
from matbench.present.words import clean, count_threads, speed_text, time_text, unit_of, where
from matbench.record.host import read_host
from matbench.record.store import find_records
from matbench.units import format_percent

__all__ = ["Options", "explain", "source_of", "text_of"]


@dataclass(frozen=True)
class Options:
    """The options of ``matbench explain`` as they were typed."""

    kernel: str | None
    record: str | None = None
    n: int | None = None
    dtype: str | None = None
    blas: tuple[str, ...] = ()
    results: Path = RESULTS
    json: bool = False


@dataclass(frozen=True)
class _Code:
    """The machine code of a kernel, and what it could be."""

    counts: MachineCode
    widest: int  # bytes of the widest register of this processor


@dataclass(frozen=True)
class _Measured:
    """What a record says of a kernel; or in `words` why there is none that says anything."""

    words: str
    record: str | None = None
    table: Table | None = None
    caches: Caches = field(default_factory=Caches)
    rows: tuple[Row, ...] = ()
    code: MachineCode | None = None  # that the record holds


@dataclass(frozen=True)
class _Told:
    """All that is said of a kernel."""

    made: Kernel
    dtype: Dtype
    text: str  # its docstring
    source: str | None
    code: _Code | None
    code_words: str
    blocks: str  # a sentence on where it cuts its loops; empty where that is not told
    cuts: dict[str, object] | None  # the same for a program
    measured: _Measured


def explain(options: Options) -> int:
    """Print what a kernel is, what the machine makes of it, and what limits it.

    Raises
    ------
    UsageError
        If no kernel is named, there is none of that name, or it does not go with what else was typed.
    """
    if options.kernel is None:
        raise UsageError("name one of the kernels that matbench list tells, or ask for --attribution")
    made = _kernel(options)
    dtype = _dtype(made, options.dtype)
    measured = _measured(made, dtype, options)
    host = read_host()
    caches = host.caches
    has_blocks = made.name == KERNEL and made.why_not(dtype) is None
    code = None if why_no_assembly(made, dtype, caches) else _code(made, dtype, caches)
    told = _Told(
        made=made,
        dtype=dtype,
        text=text_of(made),
        source=source_of(made, dtype),
        code=code,
        code_words=(
            _machine_words(made, dtype, caches) if code is None else code_words(code.counts, dtype, code.widest)
        ),
        blocks=blocks_said(dtype, host, default_registry()) if has_blocks else "",
        cuts=blocks_object(dtype, host, default_registry()) if has_blocks else None,
        measured=measured,
    )
    console.data(_json(told) if options.json else _page(told))
    if measured.record is not None and not options.json:
        folder = results_option(options.results)
        console.hint(f"see it beside the others: matbench plot {measured.record} --kind roofline{folder}")
    return 0


def _page(told: _Told) -> str:
    made, measured = told.made, told.measured
    parts = [
        f"# {made.name}: {made.idea}",
        f"{made.family}; {heading(made.definition)}.{f' {told.text}' if told.text else ''}",
        f"```python\n{told.source}\n```" if told.source else "Its source is not at hand.",
        f"## Machine code on this processor ({told.dtype}, operands in C order)",
        *([code_table(told.code.counts)] if told.code is not None else []),
        told.code_words,
        told.blocks,
        "## Measured",
        "\n".join(map(_row_words, measured.rows)),
        measured.words,
    ]
    return "\n\n".join(part for part in parts if part)


def _kernel(options: Options) -> Kernel:
    with console.strangers():
        registry = Registry(default_registry(*OPERATIONS))
    add_blas_kernels(registry, options.blas)
    return registry.get(options.kernel or "")


def _dtype(made: Kernel, asked: str | None) -> Dtype:
    if asked is None:
        return "float64" if "float64" in made.dtypes else made.dtypes[0]
    dtype = parse_dtype(asked)
    if dtype not in made.dtypes:
        raise UsageError(f"{made.name} does not compute in {dtype}; it does in {', '.join(made.dtypes)}")
    return dtype


def text_of(made: Kernel) -> str:
    """What the docstring of a kernel says; empty where it has none."""
    return inspect.cleandoc(inspect.unwrap(made.function).__doc__ or "")


def source_of(made: Kernel, dtype: Dtype) -> str | None:
    """The lines of what is called; of a kernel that is compiled to measure, the lines that make it; or None."""
    function: Any = made.function
    if made.from_caches and not made.compiled and made.why_not(dtype) is None:
        function = made.bind(dtype)
    plain: Callable[..., object] = getattr(inspect.unwrap(function), "py_func", inspect.unwrap(function))
    try:
        return inspect.getsource(plain).rstrip()
    except (OSError, TypeError):  # built in, or typed at a prompt
        return None


# -- machine code ------------------------------------------------------------------------------------------------------


def _code(made: Kernel, dtype: Dtype, caches: Caches) -> _Code:
    lanes = vector_lanes(dtype if dtype in FLOATS else "float64")[-1]
    widest = lanes * ITEMSIZE[dtype if dtype in FLOATS else "float64"]
    return _Code(counted(assembly(made, dtype, caches), dtype), widest)


def _machine_words(made: Kernel, dtype: Dtype, caches: Caches) -> str:
    """Whose machine code runs, where there is none of its own to be read."""
    reason = made.why_not(dtype)
    if reason is not None:
        return f"It can't run here: {reason}."
    if made.compiled:
        return f"Its machine code can't be read: {why_no_assembly(made, dtype, caches)}."
    return _runner(made, dtype)


def _runner(made: Kernel, dtype: Dtype) -> str:
    """What runs a kernel that is not compiled."""
    if made.rung is Rung.PYTHON:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return f"It has none of its own: {python} interprets it, a handful of machine instructions and more a step."
    if made.idea.endswith(", called directly"):
        return f"It is not ours: what runs is {made.idea}, past NumPy."
    if dtype not in FLOATS:
        return f"It is not ours: what runs are the loops of NumPy {np.__version__}, for no BLAS has any for integers."
    blas = blas_of_numpy() or "a BLAS that is not known"
    if made.rung is Rung.NUMPY:
        loops = f"the compiled loops of NumPy {np.__version__}"
        return f"It is not ours: what runs are {loops} and, where those multiply matrices or vectors, {blas}."
    return f"It is not ours: NumPy {np.__version__} hands the work to {blas}."


# -- what was measured -------------------------------------------------------------------------------------------------


def _measured(made: Kernel, dtype: Dtype, options: Options) -> _Measured:
    """The rows of a kernel in a record, all thread counts at one size, with the ceilings that they run into."""
    command = f"matbench run --kernels {made.name}"
    if options.record is None and not find_records(options.results):
        return _Measured(f"Which ceiling it runs into is told by a record; there is none yet: {command}")
    record, first = load_table(options.record, options.results, None)
    tables = tables_of(record, first)
    table = next((each for each in tables if each.operation == made.operation), None)
    there = [] if table is None else _rows(table, made, dtype)
    if table is None or not there:
        return _Measured(f"Record {record.header.id} has no time of {made.name} in {dtype}; measure it: {command}")
    n = _size(table, there, dtype, options.n)
    rows = tuple(row for row in there if row.case.problem.n == n)
    if not rows:
        sizes = ", ".join(str(each) for each in sorted({row.case.problem.n for row in there}))
        raise UsageError(f"{made.name} was not measured at n = {n} in record {record.header.id}; there are: {sizes}")
    header = record.header
    ceilings = [ceiling_sentence(row, table, header.host.caches) for row in rows if row.rate is not None]
    kept = stored_code(record, made.name, dtype, made.operation)
    compiled = [] if kept is None else [f"What was compiled there: {code_words(kept, dtype)}"]
    source = f"Record {header.id}, measured on {clean(header.host.cpu.brand)}."
    words = "\n".join([*ceilings, *compiled, source])
    return _Measured(words, header.id, table, header.host.caches, rows, kept)


def _rows(table: Table, made: Kernel, dtype: Dtype) -> list[Row]:
    """The measured rows of a kernel on square problems in the usual layout."""
    return [
        row
        for row in table.rows
        if row.case.kernel == made.name and row.case.problem.dtype == dtype and is_measured(row)
        if row.case.problem.is_square and row.case.problem.layout == "C"
    ]


def _size(table: Table, there: Sequence[Row], dtype: Dtype, asked: int | None) -> int:
    """The size asked for; else the one that the run is told by, or the largest if this kernel has no time there."""
    sizes = {row.case.problem.n for row in there}
    headline = headline_problem(table, dtype)
    told = headline.n if headline is not None and headline.n in sizes else max(sizes)
    return told if asked is None else asked


def _row_words(row: Row) -> str:
    """One row: its time, its speed and the share of the limit that its operation is told against."""
    where_who = f"{where(row.case.problem)}, {count_threads(row.case.threads)}"
    time = time_text(row.seconds) if row.seconds is not None else "no time"
    speed = f", {speed_text(row)} {unit_of(row.case.problem.operation)}" if speed_text(row) else ""
    is_rate = row.case.problem.definition.told == "flop/s"
    share = ""
    if is_rate and row.peak_share is not None:
        share = f", {share_text(row.peak_share)} of {beside_words(row.peak_share.beside)}"
    elif not is_rate and row.bandwidth_fraction is not None:
        share = f", {format_percent(row.bandwidth_fraction)} of the memory bandwidth"
    return f"{where_who}: {time}{speed}{share}."


def _json(told: _Told) -> str:
    """All of it as one object; what has no value is null."""
    counts = None
    if told.code is not None:
        counts = {**code_object(told.code.counts), "widest_bits": 8 * told.code.widest}
    kept = told.measured.code
    content = {
        **msgspec.structs.asdict(told.made.card),
        "operation": told.made.operation,
        "text": told.text,
        "source": told.source,
        "dtype": told.dtype,
        "why_not": told.made.why_not(told.dtype),
        "machine_code": counts,
        "machine_code_says": told.code_words,
        "blocks": told.cuts,
        "record": told.measured.record,
        "measurements": [_row_json(row, told.measured) for row in told.measured.rows],
        "measured_says": told.measured.words,
        "measured_machine_code": None if kept is None else code_object(kept),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _row_json(row: Row, measured: _Measured) -> dict[str, object]:
    """A measurement as ``matbench run --json`` has it, with the lowest of its ceilings."""
    limit = None if measured.table is None else lowest(limits(row, measured.table, measured.caches))
    ceiling = None
    if limit is not None:
        ceiling = {
            "name": limit.name,
            "gflops": limit.rate / 1e9,
            "share": limit.share,
            "intensity": limit.intensity,
            "counted": limit.counted,
        }
    return {**row_object(row), "ceiling": ceiling}
