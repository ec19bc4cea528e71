"""What the command line says of each operation: its ladder in a record, and its kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from matbench.analyse.attribution import Attribution
from matbench.analyse.ladder import operations_of, tabulate
from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.errors import UsageError
from matbench.model import Problem, Record
from matbench.operations import OPERATIONS, PRODUCT, OperationName, select_operations
from matbench.present.left_out import skipped_list
from matbench.present.operations import heading, operation_sentence, pace_sentence
from matbench.present.sentences import ceilings_sentence, closing_sentences, compile_sentence, extrapolated_sentence
from matbench.present.tables import ladder_table, overview_table, render_markdown
from matbench.present.words import speed_of

__all__ = ["asked_operations", "chosen_tables", "list_kernels", "section", "tables_of"]


def asked_operations(operations: str | None, kernels: str | None) -> tuple[OperationName, ...]:
    """The operations that a run is to measure: those named, or else those of the kernels named, or else the product.

    Raises
    ------
    UsageError
        If there is no operation of a name.
    """
    if operations is not None:
        return select_operations(operations)
    if kernels is None:
        return (PRODUCT,)
    from matbench.kernels import default_registry

    with console.strangers():
        every = default_registry(*OPERATIONS)
    # A glob, a library yet to be loaded and a name that there is not are the product's.
    named = {name.strip() for name in kernels.split(",")}
    found = {every.get(name).operation if name in every.names else PRODUCT for name in named}
    return tuple(each for each in OPERATIONS if each in found)


def tables_of(record: Record, first: Table, base: str | None = None) -> tuple[Table, ...]:
    """The table of every operation in a record: `first`, which is there already, and those of the others."""
    others = (each for each in operations_of(record) if each != first.operation)
    return (first, *(tabulate(record, base, each) for each in others))


def chosen_tables(record: Record, first: Table, base: str | None, operations: str | None) -> tuple[Table, ...]:
    """The tables of the operations asked for, by default `first` alone.

    Raises
    ------
    UsageError
        If there is no such operation, or the record has none of them.
    """
    if operations is None:
        return (first,)
    chosen = select_operations(operations)
    found = tuple(each for each in tables_of(record, first, base) if each.operation in chosen)
    if not found:
        there = ", ".join(operations_of(record)) or "none"
        raise UsageError(f"nothing of {operations} in this record; there are: {there}")
    return found


def section(
    table: Table, problems: Sequence[Problem], *, limits: bool, credit: Callable[[Problem], Attribution | None]
) -> list[str]:
    """One operation's paragraphs: a ladder a problem, sentences, overview, and what was left out.

    With `limits`, those of the hardware are told, too; `credit` finds the attribution that belongs to a problem.
    """
    parts = [] if table.operation == PRODUCT else [f"## {heading(OPERATIONS[table.operation])}"]
    parts += [ladder_table(table, problem) for problem in problems]
    if table.operation == PRODUCT:
        sentences = _product_sentences(table, problems, credit)
    else:
        sentences = _operation_sentences(table, problems)
    said = (*sentences, compile_sentence(table), ceilings_sentence(table) if limits else None)
    parts += [sentence for sentence in said if sentence]
    dtypes = dict.fromkeys(row.case.problem.dtype for row in table.rows)
    has_speeds = any(speed_of(row) is not None for row in table.rows)
    parts += [overview_table(table, dtype) for dtype in dtypes if has_speeds]
    left_out = skipped_list(table)
    return [*parts, *([f"Left out:\n\n{left_out}"] if left_out else [])]


def _product_sentences(
    table: Table, problems: Sequence[Problem], credit: Callable[[Problem], Attribution | None]
) -> list[str | None]:
    told = closing_sentences(table, {problem: credit(problem) for problem in problems})
    return [*told, extrapolated_sentence(table)]


def _operation_sentences(table: Table, problems: Sequence[Problem]) -> list[str | None]:
    told = [operation_sentence(table, problem) for problem in problems]
    return [*told, *(pace_sentence(table, problem) for problem in problems[-1:])]


def list_kernels(blas: tuple[str, ...], operations: str | None, *, as_json: bool) -> int:
    """Print the ladders of this installation, that of the product first; or those of some operations alone."""
    from matbench.kernels import Registry, default_registry
    from matbench.measure.libraries import add_blas_kernels

    chosen = select_operations(operations) if operations is not None else tuple(OPERATIONS)
    with console.strangers():
        registry = Registry(default_registry(*chosen))
    if PRODUCT in chosen:
        add_blas_kernels(registry, blas)
    if as_json:
        rows = [
            {
                **msgspec.structs.asdict(each.card),
                "operation": each.operation,
                "dtypes": each.dtypes,
                "why_not": each.why_not(),
            }
            for each in registry
        ]
        console.data(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return 0
    for operation in chosen:
        if operation != PRODUCT:
            console.data(f"\n{heading(OPERATIONS[operation])} (--operations {operation}; {_stated(operation)})\n")
        lines = [
            (
                each.family,
                each.name,
                each.idea,
                " ".join(each.dtypes),
                "1..N" if each.threaded_dtypes else "1",
                each.why_not() or "yes",
            )
            for each in registry.of(operation)
        ]
        console.data(render_markdown(("family", "kernel", "the idea it adds", "types", "threads", "here"), lines))
    if PRODUCT in chosen:
        from matbench.cli.libraries import other_libraries, tell_others

        tell_others(other_libraries())
    console.hint("measure them: matbench run | matbench run --operations matvec,inverse")
    return 0


def _stated(operation: OperationName) -> str:
    """What an operation states of itself: its count, and how it is checked."""
    return f"{OPERATIONS[operation].count}; checked by: {OPERATIONS[operation].check}"
