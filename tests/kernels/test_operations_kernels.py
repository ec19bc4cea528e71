"""Every kernel of every other operation is right on operands of all kinds, leaves them alone, and says what it refuses.

Each is compiled once, for float64. What does not depend on the compiler, other element types, shapes and strides, is
tried on the functions as they stand in Python.
"""

import numpy as np
import pytest

from matbench.errors import KernelError
from matbench.kernels import Rung, default_registry, kernel
from matbench.kernels.checks import check_kernel, check_result, resulting
from matbench.kernels.oracle import operands
from matbench.kernels.registry import FLOATS
from matbench.model import DTYPES, Problem
from matbench.operations import OPERATIONS, PRODUCT

FURTHER = tuple(each for each in OPERATIONS if each != PRODUCT)
KERNELS = tuple(default_registry(*FURTHER))


def plain(made):
    """The function as it stands in Python, be it one that Numba compiles."""
    return getattr(made.function, "py_func", made.function)


def cell(made, dtype):
    marks = [pytest.mark.xdist_group(made.operation)] if made.compiled else []
    reason = made.why_not(dtype)
    marks += [pytest.mark.skip(reason=reason)] if reason else []
    return pytest.param(made, dtype, id=f"{made.name}-{dtype}", marks=marks)


compiled = pytest.mark.parametrize(("made", "dtype"), [cell(each, "float64") for each in KERNELS])
everything = pytest.mark.parametrize(
    ("made", "dtype"), [cell(each, dtype) for each in KERNELS for dtype in each.dtypes]
)
rectangular = pytest.mark.parametrize(
    "made", [each for each in KERNELS if OPERATIONS[each.operation].told == "byte/s"], ids=lambda made: made.name
)


@compiled
def test_a_kernel_is_right_on_small_operands_and_leaves_them_alone(made, dtype):
    verdict = check_kernel(made, made.bind(dtype), dtype)
    assert verdict.is_right, verdict.reason


@compiled
def test_a_kernel_stays_within_its_bound_where_its_tiles_and_vectors_are_many(made, dtype):
    n = 40 if made.rung is Rung.PYTHON or "jacobi" in made.name else 130
    problem = Problem(n, n, n, dtype, seed=7, operation=made.operation)
    *inputs, out = operands(problem)
    verdict = check_result(problem, inputs, resulting(made, made.bind(dtype)(*inputs, out), out))
    assert verdict.error <= 1


@everything
def test_a_kernel_is_right_in_all_its_element_types(made, dtype):
    if made.compiled and dtype == "float64":
        return  # compiled above
    with np.errstate(divide="ignore"):
        assert check_kernel(made, plain(made), dtype).is_right


@rectangular
def test_rectangles_and_strange_strides_are_obeyed(made):
    definition = made.definition
    for m, n, k in ((7, 5, 3), (1, 4, 40), (33, 2, 1)):
        rng = np.random.default_rng(m)
        inputs = [rng.integers(-8, 9, shape).astype("float64") for shape in definition.inputs(m, n, k)]
        due = expected(made.operation, inputs)
        for view in (np.asarray, np.asfortranarray, spread):
            arrays = [view(each) for each in inputs]
            out = spread(np.full(due.shape, np.nan)) if view is spread else np.full(due.shape, np.nan)
            result = resulting(made, plain(made)(*arrays, out), out)
            np.testing.assert_allclose(result, due, rtol=1e-15)


def spread(values):
    """The same values with other elements between them in memory, backwards."""
    base = np.full(tuple(2 * side for side in values.shape), 99.0)
    view = base[tuple(slice(None, None, -2) for _ in values.shape)]
    view[...] = values
    return view


def expected(operation, inputs):
    a = inputs[0]
    return {
        "matvec": lambda: a @ inputs[1],
        "transpose": a.T.copy,
        "transpose_walk": lambda: a.sum(axis=0),
        "norm": lambda: np.array([np.sqrt((a * a).sum())]),
        "broadcast_scalar": lambda: a + 1,
        "broadcast_rows": lambda: a * inputs[1],
        "broadcast_outer": lambda: np.multiply.outer(a, inputs[1]),
    }[operation]()


# -- called by users ---------------------------------------------------------------------------------------------------


def test_a_kernel_can_be_called_without_an_output():
    a, v = np.arange(6.0).reshape(2, 3), np.ones(3)
    np.testing.assert_array_equal(default_registry("matvec").get("python_matvec")(a, v), [3, 12])
    out = np.empty(2)
    assert default_registry("matvec").get("python_matvec")(a, v, out) is out
    np.testing.assert_array_equal(default_registry("norm").get("python_norm")(np.array([3.0, 4.0])), [5.0])
    np.testing.assert_allclose(
        default_registry("inverse").get("python_inverse")(np.diag([2.0, 4.0])), np.diag([0.5, 0.25])
    )


