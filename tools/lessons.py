"""What `make lessons` does: every lesson as a notebook and as a page of one static site, with every cell executed.

Each notebook is executed as a reader would run it. Behind its end, and not in the page, each exercise is tried four
times: as it stands, with the solution that the lesson gives, with the wrong answer that stands in the cell's metadata,
and with a word in place of the dots; its check has to say "your turn", "right", and twice "not yet".
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from lesson_pages import index_page, lesson_page
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell
from repository import ROOT

from matbench.analyse.doctor import steal_share
from matbench.errors import MatbenchError, RecordError
from matbench.model import Conditions
from matbench.record.conditions import read_conditions
from matbench.record.files import write_bytes, write_text
from matbench.record.here import Machine
from matbench.record.host import machine_label
from matbench.record.lessons import Lesson, notebook_bytes, read_lessons

CELL_S = 600  # s, after which a cell counts as hanging; with --really a loop runs for minutes
MARKS = {"exercise": "…", "solution": "✓", "wrong": "✗", "nonsense": "✗"}
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WATCHED = ("predict", "real")  # tags of the cells whose stolen time is kept with what the real thing took
OUTCOME = """
import json
print(json.dumps({
    "n": n,
    "predicted_s": {"low": predicted.low, "estimate": predicted.estimate, "high": predicted.high},
    "rows": points,
    "real_s": real_s,
    "ratio": predicted.estimate / real_s,
    "inside": predicted.low <= real_s <= predicted.high,
    "product_s": {"low": at.low, "estimate": at.estimate, "high": at.high},
    "factor": real_s / at.estimate,
}))
"""


@dataclass(frozen=True)
class Exercise:
    """The source of an exercise's cells, and the answers that it is tried with."""

    place: int  # of its cell in the notebook
    answers: dict[str, str]  # 'exercise' as it stands, 'solution', 'wrong', 'nonsense'
    check: str


@dataclass(frozen=True)
class Built:
    """A lesson's notebook with all outputs, and the problems that came up."""

    lesson: Lesson
    notebook: Any
    seconds: float
    problems: tuple[str, ...]
    outcome: dict[str, Any] = field(default_factory=dict)  # what the real thing took, where it was asked for


@dataclass
class Watch:
    """What the hypervisor takes from the processors while cells of interest run, as shares of their time."""

    look: Callable[[], Conditions] = read_conditions
    shares: dict[str, float | None] = field(default_factory=dict)  # by tag; None where the system does not tell
    before: Conditions = field(default_factory=Conditions)

    def begin(self, **_: Any) -> None:
        """Look before a cell; nbclient calls it."""
        self.before = self.look()

    def end(self, cell: Any, **_: Any) -> None:
        """Look after a cell; nbclient calls it."""
        for tag in WATCHED:
            if has_tag(cell, tag):
                self.shares[tag] = steal_share(self.before, self.look())


def has_tag(cell: Any, tag: str) -> bool:
    """Whether a cell of a notebook carries a tag."""
    return tag in cell.metadata.get("tags", ())


def exercises(notebook: Any) -> list[Exercise]:
    """The exercises of a notebook, in their order.

    Raises
    ------
    RecordError
        If one has no check, no solution or no wrong answer.
    """
    found = []
    for place, cell in enumerate(notebook.cells):
        if not has_tag(cell, "exercise"):
            continue
        check = next((each for each in notebook.cells[place + 1 :] if has_tag(each, "check")), None)
        after = (each.source for each in notebook.cells[place + 1 :] if "<details>" in each.source)
        solution = FENCE.search(next(after, ""))
        wrong = cell.metadata.get("wrong")
        if check is None or solution is None or wrong is None:
            raise RecordError(f"the exercise in cell {place} lacks a check, a solution or a wrong answer; add it")
        nonsense = cell.source.replace("...", "'nonsense'")  # of no type that can be right: no check may fail on it
        answers = {"exercise": cell.source, "solution": solution[1], "wrong": wrong, "nonsense": nonsense}
        found.append(Exercise(place, answers, check.source))
    return found


def with_trials(notebook: Any, found: list[Exercise]) -> int:
    """Append the trials of all exercises; how many cells the notebook had before comes back."""
    before = len(notebook.cells)
    for each in found:
        for answer in each.answers.values():
            notebook.cells += [new_code_cell(answer), new_code_cell(each.check)]
    return before


def said(cell: Any) -> str:
    """What a cell's last expression is, as text; empty where it has none."""
    results = [output for output in cell.outputs if output.output_type == "execute_result"]
    return results[-1].data.get("text/plain", "") if results else ""


def misjudged(notebook: Any, found: list[Exercise], before: int) -> list[str]:
    """The trials that came out otherwise than they should, a sentence each."""
    problems = []
    checks = iter(notebook.cells[before + 1 :: 2])
    for number, each in enumerate(found, 1):
        for kind in each.answers:
            text = said(next(checks))
            if not text.startswith(MARKS[kind]):
                problems.append(f"exercise {number}: the check of the {kind} says {text!r}")
    return problems


