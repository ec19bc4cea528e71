"""The register tile: a few rows by a few vectors of C that stay in registers while k passes by.

Emitted as LLVM instructions on explicit vectors, so that their width is what the recipe says and not what a compiler
chose. One step along k loads `vectors` vectors of a row of B, and for each row of the tile multiplies them by one
element of A:

    c[i, :] += a[i, p] * b[p, :]        for i in range(rows)

The operands are read where they lie: the elements of a row side by side, the rows any distance apart. The same code
serves matrices as they come and panels that were packed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir

from matbench.kernels.gemm.recipe import Code

__all__ = [
    "SIGNATURE",
    "Emitter",
    "begin",
    "define_tile",
    "function_type",
    "integer",
]

# Arguments of a register tile, in this order; addresses and distances in bytes. The last is the distance from the first
# row of A to one that will be read later.
SIGNATURE = ("a", "down_a", "b", "down_b", "c", "down_c", "depth", "last", "accumulate", "ahead")
LINE = 64  # bytes of a cache line

_INT = ir.IntType(64)
_BYTE = ir.IntType(8)
_SMALL = ir.IntType(32)
_POINTER = ir.PointerType()


def function_type() -> Any:
    """The LLVM type of every function here: integers in, nothing out."""
    return ir.FunctionType(ir.VoidType(), [_INT] * len(SIGNATURE))


def integer(value: int) -> Any:
    """A constant of 64 bits."""
    return ir.Constant(_INT, value)


class Emitter:
    """Vector loads, stores and arithmetic of one element type and width.

    Parameters
    ----------
    code
        What the machine code depends on.
    builder
        Where instructions go.
    """

    def __init__(self, code: Code, builder: Any) -> None:
        self.code = code
        self.builder = builder
        self.scalar = ir.DoubleType() if code.itemsize == 8 else ir.FloatType()
        self.vector = ir.VectorType(self.scalar, code.lanes) if code.lanes > 1 else self.scalar
        letter = f"f{8 * code.itemsize}"
        self.suffix = f"v{code.lanes}{letter}" if code.lanes > 1 else letter

    @property
    def vector_bytes(self) -> int:
        """Bytes of a vector."""
        return self.code.lanes * self.code.itemsize

    @property
    def zero(self) -> Any:
        """A vector of zeros."""
        return ir.Constant(self.vector, [0.0] * self.code.lanes if self.code.lanes > 1 else 0.0)

    def at(self, base: Any, offset: Any) -> Any:
        """The pointer `offset` bytes after `base`."""
        return self.builder.gep(base, [offset], source_etype=_BYTE)

    def pointer(self, address: Any) -> Any:
        """A number as a pointer to bytes."""
        return self.builder.inttoptr(address, _POINTER)

    def _declared(self, name: str, result: Any, arguments: list[Any]) -> Any:
        module = self.builder.module
        known = module.globals.get(name)
        return known or ir.Function(module, ir.FunctionType(result, arguments), name)

    def lanes_below(self, count: Any) -> Any:
        """A mask of the first `count` lanes."""
        places = ir.VectorType(_INT, self.code.lanes)
        numbers = ir.Constant(places, list(range(self.code.lanes)))
        return self.builder.icmp_unsigned("<", numbers, self._spread(count, places))

    def _spread(self, value: Any, vector: Any) -> Any:
        """`value` in every lane of a vector."""
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_SMALL, 0))
        every = ir.Constant(ir.VectorType(_SMALL, self.code.lanes), [0] * self.code.lanes)
        return self.builder.shuffle_vector(first, undefined, every)

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """The vector at `pointer`, wherever it lies; zeros where `mask` is off, whose memory is not touched."""
        if mask is None:
            return self.builder.load(pointer, align=1, typ=self.vector)
        masked = self._declared(
            f"llvm.masked.load.{self.suffix}.p0", self.vector, [_POINTER, _SMALL, mask.type, self.vector]
        )
        return self.builder.call(masked, [pointer, ir.Constant(_SMALL, 1), mask, self.zero])

    def store(self, value: Any, pointer: Any, mask: Any = None) -> None:
        """Put a vector to `pointer`; what lies where `mask` is off is left alone."""
        if mask is None:
            self.builder.store(value, pointer, align=1)
            return
        masked = self._declared(
            f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), [self.vector, _POINTER, _SMALL, mask.type]
        )
        self.builder.call(masked, [value, pointer, ir.Constant(_SMALL, 1), mask])

    def broadcast(self, pointer: Any) -> Any:
        """The element at `pointer` in every lane."""
        element = self.builder.load(pointer, align=1, typ=self.scalar)
        return self._spread(element, self.vector) if self.code.lanes > 1 else element

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        """`x` times `y` plus `total`, in one instruction where the recipe says so."""
        if not self.code.fused:
            return self.builder.fadd(total, self.builder.fmul(x, y))
        fma = self._declared(f"llvm.fma.{self.suffix}", self.vector, [self.vector] * 3)
        return self.builder.call(fma, [x, y, total])

    def sum_of(self, vector: Any) -> Any:
        """The sum of the elements of a vector, in any order."""
        if self.code.lanes == 1:
            return vector
        reduce = self._declared(f"llvm.vector.reduce.fadd.{self.suffix}", self.scalar, [self.scalar, self.vector])
        start = ir.Constant(self.scalar, -0.0)
        return self.builder.call(reduce, [start, vector], fastmath=("reassoc",))

    def fetch(self, pointer: Any, *, to_write: bool = False, level: int = 1) -> None:
        """Ask for the cache line at `pointer`, up to a level of caches; an address that is none does no harm."""
        prefetch = self._declared("llvm.prefetch.p0", ir.VoidType(), [_POINTER, _SMALL, _SMALL, _SMALL])
        hints = [ir.Constant(_SMALL, hint) for hint in (int(to_write), 4 - level, 1)]
        self.builder.call(prefetch, [pointer, *hints])

    def transposed(self, lines: list[Any]) -> list[Any]:
        """The columns of a square whose rows these vectors are.

        Where a number of a row and that of a column differ in one binary digit, the two elements change places; then
        the next digit.
        """
        side = len(lines)
        digits = [1 << i for i in range(side.bit_length() - 1)]
        for digit in digits:
            kept = [j if not j & digit else side + (j ^ digit) for j in range(side)]
            others = [j | digit if not j & digit else side + j for j in range(side)]
            lines = [
                self._shuffled(lines[i & ~digit], lines[i | digit], others if i & digit else kept) for i in range(side)
            ]
        return lines

    def _shuffled(self, x: Any, y: Any, places: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(_SMALL, len(places)), places)
        return self.builder.shuffle_vector(x, y, mask)

    def keep_order(self) -> None:
        """Keep loads that come later from being moved up to here: they would take registers that there are not."""
        self.builder.fence("seq_cst", targetscope="singlethread")  # asks the compiler only, is no instruction

    def hidden(self, value: Any) -> Any:
        """The same value, of which the compiler doesn't know where it comes from: it computes no addresses ahead."""
        nothing = ir.InlineAsm(ir.FunctionType(value.type, [value.type]), "", "=r,0", side_effect=False)
        return self.builder.call(nothing, [value])

    def loop(self, count: Any, carried: list[Any], step: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
        """Run `step` `count` times, `count` being 0 or more; returns what is carried in the end."""
        builder = self.builder
        before = builder.block
        body = builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, integer(0)), body, after)
        builder.position_at_end(body)
        left = builder.phi(_INT)
        held = [builder.phi(each.type) for each in carried]
        following = step(left, list(held))
        end = builder.block
        fewer = builder.sub(left, integer(1))  # down to 0, which needs no comparison
        left.add_incoming(count, before)
        left.add_incoming(fewer, end)
        for phi, first, later in zip(held, carried, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, end)
        builder.cbranch(builder.icmp_signed("!=", fewer, integer(0)), body, after)
        builder.position_at_end(after)
        result = [builder.phi(each.type) for each in carried]
        for phi, first, later in zip(result, carried, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, end)
        return result


