"""`make lessons` finds what is wrong with a lesson: a check that does not judge, an image that is not described."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from matbench.analyse.rows import Interval
from matbench.errors import RecordError
from matbench.model import Conditions

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


def test_an_exercise_is_tried_as_it_stands_with_its_solution_with_a_wrong_answer_and_with_nonsense(tool):
    made = notebook()
    (found,) = tool.exercises(made)
    assert found.answers == {
        "exercise": "x = ...",
        "solution": "x = 1\n",
        "wrong": "x = 2",
        "nonsense": "x = 'nonsense'",
    }
    assert tool.with_trials(made, [found]) == 3
    assert [cell.source for cell in made.cells[3:]] == [
        *("x = ...", "check(x, 1)"),
        *("x = 1\n", "check(x, 1)"),
        *("x = 2", "check(x, 1)"),
        *("x = 'nonsense'", "check(x, 1)"),
    ]


@pytest.mark.parametrize("lacking", [{"wrong": None}, {"solution": "no solution"}])
def test_an_exercise_that_lacks_a_part_is_refused(tool, lacking):
    with pytest.raises(RecordError, match="lacks a check, a solution or a wrong answer"):
        tool.exercises(notebook(**lacking))


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        (["… Your turn", "✓ Right.", "✗ Not yet.", "✗ Not yet."], 0),
        (["… Your turn", "✗ Not yet.", "✗ Not yet.", "✗ Not yet."], 1),
        (["✓ Right.", "✓ Right.", "✓ Right.", ""], 3),
    ],
)
def test_a_check_that_does_not_judge_is_found(tool, said, problems):
    made = notebook()
    found = tool.exercises(made)
    for text in said:
        made.cells += [v4.new_code_cell(""), shown(text_plain=text)]
    assert len(tool.misjudged(made, found, 3)) == problems


def test_what_the_hypervisor_took_meanwhile_is_told_by_cell(tool):
    ticks = iter([(0, 0), (3, 100), (3, 100), (4, 300), (4, 300), (9, 400)])
    watch = tool.Watch(look=lambda: Conditions(**dict(zip(("steal_ticks", "total_ticks"), next(ticks), strict=True))))
    for tags in (["predict"], ["exercise"], ["real"]):
        cell = v4.new_code_cell("", metadata={"tags": tags})
        watch.begin(cell=cell, cell_index=0)
        watch.end(cell=cell, cell_index=0, execute_reply={})
        if tags == ["exercise"]:  # nobody looked after it
            next(ticks)
    assert watch.shares == {"predict": 0.03, "real": 0.05}


def test_what_the_real_thing_took_is_told_beside_its_prediction(tool, capsys):
    names = {"n": 1000, "predicted": Interval(110.0, 60.0, 200.0), "real_s": 100.0, "at": Interval(0.02, 0.01, 0.03)}
    exec(tool.OUTCOME, names | {"points": [(3, 0.3)]})  # noqa: S102  the code of a cell
    told = json.loads(capsys.readouterr().out)
    assert told["ratio"] == pytest.approx(1.1)
    assert told["inside"] is True
    assert told["predicted_s"] == {"low": 60.0, "estimate": 110.0, "high": 200.0}
    assert told["factor"] == pytest.approx(5000)


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
