"""NumPy's own tests of `matmul`, with the generated product in its place wherever operands are real matrices."""

import types
from collections import Counter

import numpy as np
import pytest
from gemm_driver import host_recipe, product_of, small_blocks

numpy_tests = pytest.importorskip("numpy._core.tests.test_multiarray", reason="this NumPy came without its tests")

pytestmark = pytest.mark.xdist_group("numba_gemm")
NUMPY_MATMUL = np.matmul
CALLS = Counter()


def fits(a, b, out):
    """Whether the product is one of two matrices of one floating-point type, into memory of its own."""
    arrays = (a, b) if out is None else (a, b, out)
    return (
        all(type(each) is np.ndarray and each.ndim == 2 and each.dtype == arrays[0].dtype for each in arrays)
        and a.dtype in {np.dtype("float32"), np.dtype("float64")}
        and a.shape[1] == b.shape[0]
        and (out is None or out.shape == (a.shape[0], b.shape[1]))
        and (out is None or not (np.may_share_memory(a, out) or np.may_share_memory(b, out)))
    )


def generated_matmul(a, b, out=None, **others):
    """`numpy.matmul`, computed by the generator where it can be."""
    if others or not fits(a, b, out):
        return NUMPY_MATMUL(a, b, out, **others)
    CALLS[str(a.dtype)] += 1
    recipe = host_recipe(str(a.dtype))
    return product_of(recipe, small_blocks(recipe), a, b, out)


class NumPy(types.ModuleType):
    """NumPy with another `matmul`."""

    matmul = staticmethod(generated_matmul)

    def __getattr__(self, name):
        return getattr(np, name)


@pytest.fixture(autouse=True)
def _in_the_place_of_matmul(monkeypatch):
    monkeypatch.setattr(numpy_tests, "np", NumPy("numpy"))


class TestGeneratedMatmul(numpy_tests.TestMatmul):
    """All that NumPy asks of its own."""

    matmul = staticmethod(generated_matmul)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
    def test_dot_equivalent_matrix_matrix_blastypes(self, dtype):
        before = CALLS.total()
        super().test_dot_equivalent_matrix_matrix_blastypes(dtype)
        # Four layouts of each of three matrices; without this count NumPy might be testing itself.
        asked = 4**3 if np.dtype(dtype).kind == "f" else 0
        assert CALLS.total() - before == asked