def begin(module: Any, name: str, code: Code) -> tuple[Any, Emitter, dict[str, Any]]:
    """A new function of that name, what emits into it, and its arguments."""
    function = ir.Function(module, function_type(), name)
    function.linkage = "internal"
    function.attributes.add("nounwind")
    function.attributes.add("noinline")
    emitter = Emitter(code, ir.IRBuilder(function.append_basic_block("entry")))
    return function, emitter, dict(zip(SIGNATURE, function.args, strict=True))


def define_tile(module: Any, code: Code, rows: int, vectors: int, *, partial: bool) -> Any:
    """A function that computes one register tile of C.

    Parameters
    ----------
    module
        The `llvmlite.ir.Module` it goes into.
    code
        What the machine code depends on.
    rows, vectors
        Extents of the tile: those of the recipe, or fewer at an edge of C.
    partial
        Whether only the first ``last`` elements of the last vector are there.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`; adds to C where ``accumulate`` is not 0, overwrites it otherwise.
    """
    name = f"register_tile_{'_'.join(map(str, code))}_{rows}x{vectors}{'_partial' if partial else ''}"
    function, emit, given = begin(module, name, code)
    tile = _TileBody(emit, given, rows, vectors, partial=partial)
    if code.prefetch:
        tile.fetch_c()
    carried = [*[emit.zero] * (rows * vectors), *tile.bases]
    rest = given["depth"]
    if rows == code.rows and not partial and code.unroll > 1:  # what is rare is not worth the time to compile it
        steps = integer(code.unroll)
        carried = emit.loop(emit.builder.sdiv(rest, steps), carried, tile.steps(code.unroll))
        rest = emit.builder.srem(rest, steps)
    carried = emit.loop(rest, carried, tile.steps(1))
    tile.write_c(carried[: rows * vectors])
    return function


