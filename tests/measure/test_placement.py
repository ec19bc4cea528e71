"""Threads that compute together run on processors of their own; afterwards all is as before."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from matbench.measure import placement
from matbench.measure.placement import apart
from matbench.measure.sampler import LONGEST_START_S, Arm, on_the_run

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread be moved")


class Masks(dict[int, set[int]]):
    """What each thread may run on, and how it was moved."""

    def __init__(self):
        super().__init__({thread: {0, 1, 2, 3} for thread in (0, 71, 72)})
        self.moves = []


@pytest.fixture
def system(monkeypatch):
    """A system of four processors with three threads."""
    masks = Masks()
    monkeypatch.setattr(placement.sys, "platform", "linux")
    monkeypatch.setattr(placement, "_others", lambda: [71, 72])
    monkeypatch.setattr(os, "sched_getaffinity", lambda task: set(masks[task]), raising=False)

    def move(task, cpus):
        if task == 72 and "gone" in masks:
            raise ProcessLookupError
        masks[task] = set(cpus)
        masks.moves.append((task, set(cpus)))

    monkeypatch.setattr(os, "sched_setaffinity", move, raising=False)
    return masks


def test_the_calling_thread_is_put_on_a_processor_that_the_others_leave_and_all_is_as_before_afterwards(system):
    with apart(2):
        assert system == {0: {0, 1, 2, 3}, 71: {1, 2, 3}, 72: {1, 2, 3}}
        assert system.moves == [(71, {1, 2, 3}), (72, {1, 2, 3}), (0, {0}), (0, {0, 1, 2, 3})]
    assert all(mask == {0, 1, 2, 3} for mask in system.values())


@linux
@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda _: [])(0)) < 2, reason="there is one processor")
def test_threads_that_are_started_within_may_run_everywhere():
    before, seen = os.sched_getaffinity(0), []
    with apart(2):
        thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
    assert seen == [before]


def test_it_is_as_before_after_an_error_too(system):
    with pytest.raises(ValueError, match="mine"), apart(4):
        raise ValueError("mine")
    assert all(mask == {0, 1, 2, 3} for mask in system.values())


def test_one_thread_goes_where_it_likes(system):
    with apart(1):
        assert system[0] == {0, 1, 2, 3}


def test_on_one_processor_there_is_nothing_to_choose(system):
    system[0] = {3}
    with apart(2):
        assert system == {0: {3}, 71: {0, 1, 2, 3}, 72: {0, 1, 2, 3}}


def test_a_thread_that_has_ended_is_no_matter(system):
    system["gone"] = set()
    with apart(2):
        assert system[71] == {1, 2, 3}
    assert system[71] == {0, 1, 2, 3}


@linux
def test_on_this_machine_a_thread_s_own_mask_is_what_it_was():
    before, ready, done, seen = os.sched_getaffinity(0), threading.Event(), threading.Event(), []

    def wait():
        ready.set()
        done.wait()
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=wait)
    thread.start()
    ready.wait()
    with apart(2):
        assert os.sched_getaffinity(0) == before
    done.set()
    thread.join()
    assert os.sched_getaffinity(0) == before == seen[0]


class Called:
    """How many calls there were."""

    calls = 0

    def call(self):
        self.calls += 1


@pytest.mark.parametrize(("threads", "cost_s", "calls"), [(1, 0.003, 0), (2, 0.003, 5), (2, 2 * LONGEST_START_S, 0)])
def test_threads_are_called_as_often_as_in_a_sample_before_it_unless_it_is_long(threads, cost_s, calls):
    arm = Called()
    with on_the_run(Arm(arm.call, threads=threads, loops=5, cost_s=cost_s)):
        assert arm.calls == calls
