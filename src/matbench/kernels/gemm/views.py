"""The few values that the compiled functions hand each other: all integers, so that each is compiled once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from matbench.kernels.gemm.intrinsics import inner

__all__ = ["Grid", "Operands", "Tables", "View", "grid_of", "signed"]

# To Numba a number in the text is a type of its own, for which a function is compiled anew; an address is unsigned, and
# its sum with a signed number real. Both are made plain by this.
signed: Any = np.intp


class View(NamedTuple):
    """A matrix in memory: its first element, and the distances to the next row and the next column, in bytes."""

    address: int
    down: int
    across: int


class Operands(NamedTuple):
    """C = A B: three matrices of m x n, m x k and k x n elements."""

    a: View
    b: View
    c: View
    m: int
    n: int
    k: int


class Tables(NamedTuple):
    """The generated functions and what they were generated for; addresses as numbers."""

    tiles: int
    copies: int
    itemsize: int
    lanes: int
    rows: int
    vectors: int


class Grid(NamedTuple):
    """An extent cut evenly: the first `longer` pieces have ``least + 1`` units, the others `least`."""

    extent: int  # in elements
    pieces: int
    least: int
    longer: int


@inner()
def grid_of(extent: int, unit: int, most: int) -> Grid:
    """Cut an extent into as few pieces as possible, all of about one size.

    Even pieces leave no thin one at the end, whose few registers would not keep the arithmetic busy.

    Parameters
    ----------
    extent
        Elements.
    unit
        Pieces are whole numbers of so many elements, but for what is missing at the end of the last.
    most
        Units of the largest piece.
    """
    units = -(-extent // unit)
    pieces = max(1, -(-units // most))
    return Grid(extent, pieces, units // pieces, units % pieces)
