"""The machine's own noise floor, kept with the user's data under the machine's id: found wherever results lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from matbench.errors import RecordError
from matbench.pairing import PAIR_SCHEMA, NoiseFloor
from matbench.record.files import read_bytes, write_bytes
from matbench.record.names import check_name

__all__ = ["keep_noise", "known_noise", "noise_path"]

LIMIT = 4096  # bytes


def noise_path(host_id: str, folder: Path | None = None) -> Path:
    """Where the floor of the machine `host_id` is kept.

    Parameters
    ----------
    host_id
        The machine's id, as its card has it.
    folder
        The user's data folder of matbench by default.

    Raises
    ------
    RecordError
        If the id is no safe file name.
    """
    root = platformdirs.user_data_path("matbench") if folder is None else folder
    return root / f"noise-{check_name(host_id, 'host id')}.json"


def keep_noise(noise: NoiseFloor, folder: Path | None = None) -> Path:
    """Store `noise` in place of what was known of the machine; where it lies now.

    Raises
    ------
    RecordError
        If it can't be written.
    """
    path = noise_path(noise.host_id, folder)
    write_bytes(path, msgspec.json.encode({"schema": noise.schema} | msgspec.to_builtins(noise)))
    return path


def known_noise(
    host_id: str, folder: Path | None = None, *, spins: Mapping[str, str] | None = None
) -> NoiseFloor | None:
    """What is known of the machine's noise; None where nothing is, or nothing that can be read.

    A floor that is lost is no reason to refuse a comparison: it is measured anew by `matbench doctor`.

    Parameters
    ----------
    host_id
        The machine's id, as its card has it.
    folder
        The user's data folder of matbench by default.
    spins
        How long idle threads spin now, as `matbench.spinning` tells it: a floor measured while they spun otherwise is
        not taken. By default any is, and so is one that does not tell.
    """
    try:
        noise = msgspec.json.decode(read_bytes(noise_path(host_id, folder), LIMIT), type=NoiseFloor)
    except (RecordError, msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: bytes that are not UTF-8
        return None
    is_ours = noise.host_id == host_id and noise.schema <= PAIR_SCHEMA
    is_like = spins is None or noise.spins is None or noise.spins == spins
    return noise if is_ours and is_like else None
