"""A kernel's machine code in words and as a table: what its hot loop consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from matbench.model import DTYPES, Census, Dtype, MachineCode, Record
from matbench.operations import OperationName
from matbench.present.tables import NOTHING, bullets, csv_text, render_markdown

__all__ = [
    "Compiled",
    "code_object",
    "code_table",
    "code_words",
    "codes_csv",
    "codes_table",
    "compiled_kernels",
    "stored_code",
]


def code_table(code: MachineCode) -> str:
    """The counts of the hot loop and of all of it, as Markdown."""

    def line(name: str, value: Callable[[Census], str]) -> tuple[str, str, str]:
        return name, value(code.loop), value(code.whole)

    lines = (
        line("on whole vectors", lambda one: str(one.packed)),
        line("on single elements", lambda one: str(one.scalar)),
        line("of these, multiply and add in one", lambda one: str(one.fused)),
        line("widest vector, bits", lambda one: str(8 * one.width)),
        line("instructions of any kind that use the stack", lambda one: str(one.stack)),
    )
    return render_markdown(("arithmetic instructions", "in the hot loop", "in all"), lines)


def code_words(code: MachineCode, dtype: Dtype, widest: int | None = None) -> str:
    """What the hot loop says, in a sentence.

    Parameters
    ----------
    code
        Of one kernel.
    dtype
        Element type whose arithmetic was counted.
    widest
        Bytes of the widest register of the processor; None where it is not known.

    Examples
    --------
    >>> loop = Census(fused=96, packed=96, scalar=0, width=64, stack=0, work=1536)
    >>> code_words(MachineCode(loop, loop), "float64", 64)[:85]
    'Its hot loop, the innermost that does most an iteration, works on vectors alone, of 5'
    """
    loop, total = code.loop, code.loop.packed + code.loop.scalar
    if not total:
        return f"No loop of it does arithmetic on {dtype}: it moves data, or calls others that compute."
    bits = f"{8 * loop.width} bits"
    if not loop.packed:
        vectors = "works on one element at a time: it is not vectorised"
    else:
        width = "" if widest is None or loop.width >= widest else f" of the {8 * widest} that this processor has"
        share = "alone" if not loop.scalar else f"in {loop.packed} of {total} instructions"
        vectors = f"works on vectors {share}, of {bits}{width}"
    fused = f"{loop.fused} of its {total} instructions multiply and add in one" if loop.fused else "none is fused"
    stack = f"{loop.stack} go by way of the stack" if loop.stack else "all it needs stays in registers"
    return f"Its hot loop, the innermost that does most an iteration, {vectors}; {fused}; {stack}."


def stored_code(record: Record, kernel: str, dtype: Dtype, operation: OperationName = "matmul") -> MachineCode | None:
    """What a record says that a kernel was compiled to for an element type; None where it says nothing."""
    for each in record.measurements:
        problem = each.case.problem
        same = (each.case.kernel, problem.dtype, problem.operation) == (kernel, dtype, operation)
        if same and each.machine_code is not None:
            return each.machine_code
    return None


class Compiled(NamedTuple):
    """What a record says that one kernel was compiled to for one element type."""

    kernel: str
    operation: OperationName
    dtype: Dtype
    code: MachineCode


def compiled_kernels(record: Record, dtype: Dtype | None = None) -> tuple[Compiled, ...]:
    """The machine code that a record holds, a kernel and element type at a time, in the order of the ladder.

    Parameters
    ----------
    record
        A run; those measured before machine code was stored, and kernels that are not compiled, have none.
    dtype
        Of which element type; of all by default.
    """
    places = {card.name: place for place, card in enumerate(record.header.kernels)}
    found: dict[tuple[str, OperationName, Dtype], MachineCode] = {}
    for each in record.measurements:
        problem = each.case.problem
        if each.machine_code is not None and dtype in {None, problem.dtype}:
            found.setdefault((each.case.kernel, problem.operation, problem.dtype), each.machine_code)
    told = (Compiled(*key, code) for key, code in found.items())
    return tuple(sorted(told, key=lambda one: (places.get(one.kernel, len(places)), DTYPES.index(one.dtype))))


def codes_table(found: Sequence[Compiled]) -> str:
    """What hot loops consist of, a line a kernel and element type, and what the columns mean; Markdown."""
    several = len({one.operation for one in found}) > 1
    columns = ("kernel", *(["operation"] if several else []), "type", "vectors, bits", *_COLUMNS)
    lines = [
        (
            one.kernel,
            *([one.operation] if several else []),
            one.dtype,
            str(8 * one.code.loop.width) if one.code.loop.width else NOTHING,
            *(str(value) for value in _counts(one.code.loop)),
        )
        for one in found
    ]
    return f"{render_markdown(columns, lines)}\n\n{bullets(_codes_notes(found))}"


_COLUMNS = ("on whole vectors", "on single elements", "multiply and add in one", "use the stack")


def _counts(one: Census) -> tuple[int, int, int, int]:
    return one.packed, one.scalar, one.fused, one.stack


def _codes_notes(found: Sequence[Compiled]) -> list[str]:
    meant = (
        "Arithmetic instructions in the hot loop, the innermost that does most an iteration; the last column counts "
        "instructions of any kind."
    )
    notes = [meant]
    scalar = [f"{one.kernel} ({one.dtype})" for one in found if one.code.loop.scalar and not one.code.loop.packed]
    idle = [f"{one.kernel} ({one.dtype})" for one in found if not one.code.loop.scalar + one.code.loop.packed]
    if scalar:
        notes.append(f"On one element at a time, not vectorised: {', '.join(scalar)}.")
    if idle:
        notes.append(f"No loop with arithmetic, it moves data or calls others that compute: {', '.join(idle)}.")
    return notes


def codes_csv(found: Sequence[Compiled]) -> str:
    """The same as comma-separated values, of the hot loop and of all the code."""
    names = ("width_bits", "packed", "scalar", "fused", "stack", "work")
    columns = ("operation", "kernel", "dtype", *(f"{part}_{name}" for part in ("hot_loop", "all") for name in names))
    objects = ((one, code_object(one.code)) for one in found)
    return csv_text(
        columns,
        (
            (
                one.operation,
                one.kernel,
                one.dtype,
                *(told[part][name] for part in ("hot_loop", "all") for name in names),
            )
            for one, told in objects
        ),
    )


def code_object(code: MachineCode) -> dict[str, dict[str, int]]:
    """The counts of a kernel's code as builtin types: of its hot loop, and of all of it."""
    return {"hot_loop": _census_object(code.loop), "all": _census_object(code.whole)}


def _census_object(one: Census) -> dict[str, int]:
    counts = msgspec.structs.asdict(one)
    return {"width_bits": 8 * counts.pop("width"), **counts}
