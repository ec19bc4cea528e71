"""Packing: what is read again and again is copied together once, in the order in which it will be read."""

from __future__ import annotations

from matbench.kernels.gemm.intrinsics import call_entry, inner
from matbench.kernels.gemm.views import Grid, Tables, View

__all__ = ["LINE", "copy_matrix", "pack_columns", "pack_rows", "packed_row_bytes"]

# Places in the table of copies; panels of 1, 2, .. vectors come after them.
STRIDED_COPY, ROW_COPY, TRANSPOSITION = 0, 1, 2
LINE = 64  # bytes of a cache line
STRIPE = 16  # rows of B copied at a time: as many streams into the panels as there are, each of whole cache lines


@inner()
def copy_matrix(tables: Tables, source: View, target: View, rows: int, columns: int) -> None:
    """Copy `rows` x `columns` elements, whatever the distances between them are."""
    item = tables.itemsize
    if source.across == item and target.across == item:
        whole, last = columns // tables.lanes, columns % tables.lanes
        distances = (whole, 0, source.address, source.down, target.address, target.down)
        call_entry(tables.copies, ROW_COPY, (*distances, rows, last, 0, 0))
        return
    if source.down == item and target.across == item:
        distances = (rows, 0, source.address, source.across, target.address, target.down)
        call_entry(tables.copies, TRANSPOSITION, (*distances, columns, 0, 0, 0))
        return
    if source.down < source.across:  # walk along the shorter distance
        source = View(source.address, source.across, source.down)
        target = View(target.address, target.across, target.down)
        rows, columns = columns, rows
    distances = (source.across, target.across, source.address, source.down, target.address, target.down)
    call_entry(tables.copies, STRIDED_COPY, (*distances, rows, columns, 0, 0))


@inner()
def packed_row_bytes(tables: Tables, depth: int) -> int:
    """Distance of the rows of a packed block of A: an odd number of cache lines, so that no two rows want one place."""
    return ((depth * tables.itemsize + LINE - 1) // LINE | 1) * LINE


@inner()
def pack_rows(tables: Tables, a: View, address: int, rows: int, depth: int) -> View:
    """Copy a block of A so that the elements of its rows lie side by side.

    Returns
    -------
    View
        The copy.
    """
    packed = View(address, packed_row_bytes(tables, depth), tables.itemsize)
    copy_matrix(tables, a, packed, rows, depth)
    return packed


@inner()
def pack_columns(tables: Tables, b: View, address: int, depth: int, grid: Grid) -> None:
    """Copy a block of B panel after panel, each as wide as a register tile and row by row.

    The block is walked along its rows, as it lies in memory; a few rows at a time, so that the panels are written in
    whole cache lines.

    Parameters
    ----------
    tables
        The generated functions.
    b
        The block.
    address
        Where the panels go.
    depth
        Rows of the block.
    grid
        Its panels.
    """
    item, lanes = tables.itemsize, tables.lanes
    stripe = STRIPE if b.across == item else max(1, depth)
    for first in range(0, depth, stripe):
        rows = min(stripe, depth - first)
        column = 0
        for j in range(grid.pieces):
            vectors = grid.least + (j < grid.longer)
            width = vectors * lanes
            source = b.address + first * b.down + column * b.across
            target = address + (column * depth + first * width) * item
            valid = min(width, grid.extent - column)
            if b.across == item:
                last = valid - width + lanes
                number = TRANSPOSITION + vectors if last == lanes else TRANSPOSITION + vectors + tables.vectors
                call_entry(tables.copies, number, (0, 0, source, b.down, target, 0, rows, last, 0, 0))
            else:
                panel = View(target, width * item, item)
                copy_matrix(tables, View(source, b.down, b.across), panel, rows, valid)
            column += width
