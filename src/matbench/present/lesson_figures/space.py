"""What a 3 x 3 matrix does to space: the unit sphere made an ellipsoid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matbench.present.lesson_figures.picture import Picture, drawn, matrix_of, number
from matbench.present.lesson_figures.plane import BLUE, GREEN, ORANGE, PURPLE, factors
from matbench.present.words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["sphere_to_ellipsoid"]

LINES = 15  # circles of latitude and of longitude


def _sphere() -> NDArray[np.float64]:
    """Points of the unit sphere on a net, 3 x latitudes x longitudes."""
    around, down = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * LINES + 1), np.linspace(0, np.pi, LINES))
    return np.array([np.cos(around) * np.sin(down), np.sin(around) * np.sin(down), np.cos(down)])


def sphere_to_ellipsoid(a: ArrayLike) -> Picture:
    """The image of the unit sphere, with its half-axes and the real directions that stay as they are.

    Parameters
    ----------
    a
        3 x 3 numbers.

    Raises
    ------
    UsageError
        If it has another shape.
    """
    matrix = matrix_of(a, (3, 3))
    f = factors(matrix)
    values, columns = np.linalg.eig(matrix)
    real = [(float(v.real), columns[:, i].real) for i, v in enumerate(values) if abs(v.imag) < 1e-12]
    det = float(np.linalg.det(matrix))
    axes = listed(number(s) for s in f.s)
    stay = f"eigenvalue{'s' if len(real) > 1 else ''} {listed(number(v) for v, _ in real)}"
    alt = (
        f"The unit sphere has become an ellipsoid with half-axes {axes}, drawn as arrows along the left singular "
        f"vectors; volumes change by the factor {number(abs(det))}. Dashed: the directions that stay, with the "
        f"real {stay}."
    )

    def draw(figure: Figure) -> None:
        ax: Any = figure.add_axes((0.0, 0.04, 0.93, 0.86), projection="3d")
        net = np.einsum("ij,jkl->ikl", matrix, _sphere())
        ax.plot_wireframe(*net, color=BLUE, linewidth=0.5, alpha=0.6)
        for i, color in enumerate((ORANGE, PURPLE, GREEN)):
            tip = f.s[i] * f.u[:, i]
            ax.quiver(0, 0, 0, *tip, color=color, linewidth=2)
            ax.text(*(1.08 * tip), f"{number(f.s[i])} u{i + 1}", color=color, size=10)
        for _, x in real:
            ends = 1.2 * f.s[0] * np.array([-x, x])
            ax.plot(*ends.T, "--", color="#1b1f24", linewidth=1.2)
        reach = 1.1 * f.s[0]
        for limit in (ax.set_xlim, ax.set_ylim, ax.set_zlim):
            limit(-reach, reach)
        ax.set_box_aspect((1, 1, 1))

    return drawn("A sphere becomes an ellipsoid", alt, (6.0, 5.6), draw)
