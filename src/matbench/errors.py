"""The errors that matbench raises on purpose: one sentence each, ending in the remedy."""

from __future__ import annotations

import re
import traceback

__all__ = [
    "BusyError",
    "IncompleteError",
    "InternalError",
    "KernelError",
    "MatbenchError",
    "RecordError",
    "StartError",
    "UsageError",
    "without_paths",
]


class MatbenchError(Exception):
    """Something the reader can mend; the message is one sentence that says how.

    Attributes
    ----------
    exit_code
        What the command line exits with: 1 findings, 2 usage, 3 incomplete but resumable, 4 internal.
    """

    exit_code: int = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(MatbenchError):
    """The request itself is off: an unknown name, an impossible size, more threads than processors."""


class BusyError(UsageError):
    """Another matbench is measuring on this machine: the request is sound, the moment is not."""


class KernelError(MatbenchError):
    """A kernel was given operands that it refuses, or it can't run here at all."""


class RecordError(MatbenchError):
    """A file can't be read or written as what it claims to be."""


class IncompleteError(MatbenchError):
    """The run stopped before its end; what was measured is kept and can be resumed."""

    exit_code = 3


class InternalError(MatbenchError):
    """matbench itself failed; the message names what to report."""

    exit_code = 4

    def _render_traceback_(self) -> list[str]:
        """All of it: it is for a report."""
        return traceback.format_exception(self)


class StartError(InternalError):
    """A process of matbench could not be started: the machine's doing as a rule, and another one may come through."""


def without_paths(text: str) -> str:
    """`text` with every path cut down to its last name: messages are stored and shown, homes and users are not.

    Examples
    --------
    >>> without_paths("File /home/ada/kernels/fast.py, line 3")
    'File fast.py, line 3'
    """
    return re.sub(r"(?:[A-Za-z]:)?(?:[/\\\\][^\s:'\"/\\\\]+)*[/\\\\](?=[^\s/\\\\])", "", text)
