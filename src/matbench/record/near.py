"""The path that was meant by one that leads nowhere."""

from __future__ import annotations

import difflib
import itertools
from pathlib import Path

__all__ = ["near_path"]

DEEPEST = 20  # parts of a path that are followed
MOST = 2000  # names in a folder that are looked at
LONGEST = 100  # characters of a name that are compared


def near_path(text: str, suffix: str | None = None) -> str | None:
    """A path that is there and is spelt almost as `text`, part by part; None where there is none, or `text` is there.

    Parameters
    ----------
    text
        As it was typed.
    suffix
        Of a file, where nothing but such a file will do.
    """
    place, *parts = _split(text)
    try:
        for part in parts:
            place = place / part if (place / part).exists() else _nearest(place, str(part))
        will_do = suffix is None or (place.suffix == suffix and place.is_file())
        return str(place) if will_do and place != Path(text) and len(parts) <= DEEPEST else None
    except (LookupError, OSError, ValueError):  # nothing is near, it may not be looked at, or it is no name at all
        return None


def _split(text: str) -> tuple[Path, ...]:
    """Where a path begins, and its parts from there."""
    path = Path(text)
    parts = path.parts[1:] if path.anchor else path.parts
    return Path(path.anchor), *map(Path, parts)


def _nearest(folder: Path, name: str) -> Path:
    names = [each.name for each in itertools.islice(folder.iterdir(), MOST)]
    return folder / difflib.get_close_matches(name[:LONGEST], names, n=1)[0]
