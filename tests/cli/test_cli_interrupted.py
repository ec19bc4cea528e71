"""Ctrl-C, kill -9, a full disk, a second run: what was measured stays, and the rest can be measured."""

from __future__ import annotations

import os
import pty
import signal
import threading

import psutil
import pytest
from cli_driver import (
    LONGER,
    PATIENCE_S,
    Done,
    complains,
    finished,
    lines_of,
    reasons_in,
    samples_in,
    wait_for_samples,
)

from matbench.record.store import read_record

pytestmark = [
    pytest.mark.xdist_group("measure"),
    pytest.mark.skipif(os.name != "posix", reason="signals and terminals as POSIX has them"),
]


def drained(descriptor, chunks):
    """A thread that collects what is written to a terminal until it is closed."""

    def collect():
        while True:
            try:
                chunk = os.read(descriptor, 4096)
            except OSError:  # Linux says that the other end is closed in this way
                return
            if not chunk:
                return
            chunks.append(chunk)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    return thread


@pytest.fixture(scope="module")
def stopped(someone, tmp_path_factory):
    """A run on a terminal that one Ctrl-C ended: user, what it said, its record, the samples of that moment."""
    user = someone.at(tmp_path_factory.mktemp("stopped"))
    ours, theirs = pty.openpty()
    process = user.start("run", *LONGER, stderr=theirs)
    os.close(theirs)
    chunks = []
    reader = drained(ours, chunks)
    path = wait_for_samples(user, process)
    process.send_signal(signal.SIGINT)
    done = finished(process)
    reader.join(PATIENCE_S)
    os.close(ours)
    return user, Done(done.code, done.out, b"".join(chunks).decode()), path, samples_in(path)


def test_ctrl_c_ends_a_run_with_the_command_that_continues_it(stopped):
    _, done, _, _ = stopped
    assert done.code == 130
    assert "matbench run --resume" in done.err
    assert "Traceback" not in done.err, done.err


def test_what_was_measured_before_ctrl_c_is_told_and_kept(stopped):
    _, done, path, samples = stopped
    record = read_record(path)
    assert not record.is_complete
    assert record.warnings == ()
    assert any(samples.values())
    assert "python_lists" in done.out


def test_on_a_terminal_a_bar_is_drawn(stopped):
    _, done, _, _ = stopped
    assert "\x1b[" in done.err
    assert "━" in done.err
    assert "\x1b" not in done.out


def test_an_interrupted_run_is_continued_even_if_nobody_reads_what_it_says(stopped):
    user, _, path, before = stopped
    reading, writing = os.pipe()
    os.close(reading)
    process = user.start("run", "--resume", stdout=writing)
    os.close(writing)
    done = finished(process)
    assert done.code == 0, done.err
    assert read_record(path).is_complete
    after = samples_in(path)
    assert all(after[case][: len(times)] == times for case, times in before.items())
    # A busy machine may use the budget up: then a case has its reason in place of samples.
    assert all(times or "time budget" in reasons_in(path)[case] for case, times in after.items())
    assert list(user.folder.glob("results/figures/*/*/*.png"))
    assert user.records == [path]
    complains(user.does("run", "--resume"), "no interrupted run of this machine")


@pytest.fixture(scope="module")
def killed(someone, tmp_path_factory):
    """A run that was killed while it measured, and what a second run said meanwhile."""
    user = someone.at(tmp_path_factory.mktemp("killed"))
    process = user.start("run", *LONGER)
    path = wait_for_samples(user, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGSTOP)  # it can't end before the second run has seen its lock
    second = user.at(user.folder).does("run", *LONGER, "--output", "second")
    process.kill()
    finished(process)
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    return user, path, second, (children, alive), samples_in(path)


def test_a_second_run_is_refused_while_one_measures(killed):
    user, _, second, _, _ = killed
    assert (second.code, second.out) == (2, "")
    (complaint,) = second.complaints
    assert "another matbench is measuring" in complaint
    assert not (user.folder / "second").exists()


def test_no_sampling_process_outlives_a_killed_run(killed):
    children, alive = killed[3]
    assert children
    assert alive == []


def test_the_record_of_a_killed_run_can_be_read(killed):
    user, path, _, _, samples = killed
    assert not read_record(path).is_complete
    assert any(samples.values())
    done = user.does("show")
    assert done.code == 0
    assert "matbench run --resume" in done.err


def test_a_killed_run_is_continued_and_blocked_figures_cost_no_sample(killed):
    user, path, _, _, before = killed
    (user.folder / "results" / "figures").write_text("in the way")
    done = user.does("run", "--resume")
    assert done.code == 2
    (complaint,) = done.complaints
    assert "a part of its path is a file" in complaint
    assert "| numpy_matmul |" in done.out
    assert read_record(path).is_complete
    after = samples_in(path)
    assert all(after[case][: len(times)] == times for case, times in before.items())


FULL = (
    "import resource, sys\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
    "from matbench.cli import main\n"
    "sys.exit(main(sys.argv[2:]))\n"
)


def test_a_full_disk_is_one_sentence_and_keeps_what_fitted(user, tiny):
    header = len(tiny.path.read_bytes().split(b"\n")[0])
    done = finished(user.python("-c", FULL, header + 1500, "run", *LONGER))
    assert (done.code, done.out) == (2, "")
    (complaint,) = done.complaints
    assert "can't be written" in complaint
    assert "Traceback" not in done.err, done.err
    (path,) = user.records
    assert lines_of(path)[0]["type"] == "header"
    assert not read_record(path).is_complete
    assert read_record(path).warnings == ()
