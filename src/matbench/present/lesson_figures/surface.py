"""Numbers over two axes: a landscape with the path of a descent, and a matrix as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matbench.errors import UsageError
from matbench.present.lesson_figures.picture import Picture, drawn, matrix_of, number
from matbench.present.lesson_figures.plane import BLUE, ORANGE
from matbench.present.style import LIGHT, drawable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["curve_and_points", "descent", "heat_map"]

GRID = 81  # points along each axis
WRITTEN = 12  # rows or columns up to which a heat map's numbers are written into its cells


def curve_and_points(x: ArrayLike, y: ArrayLike, line: Callable[[Any], Any], name: str) -> Picture:
    """Points and a line through or past them: what ``plt.scatter`` and ``plt.plot`` are for.

    Parameters
    ----------
    x, y
        Coordinates of the points, equally many.
    line
        The height of the line over an array of x.
    name
        What the line is, in words.

    Raises
    ------
    UsageError
        If `x` and `y` differ in length, or the line has not one height for each x.
    """
    points = matrix_of([np.ravel(x), np.ravel(y)], (2, None))
    across = np.linspace(points[0].min(), points[0].max(), 101)
    heights = matrix_of([across, np.ravel(line(across))], (2, len(across)))[1]

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.13, 0.87, 0.74))
        ax.plot(across, heights, color=ORANGE, linewidth=1.8, label="line")
        ax.plot(*points, "o", color=BLUE, markersize=5, label="points")
        ax.set_xlabel("x")
        ax.set_ylabel("y")

    ends = f"from {number(heights[0])} at x = {number(across[0])} to {number(heights[-1])} at x = {number(across[-1])}"
    alt = f"{points.shape[1]} points and a line, {name}, that runs {ends}."
    return drawn(f"Points, and {name}", alt, (6.4, 4.0), draw)


def descent(loss: Callable[[Any, Any], Any], path: ArrayLike, reach: float = 3.0) -> Picture:
    """Contours of a function of two variables, and the path that a descent takes over them.

    Parameters
    ----------
    loss
        The height over two arrays of coordinates.
    path
        Steps x 2 coordinates, the first where the descent begins.
    reach
        Both axes run from -reach to reach.

    Raises
    ------
    UsageError
        If the path is no list of points of the plane, or `loss` gives not one height a point.
    """
    steps = matrix_of(path, (None, 2))
    xs, ys = np.meshgrid(np.linspace(-reach, reach, GRID), np.linspace(-reach, reach, GRID))
    heights = matrix_of(loss(xs, ys), (GRID, GRID))
    along = [float(loss(x, y)) for x, y in steps]

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.1, 0.87, 0.78))
        lowest, highest = float(heights.min()), float(heights.max())
        levels = lowest + (highest - lowest) * np.linspace(0, 1, 15)[1:] ** 2  # narrow where it is flat
        drawn_ = ax.contour(xs, ys, heights, levels=levels, cmap="viridis", linewidths=1.0)
        ax.clabel(drawn_, levels[1:-1:3], fontsize=8, fmt=number)
        ax.plot(*steps.T, "-o", color=ORANGE, markersize=3.5, linewidth=1.3, label="path", clip_on=True)
        ax.plot(*steps[0], "s", color=LIGHT.text, markersize=7)
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        ax.set_aspect("equal")

    end = f"({number(steps[-1, 0])}, {number(steps[-1, 1])})"
    alt = (
        f"Contour lines of a landscape, and a path of {len(steps) - 1} steps over it from ({number(steps[0, 0])}, "
        f"{number(steps[0, 1])}), where the loss is {number(along[0])}, to {end}, where it is {number(along[-1])}."
    )
    return drawn("A loss landscape, and a descent", alt, (5.6, 5.4), draw)


def heat_map(
    values: ArrayLike, rows: Sequence[str] | None = None, columns: Sequence[str] | None = None, title: str = "a matrix"
) -> Picture:
    """A matrix as colours, as ``plt.imshow`` draws it; small ones with their numbers, too.

    Parameters
    ----------
    values
        Any matrix of numbers.
    rows, columns
        Names of its rows and columns, as many as there are; none by default.
    title
        What it is, as it stands within a sentence.

    Raises
    ------
    UsageError
        If it is no matrix, or the names are too few or too many.
    """
    matrix = matrix_of(values, (None, None))
    for names, extent, what in ((rows, matrix.shape[0], "rows"), (columns, matrix.shape[1], "columns")):
        if names is not None and len(names) != extent:
            raise UsageError(f"{len(names)} names for {extent} {what}; give one name for each")

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.16, 0.12, 0.7, 0.74))
        shown = ax.imshow(matrix, cmap="cividis", aspect="equal")
        ax.grid(visible=False)
        for axis, names in ((ax.yaxis, rows), (ax.xaxis, columns)):
            if names is not None:
                axis.set_ticks(range(len(names)), [drawable(name, 14) for name in names])
        figure.colorbar(shown, cax=figure.add_axes((0.89, 0.12, 0.025, 0.74)))
        if max(matrix.shape) <= WRITTEN:
            middle = (matrix.min() + matrix.max()) / 2
            for (i, j), value in np.ndenumerate(matrix):
                color = "#000000" if value > middle else "#ffffff"
                ax.text(j, i, f"{value:.2f}", ha="center", va="center", size=8.5, color=color)

    at = np.unravel_index(matrix.argmax(), matrix.shape)
    alt = (
        f"Heat map of {title}, {matrix.shape[0]} rows and {matrix.shape[1]} columns, from {number(matrix.min())} to "
        f"{number(matrix.max())}; the largest value is in row {at[0]}, column {at[1]}, counted from 0."
    )
    return drawn(title[:1].upper() + title[1:], alt, (5.8, 5.0), draw)
