"""Writing records so that neither a kill, nor a full disk, nor a second run harms them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from io import BytesIO

import pytest
from store_examples import END, FAST, ID, SLOW, header, placed, record, samples, started, written

from matbench.errors import InternalError, RecordError
from matbench.model import Ceiling, Measurement, Samples
from matbench.record.journal import Journal, compact, encode_lines, encode_record
from matbench.record.reading import LINE_LIMIT, read_record, record_from_lines
from matbench.record.tree import leaves


def synchronised(_descriptor: int) -> None:
    """A disk that needs no time."""


def test_a_journal_lies_where_its_header_says_and_leaves_no_other_file(tmp_path):
    path = written(tmp_path / "deep" / "results")
    assert path == tmp_path / "deep/results/records/icelake-2cpu-3f9a1c" / f"{ID}.jsonl"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_every_value_is_in_the_file_as_soon_as_it_is_appended(tmp_path):
    with Journal.create(tmp_path, header()) as journal:
        for elapsed in range(1, 4):
            journal.append(Measurement(FAST, samples=samples(elapsed)))
            assert read_record(journal.path).measurements[0].samples.elapsed_ns == tuple(range(1, elapsed + 1))


def test_finishing_leaves_one_line_a_case_and_every_sample(tmp_path):
    journal = Journal.create(tmp_path, header())
    expected = record()
    journal.append(expected.ceilings[0])
    for part in range(3):
        fast = expected.measurements[0].samples
        piece = Samples(
            *(column[part : part + 1] for column in (fast.loops, fast.elapsed_ns, fast.process, fast.round))
        )
        extra = {"first_call_ns": 90_000, "error": 0.1} if part == 0 else {}
        journal.append(Measurement(FAST, samples=piece, **extra))
    journal.append(expected.measurements[1])
    journal.finish(END)
    assert read_record(journal.path) == expected
    assert journal.path.read_bytes() == encode_record(expected)
    assert [each.name for each in journal.path.parent.iterdir()] == [journal.path.name]


def test_a_record_that_exists_is_never_begun_anew(tmp_path):
    path = written(tmp_path)
    before = path.read_bytes()
    with pytest.raises(RecordError, match="already has that name"):
        Journal.create(tmp_path, header())
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "nul", "x" * 61, "a\n"])
def test_a_record_can_not_be_placed_elsewhere(tmp_path, name):
    with pytest.raises(RecordError, match="can't be a file name"):
        Journal.create(tmp_path, header(machine=name))
    with pytest.raises(RecordError, match="can't be a file name"):
        Journal.create(tmp_path, header(record_id=name))
    assert not list(tmp_path.iterdir())


def test_a_closed_journal_takes_no_more(tmp_path):
    journal = Journal.create(tmp_path, header())
    journal.close()
    journal.close()
    with pytest.raises(RecordError, match="is closed"):
        journal.append(Measurement(SLOW))


def test_what_the_reader_would_refuse_is_never_written(tmp_path):
    with Journal.create(tmp_path, header()) as journal:
        for value in (
            Measurement(SLOW, reason="x" * 2001),
            Measurement(SLOW, reason="\ud800"),
            Measurement(SLOW, error=-1.0),
            Measurement(SLOW, samples=Samples((1,), (0,), (0,), (0,))),
        ):
            with pytest.raises(InternalError, match="report this"):
                journal.append(value)
        journal.append(Measurement(SLOW, outcome="wrong", reason="it is infinite", error=float("inf")))
    (measurement,) = read_record(journal.path).measurements
    assert (measurement.outcome, measurement.error) == ("wrong", None)


def test_more_samples_than_a_line_holds_are_kept_on_several():
    count = 25_000
    many = Samples(*((2**40,) * count, tuple(range(2**61, 2**61 + count)), (2**62,) * count, tuple(range(count))))
    values = (Measurement(FAST, samples=many, error=0.5), Ceiling("read", "float64", 1, 1, 8, samples=many, reason="r"))
    for value in values:
        lines = encode_lines(value).splitlines(keepends=True)
        assert len(lines) == 3
        assert max(map(len, lines)) <= LINE_LIMIT
        found = record_from_lines(BytesIO(encode_lines(header()) + b"".join(lines)), "x")
        assert (*found.measurements, *found.ceilings) == (value,)


def test_a_header_that_no_line_holds_is_refused(tmp_path):
    packages = {f"package-{number}": "v" * 2000 for number in range(600)}
    environment = type(header().environment)(packages=packages)
    with pytest.raises(InternalError, match="longer than 1 MiB"):
        Journal.create(tmp_path, header(environment=environment))


def test_a_reopened_journal_continues_the_record(tmp_path):
    path = written(tmp_path)
    with Journal.reopen(path) as journal:
        journal.append(Measurement(FAST, samples=samples(12, process=1)))
        journal.finish(END)
    found = read_record(path)
    assert found.measurements[0].samples.elapsed_ns == (10, 11, 12)
    assert found.is_complete


def test_a_complete_record_is_not_reopened(tmp_path):
    path = placed(tmp_path, encode_record(record()))
    with pytest.raises(RecordError, match="is complete"):
        Journal.reopen(path)
    assert path.read_bytes() == encode_record(record())


@pytest.mark.parametrize("broken", [b'{"type":"measurement","ca', b"\0" * 100, b'{"type":"end"}\n', b"\n"])
def test_reopening_keeps_a_broken_last_line_beside_the_record(tmp_path, broken):
    path = written(tmp_path)
    whole = path.read_bytes()
    aside = path.with_name(path.name + ".broken")
    for _ in range(2):
        with path.open("ab") as stream:
            stream.write(broken)
        assert read_record(path).warnings
        with Journal.reopen(path):
            assert path.read_bytes() == whole
    assert aside.read_bytes() == broken * 2
    assert [leaf.path for leaf in leaves(tmp_path)] == [path]  # what validate looks at


def test_reopening_ends_a_line_that_lacks_only_its_end(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    for cut in (whole.index(b"\n"), len(whole) - 1):
        path.write_bytes(whole[:cut])
        with Journal.reopen(path) as journal:
            journal.append(Measurement(SLOW, samples=samples(9)))
        found = read_record(path)
        assert not found.warnings
        assert found.measurements[-1].case == SLOW
        assert not path.with_name(path.name + ".broken").exists()


def test_reopening_at_every_truncation_keeps_all_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", synchronised)  # a thousand of them would take long
    whole = b"".join(map(encode_lines, (header(), *record().measurements)))
    lines = whole.splitlines(keepends=True)
    for cut in range(len(lines[0]) - 1, len(whole)):
        path = placed(tmp_path, whole[:cut])
        with Journal.reopen(path) as journal:
            journal.append(Measurement(SLOW, samples=samples(9)))
        kept = whole[: cut + 1].count(b"\n")
        assert path.read_bytes() == b"".join(lines[:kept]) + encode_lines(Measurement(SLOW, samples=samples(9)))
        path.with_name(path.name + ".broken").unlink(missing_ok=True)


def test_a_record_with_a_broken_last_line_is_not_shortened(tmp_path):
    path = placed(tmp_path, encode_lines(header()) + b"{")
    with pytest.raises(RecordError, match="broken last line"):
        compact(path)
    assert path.read_bytes().endswith(b"{")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_run_leaves_all_whole_lines_and_can_be_resumed(tmp_path):
    script = """
        with Journal.create(results, header()) as journal:
            for number in range(1, 10**9):
                journal.append(Measurement(FAST, samples=samples(number)))
                print(number, flush=True)
    """
    process = started(script, tmp_path)
    told = [int(process.stdout.readline()) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.communicate(timeout=60)[0].splitlines() if line]
    (path,) = tmp_path.rglob("*.jsonl")
    kept = read_record(path).measurements[0].samples.elapsed_ns
    assert kept == tuple(range(1, len(kept) + 1))
    assert len(kept) >= told[-1]  # what was said to be stored is stored
    with Journal.reopen(path) as journal:
        journal.append(Measurement(FAST, samples=samples(1)))
        journal.finish(END)
    assert read_record(path).measurements[0].samples.elapsed_ns == (*kept, 1)
    assert not path.with_name(path.name + ".lock").exists()


def test_a_second_process_is_kept_out_while_a_journal_is_open(tmp_path):
    script = """
        path = next(results.rglob("*.jsonl"))
        for attempt, arguments in ((Journal.reopen, [path]), (Journal.create, [results, header()])):
            try:
                attempt(*arguments)
            except RecordError as error:
                print(error)
    """
    with Journal.create(tmp_path, header()) as journal:
        output, _ = started(script, tmp_path).communicate(timeout=60)
        assert output.count("is being written by another run; wait for it or stop it") == 2
        with pytest.raises(RecordError, match="another run"):
            Journal.reopen(journal.path)
        journal.append(Measurement(FAST))
    with Journal.reopen(journal.path):
        pass


def test_of_many_processes_that_begin_one_record_exactly_one_does(tmp_path):
    script = """

        try:
            journal = Journal.create(results, header())
            for number in range(5):
                journal.append(Measurement(FAST, samples=samples(number + 1)))
            print("won")
        except RecordError as error:
            print("lost")
    """
    processes = [started(script, tmp_path) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(outputs) == ["lost", "lost", "won"]
    (path,) = tmp_path.rglob("*.jsonl")
    assert read_record(path).measurements[0].samples.elapsed_ns == (1, 2, 3, 4, 5)


def test_threads_never_interleave_two_values(tmp_path):
    with Journal.create(tmp_path, header()) as journal:

        def append(thread: int) -> None:
            for each in range(10):
                journal.append(Measurement(FAST, samples=samples(each + 1, process=thread)))

        threads = [threading.Thread(target=append, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = read_record(journal.path)
    assert not found.warnings
    pairs = zip(found.measurements[0].samples.process, found.measurements[0].samples.elapsed_ns, strict=True)
    assert sorted(pairs) == [(thread, each + 1) for thread in range(4) for each in range(10)]
