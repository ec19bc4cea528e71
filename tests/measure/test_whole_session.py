"""Real sessions in real processes: small problems, but nothing is played."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from measure_fakes import block_of, cases_of, plan_of

from matbench.kernels import default_registry
from matbench.measure.child import THREAD_VARIABLES, Child
from matbench.measure.clock import SystemClock
from matbench.measure.plan import Request, make_plan
from matbench.measure.session import Progress, Session, Software
from matbench.model import Caches, Ceiling, Measurement

pytestmark = [
    pytest.mark.xdist_group("measure"),
    pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals"),
]

SAMPLE_NS = 500_000
GONE_WITHIN_S = 2.0


class Watched:
    """Starts real sampling processes and keeps them in sight."""

    def __init__(self):
        self.children = []

    def __call__(self, threads, blas):
        self.children.append(Child(threads, blas))
        return self.children[-1]

    @property
    def pid(self):
        return self.children[-1]._process.pid


def session_of(plan, child=Child, seconds=20.0, **options):
    clock = SystemClock()
    return Session(
        plan=plan,
        blocks=plan.blocks,
        caches=Caches(l1d=2**15, l2=2**20),
        memory_bytes=2**28,
        deadline_ns=clock.wall_ns() + round(seconds * 1e9),
        threads=2,
        ceilings=False,
        child=child,
        **options,
    )


def of_kind(events, kind):
    return [each for each in events if isinstance(each, kind)]


def is_gone(pid):
    """Whether a process has ended; one that nobody has asked for its exit code yet has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_every_case_of_a_run_is_measured_and_the_libraries_are_told_at_the_end():
    asked = Request(kernels="python_lists,numpy_einsum,numpy_matmul", sizes="8,16", threads=(1, 2))
    planned = make_plan(asked, default_registry(), 2)
    assert not planned.skipped
    plan = plan_of(blocks=planned.plan.blocks, base="python_lists", sample_ns=SAMPLE_NS, rounds=4)
    watched, variables, events = Watched(), {}, []
    for event in session_of(plan, watched).run():
        if isinstance(event, Progress) and not variables:
            variables = psutil.Process(watched.pid).environ()
        events.append(event)
    assert {variables[name] for name in THREAD_VARIABLES} == {"2"}
    measurements = of_kind(events, Measurement)
    assert {each.case for each in measurements} == set(cases_of(plan.blocks))
    assert {(each.outcome, each.reason) for each in measurements} == {("measured", None)}
    loops: list[int] = []
    for case in cases_of(plan.blocks):
        own = [each for each in measurements if each.case == case]
        assert 0 <= own[0].error <= 1
        # The loops were calibrated: most samples are as long as asked, however noisy the machine is.
        loops.append(own[0].samples.loops[0])
        assert statistics.median(each.samples.elapsed_ns[0] for each in own) > SAMPLE_NS / 2
        numbers = [each.samples.round[0] for each in own]
        assert numbers[0] == 0
        assert len(set(numbers)) == len(numbers) <= plan.rounds
    assert statistics.median(loops) > 1
    assert isinstance(events[-1], Software)
    assert any(library.api == "blas" for library in events[-1].libraries)
    assert {each.threads for each in of_kind(events, Ceiling) if each.samples.loops} in ({1, 2}, set())
    assert is_gone(watched.pid)


def test_after_the_sampling_process_is_killed_a_fresh_one_goes_on_with_the_rest():
    blocks = tuple(block_of(n, "python_lists", "numpy_einsum", dtype="int64") for n in (8, 12, 16))
    plan = plan_of(blocks=blocks, base="python_lists", sample_ns=SAMPLE_NS, rounds=5)
    watched, events = Watched(), []
    for event in session_of(plan, watched).run():
        events.append(event)
        # In the middle of the first block's samples, where no single case is to blame.
        if of_kind(events, Measurement) and isinstance(event, Progress) and len(watched.children) == 1:
            os.kill(watched.pid, signal.SIGKILL)
    assert len(watched.children) == 2
    measurements = of_kind(events, Measurement)
    assert {each.case for each in measurements} == set(cases_of(blocks))
    assert all("(signal 9)" in each.reason for each in measurements if each.outcome != "measured")
    by_process = {
        process: {each.case.problem.n for each in measurements if each.samples.process == (process,)}
        for process in (0, 1)
    }
    assert by_process == {0: {8}, 1: {12, 16}}
    assert isinstance(events[-1], Software)
    assert is_gone(watched.children[0]._process.pid)
    assert is_gone(watched.children[1]._process.pid)


