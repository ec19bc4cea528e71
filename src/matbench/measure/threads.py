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

DRAIN_STEP_S = 0.002  # long enough for a spinning thread to show against the cost of asking
DRAIN_LIMIT_S = 0.5  # OpenMP runtimes spin 200 ms at most by default


def drain(clock: Clock, limit_s: float = DRAIN_LIMIT_S) -> int:
    """Wait until idle worker threads have stopped spinning, that is until waiting costs no CPU time.

    Threads of BLAS and OpenMP spin for 20 to 200 ms after a call, into whatever is timed next.

    Returns
    -------
    int
        How long that took, ns.
    """
    start = clock.wall_ns()
    while clock.wall_ns() - start < limit_s * 1e9:
        wall, cpu = clock.wall_ns(), clock.cpu_ns()
        clock.sleep(DRAIN_STEP_S)
        if (clock.cpu_ns() - cpu) < 0.2 * (clock.wall_ns() - wall):
            break
    return clock.wall_ns() - start


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
