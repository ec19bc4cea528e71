"""Time, as an argument: the sampler never asks the operating system itself, so that its tests never sleep."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from matbench.measure.resting import threads_rest

__all__ = ["Clock", "SimulatedClock", "SystemClock"]


class Clock(Protocol):
    """What the sampler needs to know of time."""

    def wall_ns(self) -> int:
        """Wall-clock time in ns from an arbitrary origin; never runs backwards."""

    def cpu_ns(self) -> int:
        """CPU time of this process, all its threads together, in ns; of the others, up to their last tick."""

    def sleep(self, seconds: float) -> None:
        """Give the processor away for `seconds`."""

    def resting(self) -> bool | None:
        """Whether no other thread of this process runs or waits for a processor; None where nobody knows."""


class SystemClock:
    """The machine's own clocks."""

    def wall_ns(self) -> int:
        """Wall-clock time in ns."""
        return time.perf_counter_ns()

    def cpu_ns(self) -> int:
        """CPU time of this process in ns."""
        return time.process_time_ns()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)

    def resting(self) -> bool | None:
        """Whether no other thread of this process runs or waits for a processor."""
        return threads_rest()


@dataclass
class SimulatedClock:
    """A clock that moves only when it is told to: for tests, and to rehearse a plan.

    Attributes
    ----------
    now_ns
        Wall-clock time, ns.
    spinning_ns
        CPU time that idle worker threads have yet to burn, ns; while it lasts, waiting costs CPU time.
    busy_ns
        CPU time used, ns.
    """

    now_ns: int = 0
    spinning_ns: int = 0
    busy_ns: int = 0
    slept: list[float] = field(default_factory=list)

    def wall_ns(self) -> int:
        """Wall-clock time in ns."""
        return self.now_ns

    def cpu_ns(self) -> int:
        """CPU time in ns."""
        return self.busy_ns

    def advance(self, ns: int) -> None:
        """Let `ns` of work pass."""
        self.now_ns += ns
        self.busy_ns += ns

    def sleep(self, seconds: float) -> None:
        """Let time pass without work, but for what idle threads still spin."""
        ns = round(seconds * 1e9)
        burnt = min(ns, self.spinning_ns)
        self.now_ns += ns
        self.spinning_ns -= burnt
        self.busy_ns += burnt
        self.slept.append(seconds)

    def resting(self) -> bool | None:
        """Whether no idle thread spins any more."""
        return self.spinning_ns == 0
