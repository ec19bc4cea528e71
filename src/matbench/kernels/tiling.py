"""Tile sizes from cache sizes: pure arithmetic, so that it can be tested without a machine."""

from __future__ import annotations

from typing import NamedTuple

from matbench.model import ITEMSIZE, Caches, Dtype

__all__ = ["Blocks", "RegisterTile", "Tile", "gemm_blocks", "gemm_candidates", "register_tile", "tile_of_b"]

# What to assume of a machine that does not tell: true of most cores since 2010.
_L1D, _L2 = 32 * 1024, 256 * 1024  # bytes
_LEAST_DEPTH, _MOST_DEPTH = 8, 512  # steps along k between two visits to C; more than 512 save next to nothing
FEW_PANELS = 2  # times that a packed B has to be read again to be worth it
_LINE = 64  # bytes of a cache line on x86-64; tiles are whole lines wide on other machines too
DEPTHS = (0.5, 0.75, 1.0, 1.5)  # times the derived one that are worth trying
SHARES = (0.5, 1.0, 1.5)  # the same of the size of a block of B
TILES_OF_A = (4, 16)  # register tiles of rows


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


class RegisterTile(NamedTuple):
    """Extents of the part of C that is held in registers while k passes by."""

    rows: int
    vectors: int  # of each row
    lanes: int  # elements of a vector


def register_tile(registers: int, lanes: int, *, fused: bool = True) -> RegisterTile:
    """The tile of C that makes the most of a processor's vector registers.

    The sums take ``rows * vectors`` registers, a row of B `vectors`, an element of A one, and a product that is added
    by an instruction of its own one more; all have to fit. Each
    element read serves more sums the larger the tile is, and the sums have to outnumber the multiply-adds that are
    under way at a time, 8 on most processors: so the most sums win. Of tiles with equally many, the one that reads the
    fewest elements a step does, then the one with the fewest loads. Rows are a power of two, which cuts most matrices
    evenly.

    Parameters
    ----------
    registers
        How many vector registers there are.
    lanes
        Elements of a vector.
    fused
        Whether multiply and add are one instruction.

    Examples
    --------
    >>> register_tile(32, 8)
    RegisterTile(rows=8, vectors=3, lanes=8)
    >>> register_tile(16, 4)
    RegisterTile(rows=4, vectors=3, lanes=4)
    """
    powers = [2**i for i in range(registers.bit_length())]
    fitting = [
        RegisterTile(rows, vectors, lanes)
        for rows in powers
        for vectors in range(1, registers)
        if rows * vectors + vectors + (1 if fused else 2) <= registers
    ]
    return max(
        fitting,
        key=lambda tile: (
            tile.rows * tile.vectors,
            -(tile.rows + tile.vectors * tile.lanes),
            -(tile.rows + tile.vectors),
        ),
    )


class Blocks(NamedTuple):
    """Where the loops around the register tile are cut, and when packing pays."""

    mc: int  # rows of a block of A
    kc: int  # its columns, and rows of a block of B
    nc: int  # columns of a block of B
    small: int  # bytes: a B of fewer is read where it lies
    few: int  # rows: so few of A do not pay for packing B


def gemm_blocks(caches: Caches, tile: RegisterTile, itemsize: int) -> Blocks:
    """Blocks that stay in the caches where they are read again.

    As many rows of A as the register tile has stay in the first-level cache while a block of B passes by: they take
    two thirds of it, the rest is for what passes (half of it lost 1 to 2 %, see docs/gemm.md). The block of B stays in
    the second-level cache while all rows of A pass by, and takes half of that. The other way round, a panel of B in the
    first level and a block of A in the second, asks more of the first: a panel of B is wider.

    Parameters
    ----------
    caches
        Cache sizes in bytes; what is unknown is assumed small.
    tile
        The register tile.
    itemsize
        Bytes of an element.

    Returns
    -------
    Blocks
        All positive; `mc` and `nc` are whole numbers of register tiles.

    Examples
    --------
    >>> gemm_blocks(Caches(l1d=48 * 1024, l2=2 * 1024 * 1024), RegisterTile(8, 3, 8), 8)
    Blocks(mc=8, kc=512, nc=240, small=524288, few=16)
    """
    l1d, l2 = caches.l1d or _L1D, caches.l2 or _L2
    width = tile.vectors * tile.lanes
    kc = min(_MOST_DEPTH, max(_LEAST_DEPTH, 2 * l1d // 3 // (tile.rows * itemsize)))
    nc = max(width, l2 // 2 // (kc * itemsize) // width * width)
    return Blocks(tile.rows, kc, nc, l2 // 4, FEW_PANELS * tile.rows)


def gemm_candidates(caches: Caches, tile: RegisterTile, itemsize: int) -> tuple[Blocks, ...]:
    """Blocks that may be better than the derived ones on some machine: around them, and those first.

    The depth of a block decides how often C is visited and how much of L1 the rows of A take; the size of a block of B
    how much of L2 it takes; several register tiles of A at a time use a panel of B again while it is in L1.

    Parameters
    ----------
    caches, tile, itemsize
        As for `gemm_blocks`.

    Examples
    --------
    >>> found = gemm_candidates(Caches(l1d=48 * 1024, l2=2 * 1024 * 1024), RegisterTile(8, 3, 8), 8)
    >>> len(found), found[0], found[1]
    (14, Blocks(mc=8, kc=512, nc=240, small=524288, few=16), Blocks(mc=8, kc=256, nc=240, small=524288, few=16))
    """
    derived = gemm_blocks(caches, tile, itemsize)
    width = tile.vectors * tile.lanes
    found = [derived]
    for depth in DEPTHS:
        kc = max(_LEAST_DEPTH, int(depth * derived.kc))
        for share in SHARES:
            nc = max(width, int(share * derived.kc * derived.nc / kc) // width * width)
            found.append(derived._replace(kc=kc, nc=nc))
    found += [derived._replace(mc=tiles * tile.rows) for tiles in TILES_OF_A]
    return tuple(dict.fromkeys(found))
