"""The gate under pytest: it times nothing unasked, fails only for what is slower, and warns where all is open."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from matbench import gates
from matbench.analyse.gate import Ruling
from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.errors import BusyError, UsageError
from matbench.gates import Question, parse_margin, ruled
from matbench.model import Problem
from matbench.pairing import Cell
from matbench.record.alone import alone

pytest_plugins = ["pytester"]

ALONE = ("-p", "matbench.pytest_plugin")  # with no other plugin: that is faster
TEST = "def test_speed(matbench_gate):\n    matbench_gate('new', 'old', n=64)\n"


def ruling(outcome):
    cell = Cell(Problem(64, 64, 64), 1, "new", "old")
    verdict = Verdict(cell, "SLOWER", "A is slower", ratio=Interval(0.8, 0.79, 0.81))
    return Ruling(verdict, 1.0, 0.05, outcome, "A is 25 % slower, and no slower than B was demanded")


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs a test of the gate whose comparison comes to `outcome`, or raises it; the questions are kept."""
    asked = []
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def of(outcome, *options, text=TEST, said=None):
        def answer(question, patience_s, remark):
            asked.append((question, patience_s))
            if said:
                remark(said)
            if isinstance(outcome, Exception):
                raise outcome
            return (ruling(outcome),)

        monkeypatch.setattr(gates, "ruled", answer)
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*ALONE, *options)

    of.asked = asked
    return of


def test_a_plain_pytest_times_nothing(run):
    done = run("fail")
    done.assert_outcomes(skipped=1)
    assert run.asked == []


def test_what_is_fast_enough_passes_and_is_told_in_the_summary(run):
    done = run("pass", "--matbench-gate")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*matbench gate*", "*::test_speed", "*pass *new against old at n = 64*"])
    [(question, patience_s)] = run.asked
    assert (question.a, question.b, question.n, question.margin) == ("new", "old", "64", None)
    assert patience_s > 0


def test_what_is_slower_fails_with_the_figures_and_without_a_traceback(run):
    done = run("fail", "--matbench-gate")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*FAIL *new against old*0.800*", "*25 % slower*"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_what_can_not_be_compared_fails(run):
    run("none", "--matbench-gate").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("how", "outcomes"),
    [("warn", {"passed": 1, "warnings": 1}), ("pass", {"passed": 1}), ("fail", {"failed": 1})],
)
def test_doubt_warns_or_does_as_it_is_told(run, how, outcomes):
    done = run("doubt", "--matbench-gate", "--matbench-on-doubt", how, "-W", "default")
    done.assert_outcomes(**outcomes)
    done.stdout.fnmatch_lines(["*matbench gate*", "*doubt *"])


def test_what_is_to_be_said_of_a_baseline_is_in_the_summary_and_turns_nothing_red(run):
    done = run("pass", "--matbench-gate", "-W", "error", said="old has other versions of libraries")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*matbench gate*", "*old has other versions of libraries*"])


def test_doubt_turns_nothing_red_where_warnings_are_errors(run):
    done = run("doubt", "--matbench-gate", "-W", "error")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*doubt *"])


BUSY = "another matbench is measuring on this machine; wait for its end or stop it first"


@pytest.mark.parametrize(
    ("how", "outcomes"),
    [("warn", {"passed": 1, "warnings": 1}), ("pass", {"passed": 1}), ("fail", {"failed": 1})],
)
def test_beside_another_measurement_all_is_in_doubt(run, how, outcomes):
    options = ("--matbench-gate", "--matbench-on-doubt", how, "--matbench-patience", "2s", "-W", "default")
    done = run(BusyError(BUSY), *options)
    done.assert_outcomes(**outcomes)
    told = "*nothing was compared, so that all is in doubt: another matbench is measuring*waited 2s for it*"
    done.stdout.fnmatch_lines(["*matbench gate*", told])
    for line in ("*Traceback*", "*During handling*"):
        done.stdout.no_fnmatch_line(line)
    assert [patience_s for _, patience_s in run.asked] == [2.0]


def test_that_doubt_too_turns_nothing_red_where_warnings_are_errors(run):
    run(BusyError(BUSY), "--matbench-gate", "-W", "error").assert_outcomes(passed=1)


