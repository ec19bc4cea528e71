"""The commands of the lessons: list them, copy one as a notebook, open it in Jupyter."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import webbrowser
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matbench.cli import console
from matbench.errors import UsageError
from matbench.present.tables import render_markdown
from matbench.record.lessons import EXTRA, find_lesson, read_lessons, write_notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["copy_lesson", "list_lessons", "open_lesson"]

NEEDED = {"jupyterlab": "JupyterLab", "ipykernel": "IPython's kernel", "jupytext": "Jupytext"}


def list_lessons(*, as_json: bool) -> int:
    """Print the lessons: number, title, minutes, and what they take for granted."""
    lessons = read_lessons()
    if as_json:
        told = [{k: v for k, v in msgspec.to_builtins(each).items() if k != "text"} for each in lessons]
        console.data(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        return 0
    lines = [(str(each.number), each.title, f"{each.minutes} min", each.before) for each in lessons]
    console.data(render_markdown(("lesson", "title", "time", "before it"), lines))
    console.hint(f"begin: matbench lesson open {lessons[0].number}")
    return 0


def copy_lesson(number: int, folder: Path, *, force: bool) -> int:
    """Write a lesson's notebook into a folder."""
    path = write_notebook(find_lesson(number), folder, force=force)
    console.data(str(path))
    console.hint(f"open it with any Jupyter, or with: matbench lesson open {number}")
    return 0


def open_lesson(number: int, folder: Path, *, browser: bool, further: Sequence[str]) -> int:
    """Start Jupyter on a lesson; notebooks that are not there yet are written first, as they link to each other."""
    lesson = find_lesson(number)
    _check_installed()
    _check_kernel()
    browser = browser and "--no-browser" not in further
    _check_start(number, folder, browser=browser, further=further)
    path = folder / f"{lesson.name}.ipynb"
    if path.exists():
        console.note(f"{path} is there already; your answers in it are kept")
    for each in read_lessons():
        if not (folder / f"{each.name}.ipynb").exists():
            write_notebook(each, folder)
    # Whoever opens the address that it prints lands in the lesson, too; what else it logs is of no use to a learner.
    quiet = [f"--LabApp.default_url=/lab/tree/{path.name}", "--ServerApp.log_level=WARN"]
    shown = [] if browser else ["--no-browser"]
    command = [sys.executable, "-m", "jupyterlab", str(path), *quiet, *shown, *further]
    console.note("starting Jupyter; Ctrl-C twice ends it")
    if _ended(command) > 0:
        raise UsageError("Jupyter did not start, for the reason above; mend it and repeat the command")
    return 0


def _ended(command: Sequence[str]) -> int:
    """The exit code of Jupyter once it has ended; Ctrl-C is its business: it asks back, and then ends its kernels."""
    with subprocess.Popen(command) as process:  # noqa: S603  our own interpreter
        while True:
            with suppress(KeyboardInterrupt):
                return process.wait()


def _check_installed() -> None:
    """Raise UsageError unless all that `open` needs can be imported."""
    for module, name in NEEDED.items():
        if find_spec(module) is None:
            raise UsageError(f"{name} is not installed; type: {EXTRA}")


def _check_kernel() -> None:
    """Raise UsageError if the kernel that notebooks ask for is that of another Python.

    A specification that an earlier installation left behind takes precedence over the right one, and its Python, if
    there still is one, has no matbench.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = "type: python -m ipykernel install --sys-prefix, with this Python, or remove the old one"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel as reason:
        raise UsageError(f"Jupyter knows no kernel 'python3'; {remedy}") from reason
    program = str(spec.argv[0])
    if program in {"python", "python3", f"python3.{sys.version_info.minor}"}:
        return  # Jupyter puts its own in their place
    found = shutil.which(program)
    if found is None or Path(found).absolute().parent != Path(sys.executable).absolute().parent:
        raise UsageError(
            f"Jupyter's kernel 'python3' (in {spec.resource_dir}) starts another Python, {program}; {remedy}"
        )


def _check_start(number: int, folder: Path, *, browser: bool, further: Sequence[str]) -> None:
    """Raise UsageError where Jupyter would not start or no browser can be opened; the sentence names the way round."""
    root = getattr(os, "geteuid", lambda: None)() == 0 and not any(each.startswith("--allow-root") for each in further)
    unseen = _why_unseen() if browser else None
    reasons = [
        *(["Jupyter refuses to run as root unless it is told to"] if root else []),
        *([unseen] if unseen else []),
    ]
    if not reasons:
        return
    passed = [*further, *(["--allow-root"] if root else [])]
    line = [str(number), *(["--no-browser"] if unseen or not browser else []), *(["--", *passed] if passed else [])]
    if os.environ.get("MAKELEVEL"):  # what `make lesson` sets up is on nobody's path
        command = f'make lesson ARGS="{shlex.join(line)}"'
    else:
        place = [] if folder == Path() else ["--output", str(folder)]
        command = f"matbench lesson open {shlex.join([*place, *line])}"
    then = " and open the address that it prints in a browser of yours" if unseen else ""
    raise UsageError(f"{' and '.join(reasons)}; type: {command}{then}")


def _why_unseen() -> str | None:
    """Why no browser can be opened here, or None."""
    unix = sys.platform not in {"win32", "darwin"}
    if unix and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return "there is no display for a browser here"
    try:
        webbrowser.get()
    except webbrowser.Error:
        return "there is no browser here"
    return None
