"""Thread counts: what is asked for is read back, and everything is as before afterwards."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.errors import InternalError
from matbench.measure.clock import SimulatedClock
from matbench.measure.threads import DRAIN_LIMIT_S, DRAIN_STEP_S, LOOK_S, ThreadControl, drain


@pytest.fixture
def control():
    """The real libraries of this process; afterwards their thread counts have to be as before."""
    np.ones((2, 2)) @ np.ones((2, 2))
    made = ThreadControl()
    before = made.counts()
    if not before:
        pytest.skip("threadpoolctl controls no library of this process")
    yield made
    assert made.counts() == before


class Stubborn:
    """A BLAS that keeps its threads, whatever it is told."""

    def __init__(self, threads):
        self.threads, self.released = threads, 0

    def info(self):
        return [{"internal_api": "stubborn", "num_threads": self.threads}]

    @contextlib.contextmanager
    def limit(self, limits):  # noqa: ARG002  its very nature
        try:
            yield
        finally:
            self.released += 1


def test_a_limit_of_one_is_read_back_from_every_library(control):
    with control.limited(1):
        assert set(control.counts().values()) == {1}


def test_limits_nest(control):
    with control.limited(1):
        outer = control.counts()
        with control.limited(1):
            assert set(control.counts().values()) == {1}
        assert control.counts() == outer


def test_an_exception_restores_the_counts(control):
    before = control.counts()
    with pytest.raises(ArithmeticError), control.limited(1):
        raise ArithmeticError
    assert control.counts() == before


def test_numba_is_limited_with_the_rest_once_it_is_there():
    numba = pytest.importorskip("numba")
    control = ThreadControl()
    before = numba.get_num_threads()
    assert control.counts()["numba"] == before
    with control.limited(1):
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before


def test_looking_again_finds_the_same_libraries(control):
    before = control.counts()
    control.refresh()
    assert control.counts() == before


def test_a_library_that_ignores_the_limit_is_an_error_that_names_it(monkeypatch):
    control, blas = ThreadControl(), Stubborn(4)
    monkeypatch.setattr(control, "_blas", blas)
    monkeypatch.setattr(control, "_numba", None)
    ran = []
    sentence = r"asked for 2 threads, but \{'stubborn 0': 4\} were set; report"
    with pytest.raises(InternalError, match=sentence), control.limited(2):
        ran.append(True)
    assert not ran
    assert blas.released == 1


def test_numba_gets_its_threads_back_when_a_blas_ignores_the_limit(monkeypatch):
    numba = pytest.importorskip("numba")
    control, before = ThreadControl(), numba.get_num_threads()
    monkeypatch.setattr(control, "_blas", Stubborn(before + 1))
    with pytest.raises(InternalError), control.limited(1):
        pass
    assert numba.get_num_threads() == before


def test_a_process_without_any_library_has_nothing_to_limit(monkeypatch):
    control = ThreadControl()
    monkeypatch.setattr(control, "_blas", control._blas.select(user_api="openmp").select(user_api="blas"))
    monkeypatch.setattr(control, "_numba", None)
    assert control.counts() == {}
    with control.limited(3):
        assert control.counts() == {}


# -- drain ------------------------------------------------------------------------------------------------------------


@dataclass
class BookedByTicks(SimulatedClock):
    """A system that does not say who runs, and books the CPU time of threads elsewhere only when its tick comes."""

    tick_ns: int = 1

    def resting(self):
        return None

    def cpu_ns(self):
        return self.busy_ns // self.tick_ns * self.tick_ns


@given(spinning_ns=st.integers(0, 400_000_000))
def test_draining_ends_soon_after_the_last_thread_has_stopped(spinning_ns):
    clock = SimulatedClock(spinning_ns=spinning_ns)
    took_ns = drain(clock)
    assert clock.spinning_ns == 0
    assert spinning_ns <= took_ns <= spinning_ns + DRAIN_STEP_S * 1e9
    assert took_ns == clock.now_ns


@given(spinning_ns=st.integers(0, 400_000_000), used_ns=st.integers(0, 10**9), tick_ns=st.integers(1, 15_625_000))
def test_no_tick_of_any_kernel_hides_a_spinning_thread(spinning_ns, used_ns, tick_ns):
    clock = BookedByTicks(spinning_ns=spinning_ns, busy_ns=used_ns, tick_ns=tick_ns)
    took_ns = drain(clock)
    # What is left is less than a tick that was not booked any more, and a fifth of the last look.
    assert clock.spinning_ns == 0
    assert took_ns == clock.now_ns <= spinning_ns + 2 * LOOK_S * 1e9


@given(limit_s=st.floats(0.001, 1.0))
def test_draining_gives_up_at_its_limit(limit_s):
    for clock, step_s in (
        (SimulatedClock(spinning_ns=10**12), DRAIN_STEP_S),
        (BookedByTicks(spinning_ns=10**12), LOOK_S),
    ):
        assert limit_s * 1e9 - 1 <= drain(clock, limit_s) <= (limit_s + step_s) * 1e9 + 1


def test_the_limit_is_beyond_what_openmp_spins_by_default():
    assert DRAIN_LIMIT_S > 0.2


def test_threads_that_rest_cost_one_look_and_no_wait():
    clock = SimulatedClock()
    assert drain(clock) == 0
    assert clock.slept == []


def test_where_nobody_says_who_runs_one_long_look_is_taken():
    clock = BookedByTicks()
    drain(clock)
    assert clock.slept == [LOOK_S]
