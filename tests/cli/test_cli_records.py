"""What is stored, listed and filtered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_driver import User, complains, finished
from cli_inside import inside

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "fleet.py"


@pytest.fixture(name="user")
def _user(user) -> User:
    return inside(user)


@pytest.fixture(scope="module")
def many(someone, tmp_path_factory) -> User:
    """Somebody with results of twelve synthetic machines; not to be written to."""
    user = someone.at(tmp_path_factory.mktemp("many"))
    made = finished(user.python(TOOL, "results", "--machines", "12", "--measurements", "20"))
    assert made.code == 0, made.err
    return inside(user)


def listed(user: User, *options: str) -> list[dict[str, object]]:
    done = user.does("records", "--json", *options)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_every_record_is_a_row_from_old_to_new(many):
    done = many.does("records")
    rows = done.out.splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == sorted(path.stem for path in many.records)
    assert all("synthetic" in row and "complete" in row for row in rows)
    assert "12 of 12" in done.err


def test_programs_get_one_object_a_record(many):
    first, *rest = listed(many)
    assert len(rest) == 11
    assert first["kind"] == "run"
    assert first["what"] == "synthetic"
    assert first["cases"] == 20
    assert first["complete"] is True
    path = many.folder / "results" / first["path"]
    assert path.stat().st_size == first["bytes"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--machine", "synthetic-0000?"), 10),
        (("--machine", "SYNTHETIC-00011"), 1),
        (("--kernel", "numba_*"), 12),
        (("--preset", "synthetic"), 12),
        (("--machine", "*", "--cpu", "no. 11"), 1),
    ],
)
def test_options_narrow_the_list(many, options, count):
    assert len(listed(many, *options)) == count


def test_words_of_the_processor_stand_in_any_order_and_case(many):
    wide = listed(many, "--cpu", "WIDE synthetic")
    assert 0 < len(wide) < 12
    assert all("wide" in each["cpu"] for each in wide)


@pytest.mark.parametrize("options", [("--preset", "full"), ("--machine", "nobody"), ("--kernel", "x"), ("--cpu", "q")])
def test_where_nothing_is_like_that_it_is_said(many, options):
    complains(many.does("records", *options), "none of 12 records of 12 machines is like that")


def test_without_any_record_the_remedy_is_to_run(user):
    complains(user.does("records"), "run `matbench run` first")


def test_what_can_not_be_read_is_told_and_the_rest_is_listed(many, user):
    folder = user.folder / "results" / "records" / "m"
    folder.mkdir(parents=True)
    (folder / "good.jsonl").write_bytes(many.records[0].read_bytes())
    for number in range(7):
        (folder / f"bad{number}.jsonl").write_text("{")
    whole = many.records[1].read_bytes()
    (folder / "cut.jsonl").write_bytes(whole[: len(whole) - 20])
    done = user.does("records")
    assert done.code == 0
    assert [row.split("|")[-2].strip() for row in done.out.splitlines()[2:]] == ["complete", "not complete"]
    assert done.err.count("is no record of matbench") == 5
    assert "2 more files can't be read" in done.err


def test_control_characters_of_a_stranger_do_not_reach_the_terminal(many, user):
    folder = user.folder / "results" / "records" / "m"
    folder.mkdir(parents=True)
    first, *rest = many.records[0].read_text().splitlines()
    header = json.loads(first)
    header["host"]["cpu"]["brand"] = "evil\x1b[2J|\n\u202e"
    (folder / "x.jsonl").write_text("\n".join([json.dumps(header), *rest]))
    done = user.does("records")
    assert done.code == 0
    assert not {"\x1b", "\u202e"} & set(done.out + done.err)
    assert len(done.out.splitlines()) == 3


# -- the machines that do not exist ------------------------------------------------------------------------------------


def test_synthetic_machines_are_marked_and_plausible(many):
    done = many.does("validate", "results")
    assert done.code == 0, done.out
    for each in listed(many):
        assert each["machine"].startswith("synthetic-")
        assert each["what"] == "synthetic"
        assert each["cpu"].startswith("Synthetic ")


def test_the_same_seed_makes_the_same_machines(many, user):
    assert finished(user.python(TOOL, "results", "--machines", "2", "--measurements", "20")).code == 0
    assert [path.read_bytes() for path in user.records] == [path.read_bytes() for path in many.records[:2]]


@pytest.mark.parametrize(
    ("folder", "words"), [(ROOT / "results" / "made-up", "is for machines that exist"), (".", "there is something in")]
)
def test_synthetic_machines_go_nowhere_near_real_ones(user, folder, words):
    (user.folder / "mine").write_text("mine")
    done = finished(user.python(TOOL, folder))
    assert done.code == 2
    assert words in done.err
    assert user.files == ["mine"]
    assert not (ROOT / "results" / "made-up").exists()
