"""What is printed, and where: data on standard output; progress, warnings and hints on standard error."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Protocol, TextIO

from rich.console import Console

from matbench.errors import UsageError

__all__ = ["Bar", "data", "error", "forsake", "hint", "note", "progress", "strangers", "warn"]

_PLAIN = {"×": "x", "µ": "u", "†": "*"}  # what the few signs of our own become where a terminal lacks them


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  for the type checker: we only encode
    signs = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in signs), error.end


codecs.register_error("matbench-plain", _plain)


class _Messages(Console):
    """Rich's console on standard error; it heeds NO_COLOR and knows a terminal when it sees one."""

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Whoever read our messages has gone: the rest is said to nobody, and measuring goes on."""
        forsake(sys.stderr)


def forsake(stream: TextIO) -> None:
    """Let what is still written to a stream vanish, so that the interpreter's end does not stumble over it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def data(text: str) -> None:
    """Print a result on standard output; in vain where nobody reads it any more.

    Raises
    ------
    UsageError
        If it is closed or can't be written, say for want of space.
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed; leave it open, or send it to a file")
    if sys.stdout.errors == "strict":  # a sign that the terminal lacks is no reason to fail
        encoding = sys.stdout.encoding
        text = text.encode(encoding, "matbench-plain").decode(encoding)
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has read enough; there may be more to do than to talk
        forsake(sys.stdout)
    except OSError as error:
        forsake(sys.stdout)
        raise UsageError(f"standard output can't be written ({error.strerror}); send it elsewhere") from error


def strangers() -> contextlib.redirect_stdout[TextIO]:
    """Within, what plugins print as they are loaded goes to standard error: standard output is for data."""
    return contextlib.redirect_stdout(sys.stderr)


def _say(text: str, style: str = "") -> None:
    """Print a message; whatever it quotes, only letters and line ends of it reach the terminal, no orders to it."""
    clean = "".join(letter if letter == "\n" or letter.isprintable() else "?" for letter in text)
    _Messages().print(clean, style=style, markup=False)


def note(text: str) -> None:
    """Say something by the way."""
    _say(text)


def hint(text: str) -> None:
    """Name the next useful command."""
    _say(text, "dim")


def warn(text: str) -> None:
    """Warn, in one line."""
    _say(f"warning: {text}", "yellow")


def error(text: str) -> None:
    """Say what went wrong, in one line; nothing where even standard error is closed."""
    with contextlib.suppress(OSError):
        _say(f"matbench: {text}", "red")


class Bar(Protocol):
    """Shows how far a run is, only when it is told to; full where there are more steps than were foreseen."""

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
    console = _Messages()
    if not console.is_terminal:
        yield _Lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}  {task.description}"))
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as drawn:
        task = drawn.add_task("starting", total=total, left="")

        def show(done: int, text: str, left_s: float) -> None:
            drawn.update(task, completed=min(done, total), description=text, left=_clock_text(left_s), refresh=True)

        yield show


class _Lines:
    """One line a step, for logs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._said = -1

    def __call__(self, done: int, text: str, left_s: float) -> None:
        if done > self._said:
            self._said = done
            note(f"[{min(done, self._total)}/{self._total}] {text}  {_clock_text(left_s)}")
