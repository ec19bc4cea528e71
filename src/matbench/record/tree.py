"""A results folder walked: each file, and what has to be in it by where it lies."""

from __future__ import annotations

import lzma
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from matbench.errors import RecordError
from matbench.record.asv_format import BENCHMARKS, JSON_LIMIT, MACHINE
from matbench.record.bundles import EXPANDED_LIMIT
from matbench.record.files import printable, read_bytes
from matbench.record.reading import PAIRS, RUNS, limited_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ATTRIBUTION", "Leaf", "Role", "check_json", "check_packed", "is_results", "leaves"]

Role = Literal["record", "asv", "bundle", "page", "json", "packed", "link", "stray"]

STORES = (RUNS.folder, PAIRS.folder)
ASV = "asv"
ATTRIBUTION = "attribution"  # a results folder of its own, so that nothing there is taken for a run
# What files have to be, by their store and ending: <store>/<machine>/<name>. Elsewhere others may lie as well.
_STORED: dict[str, Role] = {".jsonl": "record"}
_ROLES: dict[str, dict[str, Role]] = {**dict.fromkeys(STORES, _STORED), ASV: {".json": "asv"}}
_ELSEWHERE: dict[str, Role] = {".jsonl": "record", ".json": "json", ".gz": "bundle", ".xz": "packed"}
_READ = {".md", ".txt", ".csv", ".png", ".svg", ".html"}  # for people, who see what is in them
FREE = (".lock", ".broken")  # of what lies beside a record: a lock while it is written, a last line that was cut off it


@dataclass(frozen=True)
class Leaf:
    """One file of a results folder.

    Attributes
    ----------
    path
        The file.
    place
        Its path below the folder.
    role
        What it has to be: a record of runs or comparisons, a result of asv's, a bundle, a page with records, JSON of a
        tool or packed lines of it, a link that leads out of the folder, or nothing that belongs there.
    """

    path: Path
    place: Path
    role: Role

    @property
    def is_stored(self) -> bool:
        """Whether its path has to say what its header says: ``<store>/<machine>/<id>.jsonl``."""
        return self.role == "record" and _within(self.place).parts[0] in STORES


def _within(place: Path) -> Path:
    """A path below the results folder that it really lies in: attributions have one of their own."""
    return place.relative_to(ATTRIBUTION) if place.parts[0] == ATTRIBUTION and len(place.parts) > 1 else place


def is_results(folder: Path) -> bool:
    """Whether a folder holds any of the stores of results."""
    return any((folder / name).is_dir() for name in (*STORES, ASV, ATTRIBUTION))


def leaves(folder: Path) -> Iterator[Leaf]:
    """All files below a results folder that have to hold something, in order; links to folders are not followed."""
    inside = folder.resolve()
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders.sort()
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*linked, *names]):
            path = here / name
            role = _role(path, path.relative_to(folder), inside)
            if role is not None:
                yield Leaf(path, path.relative_to(folder), role)


def _role(path: Path, place: Path, inside: Path) -> Role | None:
    if path.name.startswith(".") or path.suffix in FREE:
        return None
    if path.is_symlink() and not _leads_into(path, inside):
        return "link"
    if path.is_dir():
        return None
    place = _within(place)
    roles = _ROLES.get(place.parts[0] if len(place.parts) > 1 else "", _ELSEWHERE)
    if roles is _ELSEWHERE:
        return roles.get(path.suffix, None if path.suffix in _READ else "stray")
    if path.name in {BENCHMARKS, MACHINE}:  # they are read with the results beside or below them
        return None
    return roles.get(path.suffix, "stray") if len(place.parts) == 3 else "stray"


def _leads_into(path: Path, inside: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(inside)
    except (OSError, RuntimeError):  # it leads nowhere, or in a circle
        return False


def check_json(path: Path) -> None:
    """Raise RecordError unless a file is JSON by the standard: no NaN, no infinity, no end before the end."""
    try:
        msgspec.json.decode(read_bytes(path, JSON_LIMIT))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordError(f"{printable(path.name)} is no JSON ({printable(error)}); write it anew") from error


def check_packed(path: Path) -> None:
    """Raise RecordError unless a file holds lines of JSON, packed by xz; no more than one line of it is in memory."""
    name, total = printable(path.name), 0
    try:
        with lzma.open(BytesIO(read_bytes(path))) as stream:
            for line in limited_lines(stream, name):
                msgspec.json.decode(line)
                total += len(line)
                if total > EXPANDED_LIMIT:
                    raise RecordError(f"{name} expands to more than 1 GiB; keep it in several files")
    except (lzma.LZMAError, EOFError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordError(f"{name} holds no whole lines of JSON ({printable(error)}); pack it anew") from error
