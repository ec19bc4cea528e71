"""Ctrl-C while something is being measured: the first one asks for an end, the second one ends at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matbench.cli import console

__all__ = ["Interrupts", "interruptible"]


@dataclass
class Interrupts:
    """How often Ctrl-C was pressed."""

    count: int = 0


@contextlib.contextmanager
def interruptible(stop: Callable[[], None], what: str) -> Iterator[Interrupts]:
    """Within, the first Ctrl-C calls `stop` and the second ends the block at once; either way it is left quietly.

    Parameters
    ----------
    stop
        Asks for an end.
    what
        What is still finished, to be said: 'round', 'process'.
    """
    pressed = Interrupts()

    def handle(*_: object) -> None:
        pressed.count += 1
        if pressed.count > 1:
            raise KeyboardInterrupt
        stop()
        console.note(f"stopping after this {what}; press Ctrl-C again to stop at once")

    before = signal.signal(signal.SIGINT, handle)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
