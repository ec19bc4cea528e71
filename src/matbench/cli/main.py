"""From ``sys.argv`` to an exit code: every failure is one sentence, and the code says what kind it is."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from matbench.cli import console
from matbench.errors import MatbenchError

__all__ = ["main"]

USAGE, INTERNAL, INTERRUPTED = 2, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 ok; 1 findings; 2 usage; 3 incomplete, resumable; 4 internal; 130 interrupted.
    """
    warnings.showwarning = _show_warning
    try:
        return _dispatch(sys.argv[1:] if arguments is None else list(arguments))
    except MatbenchError as error:
        console.error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        console.error("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a traceback is no sentence
        if os.environ.get("MATBENCH_DEBUG"):
            traceback.print_exc()
        kind = f"{type(error).__name__}: {error}"
        console.error(f"internal error ({kind}); repeat with MATBENCH_DEBUG=1 and report what it prints")
        return INTERNAL


def _dispatch(arguments: list[str]) -> int:
    """Parse and run; the parser's own complaints become sentences of ours."""
    from typer.exceptions import TyperException

    from matbench.cli.app import app

    if not arguments:  # nothing was asked for: all that could be
        app(args=["--help"], prog_name="matbench", standalone_mode=False)
        return USAGE
    try:
        code = app(args=arguments, prog_name="matbench", standalone_mode=False)
    except TyperException as error:
        text: Any = getattr(error, "format_message", error.__str__)
        sentence = " ".join(str(text()).split()).rstrip(".")
        console.error(f"{sentence[:1].lower()}{sentence[1:]}; see matbench --help")
        return USAGE
    return code if isinstance(code, int) else 0


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    console.warn(str(message))
