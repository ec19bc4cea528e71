"""The operations beside the product under pytest-benchmark: ``pytest tests/speed --benchmark-only -k matvec``.

Which of them, and their grid, comes from the environment variable MATBENCH_PROFILE, as the grid of the product does.
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
SUITES = {each: grid(PROFILE, MACHINE.processors, operation=each) for each in PROFILE.operations}


def pytest_generate_tests(metafunc):
    cells = []
    for operation, suite in SUITES.items():
        for case in (*suite.cases, *suite.reasons):
            n, dtype = case.problem.n, case.problem.dtype
            reason = suite.why_not(case, MACHINE.memory_bytes)
            marks = [pytest.mark.skip(reason=reason)] if reason else []
            name = f"{operation}-{dtype}-n{n}-{case.kernel}-{case.threads}"
            cells.append(pytest.param(case, marks=marks, id=name))
    metafunc.parametrize("case", cells)


@pytest.fixture(scope="module", autouse=True)
def _alone():
    with alone():
        yield


def ready_case(case):
    return prepared(SUITES[case.problem.operation].registry.get(case.kernel), case, MACHINE.host.caches)


@functools.cache
def base_seconds(operation, n, dtype):
    """Median time of the base kernel, s, or None where it is too slow to be measured."""
    suite = SUITES[operation]
    case = suite.case(suite.base, n, dtype, 1)
    if suite.why_not(case) is not None:
        return None
    return median_interval(call_seconds(ready_case(case).sampled(PROFILE))).estimate


def test_operation(benchmark, case):
    problem, suite = case.problem, SUITES[case.problem.operation]
    base_s = base_seconds(problem.operation, problem.n, problem.dtype)
    ready = ready_case(case)  # compiled and found right, or this test fails
    trial = ready.trial(PROFILE)
    benchmark.group = f"{problem.definition.formula}, {problem.dtype}, n = {problem.n}"
    with ready.limited(), collector_off():
        benchmark.pedantic(ready.call, rounds=PROFILE.rounds(trial), iterations=trial.loops)
    if benchmark.disabled:  # --benchmark-disable: the result was checked, and nothing is timed
        return
    seconds = benchmark.stats.stats.median
    benchmark.extra_info.update(
        gflops=problem.flops / seconds * 1e-9,
        bytes_per_second=None if suite.registry.get(case.kernel).view else problem.operand_bytes / seconds,
        speedup=None if base_s is None else base_s / seconds,
        base=suite.base,
        base_threads=1,
        error=ready.error,
    )
