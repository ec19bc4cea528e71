"""A sampling process as its parent sees it: started, listened to, ended."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import psutil

from matbench.errors import InternalError, StartError
from matbench.measure.protocol import ENCODER, Hello, Message, Order, decode_message
from matbench.spinning import short_spins
from matbench.units import format_bytes, format_seconds

__all__ = ["OWN_BYTES", "STARTS_WITHIN_S", "THREAD_VARIABLES", "Child", "OverrunError", "await_greeting"]

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


class OverrunError(Exception):
    """The sampling process had to be ended, or ended by itself; the message says why."""


class Child:
    """A sampling process and the two pipes to it.

    Attributes
    ----------
    module
        What it runs; another one may know other kernels.
    """

    module: ClassVar[str] = "matbench.measure.worker"

    def __init__(self, threads: int, blas: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        counts = dict.fromkeys(THREAD_VARIABLES, str(threads))
        environment = {**os.environ, **short_spins(os.environ), **counts, **(variables or {})}
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-P", "-m", self.module, *blas],
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
    StartError
        If it does not start.
    InternalError
        If it is of another version.
    """
    try:
        hello = child.message(STARTS_WITHIN_S)
    except OverrunError as reason:
        raise StartError(f"the sampling process could not start: it {reason}; see its messages above") from None
    if not isinstance(hello, Hello):
        raise InternalError("the sampling process does not speak this version's language; reinstall matbench")
