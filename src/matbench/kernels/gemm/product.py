"""The whole product: any layout, any extent, one thread or several."""

from __future__ import annotations

import functools
import hashlib
import sys
from array import array
from collections.abc import Iterator
from importlib import import_module
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from matbench.kernels import jit
from matbench.kernels.gemm import compiling, copies, dots, intrinsics, late, loops, microkernel, packing, views
from matbench.kernels.gemm.compiling import WholeCompiler
from matbench.kernels.gemm.intrinsics import (
    allocate,
    call_entry,
    call_two,
    copy_table,
    enter,
    entry_of,
    inner,
    interrupt,
    leave,
    let_go,
    loaded,
    place_of,
    release,
    stored,
    take_back,
    thread_count,
    tile_table,
    version,
)
from matbench.kernels.gemm.late import INTERRUPTED, Late, address_of
from matbench.kernels.gemm.loops import Cuts, five_loops, two_loops
from matbench.kernels.gemm.packing import LINE, copy_matrix, packed_row_bytes
from matbench.kernels.gemm.recipe import Code, Recipe
from matbench.kernels.gemm.views import Operands, Tables, View, grid_of, signed
from matbench.kernels.jit import keep_on_disk, njit, prange
from matbench.kernels.registry import Array, Matmul
from matbench.kernels.tiling import Blocks

__all__ = ["product"]

DONE, NO_MEMORY, NO_CODE, NO_TEAM = 0, 1, 2, 3  # outcomes, and INTERRUPTED; of several the largest is told
STREAMS = 16  # rows of B that are read side by side without being packed: what processors fetch ahead of the program
SHALLOW = 64  # steps along k: a packed block of B is no lower; see `cuts_for`
PARALLEL_FLOPS = 4_000_000  # below, handing work to threads takes longer than they save
SPLIT_PAYS = 16  # register tiles of rows from which it pays to pack a B whose vectors are not aligned (docs/gemm.md)
SHORT_FLOPS = 250_000  # up to here the calling thread keeps Python's lock: giving it away takes 1 % of the time


class Job(NamedTuple):
    """What compiled code hands over to code that was compiled apart: the problem, and how many threads there are."""

    tables: Tables
    limits: Blocks
    given: Operands
    threads: int


_NOTHING = View(0, 0, 0)
LIMITS = Blocks(0, 0, 0, 0, 0)  # any blocks, and below any job: compiled code asks for their types
JOB = Job(Tables(0, 0, 0, 0, 0, 0), LIMITS, Operands(_NOTHING, _NOTHING, _NOTHING, 0, 0, 0), 0)


