"""Pictures that carry their own words: what a notebook shows, and what a reader who can't see it is told."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from matbench.errors import UsageError
from matbench.present.figures.image import render
from matbench.present.style import LIGHT, looks
from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Movie", "Picture", "matrix_of", "number", "picture", "shape_words", "vector_of"]

LONGEST_ALT = 1000  # characters
MOVIE_DPI = 90


@dataclass(frozen=True)
class Picture:
    """A figure with its title and its description; Jupyter shows it as one image with alternative text.

    Attributes
    ----------
    figure
        What is drawn.
    title
        A few words.
    alt
        What the figure shows, in sentences computed from its data.
    """

    figure: Figure
    title: str
    alt: str

    def svg(self) -> bytes:
        """The picture as an SVG file that holds its title and description."""
        return render(self.figure, "svg", title=self.title, description=self.alt)

    def _repr_html_(self) -> str:
        return _image(self.svg(), "svg+xml", self.alt)

    def __repr__(self) -> str:
        """The description: what a terminal can show of it."""
        return f"<{self.title}: {self.alt}>"


@dataclass(frozen=True)
class Movie:
    """Figures shown one after the other, once, ending with the last; Jupyter shows it as one image.

    Attributes
    ----------
    frames
        Figures of equal size.
    title, alt
        As those of a `Picture`.
    seconds
        How long it lasts; five at most, as what moves for longer would need a way to stop it (WCAG 2.2.2).
    """

    frames: tuple[Figure, ...]
    title: str
    alt: str
    seconds: float = 3.0

    def png(self) -> bytes:
        """The movie as an animated PNG; a viewer that does not know those shows the first frame."""
        from PIL import Image  # noqa: PLC0415  needed where a movie is really shown

        images = [Image.fromarray(_pixels(frame)) for frame in self.frames]
        out, pause_ms = io.BytesIO(), round(1000 * self.seconds / len(images))
        images[0].save(out, "PNG", save_all=True, append_images=images[1:], duration=pause_ms, loop=1)
        return out.getvalue()

    def _repr_html_(self) -> str:
        return _image(self.png(), "png", self.alt)

    def __repr__(self) -> str:
        """The description: what a terminal can show of it."""
        return f"<{self.title}: {self.alt}>"


def picture(figure: Figure, title: str, alt: str) -> Picture:
    """A figure of the reader's own, with the words that describe it.

    Parameters
    ----------
    figure
        Drawn with matplotlib.
    title, alt
        As those of a `Picture`; none may be empty.

    Raises
    ------
    UsageError
        If `figure` is none, or a text is empty.
    """
    if not isinstance(figure, Figure):
        raise UsageError(f"a {type(figure).__name__} is no figure; give the first value that plt.subplots() returns")
    if not (title.strip() and alt.strip()):
        raise UsageError("a picture needs a title and a description; say in a sentence what it shows")
    return Picture(figure, clean(title), clean(alt, LONGEST_ALT))


def drawn(
    title: str, alt: str, size: tuple[float, float], draw: Callable[[Figure], None], *, bare: bool = False
) -> Picture:
    """A picture in the style of all others.

    Parameters
    ----------
    title, alt
        As those of a `Picture`; the title stands above the figure.
    size
        Width and height in inches.
    draw
        Draws into the empty figure it is given.
    bare
        Whether the figure goes without its title.
    """
    with looks(LIGHT):
        figure = Figure(figsize=size)
        draw(figure)
        if not bare:
            figure.suptitle(clean(title), x=0.02, y=0.985, ha="left", va="top", size=12, weight="bold")
    return Picture(figure, clean(title), clean(alt, LONGEST_ALT))


def _pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure as rows x columns x 4 bytes."""
    with looks(LIGHT):
        figure.set_dpi(MOVIE_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba())


def _image(data: bytes, kind: str, alt: str) -> str:
    encoded = base64.b64encode(data).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/{kind};base64,{encoded}" style="max-width: 100%">'


def shape_words(shape: Sequence[int]) -> str:
    """A shape as NumPy writes it.

    Examples
    --------
    >>> shape_words((3,)), shape_words((2, 3)), shape_words(())
    ('(3,)', '(2, 3)', '()')
    """
    return str(tuple(int(extent) for extent in shape))


def number(value: float) -> str:
    """A number with three significant digits, without a needless zero or sign.

    Examples
    --------
    >>> number(2.0), number(-0.12345), number(-1e-17), number(123456.0)
    ('2', '-0.123', '0', '1.23e+05')
    """
    return f"{0.0 if abs(value) < 1e-12 else float(value):.3g}"


def matrix_of(values: ArrayLike, shape: tuple[int | None, int | None]) -> NDArray[np.float64]:
    """`values` as a matrix of real, finite numbers.

    Parameters
    ----------
    values
        Anything that NumPy makes a matrix of.
    shape
        Rows and columns it must have; None where any will do.

    Raises
    ------
    UsageError
        If it is none of that shape.
    """
    found = _numbers(values)
    fits = found.ndim == 2 and found.size and all(w is None or w == h for w, h in zip(shape, found.shape, strict=True))
    if not fits:
        wanted = " x ".join("any" if extent is None else str(extent) for extent in shape)
        raise UsageError(f"this picture needs a matrix of {wanted} numbers, not shape {shape_words(found.shape)}")
    return found


def vector_of(values: ArrayLike, length: int) -> NDArray[np.float64]:
    """`values` as a vector of that many real, finite numbers.

    Raises
    ------
    UsageError
        If it is none.
    """
    found = _numbers(values)
    if found.shape != (length,):
        raise UsageError(f"this picture needs vectors of shape ({length},), not {shape_words(found.shape)}")
    return found


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    try:
        found: Any = np.asarray(values)
        if np.iscomplexobj(found):
            raise UsageError("complex numbers have no place in this picture; give real ones")
        real = found.astype(np.float64)
    except (TypeError, ValueError) as reason:
        raise UsageError("this picture needs numbers in rows of equal length; check what you gave it") from reason
    if not np.isfinite(real).all():
        raise UsageError("a number is infinite or NaN and can't be drawn; check where it comes from")
    return np.asarray(real)
