"""Pictures as parts of a page: small, with letters as text, and in the colours of the reader's theme."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from matplotlib.colors import to_hex

from matbench.present.report.shapes import Shapes
from matbench.present.style import DARK, FONT, LIGHT, idea_colours, looks, palette
from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from matbench.model import KernelCard

__all__ = ["Drawings", "dark_colours"]

LONGEST = 2000  # characters of a description
POINTS = 72  # an inch
_COLOUR = re.compile(r"#[0-9a-f]{6}")
# Verdana, whose letters are as wide, where the font that the picture was laid out with is missing.
_FONTS = f"figure.chart text{{font-family:'{FONT}',Verdana,sans-serif}}"


def dark_colours(cards: Sequence[KernelCard]) -> dict[str, str]:
    """For each colour of a light picture, the one in its place in the dark one; colours not told are in both.

    Parameters
    ----------
    cards
        Kernels in ladder order, as the pictures' `palette` takes them.
    """
    found = dict(zip(idea_colours(LIGHT).values(), idea_colours(DARK).values(), strict=True))
    light, dark = palette(cards, LIGHT), palette(cards, DARK)
    for name, look in light.items():
        # Where line and label are one colour on light paper, the label's stands out from dark paper for both.
        found |= {look.color: dark[name].color, look.label: dark[name].label}
    return found | dict(zip(LIGHT, DARK, strict=True))


class Drawings:
    """The pictures of one page, with the styles and colours that they share."""

    def __init__(self) -> None:
        self._styles: dict[str, str] = {}  # style with its colours -> class
        self._colours: dict[tuple[str, str], str] = {}  # light and dark -> CSS variable
        self._count = 0

    @property
    def rules(self) -> str:
        """The looks of all elements added so far, as CSS rules."""
        return "\n".join([_FONTS, *(f".{name}{{{style}}}" for style, name in self._styles.items())])

    def colours(self, *, dark: bool) -> str:
        """The colours of all elements added so far in a theme, as CSS declarations of variables."""
        return "".join(f"{name}:{pair[dark]};" for pair, name in self._colours.items())

    def add(self, figure: Figure, title: str, description: str, dark: Mapping[str, str]) -> str:
        """A picture as it may stand in the page.

        Parameters
        ----------
        figure
            Drawn in the light theme, to be used for nothing else any more.
        title, description
            For readers who can't see it: ``<title>`` and ``<desc>``.
        dark
            Colour -> the one in its place in the dark theme, ``#rrggbb``.

        Returns
        -------
        str
            One SVG element, to be shown beside `rules` and `colours`.
        """
        self._count += 1
        name = f"d{self._count}"
        texts = {"title": _escaped(title), "desc": _escaped(description)}
        told = "".join(f'<{kind} id="{name}-{kind}">{text}</{kind}>' for kind, text in texts.items())
        labels = " ".join(f"{name}-{kind}" for kind in texts)
        width, height = (POINTS * inches for inches in figure.get_size_inches())
        drawn = self._drawn(figure, name, (width, height), dark)
        return f'<svg role="img" aria-labelledby="{labels}" viewBox="0 0 {width:g} {height:g}">{told}{drawn}</svg>'

    def _drawn(self, figure: Figure, name: str, size: tuple[float, float], dark: Mapping[str, str]) -> str:
        """The elements of a figure."""
        # A halo would be drawn as outlines of letters; SVG knows a shorter way.
        texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
        haloed = {text for text in texts if text.get_path_effects()}
        for text in haloed:
            text.set_path_effects([])
        paper = to_hex(figure.get_facecolor())

        def halo(text: Text) -> str | None:
            return paper if text in haloed else None

        shapes = Shapes(size, name, lambda style: self._class(style, dark), halo)
        with looks(LIGHT):
            figure.set_dpi(POINTS)
            figure.draw(shapes)
        return shapes.elements

    def _class(self, style: str, dark: Mapping[str, str]) -> str:
        def variable(found: re.Match[str]) -> str:
            light = found[0]
            if dark.get(light, light) == light:
                return light
            return f"var({self._colours.setdefault((light, dark[light]), f'--k{len(self._colours)}')})"

        return self._styles.setdefault(_COLOUR.sub(variable, style), f"s{len(self._styles)}")


def _escaped(text: str) -> str:
    return escape(clean(text, LONGEST), quote=False)
