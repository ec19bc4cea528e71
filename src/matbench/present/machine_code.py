"""A kernel's machine code in words and as a table: what its hot loop consists of."""

from __future__ import annotations

from collections.abc import Callable

from matbench.model import Census, Dtype, MachineCode, Record
from matbench.operations import OperationName
from matbench.present.tables import render_markdown

__all__ = ["code_table", "code_words", "stored_code"]


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
