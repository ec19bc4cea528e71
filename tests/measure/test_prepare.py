"""What the adapters share: grids that leave nothing out silently, and cases that are right before they are timed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from matbench.errors import KernelError, UsageError
from matbench.kernels import Registry, Rung, kernel
from matbench.measure.clock import SimulatedClock
from matbench.measure.prepare import (
    BATCH_NS,
    LEAST_SAMPLES,
    LONG_NS,
    PROFILES,
    VARIABLE,
    asked_profile,
    grid,
    prepared,
    runnable,
)
from matbench.measure.sampler import Sample
from matbench.measure.threads import ThreadControl
from matbench.model import Caches, Case, Problem
from matbench.operations import OPERATIONS

CACHES = Caches()
SMALL = PROFILES["small"]


@kernel("plain", rung=Rung.NUMPY, idea="NumPy's own", threaded_dtypes=("float64",), gflops=10.0)
def plain(a, b, out):
    np.matmul(a, b, out=out)


@kernel("slow", rung=Rung.PYTHON, idea="too slow for anything large", gflops=1e-3)
def slow(a, b, out):
    np.matmul(a, b, out=out)


@kernel("python_lists", rung=Rung.PYTHON, idea="stands for the base", gflops=0.02)
def base(a, b, out):
    np.matmul(a, b, out=out)


absent = replace(plain, name="absent", rung=Rung.NUMBA, threaded_dtypes=(), needs=lambda: "needs a unicorn")


@pytest.fixture
def registry():
    return Registry([plain, slow, base, absent])


def case(made, n=8, threads=1, dtype="float64"):
    return Case(kernel=made.name, problem=Problem(m=n, n=n, k=n, dtype=dtype, seed=1), threads=threads)


@pytest.mark.parametrize("name", list(PROFILES))
def test_the_environment_chooses_a_profile(name):
    assert asked_profile({VARIABLE: name}) is PROFILES[name]


def test_without_a_choice_the_profile_is_standard():
    assert asked_profile({}) is asked_profile({VARIABLE: ""}) is PROFILES["standard"]


def test_the_small_profile_takes_one_operation_bound_by_memory_and_one_by_arithmetic():
    told = {each: OPERATIONS[each].told for each in SMALL.operations}
    assert told == {"matvec": "byte/s", "inverse": "flop/s"}
    assert PROFILES["standard"].operations == PROFILES["full"].operations == tuple(OPERATIONS)[1:]


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="'huge'; set it to one of small, standard, full, agreement"):
        asked_profile({VARIABLE: "huge"})


@pytest.mark.parametrize("name", list(PROFILES))
@pytest.mark.parametrize("cpus", [1, 2, 6])
def test_every_combination_is_measured_or_has_a_reason(registry, name, cpus):
    suite = grid(PROFILES[name], cpus, registry)
    every = itertools.product(suite.kernels, suite.sizes, suite.profile.dtypes, suite.threads)
    for made in (suite.case(*parameters) for parameters in every):
        assert (made in suite.cases and suite.why_not(made) is None) or suite.why_not(made)
    assert max(suite.threads) == cpus


def test_no_case_takes_longer_than_its_preset_likes(registry):
    for profile in PROFILES.values():
        for each in grid(profile, 2, registry).cases:
            expected = registry.get(each.kernel).expected_seconds(each.problem, each.threads)
            assert expected <= profile.limits.longest_call_s


def test_what_a_kernel_lacks_is_the_reason(registry):
    suite = grid(SMALL, 2, registry)
    assert suite.why_not(suite.case("absent", 64, "float64", 1)) == "needs a unicorn"
    assert suite.why_not(suite.case("slow", 64, "float64", 2)) == "runs on one thread only"
    assert "too long" in suite.why_not(suite.case("slow", 512, "float64", 1))


def test_what_does_not_fit_into_memory_is_refused_beforehand(registry):
    suite = grid(SMALL, 2, registry)
    made = suite.case("plain", 64, "float64", 1)
    assert suite.why_not(made, memory_bytes=made.problem.operand_bytes) is None
    assert "of memory" in suite.why_not(made, memory_bytes=made.problem.operand_bytes - 1)


def test_the_common_size_is_the_largest_that_all_kernels_reach(registry):
    assert grid(SMALL, 1, registry).common_size == 64
    assert grid(SMALL, 1, Registry([plain, base])).common_size == 64
    assert grid(SMALL, 1, Registry([replace(plain, name="python_lists")])).common_size == 512


def test_loading_libraries_leaves_the_installation_s_registry_alone():
    from matbench.kernels import default_registry

    before = default_registry().names
    assert set(before) <= set(grid(SMALL, 1).kernels)
    assert default_registry().names == before


def test_a_case_is_verified_before_it_is_handed_out():
    ready = prepared(plain, case(plain, 24), CACHES)
    a, b, out = ready.call.args
    np.testing.assert_allclose(out, a @ b, rtol=1e-12)
    assert 0 <= ready.error <= 1
    assert prepared(plain, case(plain, 24), CACHES) is ready


@kernel("small_only", rung=Rung.NUMPY, idea="right on what the laws try, wrong beyond")
def small_only(a, b, out):
    np.matmul(a, b, out=out)
    if len(a) > 20:
        out[3, 4] *= 1.01


@kernel("lawless", rung=Rung.NUMPY, idea="leaves a row out")
def lawless(a, b, out):
    np.matmul(a[:-1], b, out=out[:-1])


@pytest.mark.parametrize(("made", "n"), [(small_only, 24), (small_only, 300), (lawless, 24)])
def test_a_wrong_kernel_is_never_ready(made, n):
    with pytest.raises(KernelError, match=f"{made.name} is not timed: the result is wrong"):
        prepared(made, case(made, n), CACHES)


def test_a_kernel_that_cannot_run_here_says_why():
    with pytest.raises(KernelError, match="needs a unicorn"):
        prepared(absent, case(absent), CACHES)
    with pytest.raises(KernelError, match="one thread only"):
        prepared(slow, case(slow, threads=2), CACHES)


def test_what_is_only_run_obeys_the_laws_but_has_not_computed_its_product():
    ready = runnable(plain, case(plain, 24), CACHES)
    assert ready.error is None
    assert np.isnan(ready.call.args[2]).all()
    with pytest.raises(KernelError, match="wrong"):
        runnable(lawless, case(lawless), CACHES)


def test_thread_limits_hold_inside_and_are_gone_outside():
    ready = prepared(plain, case(plain), CACHES)
    before = ThreadControl().counts()
    with ready.limited():
        assert set(ThreadControl().counts().values()) <= {1}
    assert ThreadControl().counts() == before


def taking(call_ns, clock, **changed):
    """A case whose call takes as long as that."""
    first = Sample(1, call_ns)
    return replace(prepared(plain, case(plain), CACHES), call=lambda: clock.advance(call_ns), first=first, **changed)


@pytest.mark.parametrize("call_ns", [50, 40_000, 30_000_000, 900_000_000])
def test_samples_are_calibrated_and_fill_the_time_of_a_case(call_ns):
    clock = SimulatedClock()
    ready = taking(call_ns, clock)
    samples = ready.sampled(SMALL, clock)
    shortest = SMALL.limits.sample_ns
    assert all(elapsed == loops * call_ns for loops, elapsed in zip(samples.loops, samples.elapsed_ns, strict=True))
    assert min(samples.elapsed_ns) >= shortest
    assert max(samples.elapsed_ns) <= 2 * max(shortest, call_ns)
    assert LEAST_SAMPLES <= len(samples) <= SMALL.limits.rounds
    assert samples.round == tuple(range(len(samples)))


def test_a_slow_case_gets_few_samples_and_a_quick_one_all_that_the_preset_wants():
    assert SMALL.rounds(Sample(loops=1, elapsed_ns=10**10)) == LEAST_SAMPLES
    assert SMALL.rounds(Sample(loops=9, elapsed_ns=1000)) == SMALL.limits.rounds


@pytest.mark.parametrize("call_ns", [50, 700, 9_000, 40_000, 5_000_000])
def test_a_batch_is_long_beside_what_a_runner_adds_and_no_longer_than_one_product_has_to_be(call_ns):
    clock = SimulatedClock()
    batch, count = taking(call_ns, clock).batched(SMALL, clock)
    before = clock.wall_ns()
    batch()
    assert clock.wall_ns() - before == count * call_ns
    assert count * call_ns >= min(BATCH_NS, call_ns) * 0.7
    assert count == 1 or count * call_ns <= 1.5 * BATCH_NS


def test_a_long_call_is_not_made_again_to_calibrate():
    clock = SimulatedClock()
    ready = taking(3 * LONG_NS, clock, is_long=True)
    assert ready.trial(SMALL, clock) == Sample(1, 3 * LONG_NS)
    assert ready.batched(SMALL, clock) == (ready.call, 1)
    assert clock.wall_ns() == SimulatedClock().wall_ns()


def test_a_call_is_only_long_if_it_was_expected_to_be():
    ready = prepared(plain, case(plain, 24), CACHES)
    assert ready.first.loops == 1
    assert ready.first.elapsed_ns > 0
    assert not ready.is_long


def test_what_is_compared_is_measured_under_every_runner():
    compared = grid(PROFILES["agreement"], 1)
    assert set(compared.sizes) == {8, 16, 32, 64, 128, 256, 512}
    assert compared.profile.dtypes == ("float64",)
