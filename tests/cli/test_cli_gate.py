"""``matbench gate`` as it is typed: what is asked for, what fails, and what CI sees of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from matbench.cli.gate import _named
from matbench.cli.main import main
from matbench.errors import BusyError
from matbench.measure.pairs import PairSession, PairsTold
from matbench.pairing import PairBlock, PairProcess, Refusal, Sample
from matbench.record.pairs import read_pairs

MINE = "def f(a, b, out):\n    out[...] = a @ b\n\n\ndef g(a, b, out):\n    out[...] = a @ b\n"
CLAIM = "mine.py:f is at least 10x mine.py:g at n=8"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder with a file of functions, and a home and a temporary folder of its own."""
    for name in ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    (work / "mine.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(work)
    yield work
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def ratio(monkeypatch):
    """Plays the sampling: B takes so many times as long as A, cell by cell; in turns, of several; a text refuses it."""

    def of(*ratios, count=15, out_of_time=False):
        def run(session):
            for process in range(count):
                values = []
                for cell, each in enumerate(ratios[: len(session.header.cells)]):
                    if isinstance(each, str):
                        values += [Refusal(cell, *each.split(": "))] if not process else []
                        continue
                    turn = each[process % len(each)] if isinstance(each, tuple) else each
                    times = {"a": 10**8, "c": 10**8, "b": round(turn * 10**8)}
                    arms = ("a", "c", "b", "b", "c", "a")
                    samples = tuple(Sample(arm, times[arm], times[arm], 0, 0, 0) for arm in arms)
                    values.append(PairBlock(cell, process, 0, 1, samples))
                told = (*values, PairProcess(process, seed=0))
                session._keep(told)
                yield PairsTold(told)
            session.out_of_time = out_of_time

        monkeypatch.setattr(PairSession, "run", run)

    return of


def gate(capsys, *arguments):
    code = main(["gate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def record():
    [path] = Path.cwd().glob("results/pairs/*/*.jsonl")
    return read_pairs(path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("seen", "code", "word"), [(11.0, 0, "pass"), (9.7, 1, "FAIL"), (5.0, 1, "FAIL")])
def test_a_claim_holds_or_fails(capsys, ratio, seen, code, word):
    ratio(seen)
    done, out, err = gate(capsys, "--baseline", CLAIM)
    assert done == code
    assert f"{word}  mine.py:f against mine.py:g" in out.replace("pass   ", "pass  ").replace("FAIL   ", "FAIL  ")
    assert "record: " in err
    assert record().header.settings.claim == 0.0  # a factor has no margin that was not asked for
    assert CLAIM in record().header.command


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("how", "code", "told"), [((), 0, "is in doubt"), (("--on-doubt", "fail"), 1, "is in doubt")])
def test_doubt_is_told_and_red_only_if_that_is_asked_for(capsys, ratio, how, code, told):
    ratio(9.5, count=4)
    done, out, err = gate(capsys, "--baseline", CLAIM, *how)
    assert (done, told in err) == (code, True)
    assert "doubt" in out


@pytest.mark.usefixtures("folder")
def test_doubt_may_pass_without_a_word(capsys, ratio):
    ratio(9.5, count=4)
    done, _, err = gate(capsys, "--baseline", CLAIM, "--on-doubt", "pass")
    assert (done, "warning: mine.py" in err) == (0, False)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("claim", "seen", "outcome"),
    [
        ("mine.py:f is no slower than mine.py:g at n=8", (0.97, 1.08), "pass"),
        ("mine.py:f is at least 1.5x mine.py:g at n=8", (1.3, 1.8), "doubt"),
    ],
)
def test_it_is_the_gate_that_more_time_may_decide_and_not_the_verdict(capsys, ratio, claim, seen, outcome):
    ratio(seen, out_of_time=True)
    done, out, err = gate(capsys, "--baseline", claim, "--json")
    told = json.loads(out)
    assert (done, told["rows"][0]["outcome"]) == (0, outcome)
    assert ("its one cell is undecided; --budget" in err) is (outcome == "doubt")
    assert len(told["warnings"]) == (outcome == "doubt")


@pytest.mark.usefixtures("folder")
def test_one_row_that_fails_costs_the_others_nothing(capsys, ratio):
    ratio(11.0, 5.0, "wrong: mine.py:f computes a wrong result", "skipped: mine.py:f needs avx2")
    sizes = CLAIM.replace("n=8", "n=8,9,10,11")
    done, out, _ = gate(capsys, "--baseline", sizes, "--json")
    told = json.loads(out)
    assert done == 1
    assert [row["outcome"] for row in told["rows"]] == ["pass", "fail", "fail", "none"]
    assert (told["passed"], told["margin"], told["on_doubt"]) == (False, 0.0, "warn")
    assert {row["demand"] for row in told["rows"]} == {10.0}
    assert len(record().blocks) == 30


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("outcome", "code"), [("skipped", 2), ("ended", 3), ("wrong", 1)])
def test_what_can_not_be_compared_is_no_pass(capsys, ratio, outcome, code):
    ratio(f"{outcome}: mine.py:f is off")
    assert gate(capsys, "--baseline", CLAIM)[0] == code


