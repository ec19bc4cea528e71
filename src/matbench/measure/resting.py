"""Whether the other threads of this process rest: idle pools spin for a while, into whatever is timed next.

CPU time does not tell. The kernel books what a thread has used when its tick comes, every 4 to 16 ms: within a shorter
look, a thread that spins on another processor seems to use nothing. And one that spins but is not served uses nothing.
"""

from __future__ import annotations

import os
import threading

__all__ = ["is_runnable", "threads_rest"]

TASKS = "/proc/self/task"  # a folder for each thread of this process
MOST_BYTES = 256  # of a thread's line that are read: its state comes third, after a name of 16 bytes at most


def threads_rest(folder: str = TASKS) -> bool | None:
    """Whether all threads of this process but the calling one sleep; None where the system does not say.

    Parameters
    ----------
    folder
        Linux's folder of the threads, or one that looks like it.
    """
    own = threading.get_native_id()
    try:
        with os.scandir(folder) as found:
            others = [task.name for task in found if task.name != str(own)]
    except OSError:
        return None
    return not any(is_runnable(_line(f"{folder}/{task}/stat")) for task in others)


def _line(path: str) -> bytes:
    """The beginning of a file that may just have gone; nothing then."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, MOST_BYTES)
    except OSError:  # the thread has ended since
        return b""
    finally:
        os.close(descriptor)


def is_runnable(line: bytes) -> bool:
    """Whether a thread runs or waits for a processor, by its line in Linux's `stat`; not if there is none.

    Examples
    --------
    >>> is_runnable(b"4711 (python (a) R) S 1 4711"), is_runnable(b"4712 (python) R 1 4711"), is_runnable(b"")
    (False, True, False)
    """
    return line.rpartition(b")")[2].split()[:1] == [b"R"]
