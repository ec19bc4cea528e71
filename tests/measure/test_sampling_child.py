"""A real child process and its two pipes: it hangs, dies, grows or babbles, and the parent goes on."""

from __future__ import annotations

import os
import shlex
import sys

import pytest
from measure_fakes import block_of, case_in, plan_of

from matbench.errors import InternalError, StartError
from matbench.measure import child as children
from matbench.measure import session as sessions
from matbench.measure.child import THREAD_VARIABLES
from matbench.measure.protocol import ENCODER, Finished, Hello, Started
from matbench.measure.session import Session, Software
from matbench.model import Caches, Measurement

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the child is played by a shell script")

BLOCK = block_of(8, "only")
CASE = case_in(BLOCK, "only")
ENDLESS = "exec sleep 100"


def say(message):
    return f"printf '%s\\n' {shlex.quote(ENCODER.encode(message).decode())}"


HELLO = say(Hello(libraries=()))


def starts(allowed_s):
    return say(Started(what="only", case=CASE, allowed_s=allowed_s))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a session whose sampling process is a shell script."""
    monkeypatch.setattr(children, "LOOK_EVERY_S", 0.02)

    def run_script(*lines, memory_bytes=2**40, blas=(), threads=3):
        script = tmp_path / "python"
        script.write_text("\n".join(("#!/bin/sh", *lines, "")))
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        session = Session(
            plan=plan_of(blocks=(BLOCK,)),
            blocks=(BLOCK,),
            caches=Caches(),
            memory_bytes=memory_bytes,
            deadline_ns=10**18,
            threads=threads,
            blas=blas,
        )
        return list(session.run())

    return run_script


def the_end(events):
    (told,) = events
    assert isinstance(told, Measurement)
    assert (told.case, told.outcome) == (CASE, "ended")
    return told.reason


def test_a_child_that_says_nothing_any_more_is_ended_after_its_time(run):
    assert the_end(run(HELLO, starts(0.05), ENDLESS)) == "only was ended after 50.0 ms without a result"


def test_a_child_that_dies_of_a_signal_is_told_with_the_signal(run):
    assert the_end(run(HELLO, starts(100.0), "kill -9 $$")) == "only took the sampling process down with it (signal 9)"


def test_a_child_that_exits_is_told_with_its_exit_code(run):
    assert the_end(run(HELLO, starts(100.0), "exit 7")) == "only took the sampling process down with it (exit code 7)"


def test_a_child_that_is_killed_in_the_middle_of_a_message_has_not_said_it(run):
    assert "signal 9" in the_end(run(HELLO, starts(100.0), 'printf \'{"type":"meas\'', "kill -9 $$"))


def test_a_child_that_takes_too_much_memory_is_ended(run, monkeypatch):
    monkeypatch.setattr(sessions, "OWN_BYTES", 0)
    reason = the_end(run(HELLO, starts(100.0), ENDLESS, memory_bytes=1024))
    assert reason == "only was ended for taking more than 1 KiB of memory"


def test_a_child_that_does_not_start_is_an_error(run):
    with pytest.raises(StartError, match=r"could not start: it .* \(exit code 1\)"):
        run("exit 1")


@pytest.mark.parametrize("when", [(), (HELLO,)])
def test_a_child_that_babbles_is_an_error_that_shows_what_it_said(run, when):
    with pytest.raises(InternalError, match="welcome to the cluster"):
        run(*when, "echo welcome to the cluster", ENDLESS)


def test_a_child_has_every_thread_variable_set_and_is_given_the_libraries(run):
    values = " ".join(f"${name}" for name in THREAD_VARIABLES)
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    mark = ENCODER.encode(Finished(threading_layer="MARK", libraries=())).decode()
    opening, closing = (shlex.quote(part) for part in mark.split("MARK"))
    (told,) = run(HELLO, f"printf '%s%s%s\\n' {opening} \"{values} $*\" {closing}", blas=("/opt/libother.so",))
    assert told == Software(
        (), f"{' '.join('3' * len(THREAD_VARIABLES))} -P -m matbench.measure.worker /opt/libother.so"
    )
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == before
