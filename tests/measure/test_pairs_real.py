"""Real sampling processes of a comparison: tiny cells, but nothing is played."""

from __future__ import annotations

import os
from pathlib import Path

import cloudpickle
import pytest
from pairs_fakes import cell_of, header_of

from matbench.measure.clock import SimulatedClock, SystemClock
from matbench.measure.pairs import PairSession
from matbench.measure.pairs_beside import KERNELS
from matbench.measure.pairs_counters import Canary, Reading, SystemCounters, allowed_cpus, pinned, tick_ns
from matbench.model import Caches
from matbench.pairing import Refusal

SOURCE = Path(__file__).parents[2] / "src"

pytestmark = pytest.mark.xdist_group("measure")

MINE = """
import os
import time
import numpy as np


def good(a, b, out):
    np.matmul(a, b, out=out)


same = good


def forking(a, b, out):
    np.matmul(a, b, out=out)
    if os.fork() == 0:
        return  # the copy would go on measuring


def never(a, b, out):
    while True:
        time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A comparison with rows of every kind, and of several arms, in two processes."""
    path = tmp_path_factory.mktemp("arms") / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    old = tmp_path_factory.mktemp("old") / "mine.py"
    old.write_text(MINE, encoding="utf-8")
    names = ("good", "same", "forking", "never")
    cells = (
        cell_of(8, a="numba_ikj", b="numba_ikj_fma"),
        cell_of(8, a="mine.py:good", b="mine.py:same"),
        cell_of(8, a="mine.py:good", b="mine.py:forking"),
        cell_of(16, a="mine.py:good", b="mine.py:never"),
        cell_of(8, a="numpy_matmul", b="numpy_matmul", threads=1),
        cell_of(8, a="mine.py:good", b="mine.py:good@old"),
        cell_of(8, a="numpy_matmul", b="numpy_matmul@src"),
        cell_of(8, a="numpy_matmul", b="sent"),
    )
    made = PairSession(
        header=header_of(*cells, processes=2, most_processes=2, blocks=2, sample_ns=200_000),
        sources={f"mine.py:{name}": f"{path}:{name}" for name in names}
        | {"mine.py:good@old": f"{old}:good", "numpy_matmul@src": f"{KERNELS}:numpy_matmul"},
        roots={"mine.py:good@old": str(old.parent), "numpy_matmul@src": str(SOURCE)},
        pickled={"sent": cloudpickle.dumps(lambda a, b: a @ b)},
        caches=Caches(),
        memory_bytes=2**30,
        threads=1,
        enough=lambda _: True,
        patience_s=4.0,
        cell_s=0.1,
        compiled=str(tmp_path_factory.mktemp("compiled")),
    )
    list(made.run())
    return made


def test_rows_that_can_be_compared_are(session):
    sampled = {(block.cell, block.process) for block in session.record.blocks}
    assert sampled >= {(cell, process) for cell in (0, 4) for process in (1, 2)}


def test_so_are_baselines_and_functions_that_are_sent(session):
    sampled = {(block.cell, block.process) for block in session.record.blocks}
    assert sampled >= {(cell, process) for cell in (5, 6, 7) for process in (1, 2)}


def test_every_process_is_sound(session):
    assert [each.void for each in session.record.processes] == [None, None]


@pytest.mark.skipif(os.name != "posix", reason="nothing forks there")
def test_rows_that_can_not_be_compared_say_why(session):
    said = {each.cell: (each.outcome, each.reason) for each in session.record.refusals}
    assert said[1] == (
        "skipped",
        "mine.py:good and mine.py:same are the same function; name two, or compare one with itself by --aa",
    )
    assert said[2][1].startswith("mine.py:forking starts another process")
    assert said[3] == ("ended", "mine.py:never was ended after 4.00 s without a result at n = 16")
    assert all(isinstance(each, Refusal) for each in session.record.refusals)


def test_samples_tell_what_the_system_counts(session):
    for block in session.record.blocks:
        for sample in block.samples:
            assert sample.elapsed_ns > 0
            assert sample.cpu_ns is not None
        assert block.canary_ns > 0


def test_processes_compile_once_for_all(session):
    assert list(os.scandir(session.compiled))


def test_the_counters_only_grow():
    counters = SystemCounters()
    first, second = counters.read(1), counters.read(1)
    grown = second.since(first)
    assert all(value is None or value >= 0 for value in (grown.cpu_ns, grown.faults, grown.switches, grown.delay_ns))


def test_what_is_unknown_stays_unknown():
    assert Reading(5).since(Reading(3)) == Reading(2)


def test_a_thread_is_pinned_only_within():
    before = allowed_cpus()
    if not before:
        pytest.skip("this system does not tell")
    with pinned(before[-1]):
        assert allowed_cpus() == before[-1:]
    assert allowed_cpus() == before
    with pinned(None):
        assert allowed_cpus() == before


def test_a_clock_that_stands_still_ticks_by_one():
    assert tick_ns(SimulatedClock()) == 1
    assert tick_ns(SystemClock()) >= 1


def test_the_canary_sings():
    assert Canary().sing(SystemClock()) > 0
