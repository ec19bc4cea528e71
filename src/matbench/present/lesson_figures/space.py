"""What a 3 x 3 matrix does to space: the unit sphere made an ellipsoid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patheffects import withStroke

from matbench.present.lesson_figures.picture import Picture, drawn, matrix_of, number
from matbench.present.lesson_figures.plane import BLUE, GREEN, ORANGE, PURPLE, factors
from matbench.present.style import LIGHT
from matbench.present.words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["sphere_to_ellipsoid"]

LINES = 15  # circles of latitude and of longitude
# Where one looks from, along the half-axes: so that no arrow points at the eye, and no two lie on one line.
VIEW = np.ones(3) / np.sqrt(3)


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
        ax.plot_wireframe(*net, color=BLUE, linewidth=0.5, alpha=0.35)
        for i, color in enumerate((ORANGE, PURPLE, GREEN)):
            tip, words = f.s[i] * f.u[:, i], f"{number(f.s[i])} u{i + 1}"
            ax.quiver(0, 0, 0, *tip, color=color, linewidth=2.2, arrow_length_ratio=0.15)
            ax.text(
                *(1.25 * tip), words, color=color, size=10, path_effects=[withStroke(linewidth=3, foreground="white")]
            )
        for _, x in real:
            ends = 1.2 * f.s[0] * np.array([-x, x])
            ax.plot(*ends.T, "--", color=LIGHT.text, linewidth=1.2)
        eye = f.u @ VIEW
        eye = -eye if eye[2] < 0 else eye  # from above
        ax.view_init(elev=np.degrees(np.arcsin(eye[2])), azim=np.degrees(np.arctan2(eye[1], eye[0])))
        reach = 1.1 * f.s[0]
        for limit in (ax.set_xlim, ax.set_ylim, ax.set_zlim):
            limit(-reach, reach)
        ax.set_box_aspect((1, 1, 1))

    return drawn("A sphere becomes an ellipsoid", alt, (6.0, 5.6), draw)
