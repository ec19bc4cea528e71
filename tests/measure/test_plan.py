"""What a run will measure: every case in a block or left out with its reason, and never both."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_fakes import block_of, cases_of, plan_of

from matbench.cli.run_work import FINISH_S
from matbench.errors import UsageError
from matbench.kernels import Rung, default_registry
from matbench.measure.plan import (
    BASE,
    DRAIN_S,
    PRESETS,
    SHARE_OF_ONE,
    SINGLE_SHOT_S,
    SLAB_ROWS,
    Request,
    _turn_seconds,
    block_seconds,
    make_plan,
    preparing_seconds,
    preset,
    run_processes,
    run_seconds,
    thread_counts,
)
from matbench.measure.turns import (
    SHARE_OF_BASE,
    SHARE_OF_EACH,
    SHARE_OF_SURE,
    SURE,
    SURE_OF_SLAB,
    Turn,
    sure_samples,
)
from matbench.model import DTYPES, Plan, Problem
from matbench.sizes import parse_sizes

REGISTRY = default_registry()
REQUESTS = st.builds(
    Request,
    preset=st.sampled_from(sorted(PRESETS)),
    kernels=st.sampled_from([None, "*", "python_*", "numpy_matmul", "numba_*,numpy_rows", BASE]),
    sizes=st.sampled_from([None, "8", "64,1000", "1-64*2,8x1000x1000"]),
    dtypes=st.sampled_from([None, ("float64",), ("float64", "int64"), ("float64", "float32", "int64")]),
    budget_s=st.none() | st.floats(1.0, 2000.0),
    seed=st.integers(0, 2**40),
)


def planned(cpus=2, **request):
    return make_plan(Request(**request), REGISTRY, cpus)


def refusal(cpus=2, **request):
    """The one sentence with which a request is refused."""
    with pytest.raises(UsageError) as caught:
        planned(cpus, **request)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert not sentence.endswith(".")
    return sentence


# -- laws -------------------------------------------------------------------------------------------------------------


@given(request_=REQUESTS, cpus=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_a_case_is_in_exactly_one_block_or_left_out_with_one_reason(request_, cpus):
    made = make_plan(request_, REGISTRY, cpus)
    there, left_out = cases_of(made.plan.blocks), [each.case for each in made.skipped]
    assert len(set(there)) == len(there)
    assert len(set(left_out)) == len(left_out)
    assert not set(there) & set(left_out)
    assert all(each.outcome == "skipped" and each.reason and "\n" not in each.reason for each in made.skipped)


@given(request_=REQUESTS, cpus=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_the_cheapest_blocks_come_first(request_, cpus):
    blocks = make_plan(request_, REGISTRY, cpus).plan.blocks
    keys = [(each.problem.flops, DTYPES.index(each.problem.dtype)) for each in blocks]
    assert keys == sorted(keys)
    assert len({each.problem for each in blocks}) == len(blocks)
    ladder = {name: place for place, name in enumerate(REGISTRY.names)}
    for block in blocks:
        places = [(ladder[name], threads) for name, threads in block.arms]
        assert places == sorted(places)


@given(request_=REQUESTS, cpus=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_a_run_is_never_expected_to_take_longer_than_its_budget(request_, cpus):
    plan = make_plan(request_, REGISTRY, cpus).plan
    for processes in (1, 6):
        assert 0 < run_seconds(plan, REGISTRY, processes) <= plan.budget_s


@given(request_=REQUESTS, cpus=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_a_plan_survives_the_way_through_a_file(request_, cpus):
    plan = make_plan(request_, REGISTRY, cpus).plan
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@given(request_=REQUESTS, cpus=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_every_kernel_that_was_asked_for_is_accounted_for(request_, cpus):
    made = make_plan(request_, REGISTRY, cpus)
    cases = cases_of(made.plan.blocks) + [each.case for each in made.skipped]
    if request_.sizes is not None:
        asked = {each.name for each in REGISTRY.select(request_.kernels or "*")}
        assert {(case.kernel, case.problem.m, case.problem.n, case.problem.k) for case in cases} == {
            (name, *shape) for name in asked for shape in parse_sizes(request_.sizes)
        }
    assert {case.problem.dtype for case in cases} <= set(request_.dtypes or DTYPES)
    assert {case.problem.seed for case in cases} == {request_.seed}


# -- presets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_kernels_sizes_and_slabs_that_there_are(name):
    chosen = preset(name)
    for grid in chosen.grids:
        assert parse_sizes(grid.sizes)
        for pattern in grid.kernels.split(","):
            # BLAS libraries join the ladder in the sampling process; here there may be none.
            assert REGISTRY.matching(pattern) or pattern == "blas_*"
    assert {kernel for kernel, _ in chosen.slabs} <= set(REGISTRY.names)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_leaves_no_kernel_of_ours_without_a_measurement(name):
    made = planned(preset=name)
    assert {case.kernel for case in cases_of(made.plan.blocks)} == set(REGISTRY.names)
    assert made.plan.base == BASE


@pytest.mark.parametrize("name", PRESETS)
def test_slabs_stand_for_products_too_slow_to_be_measured_whole(name):
    there = {
        (case.kernel, case.problem.m, case.problem.n, case.problem.k)
        for case in cases_of(planned(preset=name).plan.blocks)
    }
    for kernel, n in preset(name).slabs:
        assert {(kernel, rows, n, n) for rows in SLAB_ROWS} <= there


def test_slabs_of_kernels_that_were_not_asked_for_are_not_there():
    made = planned(preset="quick", kernels="numpy_*")
    assert all(block.problem.is_square for block in made.plan.blocks)
    assert all(block.problem.is_square for block in planned(preset="quick", sizes="64").plan.blocks)
    assert all(block.problem.is_square for block in planned(preset="standard", dtypes=("float32",)).plan.blocks)


def test_the_full_preset_measures_a_triple_loop_of_a_thousand():
    cases = cases_of(planned(preset="full").plan.blocks)
    assert any(case.kernel == BASE and case.problem.shape_label == "1000" for case in cases)


@pytest.mark.parametrize("n", [16, 64, 100, 256, 512, 1000])
def test_the_full_preset_measures_every_kernel_at_the_sizes_that_are_told_of(n):
    cases = cases_of(planned(preset="full").plan.blocks)
    there = {case.kernel for case in cases if case.problem == Problem(n, n, n, seed=1)}
    assert there == set(REGISTRY.names)


def test_beyond_a_thousand_the_full_preset_has_only_compiled_kernels_and_blas():
    slow = {Rung.PYTHON, Rung.NUMPY}
    large = {case.kernel for case in cases_of(planned(preset="full").plan.blocks) if case.problem.m > 1000}
    assert large
    assert {name for name in large if REGISTRY.get(name).rung in slow} == set()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_the_time_for_the_least_of_all_its_cases(name):
    plan, processes = planned(preset=name).plan, PRESETS[name].processes
    turns = (_turn_seconds(plan, REGISTRY, Turn(processes, processes - 1 - done), done) for done in range(processes))
    assert sum(least for least, _ in turns) + FINISH_S <= plan.budget_s


def test_a_case_too_long_for_a_preset_is_left_out_and_the_reason_says_how_to_have_it():
    made = planned(preset="quick", kernels="python_*", sizes="64,512")
    (reason,) = [
        each.reason
        for each in made.skipped
        if each.case.kernel == "python_arrays" and each.case.problem.shape_label == "512"
    ]
    assert re.search(r"one call takes about \d.* s, too long for this preset", reason)
    options = dict(re.findall(r"--(kernels|sizes) (\S+)", reason))
    again = planned(preset="quick", **options)
    assert not again.skipped
    assert [(case.kernel, case.problem.shape_label) for case in cases_of(again.plan.blocks)] == [
        ("python_arrays", "512")
    ]


def test_what_is_named_is_measured_whatever_its_length_and_what_a_glob_brings_is_not():
    named = planned(preset="quick", kernels="python_arrays,python_lists", sizes="2048")
    assert {case.kernel for case in cases_of(named.plan.blocks)} == {"python_arrays", "python_lists"}
    with pytest.raises(UsageError, match="nothing is left to measure"):
        planned(preset="quick", kernels="python_a*", sizes="2048")


def test_a_dtype_that_a_kernel_does_not_compute_in_is_its_reason():
    made = planned(dtypes=("int64",), sizes="32")
    lacking = {each.name for each in REGISTRY if "int64" not in each.dtypes}
    assert {each.case.kernel for each in made.skipped} == lacking
    assert {each.reason for each in made.skipped} <= {"does not compute in int64"}


def test_threads_are_asked_only_of_kernels_that_can_use_them():
    made = planned(cpus=4, sizes="64", threads=(1, 2, 4))
    for name, threads in made.plan.blocks[0].arms:
        assert threads == 1 or "float64" in REGISTRY.get(name).threaded_dtypes
    assert {threads for name, threads in made.plan.blocks[0].arms if name == "numpy_matmul"} == {1, 2, 4}


def test_a_budget_of_one_s_own_wants_more_samples_within_it():
    longer = planned(preset="quick", budget_s=600.0).plan
    assert longer.budget_s == 600.0
    assert longer.rounds == 10 * PRESETS["quick"].rounds


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_an_unknown_preset_is_refused_with_those_there_are():
    assert refusal(preset="quik") == f"no preset 'quik'; there are: {', '.join(PRESETS)}"


def test_an_unknown_kernel_is_refused_with_the_nearest_name():
    assert "did you mean 'numpy_matmul'" in refusal(kernels="numpy_matmull")
    assert "did you mean 'python_lists'" in refusal(base="python_list")


def test_a_size_outside_the_grammar_is_refused_with_the_grammar():
    assert "write for example" in refusal(sizes="64..100")
    assert "sizes are from 1 to" in refusal(sizes="0")


@pytest.mark.parametrize("threads", [(3,), (1, 64)])
def test_more_threads_than_processors_are_refused_with_the_most_there_are(threads):
    assert (
        refusal(threads=threads) == f"{max(threads)} threads asked for, but this process may use 2; ask for at most 2"
    )


def test_no_threads_at_all_are_refused():
    assert "at least 1" in refusal(threads=(0,), sizes="8")


def test_dtypes_that_leave_nothing_are_refused():
    assert "ask for other kernels, sizes or dtypes" in refusal(dtypes=("float32",), preset="quick")
    assert "ask for other kernels, sizes or dtypes" in refusal(dtypes=("complex64",), sizes="8")


# -- time and threads -------------------------------------------------------------------------------------------------


@given(most=st.integers(1, 5000))
def test_thread_counts_are_powers_of_two_from_one_to_the_largest(most):
    every, ends = thread_counts(most, every=True), thread_counts(most, every=False)
    assert ends == tuple(sorted({1, most}))
    assert every[0] == 1
    assert every[-1] == most
    assert list(every) == sorted(set(every))
    assert all(after == 2 * before for before, after in pairwise(every[:-1]))
    assert most <= 2 * every[-2:][0]


@given(call_s=st.floats(1e-7, 100.0), budget_s=st.floats(1.0, 2000.0), threads=st.sampled_from([1, 2]))
def test_a_block_wants_at_least_what_it_needs(call_s, budget_s, threads):
    plan = plan_of(budget_s=budget_s, sample_ns=2_000_000, rounds=7)
    least, wanted = block_seconds(plan, block_of(64, ("base", threads), "other"), [call_s, 0.1])
    assert call_s + 0.1 <= least * (1 + 1e-9)
    assert least <= wanted * (1 + 1e-9)


def test_no_one_arm_wants_more_than_its_share_of_the_budget():
    plan = plan_of(budget_s=100.0, rounds=1000)
    least, wanted = block_seconds(plan, block_of(64, "other"), [0.1])
    roofs = 1.2e-9 * plan.sample_ns * (plan.rounds - 1)  # the peak's samples in the same rounds are no arm's
    assert wanted - least <= SHARE_OF_ONE * plan.budget_s + roofs * (1 + 1e-9)


def test_two_threads_are_given_the_time_to_wake_and_to_stop_spinning():
    plan = plan_of(budget_s=1000.0, rounds=SURE)
    one, two = (block_seconds(plan, block_of(64, ("other", threads)), [1e-6])[0] for threads in (1, 2))
    more = DRAIN_S + 1.2e-9 * plan.sample_ns
    assert two - one == pytest.approx((SURE + 1) * more)  # for each sample of the arm, and for one of the peak


@given(kernel=st.sampled_from(["base", "other"]), sample_s=st.floats(1e-6, 1000.0), rounds=st.integers(1, 50))
def test_a_case_is_sure_of_six_samples_where_its_share_of_the_budget_is_enough_for_them(kernel, sample_s, rounds):
    plan = plan_of(budget_s=100.0, rounds=rounds)
    share = SHARE_OF_BASE if kernel == "base" else SHARE_OF_SURE
    sure = sure_samples(plan, kernel, Problem(64, 64, 64), sample_s)
    assert 1 <= sure <= min(SURE, rounds)
    assert sure == min(SURE, rounds) or sure == 1 or sure * sample_s <= share * plan.budget_s * (1 + 1e-9)
    assert sure == 1 or (sure + 1) * sample_s > share * plan.budget_s or sure == min(SURE, rounds)


@given(kernel=st.sampled_from(["base", "other"]), sample_s=st.floats(1e-6, 1000.0), processes=st.integers(6, 12))
def test_in_several_processes_a_case_is_sure_of_as_many_as_an_interval_takes_or_of_one(kernel, sample_s, processes):
    plan = plan_of(budget_s=100.0, rounds=3 * processes)
    share = SHARE_OF_BASE if kernel == "base" else SHARE_OF_EACH
    sure = sure_samples(plan, kernel, Problem(64, 64, 64), sample_s, processes)
    assert sure == 1 or SURE <= sure <= processes
    assert sure == 1 or sure * sample_s <= share * plan.budget_s * (1 + 1e-9)
    assert sure == processes or (sure + 1) * sample_s > share * plan.budget_s or SURE * sample_s > share * plan.budget_s


def test_presets_have_time_for_their_processes_and_short_runs_take_one():
    found = {name: run_processes(planned(preset=name).plan, REGISTRY) for name in PRESETS}
    assert found == {"quick": 1, "standard": 6, "full": 9}
    short = {"preset": "standard", "budget_s": 25.0}
    assert run_processes(planned(**short).plan, REGISTRY) == 1
    assert run_processes(planned(**short, sizes="64", kernels="numpy_*").plan, REGISTRY) == 6
    assert run_processes(plan_of(), REGISTRY) == 1  # of no preset


@pytest.mark.parametrize("name", PRESETS)
def test_rounds_are_shared_out_evenly_over_the_processes(name):
    chosen = PRESETS[name]
    assert chosen.rounds % chosen.processes == 0
    assert chosen.processes == 1 or chosen.processes >= SURE


def test_slabs_of_the_base_take_no_time_from_the_rest():
    plan = plan_of(budget_s=100.0, rounds=20)
    assert sure_samples(plan, "base", Problem(2, 1000, 1000), 0.3) == SURE_OF_SLAB


def test_a_long_call_is_not_made_a_second_time_to_verify_it():
    plan = plan_of(sample_ns=2_000_000)
    assert preparing_seconds(plan, SINGLE_SHOT_S) == 0
    assert preparing_seconds(plan, 0.09) == 0.09
    assert preparing_seconds(plan, 0.003) == pytest.approx(0.006)  # the call that verifies is the first trial
    assert preparing_seconds(plan, 1e-6) == pytest.approx(1e-6 + 5e-3)
