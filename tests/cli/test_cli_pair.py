"""``matbench pair`` as it is typed: a real comparison of tiny cells, and what can't be asked for."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time

import pytest
from cli_driver import PATIENCE_S, finished, lines_of

from matbench.cli.main import main
from matbench.cli.pair import parse_claim
from matbench.errors import UsageError
from matbench.measure.pairs import PairSession, PairsTold
from matbench.pairing import PairProcess, Refusal
from matbench.record.pairs import read_pairs

MINE = """
import numpy as np


def good(a, b, out):
    np.matmul(a, b, out=out)


def returned(a, b):
    return a @ b


def picky(a, b, out):
    if len(a) > 16:
        raise ValueError("too large")
    np.matmul(a, b, out=out)


same = good
"""


@pytest.fixture(scope="module")
def tiny(someone, tmp_path_factory):
    """A comparison of two functions of a file at two sizes, of which one is refused."""
    user = someone.at(tmp_path_factory.mktemp("pairs"))
    (user.folder / "mine.py").write_text(MINE, encoding="utf-8")
    done = user.does("pair", "mine.py:good", "mine.py:picky", "--sizes", "8,24", "--processes", "2", "--machine", "m1")
    return user, done


def record_of(user):
    [path] = user.folder.glob("results/pairs/*/*.jsonl")
    return path


@pytest.mark.xdist_group("measure")
def test_a_row_that_can_not_be_compared_costs_neither_the_others_nor_the_record(tiny):
    user, done = tiny
    assert done.code == 1, done.err
    assert done.complaints == ["matbench: n = 24: mine.py:picky raised ValueError: too large"]
    record = read_pairs(record_of(user))
    assert record.is_complete
    assert [each.void for each in record.processes] == [None, None]
    assert {(block.cell, len(block.samples)) for block in record.blocks} == {(0, 6)}
    assert len(record.blocks) == 2 * 16
    assert record_of(user).parent.name == "m1"


@pytest.mark.xdist_group("measure")
def test_the_expected_time_comes_first_and_the_next_command_last(tiny):
    _, done = tiny
    said = done.err.splitlines()
    assert said[0].startswith("2 comparisons in 2 processes, about ")
    assert any(line.startswith("look again: matbench show --verdicts ") for line in said)


@pytest.mark.xdist_group("measure")
def test_the_verdicts_are_computed_anew_from_the_samples_to_the_last_bit(tiny):
    user, done = tiny
    again = user.does("show", "--verdicts", "m1")
    assert (again.code, again.out) == (0, done.out)
    one, two = (user.does("show", "--verdicts", "--json").out for _ in range(2))
    assert one == two
    rows = json.loads(one)["rows"]
    assert [(row["n"], row["a"], row["b"]) for row in rows] == [
        (8, "mine.py:good", "mine.py:picky"),
        (24, "mine.py:good", "mine.py:picky"),
    ]
    assert rows[1]["reason"] == "mine.py:picky raised ValueError: too large"


@pytest.mark.xdist_group("measure")
def test_no_path_gets_into_the_record(tiny):
    user, _ = tiny
    assert str(user.folder) not in record_of(user).read_text("utf-8")


@pytest.mark.xdist_group("measure")
def test_an_interrupted_comparison_goes_on_where_it_was(tiny, someone, tmp_path):
    user, _ = tiny
    lines = lines_of(record_of(user))
    first = [line for line in lines if line.get("process", 0) == 0 and line["type"] not in {"pairs-end", "refusal"}]
    user = someone.at(tmp_path)
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    path = tmp_path / "results" / "pairs" / "m1" / f"{lines[0]['id']}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in first) + '{"type":"blo', encoding="utf-8")
    (tmp_path / "mine.py").write_text(MINE + "\n", encoding="utf-8")
    assert "has changed" in user.does("pair", "mine.py:good", "mine.py:picky", "--resume").err
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    done = user.does("pair", "mine.py:good", "mine.py:picky", "--resume", "--json")
    record = read_pairs(path)
    assert record.is_complete
    assert [each.process for each in record.processes] == [0, 1]
    assert len(json.loads(done.out)["rows"]) == 2
    assert user.does("pair", "mine.py:good", "mine.py:picky", "--resume").code == 2


def complains(capsys, monkeypatch, folder, *arguments, said, code=2):
    monkeypatch.chdir(folder)
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    assert main(["pair", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("matbench: ")
    assert said in err
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "two things to compare are needed"),
        (("numba_ikj",), "two things to compare are needed"),
        (("numba_ikj", "numba_ikj"), "can't be compared with itself"),
        (("mine.py:good", "./mine.py:good"), "can't be compared with itself"),
        (("numba_ikj", "numba_ijk", "--aa"), "name one, not two"),
        (("numba_ikj", "numba_ikj_"), "did you mean 'numba_ikj'"),
        (("mine.py", "numpy_matmul"), "'mine.py' does not say which function is meant; write for"),
        (("numba_ikj", "lib/mine.py"), "write for example mine.py:multiply"),
        (("numba_ikj", "gone.py:f"), "there is no file 'gone.py'"),
        (("numba_ikj", "mine.py:"), "names no function"),
        (("numba_ikj", "numba_ijk", "--claim", "0%"), "claims nothing"),
        (("numba_ikj", "numba_ijk", "--claim", "1x"), "claims nothing"),
        (("numba_ikj", "numba_ijk", "--claim", "-2%"), "is no claim"),
        (("numba_ikj", "numba_ijk", "--claim", "99999%"), "is too large"),
        (("numba_ikj", "numba_ijk", "--budget", "100ms"), "too small for one process"),
        (("numba_ikj", "numba_ijk", "--processes", "0"), "--processes 0 is out of range"),
        (("numba_ikj", "numba_ijk", "--threads", "100000"), "are more than the"),
        (("numba_ikj", "numba_ijk", "--sizes", ""), "--sizes is empty"),
        (("numba_ikj", "numba_ijk", "--seed", "-1"), "out of range"),
        (("numba_ikj", "numba_ijk", "--resume"), "no interrupted comparison"),
        (("numba_ikj", "numba_ijk", "--resume", "--sizes", "8"), "leave out --sizes"),
        (("numba_ikj", "numba_ijk", "--machine", "../x"), "can't name a machine"),
    ],
)
def test_what_can_not_be_asked_for_is_told_in_a_sentence(capsys, monkeypatch, tmp_path, arguments, said):
    complains(capsys, monkeypatch, tmp_path, *arguments, said=said)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_could_not_be_tried_at_all_leaves_no_record(capsys, monkeypatch, tmp_path, more):
    def run(session):
        cells = range(len(session.header.cells))
        yield PairsTold((*(Refusal(each, "skipped", "mine.py:gone is missing") for each in cells), PairProcess(0, 0)))

    monkeypatch.setattr(PairSession, "run", run)
    monkeypatch.setattr("matbench.comparison.alone", lambda **_: contextlib.nullcontext())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    assert main(["pair", "mine.py:gone", "numpy_matmul", "--sizes", "8,9", *more]) == 2
    out, err = capsys.readouterr()
    assert (len(json.loads(out)["rows"]) == 2) if more else (out == "")
    assert "matbench: n = 9: mine.py:gone is missing" in err
    assert "record: " not in err
    assert not (tmp_path / "results" / "pairs").exists()


@pytest.mark.parametrize(("text", "margin"), [("2%", 0.02), ("0.5 %", 0.005), ("1.5x", 0.5), ("10x", 9.0)])
def test_a_claim_is_a_margin(text, margin):
    assert parse_claim(text) == pytest.approx(margin)


@pytest.mark.parametrize("text", ["", "2", "%", "x", "2 percent", "nan%", "1e3%", "0.5x"])
def test_what_is_no_claim_is_refused(text):
    with pytest.raises(UsageError):
        parse_claim(text)


def test_there_is_nothing_to_show_where_nothing_was_compared(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["show", "--verdicts"]) == 2
    assert "make one, for example with `matbench pair numba_ikj numba_ikj_fma`" in capsys.readouterr().err


@pytest.mark.xdist_group("measure")
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal there only")
def test_ctrl_c_keeps_the_processes_that_have_ended_and_names_the_way_on(user):
    (user.folder / "mine.py").write_text(MINE, encoding="utf-8")
    running = user.start("pair", "mine.py:good", "mine.py:returned", "--sizes", "8", "--processes", "99")
    ended = 0
    for _ in range(PATIENCE_S * 20):
        time.sleep(0.05)
        paths = list(user.folder.glob("results/pairs/*/*.jsonl"))
        ended = sum(line["type"] == "process" for path in paths for line in lines_of(path))
        if ended:
            break
    running.send_signal(signal.SIGINT)
    done = finished(running)
    assert done.code == 130, done.err
    assert "--resume" in done.err
    record = read_pairs(record_of(user))
    assert len(record.processes) >= ended > 0
    assert not record.is_complete
