"""What a function prints while it is called: by Python, and by C, which writes past Python."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from collections.abc import Iterator

__all__ = ["heard"]

OUTPUTS = (1, 2)  # file descriptors of standard output and standard error
MOST = 2**16  # bytes: what a pipe holds; the rest of a flood is lost, and nobody waits for it to be read


@contextlib.contextmanager
def heard(into: io.StringIO) -> Iterator[None]:
    """Within, what is printed goes into `into`: to Python's streams and to the descriptors below them.

    Where the system has no pipes that don't block, Python's own prints are heard alone.
    """
    with contextlib.redirect_stdout(into), contextlib.redirect_stderr(into), contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, AttributeError):
            stack.enter_context(_diverted(into))
        yield


@contextlib.contextmanager
def _diverted(into: io.StringIO) -> Iterator[None]:
    with contextlib.ExitStack() as closing:
        reading, writing = os.pipe()
        closing.callback(os.close, reading)
        closing.callback(os.close, writing)
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        _flush()
        for number in OUTPUTS:
            copy = os.dup(number)
            closing.callback(os.close, copy)
            closing.callback(os.dup2, copy, number)
            os.dup2(writing, number)
        try:
            yield
        finally:
            _flush()
            with contextlib.suppress(BlockingIOError):  # nothing was printed
                into.write(os.read(reading, MOST).decode(errors="replace"))


def _flush() -> None:
    """Have C write what it still holds back."""
    library = "msvcrt" if os.name == "nt" else None
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(library).fflush(None)
