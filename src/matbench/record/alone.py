"""One program measures on a host at a time: a lock that all of them look for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from matbench.errors import BusyError

__all__ = ["alone"]


@contextmanager
def alone(folder: Path | None = None, *, patience_s: float = 0.0) -> Iterator[None]:
    """Within, no other matbench measures on this machine.

    Parameters
    ----------
    folder
        Where the lock lies; the folder of temporary files, which all users share, by default.
    patience_s
        How long to wait for the end of another one, s.

    Raises
    ------
    BusyError
        If another one is measuring.
    """
    lock = FileLock(str((folder or Path(tempfile.gettempdir())) / "matbench-measuring.lock"), mode=0o666)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout:  # before OSError, which it descends from
        raise BusyError("another matbench is measuring on this machine; wait for its end or stop it first") from None
    except OSError:
        # The lock can't be made, for another user's file or a read-only system: measuring goes on without it.
        yield
        return
    try:
        yield
    finally:
        lock.release()
