"""Every kernel there is, in each of its dtypes, obeys what any matrix product obeys."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from matbench.errors import KernelError
from matbench.kernels import Registry, default_registry
from matbench.kernels.numba_loops import ROWS_A_TASK
from matbench.kernels.oracle import check_laws, largest_error, operands
from matbench.kernels.tiling import tile_of_b
from matbench.measure.libraries import add_blas_kernels
from matbench.model import Caches, Problem

TINY = Caches(l1d=1024, l2=4096)  # bytes; so small that a few dozen elements are several tiles
EDGES = (0, 1, 5)


def every_cell():
    """One parameter a kernel and dtype; a kernel's cells share a test process, so that it is compiled once."""
    assert scipy.linalg.blas  # brings SciPy's own BLAS into the process, the one with 32-bit integers
    registry = Registry(default_registry())
    add_blas_kernels(registry)
    for kernel in registry:
        for dtype in kernel.dtypes:
            marks = [pytest.mark.xdist_group(kernel.name)]
            reason = kernel.why_not(dtype)
            if reason:
                marks.append(pytest.mark.skip(reason=reason))
            yield pytest.param(kernel, dtype, id=f"{kernel.name}-{dtype}", marks=marks)


CELLS = tuple(every_cell())
FLOAT_CELLS = tuple(cell for cell in CELLS if cell.values[1] != "int64")
cells = pytest.mark.parametrize(("kernel", "dtype"), CELLS)
float_cells = pytest.mark.parametrize(("kernel", "dtype"), FLOAT_CELLS)


def unwritten(m, n, dtype):
    """An output whose every element is one that no product here has."""
    return np.full((m, n), -(2**40) if dtype == "int64" else np.nan, dtype)


def integers(m, n, dtype, seed=0):
    return np.random.default_rng(seed).integers(-8, 9, (m, n)).astype(dtype)


def multiply(kernel, dtype, a, b):
    out = unwritten(a.shape[0], b.shape[1], dtype)
    kernel.bind(dtype, TINY)(a, b, out)
    return out


def test_blas_libraries_are_among_the_kernels_that_are_tested():
    names = {cell.values[0].name for cell in CELLS}
    assert names >= set(default_registry().names)


@cells
def test_the_laws_that_a_run_checks_hold(kernel, dtype):
    assert check_laws(kernel.bind(dtype, TINY), dtype).is_right


@cells
def test_the_identity_on_either_side_changes_nothing(kernel, dtype):
    a = operands(Problem(m=19, n=1, k=23, dtype=dtype, seed=1))[0]
    np.testing.assert_array_equal(multiply(kernel, dtype, a, np.eye(23, dtype=dtype)), a)
    np.testing.assert_array_equal(multiply(kernel, dtype, np.eye(19, dtype=dtype), a), a)


@cells
def test_empty_and_single_extents_give_exact_integers(kernel, dtype):
    for m, n, k in itertools.product(EDGES, repeat=3):
        a, b = integers(m, k, dtype), integers(k, n, dtype, seed=1)
        np.testing.assert_array_equal(multiply(kernel, dtype, a, b), a @ b, err_msg=f"{m} x {n} x {k}")


@cells
def test_shapes_around_the_tile_give_exact_integers(kernel, dtype):
    depth, width = tile_of_b(TINY, dtype)
    around = ((tile - 1, tile, tile + 1, 2 * tile + 1) for tile in (ROWS_A_TASK, width, depth))
    for m, n, k in itertools.product(*around):
        a, b = integers(m, k, dtype), integers(k, n, dtype, seed=1)
        np.testing.assert_array_equal(multiply(kernel, dtype, a, b), a @ b, err_msg=f"{m} x {n} x {k}")


@cells
@pytest.mark.parametrize(("m", "n", "k"), [(33, 21, 45), (2, 67, 3), (61, 2, 7), (3, 5, 150), (40, 40, 40)])
def test_random_operands_stay_within_the_rounding_bound(kernel, dtype, m, n, k):
    a, b, _ = operands(Problem(m=m, n=n, k=k, dtype=dtype, seed=m))
    assert largest_error(a, b, multiply(kernel, dtype, a, b)) <= 1


@cells
def test_operands_are_left_as_they_were(kernel, dtype):
    a, b, _ = operands(Problem(m=9, n=35, k=11, dtype=dtype))
    before = a.copy(), b.copy()
    multiply(kernel, dtype, a, b)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@float_cells
