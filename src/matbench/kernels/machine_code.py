"""Proof in the machine code: what a compiled kernel's own instructions are, read from its assembly.

The reader knows x86-64 in AT&T's syntax and AArch64 in GNU's and Apple's, which is what LLVM writes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Literal, NamedTuple

from matbench.errors import KernelError, without_paths
from matbench.kernels.jit import compiled_as
from matbench.kernels.oracle import operands
from matbench.kernels.registry import Kernel
from matbench.model import ITEMSIZE, Caches, Census, Dtype, MachineCode, Problem

__all__ = ["Instruction", "assembly", "census", "code_of", "counted", "hot_loop", "instructions", "why_no_assembly"]

REGISTERS = {"x": 16, "y": 32, "z": 64}  # bytes of xmm, ymm, zmm
ARRANGEMENTS = {"2d": 16, "4s": 16, "2s": 8}  # bytes of a NEON register as its name divides it
LEAST_SVE = 16  # bytes: a scalable register has at least these; how many more, only the processor knows

_X86_REAL = re.compile(
    r"\s+v?(?P<name>fn?m(?:add|sub|addsub|subadd)\d*|mul|add|sub|div|sqrt)(?P<form>[ps])(?P<letter>[sd])\s(?P<rest>.*)"
)
_X86_INTEGER = re.compile(r"\s+v?p(?P<name>mull|muludq|add|sub)(?P<letter>q?)\s(?P<rest>.*)")
_X86_SCALAR_INTEGER = re.compile(r"\s+imulq\s")
_ARM_REAL = re.compile(
    r"\s+(?P<name>fn?m(?:la|ls|add|sub|ad|sb)|fn?mul|fadd|fsub|fdiv|fsqrt)(?:\.(?P<apple>2d|4s|2s))?"
    r"\s+(?P<kind>[vzds])\d+(?:\.(?P<divided>2d|4s|2s|d|s)\b)?"
)
_ARM_INTEGER = re.compile(
    r"\s+(?P<name>mla|madd|mul|add|sub)(?:\.(?P<apple>2d))?\s+(?P<kind>[vzx])\d+(?:\.(?P<divided>2d|d)\b)?"
)
_LABEL = re.compile(r"(\.?L\w+):")
_JUMP = re.compile(r"\s+(?:j[a-z]+|b(?:\.[a-z]+)?|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#\d+,)\s+(\.?L\w+)")
_STACK = re.compile(r"\(%rsp\b|\[sp\b")

Operation = Literal["multiply", "add", "multiply-add"]
_OPERATIONS: dict[str, Operation] = {"mul": "multiply", "div": "multiply", "sqrt": "multiply"}


class Instruction(NamedTuple):
    """One arithmetic instruction; a subtraction counts as an addition, a division or a root as a multiplication."""

    operation: Operation
    packed: bool  # whether it works on all elements of a register, or on one
    itemsize: int  # bytes of an element
    width: int  # bytes of the widest register that it names

    @property
    def work(self) -> int:
        """Operations it does: one for each element, a multiply-add two."""
        return (self.width // self.itemsize if self.packed else 1) * (2 if self.operation == "multiply-add" else 1)


def _operation(name: str) -> Operation:
    """What an instruction does, by its name without what tells its operands."""
    if re.fullmatch(r"fn?m(?:add|sub|addsub|subadd|la|ls|ad|sb)\d*|mla|madd", name):
        return "multiply-add"
    return next((meaning for part, meaning in _OPERATIONS.items() if part in name), "add")


def _x86(line: str, dtype: Dtype) -> Instruction | None:
    found = (_X86_INTEGER if dtype == "int64" else _X86_REAL).match(line)
    if found is None:
        if dtype == "int64" and _X86_SCALAR_INTEGER.match(line):
            return Instruction("multiply", packed=False, itemsize=8, width=8)
        return None
    itemsize = {"d": 8, "s": 4}[found["letter"]] if dtype != "int64" else 8
    wide = max((REGISTERS[each] for each in re.findall(r"%([xyz])mm\d", found["rest"])), default=16)
    packed = dtype == "int64" or found["form"] == "p"
    is_other = dtype == "int64" and not found["letter"] and found["name"] != "muludq"
    return None if is_other else Instruction(_operation(found["name"]), packed, itemsize, wide)


def _arm(line: str, dtype: Dtype) -> Instruction | None:
    found = (_ARM_INTEGER if dtype == "int64" else _ARM_REAL).match(line)
    if found is None:
        return None
    operation, kind = _operation(found["name"]), found["kind"]
    divided = found["apple"] or found["divided"]
    if kind in {"d", "s", "x"}:
        # Scalar additions of integers count addresses, too: only what multiplies is arithmetic for certain.
        is_address = kind == "x" and operation == "add"
        itemsize = 4 if kind == "s" else 8
        return None if is_address else Instruction(operation, packed=False, itemsize=itemsize, width=itemsize)
    if divided is None:
        return None
    width = LEAST_SVE if kind == "z" else ARRANGEMENTS.get(divided, 16)
    return Instruction(operation, packed=True, itemsize=4 if divided.endswith("s") else 8, width=width)


def _read(lines: Sequence[str], dtype: Dtype) -> Iterator[Instruction]:
    for line in lines:
        found = _x86(line, dtype) or _arm(line, dtype)
        if found is not None and found.itemsize == ITEMSIZE[dtype]:
            yield found


def instructions(text: str, dtype: Dtype) -> tuple[Instruction, ...]:
    """The arithmetic on elements of a type, instruction by instruction.

    Parameters
    ----------
    text
        Assembly.
    dtype
        Element type. Of integers, scalar additions are left out: they can't be told from the counting of addresses.

    Examples
    --------
    >>> instructions("  vfmadd231pd  (%rax), %zmm1, %zmm2", "float64")
    (Instruction(operation='multiply-add', packed=True, itemsize=8, width=64),)
    """
    return tuple(_read(text.splitlines(), dtype))


def census(text: str, dtype: Dtype) -> Census:
    """How many instructions of which kind assembly has for elements of a type.

    Parameters
    ----------
    text
        Assembly: a whole module, or the lines of one loop (see `hot_loop`).
    dtype
        Element type.
    """
    return _counted(text.splitlines(), dtype)


def _counted(lines: Sequence[str], dtype: Dtype) -> Census:
    found = tuple(_read(lines, dtype))
    return Census(
        fused=sum(each.operation == "multiply-add" for each in found),
        packed=sum(each.packed for each in found),
        scalar=sum(not each.packed for each in found),
        width=max((each.width for each in found if each.packed), default=0),
        stack=sum(_STACK.search(line) is not None for line in lines),
        work=sum(each.work for each in found),
    )


def _loops(lines: Sequence[str]) -> list[tuple[int, int]]:
    """First and last line of each loop that has none within it: from a label to a jump back to it."""
    labels = {match[1]: place for place, line in enumerate(lines) if (match := _LABEL.match(line))}
    jumps = ((match[1], place) for place, line in enumerate(lines) if (match := _JUMP.match(line)))
    spans = {(labels[label], place) for label, place in jumps if labels.get(label, place) < place}
    return [one for one in sorted(spans) if not any(_is_within(other, one) for other in spans)]


def _is_within(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one != other and other[0] <= one[0] <= one[1] <= other[1]


def hot_loop(text: str, dtype: Dtype) -> str:
    """The lines of the innermost loop that does most operations an iteration; empty if no loop does any.

    A compiler makes several of one loop: vectors unrolled, vectors, single elements for the rest. Time is spent in the
    one that does most at once. Of equals the shorter is taken.

    Parameters
    ----------
    text
        Assembly of a whole module.
    dtype
        Element type whose arithmetic counts.
    """
    lines = text.splitlines()
    spans = [lines[first : last + 1] for first, last in _loops(lines)]
    best = max(spans, key=lambda span: (_counted(span, dtype).work, -len(span)), default=[])
    return "\n".join(best) if _counted(best, dtype).work else ""


def _compiled(function: Any) -> Any:
    """What Numba has compiled of a function that may be a wrapper which hands it some of its arguments."""
    return function.func if isinstance(function, functools.partial) else function


def why_no_assembly(made: Kernel, dtype: Dtype, caches: Caches) -> str | None:
    """The reason why a kernel has no machine code of its own that could be read, or None."""
    reason = made.why_not(dtype)
    if reason is not None:
        return reason
    if not made.compiled:
        return "it is not compiled"
    return None if hasattr(_compiled(made.bind(dtype, caches)), "inspect_asm") else "it was not compiled by Numba"


def assembly(made: Kernel, dtype: Dtype, caches: Caches) -> str:
    """The assembly of a kernel that Numba compiles, for operands in C order on this machine.

    It is compiled afresh: what Numba loads from its cache on disk can't be looked at.

    Parameters
    ----------
    made
        The kernel.
    dtype
        Element type of its operands.
    caches
        Sizes that it is made to suit, bytes.

    Raises
    ------
    KernelError
        If it has none, or if it can't be compiled.
    """
    reason = why_no_assembly(made, dtype, caches)
    if reason is not None:
        raise KernelError(f"{made.name} has no machine code to be shown: {reason}")
    typeof = import_module("numba").typeof  # if it is missing, that is the reason
    bound = made.bind(dtype, caches)
    function = _compiled(bound)
    before = bound.args if isinstance(bound, functools.partial) else ()  # what it is handed besides the operands
    shapes = operands(Problem(4, 4, 4, dtype, operation=made.operation))
    fresh = compiled_as(function, function.py_func)
    try:
        fresh.compile(tuple(typeof(each) for each in (*before, *shapes)))
    except Exception as error:  # noqa: BLE001  a kernel may be a stranger's: whatever the compiler says is told
        told = " ".join(without_paths(str(error)).split())[:300]
        raise KernelError(f"{made.name} can't be compiled for {dtype}: {told}") from None
    text: str = fresh.inspect_asm(fresh.signatures[0])
    return text


def counted(text: str, dtype: Dtype) -> MachineCode:
    """The census of assembly: of the loop where the time goes, and of all of it.

    Parameters
    ----------
    text
        Assembly of a whole module.
    dtype
        Element type whose arithmetic counts.
    """
    return MachineCode(loop=census(hot_loop(text, dtype), dtype), whole=census(text, dtype))


def code_of(function: object, dtype: Dtype) -> MachineCode | None:
    """What Numba has made of a function that it has compiled in this process; None where there is nothing to be read.

    The first of its versions for that type is read: one function may serve several types, and later versions are for
    operands of other layouts. Neither what is not compiled nor what was loaded from the cache on disk has any assembly.

    Parameters
    ----------
    function
        As a kernel is bound, and called at least once.
    dtype
        Element type of its operands.
    """
    compiled = _compiled(function)
    try:
        text = compiled.inspect_asm(next(each for each in compiled.signatures if _is_for(each, dtype)))
        return counted(text, dtype)
    except Exception:  # noqa: BLE001  a kernel may be a stranger's: it is measured all the same
        return None


def _is_for(signature: Sequence[Any], dtype: Dtype) -> bool:
    """Whether a version works on arrays of an element type; on anything, where it is handed no array."""
    found = {str(each.dtype) for each in signature if hasattr(each, "dtype")}
    return not found or dtype in found
