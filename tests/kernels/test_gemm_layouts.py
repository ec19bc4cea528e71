"""Columns: transposed square by square in registers, and products with a single row or column."""

import ctypes
import itertools
import sys

import numpy as np
import pytest
from gemm_driver import NO_LIMIT, Guarded, host_recipe, product_of
from llvmlite import binding, ir

from matbench.kernels.gemm.copies import define_transposition, side_of
from matbench.kernels.gemm.microkernel import SIGNATURE
from matbench.kernels.gemm.recipe import Recipe
from matbench.kernels.oracle import largest_error
from matbench.kernels.tiling import Blocks

pytestmark = pytest.mark.xdist_group("numba_gemm")
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
WHOLE = Blocks(NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT)


def integers(m, n, dtype, seed=0):
    return np.random.default_rng(seed).integers(-8, 9, (m, n)).astype(dtype)


def laid(matrix, layout):
    """The same numbers elsewhere: in rows (C), in columns (F), with gaps (S), in parts of longer columns (W)."""
    rows, columns = matrix.shape
    if layout in "CF":
        return np.array(matrix, order=layout)
    place = np.full((columns + 1, rows + 3) if layout == "W" else (2 * rows, 3 * columns), np.nan, matrix.dtype)
    view = place[:columns, :rows].T if layout == "W" else place[::2, ::3]
    view[...] = matrix
    return view


def compiled_here(module):
    """What LLVM makes of a module on this processor; it has to live as long as its functions are called."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(cpu=binding.get_host_cpu_name(), opt=2)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), machine)
    engine.finalize_object()
    return engine


@dtypes
@pytest.mark.parametrize("side", [1, 2, 4, 8, 16])
def test_squares_of_any_side_are_transposed_and_nothing_else_is_written(dtype, side):
    code = Recipe(dtype=dtype, lanes=side, rows=side).code
    assert side_of(code) == side
    module = ir.Module("squares")
    function = define_transposition(module, code)
    function.linkage = "external"
    engine = compiled_here(module)
    transpose = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(SIGNATURE))(engine.get_function_address(function.name))
    for rows, columns in ((3 * side, 2 * side), (2 * side + side // 2, side - 1), (side - 1, side + 1), (0, 3)):
        source = np.arange(columns * (rows + 1), dtype=dtype).reshape(columns, rows + 1)  # a column a line
        target = np.full((rows + 1, columns + 2), -1, dtype)
        places = [each.__array_interface__["data"][0] for each in (source, target)]
        transpose(rows, 0, places[0], source.strides[0], places[1], target.strides[0], columns, 0, 0, 0)
        due = np.full_like(target, -1)
        due[:rows, :columns] = source[:, :rows].T
        np.testing.assert_array_equal(target, due, err_msg=f"{rows} x {columns}")


@pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by a call that Windows does not have")
@pytest.mark.parametrize("at_end", [False, True], ids=["first", "last"])
@dtypes
def test_of_operands_in_columns_nothing_beyond_is_read_or_written_at_any_edge(dtype, at_end):
    recipe = host_recipe(dtype)
    side = side_of(recipe.code)
    areas = [Guarded(8) for _ in range(3)]
    extents = sorted({1, side - 1, side, side + 1, 2 * side + 1} - {0})
    for m, n, k in itertools.product(extents, extents, extents):
        a, b = (
            area.matrix(columns, rows, dtype, at_end=at_end).T
            for area, (rows, columns) in zip(areas, ((m, k), (k, n)), strict=False)
        )
        out = areas[2].matrix(m, n, dtype, at_end=at_end)
        a[...], b[...] = integers(m, k, dtype), integers(k, n, dtype, seed=1)
        np.testing.assert_array_equal(product_of(recipe, WHOLE, a, b, out), a @ b, err_msg=f"{m} x {n} x {k}")


@dtypes
@pytest.mark.parametrize("layouts", ["".join(each) for each in itertools.product("CFSW", repeat=3)])
def test_a_row_a_column_and_a_few_of_either_are_right_in_any_layout(dtype, layouts):
    recipe = host_recipe(dtype)
    blocks = Blocks(recipe.rows, 5, 4 * recipe.lanes, 64, 2)
    for m, n, k in ((1, 50, 33), (50, 1, 33), (1, 1, 40), (1, 7, 0), (7, 1, 0), (9, 1, 1), (37, 3, 70), (3, 37, 70)):
        a, b = integers(m, k, dtype), integers(k, n, dtype, seed=1)
        out = laid(np.full((m, n), np.nan, dtype), layouts[2])
        product_of(recipe, blocks, laid(a, layouts[0]), laid(b, layouts[1]), out)
        np.testing.assert_array_equal(out, a @ b, err_msg=f"{m} x {n} x {k}")


@dtypes
def test_sums_along_rows_stay_within_the_rounding_bound_and_pass_on_what_is_no_number(dtype):
    recipe = host_recipe(dtype)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((21, 301)).astype(dtype), rng.standard_normal((301, 1)).astype(dtype)
    assert largest_error(a, b, product_of(recipe, WHOLE, a, b)) <= 1
    a[3, 5], a[8, 300], a[20, 0] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        due = a @ b
    got = product_of(recipe, WHOLE, a, b)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(due))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(due))


@dtypes
def test_a_single_panel_is_cut_along_k_only_where_its_block_would_outgrow_the_others(dtype):
    recipe = host_recipe(dtype)
    wide = recipe.lanes * recipe.vectors
    blocks = Blocks(recipe.rows, 8, 3 * wide, 0, 0)
    for n, k in itertools.product((2, recipe.lanes, wide, wide + 1), (7, 8, 9, 24, 25, 200)):
        a, b = integers(2 * recipe.rows + 1, k, dtype), integers(k, n, dtype, seed=1)
        np.testing.assert_array_equal(product_of(recipe, blocks, a, b), a @ b, err_msg=f"{n} x {k}")
