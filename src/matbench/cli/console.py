"""What is printed, and where: data on standard output; progress, warnings and hints on standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console

__all__ = ["Bar", "data", "error", "hint", "note", "progress", "warn"]


def _stderr() -> Console:
    """Rich's console on standard error; it heeds NO_COLOR and knows a terminal when it sees one."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def data(text: str) -> None:
    """Print a result on standard output."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def note(text: str) -> None:
    """Say something by the way."""
    _stderr().print(text, markup=False)


def hint(text: str) -> None:
    """Name the next useful command."""
    _stderr().print(text, style="dim", markup=False)


def warn(text: str) -> None:
    """Warn, in one line."""
    _stderr().print(f"warning: {text}", style="yellow", markup=False)


def error(text: str) -> None:
    """Say what went wrong, in one line; nothing where even standard error is closed."""
    with contextlib.suppress(OSError):
        _stderr().print(f"matbench: {text}", style="red", markup=False)


class Bar(Protocol):
    """Shows how far a run is, only when it is told to."""

    def __call__(self, done: int, text: str, left_s: float) -> None:
        """Show that `done` steps are done, what is next, and the expected time left, s."""


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} left"


@contextlib.contextmanager
def progress(total: int) -> Iterator[Bar]:
    """A bar on a terminal, one plain line a step elsewhere.

    It is drawn only when called: nothing may draw by itself while a sample is being timed.
    """
    console = _stderr()
    if not console.is_terminal:
        yield _Lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}  {task.description}"))
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as drawn:
        task = drawn.add_task("starting", total=total, left="")

        def show(done: int, text: str, left_s: float) -> None:
            drawn.update(task, completed=done, description=text, left=_clock_text(left_s), refresh=True)

        yield show


class _Lines:
    """One line a step, for logs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._said = -1

    def __call__(self, done: int, text: str, left_s: float) -> None:
        if done > self._said:
            self._said = done
            note(f"[{done}/{self._total}] {text}  {_clock_text(left_s)}")
