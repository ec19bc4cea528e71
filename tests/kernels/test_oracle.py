"""The oracle accepts what is right within rounding, and it can fail: each fault below is caught."""

import numpy as np
import pytest

from matbench.kernels.oracle import (
    FULL_CHECK_FLOPS,
    PAGE,
    blank,
    check_laws,
    check_product,
    largest_error,
    operands,
    probe_error,
)
from matbench.model import DTYPES, Problem

SMALL, LARGE = 64, 300
CHECKS = {"whole product": largest_error, "probe": probe_error}


def one_wrong_element(a, b, out):
    out[...] = a @ b
    out[-1, out.shape[1] // 2] += 1


def two_columns_exchanged(a, b, out):
    out[...] = (a @ b)[:, [1, 0, *range(2, out.shape[1])]]


def transposed(a, b, out):
    out[...] = (a @ b).T


def operands_exchanged(a, b, out):
    out[...] = b @ a


def one_row_forgotten(a, b, out):
    out[:-1] = a[:-1] @ b


def one_element_never_written(a, b, out):
    due = a @ b
    due[7, 9] = out[7, 9]
    out[...] = due


def last_step_of_k_forgotten(a, b, out):
    out[...] = a[:, :-1] @ b[:-1]


def added_to_what_was_there(a, b, out):
    out[...] = 1
    out += a @ b


def some_infinities(a, b, out):
    out[...] = a @ b
    out[0, :5] = np.inf, -np.inf, np.inf, np.inf, -np.inf


def last_step_of_k_forgotten_in_one_tile(a, b, out):
    out[...] = a @ b
    out[:8, -8:] -= a[:8, -16:] @ b[-16:, -8:]


def nothing_but_zeros(_a, _b, out):
    out[...] = 0


def accumulated_in_float32(a, b, out):
    total = np.zeros(out.shape, np.float32)
    for p in range(a.shape[1]):
        total += np.multiply.outer(a[:, p], b[p]).astype(np.float32)
    out[...] = total


FAULTS = (
    one_wrong_element,
    two_columns_exchanged,
    transposed,
    operands_exchanged,
    one_row_forgotten,
    one_element_never_written,
    last_step_of_k_forgotten,
    added_to_what_was_there,
    last_step_of_k_forgotten_in_one_tile,
    nothing_but_zeros,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_a_fault_is_caught_by_either_check(check, fault, dtype, n):
    a, b, out = operands(Problem(m=n, n=n, k=n, dtype=dtype))
    fault(a, b, out)
    assert check(a, b, out) > 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_infinities_are_caught(check, dtype):
    a, b, out = operands(Problem(m=LARGE, n=LARGE, k=LARGE, dtype=dtype))
    some_infinities(a, b, out)
    assert check(a, b, out) == float("inf")


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_one_integer_off_by_one_is_caught(check, n):
    a, b, out = operands(Problem(m=n, n=n, k=n, dtype="int64"))
    out[...] = a @ b
    assert check(a, b, out) == 0
    out[n - 1, 0] += 1
    assert check(a, b, out) == float("inf")


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_sums_kept_in_single_precision_are_caught(check, n):
    a, b, out = operands(Problem(m=n, n=n, k=n))
    accumulated_in_float32(a, b, out)
    assert check(a, b, out) > 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_all_elements_off_by_two_hundred_units_in_the_last_place_are_caught(check, n, dtype):
    # Positive operands: without cancellation the bound is (n + 1) / 2 units of the result itself.
    a, b, out = operands(Problem(m=n, n=n, k=n, dtype=dtype))
    a, b = abs(a), abs(b)
    np.matmul(a, b, out=out)
    assert check(a, b, out) <= 1
    out *= 1 + 200 * float(np.finfo(dtype).eps)
    assert check(a, b, out) > 1


def test_one_element_off_by_two_hundred_units_in_the_last_place_is_caught_by_the_whole_product():
    a, b, out = operands(Problem(m=SMALL, n=SMALL, k=SMALL))
    a, b = abs(a), abs(b)
    np.matmul(a, b, out=out)
    out[5, 6] *= 1 + 200 * 2.0**-52
    assert largest_error(a, b, out) > 1


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_the_verdict_says_how_wrong_the_result_is(n):
    a, b, out = operands(Problem(m=n, n=n, k=n))
    one_row_forgotten(a, b, out)
    verdict = check_product(a, b, out)
    assert not verdict.is_right
    assert verdict.reason == "the result is wrong: its largest error is no number at all"
    one_wrong_element(a, b, out)
    verdict = check_product(a, b, out)
    assert verdict.error > 1
    assert "times its rounding bound" in verdict.reason


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [SMALL, LARGE])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_numpy_itself_is_right_with_room_to_spare(dtype, n, layout):
    a, b, out = operands(Problem(m=n, n=n + 1, k=n + 2, dtype=dtype, layout=layout))
    np.matmul(a, b, out=out)
    verdict = check_product(a, b, out)
    assert verdict.is_right
    assert 0 <= verdict.error < 0.5


def test_both_checks_are_used_around_the_limit():
    assert 2 * SMALL**3 <= FULL_CHECK_FLOPS < 2 * LARGE**3


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0), (1, 1, 1), (2, 600, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_odd_shapes_are_right_when_they_are(check, m, n, k, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-8, 9, (m, k)).astype(dtype), rng.integers(-8, 9, (k, n)).astype(dtype)
    assert check(a, b, a @ b) == 0


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_an_empty_sum_has_to_be_zero(check):
    a, b = np.ones((3, 0)), np.ones((0, 4))
    assert check(a, b, np.full((3, 4), 1e-300)) == float("inf")


# -- laws --------------------------------------------------------------------------------------------------------------


def right_only_for_multiples_of_four(a, b, out):
    m, n, k = (4 * (extent // 4) for extent in (a.shape[0], b.shape[1], a.shape[1]))
    out[:m, :n] = a[:m, :k] @ b[:k, :n]


def right_only_in_blocks_of_eight_columns(a, b, out):
    out[...] = a @ b
    rest = b.shape[1] % 8
    if b.shape[1] > 8 and rest:
        out[:, -rest:] = 0


def adds_to_what_was_there(a, b, out):
    out += a @ b


def rounds_to_seven_bits(a, b, out):
    out[...] = 4 * np.rint((a @ b) / 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "fault",
    [
        right_only_for_multiples_of_four,
        right_only_in_blocks_of_eight_columns,
        adds_to_what_was_there,
        operands_exchanged,
        one_row_forgotten,
        rounds_to_seven_bits,
    ],
)
def test_the_laws_catch(fault, dtype):
    def refusing(a, b, out):
        try:
            fault(a, b, out)
        except ValueError:  # exchanged operands need not even fit: the output stays as it was
            return

    verdict = check_laws(refusing, dtype)
    assert not verdict.is_right
    assert "small integers" in verdict.reason


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_laws_accept_numpy(dtype):
    assert check_laws(lambda a, b, out: np.matmul(a, b, out=out), dtype).is_right


# -- operands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_operands_repeat_with_their_seed_and_differ_without(dtype):
    problem = Problem(m=7, n=8, k=9, dtype=dtype, seed=5)
    first, again = operands(problem), operands(problem)
    other = operands(Problem(m=7, n=8, k=9, dtype=dtype, seed=6))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first[0], other[0])
    assert [each.shape for each in first] == [(7, 9), (9, 8), (7, 8)]
    assert {str(each.dtype) for each in first} == {dtype}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_operands_are_of_ordinary_magnitude_and_both_signs(dtype):
    a, b, out = operands(Problem(m=50, n=50, k=50, dtype=dtype))
    for each in (a, b):
        assert (abs(each) >= 0.5).all()
        assert (abs(each) <= 1.5).all()
        assert {-1.0, 1.0} == set(np.sign(each).ravel())
    assert np.isnan(out).all()


def test_operands_come_in_the_layout_that_was_asked_for():
    assert all(each.flags.f_contiguous for each in operands(Problem(m=3, n=4, k=5, layout="F")))
    assert all(each.flags.c_contiguous for each in operands(Problem(m=3, n=4, k=5)))


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 7, 64, 300])
def test_operands_begin_with_a_page_whatever_was_allocated_before(n, dtype, layout):
    problem = Problem(m=n, n=n + 1, k=n + 2, dtype=dtype, layout=layout)
    made = [*operands(problem), np.empty(n), *operands(problem), blank(problem)]
    places = {each.ctypes.data % PAGE for each in made if each.ndim == 2}
    assert places == {0}
    assert all(each.flags.aligned and each.flags.writeable for each in made)


def test_operands_begin_as_much_later_as_is_asked_for_and_hold_the_same():
    problem = Problem(m=7, n=8, k=9)
    placed = operands(problem, offsets=(64, 1024, 4160))
    assert [each.ctypes.data % PAGE for each in placed] == [64, 1024, 64]
    for one, same in zip(placed, operands(problem), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_blank_product_is_one_that_nobody_has_computed(dtype):
    problem = Problem(m=5, n=6, k=7, dtype=dtype)
    out = operands(problem)[2]
    np.testing.assert_array_equal(blank(problem), out)
    assert not np.may_share_memory(blank(problem), out)
