"""`matbench compare` of many records: the processes that read them begin early, and none outlives the command."""

from __future__ import annotations

import json
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from ctypes import c_bool
from pathlib import Path

import pytest
from compare_examples import other

from matbench.cli import compare_reading, compare_sources
from matbench.errors import UsageError
from matbench.record.listing import Wanted
from matbench.record.store import find_records, keep_record


def test_many_records_are_read_by_several_processes_in_their_order(results, told, monkeypatch):
    next(results.glob("records/quiet-heron/20251121*")).write_bytes(b"")
    keep_record(other(mark="000002", machine="third", day=24), results)
    monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", 2)
    code, out, err = told("compare", results, "--format", "json")
    assert code == 0
    assert [run["machine"] for run in json.loads(out)["runs"]] == ["quiet-heron", "loud-magpie", "third"]
    assert "is empty" in err
    assert "held against its roof" in err


class Child:
    """A process that is played; what becomes of it is told to `done`."""

    def __init__(self, done, word):
        self.done, self.word = done, word

    def terminate(self):
        self.done.append(self.word)


class Pool:
    """A pool that reads so many records, here, and then breaks; `done` is what was asked of it and of all processes."""

    def __init__(self, reads=0, error=BrokenProcessPool):
        self.reads, self.error, self.done = reads, error, []
        self.alive = [Child(self.done, "a stranger's was ended")]

    def submit(self, function, *files):
        self.done.append(function.__name__)
        future = Future()
        if not files:
            self.alive.append(Child(self.done, "ended"))
        elif self.reads <= 0:
            future.set_exception(self.error())
        else:
            self.reads -= len(*files)
            future.set_result(function(*files))
        return future

    def shutdown(self, *, wait, cancel_futures):
        assert (wait, cancel_futures) == (False, True)
        self.done.append("shutdown")

    def children(self):
        return list(self.alive)


BEGUN, ENDED = ["begun", "begun"], ["shutdown", "ended", "ended"]


@pytest.fixture
def pool(monkeypatch):
    """More than two records are read by processes that are played, on a machine with two processors."""

    def of(*arguments, kind=Pool):
        made = kind(*arguments)
        monkeypatch.setattr(compare_sources, "ProcessPoolExecutor", lambda *_, **__: made)
        monkeypatch.setattr(compare_sources, "active_children", made.children)
        return made

    monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", 2)
    monkeypatch.setattr(compare_sources, "CHUNK", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    return of


@pytest.mark.parametrize("error", [BrokenProcessPool, MemoryError])
@pytest.mark.parametrize("reads", [0, 2])
def test_where_a_process_dies_this_one_reads_the_rest_and_nothing_is_lost(results, told, pool, reads, error):
    keep_record(other(mark="000002", machine="third", day=24), results)
    made = pool(reads, error)
    code, out, err = told("compare", results, "--format", "json")
    assert code == 0, err
    assert [run["machine"] for run in json.loads(out)["runs"]] == ["quiet-heron", "quiet-heron", "loud-magpie", "third"]
    assert "warning: a process that reads records died or ran out of memory; this one goes on alone" in err
    assert made.done == [*BEGUN, *["of_files"] * 4, *ENDED]


def test_other_children_of_a_program_that_calls_it_are_left_alone(results, told, pool):
    made = pool(100)
    assert told("compare", results)[0] == 0
    assert made.done == [*BEGUN, *["of_files"] * 3, *ENDED]


class Refusing(Pool):
    """The system lets it begin one process, not two."""

    def submit(self, function, *files):
        if "begun" in self.done:
            raise self.error
        return super().submit(function, *files)


@pytest.mark.parametrize("error", [BrokenProcessPool, BlockingIOError])
def test_where_not_all_processes_can_be_begun_this_one_reads_alone_and_leaves_none(results, told, pool, error):
    made = pool(0, error, kind=Refusing)
    code, out, err = told("compare", results)
    assert code == 0, err
    assert "3 runs of 2 machines" in out
    assert made.done == ["begun", "shutdown", "ended"]


@pytest.mark.parametrize(
    ("named", "word"),
    [
        (("nowhere",), "no file, record or machine"),
        (("empty",), "no runs in empty"),
        (("--machine", "nobody*"), "no run is left"),
        (("broken.jsonl",), "is empty"),
    ],
)
def test_where_something_else_that_is_named_is_not_there_no_process_is_left(results, told, pool, named, word):
    Path("empty").mkdir()
    Path("broken.jsonl").touch()
    made = pool(100)
    code, _, err = told("compare", results, *named)
    assert code == 2
    assert word in err
    assert made.done == [*BEGUN, *([] if "--machine" in named else ["of_files"] * 3), *ENDED]


def test_where_it_is_interrupted_no_process_is_left(results, told, pool, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare_sources, "list_files", interrupted)
    made = pool(100)
    assert told("compare", results)[0] == 130
    assert made.done == [*BEGUN, *["of_files"] * 3, *ENDED]


def held_back():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())