@pytest.mark.usefixtures("folder")
def test_a_wrong_baseline_could_not_be_tried_and_is_told(capsys, ratio):
    ratio("wrong: mine.py:g computes a wrong result: b")
    code, out, err = gate(capsys, "--baseline", CLAIM)
    assert (code, "FAIL" in out) == (2, False)
    assert "warning: mine.py:f against mine.py:g at n = 8 could not be compared: mine.py:g computes" in err


@pytest.mark.usefixtures("folder")
def test_what_fails_is_told_on_standard_error_as_well(capsys, ratio):
    ratio(5.0, "wrong: mine.py:f is off")
    _, _, err = gate(capsys, "--baseline", CLAIM.replace("n=8", "n=8,9"))
    assert "n = 8 is too slow: A is" in err
    assert "n = 9 fails: mine.py:f is off" in err


@pytest.fixture
def busy(monkeypatch):
    """Another matbench measures."""

    @contextlib.contextmanager
    def refused(**_):
        raise BusyError("another matbench is measuring on this machine; wait for its end or stop it first")
        yield

    monkeypatch.setattr("matbench.comparison.alone", refused)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ((), 0, "warning: nothing was compared"),
        (("--on-doubt", "fail"), 1, "nothing was compared"),
        (("--on-doubt", "pass"), 0, "nothing was compared"),
    ],
)
def test_beside_another_measurement_all_is_in_doubt(capsys, folder, how, code, told):
    done, out, err = gate(capsys, "--baseline", CLAIM, *how)
    assert (done, out, told in err) == (code, "", True)
    assert err.count("\n") == 1
    assert ("warning" in err) is told.startswith("warning") or how[1:] == ("fail",)
    assert not (folder / "results").exists()


