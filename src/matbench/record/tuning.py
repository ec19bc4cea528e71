"""What tuning has found on this machine, kept with the user's data under the machine's id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from matbench.errors import RecordError
from matbench.model import Environment
from matbench.record.ids import env_id
from matbench.record.known import keep_known, known_of, known_path
from matbench.tuning import TUNING_SCHEMA, TunedBlocks, Tuning

__all__ = ["environment_with_blocks", "forget_tuning", "keep_tuning", "known_tuning", "tuning_path"]

LIMIT = 16384  # bytes


def tuning_path(host_id: str, folder: Path | None = None) -> Path:
    """Where it is kept what tuning has found on the machine `host_id`.

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
    return known_path("tuning", host_id, folder)


def keep_tuning(tuning: Tuning, folder: Path | None = None) -> Path:
    """Store `tuning` in place of what was known of the machine; where it lies now.

    Raises
    ------
    RecordError
        If it can't be written.
    """
    return keep_known(tuning, tuning.schema, tuning_path(tuning.host_id, folder))


def known_tuning(host_id: str, folder: Path | None = None) -> Tuning | None:
    """What tuning has found on the machine; None where nothing is known, or nothing that can be read.

    Blocks that are lost are no reason to refuse a run: those derived from the caches' sizes are used, and said to be.
    """
    tuning = known_of("tuning", host_id, Tuning, LIMIT, folder)
    is_ours = tuning is not None and tuning.host_id == host_id and tuning.schema <= TUNING_SCHEMA
    return tuning if is_ours else None


def forget_tuning(host_id: str, folder: Path | None = None) -> bool:
    """Remove what was kept; whether there was anything.

    Raises
    ------
    RecordError
        If it can't be removed.
    """
    path = tuning_path(host_id, folder)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RecordError(f"{path.name} can't be removed ({error.strerror}); remove it by hand") from error
    return True


def environment_with_blocks(environment: Environment, blocks: Sequence[TunedBlocks]) -> Environment:
    """The environment with the blocks that kernels were handed among what was set, and its id anew.

    A run with other blocks is a run in another environment: it is not continued with these, and a comparison names
    them among what differs.
    """
    if not blocks:
        return environment
    said = {f"{each.kernel} {each.dtype} blocks": each.words for each in blocks}
    changed = msgspec.structs.replace(environment, variables=environment.variables | said)
    return msgspec.structs.replace(changed, env_id=env_id(changed))
