"""The five loops around the register tile, numbered from the inside out.

Source: Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008; Van Zee and van
de Geijn, BLIS, ACM TOMS 41, 2015. Theirs is for columns; here rows lie together, so that A and B change places:
vectors run along the rows of B and C.
"""

from __future__ import annotations

from typing import NamedTuple

from matbench.kernels.gemm.intrinsics import apart, call_entry, inner
from matbench.kernels.gemm.packing import pack_columns, pack_rows, packed_row_bytes
from matbench.kernels.gemm.views import Grid, Operands, Tables, View, grid_of, signed

__all__ = ["Cuts", "five_loops", "two_loops"]


class Cuts(NamedTuple):
    """Where the loops are cut, in elements, and what is packed."""

    mc: int
    kc: int
    nc: int  # of whole register tiles, or all columns that there are
    pack_a: int
    pack_b: int


@inner()
def two_loops(tables: Tables, block: Operands, panels: Grid, packed: int, add: int) -> None:
    """Loops 2 and 1: a block of C, register tile by register tile.

    Parameters
    ----------
    tables
        The generated functions.
    block
        The blocks of A, B and C; the elements of a row lie side by side.
    panels
        The columns of B and C, cut into register tiles.
    packed
        Whether B is packed, panel after panel.
    add
        Whether C holds a part of the sum already.
    """
    apart()
    a, b, c, m, _, k = block
    item, lanes = tables.itemsize, tables.lanes
    rows = grid_of(m, signed(1), tables.rows)
    column = 0
    for jr in range(panels.pieces):  # Loop 2: panels of B
        vectors = panels.least + (jr < panels.longer)
        width = vectors * lanes
        last = min(width, panels.extent - column) - width + lanes
        number = (vectors - 1) * tables.rows - 1
        if last != lanes:
            number += tables.rows * tables.vectors
        panel, step = b.address + column * item, b.down
        if packed:
            panel, step = b.address + column * k * item, width * item
        a_row, c_tile = a.address, c.address + column * item
        for ir in range(rows.pieces):  # Loop 1: rows of A, as many as the register tile holds
            high = rows.least + (ir < rows.longer)
            ahead = (high + jr) * a.down if jr < high else 0  # one of the rows that come after these
            numbers = (a_row, a.down, panel, step, c_tile, c.down, k, last, add, ahead)
            call_entry(tables.tiles, number + high, numbers)
            a_row += high * a.down
            c_tile += high * c.down
        column += width


@inner()
def five_loops(tables: Tables, cuts: Cuts, given: Operands, workspace: int) -> None:
    """Compute C = A B, block by block.

    Parameters
    ----------
    tables
        The generated functions.
    cuts
        Where the loops are cut.
    given
        The matrices; the elements of a row of C lie side by side, and so do those of A and B unless they are packed.
    workspace
        Address of the memory for packing: blocks of A and B as far as they are packed.
    """
    apart()
    a, b, c, m, n, k = given
    item, lanes = tables.itemsize, tables.lanes
    width = lanes * tables.vectors  # of whole register tiles: only the last block has narrower ones
    across = grid_of(n, width, -(-cuts.nc // width))
    along = grid_of(k, signed(1), cuts.kc)
    down = grid_of(m, tables.rows, max(1, cuts.mc // tables.rows))
    packed_b = workspace + cuts.pack_a * cuts.mc * packed_row_bytes(tables, cuts.kc)
    column = 0
    for jc in range(across.pieces):  # Loop 5: columns of B and C
        columns = min((across.least + (jc < across.longer)) * width, n - column)
        panels = grid_of(columns, lanes, tables.vectors)
        first = 0
        for pc in range(along.pieces):  # Loop 4: along k
            depth = along.least + (pc < along.longer)
            block_b = View(b.address + first * b.down + column * b.across, b.down, b.across)
            if cuts.pack_b:
                pack_columns(tables, block_b, packed_b, depth, panels)
                block_b = View(packed_b, 0, item)
            row = 0
            for ic in range(down.pieces):  # Loop 3: rows of A and C
                rows = min((down.least + (ic < down.longer)) * tables.rows, m - row)
                block_a = View(a.address + row * a.down + first * a.across, a.down, a.across)
                if cuts.pack_a:
                    block_a = pack_rows(tables, block_a, workspace, rows, depth)
                block_c = View(c.address + row * c.down + column * item, c.down, item)
                block = Operands(block_a, block_b, block_c, rows, columns, depth)
                two_loops(tables, block, panels, cuts.pack_b, int(pc > 0))
                row += rows
            first += depth
        column += columns
