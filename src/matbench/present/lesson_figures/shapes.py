"""Shapes drawn: arrays as cells, broadcasting as cells that are stretched, a product as a row that meets a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from matbench.errors import UsageError
from matbench.present.lesson_figures.picture import Picture, drawn, number, shape_words
from matbench.present.style import LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["arrays", "broadcasting", "product"]

FIRST, SECOND, BOTH = "#0072b2", "#d55e00", "#009e73"  # of Okabe and Ito, told apart by the colour-blind
MOST = 8  # rows or columns that are drawn
CELL = 0.46  # inch


class _Grid(NamedTuple):
    """An array to be drawn: its values, which of its cells are pale, its colour, and the line above it."""

    values: NDArray[Any]
    pale: NDArray[np.bool_]
    color: str
    caption: str
    copies: bool = True  # whether pale cells are copies, and not just out of play


def _small(values: ArrayLike) -> NDArray[Any]:
    """`values` as an array that can be drawn: at most two axes of at most eight."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or array.ndim > 2 or not array.size or max(array.shape, default=1) > MOST:
        raise UsageError(
            f"shape {shape_words(array.shape)} can't be drawn; give numbers with one or two axes of 1 to {MOST} each"
        )
    return array


def _grid(values: NDArray[Any], color: str, caption: str, copies: NDArray[np.bool_] | None = None) -> _Grid:
    flat = np.atleast_2d(values)
    none = np.zeros(flat.shape, dtype=bool)
    return _Grid(flat, none if copies is None else np.atleast_2d(copies), color, caption)


def _in_play(values: NDArray[Any], color: str, caption: str, row: slice, column: slice) -> _Grid:
    """A matrix of which some cells are looked at."""
    others = np.ones(values.shape, dtype=bool)
    others[row, column] = False
    return _Grid(values, others, color, caption, copies=False)


def arrays(**named: ArrayLike) -> Picture:
    """Arrays side by side, each cell with its number.

    Parameters
    ----------
    named
        Name -> numbers with at most two axes of 1 to 8 each; one axis is drawn as a row.

    Raises
    ------
    UsageError
        If one can't be drawn, or none is given.
    """
    if not named:
        raise UsageError("there is nothing to draw; give arrays by name, for example v=[1, 2, 3]")
    found = {name: _small(values) for name, values in named.items()}
    grids = [_grid(values, FIRST, f"{name} {shape_words(values.shape)}") for name, values in found.items()]
    told = "; ".join(f"{name} has shape {shape_words(values.shape)}" for name, values in found.items())
    return _side_by_side("Arrays and their shapes", f"Arrays drawn as cells: {told}.", grids, [""] * (len(grids) - 1))


def broadcasting(a: ArrayLike, b: ArrayLike, operation: Callable[[Any, Any], Any] = np.add, sign: str = "+") -> Picture:
    """How two shapes are made one: the cells of each array, and the copies that broadcasting thinks up.

    Parameters
    ----------
    a, b
        Numbers with at most two axes of 1 to 8 each.
    operation
        What is done to each pair of elements.
    sign
        How it is written.

    Returns
    -------
    Picture
        Both operands stretched to the common shape, copies pale, and the result; where the shapes don't fit, both
        as they are, with the axis that is at fault.

    Raises
    ------
    UsageError
        If one of them can't be drawn.
    """
    first, second = _small(a), _small(b)
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        return _misfit(first, second, sign)
    result = _small(operation(first, second))
    grids = [
        _stretched(first, shape, FIRST),
        _stretched(second, shape, SECOND),
        _grid(result, BOTH, f"result {shape_words(result.shape)}"),
    ]
    title = f"{shape_words(first.shape)} {sign} {shape_words(second.shape)} gives {shape_words(shape)}"
    told = f"{_stretch_words('The first', first, shape)} {_stretch_words('The second', second, shape)}"
    alt = f"Three grids of cells. {told} The result has shape {shape_words(shape)}."
    return _side_by_side(title, alt, grids, [sign, "="])


def _stretched(values: NDArray[Any], shape: tuple[int, ...], color: str) -> _Grid:
    """An operand as broadcasting sees it: every cell that is no element of its own is a copy."""
    places = np.broadcast_to(np.arange(values.size).reshape(values.shape), shape)
    seen: set[int] = set()
    copies = np.zeros(shape, dtype=bool)
    for place in np.ndindex(shape):
        copies[place] = int(places[place]) in seen
        seen.add(int(places[place]))
    return _grid(np.broadcast_to(values, shape), color, shape_words(values.shape), copies)


def _stretch_words(which: str, values: NDArray[Any], shape: tuple[int, ...]) -> str:
    if values.shape == shape:
        return f"{which} array already has shape {shape_words(shape)}."
    return f"{which} array, of shape {shape_words(values.shape)}, is repeated to {shape_words(shape)}."


