"""Bytes that a product moves between the levels of the memory, counted from its loops.

**The model.** A kernel is one or more loop nests with the arrays that they touch. Between a cache and the level that
feeds it, an array is brought in anew for each iteration of a loop unless what one iteration of that loop touches, of
all arrays together, fits into the cache (the layer condition of Stengel et al., ICS 2015, doi:10.1145/2751205.2751240).
Caches are taken for fully associative, with the least recently used line leaving first, and whole lines move; operands
start outside of every cache. Between the registers and the first cache single elements move, and only what the
innermost loop leaves unchanged stays in a register. Sums are read and written, the first time only written; what the
hardware reads in order to write a line is not counted, as STREAM does not count it. Conflicts between lines (strides of
powers of two) and prefetching are not in the model.

**Kernels without known loops** (BLAS, `einsum`, plugins) get the least that any order of the 2 m n k operations moves
through a cache of S elements: each operand once, and 2 m n k / sqrt(S) - 2 S elements (Smith, Lowery, Langou and
van de Geijn, A tight I/O lower bound for matrix multiplication, arXiv:1702.02017).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matbench.model import Caches, Case, Problem

    NestsOf = Callable[[Problem, float, Caches], tuple["Nest", ...]]  # from a problem, rows of C and caches

__all__ = ["Level", "Loop", "Nest", "Operand", "Traffic", "levels", "moved", "traffic"]

LINE = 64  # bytes that move together on x86-64 and most ARM cores
ROWS_A_TASK = 8  # of C, in the parallel loops: the number of `matbench.kernels.numba_loops`, which a test compares

Use = Literal["read", "written", "sum", "temporary"]


class Loop(NamedTuple):
    """One loop: which subscript it walks, and how often; a tiled subscript has two, the mean extents of its tiles."""

    subscript: str
    trips: float


class Operand(NamedTuple):
    """An array: its subscripts, of which the last is contiguous in memory, and what the loops do with it."""

    subscripts: str
    use: Use


class Nest(NamedTuple):
    """Loops, the outermost first, around one statement."""

    loops: tuple[Loop, ...]
    operands: tuple[Operand, ...]


class Level(NamedTuple):
    """A level of the memory, and the bytes of the cache between it and the core: 0 for registers, None if unknown."""

    name: str
    above: int | None


class Traffic(NamedTuple):
    """What one call brings from a level towards the core."""

    level: str
    bytes: float
    counted: bool  # from the kernel's own loops; else the least that any order of the operations moves
    resident: bool  # the operands fit into the cache above: calls in a row bring nothing, the level is no limit

    def intensity(self, flops: float) -> float:
        """Operations for each byte, flop/byte."""
        return flops / self.bytes


A, B, C = Operand("ip", "read"), Operand("pj", "read"), Operand("ij", "sum")


def levels(caches: Caches) -> tuple[Level, ...]:
    """The levels that feed a core, nearest first; main memory is always among them.

    Examples
    --------
    >>> from matbench.model import Caches
    >>> [level.name for level in levels(Caches(l1d=32768, l2=2**20))]
    ['L1', 'L2', 'memory']
    """
    known = [(name, size) for name, size in (("L1", caches.l1d), ("L2", caches.l2), ("L3", caches.l3)) if size]
    if not known:
        return (Level("memory", None),)
    names = [*(name for name, _ in known), "memory"]
    above = [0, *(size for _, size in known)]
    # Without a first cache there is nothing that the registers could be said to be fed by.
    return tuple(map(Level, names, above)) if known[0][0] == "L1" else tuple(map(Level, names, above))[1:]


def traffic(case: Case, caches: Caches) -> tuple[Traffic, ...]:
    """What one call moves from each level towards the cores, nearest level first.

    Parameters
    ----------
    case
        Kernel, problem and threads. Threads share the rows of C; each has caches of its own but for the last.
    caches
        As one core sees them.

    Returns
    -------
    tuple of Traffic
        Between registers and L1 only for kernels whose loops are known.
    """
    nests_of = NESTS.get(case.kernel) if case.problem.layout == "C" else None
    if nests_of is None:
        return tuple(_bounded(case, level) for level in levels(caches) if level.above != 0)
    return tuple(_counted(case, level, nests_of, caches) for level in levels(caches))


def _counted(case: Case, level: Level, nests_of: NestsOf, caches: Caches) -> Traffic:
    """What the kernel's own loops move; the rows of C are shared out where each thread has a cache of its own."""
    itemsize, sharing = case.problem.itemsize, 1 if level.name == "memory" else case.threads
    nests = nests_of(case.problem, case.problem.m / sharing, caches)
    total = sharing * sum(moved(nest, level.above, itemsize) for nest in nests)
    footprint = LINE * max(_touched(nest, nest.loops, LINE // itemsize) for nest in nests)
    return Traffic(level.name, total, counted=True, resident=footprint <= (level.above or 0))


def _bounded(case: Case, level: Level) -> Traffic:
    """What no order of the operations can do without."""
    room = (level.above or 0) * (1 if level.name == "memory" else case.threads)  # each thread has a cache of its own
    resident = case.problem.operand_bytes <= room
    return Traffic(level.name, _least(case, level.above), counted=False, resident=resident)


def _least(case: Case, above: int | None) -> float:
    """Bytes that any order of the operations moves through a cache: the bound, never less than each operand once."""
    problem, once = case.problem, float(case.problem.operand_bytes)
    if not above or problem.operation != "matmul":
        return once
    room = above / problem.itemsize
    return max(once, problem.itemsize * (problem.flops / math.sqrt(room) - 2 * room * case.threads))


def moved(nest: Nest, above: int | None, itemsize: int) -> float:
    """Bytes that a nest moves into a cache.

    Parameters
    ----------
    nest
        Loops and arrays.
    above
        Bytes of the cache; 0 for registers; None for one that holds everything.
    itemsize
        Bytes of an element.

    Examples
    --------
    A copy of 1000 doubles moves each element once in and once out:

    >>> copy = Nest((Loop("i", 1000),), (Operand("i", "read"), Operand("i", "written")))
    >>> moved(copy, 0, 8), moved(copy, 32768, 8)
    (16000.0, 16000.0)
    """
    line = LINE if above != 0 else itemsize
    total = 0.0
    for operand in nest.operands:
        fetched = _fetched(nest, operand, above, line, itemsize)
        distinct = _lines(operand, nest.loops, nest.loops, line // itemsize)
        uses = {"read": fetched, "written": fetched, "sum": 2 * fetched - distinct, "temporary": 2 * fetched}
        total += line * uses[operand.use]
    return total


def _fetched(nest: Nest, operand: Operand, above: int | None, line: int, itemsize: int) -> float:
    """How many lines of an array are brought in: once for each iteration whose surroundings do not fit.

    A cache that is a little too small still holds some of what passes by again and again; from twice its size on none.
    """
    count = 1.0
    contiguous = _contiguous(operand, nest.loops)
    for place in reversed(range(len(nest.loops))):
        loop, inner = nest.loops[place], nest.loops[place + 1 :]
        size = line * _touched(nest, inner, line // itemsize) if inner else 0.0
        lost = 0.0 if above is None or size <= above else min(1.0, size / above - 1) if above else 1.0
        if place == contiguous:
            kept = max(1.0, loop.trips * itemsize / line)
            count *= kept + lost * max(0.0, loop.trips - kept)
        elif loop.subscript in operand.subscripts:
            count *= loop.trips
        else:
            count *= 1 + lost * (loop.trips - 1)
    return count


def _touched(nest: Nest, inner: Sequence[Loop], per_line: int) -> float:
    """Different lines of all arrays that the inner loops touch."""
    return sum(_lines(operand, inner, nest.loops, per_line) for operand in nest.operands)


def _contiguous(operand: Operand, loops: Sequence[Loop]) -> int | None:
    """The place of the loop that walks along a line: the innermost over the last subscript."""
    return max((i for i, loop in enumerate(loops) if loop.subscript == operand.subscripts[-1]), default=None)


def _lines(operand: Operand, inner: Sequence[Loop], loops: Sequence[Loop], per_line: int) -> float:
    """Different lines of an array that the inner loops touch."""
    contiguous, skipped = _contiguous(operand, loops), len(loops) - len(inner)
    count = 1.0
    for place, loop in enumerate(inner, start=skipped):
        if place == contiguous:
            count *= max(1.0, loop.trips / per_line)
        elif loop.subscript in operand.subscripts:
            count *= loop.trips
    return count


# -- the loops of the kernels -----------------------------------------------------------------------------------------


def _nested(order: str, *operands: Operand) -> NestsOf:
    """Three plain loops in an order of the subscripts."""

    def nests(problem: Problem, rows: float, _: Caches) -> tuple[Nest, ...]:
        trips = {"i": rows, "j": float(problem.n), "p": float(problem.k)}
        return (Nest(tuple(Loop(letter, trips[letter]) for letter in order), operands),)

    return nests


def _broadcast(problem: Problem, rows: float, _: Caches) -> tuple[Nest, ...]:
    """All products are written first, then read and summed."""
    loops = (Loop("i", rows), Loop("p", problem.k), Loop("j", problem.n))
    products = "ipj"
    return (
        Nest(loops, (A, B, Operand(products, "written"))),
        Nest(loops, (Operand(products, "read"), C)),
    )


def _tiled(problem: Problem, rows: float, caches: Caches) -> tuple[Nest, ...]:
    return (Nest((*_tiles(problem, caches), Loop("i", rows), *_in_tile(problem, caches)), (A, B, C)),)


def _parallel(problem: Problem, rows: float, caches: Caches) -> tuple[Nest, ...]:
    """All tiles for the rows of one task, then all again for those of the next."""
    task = min(rows, ROWS_A_TASK)
    loops = (Loop("i", rows / task), *_tiles(problem, caches), Loop("i", task), *_in_tile(problem, caches))
    return (Nest(loops, (A, B, C)),)


def _tiles(problem: Problem, caches: Caches) -> tuple[Loop, ...]:
    """From tile to tile of B."""
    inner = _in_tile(problem, caches)
    return Loop("j", problem.n / inner[1].trips), Loop("p", problem.k / inner[0].trips)


def _in_tile(problem: Problem, caches: Caches) -> tuple[Loop, Loop]:
    depth, width = tile(caches, problem.itemsize)
    return Loop("p", min(depth, problem.k)), Loop("j", min(width, problem.n))


def tile(caches: Caches, itemsize: int) -> tuple[int, int]:
    """Rows and columns of the tile of B that the tiled rungs keep in cache.

    The rule of `matbench.kernels.tiling`, which what reads results must not import; a test holds the two together.
    """
    per_line = LINE // itemsize
    width = max(per_line, (caches.l1d or 32 * 1024) // 8 // itemsize // per_line * per_line)
    return max(8, (caches.l2 or 256 * 1024) // 4 // itemsize // width), width


NESTS: dict[str, NestsOf] = {
    "numpy_rows": _nested("ipj", A, B, Operand("j", "temporary"), C),
    "numpy_outer": _nested("pij", A, B, Operand("ij", "temporary"), C),
    "numpy_broadcast": _broadcast,
    "numba_ijk": _nested("ijp", A, B, C),
    "numba_ikj": _nested("ipj", A, B, C),
    "numba_ikj_fma": _nested("ipj", A, B, C),
    "numba_tiled": _tiled,
    "numba_parallel": _parallel,
}