@inner()
def cuts_for(tables: Tables, limits: Blocks, given: Operands) -> Cuts:
    """Where to cut the loops for one problem, and what to pack."""
    item = tables.itemsize
    is_large = given.n * given.k * item >= limits.small
    is_split = (given.b.address | given.b.down) % (tables.lanes * item) != 0
    pays = given.m > limits.few
    units_m, units_n = -(-given.m // tables.rows), -(-given.n // tables.lanes)
    width = tables.lanes * tables.vectors
    # A block is never less than a register tile, and whole ones wide, whatever the caller says: memory is for that.
    mc, kc, nc = max(limits.mc, tables.rows), max(limits.kc, 1), max(limits.nc // width, 1) * width
    if units_n <= tables.vectors:  # a single panel: rows of A pass by once, and a narrow block of B may be deeper
        kc *= max(1, min(nc // (max(1, units_n) * tables.lanes), -(-given.k // kc)))
    flat = max(SHALLOW, 2 * given.m)
    if is_large and not pays:  # B passes by once: along a few rows at a time, as far as they go
        kc, nc = min(kc, STREAMS), given.n + tables.lanes
    elif is_large and given.b.across == item and flat < min(kc, given.k) and nc < given.n:
        # Few rows: fetching B takes longer than visiting C, and is faster along long pieces of its rows. The block is
        # as large as before, but flat.
        kc, nc = flat, min(kc, given.k) * nc // (flat * width) * width
    return Cuts(
        min(mc, units_m * tables.rows),
        max(1, min(kc, given.k)),
        min(nc, units_n * tables.lanes),
        int(given.a.across != item),
        int(given.b.across != item or (pays and (is_large or (is_split and given.m >= SPLIT_PAYS * tables.rows)))),
    )


@inner()
def summoned(place: int, job: int, number: int, otherwise: int) -> int:
    """What a `Late` function makes of a job; `otherwise` where it can't be compiled."""
    function = loaded(place, signed(0))
    if function == 0:
        told = stored(signed(INTERRUPTED))
        call_two(loaded(place + 8, signed(0)), told, signed(0))
        function = loaded(place, signed(0))
        if function == 0:
            refusal: int = max(loaded(told, signed(0)), otherwise)
            return refusal
    outcome: int = call_two(function, job, number)
    return outcome


@inner()
def alone(tables: Tables, limits: Blocks, given: Operands) -> int:
    """The product on this thread; the elements of a row of C lie side by side."""
    a, b, c, m, n, k = given
    if n == 1 and a.across == tables.itemsize and b.down == tables.itemsize:  # Loop 1 is all there is
        numbers = (a.address, a.down, b.address, m, c.address, c.down, k // tables.lanes, k % tables.lanes, 0, 0)
        call_entry(tables.tiles, 2 * tables.rows * tables.vectors, numbers)
        return DONE
    cuts = cuts_for(tables, limits, given)
    size = cuts.pack_a * cuts.mc * packed_row_bytes(tables, cuts.kc)
    size += cuts.pack_b * cuts.kc * (cuts.nc + tables.lanes) * tables.itemsize
    if size == 0 and given.k <= cuts.kc:
        panels = grid_of(given.n, tables.lanes, tables.vectors)
        two_loops(tables, given, panels, signed(0), signed(0))
        return DONE
    memory = allocate(size + LINE)
    if memory == 0:
        return NO_MEMORY
    start = -(-memory // LINE) * LINE
    five_loops(tables, cuts, given, start)
    release(memory)
    return DONE


@inner()
def rows_of_parts(threads: int, m: int, n: int) -> int:
    """Into how many parts the rows of C are cut, so that each thread's part is as square as can be.

    Of two ways that are as good the one with fewer is taken: threads that share rows of B pack them twice.
    """
    best, rows = n + m * threads, 1
    for down in range(2, threads + 1):
        if threads % down == 0 and n * down + m * (threads // down) < best:
            best, rows = n * down + m * (threads // down), down
    return rows


@inner()
def part(job: int, task: int) -> int:
    """One thread's part of C."""
    tables, limits, given, threads = loaded(job, JOB)
    a, b, c, m, n, k = given
    parts_m = rows_of_parts(threads, m, n)
    parts_n = threads // parts_m
    i, j = task // parts_n, task % parts_n
    units_m, units_n = -(-m // tables.rows), -(-n // tables.lanes)
    top, bottom = i * units_m // parts_m * tables.rows, min(m, (i + 1) * units_m // parts_m * tables.rows)
    left, right = j * units_n // parts_n * tables.lanes, min(n, (j + 1) * units_n // parts_n * tables.lanes)
    if top >= bottom or left >= right:
        return DONE
    a = View(a.address + top * a.down, a.down, a.across)
    b = View(b.address + left * b.across, b.down, b.across)
    c = View(c.address + top * c.down + left * c.across, c.down, c.across)
    mine = stored(Job(tables, limits, Operands(a, b, c, bottom - top, right - left, k), signed(1)))
    outcome: int = summoned(place_of(GENERAL), mine, signed(0), NO_CODE)
    return outcome


@inner(parallel=True)
def together(entry: int, job: int, tasks: int) -> int:
    """All parts, each by a thread of its own; the worst of their outcomes."""
    worst = 0
    for task in prange(tasks):
        worst = max(worst, call_two(entry, job, task))
    return worst


@inner()
def shared(tables: Tables, limits: Blocks, given: Operands, threads: int) -> int:
    """The product by so many threads; by this one alone where others are at work already.

    Not all of Numba's threading layers can be entered by two threads at once: the whole process ends.
    """
    if threads == 1 or 2 * given.m * given.n * given.k < PARALLEL_FLOPS or not enter():
        outcome: int = alone(tables, limits, given)
        return outcome
    job = stored(Job(tables, limits, given, threads))
    outcome = summoned(place_of(TEAM), job, threads, NO_TEAM)
    leave()
    return outcome


@inner()
def is_turned(tables: Tables, given: Operands) -> bool:
    """Whether C' = B' A' is computed instead: its rows lie side by side, or vectors make better use of it.

    A column is best made of rows of A, each multiplied by B; a row is best made of rows of B. Where C is a column, its
    rows have a single element, and lie side by side in any case.
    """
    item = tables.itemsize
    if given.n == 1:
        return given.a.across != item and given.c.down == item
    if given.m == 1:
        return given.b.across != item
    return given.c.across != item and given.c.down == item


@inner()
def is_one_block(tables: Tables, limits: Blocks, given: Operands) -> bool:
    """Whether the two innermost loops are all there is to do: nothing is packed, cut along k, turned or shared out."""
    a, b, c, m, n, k = given
    item = tables.itemsize
    is_low = 0 < m < SPLIT_PAYS * tables.rows and 2 * m * n * k < PARALLEL_FLOPS
    is_small = n * k * item < limits.small and k <= limits.kc
    return is_low and is_small and n > 1 and a.across == item and b.across == item and c.across == item


@inner()
def multiply(tables: Tables, limits: Blocks, given: Operands) -> int:
    """The product of any layouts. What takes more than two loops is compiled when it is first asked for."""
    if given.m == 0 or given.n == 0:
        return DONE
    if is_one_block(tables, limits, given):
        panels = grid_of(given.n, tables.lanes, tables.vectors)
        two_loops(tables, given, panels, signed(0), signed(0))
        return DONE
    job = stored(Job(tables, limits, given, thread_count()))
    outcome: int = summoned(place_of(GENERAL), job, signed(0), NO_CODE)
    return outcome


def _digest(code: CodeType) -> bytes:
    nested = b"".join(_digest(each) for each in code.co_consts if isinstance(each, CodeType))
    plain = [_constant(each) for each in code.co_consts if not isinstance(each, CodeType)]
    return hashlib.sha256(code.co_code + repr((code.co_names, plain)).encode() + nested).digest()


def _constant(value: object) -> object:
    """A constant with a text that is the same in all processes: that of a set is in an order of the process's own."""
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value


def _parts(scope: ModuleType | type, home: str) -> Iterator[bytes]:
    """What functions, classes and plain numbers and names of a module, or of a class of it, are made of."""
    for name, value in sorted(vars(scope).items()):
        function = getattr(value, "py_func", getattr(value, "_defn", getattr(value, "__wrapped__", value)))
        function = getattr(function, "fget", getattr(function, "__func__", function))
        if isinstance(function, FunctionType):
            options = getattr(value, "targetoptions", None)  # what Numba was told
            given = repr((function.__defaults__, function.__kwdefaults__, options))
            yield f"{name}{given}".encode() + _digest(function.__code__)
        elif isinstance(function, functools.partial):
            yield f"{name}={sorted(function.keywords.items())!r}".encode()
        elif isinstance(function, type) and function.__module__ == home:
            yield name.encode()
            yield from _parts(function, home)
        elif isinstance(function, int | float | str | tuple) and not name.startswith("__"):
            yield f"{name}={function!r}".encode()


@functools.cache
def generation() -> int:
    """A number that changes with the code that makes the machine code.

    Numba keeps compiled functions on disk and asks only whether the file of the outermost one has changed.
    """
    digest = hashlib.sha256()
    for module in (jit, compiling, copies, dots, intrinsics, late, loops, microkernel, packing, views):
        for each in _parts(module, module.__name__):
            digest.update(each)
    for each in _parts(sys.modules[__name__], __name__):
        if not each.startswith((b"GENERAL=", b"TEAM=")):  # are made from this
            digest.update(each)
    return int.from_bytes(digest.digest()[:6], "big")


# -- what is compiled when it is first called --------------------------------------------------------------------------


@functools.cache
def _general() -> int:
    """What any product takes, compiled once for all element types: a function of the address of a `Job`."""
    made_by = generation()

    def general(job: int, _: int) -> int:
        version(made_by)
        tables, limits, given, threads = loaded(job, JOB)
        a, b, c, m, n, k = given
        item = tables.itemsize
        if is_turned(tables, given):
            a, b = View(b.address, b.across, b.down), View(a.address, a.across, a.down)
            c = View(c.address, c.across, c.down)
            m, n = n, m
        memory = 0
        rows = c
        if c.across != item and n > 1:
            memory = allocate(m * n * item)
            if memory == 0:
                return NO_MEMORY
            rows = View(memory, n * item, item)
        outcome: int = shared(tables, limits, Operands(a, b, rows, m, n, k), threads)
        if memory != 0:
            copy_matrix(tables, rows, c, m, n)
            release(memory)
        return outcome

    return address_of(general)


@functools.cache
def _team() -> int:
    """What several threads run, compiled: a function of the address of a `Job` and of the number of its parts."""
    made_by = generation()

    def team(job: int, tasks: int) -> int:
        version(made_by)
        worst: int = together(entry_of(part), job, tasks)
        return worst

    return address_of(team)


import_module("numba").get_num_threads()  # makes known what `thread_count` calls


# -- what is called ----------------------------------------------------------------------------------------------------


@functools.cache
def _compiled(code: Code) -> Any:
    """A function of the address of `Blocks`, and of a, b and out: one for all products of one generated code."""
    numbers = tuple(code._replace(made_by=generation()))
    itemsize, lanes, rows, vectors = code[:4]

    @njit(no_cfunc_wrapper=True, pipeline_class=WholeCompiler)
    def gemm(limits: int, a: Array, b: Array, out: Array) -> None:
        tables = Tables(tile_table(numbers), copy_table(numbers), itemsize, lanes, rows, vectors)
        given = Operands(
            View(signed(a.ctypes.data), a.strides[0], a.strides[1]),
            View(signed(b.ctypes.data), b.strides[0], b.strides[1]),
            View(signed(out.ctypes.data), out.strides[0], out.strides[1]),
            a.shape[0],
            b.shape[1],
            a.shape[1],
        )
        is_long = 2 * given.m * given.n * given.k > SHORT_FLOPS
        lock = let_go() if is_long else signed(0)
        outcome = multiply(tables, loaded(limits, LIMITS), given)
        if is_long:
            take_back(lock)
        interrupt(outcome == INTERRUPTED)
        if outcome == NO_MEMORY:
            raise MemoryError("no memory for packing; free some, or multiply smaller matrices")
        if outcome == NO_CODE:
            raise RuntimeError(
                "what this product takes could not be compiled, as was told; call it again when that is mended"
            )
        if outcome == NO_TEAM:
            raise RuntimeError("what several threads run could not be compiled, as was told; multiply on one thread")

    keep_on_disk(gemm)
    return gemm


@functools.cache
def _placed(blocks: Blocks) -> array[int]:
    """Blocks at an address that stays theirs."""
    return array("q", blocks)


def product(recipe: Recipe, blocks: Blocks) -> Matmul:
    """A function ``(a, b, out)`` that multiplies as a recipe says.

    Parameters
    ----------
    recipe
        The ideas to use.
    blocks
        Where the loops are cut; see `matbench.kernels.gemm.recipe.blocks_of`. They are values and no constants of the
        machine code: what is compiled, or kept on disk, serves all blocks.

    Returns
    -------
    Matmul
        Compiled by its first call, on Numba's number of threads. Where it is called while it computes on several
        threads already, the second call computes on one.
    """
    return functools.partial(_compiled(recipe.code), _placed(blocks).buffer_info()[0])


# By these names compiled code finds what is compiled later. Another version of this package in one process, as a
# comparison with a baseline has it, has others: so they come last, where all there is of this module is known.
GENERAL, TEAM = (f"matbench_gemm_{name}_{generation():x}" for name in ("general", "team"))
_LATE = (Late(GENERAL, _general), Late(TEAM, _team))