@pytest.mark.usefixtures("busy", "folder")
def test_github_and_programs_are_told_of_that_doubt_too(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done, out, err = gate(capsys, "--baseline", CLAIM, "--json")
    assert (done, json.loads(out)["passed"], json.loads(out)["rows"]) == (0, True, [])
    told = "nothing was compared, so that all is in doubt: another matbench is measuring"
    assert err.startswith(f"::warning title=matbench gate::{told}")


def test_what_could_not_be_tried_at_all_leaves_no_record(capsys, folder, monkeypatch):
    def run(_):
        yield PairsTold((Refusal(0, "skipped", "mine.py:f is missing"), PairProcess(0, seed=0)))

    monkeypatch.setattr(PairSession, "run", run)
    done, out, err = gate(capsys, "--baseline", CLAIM)
    assert (done, out) == (2, "")
    assert "could not be compared: mine.py:f is missing" in err
    assert "record: " not in err
    assert not (folder / "results" / "pairs").exists()


def test_a_revision_with_a_slash_is_recorded_whole_and_a_folder_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [_named(each) for each in ("origin/main", "v1", str(tmp_path / "old"))] == ["origin/main", "v1", "old"]
    assert _named(".") == tmp_path.name


@pytest.mark.usefixtures("folder")
def test_github_shows_what_fails_beside_the_change(capsys, ratio, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ratio(5.0, 9.5)
    _, out, err = gate(capsys, "--baseline", CLAIM.replace("n=8", "n=8,9"), "--margin", "4.99%")
    [line] = [line for line in err.splitlines() if line.startswith("::error title=matbench gate::mine.py:f")]
    assert "25" in line
    assert "%" not in line.replace("%25", "")
    assert "::" not in out


def test_the_project_s_table_is_checked_where_nothing_is_named(capsys, ratio, folder):
    ratio(11.0)
    (folder / "pyproject.toml").write_text(f'[tool.matbench.gate]\nclaims = ["{CLAIM}"]\nmargin = "10%"\n')
    assert gate(capsys)[0] == 0
    assert record().header.settings.claim == 0.1


def test_a_file_of_claims_is_a_baseline(capsys, ratio, folder):
    ratio(11.0)
    (folder / "claims.toml").write_text(f'claims = ["{CLAIM}"]\n')
    assert gate(capsys, "--baseline", "claims.toml")[0] == 0


def test_a_checkout_is_compared_with_what_is_here(capsys, ratio, folder, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.py").write_text(MINE, encoding="utf-8")
    ratio(1.0, 0.8)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    done, out, _ = gate(capsys, "mine.py:f", "--baseline", str(tmp_path / "old"), "--sizes", "8,9")
    assert done == 1
    assert "pass   mine.py:f against mine.py:f@old at n = 8" in out
    assert "FAIL   mine.py:f against mine.py:f@old at n = 9" in out
    assert str(tmp_path) not in out
    header = record().header
    assert set(header.digests) == {"mine.py:f", "mine.py:f@old"}
    assert str(tmp_path) not in header.command


def test_the_margin_is_the_claim_that_verdicts_are_recorded_with(capsys, ratio, folder):
    ratio(11.0, 11.0)
    gate(capsys, "--baseline", CLAIM, "--baseline", "mine.py:f is no slower than mine.py:g at n=9")
    assert record().header.settings.claim == 0.05
    assert record().header.settings.half_width == 0.01  # a fifth of the margin is narrow enough
    del folder


def test_other_libraries_of_a_baseline_are_told_before_anything_is_measured(
    capsys, ratio, folder, tmp_path, monkeypatch
):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.py").write_text(MINE, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    others = (("numpy", "1.0", "2.0"), ("a", "1\x1b", None), ("b", "1", None), ("c", "1", None), ("d", "1", None))
    monkeypatch.setattr("matbench.gates.other_libraries", lambda *_: others)
    ratio(1.0)
    done, _, err = gate(capsys, "mine.py:f", "--baseline", str(tmp_path / "old"), "--sizes", "8")
    assert done == 0
    [line] = [line for line in err.splitlines() if "other versions" in line]
    said = "numpy 1.0 there, 2.0 here; a 1? there, none here; b 1 there, none here; and 2 more"
    assert line.startswith(f"warning: old has other versions of libraries ({said}); what is installed here serves both")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is nothing to check"),
        (("numba_ikj",), "has no baseline"),
        (("--baseline", "HEAD"), "nothing is named that is to be compared with HEAD"),
        (("--baseline", "f is better than g"), "is no claim"),
        (("--baseline", "numba_ikj rocks"), "'numba_ikj rocks' is neither a baseline nor a claim; write for"),
        (("numba_ikj", "--baseline", "ikj rocks"), "is neither a baseline nor a claim; write for example"),
        (("--baseline", "one.toml", "--baseline", "two.toml"), "are too many"),
        (("--baseline", "gone.toml"), "no such file"),
        (("numba_ikj", "--baseline", "no-such-revision"), "there is no baseline 'no-such-revision'"),
        (("numba_ikj_", "--baseline", "."), "did you mean 'numba_ikj'"),
        (("numba_x*", "--baseline", "."), "no kernel"),
        (("numba_ikj", "--baseline", "."), "has no package 'matbench'"),
        (("numba_ikj", "--baseline", ".", "--margin", "5"), "is no margin"),
        (("numba_ikj", "--baseline", ".", "--margin", ""), "--margin is empty"),
        (("numba_ikj", "--baseline", ".", "--on-doubt", "cry"), "--on-doubt 'cry' is unknown"),
        (("numba_ikj", "--baseline", ".", "--sizes", "0"), "out of range"),
        (("numba_ikj", "--baseline", ".", "--seed", "-1"), "out of range"),
        (("--baseline", "numba_ikj is no slower than numba_ijk at n=8, threads=9999"), "more than the"),
        (("--baseline", "numba_ikj is no slower than numba_ijk", "--budget", "100ms"), "too small for one process"),
    ],
)
def test_what_can_not_be_asked_for_is_told_in_a_sentence(capsys, folder, arguments, said):
    code, out, err = gate(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert not (folder / "results").exists()
