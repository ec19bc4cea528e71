"""The time budget holds although kernels are not as fast as they declare."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_fakes import Workshop, block_of, case_in, cases_of

from matbench.kernels import ceilings
from matbench.measure.bench import SAVES
from matbench.measure.protocol import Job
from matbench.measure.ready import Ready
from matbench.measure.sampler import Arm
from matbench.measure.worker import _steps
from matbench.model import Caches, Measurement

NAMES = ("base", "second", "third", "par")
DECLARED = 0.01  # GFLOP/s: 6.6 ms for a product of n = 32
FACTORS = st.lists(st.floats(-1.0, 1.0), min_size=len(NAMES), max_size=len(NAMES))  # powers of ten
SPIN_NS = 5_000_000  # rather more than idle threads of a sampling process spin: see matbench.spinning


@pytest.fixture(autouse=True, scope="module")
def no_roof():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceilings, "why_no_chains", lambda: "no chains here")
        yield


def run(factors, seconds):
    """A whole job of three blocks; the shop, and how long the job took, s."""
    shop = Workshop(spin_ns=SPIN_NS)
    blocks = tuple(block_of(n, *NAMES[:3], ("par", 1), ("par", 2)) for n in (8, 16, 32))
    kernels = [
        shop.kernel(name, speed=DECLARED * 10**factor, gflops=DECLARED, threaded_dtypes=("float64",))
        for name, factor in zip(NAMES, factors, strict=True)
    ]
    bench = shop.bench(*kernels, budget_s=seconds, rounds=40, sample_ns=2_000_000, blocks=blocks)
    job = Job(
        plan=bench.plan, blocks=blocks, process=0, seconds=seconds, memory_bytes=2**30, caches=Caches(), ceilings=False
    )
    deadline = seconds * 1e9
    done = list(_steps(bench, job, lambda: max(0.0, (deadline - shop.clock.wall_ns()) * 1e-9)))
    assert done[-1] == len(blocks)
    return shop, blocks, shop.clock.wall_ns() * 1e-9


@given(factors=FACTORS, seconds=st.floats(3.0, 10.0))
@settings(max_examples=40, deadline=None)
def test_a_job_ends_within_a_tenth_of_its_time_and_accounts_for_every_case(factors, seconds):
    shop, blocks, took_s = run(factors, seconds)
    assert took_s <= 1.1 * seconds
    told = [each for each in shop.told if isinstance(each, Measurement)]
    assert {each.case for each in told} == set(cases_of(blocks))
    assert all(each.reason for each in told if each.outcome != "measured")
    assert shop.disturbed == []


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.0])
def test_with_enough_time_every_case_is_measured(factor):
    shop, blocks, _ = run([factor] * len(NAMES), 10.0)
    measured = {each.case for each in shop.told if isinstance(each, Measurement) and each.outcome == "measured"}
    assert measured == set(cases_of(blocks))


def test_with_enough_time_every_case_on_one_thread_has_all_its_samples():
    shop, blocks, _ = run([0.0] * len(NAMES), 40.0)
    counts = Counter(each.case for each in shop.told if isinstance(each, Measurement))
    assert {counts[case] for case in cases_of(blocks) if case.threads == 1} == {40}


def test_at_the_end_of_a_job_chains_do_not_take_the_base_its_last_samples():
    shop = Workshop()
    bench, block = shop.bench(shop.kernel("base"), budget_s=60.0, rounds=18), block_of(32, "base")
    base = Ready(case_in(block, "base"), Arm(lambda: None, 1, 1, 1.0))
    costs = [1.0, 0.003]  # s, of the base and of a chain: of the six samples that the base is sure of two can be had
    bench.ends_ns = shop.clock.wall_ns() + 2.01e9 / SAVES
    assert bench._counts([base], costs, left_s=0.0) == [2, 2]
