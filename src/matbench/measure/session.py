"""A run as a stream of events: the parent plans, the sampling process samples, the caller stores and talks.

The parent never times anything. It waits, ends what hangs or grows too large, starts a fresh process for the rest,
and lets the sampling process go on only when the caller is ready for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psutil

from matbench.errors import InternalError
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.protocol import (
    ENCODER,
    Finished,
    Go,
    Hello,
    Job,
    Message,
    Order,
    Pause,
    Started,
    decode_message,
)
from matbench.model import Block, Caches, Case, Ceiling, Library, Measurement, Plan
from matbench.units import format_bytes, format_seconds

__all__ = ["Child", "Event", "OverrunError", "Progress", "Session", "Software", "await_greeting"]

STARTS_WITHIN_S = 120.0  # imports on a slow disk
OWN_BYTES = 2**30  # what the sampling process needs for itself: interpreter, compiler, libraries
LOOK_EVERY_S = 1.0  # at the sampling process's memory
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True)
class Progress:
    """Nothing is being timed now: the moment to write and to draw.

    Attributes
    ----------
    block
        Blocks that are finished, of all.
    blocks
        All blocks of the run.
    left_s
        Expected time left, s.
    """

    block: int
    blocks: int
    left_s: float


@dataclass(frozen=True)
class Software:
    """What the sampling process says of its libraries once they are all loaded."""

    libraries: tuple[Library, ...]
    threading_layer: str | None


Event = Measurement | Ceiling | Progress | Software


class OverrunError(Exception):
    """The sampling process had to be ended, or ended by itself; the message says why."""


class Child:
    """A sampling process and the two pipes to it."""

    def __init__(self, threads: int, blas: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **(variables or {})}
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-P", "-m", "matbench.measure.worker", *blas],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent to handle
        )
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._memory = psutil.Process(self._process.pid)

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  for the type checker: it is a pipe
        with contextlib.suppress(ValueError):  # closed by `end` while we read
            for line in self._process.stdout:
                if line.endswith(b"\n"):  # killed in the middle of a message, it has not said it
                    self._messages.put(line)
        self._messages.put(None)

    def order(self, order: Order) -> None:
        """Send an order; a process that is gone is noticed when it is listened to."""
        assert self._process.stdin is not None  # noqa: S101  for the type checker: it is a pipe
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(ENCODER.encode(order) + b"\n")
            self._process.stdin.flush()

    def message(self, within_s: float, memory_bytes: int | None = None) -> Message:
        """The next message.

        Raises
        ------
        OverrunError
            If none comes in time, the process dies, or it takes more memory than allowed.
        InternalError
            If what comes is no message.
        """
        waited = 0.0
        while True:
            step = min(LOOK_EVERY_S, within_s - waited)
            try:
                line = self._messages.get(timeout=max(0.001, step))
            except queue.Empty:
                waited += step
                self._look(memory_bytes)
                if waited >= within_s:
                    raise OverrunError(f"was ended after {format_seconds(within_s)} without a result") from None
                continue
            if line is None:
                raise OverrunError(f"took the sampling process down with it ({self._epitaph()})")
            return self._understood(line)

    def _understood(self, line: bytes) -> Message:
        try:
            return decode_message(line)
        except msgspec.DecodeError:
            said = line[:80].decode(errors="replace").strip()
            hint = "find out what in this Python's start-up prints"
            raise InternalError(f"the sampling process said {said!r}, which is no message; {hint}") from None

    def _look(self, memory_bytes: int | None) -> None:
        with contextlib.suppress(psutil.Error):
            if memory_bytes is not None and self._memory.memory_info().rss > memory_bytes:
                raise OverrunError(f"was ended for taking more than {format_bytes(memory_bytes)} of memory")

    def _epitaph(self) -> str:
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()


def await_greeting(child: Any) -> None:
    """Wait until a sampling process has imported all it needs.

    Parameters
    ----------
    child
        A `Child`, or what stands for one.

    Raises
    ------
    InternalError
        If it does not start, or is of another version.
    """
    try:
        hello = child.message(STARTS_WITHIN_S)
    except OverrunError as reason:
        raise InternalError(f"the sampling process could not start: it {reason}; see its messages above") from None
    if not isinstance(hello, Hello):
        raise InternalError("the sampling process does not speak this version's language; reinstall matbench")


@dataclass
class Session:
    """One run, from a plan to its last sample.

    Attributes
    ----------
    plan
        What to measure.
    blocks
        Those of its blocks that are still to be measured.
    caches
        The machine's cache sizes.
    memory_bytes
        Memory that one case may take.
    deadline_ns
        When the last sample should be taken, on `clock`.
    threads
        Largest number of threads.
    blas
        Paths of further BLAS libraries.
    process
        Index of the first sampling process.
    child
        Starts a sampling process; an argument for the tests' sake.
    """

    plan: Plan
    blocks: tuple[Block, ...]
    caches: Caches
    memory_bytes: int
    deadline_ns: int
    threads: int
    blas: tuple[str, ...] = ()
    process: int = 0
    ceilings: bool = True
    clock: Clock = field(default_factory=SystemClock)
    child: Callable[[int, Sequence[str]], Any] = Child
    stopping: bool = False

    def stop(self) -> None:
        """Come to an end at the next pause; what was measured by then has been told."""
        self.stopping = True

    def run(self) -> Iterator[Event]:
        """Everything that is measured, as soon as it is.

        Raises
        ------
        InternalError
            If the sampling process can't be started.
        """
        todo = list(self.blocks)
        process, ceilings, chains = self.process, self.ceilings, True
        while todo and not self.stopping and (process == self.process or self.clock.wall_ns() < self.deadline_ns):
            attempt = _Attempt(self, tuple(todo), process, ceilings, chains)
            yield from attempt.run()
            if attempt.failure is None:
                return
            todo, lost = attempt.remaining()
            yield from lost
            process, ceilings, chains = process + 1, False, chains and not attempt.failed_before_blocks


@dataclass
class _Attempt:
    """One sampling process's share of a session."""

    session: Session
    blocks: tuple[Block, ...]
    process: int
    ceilings: bool
    chains: bool
    failure: str | None = None
    _done: int = 0
    _started: Started | None = None
    _told: set[Case] = field(default_factory=set)
    _settled: set[Case] = field(default_factory=set)

    def run(self) -> Iterator[Event]:
        """Its events; afterwards `failure` says why it ended before its time, or None."""
        session = self.session
        # The parent's folder: a process that is killed would leave its own behind.
        with tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as compiled:
            child = session.child(session.threads, session.blas)
            try:
                self._greet(child, compiled)
                yield from self._converse(child)
            except OverrunError as reason:
                self.failure = str(reason)
            finally:
                child.end()

    def _greet(self, child: Any, compiled: str) -> None:
        session = self.session
        await_greeting(child)
        seconds = (session.deadline_ns - session.clock.wall_ns()) * 1e-9
        child.order(
            Job(
                plan=session.plan,
                blocks=self.blocks,
                process=self.process,
                seconds=seconds,
                memory_bytes=session.memory_bytes,
                caches=session.caches,
                ceilings=self.ceilings,
                chains=self.chains,
                compiled=compiled,
            )
        )

    def _converse(self, child: Any) -> Iterator[Event]:
        session = self.session
        allowed = STARTS_WITHIN_S
        while True:
            message = child.message(allowed, session.memory_bytes + OWN_BYTES)
            if isinstance(message, Started):
                allowed, self._started = message.allowed_s, message
            elif isinstance(message, Pause):
                self._done, self._started = message.block, None
                before = len(session.blocks) - len(self.blocks)
                yield Progress(before + message.block, len(session.blocks), message.left_s)
                child.order(Go(stop=session.stopping))
            elif isinstance(message, Finished):
                yield Software(message.libraries, message.threading_layer)
                return
            elif isinstance(message, Measurement | Ceiling):
                if isinstance(message, Measurement):
                    self._told.add(message.case)
                    if message.outcome != "measured":
                        self._settled.add(message.case)
                yield message

    @property
    def failed_before_blocks(self) -> bool:
        """Whether it ended while the hardware's limits were measured."""
        return self.failure is not None and self._started is not None and self._started.before_blocks

    def remaining(self) -> tuple[list[Block], list[Measurement]]:
        """Blocks that a next process has to measure, and the cases that are to blame, as ended."""
        first, *rest = self.blocks[self._done :] or (None,)
        if first is None:
            return [], []
        blamed = self._started.case if self._started is not None else None
        if self.failed_before_blocks:  # no block is to blame: all of them again
            return [first, *rest], []
        if blamed is None:  # no single case to blame: the block is given up, what it has told is kept
            return list(rest), [
                Measurement(case=case, outcome="ended", reason=f"something in its block {self.failure}")
                for case in (Case(kernel=name, problem=first.problem, threads=threads) for name, threads in first.arms)
                if case not in self._told
            ]
        whole = self._started is not None and self._started.whole_kernel
        lost: list[Measurement] = []
        todo: list[Block] = []
        for block in (first, *rest):
            arms = []
            for name, threads in block.arms:
                case = Case(kernel=name, problem=block.problem, threads=threads)
                if case == blamed or (whole and name == blamed.kernel and block.problem.dtype == blamed.problem.dtype):
                    lost.append(Measurement(case=case, outcome="ended", reason=f"{name} {self.failure}"))
                elif case not in self._settled:
                    arms.append((name, threads))
            if arms:
                todo.append(msgspec.structs.replace(block, arms=tuple(arms)))
        return todo, lost
