"""Whether other threads rest, by what Linux says of each: running, waiting for a processor, or asleep."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.measure.clock import SystemClock
from matbench.measure.resting import is_runnable, threads_rest

NAMES = st.text(st.characters(codec="latin-1", exclude_characters="\0\n"), max_size=15)


def line_of(task, state, name="python"):
    return f"{task} ({name}) {state} 1 4711 4711 0 -1 4194304 1000 0 0 0".encode("latin-1")


@pytest.fixture
def tasks(tmp_path):
    """A folder of threads to which `add(state)` adds one; the calling thread is in it, and runs."""
    own = threading.get_native_id()

    def add(state, task=None):
        folder = tmp_path / str(task or own + len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "stat").write_bytes(line_of(folder.name, state))

    add("R", own)
    add.folder = str(tmp_path)
    return add


@given(task=st.integers(1, 2**22), state=st.sampled_from("RSDTtXZIP"), name=NAMES)
def test_a_thread_is_runnable_in_one_state_only_whatever_its_name(task, state, name):
    assert is_runnable(line_of(task, state, name)) == (state == "R")


@given(line=st.binary(max_size=300))
def test_no_line_is_too_strange_to_be_read(line):
    assert is_runnable(line) in {True, False}


def test_the_calling_thread_is_not_counted(tasks):
    assert threads_rest(tasks.folder) is True


@pytest.mark.parametrize(("states", "rest"), [("SS", True), ("SD", True), ("SR", False), ("RS", False), ("RR", False)])
def test_threads_rest_when_none_of_them_runs_or_waits_for_a_processor(tasks, states, rest):
    for state in states:
        tasks(state)
    assert threads_rest(tasks.folder) is rest


def test_a_thread_that_ended_since_the_folder_was_listed_rests(tasks):
    tasks("S")
    gone = Path(tasks.folder, "999999999")
    gone.mkdir()
    assert threads_rest(tasks.folder) is True


def test_a_system_without_the_folder_does_not_say(tmp_path):
    assert threads_rest(str(tmp_path / "nowhere")) is None


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's folder of threads")
def test_a_thread_that_computes_is_seen_and_one_that_waits_is_not():
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(stop.wait)
        work = pool.submit(hashlib.pbkdf2_hmac, "sha256", b"", b"", 200_000)  # without holding the interpreter
        seen = set()
        while not work.done():
            seen.add(SystemClock().resting())
        stop.set()
    assert False in seen