class _TileBody:
    """The parts of a register tile's function."""

    def __init__(self, emit: Emitter, given: dict[str, Any], rows: int, vectors: int, *, partial: bool) -> None:
        self.emit = emit
        self.given = given
        self.vectors = vectors
        self.rows = rows
        builder = emit.builder
        a, down = emit.pointer(given["a"]), given["down_a"]
        self.thrice = {name: emit.hidden(builder.mul(given[name], integer(3))) for name in ("down_a", "down_b")}
        of_a = [emit.at(a, builder.mul(down, integer(row))) for row in _base_rows(rows)]
        self.bases = [emit.pointer(given["b"]), *of_a]  # what moves along k
        c = emit.pointer(given["c"])
        self.c_rows = [emit.at(c, builder.mul(given["down_c"], integer(i))) for i in range(rows)]
        last = emit.lanes_below(given["last"]) if partial and emit.code.lanes > 1 else None
        self.masks = [None] * (vectors - 1) + [last]

    def _places(self) -> Iterator[tuple[int, Any, Any, Any]]:
        """Number, row, offset and mask of each vector of the tile."""
        for i, row in enumerate(self.c_rows):
            for j, mask in enumerate(self.masks):
                yield i * self.vectors + j, row, integer(j * self.emit.vector_bytes), mask

    def fetch_c(self) -> None:
        """Ask for the lines of C that are written in the end."""
        width = self.vectors * self.emit.vector_bytes
        for row in self.c_rows:
            for offset in (*range(0, width - 1, LINE), width - 1):  # a row begins anywhere in a line
                self.emit.fetch(self.emit.at(row, integer(offset)), to_write=True)

    def _away(self, base: Any, name: str, times: int) -> Any:
        """The pointer `times` distances of that name after `base`, as processors compute addresses while they load.

        x86 multiplies a distance by 1, 2, 4 or 8 for nothing. Every instruction that computes an address by itself may
        take the place of a multiply-add.
        """
        builder, distance = self.emit.builder, self.given[name]
        if times == 0:
            return base
        if times % 3 == 0:
            distance, times = self.thrice[name], times // 3
        return self.emit.at(base, builder.shl(distance, integer(times.bit_length() - 1)))

    def steps(self, count: int) -> Callable[[Any, list[Any]], list[Any]]:
        """`count` steps along k, for the loop over k."""
        emit = self.emit

        def step(_: Any, carried: list[Any]) -> list[Any]:
            sums, (b, *of_a) = carried[: -len(self.bases)], map(emit.hidden, carried[-len(self.bases) :])
            for u in range(count):
                if u and u % 4 == 0:
                    b = emit.hidden(self._away(b, "down_b", 4))
                row = self._away(b, "down_b", u % 4)
                line = [
                    emit.load(emit.at(row, integer(j * emit.vector_bytes)), mask) for j, mask in enumerate(self.masks)
                ]
                for i in range(self.rows):
                    base, times = _way_to(i)
                    first = self._away(of_a[base], "down_a", times)
                    x = emit.broadcast(emit.at(first, integer(u * emit.code.itemsize)))
                    for j, y in enumerate(line):
                        place = i * self.vectors + j
                        sums[place] = emit.multiply_add(x, y, sums[place])
                if u + 1 < count:
                    emit.keep_order()
            if count > 1:  # last: between the products it makes LLVM spill all sums
                emit.keep_order()
                emit.fetch(emit.at(of_a[0], self.given["ahead"]), level=2)
            further = integer(count * emit.code.itemsize)
            b = self._away(self._away(b, "down_b", (count - 1) % 4), "down_b", 1)
            return [*sums, b, *(emit.at(base, further) for base in of_a)]

        return step

    def write_c(self, sums: list[Any]) -> None:
        """Put the sums into C, or add them to what is there."""
        emit, builder = self.emit, self.emit.builder
        adds = builder.icmp_signed("!=", self.given["accumulate"], integer(0))
        with builder.if_else(adds) as (then, otherwise):
            with then:
                for number, row, offset, mask in self._places():
                    place = emit.at(row, offset)
                    emit.store(builder.fadd(emit.load(place, mask), sums[number]), place, mask)
            with otherwise:
                for number, row, offset, mask in self._places():
                    emit.store(sums[number], emit.at(row, offset), mask)
        builder.ret_void()


def _base_rows(rows: int) -> list[int]:
    """Rows of A that a pointer is kept to; `_way_to` tells how the others are reached from them."""
    return [row for row in range(rows) if row % 8 in {0, 3}]


def _way_to(row: int) -> tuple[int, int]:
    """Which of the pointers a row of A is reached from, and how many rows lie between: 0, 1, 2, 3 or 4."""
    group, place = divmod(row, 8)
    base = place in {3, 5, 6, 7}
    return 2 * group + base, place - 3 * base
