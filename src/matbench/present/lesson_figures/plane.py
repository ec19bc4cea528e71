"""What a 2 x 2 matrix does to the plane: arrows, the unit circle made an ellipse, directions that stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from matbench.errors import UsageError
from matbench.present.lesson_figures.picture import Movie, Picture, drawn, matrix_of, number, vector_of
from matbench.present.style import LIGHT, drawable
from matbench.present.words import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

__all__ = ["arrows", "circle_to_ellipse", "eigen_directions", "ellipse_movie", "inverse", "svd_stages"]

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#b0509a"
CIRCLE = np.vstack([np.cos(np.linspace(0, 2 * np.pi, 181)), np.sin(np.linspace(0, 2 * np.pi, 181))])
SQUARE = np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
STAGES = 5  # of the way, in the strip that stands for the movie
FRAMES = 16


class _Arrow(NamedTuple):
    """A vector from the origin with its label."""

    tip: Matrix
    label: str
    color: str


def arrows(**vectors: ArrayLike) -> Picture:
    """Vectors of the plane as arrows from the origin, as ``plt.quiver`` draws them.

    Parameters
    ----------
    vectors
        Name -> two numbers.

    Raises
    ------
    UsageError
        If one has another shape, or none is given.
    """
    if not vectors:
        raise UsageError("there is nothing to draw; give vectors by name, for example v=[2, 1]")
    found = {name: vector_of(values, 2) for name, values in vectors.items()}
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    tips = [_Arrow(tip, name, colors[i % len(colors)]) for i, (name, tip) in enumerate(found.items())]
    told = listed(f"{name} to ({number(x)}, {number(y)})" for name, (x, y) in found.items())

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.1, 0.08, 0.86, 0.82))
        _plane(ax, np.array([each.tip for each in tips]).T)
        _arrows(ax, tips)

    return drawn("Vectors as arrows", f"Arrows from the origin: {told}.", (4.8, 4.8), draw)


class Factors(NamedTuple):
    """A = U diag(s) Vᵀ with signs that don't depend on the library: each column of V points to its larger part."""

    u: Matrix
    s: Matrix
    vt: Matrix


def factors(a: Matrix) -> Factors:
    """The singular value decomposition of `a` with settled signs.

    Examples
    --------
    >>> factors(np.array([[0.0, -2.0], [1.0, 0.0]])).s
    array([2., 1.])
    """
    u, s, vt = np.linalg.svd(a)
    signs = np.sign(vt[np.arange(len(s)), np.abs(vt).argmax(axis=1)])
    return Factors(u * signs, s, vt * signs[:, None])


def circle_to_ellipse(a: ArrayLike) -> Picture:
    """The unit circle and square before and after a matrix: an ellipse along the singular vectors, and an area.

    Parameters
    ----------
    a
        2 x 2 numbers.

    Raises
    ------
    UsageError
        If it has another shape.
    """
    matrix = matrix_of(a, (2, 2))
    f = factors(matrix)
    det = float(np.linalg.det(matrix))
    turned = ", and a negative determinant: the orientation is flipped" if det < 0 else ""
    alt = (
        "Left: the unit circle and the unit square, with the right singular vectors v1 and v2 as arrows. Right: the "
        f"circle has become an ellipse with half-axes {number(f.s[0])} and {number(f.s[1])} along the left singular "
        f"vectors; the square has become a parallelogram of area {number(abs(det))}{turned}."
    )

    def draw(figure: Figure) -> None:
        before, after = (figure.add_axes((left, 0.09, 0.42, 0.74)) for left in (0.06, 0.56))
        reach = np.hstack([matrix @ CIRCLE, matrix @ SQUARE])
        _circle_panel(before, np.eye(2), CIRCLE, "before: area of the square 1")
        _arrows(before, [_Arrow(f.vt[0], "v1", ORANGE), _Arrow(f.vt[1], "v2", PURPLE)])
        _circle_panel(after, matrix, reach, f"after A: area |det A| = {number(abs(det))}")
        tips = [_Arrow(f.s[i] * f.u[:, i], f"{number(f.s[i])} u{i + 1}", c) for i, c in enumerate((ORANGE, PURPLE))]
        _arrows(after, tips)

    return drawn("A circle becomes an ellipse", alt, (9.0, 5.0), draw)


