"""`make lessons` finds what is wrong with a lesson: a check that does not judge, an image that is not described."""

import importlib
import sys
from pathlib import Path

import pytest

from matbench.errors import RecordError

nbformat = pytest.importorskip("nbformat", reason="needs nbformat; type: make tools")
pytest.importorskip("nbclient", reason="needs nbclient; type: make tools")
pytest.importorskip("nbconvert", reason="needs nbconvert; type: make tools")
v4 = nbformat.v4

SOLUTION = "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>"


@pytest.fixture(scope="module")
def tool():
    """The module of `make lessons`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
        yield importlib.import_module("lessons")
        for name in ("lessons", "lesson_pages", "repository"):
            sys.modules.pop(name, None)


def notebook(wrong="x = 2", solution=SOLUTION):
    exercise = v4.new_code_cell("x = ...", metadata={"tags": ["exercise"], "wrong": wrong})
    check = v4.new_code_cell("check(x, 1)", metadata={"tags": ["check"]})
    return v4.new_notebook(cells=[exercise, check, v4.new_markdown_cell(solution)])


def shown(**data):
    """A cell whose last expression is shown so."""
    return v4.new_code_cell(
        "", outputs=[v4.new_output("execute_result", data={k.replace("_", "/"): v for k, v in data.items()})]
    )


def test_an_exercise_is_tried_as_it_stands_with_its_solution_and_with_a_wrong_answer(tool):
    made = notebook()
    (found,) = tool.exercises(made)
    assert found.answers == {"exercise": "x = ...", "solution": "x = 1\n", "wrong": "x = 2"}
    assert tool.with_trials(made, [found]) == 3
    assert [cell.source for cell in made.cells[3:]] == [
        *("x = ...", "check(x, 1)"),
        *("x = 1\n", "check(x, 1)"),
        *("x = 2", "check(x, 1)"),
    ]


@pytest.mark.parametrize("lacking", [{"wrong": None}, {"solution": "no solution"}])
def test_an_exercise_that_lacks_a_part_is_refused(tool, lacking):
    with pytest.raises(RecordError, match="lacks a check, a solution or a wrong answer"):
        tool.exercises(notebook(**lacking))


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        (["… Your turn", "✓ Right.", "✗ Not yet."], 0),
        (["… Your turn", "✗ Not yet.", "✗ Not yet."], 1),
        (["✓ Right.", "✓ Right.", "✓ Right."], 2),
    ],
)
def test_a_check_that_does_not_judge_is_found(tool, said, problems):
    made = notebook()
    found = tool.exercises(made)
    for text in said:
        made.cells += [v4.new_code_cell(""), shown(text_plain=text)]
    assert len(tool.misjudged(made, found, 3)) == problems


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ({"text_html": '<img alt="a circle" src="data:">', "text_plain": "x"}, 0),
        ({"text_html": '<img alt="" src="data:">'}, 1),
        ({"text_html": '<img src="data:">'}, 1),
        ({"image_png": "aGVsbG8=", "text_plain": "<Figure>"}, 1),
        ({"text_plain": "3"}, 0),
    ],
)
def test_an_image_without_a_description_is_found(tool, data, problems):
    assert len(tool.undescribed(v4.new_notebook(cells=[shown(**data)]))) == problems


def test_a_page_leaves_out_what_installs_and_leads_to_pages(tool):
    setup = v4.new_code_cell("%pip install", metadata={"tags": ["setup"]})
    made = v4.new_notebook(cells=[setup, v4.new_markdown_cell("# Title\n\n[next](02-the-speed-test.ipynb)")])
    lessons = tool.read_lessons()
    page = tool.lesson_page(made, lessons[0], lessons)
    assert "%pip" not in page
    assert 'href="02-the-speed-test.html"' in page
    assert ".ipynb" not in page
