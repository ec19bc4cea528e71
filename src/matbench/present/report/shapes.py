"""Matplotlib's drawing as elements of a page: few and short ones, letters as text, looks told once for all.

Matplotlib's own SVG would have to be parsed again and most of it thrown away, which took as long as drawing.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from math import cos, radians, sin
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.font_manager import FontProperties, findfont, get_font, weight_dict
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from matbench.present.style import FONT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.text import Text
    from matplotlib.transforms import Transform

__all__ = ["Shapes"]

_LETTERS = {int(Path.MOVETO): "M", int(Path.LINETO): "L", int(Path.CURVE3): "Q", int(Path.CURVE4): "C"}
_POINTS = {"Q": 2, "C": 3}  # of one curve, its end included
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_CAPS = {"projecting": "square"}
_STOPS = 17  # of a bar of colours: between them they blend
_HALO = 2.5  # points, around letters that stand on lines
_NORMAL = 400  # weight of letters that are not bold
_UPRIGHT = Affine2D().scale(1.0, -1.0)


class Shapes(RendererBase):
    """What Matplotlib draws on, so that it becomes SVG elements.

    Parameters
    ----------
    size
        Width and height of the picture, points.
    name
        Begins the names of all elements, and those of no other picture in the page.
    class_of
        Gives the class for a style, which is CSS declarations.
    halo
        Colour of the halo of a text, None where it has none.
    """

    def __init__(
        self,
        size: tuple[float, float],
        name: str,
        class_of: Callable[[str], str],
        halo: Callable[[Text], str | None],
    ) -> None:
        super().__init__()
        self._size = size
        self._name = name
        self._class_of = class_of
        self._halo = halo
        self._down = Affine2D().scale(1.0, -1.0).translate(0.0, size[1])  # y counts from the top
        self._parts: list[str] = []
        self._names: dict[str, str] = {}  # what is referred to -> its name
        self._line: tuple[str, list[str]] | None = None  # looks of the last element if it is a line, and its parts

    @property
    def elements(self) -> str:
        """All that was drawn."""
        self._end_line()
        return "".join(self._parts)

    # -- what Matplotlib asks for --------------------------------------------------------------------------------------

    def flipy(self) -> bool:
        """Whether y counts from the top."""
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Of the picture, points."""
        return self._size

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | Literal["TeX"]
    ) -> tuple[float, float, float]:
        """Of a line of text, points; all lines are as high as their font.

        Raises
        ------
        TypeError
            If it is a formula.
        """
        _check_plain(ismath)
        size, letters = prop.get_size_in_points(), _letters(_weight(prop))
        width = size * sum(_advance(letter, _weight(prop)) for letter in s)
        return width, size * (letters.ascent + letters.descent), size * letters.descent

    def _get_font_height_metrics(self, prop: FontProperties) -> tuple[float, float, float]:
        """Ascent, descent and gap of lines, points: Matplotlib 3.11 asks for it, or reads the font for every text."""
        size, letters = prop.get_size_in_points(), _letters(_weight(prop))
        return size * letters.ascent, size * letters.descent, size * letters.gap

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None) -> None:
        """Add a shape; lines of one look, one after the other, are one element."""
        if rgbFace is None and not gc.get_linewidth():
            return
        shape = self._shape(path, transform + self._down, cut=rgbFace is None)
        if not shape:
            return
        looks = f'{self._clip(gc)} class="{self._class_of(_style(gc, rgbFace))}"/>'
        if rgbFace is not None:
            self._add(f'<path d="{shape}"{looks}')
            return
        if self._line is None or self._line[0] != looks:
            self._end_line()
            self._line = looks, []
        self._line[1].append(shape)

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        """Add a mark at each vertex of a path."""
        places, codes = _cleaned(path, trans + self._down)
        shape = self._shape(marker_path, marker_trans + _UPRIGHT, cut=False)
        if codes and shape:
            mark = self._named(f'<path d="{shape}"', "/>")
            uses = "".join(f'<use href="#{mark}" x="{x}" y="{y}"/>' for x, y in places)
            self._add(f'<g{self._clip(gc)} class="{self._class_of(_style(gc, rgbFace))}">{uses}</g>')

    def draw_quad_mesh(
        self,
        gc: GraphicsContextBase,
        master_transform: Transform,
        meshWidth: int,
        meshHeight: int,
        coordinates: Any,
        offsets: Any,
        offsetTrans: Transform,
        facecolors: Any,
        antialiased: bool,
        edgecolors: Any,
    ) -> None:
        """Add a mesh; a bar of colours, which is one cell wide, as one shape that runs through them."""
        if meshWidth != 1:
            rest = (coordinates, offsets, offsetTrans, facecolors, antialiased, edgecolors)
            super().draw_quad_mesh(gc, master_transform, meshWidth, meshHeight, *rest)
            return
        ends = (master_transform + self._down).transform(np.asarray(coordinates)[[0, -1]].reshape(-1, 2))
        (left, bottom), (right, top) = ends[0], ends[-1]
        (x, y), (width, height) = _tenths([(left, top), (right - left, bottom - top)])
        colours = np.asarray(facecolors).reshape(-1, 4)
        last = len(colours) - 1
        places = np.linspace(0, last, _STOPS).round().astype(int).tolist()
        looks = [self._class_of(f"stop-color:{_hex(colours[place])}") for place in places]
        stops = (f'<stop offset="{at / last:.3g}" class="{look}"/>' for at, look in zip(places, looks, strict=True))
        name = self._named('<linearGradient x1="0" y1="1" x2="0" y2="0"', f">{''.join(stops)}</linearGradient>")
        self._add(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="url(#{name})"/>')

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | Literal["TeX"] = False,
        mtext: Text | None = None,
    ) -> None:
        """Add a line of text, which is no formula."""
        _check_plain(ismath)
        style = [f"font-size:{prop.get_size():g}px", f"fill:{_hex(gc.get_rgb())}"]
        if (weight := _weight(prop)) != _NORMAL:
            style.append(f"font-weight:{weight}")
        if (opacity := _opacity(gc)) != 1:
            style.append(f"opacity:{opacity:g}")
        halo = None if mtext is None else self._halo(mtext)
        if halo is not None:
            style.append(f"paint-order:stroke;stroke:{halo};stroke-width:{_HALO:g}")
        if mtext is not None and (angle == 0 or mtext.get_rotation_mode() == "anchor"):
            x, y = self._anchor(mtext, x, y, angle)
            style.append(f"text-anchor:{_ANCHORS[mtext.get_horizontalalignment()]}")
        ((across, down),) = _tenths([(x, y)])
        turned = f' transform="rotate({-angle:g} {across} {down})"' if angle else ""
        look = self._class_of(";".join(style))
        text = f'<text class="{look}" x="{across}" y="{down}"{turned}>{escape(s, quote=False)}</text>'
        clip = self._clip(gc)
        self._add(f"<g{clip}>{text}</g>" if clip else text)

    def draw_image(self, *_: Any, **__: Any) -> None:
        """Raise TypeError: there are no pixels in a page."""
        raise TypeError("a picture of a page is made of shapes; draw this one by shapes as well")

    # -- how it is done ------------------------------------------------------------------------------------------------

    def _add(self, element: str) -> None:
        self._end_line()
        self._parts.append(element)

    def _end_line(self) -> None:
        if self._line is not None:
            looks, shapes = self._line
            self._parts.append(f'<path d="{"".join(shapes)}"{looks}')
            self._line = None

    def _named(self, begins: str, ends: str) -> str:
        """The name of an element that others refer to, which is put out at its first use."""
        key = begins + ends
        if key not in self._names:
            self._names[key] = f"{self._name}-{len(self._names)}"
            self._add(f'<defs>{begins} id="{self._names[key]}"{ends}</defs>')
        return self._names[key]

    def _clip(self, gc: GraphicsContextBase) -> str:
        """The attribute for what bounds a shape, with a space before it; empty without bounds."""
        found: Any = gc.get_clip_path()  # a path and its transformation; its annotation says otherwise
        path, transform = found
        box = gc.get_clip_rectangle()
        if path is not None:
            bounds = f'<path d="{self._shape(path, transform + self._down, cut=False)}"/>'
        elif box is not None:
            (x, y), (width, height) = _tenths([(box.x0, self._size[1] - box.y1), (box.width, box.height)])
            bounds = f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
        else:
            return ""
        return f' clip-path="url(#{self._named("<clipPath", f">{bounds}</clipPath>")})"'

    def _anchor(self, text: Text, x: float, y: float, angle: float) -> tuple[float, float]:
        """Where a text is anchored, moved across its direction onto the line of (x, y) that was laid out for it."""
        at_x, at_y = text.get_transform().transform(text.get_unitless_position())
        at_y = self._size[1] - at_y
        across, down = sin(radians(angle)), cos(radians(angle))
        by = across * (x - at_x) + down * (y - at_y)
        return at_x + by * across, at_y + by * down

    def _shape(self, path: Path, transform: Transform, *, cut: bool) -> str:
        """A path as the commands that draw it; empty where nothing is to be seen."""
        places, codes = _cleaned(path, transform, (0.0, 0.0, *self._size) if cut else None)
        return _commands(places, codes) if len(codes) > 1 else ""


