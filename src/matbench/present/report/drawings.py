"""Pictures as parts of a page: small, with letters as text, and in the colours of the reader's theme."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import matplotlib as mpl

from matbench.present.style import DARK, LIGHT, looks, palette
from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from matplotlib.figure import Figure

    from matbench.model import KernelCard

__all__ = ["Drawings", "dark_colours"]

LONGEST = 2000  # characters of a description
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_REFERENCE = re.compile(r"(?<=#)[\w.-]+")
_REFERRING = {"href", "clip-path"}  # attributes that name another element
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_SPACE = re.compile(r" ?([A-Za-z]) ?")  # around the commands of a path
_UNTURNED = "rotate(-0 "  # begins a transformation that does nothing
_SHIFT = re.compile(r"translate\([^)]*\)")
_NEEDLESS = {"metadata", "style"}  # elements that the page has once for all, or no use for
_FONT = re.compile(r"'DejaVu Sans'[^;]*")
# Verdana, whose letters are as wide, where the font that the picture was laid out with is missing.
_FONTS = "'DejaVu Sans', Verdana, sans-serif"


def dark_colours(cards: Sequence[KernelCard]) -> dict[str, str]:
    """For each colour of a light picture, the one in its place in the dark one; colours not told are in both.

    Parameters
    ----------
    cards
        Kernels in ladder order, as the pictures' `palette` takes them.
    """
    found: dict[str, str] = {}
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
        return "\n".join(f".{name}{{{style}}}" for style, name in self._styles.items())

    def colours(self, *, dark: bool) -> str:
        """The colours of all elements added so far in a theme, as CSS declarations of variables."""
        return "".join(f"{name}:{pair[dark]};" for pair, name in self._colours.items())

    def add(self, figure: Figure, title: str, description: str, dark: Mapping[str, str]) -> str:
        """A picture as it may stand in the page.

        Parameters
        ----------
        figure
            Drawn in the light theme.
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
        root = ET.XML(_svg(figure))  # of our own making: no stranger's markup is parsed
        names = self._names(root)
        _prune(root)
        for element in root.iter():
            self._shorten(element, names, dark)
        _gather(root)
        return ET.tostring(self._titled(root, title, description), encoding="unicode")

    def _names(self, root: Element) -> dict[str, str]:
        """Old name -> new one, unique in the page, of all elements that another refers to."""
        used = dict.fromkeys(name for element in root.iter() for name in _references(element))
        return {old: f"d{self._count}-{place}" for place, old in enumerate(used)}

    def _titled(self, root: Element, title: str, description: str) -> Element:
        """The picture as an image with a name and a description, as large as the page allows."""
        names = {kind: f"d{self._count}-{kind}" for kind in ("title", "desc")}
        titled = ET.Element("svg", {"role": "img", "aria-labelledby": " ".join(names.values())})
        titled.set("viewBox", root.get("viewBox", ""))
        for (kind, name), text in zip(names.items(), (title, description), strict=True):
            ET.SubElement(titled, kind, {"id": name}).text = clean(text, LONGEST)
        titled.extend(root)
        return titled

    def _shorten(self, element: Element, names: Mapping[str, str], dark: Mapping[str, str]) -> None:
        """`element` without name spaces, white space and digits that nobody sees, its style as a class."""
        element.tag, element.tail = _plain(element.tag), None
        if element.tag != "text":
            element.text = None
        old = {_plain(name): value for name, value in element.attrib.items()}
        element.attrib.clear()
        for name, value in old.items():
            if name == "style":
                element.set("class", self._class(value, dark))
            elif (name != "id" or value in names) and not value.startswith(_UNTURNED):
                renamed = _REFERENCE.sub(lambda found: names[found[0]], value) if name in _REFERRING else value
                element.set(name, names[value] if name == "id" else _rounded(name, renamed))

    def _class(self, style: str, dark: Mapping[str, str]) -> str:
        def variable(found: re.Match[str]) -> str:
            light = found[0]
            if dark.get(light, light) == light:
                return light
            return f"var({self._colours.setdefault((light, dark[light]), f'--k{len(self._colours)}')})"

        themed = _COLOUR.sub(variable, _FONT.sub(_FONTS, style))
        return self._styles.setdefault(themed, f"s{len(self._styles)}")


def _svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    with looks(LIGHT), mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(out, format="svg", facecolor=figure.get_facecolor(), metadata={"Date": None})
    return out.getvalue()


def _prune(parent: Element) -> None:
    """Take out what the page has once for all, and what holds nothing."""
    for child in [*parent]:
        _prune(child)
        kind = _plain(child.tag)
        if kind in _NEEDLESS or (kind in {"defs", "g"} and not len(child)):
            parent.remove(child)


def _gather(parent: Element) -> None:
    """Say once, of a group, what all its members say of themselves, and take out groups that say nothing."""
    for place, child in reversed([*enumerate(parent)]):
        _gather(child)
        if child.tag == "g":
            _lift("class", child)
            # A member that is moved or turned has its clip path move or turn with it.
            if all(member.tag != "use" and "transform" not in member.attrib for member in child):
                _lift("clip-path", child)
            if not child.attrib:
                parent[place : place + 1] = [*child]


def _lift(name: str, group: Element) -> None:
    """Move an attribute that all members of a group share, if they are several, to the group."""
    values = {member.get(name) for member in group}
    value = values.pop() if len(values) == 1 else None
    if value is not None and len(group) > 1 and name not in group.attrib:
        group.set(name, value)
        for member in group:
            del member.attrib[name]


def _plain(name: str) -> str:
    """A name without its name space."""
    return name.rpartition("}")[2]


def _references(element: Element) -> Iterator[str]:
    """Names of other elements in the attributes of one."""
    for name, value in element.attrib.items():
        if _plain(name) in _REFERRING:
            yield from _REFERENCE.findall(value)


def _rounded(name: str, value: str) -> str:
    """Positions to a tenth of a point, finer than screens are; a scale keeps all its digits."""
    if name in {"d", "x", "y"}:
        return _SPACE.sub(r"\1", _NUMBER.sub(_tenth, " ".join(value.split())))
    return _SHIFT.sub(lambda found: _NUMBER.sub(_tenth, found[0]), value) if name == "transform" else value


def _tenth(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")