def ellipse_movie(a: ArrayLike, seconds: float = 3.0) -> tuple[Movie, Picture]:
    """The way from the circle to the ellipse, moving, and as a strip for print and for who prefers stillness.

    Parameters
    ----------
    a
        2 x 2 numbers.
    seconds
        Length of the movie, at most five.

    Returns
    -------
    Movie, Picture
        The matrices between are (1 - t) I + t A.

    Raises
    ------
    UsageError
        If `a` has another shape, or the movie is too long or has no length.
    """
    matrix = matrix_of(a, (2, 2))
    if not 0 < seconds <= 5:
        raise UsageError(f"a movie of {number(seconds)} s does not fit; give more than 0 and at most 5 seconds")
    reach = np.hstack([CIRCLE, SQUARE, matrix @ CIRCLE, matrix @ SQUARE])
    s = factors(matrix).s
    end = f"an ellipse with half-axes {number(s[0])} and {number(s[1])}"

    def between(t: float) -> Matrix:
        made: Matrix = (1 - t) * np.eye(2) + t * matrix
        return made

    def one(t: float) -> Figure:
        def draw(figure: Figure) -> None:
            _circle_panel(figure.add_axes((0.11, 0.09, 0.85, 0.8)), between(t), reach, f"t = {t:.2f}")

        return drawn("", "", (4.8, 4.8), draw, bare=True).figure

    def strip(figure: Figure) -> None:
        for place, t in enumerate(np.linspace(0, 1, STAGES)):
            ax = figure.add_axes((0.03 + 0.195 * place, 0.08, 0.17, 0.68))
            _circle_panel(ax, between(float(t)), reach, f"t = {t:.2f}")

    frames = tuple(one(float(t)) for t in np.linspace(0, 1, FRAMES))
    movie = Movie(frames, "From circle to ellipse", f"Animation: the unit circle becomes {end}.", seconds)
    alt = f"{STAGES} stages side by side: the unit circle becomes {end}, through (1 - t) I + t A."
    return movie, drawn("From circle to ellipse, in stages", alt, (10.0, 2.9), strip)


def eigen_directions(a: ArrayLike, count: int = 12) -> Picture:
    """Unit vectors and what the matrix makes of them: eigenvectors are those that keep their direction.

    Parameters
    ----------
    a
        2 x 2 numbers.
    count
        How many directions are drawn beside the eigenvectors.

    Raises
    ------
    UsageError
        If it has another shape.
    """
    matrix = matrix_of(a, (2, 2))
    values, columns = np.linalg.eig(matrix)
    real = [(float(v.real), columns[:, i].real) for i, v in enumerate(values) if abs(v.imag) < 1e-12]
    real = [(v, x if x[np.abs(x).argmax()] > 0 else -x) for v, x in real]
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = np.vstack([np.cos(angles), np.sin(angles)])
    told = listed(f"({number(x[0])}, {number(x[1])}) is stretched by {number(v)}" for v, x in real) if real else ""
    kept = f"Two directions stay: {told}." if real else "No real direction stays: the matrix turns every vector."

    def draw(figure: Figure) -> None:
        ax = figure.add_axes((0.09, 0.08, 0.79, 0.82))
        tips = [_Arrow(v * x, f"{number(v)} x{i}", ORANGE) for i, (v, x) in enumerate(real, 1)]
        _plane(ax, np.hstack([ring, matrix @ ring, *(each.tip[:, None] for each in tips)]))
        for x, y in zip(ring.T, (matrix @ ring).T, strict=True):
            ax.plot(*zip(x, y, strict=True), ":", color=LIGHT.muted, linewidth=0.9)
            ax.plot(*x, "o", color=BLUE, markersize=4)
            ax.plot(*y, "s", color=GREEN, markersize=5)
        _arrows(ax, tips)

    alt = f"{count} points of the unit circle (dots), each joined to its image (squares). {kept}"
    return drawn("Directions that stay", alt, (5.4, 5.4), draw)


def svd_stages(a: ArrayLike) -> Picture:
    """A matrix in three steps: a rotation Vᵀ, a stretch along the axes, a rotation U.

    Parameters
    ----------
    a
        2 x 2 numbers.

    Raises
    ------
    UsageError
        If it has another shape.
    """
    matrix = matrix_of(a, (2, 2))
    f = factors(matrix)
    steps = [("the circle", np.eye(2)), ("Vᵀ turns", f.vt)]
    steps += [(f"stretched by {number(f.s[0])}, {number(f.s[1])}", np.diag(f.s) @ f.vt), ("U turns: that is A", matrix)]
    reach = np.hstack([CIRCLE, *(step @ CIRCLE for _, step in steps)])

    def draw(figure: Figure) -> None:
        for place, (name, step) in enumerate(steps):
            ax = figure.add_axes((0.035 + 0.245 * place, 0.08, 0.215, 0.7))
            _circle_panel(ax, step, reach, name, square=False)
            tips = [step @ f.vt[i] for i in range(2)]
            _arrows(ax, [_Arrow(tip, f"v{i}" if place == 0 else "", c) for i, (tip, c) in _numbered(tips)])

    alt = (
        "Four panels: the unit circle with the right singular vectors; turned by V transposed so that they lie on the "
        f"axes; stretched to half-axes {number(f.s[0])} and {number(f.s[1])}; turned by U into the ellipse of A."
    )
    return drawn("A matrix in three steps: turn, stretch, turn", alt, (10.5, 3.2), draw)