def test_nan_and_infinity_spread_as_in_numpy(kernel, dtype):
    a, b, _ = operands(Problem(m=9, n=13, k=7, dtype=dtype))
    a[0, 1], a[2, 3], a[4, :] = np.nan, np.inf, 0
    b[3, 5], b[6, 2], b[6, 4], b[1, 7] = -np.inf, np.inf, np.nan, 0
    a[5, 2], b[2, 9] = -np.inf, 0
    with np.errstate(invalid="ignore"):
        due = a @ b
        out = multiply(kernel, dtype, a, b)
    assert np.isnan(due).any()
    assert np.isinf(due).any()
    np.testing.assert_array_equal(np.isnan(out), np.isnan(due))
    np.testing.assert_array_equal(np.where(np.isinf(out), np.sign(out), 0), np.where(np.isinf(due), np.sign(due), 0))


# -- layouts in memory -------------------------------------------------------------------------------------------------


def c_order(values):
    return values, np.ascontiguousarray(values)


def fortran_order(values):
    return values, np.asfortranarray(values)


def transposed(values):
    base = np.ascontiguousarray(values.T)
    return base, base.T


def part_of(values, shape, key):
    """A view of larger memory that holds `values`, and that memory, the rest of it filled with 99."""
    base = np.full(shape, 99, values.dtype)
    base[key] = values
    return base, base[key]


def padded_rows(values):
    m, n = values.shape
    return part_of(values, (m, n + 3), (slice(None), slice(1, n + 1)))


def every_other_column(values):
    m, n = values.shape
    return part_of(values, (m, 2 * n), (slice(None), slice(None, None, 2)))


def rows_backwards(values):
    return part_of(values, values.shape, (slice(None, None, -1), slice(None)))


def all_backwards(values):
    return part_of(values, values.shape, (slice(None, None, -1), slice(None, None, -1)))


def padded_columns_of_a_transpose(values):
    base, view = padded_rows(np.ascontiguousarray(values.T))
    return base, view.T


LAYOUTS = (
    c_order,
    fortran_order,
    transposed,
    padded_rows,
    every_other_column,
    rows_backwards,
    all_backwards,
    padded_columns_of_a_transpose,
)


def layouts_of(kernel):
    """Layouts of a, b and out: all combinations, but for compiled kernels, where each would be compiled anew."""
    if kernel.compiled:
        return [(layout, layout, layout) for layout in LAYOUTS]
    return list(itertools.product(LAYOUTS, repeat=3))


def accepts(matmul, a, b, out):
    """Whether the product was computed; a refusal is an error that says what to do instead."""
    try:
        matmul(a, b, out)
    except KernelError:
        return False
    return True


@cells
def test_a_layout_in_memory_is_obeyed_or_refused_but_never_wrong(kernel, dtype):
    a, b = integers(5, 6, dtype), integers(6, 4, dtype, seed=1)
    matmul = kernel.bind(dtype, TINY)
    refused = set()
    for layouts in layouts_of(kernel):
        names = tuple(layout.__name__ for layout in layouts)
        (_, left), (_, right) = layouts[0](a), layouts[1](b)
        base, out = layouts[2](unwritten(5, 4, dtype))
        outside = np.count_nonzero(base == 99)
        if not accepts(matmul, left, right, out):
            refused.add(names)
            continue
        np.testing.assert_array_equal(out, a @ b, err_msg=str(names))
        assert np.count_nonzero(base == 99) == outside, f"{names}: wrote beyond out"
    # Only a foreign library may refuse, and what is contiguous it may not.
    assert not refused or kernel.name.startswith("blas_")
    contiguous = {"c_order", "fortran_order", "transposed", "padded_rows", "padded_columns_of_a_transpose"}
    assert not [names for names in refused if contiguous.issuperset(names)]


@cells
def test_an_operand_that_repeats_one_row_is_obeyed_or_refused(kernel, dtype):
    line = integers(1, 6, dtype)
    a = np.lib.stride_tricks.as_strided(line, (5, 6), (0, line.itemsize))
    b = integers(6, 4, dtype, seed=1)
    layout = rows_backwards if kernel.compiled else c_order  # what was compiled for the test above serves again
    out = layout(unwritten(5, 4, dtype))[1]
    if accepts(kernel.bind(dtype, TINY), a, layout(b)[1], out):
        np.testing.assert_array_equal(out, a @ b)
    else:
        assert kernel.name.startswith("blas_")
