"""Writing records where the system refuses: a full disk, a limit, a read-only folder."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from store_examples import END, FAST, header, samples, started

from matbench.errors import RecordError
from matbench.model import Measurement
from matbench.record import journal as journal_module
from matbench.record.journal import Journal
from matbench.record.reading import read_record


def full(_descriptor: int) -> None:
    """A disk that finds itself full when data are to reach it."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_everything_before_it(tmp_path, monkeypatch):
    def part_then_full(stream, data):
        stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal.create(tmp_path, header()) as journal:
        journal.append(Measurement(FAST, samples=samples(10)))
        before = journal.path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "_write_all", part_then_full)
            with pytest.raises(RecordError, match="no space left for it; free some"):
                journal.append(Measurement(FAST, samples=samples(11)))
        assert journal.path.read_bytes() == before
        journal.append(Measurement(FAST, samples=samples(12)))
    assert read_record(journal.path).measurements[0].samples.elapsed_ns == (10, 12)


def test_a_disk_that_is_found_full_only_when_synchronised_loses_nothing_before(tmp_path, monkeypatch):
    with Journal.create(tmp_path, header()) as journal:
        before = journal.path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(RecordError, match="no space left"):
                journal.append(Measurement(FAST, samples=samples(11)))
            with pytest.raises(RecordError, match="no space left"):
                journal.finish(END)
        assert journal.path.read_bytes() == before


def test_a_disk_that_is_full_at_the_start_leaves_no_empty_record(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="no space left"):
        Journal.create(tmp_path, header())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_disk_too_full_to_shorten_the_record_leaves_it_long_and_complete(tmp_path, monkeypatch):
    def refused(_path, _data):
        raise RecordError("there is no space left")

    monkeypatch.setattr(journal_module, "replace_file", refused)
    journal = Journal.create(tmp_path, header())
    journal.append(Measurement(FAST, samples=samples(10)))
    journal.append(Measurement(FAST, samples=samples(11)))
    journal.finish(END)
    assert journal.path.read_bytes().count(b"\n") == 4
    assert read_record(journal.path).is_complete


def test_an_interrupt_amid_a_line_leaves_whole_lines(tmp_path, monkeypatch):
    def part_then_interrupt(stream, data):
        stream.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    with Journal.create(tmp_path, header()) as journal:
        before = journal.path.read_bytes()
        monkeypatch.setattr(journal_module, "_write_all", part_then_interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.append(Measurement(FAST, samples=samples(11)))
        assert journal.path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX")
def test_the_real_limit_on_file_sizes_leaves_whole_lines(tmp_path):
    script = """
        import resource
        journal = Journal.create(results, header())
        size = journal.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, resource.RLIM_INFINITY))
        try:
            while True:
                journal.append(Measurement(FAST, samples=samples(10)))
        except RecordError as error:
            print(error)
    """
    process = started(script, tmp_path)
    message, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ulimit -f" in message
    (path,) = tmp_path.rglob("*.jsonl")
    assert path.read_bytes().endswith(b"\n")
    assert set(read_record(path).measurements[0].samples.elapsed_ns) == {10}


def test_a_folder_that_is_a_file_is_told_of(tmp_path):
    (tmp_path / "records").write_text("in the way")
    with pytest.raises(RecordError, match=r"not a folder|already has that name"):
        Journal.create(tmp_path, header())


def test_a_read_only_folder_is_told_of(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(RecordError, match="permission is denied"):
        Journal.create(locked, header())


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_refusal_by_the_system_is_told_with_a_remedy(tmp_path, monkeypatch, code):
    def refused(*_arguments, **_options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(RecordError, match="choose another folder"):
        Journal.create(tmp_path, header())


def test_a_record_never_grows_beyond_what_can_be_read(tmp_path, monkeypatch):
    with Journal.create(tmp_path, header()) as journal:
        monkeypatch.setattr(journal_module, "LINES_LIMIT", 2)
        journal.append(Measurement(FAST))
        with pytest.raises(RecordError, match="is full; begin a new record"):
            journal.append(Measurement(FAST))
