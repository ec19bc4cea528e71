"""The texts of the lessons: their heads, and the rules that all of them keep."""

import json
import re
from pathlib import Path

import pytest

from matbench.errors import RecordError, UsageError
from matbench.record.lessons import find_lesson, notebook_bytes, parse_lesson, read_lessons, write_notebook

LESSONS = read_lessons()
EACH = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
HEAD = """# 7. Title

**Time**: 20 minutes

**Before this**: nothing.

**Afterwards you can**:

- do this;
- do that.

"""
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def prose(lesson):
    """What stands outside of code."""
    return re.sub(r"`[^`]*`", "", CODE.sub("", lesson.text))


def code(lesson):
    return "\n".join(CODE.findall(lesson.text))


def test_the_lessons_are_numbered_from_one():
    assert [lesson.number for lesson in LESSONS] == list(range(1, len(LESSONS) + 1))
    assert len(LESSONS) == 5


def test_a_head_is_read():
    lesson = parse_lesson("07-some-name", HEAD)
    assert (lesson.number, lesson.title, lesson.minutes, lesson.before) == (7, "Title", 20, "nothing")
    assert lesson.objectives == ("do this", "do that")


@pytest.mark.parametrize(
    "part", ["# 7. Title", "**Time**: 20 minutes", "**Before this**: nothing.", "- do this;\n- do that.\n"]
)
def test_a_head_that_lacks_a_part_is_refused_by_name(part):
    with pytest.raises(RecordError, match="lacks a"):
        parse_lesson("07-some-name", HEAD.replace(part, ""))


def test_a_name_without_digits_is_refused():
    with pytest.raises(RecordError, match="two digits"):
        parse_lesson("some-name", HEAD)


def test_a_lesson_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(UsageError, match="no lesson 6; there are 1 to 5"):
        find_lesson(6)


def test_an_installation_without_lessons_says_so(tmp_path):
    with pytest.raises(RecordError, match="has no lessons"):
        read_lessons([tmp_path / "absent", tmp_path])


@EACH
def test_a_lesson_fits_into_an_hour_and_names_what_it_teaches(lesson):
    assert 10 <= lesson.minutes <= 60
    assert 3 <= len(lesson.objectives) <= 6


@EACH
def test_a_lesson_begins_with_the_cell_that_installs_what_is_missing(lesson):
    first = [CODE.search(each.text)[0] for each in (lesson, LESSONS[0])]
    assert first[0] == first[1]
    assert "tags: [setup]" in first[0]


@EACH
def test_a_lesson_predicts_measures_and_explains(lesson):
    assert {"**Predict", "**Explain"} <= set(re.findall(r"\*\*(?:Predict|Explain)", lesson.text))


@EACH
def test_a_lesson_verifies_with_a_tolerance_and_draws_seeded_numbers(lesson):
    assert "assert_allclose(" in code(lesson)
    assert "default_rng(" in code(lesson)
    assert "np.random." not in code(lesson).replace("np.random.default_rng(", "")


@EACH
def test_no_measured_figure_stands_in_the_prose(lesson):
    measured = r"\d[\d,.]*\s*(?:×|times\b|%|GFLOP|GB/s|TFLOP|(?:milli|micro|nano)?seconds?\b|m?s\b|fold)"
    allowed = {"95 %", "95 %,"}  # a convention
    assert set(re.findall(measured, prose(lesson))) <= allowed


@EACH
def test_formulas_are_written_so_that_no_script_has_to_draw_them(lesson):
    assert "$" not in prose(lesson)


@EACH
def test_links_between_lessons_lead_somewhere(lesson):
    names = {f"{each.name}.ipynb" for each in LESSONS}
    assert set(re.findall(r"\]\(([^)]+)\)", prose(lesson))) <= names


@EACH
def test_every_exercise_has_a_check_a_folded_solution_and_a_wrong_answer(lesson):
    exercises = lesson.text.count("tags: [exercise]")
    assert exercises >= 4
    assert exercises == lesson.text.count("tags: [check]") == lesson.text.count("<details><summary>Solution</summary>")
    assert exercises == len(re.findall(r'^wrong: ".+"$', lesson.text, re.MULTILINE))


def test_a_notebook_is_equal_for_equal_texts():
    pytest.importorskip("jupytext", reason="needs Jupytext; type: make tools")
    first, second = notebook_bytes(LESSONS[0]), notebook_bytes(LESSONS[0])
    assert first == second
    notebook = json.loads(first)
    assert notebook["nbformat"] == 4
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(cell.get("outputs") for cell in notebook["cells"])


def test_a_notebook_is_never_overwritten_unasked(tmp_path):
    pytest.importorskip("jupytext", reason="needs Jupytext; type: make tools")
    path = write_notebook(LESSONS[1], tmp_path)
    path.write_text("my answers")
    with pytest.raises(UsageError, match="--force"):
        write_notebook(LESSONS[1], tmp_path)
    assert path.read_text() == "my answers"
    write_notebook(LESSONS[1], tmp_path, force=True)
    assert json.loads(path.read_text())["cells"]


def test_what_is_kept_of_the_real_thing_agrees_with_itself():
    for path in (Path(__file__).parents[2] / "results" / "lessons").glob("*.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        predicted, real_s = told["predicted_s"], told["real_s"]
        assert told["ratio"] == pytest.approx(predicted["estimate"] / real_s)
        assert told["inside"] is (predicted["low"] <= real_s <= predicted["high"])