# -- kernels of strangers ---------------------------------------------------------------------------------------------

STRANGERS = """
    import os, signal, sys, time
    import numpy as np
    from matbench.kernels import Kernel, Registry, Rung
    from matbench.measure import bench, worker

    said = set()

    def stranger(name, act):
        def function(a, b, out):
            if name not in said and len(a) in (1, 6):
                act(len(a))
                said.add(name) if len(a) == 6 else None
            np.matmul(a, b, out=out)
        return Kernel(name=name, rung=Rung.PYTHON, idea="a stranger's", function=function, dtypes=("int64",))

    def prints(_):
        print("no message")
        os.write(1, b"nor is this\\n")
        os.system("echo nor this")

    def dies(n):
        if n == 1:
            os.kill(os.getpid(), signal.SIGSEGV)

    def hangs(n):
        if n == 6:
            time.sleep(1000)

    bench.HANGS_AFTER_S = 1.0
    worker.default_registry = lambda *_: Registry(
        [stranger("prints", prints), stranger("dies", dies), stranger("hangs", hangs)]
    )
    sys.argv = ["worker"]
    worker.main()
"""


def test_kernels_that_print_die_and_hang_cost_the_run_nothing_but_themselves(tmp_path, monkeypatch):
    script = tmp_path / "strangers.py"
    script.write_text(textwrap.dedent(STRANGERS))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" 2>>"{tmp_path}/stderr"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    blocks = tuple(block_of(n, "prints", "dies", "hangs", dtype="int64") for n in (4, 6))
    watched = Watched()
    events = list(session_of(plan_of(blocks=blocks, base="prints", rounds=2), watched).run())
    outcomes = {
        (each.case.kernel, each.case.problem.n): (each.outcome, each.reason) for each in of_kind(events, Measurement)
    }
    assert outcomes == {
        ("prints", 4): ("measured", None),
        ("prints", 6): ("measured", None),
        ("dies", 4): ("ended", "dies took the sampling process down with it (signal 11)"),
        ("dies", 6): ("ended", "dies took the sampling process down with it (signal 11)"),
        ("hangs", 4): ("measured", None),
        ("hangs", 6): ("ended", "hangs was ended after 1.00 s without a result"),
    }
    heard = (tmp_path / "stderr").read_text()
    assert all(line in heard for line in ("no message", "nor is this", "nor this"))
    assert len(watched.children) == 3


# -- the parent's end -------------------------------------------------------------------------------------------------

PARENT = """
    from matbench.measure.clock import SystemClock
    from matbench.measure.child import Child
    from matbench.measure.session import Progress, Session
    from matbench.model import Block, Caches, Plan, Problem

    def child(threads, blas):
        made = Child(threads, blas)
        print(made._process.pid, flush=True)
        return made

    # One product takes longer than the test looks on.
    block = Block(problem=Problem(m=700, n=700, k=700, dtype="int64"), arms=(("python_lists", 1),))
    plan = Plan("full", "", 1, 900.0, 3, 1_000_000, "python_lists", (block,))
    deadline = SystemClock().wall_ns() + 900_000_000_000
    session = Session(plan, (block,), Caches(), 2**30, deadline, 1, ceilings=False, child=child)
    for event in session.run():
        print("event", flush=True)
"""


def test_when_the_parent_is_killed_the_sampling_process_is_gone_at_once():
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PARENT)], stdout=subprocess.PIPE, text=True)
    pid = None
    try:
        pid = int(parent.stdout.readline())
        # Pauses after the laws and after the preparation; then it is in its one long call.
        assert [parent.stdout.readline() for _ in range(2)] == ["event\n"] * 2
        assert not is_gone(pid)
        parent.kill()
        parent.wait()
        patience = time.monotonic() + GONE_WITHIN_S
        while not is_gone(pid) and time.monotonic() < patience:
            time.sleep(0.02)
        assert is_gone(pid)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        if pid is not None and not is_gone(pid):
            os.kill(pid, signal.SIGKILL)
