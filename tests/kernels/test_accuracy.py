"""How exact a product is: the reference by exact fractions, the kernels by what rounding allows."""

from fractions import Fraction

import numpy as np
import pytest

from matbench.kernels import Kernel, Rung, default_registry
from matbench.kernels.accuracy import accuracy, reference, twofold_product
from matbench.kernels.oracle import operands
from matbench.kernels.registry import FLOATS
from matbench.model import Caches, Problem

PLENTY = 2**34  # bytes
CACHES = Caches(l1d=4096, l2=32768)
KERNELS = tuple(
    pytest.param(each, dtype, id=f"{each.name}-{dtype}", marks=pytest.mark.xdist_group(each.name))
    for each in default_registry()
    for dtype in FLOATS
    if each.why_not(dtype) is None and (dtype == "float64" or not each.compiled)
)


def exact(a, b):
    """The product in fractions."""
    left, right = ([[Fraction(float(x)) for x in row] for row in each] for each in (a, b.T))
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in right] for row in left]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_reference_is_exact_to_twice_the_precision(dtype):
    a, b, _ = operands(Problem(3, 4, 200, dtype))
    high, low = twofold_product(a, b)
    for i, row in enumerate(exact(a, b)):
        for j, due in enumerate(row):
            assert abs(Fraction(high[i, j]) + Fraction(low[i, j]) - due) < Fraction(2) ** -80
            assert high[i, j] == float(due)


@pytest.mark.parametrize(("kernel", "dtype"), KERNELS)
def test_every_rung_stays_within_its_bound_and_none_but_by_rounding_is_exact(kernel, dtype):
    found = accuracy(kernel, CACHES, reference(Problem(40, 40, 40, dtype)), PLENTY)
    assert 0 < found.largest <= 1
    assert found.typical <= found.largest
    assert (found.elements, found.whole) == (32 * 40, True)


def rounded_once(a, b, out):
    out[...] = a.astype(np.longdouble) @ b.astype(np.longdouble)


def short(a, b, out):
    out[...] = a @ b
    out[-1, -1] *= 1 + 1e-9


@pytest.mark.parametrize(("function", "low", "high"), [(rounded_once, 0, 0.02), (short, 1, np.inf)])
def test_the_error_is_told_as_large_as_it_is(function, low, high):
    made = Kernel(name="mine", rung=Rung.NUMPY, idea="mine", function=function)
    assert low <= accuracy(made, CACHES, reference(Problem(100, 100, 100)), PLENTY).largest <= high


def test_what_would_take_too_long_or_too_much_memory_computes_only_the_rows_that_are_looked_at():
    seen = []

    def product(a, b, out):
        seen.append(a.shape)
        np.matmul(a, b, out=out)

    due = reference(Problem(100, 100, 100), count=5)
    assert list(due.rows) == [0, 24, 49, 74, 99]
    slow = Kernel(name="slow", rung=Rung.NUMPY, idea="slow", function=product, gflops=1e-6)
    fast = Kernel(name="fast", rung=Rung.NUMPY, idea="fast", function=product)
    assert not accuracy(slow, CACHES, due, PLENTY).whole
    assert not accuracy(fast, CACHES, due, 10).whole
    assert accuracy(fast, CACHES, due, PLENTY).whole
    assert seen == [(5, 100), (5, 100), (100, 100)]


def test_a_result_that_is_no_number_is_infinitely_wrong():
    made = Kernel(name="none", rung=Rung.NUMPY, idea="none", function=lambda _a, _b, _out: None)
    assert accuracy(made, CACHES, reference(Problem(8, 8, 8)), PLENTY).largest == np.inf
