"""The sampling process: how it shares its time, asks for leave, and ends when nobody listens any more."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_fakes import Workshop, block_of, plan_of

from matbench.kernels import Registry, default_registry
from matbench.measure.protocol import ENCODER, Go, Job, Pause, Started, decode_message
from matbench.measure.worker import Channel, _compile_into, described_libraries, first_share, work
from matbench.model import Caches, Measurement

NEEDS = st.lists(
    st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 50.0)).map(lambda each: (each[0], each[0] + each[1])),
    min_size=1,
    max_size=6,
)


@given(needs=NEEDS, left_s=st.floats(0.0, 500.0))
def test_a_block_gets_its_least_where_there_is_time_for_all_and_more_than_it_wants_only_where_time_is_over(
    needs, left_s
):
    share = first_share(needs, left_s)
    least, wanted = needs[0]
    over = max(0.0, left_s - sum(each[1] for each in needs))
    assert 0 <= share <= min(wanted + over, left_s) + 1e-9
    if left_s >= sum(each[0] for each in needs) + 1e-9:
        assert share >= least - 1e-9


@given(needs=NEEDS, left_s=st.floats(0.0, 500.0))
def test_the_blocks_after_it_keep_their_least(needs, left_s):
    if left_s >= sum(each[0] for each in needs):
        assert left_s - first_share(needs, left_s) >= sum(each[0] for each in needs[1:]) - 1e-6


@given(needs=NEEDS, left_s=st.floats(0.0, 500.0), more_s=st.floats(0.0, 100.0))
def test_more_time_is_never_a_smaller_share(needs, left_s, more_s):
    assert first_share(needs, left_s + more_s) >= first_share(needs, left_s) - 1e-6


@given(needs=NEEDS)
def test_with_time_for_everything_each_gets_all_that_it_wants(needs):
    assert first_share(needs, sum(each[1] for each in needs) + 1e-6) >= needs[0][1] - 1e-9


@given(needs=NEEDS, left_s=st.floats(0.0, 500.0))
def test_taking_one_share_after_another_never_takes_more_than_there_is(needs, left_s):
    left = left_s
    for place in range(len(needs)):
        left -= first_share(needs[place:], left)
        assert left >= -1e-6


# -- a job ------------------------------------------------------------------------------------------------------------


class Listener:
    """A parent that lets its child go on so many times."""

    def __init__(self, leave=10**6):
        self.told, self.leave = [], leave

    def tell(self, message):
        self.told.append(message)

    def order(self):
        self.leave -= 1
        return Go(stop=self.leave < 0)


@pytest.fixture
def thawed():
    """Work freezes what the collector would look at; here that is more than the sampling process's own."""
    yield
    gc.unfreeze()


def worked(listener):
    shop = Workshop()
    blocks = tuple(block_of(n, "base", "other", dtype="int64") for n in (4, 8))
    job = Job(
        plan=plan_of(rounds=3, blocks=blocks),
        blocks=blocks,
        process=2,
        seconds=5.0,
        memory_bytes=2**20,
        caches=Caches(),
        ceilings=False,
    )
    work(job, Registry([shop.kernel("base"), shop.kernel("other")]), listener, shop.clock)
    return [each for each in listener.told if isinstance(each, Measurement)]


@pytest.mark.usefixtures("thawed")
def test_a_job_is_done_block_by_block_with_a_pause_wherever_nothing_is_timed():
    listener = Listener()
    told = worked(listener)
    pauses = [each for each in listener.told if isinstance(each, Pause)]
    assert [each.block for each in pauses] == sorted(each.block for each in pauses)
    assert {each.block for each in pauses} == {0, 1, 2}
    assert [each.left_s for each in pauses] == sorted((each.left_s for each in pauses), reverse=True)
    assert {each.case.problem.n for each in told} == {4, 8}
    assert {each.samples.process for each in told} == {(2,)}


@pytest.mark.usefixtures("thawed")
def test_a_job_ends_at_the_next_pause_when_it_is_told_to():
    listener = Listener(leave=0)
    assert worked(listener) == []
    assert [type(each) for each in listener.told] == [Started, Pause]


def test_what_is_bound_after_a_job_came_is_compiled_anew_and_kept_in_the_job_s_folder(monkeypatch, tmp_path):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    _compile_into(None)
    assert numba.config.CACHE_DIR == ""
    _compile_into(str(tmp_path))
    product = pytest.importorskip("matbench.kernels.gemm.product")
    product._compiled.cache_clear()  # as in a process that has just started
    matmul = default_registry().get("numba_gemm").bind("float64", Caches(l1d=12_288, l2=98_304))
    product._compiled.cache_clear()
    assert Path(matmul.func.stats.cache_path).is_relative_to(tmp_path)


# -- the channel ------------------------------------------------------------------------------------------------------


def test_a_channel_hands_over_orders_and_sends_a_line_a_message(monkeypatch):
    gone = threading.Event()
    codes = []
    monkeypatch.setattr("os._exit", lambda code: (codes.append(code), gone.set()))
    outgoing = io.BytesIO()
    channel = Channel(io.BytesIO(ENCODER.encode(Go()) + b"\n" + ENCODER.encode(Go(stop=True)) + b"\n"), outgoing)
    assert [channel.order(), channel.order()] == [Go(), Go(stop=True)]
    channel.tell(Pause(block=1, left_s=0.5))
    assert outgoing.getvalue().endswith(b"\n")
    assert decode_message(outgoing.getvalue()) == Pause(block=1, left_s=0.5)
    assert gone.wait(10)
    assert codes == [3]


def test_a_process_whose_parent_closes_its_input_is_gone_with_code_3():
    lines = (
        "import sys, time; from matbench.measure.worker import Channel; Channel(sys.stdin.buffer, sys.stdout.buffer)"
    )
    child = subprocess.Popen([sys.executable, "-c", f"{lines}; time.sleep(100)"], stdin=subprocess.PIPE)
    child.stdin.close()
    try:
        assert child.wait(timeout=60) == 3
    finally:
        child.kill()


def test_libraries_are_described_without_the_paths_they_lie_in():
    for each in described_libraries():
        assert each.api in {"blas", "openmp"}
        assert "/" not in each.filename
