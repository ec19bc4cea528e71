"""What the system counts while a sample is taken: processor time, page faults, switches, waiting; and the pace."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from matbench.measure.clock import Clock

__all__ = ["Canary", "Counters", "Reading", "SystemCounters", "allowed_cpus", "pinned", "tick_ns"]

TRIES = 200  # readings of a clock, to see how finely it ticks
CHAIN, TURNS = 2048, 4  # additions of the canary, 16 KiB: at home in every first-level cache; some 20 µs
CHAINS = 2  # the faster one counts: an interruption is no change of pace


@dataclass(frozen=True)
class Reading:
    """Counts since some moment in the past; None where the system does not tell.

    Attributes
    ----------
    cpu_ns
        CPU time, ns.
    faults
        Page faults.
    switches
        Involuntary context switches.
    delay_ns
        Time that the main thread was ready to run and did not, ns.
    """

    cpu_ns: int | None = None
    faults: int | None = None
    switches: int | None = None
    delay_ns: int | None = None

    def since(self, before: Reading) -> Reading:
        """What was counted since `before`."""
        pairs = zip(self._counts(), before._counts(), strict=True)
        return Reading(*(None if now is None or then is None else max(0, now - then) for now, then in pairs))

    def _counts(self) -> tuple[int | None, int | None, int | None, int | None]:
        return self.cpu_ns, self.faults, self.switches, self.delay_ns


class Counters(Protocol):
    """Reads the system's counts."""

    def read(self, threads: int) -> Reading:
        """The counts of the calling thread, or of the whole process where `threads` is more than one."""


class SystemCounters:
    """The machine's own: all on Linux, fewer elsewhere."""

    def __init__(self) -> None:
        self._usage: Any = None
        self._own: int | None = None
        with contextlib.suppress(ImportError):  # Windows
            import resource  # noqa: PLC0415

            self._usage, self._own = resource.getrusage, getattr(resource, "RUSAGE_THREAD", None)
            self._process = resource.RUSAGE_SELF
        self._queue: int | None = None
        with contextlib.suppress(OSError):  # not on Linux, or hidden
            self._queue = os.open("/proc/self/schedstat", os.O_RDONLY)

    def read(self, threads: int) -> Reading:
        """The counts of the calling thread, or of the whole process."""
        single = threads == 1
        cpu_ns = time.thread_time_ns() if single else time.process_time_ns()
        if self._usage is None:
            return Reading(cpu_ns)
        usage = self._usage(self._own if single and self._own is not None else self._process)
        return Reading(cpu_ns, usage.ru_minflt + usage.ru_majflt, usage.ru_nivcsw, self._delay_ns())

    def _delay_ns(self) -> int | None:
        if self._queue is None:
            return None
        try:
            return int(os.pread(self._queue, 64, 0).split()[1])
        except (OSError, ValueError, IndexError):  # a kernel without these statistics
            return None


class Canary:
    """A chain of dependent additions of fixed length: its time tells the processor's pace.

    NumPy's running sum, each of whose additions needs the one before. It is compiled code without being compiled
    here: Numba's would cost every process its start, and an interpreter's loop is as uneven as what it would check.
    """

    def __init__(self) -> None:
        self._ones, self._sums = np.ones(CHAIN), np.zeros(CHAIN)

    def sing(self, clock: Clock) -> int:
        """The time of one chain, ns."""
        return max(1, min(self._chain_ns(clock) for _ in range(CHAINS)))

    def _chain_ns(self, clock: Clock) -> int:
        ones, sums, accumulate = self._ones, self._sums, np.add.accumulate
        start = clock.wall_ns()
        for _ in range(TURNS):
            accumulate(ones, out=sums)
        return clock.wall_ns() - start


def tick_ns(clock: Clock) -> int:
    """The smallest step that a clock is seen to make, ns; 1 for one that stands still."""
    moments = [clock.wall_ns() for _ in range(TRIES)]
    steps = [later - sooner for sooner, later in itertools.pairwise(moments) if later > sooner]
    return min(steps, default=1)


def allowed_cpus() -> tuple[int, ...]:
    """The logical CPUs that this thread may run on, ascending; none where the system does not say."""
    ask: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(ask(0))) if ask is not None else ()


@contextlib.contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """Within, this thread stays on one logical CPU; afterwards it may go where it might before."""
    before = allowed_cpus()
    if cpu is None or not before or sys.platform != "linux":
        yield
        return
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
