"""Plans, benches and grids of other operations: only what was asked for, each with its own kernels, base and sizes."""

import numpy as np
import pytest
from measure_fakes import Workshop, plan_of

from matbench.api import quick
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, Rung, default_registry
from matbench.measure.plan import BASE, PRESETS, Request, make_plan, run_seconds
from matbench.measure.prepare import PROFILES, grid, prepared
from matbench.measure.turns import is_base
from matbench.model import DTYPES, Block, Caches, Case, Problem
from matbench.operations import OPERATIONS, PRODUCT

EVERYTHING = default_registry(*OPERATIONS)
FURTHER = tuple(each for each in OPERATIONS if each != PRODUCT)


def planned(*operations, cpus=2, registry=EVERYTHING, **request):
    return make_plan(Request(operations=operations or (PRODUCT,), **request), registry, cpus)


def operations_in(found):
    cases = [*found.plan.blocks, *(each.case for each in found.skipped)]
    return {each.problem.operation for each in cases}


@pytest.mark.parametrize("preset", PRESETS)
def test_without_a_word_only_the_product_is_measured_whatever_kernels_there_are(preset):
    found = planned(preset=preset)
    assert found == planned(preset=preset, registry=default_registry())
    assert operations_in(found) == {PRODUCT}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("operation", FURTHER)
def test_an_operation_is_planned_with_its_own_kernels_and_base(preset, operation):
    found = planned(operation, preset=preset)
    assert operations_in(found) == {operation}
    arms = {name for block in found.plan.blocks for name, _ in block.arms}
    skipped = {each.case.kernel for each in found.skipped}
    assert arms | skipped == set(default_registry(operation).names)
    assert found.plan.base == OPERATIONS[operation].base
    assert any((found.plan.base, 1) in block.arms for block in found.plan.blocks)
    assert all(each.reason for each in found.skipped)


@pytest.mark.parametrize("preset", PRESETS)
def test_several_operations_are_one_plan_with_time_for_all_and_the_cheap_first(preset):
    found = planned(PRODUCT, "matvec", "inverse", preset=preset)
    assert operations_in(found) == {PRODUCT, "matvec", "inverse"}
    assert found.plan.base == BASE
    assert found.plan.budget_s > PRESETS[preset].budget_s
    work = [block.problem.flops or block.problem.elements for block in found.plan.blocks]
    assert work == sorted(work)
    assert run_seconds(found.plan, EVERYTHING) <= found.plan.budget_s


def test_sizes_and_dtypes_of_one_s_own_hold_for_every_operation():
    found = planned("norm", "svd", sizes="10,20", dtypes=("float64", "float32"))
    problems = {(each.problem.operation, each.problem.n, each.problem.dtype) for each in found.plan.blocks}
    assert problems == {(o, n, t) for o in ("norm", "svd") for n in (10, 20) for t in ("float64", "float32")}


def test_an_operation_takes_no_rectangle():
    with pytest.raises(UsageError, match=r"^svd has one size n, not 8x100x100; write for example --sizes 100$"):
        planned("svd", sizes="8x100x100")
    assert planned(PRODUCT, sizes="8x100x100").plan.blocks


def test_what_is_too_slow_says_how_to_have_it_all_the_same():
    reasons = [each.reason for each in planned("eigenvalues", preset="quick").skipped]
    assert any("--kernels python_eigenvalues --sizes 256 --operations eigenvalues --budget" in each for each in reasons)


def test_an_element_type_that_no_kernel_computes_in_leaves_nothing():
    with pytest.raises(UsageError, match="nothing is left to measure"):
        planned("inverse", sizes="8", dtypes=("int64",))


def test_the_base_of_every_operation_counts_as_one():
    plan = planned(PRODUCT, "norm").plan
    assert is_base(plan, BASE, Problem(8, 8, 8))
    assert is_base(plan, "python_norm", Problem(8, 8, 8, operation="norm"))
    assert not is_base(plan, "numpy_norm", Problem(8, 8, 8, operation="norm"))


def test_a_base_can_be_chosen_in_another_operation():
    assert planned("norm", base="numpy_norm").plan.base == "numpy_norm"


