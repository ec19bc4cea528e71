"""Figures as bytes that are equal for equal figures, and carry what they were made from."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

import msgspec

from matbench.errors import UsageError
from matbench.present.style import LIGHT, looks
from matbench.present.words import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["digest", "digest_of", "render"]

DPI = 200  # twice the 900 pixels that a page gives a picture
_PREFIX = "matbench:"
_PNG_KEY = "matbench-digest"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_DIGEST = re.compile(r"[0-9a-f]{8,128}")


def digest(*parts: msgspec.Struct | str) -> str:
    """A fingerprint of the values that a picture is made from, 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def render(
    figure: Figure, kind: Literal["png", "svg"], *, title: str, description: str, digest: str | None = None
) -> bytes:
    """The picture as bytes, equal for equal figures under the same version of matplotlib.

    Parameters
    ----------
    figure
        What to draw.
    kind
        ``"png"`` (1800 pixels wide) or ``"svg"`` (letters as outlines; identifiers that differ between pictures
        with different titles, so that several can stand in one page).
    title, description
        For readers who can't see it: ``<title>`` and ``<desc>`` of an SVG, text fields of a PNG.
    digest
        Fingerprint of the data, to be read back by `digest_of`.

    Raises
    ------
    UsageError
        If `kind` is another, or `digest` isn't 8 to 128 hexadecimal digits.
    """
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise UsageError(f"{clean(digest)!r} is no digest; give 8 to 128 hexadecimal digits")
    title, description = clean(title), clean(description, limit=2000)
    if kind == "png":
        fields = {"Software": "matbench", "Title": title, "Description": description, _PNG_KEY: digest}
        return _saved(figure, kind, {key: value for key, value in fields.items() if value is not None})
    if kind == "svg":
        fields = {"Title": title, "Date": None, "Creator": "matbench"}
        fields["Identifier"] = None if digest is None else _PREFIX + digest
        return _readable(_saved(figure, kind, fields).decode(), title, description).encode()
    raise UsageError(f"no picture format {clean(str(kind))!r}; there are png and svg")


def _saved(figure: Figure, kind: str, metadata: dict[str, str | None]) -> bytes:
    out = io.BytesIO()
    with looks(LIGHT):  # fonts and identifiers; the colours are the figure's own
        figure.savefig(out, format=kind, dpi=DPI, metadata=metadata, facecolor=figure.get_facecolor())
    return out.getvalue()


def _readable(svg: str, title: str, description: str) -> str:
    """`svg` with its title and description told to screen readers, and identifiers of its own."""
    own = "m" + hashlib.sha256(f"{title}\n{description}".encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{own}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{own}-\1)", svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-labelledby="{own}-title {own}-desc" ', 1)
    desc = f'<title id="{own}-title">{escape(title)}</title>\n <desc id="{own}-desc">{escape(description)}</desc>'
    return re.sub(r"<title>.*?</title>", lambda _: desc, svg, count=1, flags=re.DOTALL)


def digest_of(image: bytes) -> str | None:
    """The digest that `render` was given, or None where `image` carries none or is no picture of ours."""
    if image.startswith(_PNG_MAGIC):
        return _png_digest(image)
    found = re.search(rf"<dc:identifier>\s*{_PREFIX}([0-9a-f]{{8,128}})\s*</dc:identifier>".encode(), image)
    return found[1].decode() if found else None


def _png_digest(image: bytes) -> str | None:
    """The digest in the text chunks of a PNG (length, type, data, checksum; PNG specification, section 5.3)."""
    at = len(_PNG_MAGIC)
    wanted = _PNG_KEY.encode() + b"\0"
    while at + 12 <= len(image):
        size = int.from_bytes(image[at : at + 4], "big")
        data = image[at + 8 : at + 8 + size]
        if image[at + 4 : at + 8] == b"tEXt" and len(data) == size and data.startswith(wanted):
            text = data[len(wanted) :].decode("latin-1")
            return text if _DIGEST.fullmatch(text) else None
        at += 12 + size
    return None
