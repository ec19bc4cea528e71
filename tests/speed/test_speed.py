"""The suite under pytest-benchmark: ``pytest tests/speed --benchmark-only``.

The grid comes from the environment variable MATBENCH_PROFILE: small, standard (the default) or full.
"""

import functools
import os

import pytest

from matbench.analyse.statistics import call_seconds, median_interval
from matbench.collector import collector_off
from matbench.measure.prepare import asked_profile, grid, prepared
from matbench.record.alone import alone
from matbench.record.here import Machine

PROFILE = asked_profile(os.environ)
MACHINE = Machine()
SUITE = grid(PROFILE, MACHINE.processors)


def pytest_generate_tests(metafunc):
    cells = []
    for case in (*SUITE.cases, *SUITE.reasons):
        cell = (case.kernel, case.problem.n, case.problem.dtype, case.threads)
        reason = SUITE.why_not(case, MACHINE.memory_bytes)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        cells.append(pytest.param(*cell, marks=marks, id="-".join(map(str, cell))))
    metafunc.parametrize(("kernel", "n", "dtype", "threads"), cells)


@pytest.fixture(scope="module", autouse=True)
def _alone():
    with alone():
        yield


def ready_case(kernel, n, dtype, threads):
    case = SUITE.case(kernel, n, dtype, threads)
    return prepared(SUITE.registry.get(kernel), case, MACHINE.host.caches)


@functools.cache
def base_seconds(n, dtype):
    """Median time of the base kernel, s, or None where it is too slow to be measured."""
    if SUITE.why_not(SUITE.case(SUITE.base, n, dtype, 1)) is not None:
        return None
    return median_interval(call_seconds(ready_case(SUITE.base, n, dtype, 1).sampled(PROFILE))).estimate


def test_matmul(benchmark, kernel, n, dtype, threads):
    base_s = base_seconds(n, dtype)
    ready = ready_case(kernel, n, dtype, threads)  # compiled and found right, or this test fails
    trial = ready.trial(PROFILE)
    benchmark.group = f"{dtype}, n = {n}"
    with ready.limited(), collector_off():
        benchmark.pedantic(ready.call, rounds=PROFILE.rounds(trial), iterations=trial.loops)
    if benchmark.disabled:  # --benchmark-disable: the product was checked, and nothing is timed
        return
    seconds, flops = benchmark.stats.stats.median, ready.case.problem.flops
    benchmark.extra_info.update(
        gflops=flops / seconds * 1e-9,
        speedup=None if base_s is None else base_s / seconds,
        base=SUITE.base,
        base_threads=1,
        base_gflops=None if base_s is None else flops / base_s * 1e-9,
        error=ready.error,
    )