class Deaf(Pool):
    """Whether its processes are begun with interrupts withheld."""

    def submit(self, function, *files):
        assert (signal.SIGINT in held_back()) == (not files)
        return super().submit(function, *files)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system can't withhold signals")
def test_processes_are_begun_deaf_to_interrupts_and_the_command_is_not(results, told, pool):
    before, made = held_back(), pool(100, kind=Deaf)
    assert told("compare", results)[0] == 0
    assert made.done == [*BEGUN, *["of_files"] * 3, *ENDED]
    assert held_back() == before


@pytest.mark.parametrize("named", [(), ("nowhere",)])
def test_what_changes_between_two_calls_in_one_program_is_read_anew(results, told, pool, named):
    pool(100)
    assert told("compare", results, *named)[0] == (2 if named else 0)
    path = next(results.glob("records/loud-magpie/*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{broken\n", *lines[2:]]))
    code, out, err = told("compare", results)
    assert code == 0, err
    assert "2 runs of one machine" in out


class Busy(Pool):
    """One that is still at its first records when it is to end."""

    def submit(self, function, *files):
        super().submit(function, *files)
        return Future()


def test_a_process_that_is_at_a_record_is_asked_to_stop_not_cut_off(results, told, pool, monkeypatch):
    stop = c_bool(False)
    monkeypatch.setattr("multiprocessing.context.SpawnContext.RawValue", lambda *_: stop)
    made = pool(kind=Busy)
    assert told("compare", results, "nowhere")[0] == 2
    assert made.done == [*BEGUN, *["of_files"] * 3, "shutdown"]
    assert stop.value


def test_a_process_that_is_asked_to_stop_reads_no_further_record_and_leaves_interrupts_alone(results, monkeypatch):
    stop, handled = c_bool(False), []
    monkeypatch.setattr(compare_reading, "_HEEDED", [])
    monkeypatch.setattr(signal, "signal", lambda *each: handled.append(each))
    compare_reading.heed(stop)
    files = [(path, False) for path in find_records(results)]
    assert len(compare_reading.of_files(files)) == len(files)
    stop.value = True
    assert compare_reading.of_files(files) == []
    assert handled == [(signal.SIGINT, signal.SIG_IGN)]


@pytest.mark.parametrize("named", [("--machine", "quiet*"), ("--latest",), ("all.bundle",)])
def test_processes_that_are_not_needed_after_all_are_let_go_before_anything_is_read(
    results, told, pool, monkeypatch, named
):
    assert told("export", "--bundle", "all.bundle", "--results", results)[0] == 0
    if named == ("all.bundle",):
        keep_record(other(mark="000002", machine="third", day=24), results)
    made = pool()
    for name in ("of_file", "of_record"):
        real = getattr(compare_sources, name)
        monkeypatch.setattr(compare_sources, name, lambda *a, real=real, **k: made.done.append("read") or real(*a, **k))
    assert told("compare", results, *named)[0] == 0
    done = [each for each in made.done if each != "of_files"]  # of a folder that is named whole
    assert done[:5] == [*BEGUN, *ENDED]
    assert set(done[5:]) == {"read"}


@pytest.mark.parametrize(
    ("wanted", "handed"), [(Wanted(), [*BEGUN, *["of_files"] * 3]), (Wanted(machine="quiet*"), BEGUN)]
)
def test_processes_begin_before_the_headers_are_read_and_read_what_will_be_wanted(
    results, pool, monkeypatch, wanted, handed
):
    made = pool(100)
    monkeypatch.setattr(compare_sources, "list_files", lambda paths, **_: made.done.append(len(paths)) or ((), ()))
    for most, done in ((100, [3]), (2, [*handed, 3])):
        monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", most)
        made.done.clear()
        with closing(compare_sources.Processes()) as processes, pytest.raises(UsageError, match="no runs"):
            compare_sources.named_sources([str(results)], results, wanted, processes)
        assert made.done[: len(done)] == done
        assert set(made.done[len(done) :]) <= set(ENDED)
