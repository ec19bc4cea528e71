"""Products by any recipe with any blocks: one compilation a recipe, whatever the layouts and the blocks are."""

import ctypes
import functools
import mmap

import numpy as np
from numba import njit

from matbench.kernels.gemm.compiling import WholeCompiler
from matbench.kernels.gemm.intrinsics import copy_table, tile_table
from matbench.kernels.gemm.product import multiply
from matbench.kernels.gemm.recipe import full_recipe
from matbench.kernels.gemm.views import Operands, Tables, View
from matbench.kernels.tiling import Blocks
from matbench.kernels.vectors import host_unit

NO_LIMIT = 2**40


@functools.cache
def compiled(recipe):
    """A function of `numbers_of` the operands and of blocks."""
    code = tuple(recipe.code)
    itemsize, lanes, rows, vectors = code[:4]

    @njit(pipeline_class=WholeCompiler)
    def numbers(given, limits):
        return multiply(Tables(tile_table(code), copy_table(code), itemsize, lanes, rows, vectors), limits, given)

    return numbers


def view_of(matrix):
    return View(matrix.__array_interface__["data"][0], *matrix.strides)


def numbers_of(a, b, out):
    """Operands as compiled code takes them: addresses, distances and extents."""
    (m, k), n = a.shape, b.shape[1]
    return Operands(view_of(a), view_of(b), view_of(out), m, n, k)


def outcome_of(recipe, blocks, a, b, out):
    """Compute ``out = a @ b``; returns 0 where it was done."""
    return compiled(recipe)(numbers_of(a, b, out), blocks)


def product_of(recipe, blocks, a, b, out=None):
    """``a @ b`` by a recipe; into memory full of NaN unless `out` is given."""
    if out is None:
        out = np.full((a.shape[0], b.shape[1]), np.nan, a.dtype)
    assert outcome_of(recipe, blocks, a, b, out) == 0
    return out


def host_recipe(dtype):
    return full_recipe(dtype, host_unit())


B_IS = ("packed", "in place", "streamed")  # what becomes of B


def small_blocks(recipe, b_is="packed"):
    """Blocks of a few register tiles: small matrices are cut in all three directions."""
    small, few = {"packed": (0, 0), "in place": (NO_LIMIT, NO_LIMIT), "streamed": (0, NO_LIMIT)}[b_is]
    return Blocks(2 * recipe.rows, 5, 2 * recipe.vectors * recipe.lanes, small, few)


class Guarded:
    """Memory between two pages that may not be touched: whoever reads or writes beyond it is ended by the system."""

    def __init__(self, pages):
        libc = ctypes.CDLL(None, use_errno=True)
        self.memory = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
        self.whole = np.frombuffer(self.memory, np.uint8)
        address = self.whole.__array_interface__["data"][0]
        for page in (0, pages + 1):
            place = ctypes.c_void_p(address + page * mmap.PAGESIZE)
            assert libc.mprotect(place, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
        self.free = self.whole[mmap.PAGESIZE : (pages + 1) * mmap.PAGESIZE]

    def matrix(self, rows, columns, dtype, *, at_end):
        size = rows * columns * np.dtype(dtype).itemsize
        part = self.free[self.free.size - size :] if at_end else self.free[:size]
        return part.view(dtype).reshape(rows, columns)
