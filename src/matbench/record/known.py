"""What is known of one machine, kept with the user's data under the machine's id: found wherever results lie."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
import platformdirs

from matbench.errors import RecordError
from matbench.record.files import read_bytes, write_bytes
from matbench.record.names import check_name

__all__ = ["keep_known", "known_hosts", "known_of", "known_path"]

Known = TypeVar("Known", bound=msgspec.Struct)


def known_path(kind: str, host_id: str, folder: Path | None = None) -> Path:
    """Where it is kept what is known of the machine `host_id`.

    Parameters
    ----------
    kind
        What is known.
    host_id
        The machine's id, as its card has it.
    folder
        The user's data folder of matbench by default.

    Raises
    ------
    RecordError
        If the id is no safe file name.
    """
    return _root(folder) / f"{kind}-{check_name(host_id, 'host id')}.json"


def known_hosts(kind: str, folder: Path | None = None) -> tuple[str, ...]:
    """The ids of the machines of which something of this kind is kept, readable or not."""
    return tuple(path.stem.removeprefix(f"{kind}-") for path in sorted(_root(folder).glob(f"{kind}-*.json")))


def _root(folder: Path | None) -> Path:
    return platformdirs.user_data_path("matbench") if folder is None else folder


def keep_known(known: msgspec.Struct, schema: int, path: Path) -> Path:
    """Store it in place of what was known; where it lies now.

    Raises
    ------
    RecordError
        If it can't be written.
    """
    write_bytes(path, msgspec.json.encode({"schema": schema} | msgspec.to_builtins(known)))
    return path


def known_of(kind: str, host_id: str, form: type[Known], limit: int, folder: Path | None = None) -> Known | None:
    """What is kept, within so many bytes; None where nothing is, or nothing that can be read as `form`."""
    try:
        return msgspec.json.decode(read_bytes(known_path(kind, host_id, folder), limit), type=form)
    except (RecordError, msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: bytes that are not UTF-8
        return None
