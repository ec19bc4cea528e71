"""Every lesson, run as its reader would run it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from matbench.record.lessons import read_lessons

pytestmark = pytest.mark.xdist_group("measure")

ROOT = Path(__file__).parents[2]
LESSONS = read_lessons()
EACH = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
IN_A_BROWSER = (  # neither Numba nor a second process nor what only measuring needs, as in JupyterLite
    "import subprocess, sys\n"
    "for name in ('numba', 'llvmlite', 'psutil', 'archspec', 'filelock', 'platformdirs', 'typer', 'rich', 'jinja2',\n"
    "             'markupsafe', 'cloudpickle'):\n"
    "    sys.modules[name] = None\n"
    "def refuse(*_, **__): raise OSError('there are no processes here')\n"
    "subprocess.Popen = refuse"
)


def cells(folder, lesson):
    return json.loads((folder / "executed" / f"{lesson.name}.ipynb").read_text("utf-8"))["cells"]


def outputs(cell):
    """What a cell said, as one text."""
    parts = []
    for each in cell.get("outputs", ()):
        data = each.get("data", {})
        parts += each.get("text", []), data.get("text/plain", []), data.get("text/html", [])
    return "".join("".join(part) for part in parts)


def test_every_cell_runs_every_check_judges_rightly_and_every_image_is_described(lessons_built):
    assert lessons_built.code == 0, lessons_built.said


@EACH
def test_a_lesson_shows_figures_and_leaves_the_answers_to_its_reader(lessons_built, lesson):
    found = cells(lessons_built.folder, lesson)
    checks = [cell for cell in found if "check" in cell["metadata"].get("tags", ())]
    assert checks
    assert all(outputs(cell).startswith("…") for cell in checks)
    assert sum("<img" in outputs(cell) for cell in found) >= 2
    assert not any(each["output_type"] == "error" for cell in found for each in cell.get("outputs", ()))


def test_the_speed_test_tells_a_prediction_with_its_interval_and_a_factor(lessons_built):
    said = "\n".join(outputs(cell) for cell in cells(lessons_built.folder, LESSONS[1]))
    assert re.search(r"From \d+ rows of the 1000 x 1000 product: [\d.,]+ s \[[\d.,]+, [\d.,]+\]", said)
    assert re.search(r"it is predicted to be [\d,.]+× as fast as the loops, from [\d,.]+× to [\d,.]+×\.", said)


@pytest.mark.usefixtures("lessons_built")  # where something is missing, both are skipped
def test_without_numba_and_processes_every_lesson_says_so_and_goes_on(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "lessons.py"), "--before", IN_A_BROWSER]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], check=False, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    speed, reading = ("\n".join(map(outputs, cells(tmp_path, LESSONS[place]))) for place in (1, 4))
    assert "There is no ladder here" in speed
    assert "the rate of A @ B stands in for it" in speed
    assert "It can't run here: needs numba" in reading


@pytest.mark.usefixtures("lessons_built")
def test_without_numba_alone_the_ladder_has_the_rungs_that_run(tmp_path):
    absent = tmp_path / "absent" / "numba"  # for the kernel and for every process that it starts
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ModuleNotFoundError('No module named numba', name='numba')")
    command = [sys.executable, str(ROOT / "tools" / "lessons.py"), "--only", "2", "--output", str(tmp_path)]
    environ = os.environ | {"PYTHONPATH": str(absent.parent)}
    done = subprocess.run(command, check=False, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    speed = "\n".join(map(outputs, cells(tmp_path, LESSONS[1])))
    assert "Not measured here: numba_" in speed
    assert re.search(r"numpy_matmul|NumPy's @", speed)
