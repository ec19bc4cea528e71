"""What takes long to make and is the same every time, kept in the user's cache: who empties it loses time alone."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from matbench.errors import RecordError
from matbench.record.files import read_text, write_text
from matbench.record.names import check_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["remembered"]

LIMIT = 16 * 2**20  # bytes


def remembered(name: str, make: Callable[[], str], folder: Path | None = None) -> str:
    """The text that `make` gives, from the cache where it is kept there already.

    Parameters
    ----------
    name
        Of the file; texts that differ have names that differ.
    make
        Called where nothing is kept, or nothing whole.
    folder
        The user's cache folder of matbench by default. Where it can't be written, nothing is kept.

    Raises
    ------
    RecordError
        If `name` is no safe file name.
    """
    path = (platformdirs.user_cache_path("matbench") if folder is None else folder) / check_name(name, "name")
    with suppress(RecordError):
        digest, _, text = read_text(path, LIMIT).partition("\n")
        if digest == _digest(text):
            return text
    text = make()
    with suppress(RecordError):
        write_text(path, f"{_digest(text)}\n{text}")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
