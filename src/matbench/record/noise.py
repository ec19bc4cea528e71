"""The machine's own noise floor, kept with the user's data under the machine's id: found wherever results lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matbench.pairing import PAIR_SCHEMA, NoiseFloor
from matbench.record.known import keep_known, known_hosts, known_of, known_path

__all__ = ["every_noise", "keep_noise", "known_noise", "noise_path"]

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
    return known_path("noise", host_id, folder)


def keep_noise(noise: NoiseFloor, folder: Path | None = None) -> Path:
    """Store `noise` in place of what was known of the machine; where it lies now.

    Raises
    ------
    RecordError
        If it can't be written.
    """
    return keep_known(noise, noise.schema, noise_path(noise.host_id, folder))


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
        not taken, and neither is one that does not tell. By default any is.
    """
    noise = known_of("noise", host_id, NoiseFloor, LIMIT, folder)
    if noise is None:
        return None
    is_ours = noise.host_id == host_id and noise.schema <= PAIR_SCHEMA
    return noise if is_ours and (spins is None or noise.holds_for(spins)) else None


def every_noise(folder: Path | None = None) -> dict[str, NoiseFloor]:
    """All floors that are kept, by the machine's id: of thousands of machines only a few are this user's."""
    found = (known_noise(host, folder) for host in known_hosts("noise", folder))
    return {noise.host_id: noise for noise in found if noise is not None}
