"""Where threads run: the calling one on a processor of its own, all others that there are on the rest.

A thread that wakes is often put where the one that woke it runs, above all on virtual machines whose processors share
no cache as far as the system knows. Both then take turns, at half the speed or far less, for longer than a sample
lasts.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

__all__ = ["apart"]

TASKS = Path("/proc/self/task")  # a folder for each thread of this process


@contextlib.contextmanager
def apart(threads: int) -> Iterator[None]:
    """Within, the calling thread is on a processor that no other thread of the process uses; afterwards as before.

    It is put there and not held there: threads inherit where they may run, and what starts some anew in each call must
    find all processors. Nothing happens for one thread, on one processor, and where the system has no say in it.

    Parameters
    ----------
    threads
        That are going to compute.
    """
    allowed = os.sched_getaffinity(0) if sys.platform == "linux" else set[int]()
    if threads < 2 or len(allowed) < 2:
        yield
        return
    own = min(allowed)
    others = _others()
    _move(others, allowed - {own})
    _move([0], {own})
    _move([0], allowed)
    try:
        yield
    finally:
        _move(others, allowed)


def _others() -> list[int]:
    """All threads of this process but the calling one; none where nobody tells."""
    try:
        return [int(task.name) for task in TASKS.iterdir() if int(task.name) != threading.get_native_id()]
    except OSError:
        return []


def _move(tasks: Collection[int], cpus: Collection[int]) -> None:
    for task in tasks:
        with contextlib.suppress(OSError):  # it has ended, or may not be moved: it stays where it is
            os.sched_setaffinity(task, cpus)
