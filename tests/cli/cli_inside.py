"""matbench driven within this process: for commands that only read and write files, and are many."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass

from cli_driver import Done, User

from matbench.cli.main import main


@dataclass(frozen=True)
class Inside(User):
    """A user whose commands start no process; functions of the tests that need one use `python` and `start`."""

    def does(self, *arguments: object, **_: object) -> Done:
        """What a command comes to."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),  # the command line shows them in its own way, from then on
        ):
            code = main([str(each) for each in arguments])
        return Done(code, out.getvalue(), err.getvalue())


def inside(user: User) -> Inside:
    """The same user, whose commands start no process."""
    return Inside(user.folder, user.environ, user.variables)
