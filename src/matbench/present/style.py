"""The look of every picture: settings, inks, and one colour and marker for each kernel.

Nothing global is touched: pictures are made inside `looks`, which puts the reader's own settings back.
"""

from __future__ import annotations

import colorsys
import zlib
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.style
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties, findfont, get_font

from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matbench.model import KernelCard

__all__ = [
    "DARK",
    "FONT",
    "LIGHT",
    "Ink",
    "Look",
    "contrast",
    "drawable",
    "fitted",
    "idea_colours",
    "inks",
    "looks",
    "palette",
    "width_of",
]

FONT = "DejaVu Sans"  # comes with matplotlib: the same letters on every machine


class Ink(NamedTuple):
    """The colours of one theme, as ``#rrggbb``."""

    paper: str
    text: str
    muted: str  # notes, axes, leader lines
    grid: str
    roof: str  # measured ceilings


class Look(NamedTuple):
    """How one kernel is drawn."""

    color: str  # lines and markers: contrast with the paper at least 3
    label: str  # the same hue as text: contrast at least 4.5
    marker: str  # so that prints without colour can be read


LIGHT = Ink(paper="#ffffff", text="#1b1f24", muted="#59636e", grid="#e6e8eb", roof="#8a2b2b")
DARK = Ink(paper="#14181d", text="#e8ebee", muted="#9aa4af", grid="#2a3038", roof="#f0a3a3")

# Hues of Okabe and Ito, told apart with every common kind of colour blindness. A family is known by a word in its name.
_FAMILIES = (
    ("python", "#d55e00"),
    ("array", "#0072b2"),
    ("numpy", "#0072b2"),
    ("numba", "#009e73"),
    ("compile", "#009e73"),
    ("loop", "#009e73"),
    ("blas", "#b0509a"),
    ("librar", "#b0509a"),
)
_OTHERS = ("#8c7a00", "#4b5fc0", "#7a6652", "#2b8fa3")  # families of plugins
# Added to the lightness, so that members of a family differ; on dark paper all are lighter.
_SHADES = (0.0, -0.13, 0.12, -0.22, 0.2, -0.07, 0.06)
_LIFT = 0.22
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
# The ideas of an attribution, in the told order; neighbours are far apart.
_IDEAS = {
    "compile": "#d55e00",
    "order": "#009e73",
    "simd": "#0072b2",
    "fma": "#8c7a00",
    "tile": "#b0509a",
    "pack": "#2b8fa3",
    "block": "#7a6652",
    "threads": "#4b5fc0",
}


@contextmanager
def looks(ink: Ink) -> Iterator[None]:
    """A block inside which matplotlib's settings are its defaults and ours, whatever the reader has set."""
    with matplotlib.style.context(["default", _settings(ink)]):
        yield


def inks(*, dark: bool) -> Ink:
    """The colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def _settings(ink: Ink) -> dict[str, object]:
    return {
        "font.family": [FONT],
        "font.size": 10.0,
        "text.parse_math": False,  # a foreign name may hold a dollar sign
        "text.color": ink.text,
        "figure.facecolor": ink.paper,
        "figure.dpi": 100.0,
        "axes.facecolor": ink.paper,
        "axes.edgecolor": ink.muted,
        "axes.labelcolor": ink.text,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "grid.color": ink.grid,
        "grid.linewidth": 0.8,
        "xtick.color": ink.muted,
        "ytick.color": ink.muted,
        "xtick.labelcolor": ink.text,
        "ytick.labelcolor": ink.text,
        "xtick.labelsize": 9.5,
        "ytick.labelsize": 9.5,
        "svg.fonttype": "path",  # the same picture where the font is missing; words for readers are in title and desc
        "svg.hashsalt": "matbench",  # the same identifiers every time
        "path.simplify": False,
    }


def palette(cards: Sequence[KernelCard], ink: Ink = LIGHT) -> dict[str, Look]:
    """A look for each kernel: hue by family of rungs, shade and marker within the family.

    Parameters
    ----------
    cards
        Kernels in ladder order. Our own are dealt with before those of plugins, whose presence changes no look.
    ink
        The theme whose paper the colours must stand out from.

    Returns
    -------
    dict
        Kernel name -> `Look`; equal for equal arguments.
    """
    lift = _lift(ink)
    found: dict[str, Look] = {}
    members: dict[str, int] = {}
    for card in sorted(cards, key=lambda card: card.origin != "matbench"):
        hue = _hue(card.rung)
        place = members.get(hue, 0)
        members[hue] = place + 1
        shade = _shaded(hue, _SHADES[place % len(_SHADES)] + lift)
        found[card.name] = Look(
            color=_standing_out(shade, ink.paper, 3.0),
            label=_standing_out(shade, ink.paper, 4.5),
            marker=_MARKERS[place % len(_MARKERS)],
        )
    return found


def idea_colours(ink: Ink = LIGHT) -> dict[str, str]:
    """A colour for each idea that speed is credited to; contrast with the paper at least 3."""
    lift = _lift(ink)
    return {idea: _standing_out(_shaded(hue, lift), ink.paper, 3.0) for idea, hue in _IDEAS.items()}


def _lift(ink: Ink) -> float:
    """What is added to all lightness on dark paper."""
    return _LIFT if _luminance(ink.paper) < 0.5 else 0.0


def _hue(rung: str) -> str:
    known = (hue for word, hue in _FAMILIES if word in rung.lower())
    return next(known, _OTHERS[zlib.crc32(rung.encode("utf-8", "replace")) % len(_OTHERS)])


def _shaded(color: str, by: float) -> str:
    hue, light, saturation = colorsys.rgb_to_hls(*to_rgb(color))
    light = min(0.85, max(0.15, light + by))
    full = min(saturation, 1.0 - max(0.0, light - 0.4))  # a light colour at full saturation glares
    return to_hex(colorsys.hls_to_rgb(hue, light, full))


def _standing_out(color: str, paper: str, least: float) -> str:
    """`color` moved away from `paper` until its contrast is at least `least`."""
    target = 1.0 if _luminance(paper) < 0.5 else 0.0
    rgb = to_rgb(color)
    for percent in range(0, 101, 4):
        part = percent / 100
        red, green, blue = (channel + (target - channel) * part for channel in rgb)
        moved = to_hex((red, green, blue))
        if contrast(moved, paper) >= least:
            return moved
    return "#ffffff" if target else "#000000"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2), 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


@lru_cache(maxsize=1024)
def _advance(letter: str) -> float:
    """Width of a letter in units of the font size."""
    font = get_font(findfont(FontProperties(family=FONT)))
    font.set_size(100, 72)  # 100 pixels an em; the renderer sets its own size before each use
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100


def fitted(text: str, inches: float, points: float) -> str:
    """`text` as our font can draw it, cut to fit into a width at a font size."""
    line, room = drawable(text, limit=200), 72 * inches / points
    if sum(map(_advance, line)) <= room:
        return line
    room -= _advance("…")
    kept = 0
    while kept < len(line) and (room := room - _advance(line[kept])) >= 0:
        kept += 1
    return line[:kept].rstrip() + "…"


def width_of(text: str, points: float) -> float:
    """Width of `text` in inches at a font size."""
    return sum(map(_advance, text)) * points / 72


def drawable(text: str, limit: int = 60) -> str:
    """`text` as our font can draw it: one line, at most `limit` characters, a question mark for unknown ones."""
    return "".join(c if ord(c) in _glyphs() else "?" for c in clean(text, limit))
