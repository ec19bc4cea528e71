"""What is measured to give every idea its credit, and what that takes."""

from importlib.util import find_spec

import pytest

from matbench.errors import UsageError
from matbench.kernels.gemm.variants import variants
from matbench.kernels.jit import numba_missing
from matbench.measure import attribution_worker, worker
from matbench.measure.attribution import LEAST, AttributionChild, attribution_plan, processes_of

pytestmark = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))
PYTHON = ("ideas.none", "ideas.order")


@pytest.fixture(scope="module")
def registry():
    return variants()


def test_all_combinations_are_one_block_each_that_can_on_one_thread_and_on_all(registry):
    plan = attribution_plan(64, "float64", registry, 4).plan
    (block,) = plan.blocks
    assert {name for name, _ in block.arms} == set(registry.names)
    assert {threads for _, threads in block.arms} == {1, 4}
    assert {name for name, threads in block.arms if threads == 1} == set(registry.names)
    assert len({(name, threads) for name, threads in block.arms}) == len(block.arms)
    assert not [name for name, threads in block.arms if threads > 1 and "compile.order" not in name]


def test_on_one_processor_each_combination_is_there_once(registry):
    (block,) = attribution_plan(64, "float32", registry, 1).plan.blocks
    assert sorted(name for name, _ in block.arms) == sorted(registry.names)


@pytest.mark.parametrize("n", [500, 1024, 2048])
def test_what_python_would_take_minutes_for_is_predicted_from_two_counts_of_rows(registry, n):
    *parts, whole = attribution_plan(n, "float64", registry, 2).plan.blocks
    assert len({part.problem.m for part in parts}) == 2
    assert all(part.problem.is_slab for part in parts)
    assert all({name for name, _ in part.arms} == set(PYTHON) for part in parts)
    assert not {name for name, _ in whole.arms} & set(PYTHON)
    assert whole.problem.is_square


def test_six_processes_are_the_least_where_no_time_was_asked_for(registry):
    small, large = (attribution_plan(n, "float64", registry, 2) for n in (64, 2048))
    assert (small.plan.rounds, large.plan.rounds) == (18, 6)
    assert processes_of(small.plan) == processes_of(large.plan) == 6
    assert small.expected_s < large.expected_s


def test_a_short_budget_is_kept_to_with_fewer_rounds_in_one_process(registry):
    plan = attribution_plan(1024, "float64", registry, 2, budget_s=60.0).plan
    assert plan.rounds < 6
    assert processes_of(plan) == 1


def test_more_than_an_hour_or_integers_are_refused(registry):
    with pytest.raises(UsageError, match="ask for a smaller --n, or a --budget"):
        attribution_plan(16384, "float64", registry, 2)
    with pytest.raises(UsageError, match="use float64 or float32"):
        attribution_plan(64, "int64", registry, 2)


def test_the_sampling_process_is_the_usual_one_with_another_registry():
    assert AttributionChild.module == attribution_worker.__name__
    assert find_spec(AttributionChild.module) is not None
    assert attribution_worker.main is worker.main


def test_a_budget_that_is_gone_before_one_round_of_all_is_refused(registry):
    with pytest.raises(UsageError, match=r"one round at n = 1024 takes about .* give a longer --budget"):
        attribution_plan(1024, "float64", registry, 2, budget_s=45.0)


@pytest.mark.parametrize("n", [64, 512, 1024])
def test_a_budget_gives_six_processes_or_one_and_slabs_enough_samples_to_predict_from(registry, n):
    counts = []
    for budget_s in (60.0, 90.0, 120.0, 240.0, 600.0):
        scheme = attribution_plan(n, "float64", registry, 2, budget_s=budget_s)
        counts.append(processes_of(scheme.plan))
        assert scheme.plan.rounds >= 2
        assert scheme.expected_s <= budget_s or scheme.plan.rounds == LEAST
    assert set(counts) <= {1, 6}
    assert counts == sorted(counts)
    assert counts[-1] == 6


def test_rounds_of_one_process_are_told_from_those_of_six_by_their_number(registry):
    plan = attribution_plan(512, "float64", registry, 2, budget_s=60.0).plan
    assert processes_of(plan) == 1
    assert plan.rounds > 6
    assert processes_of(attribution_plan(512, "float64", registry, 2, budget_s=600.0).plan) == 6
