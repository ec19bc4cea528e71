"""The top of the ladder: libraries that vendors and decades have tuned."""

from __future__ import annotations

import ctypes

import numpy as np

from matbench.errors import KernelError
from matbench.kernels.registry import FLOATS, Array, Kernel, Matmul, Rung, kernel
from matbench.model import Caches, Dtype

__all__ = ["blas_kernel", "exports_cblas", "numpy_matmul"]

# CBLAS's own constants.
_ROW_MAJOR, _NO_TRANS, _TRANS = 101, 111, 112
_LETTER = {"float64": "d", "float32": "s"}
# How libraries decorate the symbol, and whether their integers have 64 bits: plain, ILP64, and the builds that
# SciPy's developers ship inside the wheels of NumPy and SciPy.
_SPELLINGS = (
    ("cblas_{}gemm64_", ctypes.c_int64),
    ("scipy_cblas_{}gemm64_", ctypes.c_int64),
    ("scipy_cblas_{}gemm", ctypes.c_int32),
    ("cblas_{}gemm", ctypes.c_int32),
)


@kernel(
    "numpy_matmul",
    rung=Rung.BLAS,
    idea="the library behind A @ B",
    threaded_dtypes=FLOATS,
    gflops=30.0,
    integer_gflops=1.0,
)
def numpy_matmul(a: Array, b: Array, out: Array) -> None:
    """``A @ B``: BLAS for floating point; a plain loop for integers, which shows what BLAS was worth."""
    np.matmul(a, b, out=out)


def _gemm(library: ctypes.CDLL, dtype: Dtype) -> tuple[ctypes._NamedFuncPointer, type[ctypes._SimpleCData[int]]] | None:
    """The library's row-major product for `dtype` and its integer type, or None."""
    for spelling, integer in _SPELLINGS:
        function = getattr(library, spelling.format(_LETTER[dtype]), None)
        if function is not None:
            return function, integer
    return None


def exports_cblas(library: ctypes.CDLL) -> bool:
    """Whether a loaded library offers the CBLAS product in both floating-point types."""
    return all(_gemm(library, dtype) is not None for dtype in FLOATS)


def _leading(matrix: Array, name: str) -> tuple[int, int]:
    """Transposition flag and leading dimension (elements) by which CBLAS can read `matrix` in place."""
    rows, columns = matrix.shape
    by_row, by_column = (stride // matrix.itemsize for stride in matrix.strides)
    aligned = not any(stride % matrix.itemsize for stride in matrix.strides)
    if aligned and (by_column == 1 or columns <= 1) and (by_row >= max(1, columns) or rows <= 1):
        return _NO_TRANS, max(1, columns, by_row if rows > 1 else 1)
    if aligned and (by_row == 1 or rows <= 1) and (by_column >= max(1, rows) or columns <= 1):
        return _TRANS, max(1, rows, by_column if columns > 1 else 1)
    raise KernelError(f"BLAS can't read {name} in place; pass numpy.ascontiguousarray({name})")


def _make_matmul(library: ctypes.CDLL, dtype: Dtype) -> Matmul:
    """``(a, b, out)`` by one call of the library's ?gemm."""
    found = _gemm(library, dtype)
    if found is None:
        raise KernelError(f"the library exports no cblas_{_LETTER[dtype]}gemm")
    function, integer = found
    real = ctypes.c_double if dtype == "float64" else ctypes.c_float
    matrix = ctypes.c_void_p
    function.restype = None
    function.argtypes = [ctypes.c_int] * 3 + [integer] * 3 + [real, matrix, integer, matrix, integer]
    function.argtypes += [real, matrix, integer]

    def matmul(a: Array, b: Array, out: Array) -> None:
        (m, k), n = a.shape, b.shape[1]
        if m == 0 or n == 0:
            return
        if k == 0:
            out[...] = 0
            return
        flag, ld_out = _leading(out, "out")
        if flag != _NO_TRANS:  # the transposed product, C' = B' A', writes a column-major C in place
            matmul(b.T, a.T, out.T)
            return
        trans_a, ld_a = _leading(a, "a")
        trans_b, ld_b = _leading(b, "b")
        function(
            _ROW_MAJOR,
            trans_a,
            trans_b,
            m,
            n,
            k,
            1.0,
            a.ctypes.data,
            ld_a,
            b.ctypes.data,
            ld_b,
            0.0,
            out.ctypes.data,
            ld_out,
        )

    return matmul


def blas_kernel(name: str, library: ctypes.CDLL, *, title: str, threaded: bool = True) -> Kernel:
    """A kernel that calls a loaded BLAS library directly, without NumPy between.

    Parameters
    ----------
    name
        The library's name; the kernel is called ``blas_<name>``.
    library
        The loaded library.
    title
        How tables call it: name, version, kernel architecture.
    threaded
        Whether its number of threads can be set; if not, it is measured with one label only.

    Raises
    ------
    KernelError
        If the library exports no CBLAS product.
    """
    if not exports_cblas(library):
        raise KernelError(
            f"{title} exports no cblas_dgemm and cblas_sgemm; give the library that holds the CBLAS interface"
        )

    def made(_: Caches, dtype: Dtype) -> Matmul:
        return _make_matmul(library, dtype)

    return Kernel(
        name=f"blas_{name}",
        rung=Rung.BLAS,
        idea=f"{title}, called directly",
        function=made,
        from_caches=True,
        dtypes=FLOATS,
        threaded_dtypes=FLOATS if threaded else (),
        gflops=30.0,
    )
