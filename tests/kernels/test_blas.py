"""Calling a BLAS library directly: what it may refuse, and how its symbols are found."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from matbench.errors import KernelError, UsageError
from matbench.kernels import Registry, Rung, default_registry
from matbench.kernels.blas import blas_kernel, exports_cblas
from matbench.measure.libraries import add_blas_kernels, loaded_libraries
from matbench.model import Caches


@pytest.fixture(name="made")
def _made():
    """A kernel of a BLAS library in this process."""
    registry = Registry()
    add_blas_kernels(registry)
    if not registry.names:
        pytest.skip("no BLAS library in this process exports CBLAS")
    return next(iter(registry))


def test_the_library_behind_numpy_gets_a_kernel_of_its_own(made):
    assert made.name.startswith("blas_")
    assert made.rung is Rung.BLAS
    assert made.idea.endswith(", called directly")
    assert made.why_not("int64") == "does not compute in int64"
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(made(a, b), a @ b)


def test_a_library_is_added_once_however_often_it_is_named(made):
    registry = Registry()
    paths = [each["filepath"] for each in loaded_libraries() if each["user_api"] == "blas"]
    add_blas_kernels(registry, paths * 2)
    assert made.name in registry.names
    assert len(registry) <= len(paths)


def test_a_second_library_of_one_name_gets_a_number(made):
    registry = Registry([made])
    add_blas_kernels(registry)
    assert f"{made.name}_2" in registry.names


def test_a_file_that_is_no_library_is_refused_without_its_folder(tmp_path):
    path = tmp_path / "libnothing.so"
    path.write_text("not a library")
    with pytest.raises(
        UsageError, match=r"^libnothing\.so can't be loaded .*give the path of a shared library"
    ) as info:
        add_blas_kernels(Registry(), [str(path)])
    assert str(tmp_path) not in str(info.value)


def test_a_library_without_a_matrix_product_is_refused():
    library = ctypes.CDLL(None)  # this process: C's own functions, no CBLAS among them
    if exports_cblas(library):
        pytest.skip("this Python is linked to a BLAS")
    with pytest.raises(KernelError, match="the C library exports no cblas_dgemm and cblas_sgemm"):
        blas_kernel("c", library, title="the C library")


def test_a_library_with_one_precision_only_is_no_cblas():
    assert not exports_cblas(SimpleNamespace(cblas_dgemm=print))
    assert exports_cblas(SimpleNamespace(cblas_dgemm=print, cblas_sgemm=print))


class Recorded:
    """Stands for a foreign function: takes down what it is called with."""

    def __init__(self):
        self.calls = []

    def __call__(self, *arguments):
        self.calls.append(arguments)


def called(a, b, out, **symbols):
    """The kernel of a library with these symbols, called once; returns the recorded functions."""
    made = blas_kernel("fake", SimpleNamespace(**symbols), title="fake")
    made.bind(str(a.dtype), Caches())(a, b, out)


def test_sixty_four_bit_integers_are_preferred_where_a_library_offers_both():
    wide, narrow = Recorded(), Recorded()
    a = np.ones((2, 2))
    called(
        a,
        a,
        a.copy(),
        cblas_dgemm64_=wide,
        cblas_sgemm64_=wide,
        cblas_dgemm=narrow,
        cblas_sgemm=narrow,
    )
    assert len(wide.calls) == 1
    assert not narrow.calls
    assert wide.argtypes[3] is ctypes.c_int64


def test_extents_and_leading_dimensions_are_handed_over_as_cblas_wants_them():
    function = Recorded()
    a = np.ones((3, 9))[:, :4]  # leading dimension 9
    b = np.asfortranarray(np.ones((4, 5)))  # transposed, leading dimension 4
    out = np.ones((3, 7))[:, 1:6]
    called(a, b, out, cblas_dgemm=function, cblas_sgemm=Recorded())
    assert function.calls == [
        (101, 111, 112, 3, 5, 4, 1.0, a.ctypes.data, 9, b.ctypes.data, 4, 0.0, out.ctypes.data, 7),
    ]


def test_an_output_by_columns_is_written_in_place_as_the_transposed_product():
    function = Recorded()
    a, b = np.ones((3, 4)), np.ones((4, 5))
    out = np.empty((3, 5), order="F")
    called(a, b, out, cblas_dgemm=function, cblas_sgemm=Recorded())
    assert function.calls == [
        (101, 112, 112, 5, 3, 4, 1.0, b.ctypes.data, 5, a.ctypes.data, 4, 0.0, out.ctypes.data, 3),
    ]


@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 2), (3, 0, 2), (3, 3, 0)])
def test_an_empty_product_never_reaches_the_library(m, n, k):
    function = Recorded()
    out = np.full((m, n), np.nan)
    called(np.ones((m, k)), np.ones((k, n)), out, cblas_dgemm=function, cblas_sgemm=Recorded())
    assert not function.calls
    assert not out.any()


@pytest.mark.parametrize("name", ["a", "b", "out"])
def test_what_the_library_cannot_read_in_place_is_refused_by_name(name):
    arrays = {each: np.ones((4, 4)) for each in ("a", "b", "out")}
    arrays[name] = np.ones((4, 8))[:, ::2]
    function = Recorded()
    with pytest.raises(KernelError, match=rf"^BLAS can't read {name} in place; pass numpy.ascontiguousarray"):
        called(arrays["a"], arrays["b"], arrays["out"], cblas_dgemm=function, cblas_sgemm=Recorded())
    assert not function.calls


def test_integers_run_on_one_thread_and_floats_on_several():
    made = default_registry().get("numpy_matmul")
    assert made.why_not("float64", threads=2) is None
    assert made.why_not("int64", threads=2) == "runs on one thread only in int64"