def test_nobody_waits_for_ever_and_a_time_that_is_none_is_refused_before_any_test(run):
    run("pass", "--matbench-gate")
    assert [patience_s for _, patience_s in run.asked] == [600.0]
    done = run("pass", "--matbench-gate", "--matbench-patience", "soon")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--matbench-patience: 'soon' is no duration; write for example 60s*"])


def test_the_patience_is_spent_on_the_lock_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # the lock lies there
    with alone(), pytest.raises(BusyError, match="another matbench is measuring"):
        ruled(Question("numpy_matmul", "python_lists", n="8"), patience_s=0.01)


def test_the_margin_of_the_command_line_is_that_of_every_test_that_states_none(run):
    text = TEST + "    matbench_gate('new', 'old', margin=0.5)\n"
    run("pass", "--matbench-gate", "--matbench-margin", "2%", text=text).assert_outcomes(passed=1)
    assert [question.margin for question, _ in run.asked] == ["2%", 0.5]


def test_pytest_finds_the_plugin_once_the_package_is_installed():
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["entry-points"]["pytest11"] == {"matbench": ALONE[1]}


def test_loading_the_plugin_loads_nothing_of_ours():
    code = "import sys, matbench.pytest_plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "msgspec", "numba", "matbench.gates", "matbench.model"} & set(loaded)


# -- the questions -----------------------------------------------------------------------------------------------------


def same(a, b, out):
    out[...] = a @ b


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question("numpy_matmul"), "two things to compare"),
        (Question("numpy_matmul", "numpy_matmul"), "two things to compare"),
        (Question(same, same), "two things to compare"),
        (Question("numpy_matmu", "numba_ikj"), "did you mean"),
        (Question("numpy_matmul", "numba_ikj", n="0"), "out of range"),
        (Question("numpy_matmul", "numba_ikj", at_least=0), "demands nothing"),
        (Question("numpy_matmul", "numba_ikj", at_least=float("nan")), "demands nothing"),
        (Question("numpy_matmul", "numba_ikj", margin="lots"), "is no margin"),
        (Question("numpy_matmul", "numba_ikj", margin=-0.1), "out of range"),
        (Question("numpy_matmul", "numba_ikj", processes=0), "out of range"),
        (Question("numpy_matmul", "numba_ikj", baseline="v1"), "takes one arm"),
        (Question("numpy_matmul", baseline="no such thing"), "there is no baseline"),
        (Question("a is better than b"), "is no claim"),
        (Question("numba_ikj is no slower than numba_ijk", "numpy_matmul"), "nothing but the claim"),
    ],
)
def test_a_question_that_is_off_is_answered_with_a_sentence(question, said):
    with pytest.raises(UsageError, match=said):
        ruled(question)


@pytest.mark.parametrize(("typed", "margin"), [(None, 0.05), ("2 %", 0.02), (0.3, 0.3), (0, 0.0), ("0%", 0.0)])
def test_a_margin_is_typed_or_a_number(typed, margin):
    assert parse_margin(typed) == pytest.approx(margin)


@pytest.mark.parametrize(("margin", "stated"), [(None, False), ("5%", True), (0.0, True)])
def test_a_claim_gets_a_margin_only_where_one_is_stated(monkeypatch, margin, stated):
    seen = []
    monkeypatch.setattr(gates, "comparing", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(gates, "measured", lambda session: session)
    monkeypatch.setattr(gates, "rulings", lambda *_, stated: seen.append(stated) or ())
    ruled(Question("numba_ikj is at least 100x python_lists at n=8", margin=margin))
    assert seen == [stated]


@pytest.mark.xdist_group("measure")
def test_a_function_of_a_test_is_compared_for_real():
    scale = 1.0

    def mine(a, b, out):
        out[...] = scale * (a @ b)

    [found] = ruled(Question(mine, "python_lists", n="8", processes=2), patience_s=60.0)
    assert found.outcome == "doubt"  # two processes are too few for any interval
    assert found.verdict.processes + len(found.verdict.void) == 2
    assert found.verdict.cell.a.endswith("mine")


def test_of_several_sizes_all_are_told_before_one_fails(pytester, monkeypatch):
    monkeypatch.setattr(gates, "ruled", lambda *_, **__: (ruling("fail"), ruling("pass")))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(TEST)
    done = pytester.runpytest_inprocess(*ALONE, "--matbench-gate")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*matbench gate*", "*FAIL *", "*pass *"])