# -- the bench ---------------------------------------------------------------------------------------------------------


def fake(workshop, name, result, **declaration):
    """A kernel of the norm that takes a millisecond."""

    def function(v, out):
        workshop.clock.advance(1_000_000)
        out[0] = result(v)

    declared = {"gflops": 1.0, "dtypes": ("float64",), "operation": "norm", **declaration}
    return Kernel(name=name, rung=Rung.PYTHON, idea="a fake", function=function, **declared)


def measured(workshop, kernel, n=8):
    problem = Problem(n, n, n, operation=kernel.operation)
    workshop.measure(workshop.bench(kernel), Block(problem=problem, arms=((kernel.name, 1),)))
    return workshop.outcomes(kernel.name), workshop.measurements(kernel.name)


def test_a_right_kernel_of_another_operation_is_sampled():
    workshop = Workshop()
    outcomes, found = measured(workshop, fake(workshop, "right", np.linalg.norm))
    assert set(outcomes) == {"measured"}
    assert len(found) == plan_of().rounds
    assert 0 <= found[0].error <= 1


def test_a_wrong_kernel_of_another_operation_is_never_timed():
    workshop = Workshop()
    outcomes, found = measured(workshop, fake(workshop, "wrong", np.sum))
    assert outcomes == ["wrong"]
    assert not len(found[0].samples)


def test_a_kernel_that_is_wrong_at_a_large_size_only_is_not_timed_there():
    workshop = Workshop()
    late = fake(workshop, "late", lambda v: np.linalg.norm(v[: 50 * 50]))
    assert measured(workshop, late, n=60)[0] == ["wrong"]


def test_a_call_too_long_to_be_made_twice_is_checked_by_its_sample():
    workshop = Workshop()
    outcomes, found = measured(workshop, fake(workshop, "slow", np.linalg.norm, gflops=1e-6), n=16)
    assert set(outcomes) == {"measured"}
    assert found[0].error is not None


def test_a_view_is_checked_by_what_it_gives_back():
    workshop = Workshop()

    def view(a, _):
        workshop.clock.advance(1000)
        return a.T

    def forgotten(a, _):
        workshop.clock.advance(1000)
        return a

    declared = {"operation": "transpose", "view": True, "dtypes": ("float64",), "gflops": 100.0}
    for function, outcome in ((view, "measured"), (forgotten, "wrong")):
        made = Kernel(name=outcome, rung=Rung.NUMPY, idea="a fake", function=function, **declared)
        assert set(measured(workshop, made, n=10)[0]) == {outcome}


# -- other runners -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("operation", FURTHER)
def test_a_grid_of_another_operation_leaves_nothing_out_silently(profile, operation):
    suite = grid(PROFILES[profile], 2, operation=operation)
    assert suite.kernels == default_registry(operation).names
    assert suite.base == OPERATIONS[operation].base
    cases = [suite.case(name, n, "float64", count) for name in suite.kernels for n in suite.sizes for count in (1, 2)]
    assert {case.problem.operation for case in cases} == {operation}
    assert all((case in suite.cases) == (suite.why_not(case) is None) for case in cases)


def test_a_case_of_another_operation_is_made_ready_as_the_product_s_are():
    made = default_registry("matvec").get("numpy_matvec")
    case = Case(made.name, Problem(32, 32, 32, seed=1, operation="matvec"))
    ready = prepared(made, case, Caches())
    assert 0 <= ready.error <= 1
    with ready.limited():
        ready.call()


def test_every_dtype_of_the_suite_has_an_operation_beside_the_product():
    assert {dtype for each in default_registry(*FURTHER) for dtype in each.dtypes} == set(DTYPES)
    assert len(Registry(EVERYTHING).of("norm", "svd")) == len(default_registry("norm")) + len(default_registry("svd"))


def test_a_quick_look_is_at_one_operation():
    with pytest.raises(UsageError, match=r"^'mat[*]' is more than one operation; measure one at a time$"):
        quick(operation="mat*")
    with pytest.raises(UsageError, match="no operation 'lops'; there are: matmul"):
        quick(operation="lops")
