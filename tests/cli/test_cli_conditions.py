"""What a run says at its end of those who shared the machine with it."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from matbench.cli import running
from matbench.cli.run_options import Options
from matbench.cli.run_work import Work
from matbench.model import Conditions, Environment, Header, Host, Plan

PLAN = Plan("quick", "matbench run", 1, 60.0, 7, 10**6, "python_lists", ())
HEADER = Header(
    id="a",
    created="",
    machine="m",
    host=Host(logical_cpus=2),
    environment=Environment(),
    conditions=Conditions(),
    plan=PLAN,
)


@pytest.mark.parametrize(("others_s", "warned"), [(0.1, False), (20.0, True)])
def test_other_programs_that_took_much_of_the_processors_are_told(monkeypatch, others_s, warned):
    began = time.perf_counter_ns() - 100 * 10**9
    runner = running.Runner(Options(), Work(HEADER, ()), began, others_s=7.0)
    monkeypatch.setattr(running, "_others_seconds", lambda: 7.0 + others_s)
    told = [each for each in runner._end().warnings if "other programs" in each]
    assert bool(told) is warned
    if warned:
        assert told == ["other programs took 10 % of the processors' time during this run; stop them and measure again"]


def test_the_time_of_the_run_s_own_processes_is_no_other_program_s(monkeypatch):
    monkeypatch.setattr(running.psutil, "cpu_times", lambda: SimpleNamespace(user=90.0, system=10.0, nice=1.0))
    own = SimpleNamespace(user=1.0, system=2.0, children_user=50.0, children_system=3.0)
    monkeypatch.setattr(running.os, "times", lambda: own)
    assert running._others_seconds() == pytest.approx(45.0)
