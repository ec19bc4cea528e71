"""The oracles of the other operations: tight enough to see one wrong element, wide enough for any order of rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.kernels.checks import check_result
from matbench.kernels.checks_dense import factorised, inverse_error
from matbench.kernels.oracle import check_bytes, gamma, operands
from matbench.model import Problem
from matbench.operations import OPERATIONS, PRODUCT

FURTHER = tuple(each for each in OPERATIONS if each != PRODUCT)
NUMPY = {
    "matvec": lambda a, v: a @ v,
    "transpose": lambda a: a.T,
    "transpose_walk": lambda a: a.sum(axis=0),
    "norm": lambda v: np.array([np.linalg.norm(v)]),
    "broadcast_scalar": lambda v: v + v.dtype.type(1),
    "broadcast_rows": lambda a, v: a * v,
    "broadcast_outer": lambda v, w: v[:, None] * w,
    "inverse": np.linalg.inv,
    "determinant": lambda a: np.array([np.linalg.det(a)], a.dtype),
    "eigenvalues": np.linalg.eigvalsh,
    "svd": lambda a: np.linalg.svd(a, compute_uv=False),
}
VISIBLE = {"float64": 1e-8, "float32": 0.05}  # relative change of one element that must not pass at n = 60


def solved(operation, n, dtype="float64", seed=3):
    problem = Problem(n, n, n, dtype, seed=seed, operation=operation)
    *inputs, _ = operands(problem)
    return problem, inputs, np.array(NUMPY[operation](*inputs))


@pytest.mark.parametrize("operation", FURTHER)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numpy_is_right_and_one_element_that_is_off_is_seen(operation, dtype):
    problem, inputs, result = solved(operation, 60, dtype)
    assert check_result(problem, inputs, result).is_right
    if (operation, dtype) == ("determinant", "float32"):
        return  # its condition allows more than that
    largest = np.unravel_index(np.argmax(np.abs(result)), result.shape)
    result[largest] *= 1 + VISIBLE[dtype]
    verdict = check_result(problem, inputs, result)
    assert not verdict.is_right
    assert "its rounding bound" in verdict.reason or "no number at all" in verdict.reason


@pytest.mark.parametrize("operation", FURTHER)
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_what_is_no_number_or_was_never_written_is_wrong(operation, value):
    problem, inputs, result = solved(operation, 12)
    assert not check_result(problem, inputs, np.full_like(result, value)).is_right


@pytest.mark.parametrize("operation", FURTHER)
def test_operands_are_as_the_problem_states_them(operation):
    problem = Problem(9, 9, 9, operation=operation)
    *inputs, out = operands(problem)
    assert tuple(each.shape for each in inputs) == problem.definition.inputs(9, 9, 9)
    assert out.shape == problem.definition.output(9, 9, 9)
    assert np.isnan(out).all()
    assert all(np.isfinite(each).all() and each.all() for each in inputs)
    assert check_bytes(problem) >= 8 * problem.elements
    again = operands(problem)
    assert all(np.array_equal(one, other) for one, other in zip(inputs, again, strict=False))


@pytest.mark.parametrize("n", [1, 30, 300])
def test_determinants_have_a_size_that_neither_overflows_nor_vanishes(n):
    (a, _) = operands(Problem(n, n, n, "float32", seed=n, operation="determinant"))
    assert 1e-3 < abs(np.linalg.det(a.astype("float64"))) < 1e3


def test_matrices_whose_eigenvalues_are_asked_for_are_symmetric():
    a, _ = operands(Problem(20, 20, 20, operation="eigenvalues"))
    np.testing.assert_array_equal(a, a.T)


@given(n=st.integers(1, 70), seed=st.integers(0, 1000))
def test_the_factors_multiply_to_the_matrix_and_their_determinant_is_its(n, seed):
    a = np.random.default_rng(seed).standard_normal((n, n))
    lower, upper, determinant = factorised(a)
    assert np.abs(lower @ upper - a).max() <= gamma(n, a.dtype) * (np.abs(lower) @ np.abs(upper)).max()
    assert np.abs(lower).max() == 1
    np.testing.assert_array_equal(upper, np.triu(upper))
    assert determinant == pytest.approx(np.linalg.det(a), rel=1e-6, abs=1e-9)


def test_an_inverse_that_keeps_only_the_left_residual_small_is_right_too():
    # Inverting U and then solving X L = inv(U) is such a method (Higham, section 14.3): both are accepted.
    a = operands(Problem(40, 40, 40, seed=5, operation="inverse"))[0]
    lower, upper, _ = factorised(a)
    left = np.linalg.solve(lower.T, np.linalg.inv(upper).T).T
    assert inverse_error(a, left) <= 1


def test_an_ill_conditioned_matrix_is_no_excuse_for_a_large_residual():
    n = 10
    hilbert = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1)  # condition 1e13
    inverse = np.linalg.inv(hilbert)
    assert inverse_error(hilbert, inverse) <= 1
    assert inverse_error(hilbert, inverse * (1 + 1e-3)) > 1


def test_a_long_sum_in_single_precision_is_allowed_what_chance_adds_up_to():
    problem, inputs, result = solved("norm", 3200, "float32")  # 1e7 terms: the worst case allows 30 %
    assert check_result(problem, inputs, result).is_right
    assert not check_result(problem, inputs, result * np.float32(1.5)).is_right
