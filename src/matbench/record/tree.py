"""A results folder walked: each file, and what has to be in it by where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from matbench.errors import RecordError
from matbench.record.asv_format import BENCHMARKS, JSON_LIMIT, MACHINE
from matbench.record.files import printable, read_bytes
from matbench.record.reading import PAIRS, RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Leaf", "Role", "check_json", "is_results", "leaves"]

Role = Literal["record", "asv", "bundle", "page", "json", "link", "stray"]

STORES = (RUNS.folder, PAIRS.folder)
ASV = "asv"
# What files have to be, by their store and ending: <store>/<machine>/<name>. Elsewhere others may lie as well.
_STORED: dict[str, Role] = {".jsonl": "record"}
_ROLES: dict[str, dict[str, Role]] = {**dict.fromkeys(STORES, _STORED), ASV: {".json": "asv"}}
_ELSEWHERE: dict[str, Role] = {".jsonl": "record", ".json": "json", ".gz": "bundle"}
DRAWN = "figures"  # made anew from records
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
        tool, a link that leads out of the folder, or nothing that belongs there.
    """

    path: Path
    place: Path
    role: Role

    @property
    def is_stored(self) -> bool:
        """Whether its path has to say what its header says: ``<store>/<machine>/<id>.jsonl``."""
        return self.role == "record" and self.place.parts[0] in STORES


def is_results(folder: Path) -> bool:
    """Whether a folder holds any of the stores of results."""
    return any((folder / name).is_dir() for name in (*STORES, ASV))


def leaves(folder: Path) -> Iterator[Leaf]:
    """All files below a results folder that have to hold something, in order; links to folders are not followed."""
    inside = folder.resolve()
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if (here / name).relative_to(folder) != Path(DRAWN))
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
    roles = _ROLES.get(place.parts[0] if len(place.parts) > 1 else "", _ELSEWHERE)
    if roles is _ELSEWHERE:
        return roles.get(path.suffix)
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
