"""Every sensible combination of the ideas as a kernel of its own: what credit for an idea is measured with.

A combination is told by the name of its kernel, ``ideas.compile.order.simd``; cores are no part of it but the number of
threads of a case. These kernels are on no ladder: a registry of their own holds them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from matbench.errors import KernelError
from matbench.kernels.jit import numba_missing
from matbench.kernels.numba_loops import numba_ijk
from matbench.kernels.python_loops import python_lists
from matbench.kernels.registry import FLOATS, Array, Kernel, Matmul, Registry, Rung
from matbench.kernels.tiling import Tile, register_tile, tile_of_b
from matbench.model import ITEMSIZE, Caches, Dtype

__all__ = ["FOOT", "IDEAS", "THREADS", "Idea", "combinations", "name_of", "variants"]

PREFIX, NONE = "ideas", "none"
FOOT = "the pure-Python triple loop over lists"


class Idea(NamedTuple):
    """One idea.

    Attributes
    ----------
    name
        Its part in the names of kernels.
    words
        What tables call it.
    needs
        Names of the ideas without which it has no meaning.
    """

    name: str
    words: str
    needs: frozenset[str] = frozenset()


_LOOPS = frozenset({"compile", "order"})  # what vectors, registers and caches are used by: a compiled loop along rows
IDEAS = (  # in the order in which they are told
    Idea("compile", "compiling"),
    Idea("order", "loop order"),
    Idea("simd", "SIMD", _LOOPS),
    Idea("fma", "fused multiply-add", _LOOPS),
    Idea("tile", "register tile", _LOOPS),
    Idea("pack", "packing", _LOOPS | {"tile"}),  # into panels as wide as the register tile
    Idea("block", "cache blocking", _LOOPS),
)
# Python's own loops hold the lock. Compiled ones that walk down columns could be shared out; but at n = 1024 they wait
# for memory for seconds, and would take a third of the run for a combination that nobody keeps.
THREADS = Idea("threads", "cores", _LOOPS)


def combinations(names: frozenset[str]) -> Iterator[frozenset[str]]:
    """All sets of ideas in which none lacks what it needs, small before large.

    Parameters
    ----------
    names
        Of the ideas there are to choose from.

    Examples
    --------
    >>> [name_of(each) for each in combinations(frozenset({"compile", "order", "simd"}))]
    ['ideas.none', 'ideas.compile', 'ideas.order', 'ideas.compile.order', 'ideas.compile.order.simd']
    """
    offered = [each for each in IDEAS if each.name in names]
    for size in range(len(offered) + 1):
        for chosen in itertools.combinations(offered, size):
            there = frozenset(each.name for each in chosen)
            if all(each.needs <= there for each in chosen):
                yield there


def name_of(ideas: frozenset[str]) -> str:
    """The name of the kernel that uses some ideas, those of `IDEAS` in their order."""
    return ".".join((PREFIX, *(each.name for each in IDEAS if each.name in ideas))) if ideas else f"{PREFIX}.{NONE}"


def variants() -> Registry:
    """The kernels of all combinations that make sense on this processor.

    Raises
    ------
    KernelError
        If there is no compiler: nearly all of them need one.
    """
    missing = numba_missing()
    if missing is not None:
        raise KernelError(f"the ideas can't be switched on and off here: it {missing}")
    from matbench.kernels.vectors import host_unit  # noqa: PLC0415  needs Numba, which is there

    names = {each.name for each in IDEAS}
    if not host_unit().fused:
        names.discard("fma")
    return Registry(_kernel(each) for each in combinations(frozenset(names)))


def _kernel(ideas: frozenset[str]) -> Kernel:
    last = next((each.words for each in reversed(IDEAS) if each.name in ideas), FOOT)
    compiled = "compile" in ideas
    return Kernel(
        name=name_of(ideas),
        rung=Rung.NUMBA if compiled else Rung.PYTHON,
        idea=last,
        function=functools.partial(_made, ideas),
        dtypes=FLOATS,
        threaded_dtypes=FLOATS if THREADS.needs <= ideas else (),
        compiled=compiled,
        from_caches=True,
        gflops=_gflops(ideas),
    )


def _gflops(ideas: frozenset[str]) -> float:
    """Order of magnitude on one core, GFLOP/s: what the time of a run is planned with."""
    if "compile" not in ideas:
        return 0.025
    if "order" not in ideas:
        return 0.5
    factors = {"simd": 4.0, "tile": 2.0, "fma": 1.3, "pack": 1.2, "block": 1.1}
    rate = 2.0
    for idea, factor in factors.items():
        rate *= factor if idea in ideas else 1.0
    return rate


def _made(ideas: frozenset[str], caches: Caches, dtype: Dtype) -> Matmul:
    """The function that uses some ideas, made to the measure of a machine."""
    if "compile" not in ideas:
        return rows_of_lists if "order" in ideas else python_lists.bind(dtype)
    # These need Numba; what needs none comes before.
    from matbench.kernels.gemm.product import product  # noqa: PLC0415  it needs Numba, which may be missing
    from matbench.kernels.gemm.recipe import UNLIMITED, blocks_of, full_recipe  # noqa: PLC0415  the same
    from matbench.kernels.gemm.streaming import row_updates  # noqa: PLC0415  the same
    from matbench.kernels.vectors import host_unit  # noqa: PLC0415  the same

    if "order" not in ideas:
        return numba_ijk.bind(dtype)
    unit = host_unit()
    lanes = unit.vector_bytes // ITEMSIZE[dtype] if "simd" in ideas else 1
    fused = "fma" in ideas
    tile = register_tile(unit.registers, lanes, fused=fused)
    recipe = replace(
        full_recipe(dtype, unit),
        lanes=lanes,
        fused=fused,
        rows=tile.rows,
        vectors=tile.vectors,
        packed="pack" in ideas,
        blocked="block" in ideas,
    )
    if "tile" in ideas:
        return product(recipe, blocks_of(recipe, caches))
    return row_updates(recipe, tile_of_b(caches, dtype) if "block" in ideas else Tile(UNLIMITED, UNLIMITED))


def rows_of_lists(a: Array, b: Array, out: Array) -> None:
    """The triple loop in Python with its loops exchanged, so that it runs along rows; lists, as before."""
    rows, lines = a.tolist(), b.tolist()
    columns = b.shape[1]
    for i, row in enumerate(rows):
        result = [0] * columns
        for p, scale in enumerate(row):
            line = lines[p]
            for j in range(columns):
                result[j] += scale * line[j]
        out[i] = result