def _cleaned(
    path: Path, transform: Transform, clip: tuple[float, float, float, float] | None = None
) -> tuple[list[tuple[str, str]], list[int]]:
    """Vertices and codes of a path in the picture, without what is not finite or beyond `clip`."""
    found: Any = path.cleaned(transform=transform, remove_nans=True, clip=clip, curves=True)
    kept = found.codes != Path.STOP
    return _tenths(found.vertices[kept]), found.codes[kept].tolist()


def _tenths(places: Any) -> list[tuple[str, str]]:
    """Positions to a tenth of a point, finer than screens are."""
    return [(f"{x:g}", f"{y:g}") for x, y in (np.round(places, 1) + 0.0).tolist()]  # + 0.0: there is no -0


def _commands(places: Sequence[tuple[str, str]], codes: Sequence[int]) -> str:
    """A path as SVG has it; points after a command that it would repeat need none."""
    parts: list[str] = []
    implied, at = "", 0
    while at < len(codes):
        letter = _LETTERS.get(codes[at], "z")
        count = _POINTS.get(letter, 1)
        points = "" if letter == "z" else " ".join(f"{x} {y}" for x, y in places[at : at + count])
        parts.append(f" {points}" if letter == implied else f"{letter}{points}")
        implied = {"M": "L", "z": ""}.get(letter, letter)
        at += count
    return "".join(parts)


