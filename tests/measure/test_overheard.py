"""What is printed is heard, by whomever: Python, C, or a write past both; and afterwards all is as before."""

from __future__ import annotations

import ctypes
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from matbench.measure.overheard import MOST, heard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="descriptors are POSIX's")


def said_by(call):
    into = io.StringIO()
    with heard(into):
        call()
    return into.getvalue()


@pytest.mark.parametrize(
    "call",
    [
        lambda: sys.stdout.write("hello"),
        lambda: sys.stderr.write("hello"),
        lambda: os.write(1, b"hello"),
        lambda: os.write(2, b"hello"),
        lambda: ctypes.CDLL(None).puts(b"hello"),
        lambda: subprocess.run(["echo", "hello"], check=True),
    ],
)
def test_every_way_to_print_is_heard(call):
    assert "hello" in said_by(call)


def test_silence_is_silence():
    assert said_by(lambda: None) == ""


def test_a_flood_blocks_nobody():
    def flood():
        for _ in range(4):
            try:
                os.write(1, b"x" * MOST)
            except BlockingIOError:
                return

    assert len(said_by(flood)) >= 4096


def open_descriptors():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_descriptors_are_as_before(capfd):
    before = [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (1, 2)]
    count = open_descriptors()

    def fails():
        raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        said_by(fails)
    assert [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (1, 2)] == before
    assert open_descriptors() == count
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"
