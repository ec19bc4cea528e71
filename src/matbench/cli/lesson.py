"""The commands of the lessons: list them, copy one as a notebook, open it in Jupyter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
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
    if browser:
        _check_display()
    path = folder / f"{lesson.name}.ipynb"
    if path.exists():
        console.note(f"{path} is there already; your answers in it are kept")
    for each in read_lessons():
        if not (folder / f"{each.name}.ipynb").exists():
            write_notebook(each, folder)
    command = [sys.executable, "-m", "jupyterlab", str(path), *([] if browser else ["--no-browser"]), *further]
    console.note("starting Jupyter; Ctrl-C ends it")
    try:
        code = subprocess.run(command, check=False).returncode  # noqa: S603  our own interpreter
    except KeyboardInterrupt:
        return 0
    if code > 0:
        raise UsageError("Jupyter did not start, for the reason above; mend it and repeat the command")
    return 0


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


def _check_display() -> None:
    """Raise UsageError where no browser can be opened."""
    remedy = "add --no-browser and open the address that Jupyter prints in a browser of yours"
    unix = sys.platform not in {"win32", "darwin"}
    if unix and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        raise UsageError(f"there is no display for a browser here; {remedy}")
    try:
        webbrowser.get()
    except webbrowser.Error as reason:
        raise UsageError(f"there is no browser here; {remedy}") from reason
