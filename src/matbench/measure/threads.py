"""Thread counts: set, read back, restored; for BLAS and for Numba alike."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from threadpoolctl import ThreadpoolController

from matbench.errors import InternalError
from matbench.measure.clock import Clock

__all__ = ["ThreadControl", "drain"]

DRAIN_STEP_S = 0.0005  # between two looks at threads that are still spinning
DRAIN_LIMIT_S = 0.5  # OpenMP runtimes spin 200 ms at most by default
LOOK_S = 0.02  # longer than any kernel's tick (4 to 16 ms), at which it books the CPU time of what runs elsewhere


def drain(clock: Clock, limit_s: float = DRAIN_LIMIT_S) -> int:
    """Wait until idle worker threads have stopped spinning.

    Threads of BLAS and OpenMP spin for 20 to 200 ms after a call. What is timed next shares the processors with them:
    a kernel with a pool of its own then takes twice as long or more.

    Returns
    -------
    int
        How long that took, ns.
    """
    start = clock.wall_ns()
    while not _at_rest(clock) and clock.wall_ns() - start < limit_s * 1e9:
        pass
    return clock.wall_ns() - start


def _at_rest(clock: Clock) -> bool:
    """Whether no other thread runs; where they still do, or nobody knows, some time passes."""
    resting = clock.resting()
    if resting is None:
        wall, cpu = clock.wall_ns(), clock.cpu_ns()
        clock.sleep(LOOK_S)
        return clock.cpu_ns() - cpu < 0.2 * (clock.wall_ns() - wall)
    if not resting:
        clock.sleep(DRAIN_STEP_S)
    return resting


class ThreadControl:
    """Sets the number of threads of every BLAS in the process and of Numba.

    Setting through a fresh `threadpool_limits` searches all loaded libraries, 300 us a call; this one keeps them.
    Libraries that are loaded later need `refresh`.
    """

    def __init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Look for the libraries again."""
        self._blas = ThreadpoolController().select(user_api="blas")
        self._numba: Any = sys.modules.get("numba")

    def counts(self) -> dict[str, int]:
        """Threads that each library would use now, by the name of the library."""
        found = {f"{each['internal_api']} {i}": each["num_threads"] for i, each in enumerate(self._blas.info())}
        if self._numba is not None:
            found["numba"] = self._numba.get_num_threads()
        return found

    @contextlib.contextmanager
    def limited(self, threads: int) -> Iterator[None]:
        """Within, every library uses `threads` threads; afterwards as many as before.

        Raises
        ------
        InternalError
            If a library does not do as it is told: its times would carry a wrong label.
        """
        before = self._numba.get_num_threads() if self._numba is not None else 0
        with self._blas.limit(limits=threads):
            try:
                if self._numba is not None:
                    self._numba.set_num_threads(threads)
                wrong = {name: count for name, count in self.counts().items() if count != threads}
                if wrong:
                    raise InternalError(f"asked for {threads} threads, but {wrong} were set; report this library")
                yield
            finally:
                if self._numba is not None:
                    self._numba.set_num_threads(before)