def test_a_view_shares_the_memory_of_its_operand_and_a_copy_does_not():
    a = np.arange(6.0).reshape(2, 3)
    ladder = default_registry("transpose")
    assert np.shares_memory(ladder.get("numpy_transpose_view")(a), a)
    assert not np.shares_memory(ladder.get("numpy_transpose")(a), a)
    assert [each.name for each in ladder if each.view] == ["numpy_transpose_view"]


@pytest.mark.parametrize(
    ("name", "arrays", "sentence"),
    [
        ("python_matvec", [np.eye(3)], "python_matvec got 1 operands; give 2 operands, it is A @ v"),
        ("python_norm", [np.ones(3)] * 3, "python_norm got 3 operands; give 1 operand, it is np.linalg.norm"),
        ("python_matvec", [np.eye(3), np.ones(2)], r"\(3, 3\) and \(2,\) is no shape for A @ v; give for example"),
        (
            "python_inverse",
            [np.ones((2, 3))],
            r"\(2, 3\) is no shape for np.linalg.inv\(A\); give for example",
        ),
        ("python_norm", [np.ones((2, 2))], r"\(2, 2\) is no shape for np.linalg.norm\(v\)"),
        ("python_matvec", [np.eye(2), np.ones(2, "float32")], "operands are float64 and float32; convert one"),
        ("python_inverse", [np.eye(2, dtype=int)], "python_inverse does not compute in int64; it computes in"),
    ],
)
def test_operands_that_do_not_fit_are_refused_in_one_sentence(name, arrays, sentence):
    with pytest.raises(KernelError, match=sentence):
        default_registry(*FURTHER).get(name)(*arrays)


def test_a_singular_matrix_has_no_inverse_and_determinant_zero():
    singular = np.ones((3, 3))
    with pytest.raises(np.linalg.LinAlgError):
        default_registry("inverse").get("python_inverse")(singular)
    for name in ("python_determinant", "numpy_determinant_rows"):
        assert default_registry("determinant").get(name)(singular)[0] == 0


def test_declarations_are_complete():
    for made in KERNELS:
        assert made.function.__doc__, made.name
        assert set(made.threaded_dtypes) <= set(made.dtypes) <= set(DTYPES)
        assert made.compiled == (made.rung is Rung.NUMBA)
        if OPERATIONS[made.operation].told == "flop/s":
            assert made.dtypes == FLOATS
        for n in (16, 100):
            problem = Problem(n, n, n, operation=made.operation)
            assert 0 < made.expected_seconds(problem) < 60
            assert made.needed_bytes(problem) >= problem.operand_bytes


# -- the laws find what is wrong ---------------------------------------------------------------------------------------


def stranger(operation, function, **declaration):
    return kernel("stranger", rung=Rung.NUMPY, idea="wrong", operation=operation, **declaration)(function)


def without_pivots(a, out):
    """Elimination as it is first thought of: it divides by a pivot of 0."""
    work = np.hstack([a, np.eye(len(a))])
    for p in range(len(a)):
        work[p] /= work[p, p]
        for i in range(len(a)):
            if i != p:
                work[i] -= work[i, p] * work[p]
    out[...] = work[:, len(a) :]


def one_rotation_short(a, out):
    out[:] = np.sort(a.diagonal())


def in_place(a, v, out):
    a *= v
    out[:] = a.sum(axis=1)
    a /= v


def changes_its_operand(v, out):
    v += 1
    out[:] = v


@pytest.mark.parametrize(
    ("operation", "function", "reason"),
    [
        ("inverse", without_pivots, "times its rounding bound, at n = 33"),
        ("inverse", lambda a, out: np.copyto(out, a.T), "the result is wrong"),
        ("determinant", lambda a, out: out.fill(abs(np.linalg.det(a))), "the result is wrong"),
        ("eigenvalues", one_rotation_short, "the result is wrong"),
        ("eigenvalues", lambda a, out: np.copyto(out, np.linalg.eigvalsh(a)[::-1]), "the result is wrong"),
        ("svd", lambda a, out: np.copyto(out, np.abs(np.linalg.eigvals(a))), "the result is wrong"),
        ("transpose", lambda a, out: np.copyto(out, a), "the result is wrong"),
        ("norm", lambda v, out: out.fill(np.sum(v * v)), "the result is wrong"),
        ("broadcast_rows", lambda a, v, out: np.multiply(a, v[:, None], out=out), "the result is wrong"),
        ("broadcast_scalar", lambda *_: None, "the result is wrong: its largest error is no number at all"),
        ("broadcast_scalar", changes_its_operand, "it changes its operands; have it work on copies"),
    ],
)
def test_a_kernel_that_is_wrong_is_found_out(operation, function, reason):
    with np.errstate(all="ignore"):
        verdict = check_kernel(stranger(operation, function), function, "float64")
    assert not verdict.is_right
    assert reason in verdict.reason


def test_a_result_of_another_shape_is_wrong():
    view = stranger("transpose", lambda a, _: a[:1], view=True)
    assert check_kernel(view, view.function, "float64").is_right is False