def undescribed(notebook: Any) -> list[str]:
    """Images that have no alternative text, a sentence each."""
    problems = []
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            html = data.get("text/html", "")
            bare = [kind for kind in data if kind.startswith("image/") and "text/html" not in data]
            if bare or any('alt=""' in tag or "alt=" not in tag for tag in re.findall(r"<img[^>]*>", html)):
                problems.append(f"cell {place} shows an image without alternative text")
    return problems


def execute(notebook: Any, folder: Path, watch: Watch) -> None:
    """Run all cells of a notebook in a fresh kernel of this very Python, some of them under watch.

    Raises
    ------
    RecordError
        If a cell fails; the sentence holds the end of what it said.
    """
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel that someone left in their home is not ours
    client = NotebookClient(
        notebook,
        timeout=CELL_S,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # it warns of TCP on the loopback
        resources={"metadata": {"path": folder}},
        on_cell_execute=watch.begin,
        on_cell_executed=watch.end,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise RecordError(f"a cell fails: {str(error).strip()[-1500:]}") from error


def build(lesson: Lesson, *, really: bool, before: str = "") -> Built:
    """Execute a lesson and try its exercises.

    Parameters
    ----------
    lesson
        Which.
    really
        Whether the speed test's loops really multiply two 1000 x 1000 matrices.
    before
        Code that is run before the first cell.
    """
    notebook: Any = nbformat.reads(notebook_bytes(lesson).decode(), as_version=4)
    for cell in notebook.cells:
        if really and has_tag(cell, "really"):
            cell.source = cell.source.replace("False", "True")
    found = exercises(notebook)
    is_real = really and any(has_tag(cell, "really") for cell in notebook.cells)
    count = with_trials(notebook, found)
    if is_real:
        notebook.cells.append(new_code_cell(OUTCOME))
    notebook.cells.insert(0, new_code_cell(before))
    start, watch = time.perf_counter(), Watch()
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder), watch)
    seconds = time.perf_counter() - start
    del notebook.cells[0]
    outcome = json.loads(notebook.cells.pop().outputs[0].text) | {"steal": watch.shares} if is_real else {}
    problems = misjudged(notebook, found, count) + undescribed(notebook)
    del notebook.cells[count:]
    return Built(lesson, notebook, seconds, tuple(problems), outcome)


def keep(outcome: dict[str, Any]) -> Path:
    """File what the real thing took under results/lessons; the file's path comes back."""
    machine = Machine()
    now = datetime.now(UTC)
    told = {
        "lesson": "02-the-speed-test",
        "created": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": machine_label(machine.host),
        "cpu": machine.host.cpu.brand,
        "processors": machine.processors,
        "python": machine.environment.python,
        "numpy": machine.environment.packages.get("numpy", "unknown"),
        "command": 'make lessons ARGS="--only 2 --really"',
        **outcome,
    }
    path = ROOT / "results" / "lessons" / f"{now:%Y%m%dT%H%M%SZ}-{told['machine']}.json"
    write_text(path, json.dumps(told, indent=1) + "\n")
    return path


def main() -> int:
    """Build all lessons, or those asked for; 1 if one of them has a problem."""
    parser = argparse.ArgumentParser(description="build the lessons as notebooks and as one static site")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lessons", help="folder of what is built")
    parser.add_argument("--only", metavar="N,..", default="", help="only these lessons")
    parser.add_argument("--really", action="store_true", help="multiply the 1000 x 1000 matrices with loops: minutes")
    parser.add_argument("--before", default="", metavar="CODE", help="code to run before each first cell")
    asked = parser.parse_args()
    try:
        return make(asked)
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        return reason.exit_code


def make(asked: argparse.Namespace) -> int:
    """Do what was asked for; 1 if a lesson has a problem."""
    wanted = {int(each) for each in asked.only.split(",") if each}
    lessons, bad = read_lessons(), False
    for lesson in lessons:
        if wanted and lesson.number not in wanted:
            continue
        write_bytes(asked.output / "notebooks" / f"{lesson.name}.ipynb", notebook_bytes(lesson))
        try:
            built = build(lesson, really=asked.really, before=asked.before)
        except RecordError as reason:
            print(f"{lesson.name}: {reason}", file=sys.stderr)
            bad = True
            continue
        write_text(asked.output / "executed" / f"{lesson.name}.ipynb", nbformat.writes(built.notebook) + "\n")
        write_text(asked.output / "site" / f"{lesson.name}.html", lesson_page(built.notebook, lesson, lessons))
        for problem in built.problems:
            print(f"{lesson.name}: {problem}", file=sys.stderr)
        bad = bad or bool(built.problems)
        if built.outcome:
            print(f"what it took is kept in {keep(built.outcome).relative_to(ROOT)}", file=sys.stderr)
        print(f"{lesson.name}: {built.seconds:.0f} s", file=sys.stderr)
    write_text(asked.output / "site" / "index.html", index_page(lessons))
    print(f"the site begins at {asked.output / 'site' / 'index.html'}", file=sys.stderr)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
