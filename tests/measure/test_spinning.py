"""Idle pools sleep soon in a sampling process, unless the user has said otherwise; the record tells what was set."""

from __future__ import annotations

import os

import pytest

from matbench.measure import child as child_module
from matbench.measure.child import THREAD_VARIABLES, Child
from matbench.record.environment import environment_given
from matbench.record.here import Machine
from matbench.record.host import read_environment
from matbench.spinning import POLICY, SHORT_SPINS, short_spins


@pytest.fixture
def nothing_said(monkeypatch):
    for name in (POLICY, *SHORT_SPINS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def started(monkeypatch):
    """What a sampling process is started with, by keyword; none is started."""
    options = {}

    class StartedError(Exception):
        pass

    def start(*_, **given):
        options.update(given)
        raise StartedError

    monkeypatch.setattr(child_module.subprocess, "Popen", start)

    def start_child():
        with pytest.raises(StartedError):
            Child(3, ())
        return options["env"]

    return start_child


@pytest.mark.parametrize("name", SHORT_SPINS)
def test_what_the_user_has_set_stays(name):
    assert short_spins({name: "7"}) == {other: value for other, value in SHORT_SPINS.items() if other != name}


def test_a_policy_for_all_of_openmp_is_the_user_s_word_on_it():
    assert short_spins({POLICY: "active"}) == {"OPENBLAS_THREAD_TIMEOUT": SHORT_SPINS["OPENBLAS_THREAD_TIMEOUT"]}


@pytest.mark.usefixtures("nothing_said")
def test_a_sampling_process_is_given_them_and_this_process_is_not(started):
    before = dict(os.environ)
    given = started()
    assert {name: given[name] for name in SHORT_SPINS} == SHORT_SPINS
    assert {given[name] for name in THREAD_VARIABLES} == {"3"}
    assert dict(os.environ) == before


def test_a_sampling_process_is_given_the_user_s_own_instead(started, monkeypatch):
    for name in SHORT_SPINS:
        monkeypatch.setenv(name, "9")
    given = started()
    assert {given[name] for name in SHORT_SPINS} == {"9"}


@pytest.mark.usefixtures("nothing_said")
def test_a_record_tells_them_among_what_was_set():
    environment = Machine().environment
    assert environment.variables.items() >= SHORT_SPINS.items()
    assert list(environment.variables) == sorted(environment.variables)
    assert environment.env_id != read_environment().env_id


def test_an_environment_that_is_given_nothing_more_is_as_before():
    before = read_environment()
    assert environment_given(before, {}) == before
