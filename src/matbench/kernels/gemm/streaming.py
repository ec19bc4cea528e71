"""The product without a register tile: a row of C lies in memory while row after row of B is added to it.

It is what the register tile is measured against. Its inner loop is emitted like that of the tile, so that the width of
the vectors and the fusing of multiply and add are switches here as well:

    c[j] += a[i, p] * b[p, j]        for j in range(last), for p in range(depth)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from matbench.kernels.gemm.compiling import WholeCompiler
from matbench.kernels.gemm.intrinsics import (
    call_entry,
    call_two,
    enter,
    entry_of,
    inner,
    intrinsic,
    leave,
    loaded,
    stored,
    thread_count,
    typed_table,
)
from matbench.kernels.gemm.microkernel import Emitter, begin, integer
from matbench.kernels.gemm.product import PARALLEL_FLOPS, generation, together
from matbench.kernels.gemm.recipe import Code, Recipe
from matbench.kernels.gemm.views import Operands, View, signed
from matbench.kernels.jit import keep_on_disk, njit
from matbench.kernels.registry import Array, Matmul
from matbench.kernels.tiling import Tile

__all__ = ["define_row_update", "row_updates"]

VECTORS = 4  # between two branches


# -- the inner loop ----------------------------------------------------------------------------------------------------


def define_row_update(module: Any, code: Code) -> Any:
    """A function that adds ``depth`` rows of B, each times an element of A, to ``last`` elements of a row of C.

    Parameters
    ----------
    module
        The `llvmlite.ir.Module` it goes into.
    code
        What the machine code depends on; the extents of the register tile do not count here.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `microkernel.SIGNATURE`; the elements of A are ``down_a`` bytes apart. What is in C
        is overwritten where ``accumulate`` is 0.
    """
    function, emit, given = begin(module, f"row_update_{'_'.join(map(str, code))}", code)
    builder, lanes, last = emit.builder, integer(code.lanes), given["last"]
    _clear(emit, given)
    whole, rest = builder.sdiv(last, lanes), builder.srem(last, lanes)
    groups, single = builder.sdiv(whole, integer(VECTORS)), builder.srem(whole, integer(VECTORS))
    mask = emit.lanes_below(rest) if code.lanes > 1 else None
    ragged = builder.zext(builder.icmp_signed(">", rest, integer(0)), rest.type)

    def row(_: Any, carried: list[Any]) -> list[Any]:
        a, b = carried
        x = emit.broadcast(a)
        place = emit.loop(groups, [b, emit.pointer(given["c"])], _vectors(emit, x, VECTORS))
        place = emit.loop(single, place, _vectors(emit, x, 1))
        if mask is not None:
            emit.loop(ragged, place, _vectors(emit, x, 1, mask))
        return [emit.at(a, given["down_a"]), emit.at(b, given["down_b"])]

    emit.loop(given["depth"], [emit.pointer(given["a"]), emit.pointer(given["b"])], row)
    builder.ret_void()
    return function


def _clear(emit: Emitter, given: dict[str, Any]) -> None:
    """Zeros into the row of C, unless it holds a part of the sum already."""
    builder = emit.builder
    adds = builder.icmp_signed("!=", given["accumulate"], integer(0))

    def element(_: Any, carried: list[Any]) -> list[Any]:
        builder.store(ir.Constant(emit.scalar, 0.0), carried[0], align=1)
        return [emit.at(carried[0], integer(emit.code.itemsize))]

    emit.loop(builder.select(adds, integer(0), given["last"]), [emit.pointer(given["c"])], element)


def _vectors(emit: Emitter, x: Any, count: int, mask: Any = None) -> Callable[[Any, list[Any]], list[Any]]:
    """`count` vectors of a row of B, times `x`, added to C."""

    def step(_: Any, carried: list[Any]) -> list[Any]:
        b, c = carried
        for u in range(count):
            offset = integer(u * emit.vector_bytes)
            place = emit.at(c, offset)
            total = emit.multiply_add(x, emit.load(emit.at(b, offset), mask), emit.load(place, mask))
            emit.store(total, place, mask)
        emit.keep_order()  # else LLVM makes vectors of what is to work on single elements
        return [emit.at(each, integer(count * emit.vector_bytes)) for each in (b, c)]

    return step


@intrinsic(prefer_literal=True)
def row_table(_typingctx: Any, code: Any) -> Any:
    """The address of a table of one function, the row update."""
    return typed_table(code, "row_updates", lambda module, made: [define_row_update(module, made)])


# -- the loops around it -----------------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """What threads are handed: the row update, the problem, how B is cut, and into how many parts the rows of C are."""

    update: int
    itemsize: int
    given: Operands
    depth: int
    width: int
    parts: int


_NOTHING = View(0, 0, 0)
ROWS = Rows(0, 0, Operands(_NOTHING, _NOTHING, _NOTHING, 0, 0, 0), 0, 0, 0)  # any: compiled code asks for its type


@inner()
def rows_of_c(job: int, task: int) -> int:
    """One thread's rows of C: a block of B is used for all of them before the next is fetched."""
    update, item, given, depth, width, parts = loaded(job, ROWS)
    a, b, c, m, n, k = given
    first, last = task * m // parts, (task + 1) * m // parts
    for column in range(0, n, width):
        columns = min(width, n - column)
        for step in range(0, max(k, 1), depth):
            steps = min(depth, k - step)
            b_row = b.address + step * b.down + column * item
            for i in range(first, last):
                a_row = a.address + i * a.down + step * a.across
                c_row = c.address + i * c.down + column * item
                numbers = (a_row, a.across, b_row, b.down, c_row, c.down, steps, columns, int(step > 0), 0)
                call_entry(update, signed(0), numbers)
    return 0


def row_updates(recipe: Recipe, block: Tile) -> Matmul:
    """A function ``(a, b, out)`` that multiplies without a register tile.

    Parameters
    ----------
    recipe
        Element type, lanes and whether multiply and add are fused; its register tile does not count.
    block
        The part of B that is used for all rows before the next is fetched.

    Returns
    -------
    Matmul
        Compiled by its first call, on Numba's number of threads. The elements of a row of B and of out have to lie side
        by side.
    """
    made = _rows_compiled(recipe.code._replace(rows=1, vectors=1, made_by=generation()))
    return functools.partial(made, block.depth, block.width)


@functools.cache
def _rows_compiled(code: Code) -> Any:
    numbers = tuple(code)
    itemsize = code.itemsize

    @njit(nogil=True, pipeline_class=WholeCompiler)
    def rows(depth: int, width: int, a: Array, b: Array, out: Array) -> None:
        (m, k), n = a.shape, b.shape[1]
        is_apart = (k > 0 and b.strides[1] != itemsize) or (m > 0 and out.strides[1] != itemsize)
        if n > 1 and is_apart:
            raise ValueError("the elements of a row of b and out have to lie side by side; give arrays in C order")
        given = Operands(
            View(signed(a.ctypes.data), a.strides[0], a.strides[1]),
            View(signed(b.ctypes.data), b.strides[0], b.strides[1]),
            View(signed(out.ctypes.data), out.strides[0], out.strides[1]),
            m,
            n,
            k,
        )
        threads = thread_count()
        is_shared = threads > 1 and 2 * m * n * k >= PARALLEL_FLOPS and enter()
        parts = threads if is_shared else 1
        entry = entry_of(rows_of_c)
        job = stored(Rows(row_table(numbers), itemsize, given, depth, width, parts))
        if is_shared:
            together(entry, job, parts)
            leave()
        else:
            call_two(entry, job, signed(0))

    keep_on_disk(rows)
    return rows
