"""A run that ends early, what goes on with it, and what is announced of it; no process is started."""

from __future__ import annotations

import contextlib

import pytest
from cli_inside import inside

from matbench.cli import attribution as credit
from matbench.cli import running
from matbench.errors import IncompleteError, RecordError
from matbench.kernels.jit import numba_missing
from matbench.measure.child import OverrunError
from matbench.measure.plan import cases_of
from matbench.measure.session import Session
from matbench.model import Measurement, Samples
from matbench.record.here import Machine
from matbench.record.store import read_record

ASKED = ("run", "--kernels", "python_lists,numpy_matmul", "--sizes", "8,16", "--threads", "1", "--budget", "20s")
TOO_LARGE = ("run", "--kernels", "numpy_matmul,numpy_einsum", "--sizes", "64,8192", "--threads", "1,2")
REASON = "ended early: something in sampling process 2 of 6 failed before its first block; free memory"
KEPT = "what was measured is kept in its record, and --resume goes on with it"
RUN = Session.run

needs_numba = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


class Small(Machine):
    """This machine with little memory and two processors."""

    memory_bytes = 2**28
    processors = 2


class Dying:
    """A sampling process that dies before it says a word."""

    def message(self, *_):
        raise OverrunError("took the sampling process down with it (exit code 1)")

    def end(self):
        pass


def refused(*_):
    raise OSError(12, "Cannot allocate memory")


def ending(processes, cases=None):
    """What stands for a session's run: it ends early once so many processes have sampled so many cases."""

    def run(session):
        for process in range(processes):
            for case in [each for block in session.blocks for each in cases_of(block)][:cases]:
                yield Measurement(case=case, samples=Samples((1, 1), (5000, 5100), (process,) * 2, (0, 1)))
        raise IncompleteError(REASON)

    return run


@pytest.fixture
def runner(user, monkeypatch):
    """Somebody whose runs end early, after one process; a real run is not in the way."""
    for each in (running, credit):
        monkeypatch.setattr(each, "alone", contextlib.nullcontext)
    monkeypatch.setattr(Session, "run", ending(1))
    return inside(user)


def test_a_run_that_ends_early_tells_what_it_has_and_how_to_go_on(runner):
    done = runner.does(*ASKED)
    assert (done.code, done.complaints) == (3, [f"matbench: the run {REASON}; {KEPT}"])
    assert "| numpy_matmul |" in done.out


@pytest.mark.parametrize("child", [lambda *_: Dying(), refused], ids=["it dies", "it is refused"])
def test_so_does_one_that_goes_on_and_whose_first_process_can_not_be_started(runner, monkeypatch, child):
    runner.does(*ASKED)
    (path,) = runner.records
    before = path.read_bytes()
    monkeypatch.setattr(Session, "run", RUN)
    monkeypatch.setattr(running, "Session", lambda **given: Session(**{**given, "child": child}))
    done = runner.does("run", "--resume")
    assert done.code == 3, done.err
    (complaint,) = done.complaints
    assert complaint.startswith("matbench: the run ended early: ")
    assert "could not " in complaint
    assert complaint.endswith(f"; {KEPT}")
    assert "| numpy_matmul |" in done.out
    assert path.read_bytes() == before


@pytest.mark.parametrize("child", [lambda *_: Dying(), refused], ids=["it dies", "it is refused"])
def test_of_a_run_that_has_no_samples_nothing_is_said_to_be_kept(runner, monkeypatch, child):
    monkeypatch.setattr(running, "Machine", Small)
    monkeypatch.setattr(Session, "run", RUN)
    monkeypatch.setattr(running, "Session", lambda **given: Session(**{**given, "child": child}))
    begun, resumed = runner.does(*TOO_LARGE), runner.does("run", "--resume")
    (path,) = runner.records
    assert {each.outcome for each in read_record(path).measurements} == {"skipped"}  # what memory can't hold
    assert (begun.code, resumed.code) == (4, 4), begun.err + resumed.err
    assert "kept" not in begun.err + resumed.err


def test_nor_of_one_whose_processes_have_only_been_ended(runner, monkeypatch):
    def run(session):
        yield Measurement(cases_of(session.blocks[0])[0], "ended", "it hung")
        raise IncompleteError(REASON)

    monkeypatch.setattr(Session, "run", run)
    done = runner.does(*ASKED)
    goes_on = "its record holds no sample yet, and --resume goes on with it"
    assert (done.code, done.complaints) == (3, [f"matbench: the run {REASON}; {goes_on}"])


@needs_numba
@pytest.mark.parametrize(("cases", "is_told"), [(None, True), (40, False)])
def test_an_attribution_that_ends_early_tells_what_it_can_and_how_to_go_on(runner, monkeypatch, cases, is_told):
    monkeypatch.setattr(Session, "run", ending(2, cases))
    done = runner.does("explain", "--attribution", "--n", "8", "--results", "mine")
    assert done.code == 3, done.err
    (complaint,) = done.complaints
    goes_on = "matbench explain --attribution --resume --results mine goes on with it"
    assert complaint == f"matbench: the run {REASON}; what was measured is kept in its record, and {goes_on}"
    assert ("loop order" in done.out) == is_told


@needs_numba
def test_an_attribution_whose_record_can_not_be_read_says_so(runner, monkeypatch):
    def unreadable(path):
        raise RecordError(f"{path.name} is no record")

    monkeypatch.setattr(credit, "read_record", unreadable)
    done = runner.does("explain", "--attribution", "--n", "8")
    assert done.code == 2, done.err
    assert "is no record" in done.err


def test_what_is_announced_is_what_a_run_asks_its_processes_for(runner, monkeypatch):
    asked = []

    def run(session):
        asked.append(session)
        yield from ending(1)(session)

    monkeypatch.setattr(running, "Machine", Small)
    monkeypatch.setattr(Session, "run", run)
    dry, wet = runner.does(*TOO_LARGE, "--dry-run"), runner.does(*TOO_LARGE)
    (session,) = asked
    announced = wet.err.splitlines()[0]
    assert dry.err.splitlines()[0] == announced
    assert announced.startswith(f"standard: {sum(len(each.arms) for each in session.blocks)} cases on 1 problems")
    assert [block.problem.n for block in session.blocks] == [64]
    (path,) = runner.records
    record = read_record(path)
    assert record.header.plan.blocks == session.blocks
    left_out = [each for each in record.measurements if each.outcome == "skipped"]
    assert {(each.case.problem.n, each.bytes_allowed) for each in left_out} == {(8192, Small.memory_bytes)}
    assert all("256 MiB may be used" in each.reason for each in left_out)
    assert "left out: n = 8192" in dry.out


def test_so_it_is_of_a_run_that_goes_on_and_what_no_longer_fits_is_told(runner, monkeypatch):
    monkeypatch.setattr(running, "Machine", Small)
    runner.does(*(each.replace("8192", "512") for each in TOO_LARGE))

    class Smaller(Small):
        memory_bytes = 2**22

    monkeypatch.setattr(running, "Machine", Smaller)
    dry, wet = runner.does("run", "--resume", "--dry-run"), runner.does("run", "--resume")
    assert (dry.code, wet.code) == (0, 3), dry.err + wet.err
    assert dry.err.splitlines()[0] == wet.err.splitlines()[0]
    (path,) = runner.records
    skipped = [line for line in path.read_text().splitlines() if '"skipped"' in line]
    assert skipped
    assert all("4 MiB may be used" in line for line in skipped)
