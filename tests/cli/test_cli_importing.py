"""Files that were cut on their way: refused where a line is broken, told where lines are missing."""

from __future__ import annotations

import json

import pytest
from cli_driver import complains
from cli_inside import inside

from matbench.model import (
    Block,
    Case,
    Conditions,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.journal import encode_record

KERNELS = ("python_lists", "numpy_matmul")


@pytest.fixture(name="user")
def _user(user):
    return inside(user)


@pytest.fixture
def whole(user):
    """The lines of a complete record of two kernels at two sizes, at whole.jsonl."""
    problems = [Problem(n, n, n) for n in (8, 16)]
    header = Header(
        id="20200101T000000Z-aa",
        created="2020-01-01T00:00:00Z",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan(
            *("quick", "matbench run", 1, 60.0, 7, 10**6, "python_lists"),
            blocks=tuple(Block(each, tuple((name, 1) for name in KERNELS)) for each in problems),
        ),
        kernels=tuple(KernelCard(name, "a rung", "an idea") for name in KERNELS),
    )
    samples = Samples((1, 1), (10**6, 10**6 + 1), (0, 0), (0, 1))
    measurements = tuple(Measurement(Case(name, each), samples=samples) for each in problems for name in KERNELS)
    end = End(finished="2020-01-01T00:01:00Z", elapsed_s=60.0, conditions=Conditions())
    data = encode_record(Record(header, measurements=measurements, end=end))
    (user.folder / "whole.jsonl").write_bytes(data)
    return data.splitlines(keepends=True)


def cut(user, lines, more=b""):
    """A file that ends after so many lines and a part of the next."""
    (user.folder / "cut.jsonl").write_bytes(b"".join(lines) + more)


def test_a_file_that_ends_within_a_line_is_not_taken_in(user, whole):
    cut(user, whole[:4], whole[4][:30])
    complains(user.does("import", "cut.jsonl"), "line 5 of cut.jsonl is broken", "ask for the whole of it")
    assert user.records == []


def test_a_file_without_its_end_is_taken_in_with_a_warning(user, whole):
    cut(user, whole[:4])
    done = user.does("import", "cut.jsonl")
    assert done.code == 0
    assert "warning: cut.jsonl is not complete: 3 of 4 cases; ask for the whole file if there is one" in done.err
    assert len(user.records) == 1


def test_a_whole_file_is_taken_in_without_a_word(user, whole):
    done = user.does("import", "whole.jsonl")
    assert (done.code, "not complete" in done.err) == (0, False)
    assert user.records[0].read_bytes() == b"".join(whole)


def test_a_copy_that_was_cut_does_not_pass_for_another_record_whichever_comes_first(user, whole):
    cut(user, whole[:3])
    assert user.does("import", "whole.jsonl").code == 0
    complains(user.does("import", "cut.jsonl"), "that was cut short, and the longer one is there already")
    user.records[0].unlink()
    assert user.does("import", "cut.jsonl").code == 0
    complains(user.does("import", "whole.jsonl"), "is a copy of this record that was cut short; remove it")


def test_a_copy_that_was_cut_and_says_something_else_is_another_record(user, whole):
    other = json.loads(whole[1])
    other["samples"]["elapsed_ns"][0] += 1
    cut(user, [whole[0], json.dumps(other).encode() + b"\n"])
    assert user.does("import", "whole.jsonl").code == 0
    complains(user.does("import", "cut.jsonl"), "another record has the id '20200101T000000Z-aa'")


def test_only_what_lies_among_the_results_is_said_to_go_on(user, whole):
    cut(user, whole[:4])
    assert "did not reach its end (3 of 4 cases); ask for the whole file" in user.does("show", "cut.jsonl").err
    assert user.does("import", "cut.jsonl").code == 0
    for name in ("m", user.records[0]):
        said = user.does("show", name).err
        assert "did not reach its end (3 of 4 cases); matbench run --resume continues it" in said
