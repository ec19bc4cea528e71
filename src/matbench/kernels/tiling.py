"""Tile sizes from cache sizes: pure arithmetic, so that it can be tested without a machine."""

from __future__ import annotations

from typing import NamedTuple

from matbench.model import ITEMSIZE, Caches, Dtype

__all__ = ["Tile", "tile_of_b"]

# What to assume of a machine that does not tell: true of most cores since 2010.
_L1D, _L2 = 32 * 1024, 256 * 1024  # bytes
_LINE = 64  # bytes of a cache line on x86-64; tiles are whole lines wide on other machines too


class Tile(NamedTuple):
    """Extents of a tile of B, in elements."""

    depth: int  # rows of B, along k
    width: int  # columns of B, along n


def tile_of_b(caches: Caches, dtype: Dtype) -> Tile:
    """A tile of B that stays in the second-level cache while all rows of A pass by.

    The tile takes a quarter of L2, the rest is for what streams through. It is wide rather than deep: a row of it
    and the row of C it is added to take a quarter of L1, and long rows keep the vector loop busy.

    Parameters
    ----------
    caches
        Cache sizes in bytes; what is unknown is assumed small.
    dtype
        Element type.

    Returns
    -------
    Tile
        Depth and width, both positive; the width is a whole number of cache lines.

    Examples
    --------
    >>> tile_of_b(Caches(l1d=32 * 1024, l2=1024 * 1024), "float64")
    Tile(depth=64, width=512)
    """
    itemsize = ITEMSIZE[dtype]
    line = _LINE // itemsize
    in_l1 = (caches.l1d or _L1D) // 8 // itemsize
    width = max(line, in_l1 // line * line)
    in_l2 = (caches.l2 or _L2) // 4 // itemsize
    depth = max(8, in_l2 // width)
    return Tile(depth, width)