def _misfit(first: NDArray[Any], second: NDArray[Any], sign: str) -> Picture:
    """Two shapes that don't fit, and why."""
    pairs = zip(reversed(first.shape), reversed(second.shape), strict=False)
    place, (one, other) = next((p, pair) for p, pair in enumerate(pairs, 1) if pair[0] != pair[1] and 1 not in pair)
    title = f"{shape_words(first.shape)} {sign} {shape_words(second.shape)} does not fit"
    why = f"axis {-place}, counted from the end, is {one} against {other}, and neither is 1"
    grids = [_grid(first, FIRST, shape_words(first.shape)), _grid(second, SECOND, shape_words(second.shape))]
    return _side_by_side(title, f"Two grids of cells that can't be broadcast: {why}.", grids, [sign], note=why)


def product(a: ArrayLike, b: ArrayLike, row: int = 0, column: int = 0) -> Picture:
    """One element of a matrix product: the row of A and the column of B that it is made of.

    Parameters
    ----------
    a, b
        Matrices of m x k and k x n numbers, m, k and n from 1 to 8.
    row, column
        Which element of the product.

    Raises
    ------
    UsageError
        If the shapes don't fit each other, or there is no such element.
    """
    first, second = _small(a), _small(b)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[0]:
        shapes = f"{shape_words(first.shape)} and {shape_words(second.shape)}"
        raise UsageError(f"shapes {shapes} have no product; the columns of A must be as many as the rows of B")
    m, n = first.shape[0], second.shape[1]
    if not (0 <= row < m and 0 <= column < n):
        raise UsageError(f"the product has {m} rows and {n} columns, counted from 0; there is no [{row}, {column}]")
    result = first @ second
    across, down, whole = slice(row, row + 1), slice(column, column + 1), slice(None)
    sum_ = " + ".join(f"{number(p)}·{number(q)}" for p, q in zip(first[row], second[:, column], strict=True))
    value = number(result[row, column])
    grids = [
        _in_play(first, FIRST, f"A {shape_words(first.shape)}", across, whole),
        _in_play(second, SECOND, f"B {shape_words(second.shape)}", whole, down),
        _in_play(result, BOTH, f"A @ B {shape_words(result.shape)}", across, down),
    ]
    note = f"[{row}, {column}]: {sum_} = {value}"
    alt = f"Three grids of cells: row {row} of A meets column {column} of B in element {note}."
    return _side_by_side("A row meets a column", alt, grids, ["@", "="], note=note)


def _side_by_side(title: str, alt: str, grids: list[_Grid], signs: list[str], note: str = "") -> Picture:
    gap = 1.2  # cells between two grids
    columns = [grid.values.shape[1] for grid in grids]
    widths = [max(count, 0.19 * len(grid.caption)) for count, grid in zip(columns, grids, strict=True)]
    rows = max(grid.values.shape[0] for grid in grids)
    across = sum(widths) + gap * (len(grids) - 1)

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.02, 0.04, 0.96, 0.8))
        ax.set_axis_off()
        ax.set_aspect("equal", anchor="W")
        ax.set_xlim(-0.1, across + 0.1)
        ax.set_ylim(rows + (0.8 if note else 0.1), -0.9)
        left = 0.0
        for place, (grid, width) in enumerate(zip(grids, widths, strict=True)):
            _draw_grid(ax, grid, left, (rows - grid.values.shape[0]) / 2)
            if place < len(signs):
                ax.text(left + width + gap / 2, rows / 2, signs[place], ha="center", va="center", size=15)
            left += width + gap
        if note:
            ax.text(0, rows + 0.45, note, va="center", size=10, color=LIGHT.muted)

    size = (max(5.0, CELL * across + 0.5), CELL * (rows + (1.9 if note else 1.2)) / 0.8)
    return drawn(title, alt, size, draw)


def _draw_grid(ax: Axes, grid: _Grid, left: float, top: float) -> None:
    """One array; copies are pale with a dashed edge, so that they differ without colour, too."""
    ax.text(left, top - 0.25, grid.caption, size=10, va="bottom", color=LIGHT.text)
    for (i, j), value in np.ndenumerate(grid.values):
        pale = bool(grid.pale[i, j])
        face: dict[str, Any] = {"facecolor": grid.color, "alpha": 0.08 if pale else 0.4}
        ax.add_patch(Rectangle((left + j, top + i), 1, 1, linewidth=0, **face))
        line: dict[str, Any] = {"linestyle": "--"} if grid.copies else {"alpha": 0.4}
        edge: dict[str, Any] = {"edgecolor": grid.color, "linewidth": 1.0, **(line if pale else {})}
        ax.add_patch(Rectangle((left + j + 0.03, top + i + 0.03), 0.94, 0.94, fill=False, **edge))
        color = LIGHT.muted if pale else LIGHT.text
        ax.text(left + j + 0.5, top + i + 0.5, number(value), ha="center", va="center", size=10, color=color)
