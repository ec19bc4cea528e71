"""The lessons: where their texts lie, what their heads say, and the notebooks that are made of them.

A lesson is a notebook written as text (MyST Markdown): reviewed as text, and turned into a Jupyter notebook where a
reader asks for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench.errors import RecordError, UsageError
from matbench.model import Name, Text, Value
from matbench.record.files import printable, read_text, write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXTRA", "Lesson", "find_lesson", "notebook_bytes", "parse_lesson", "read_lessons", "write_notebook"]

EXTRA = "pip install '.[lessons]' in a checkout (from an index: pip install 'matbench-vectorization[lessons]')"
PLACES = (  # in an installed package, then in a checkout
    Path(__file__).parents[1] / "lessons",
    Path(__file__).parents[3] / "lessons",
)
LIMIT = 2**20  # bytes of a text

_NAME = re.compile(r"(\d\d)-[a-z0-9-]+")
_TITLE = re.compile(r"^# \d+\. (.+)$", re.MULTILINE)
_MINUTES = re.compile(r"^\*\*Time\*\*: (\d{1,3}) minutes", re.MULTILINE)
_BEFORE = re.compile(r"^\*\*Before this\*\*: (.+)$", re.MULTILINE)
_OBJECTIVES = re.compile(r"^\*\*Afterwards you can\*\*:?\n\n((?:- .+\n)+)", re.MULTILINE)


class Lesson(Value, frozen=True):
    """One lesson: its text, and what its head says of it."""

    number: int
    name: Name  # of its files, without the ending: '02-the-speed-test'
    title: Text
    minutes: int  # that reading and doing it takes
    before: Text  # what it takes for granted
    objectives: tuple[Text, ...]  # what its reader can do afterwards
    text: str  # the notebook as MyST Markdown


def parse_lesson(name: str, text: str) -> Lesson:
    """A lesson with its head read.

    Parameters
    ----------
    name
        Of its file, without the ending; it begins with two digits.
    text
        MyST Markdown: a title ``# 2. ..``, then lines that begin with ``**Time**:`` and ``**Before this**:``, and a
        list under ``**Afterwards you can**``.

    Raises
    ------
    RecordError
        If the name or a part of the head is missing; the sentence says which.
    """
    number = _NAME.fullmatch(name)
    parts = {
        "a title '# 2. ..'": _TITLE.search(text),
        "a line '**Time**: .. minutes'": _MINUTES.search(text),
        "a line '**Before this**: ..'": _BEFORE.search(text),
        "a list under '**Afterwards you can**'": _OBJECTIVES.search(text),
    }
    missing = [what for what, found in parts.items() if found is None]
    if number is None or missing:
        lacks = "a name that begins with two digits" if number is None else missing[0]
        raise RecordError(f"the lesson {printable(name)} lacks {lacks}; add it to its text")
    title, minutes, before, objectives = (found[1] for found in parts.values() if found is not None)
    return Lesson(
        number=int(number[1]),
        name=name,
        title=title,
        minutes=int(minutes),
        before=before.rstrip("."),
        objectives=tuple(line.removeprefix("- ").rstrip(";.") for line in objectives.splitlines()),
        text=text,
    )


def read_lessons(places: Sequence[Path] = PLACES) -> tuple[Lesson, ...]:
    """All lessons of this installation, in their order.

    Parameters
    ----------
    places
        Folders; the first that exists is read.

    Raises
    ------
    RecordError
        If there are none, or one can't be read.
    """
    folder = next((place for place in places if place.is_dir()), None)
    found = sorted(folder.glob("[0-9][0-9]-*.md")) if folder is not None else []
    if not found:
        raise RecordError("this installation has no lessons; install matbench-vectorization anew or use a checkout")
    return tuple(parse_lesson(path.stem, read_text(path, LIMIT)) for path in found)


def find_lesson(number: int, places: Sequence[Path] = PLACES) -> Lesson:
    """The lesson of that number.

    Raises
    ------
    UsageError
        If there is none; the sentence tells which there are.
    RecordError
        As `read_lessons`.
    """
    lessons = read_lessons(places)
    for lesson in lessons:
        if lesson.number == number:
            return lesson
    raise UsageError(f"no lesson {number}; there are {lessons[0].number} to {lessons[-1].number}")


def notebook_bytes(lesson: Lesson) -> bytes:
    """The lesson as a Jupyter notebook (nbformat 4.5, UTF-8 JSON), equal for equal texts.

    Raises
    ------
    UsageError
        If Jupytext, which reads the text, is not installed.
    """
    try:
        import jupytext  # noqa: PLC0415  part of an extra, and slow to import
        import nbformat  # noqa: PLC0415
    except ImportError as reason:
        raise UsageError(f"a notebook is made by Jupytext, which is not installed; type: {EXTRA}") from reason
    notebook: Any = jupytext.reads(lesson.text, fmt="md:myst")
    notebook.metadata.pop("jupytext", None)  # it says how the text is written, and this is no text any more
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"{lesson.number:02}-{place:03}"  # else at random
    text: str = nbformat.writes(notebook, version=4)
    return text.encode() + b"\n"


def write_notebook(lesson: Lesson, folder: Path, *, force: bool = False) -> Path:
    """Write the lesson's notebook into a folder; its path comes back.

    Parameters
    ----------
    lesson
        Which.
    folder
        Where; created if missing.
    force
        Whether a notebook that is there already may be overwritten.

    Raises
    ------
    UsageError
        If one is there already, or as `notebook_bytes`.
    RecordError
        If it can't be written.
    """
    path = folder / f"{lesson.name}.ipynb"
    if path.exists() and not force:
        raise UsageError(f"{printable(path)} is there already, perhaps with your answers; overwrite it with --force")
    write_bytes(path, notebook_bytes(lesson))
    return path
