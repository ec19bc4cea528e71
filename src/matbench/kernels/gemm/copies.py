"""Copies, emitted as vectors: rows, panels of a block, columns made into rows, and any distances element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matbench.kernels.gemm.microkernel import Emitter, begin, integer
from matbench.kernels.gemm.recipe import Code

__all__ = ["define_copy", "define_row_copy", "define_strided_copy", "define_transposition", "side_of"]


def define_copy(module: Any, code: Code, vectors: int, *, partial: bool) -> Any:
    """A function that copies `vectors` vectors from each of ``depth`` rows at ``b`` together, to ``c``.

    Parameters
    ----------
    module, code, vectors, partial
        As in `define_tile`; what is not there is filled with zeros.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`.
    """
    name = f"panel_copy_{'_'.join(map(str, code))}_{vectors}{'_partial' if partial else ''}"
    function, emit, given = begin(module, name, code)
    last = emit.lanes_below(given["last"]) if partial and code.lanes > 1 else None
    masks = [None] * (vectors - 1) + [last]
    offsets = [integer(j * emit.vector_bytes) for j in range(vectors)]

    def step(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        line = [emit.load(emit.at(b, offset), mask) for offset, mask in zip(offsets, masks, strict=True)]
        for offset, each in zip(offsets, line, strict=True):
            emit.store(each, emit.at(c, offset))
        return [emit.at(b, given["down_b"]), emit.at(c, integer(vectors * emit.vector_bytes))]

    emit.loop(given["depth"], [emit.pointer(given["b"]), emit.pointer(given["c"])], step)
    emit.builder.ret_void()
    return function


def define_strided_copy(module: Any, code: Code) -> Any:
    """A function that copies ``depth`` rows of ``last`` elements from ``b`` to ``c``, whatever the distances are.

    The elements of a row are ``a`` bytes apart in the source and ``down_a`` bytes in the target.

    Parameters
    ----------
    module, code
        As in `define_tile`.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`.
    """
    function, emit, given = begin(module, f"strided_copy_{'_'.join(map(str, code))}", code._replace(lanes=1))

    def element(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        emit.store(emit.load(b), c)
        return [emit.at(b, given["a"]), emit.at(c, given["down_a"])]

    def row(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        emit.loop(given["last"], [b, c], element)
        return [emit.at(b, given["down_b"]), emit.at(c, given["down_c"])]

    emit.loop(given["depth"], [emit.pointer(given["b"]), emit.pointer(given["c"])], row)
    emit.builder.ret_void()
    return function


def define_row_copy(module: Any, code: Code) -> Any:
    """A function that copies ``depth`` rows from ``b`` to ``c``, each of ``a`` vectors and ``last`` elements more.

    The elements of a row lie side by side in both.

    Parameters
    ----------
    module, code
        As in `define_tile`.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`.
    """
    function, emit, given = begin(module, f"row_copy_{'_'.join(map(str, code))}", code)
    size = integer(emit.vector_bytes)
    mask = emit.lanes_below(given["last"]) if code.lanes > 1 else None

    def vector(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        emit.store(emit.load(b), c)
        return [emit.at(b, size), emit.at(c, size)]

    def row(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        end_b, end_c = emit.loop(given["a"], [b, c], vector)
        if mask is not None:
            emit.store(emit.load(end_b, mask), end_c, mask)
        return [emit.at(b, given["down_b"]), emit.at(c, given["down_c"])]

    emit.loop(given["depth"], [emit.pointer(given["b"]), emit.pointer(given["c"])], row)
    emit.builder.ret_void()
    return function


def side_of(code: Code) -> int:
    """Rows and columns of the squares that `define_transposition` works in: no more than the register tile has rows."""
    side = min(code.rows, code.lanes)
    return 1 << (side.bit_length() - 1)


def define_transposition(module: Any, code: Code) -> Any:
    """A function that copies columns to rows, square by square: a square is transposed in registers.

    There are ``a`` rows and ``depth`` columns. The elements of a column lie side by side at ``b``, those of a row at
    ``c``. What is left beside and below the squares is copied element by element.

    Parameters
    ----------
    module, code
        As in `define_tile`.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`.
    """
    side = side_of(code)
    function, emit, given = begin(module, f"transposition_{'_'.join(map(str, code))}", code._replace(lanes=side))
    builder, single = emit.builder, Emitter(code._replace(lanes=1), emit.builder)
    down_b = [builder.mul(given["down_b"], integer(i)) for i in range(side + 1)]
    down_c = [builder.mul(given["down_c"], integer(i)) for i in range(side + 1)]
    rows, columns, whole = given["a"], given["depth"], integer(side)

    def element(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        single.store(single.load(b), c)
        return [emit.at(b, integer(code.itemsize)), emit.at(c, down_c[1])]

    def column_of(count: Any) -> Callable[[Any, list[Any]], list[Any]]:
        def column(_: Any, carried: list[Any]) -> list[Any]:
            emit.loop(count, carried, element)
            return [emit.at(carried[0], down_b[1]), emit.at(carried[1], integer(code.itemsize))]

        return column

    def square(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        lines = emit.transposed([emit.load(emit.at(b, place)) for place in down_b[:side]])
        for line, place in zip(lines, down_c[:side], strict=True):
            emit.store(line, emit.at(c, place))
        return [emit.at(b, integer(emit.vector_bytes)), emit.at(c, down_c[side])]

    def band(_: Any, carried: list[Any]) -> list[Any]:
        below = emit.loop(builder.sdiv(rows, whole), carried, square)
        emit.loop(whole, below, column_of(builder.srem(rows, whole)))
        return [emit.at(carried[0], down_b[side]), emit.at(carried[1], integer(emit.vector_bytes))]

    start = [emit.pointer(given["b"]), emit.pointer(given["c"])]
    beside = emit.loop(builder.sdiv(columns, whole), start, band)
    emit.loop(builder.srem(columns, whole), beside, column_of(rows))
    builder.ret_void()
    return function