# -- looks -------------------------------------------------------------------------------------------------------------


def _style(gc: GraphicsContextBase, face: Any) -> str:
    """The looks of a shape as CSS declarations."""
    forced = gc.get_forced_alpha()
    found = ["fill:none" if face is None else f"fill:{_hex(face)}"]
    if face is not None and len(face) == 4 and face[3] != 1 and not forced:
        found.append(f"fill-opacity:{face[3]:g}")
    if forced and gc.get_alpha() != 1:
        found.append(f"opacity:{gc.get_alpha():g}")
    if gc.get_linewidth():
        found += _stroke(gc, forced=forced)
    return ";".join(found)


def _stroke(gc: GraphicsContextBase, *, forced: bool) -> list[str]:
    """How a line is drawn; rounded joins and flat ends are what the page has for all."""
    rgb, join, cap = gc.get_rgb(), gc.get_joinstyle(), gc.get_capstyle()
    offset, dashes = gc.get_dashes()
    found = [f"stroke:{_hex(rgb)}", f"stroke-width:{gc.get_linewidth():g}"]
    if not forced and rgb[3] != 1:
        found.append(f"stroke-opacity:{rgb[3]:g}")
    if dashes is not None:
        found.append(f"stroke-dasharray:{','.join(f'{each:.4g}' for each in np.asarray(dashes).tolist())}")
    if dashes is not None and offset:
        found.append(f"stroke-dashoffset:{float(offset):g}")
    if join != "round":
        found.append(f"stroke-linejoin:{join}")
    if cap != "butt":
        found.append(f"stroke-linecap:{_CAPS.get(cap, cap)}")
    return found


def _opacity(gc: GraphicsContextBase) -> float:
    return float(gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[3])


def _hex(color: Any) -> str:
    red, green, blue = (round(255 * float(part)) for part in color[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


# -- letters -----------------------------------------------------------------------------------------------------------


def _check_plain(ismath: bool | Literal["TeX"]) -> None:
    if ismath:
        raise TypeError("a picture of a page has no formulas; set text.parse_math to False")


class _Letters(NamedTuple):
    """How high lines of letters are, in units of the font size."""

    ascent: float  # above the line that they stand on
    descent: float  # below it
    gap: float  # between two lines


def _weight(prop: FontProperties) -> int:
    weight = prop.get_weight()
    return weight_dict[weight] if isinstance(weight, str) else int(weight)


@lru_cache(maxsize=1024)
def _advance(letter: str, weight: int) -> float:
    """Width of a letter in units of the font size."""
    font = get_font(findfont(FontProperties(family=FONT, weight=weight)))
    font.set_size(100, 72)  # 100 pixels an em; Matplotlib's renderers set a size of their own before each use
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


@lru_cache(maxsize=8)
def _letters(weight: int) -> _Letters:
    """What the font says of itself."""
    font = get_font(findfont(FontProperties(family=FONT, weight=weight)))
    table: Any = font.get_sfnt_table("OS/2")
    heights = (table["sTypoAscender"], -table["sTypoDescender"], table["sTypoLineGap"])
    return _Letters(*(each / font.units_per_EM for each in heights))
