"""Writing wholly or not at all, and reading no more than is sensible."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from matbench.errors import RecordError
from matbench.record.files import os_error, printable, read_bytes, read_text, write_bytes, write_text

NEEDS_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices")


def test_a_text_is_written_as_it_stands_into_a_new_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "table.csv"
    write_text(path, "µ,×\r\n\n")
    assert path.read_bytes() == "µ,×\r\n\n".encode()
    assert read_text(path) == "µ,×\r\n\n"


def test_an_own_file_is_replaced_and_nothing_left_beside_it(tmp_path):
    path = tmp_path / "figure.svg"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@NEEDS_POSIX
def test_a_file_gets_the_permissions_of_any_new_file(tmp_path):
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").touch()
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_folder_in_the_place_of_a_file_is_told_of(tmp_path):
    with pytest.raises(RecordError, match="is a folder; name a file in it"):
        write_text(tmp_path, "x")


def test_a_file_in_the_place_of_a_folder_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"a file, not a folder|already has that name"):
        write_text(tmp_path / "file" / "deeper" / "x", "x")


def test_too_long_a_name_is_told_of(tmp_path):
    with pytest.raises(RecordError, match="too long; choose a shorter one"):
        write_text(tmp_path / ("x" * 300), "x")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.ENOSPC, "free some"), (errno.EACCES, "permission"), (errno.EIO, "choose another path")]
)
def test_a_failure_at_any_step_leaves_the_old_file(tmp_path, monkeypatch, call, code, remedy):
    def refused(*_arguments):
        raise OSError(code, os.strerror(code))

    path = tmp_path / "figure.svg"
    write_bytes(path, b"old")
    monkeypatch.setattr(os if call == "fsync" else Path, call, refused)
    with pytest.raises(RecordError, match=remedy):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@NEEDS_POSIX
def test_a_device_is_written_to_and_not_replaced():
    write_text(Path("/dev/null"), "x")
    assert not Path("/dev/null").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_device_without_space_is_told_of():
    with pytest.raises(RecordError, match="no space left"):
        write_text(Path("/dev/full"), "x")


def test_a_link_is_written_through(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("target")
    write_text(link, "x")
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_a_circle_of_links_is_told_of(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("link")
    with pytest.raises(RecordError, match="circle"):
        write_text(link, "x")


def test_reading_stops_at_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, limit=5) == b"12345"
    with pytest.raises(RecordError, match="larger than 4 B"):
        read_bytes(path, limit=4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_file_that_says_it_is_empty_is_limited_as_well():
    with pytest.raises(RecordError, match="larger than 10 B"):
        read_bytes(Path("/proc/self/status"), limit=10)


def test_a_text_that_is_not_utf_8_is_told_of(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc\xff")
    with pytest.raises(RecordError, match=r"not UTF-8 text \(byte 3\)"):
        read_text(path)


def test_a_byte_order_mark_is_dropped(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(path) == "{}"


def test_a_folder_that_windows_denies_is_called_a_folder(tmp_path):
    assert "it is a folder" in str(os_error(PermissionError(errno.EACCES, "denied"), tmp_path, "read"))


def test_a_long_text_is_cut_and_odd_characters_shown_as_question_marks():
    assert printable("a" * 300) == "a" * 198 + ".."
    assert printable("\ud800\n\u202e") == "???"