def _numbered(tips: Sequence[Matrix]) -> list[tuple[int, tuple[Matrix, str]]]:
    return list(enumerate(zip(tips, (ORANGE, PURPLE), strict=True), 1))


def inverse(a: ArrayLike, error: float = 0.0) -> Picture:
    """There and back: the circle, what the matrix makes of it, and what its inverse makes of that.

    Parameters
    ----------
    a
        2 x 2 numbers, invertible.
    error
        Length of an error that is added to each point before going back: the inverse stretches it by up to
        1 / smallest singular value.

    Raises
    ------
    UsageError
        If it has another shape or no inverse.
    """
    matrix = matrix_of(a, (2, 2))
    s = factors(matrix).s
    if s[1] <= 1e-12 * s[0]:
        raise UsageError("this matrix has no inverse: it flattens the plane; give one whose determinant is not 0")
    there = matrix @ CIRCLE
    angles = 23 * np.linspace(0, 2 * np.pi, CIRCLE.shape[1])
    wobble = error * np.vstack([np.cos(angles), np.sin(angles)])  # of one length, in all directions
    back = np.linalg.solve(matrix, there + wobble)
    farthest = float(np.max(np.linalg.norm(back - CIRCLE, axis=0)))

    def draw(figure: Figure) -> None:
        shown = [("the circle", CIRCLE), ("A", there + wobble), ("A inverse brings it back", back)]
        for place, (name, points) in enumerate(shown):
            ax = figure.add_axes((0.05 + 0.325 * place, 0.08, 0.275, 0.72))
            _plane(ax, np.hstack([CIRCLE, points]))
            ax.plot(*CIRCLE, color=LIGHT.muted, linewidth=0.9, linestyle=":")
            ax.plot(*points, "o" if error and place else "-", color=BLUE, linewidth=1.6, markersize=2)
            ax.set_title(name, size=10)

    noise = f", with an error of {number(error)} added to each point" if error else ""
    alt = (
        f"Three panels: the unit circle; its image under A{noise}; and that image under the inverse. No point is "
        f"further than {number(farthest)} from where it began."
    )
    told = f", with an error of {number(error)} on the way" if error else ""
    return drawn(f"There and back{told}", alt, (9.6, 3.8), draw)


def _plane(ax: Axes, points: Matrix) -> None:
    """Equal axes through the origin with room for `points`, 2 x any."""
    reach = 1.12 * max(1.0, float(np.abs(points).max()))
    ax.set_aspect("equal")
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    ax.axhline(0, color=LIGHT.muted, linewidth=0.7, zorder=1)
    ax.axvline(0, color=LIGHT.muted, linewidth=0.7, zorder=1)


def _circle_panel(ax: Axes, matrix: Matrix, reach: Matrix, name: str, *, square: bool = True) -> None:
    """The images of the unit circle and the unit square under `matrix`."""
    _plane(ax, reach)
    if square:
        ax.add_patch(Polygon((matrix @ SQUARE).T, closed=True, facecolor=GREEN, alpha=0.25, edgecolor=GREEN))
    ax.plot(*(matrix @ CIRCLE), color=BLUE, linewidth=1.6, label="circle")
    ax.set_title(name, size=10)


def _arrows(ax: Axes, arrows_: Sequence[_Arrow]) -> None:
    for tip, label, color in arrows_:
        ax.quiver(0, 0, *tip, angles="xy", scale_units="xy", scale=1, color=color, width=0.011, zorder=3)
        length = float(np.hypot(*tip)) or 1.0
        away = 14 * tip / length
        around = {"facecolor": LIGHT.paper, "alpha": 0.75, "linewidth": 0, "pad": 0.8}
        middle: dict[str, Any] = {"ha": "left" if tip[0] > 0 else "right", "va": "center"}
        ax.annotate(
            drawable(label),
            tuple(tip),
            tuple(away),
            textcoords="offset points",
            size=10,
            color=color,
            bbox=around,
            **middle,
        )
