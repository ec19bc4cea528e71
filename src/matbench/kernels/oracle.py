"""The oracle of the product: is C really A B? Exact where arithmetic is exact, by the rounding-error bound otherwise.

Source of the bound: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.5:
``|C - AB| <= gamma_k |A| |B|`` with ``gamma_k = k u / (1 - k u)``, whatever the order of the summation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from matbench.kernels.registry import Array, Matmul
from matbench.model import Dtype, Problem
from matbench.operations import PRODUCT

__all__ = [
    "NEVER",
    "PAGE",
    "PANEL",
    "Verdict",
    "blank",
    "check_bytes",
    "check_laws",
    "check_product",
    "error_ratio",
    "gamma",
    "largest_error",
    "operands",
    "probe_error",
    "verdict_of",
]

FULL_CHECK_FLOPS = 2 * 128**3  # up to here the whole product is recomputed in extended precision
PROBES = 3  # random +-1 vectors: one wrong element shows in each of them
STRIPE = 64  # columns that one sum of a probe runs over: fewer hide less, and cost more
NEVER = 8.0  # standard deviations: 1e-14 is the chance that as many are exceeded
ROWS = 1  # of a large product that are recomputed: an error that all elements share shows in any row
PAGE = 4096  # bytes
PANEL = 256  # columns of B that are widened at a time: extended precision has no BLAS, and takes memory
MEAN_SQUARE = 13 / 12  # of what is uniform between 0.5 and 1.5


@dataclass(frozen=True)
class Verdict:
    """What the oracle found: the error in units of its bound, and the sentence if it is too large."""

    error: float  # largest error over its bound; at most 1 is right
    reason: str | None = None  # None: right

    @property
    def is_right(self) -> bool:
        """Whether the product may be timed."""
        return self.reason is None


def check_bytes(problem: Problem) -> int:
    """Memory that making the operands and checking a result takes beyond the operands themselves, in bytes.

    Both hold copies in double precision: of a product those of A, B and C, of other operations factors and bounds.
    """
    return 8 * problem.elements * (2 if problem.operation == PRODUCT else 10)


def operands(problem: Problem, offsets: tuple[int, int, int] = (0, 0, 0)) -> tuple[Array, ...]:
    """Random A and B of a problem and a NaN-filled C (zeros for integers), every page of them written.

    Of another operation than the product: its operands, and its result at last.

    Floats are uniform in [-1.5, -0.5) and [0.5, 1.5): no subnormals, no zeros, no cancellation to speak of in the
    operands. Integers are in -8..8, so that no sum overflows.

    Each begins with a page of memory: NumPy leaves it to chance whether its matrices begin with a cache line, and
    loops over vectors of that size lose a quarter of their speed where they do not, so that two processes would
    disagree by as much.

    Parameters
    ----------
    problem
        Shapes, element type, layout and seed.
    offsets
        Bytes by which A, B and C begin later than that, each a multiple of the element's size.
    """
    rng = np.random.default_rng(problem.seed)
    integers = problem.dtype == "int64"

    def random(shape: tuple[int, ...], offset: int) -> Array:
        made = _placed(shape, problem, offset)
        if integers:
            made[...] = rng.integers(-8, 9, shape)
            return made
        magnitude = rng.uniform(0.5, 1.5, shape).astype(made.dtype)
        signs = rng.integers(0, 2, shape).astype(made.dtype)
        np.multiply(magnitude, 2 * signs - 1, out=made)
        return made

    shapes = problem.definition.inputs(problem.m, problem.n, problem.k)
    inputs = [random(shape, offset) for shape, offset in zip(shapes, offsets, strict=False)]
    _suit(problem, inputs[0])
    return (*inputs, blank(problem, offsets[-1]))


def _suit(problem: Problem, a: Array) -> None:
    """Make of a random matrix what the operation is defined for.

    The entries of a determinant are scaled by sqrt(e / n) over their root mean square: the determinant of such a
    matrix has a magnitude about 1 at any n, by Stirling's formula, and can't overflow.
    """
    if problem.operation == "eigenvalues":
        a[...] = np.triu(a) + np.triu(a, 1).T
    elif problem.operation == "determinant":
        a *= math.sqrt(math.e / problem.n / MEAN_SQUARE)


def blank(problem: Problem, offset: int = 0) -> Array:
    """A new C of a problem as `operands` has it, for kernels that must not share one."""
    out = _placed(problem.definition.output(problem.m, problem.n, problem.k), problem, offset)
    out.fill(0 if problem.dtype == "int64" else np.nan)
    return out


def _placed(shape: tuple[int, ...], problem: Problem, offset: int) -> Array:
    """An array that begins `offset` bytes after the beginning of a page; nothing is written into it yet."""
    size = math.prod(shape) * problem.itemsize
    raw = np.empty(size + offset + PAGE, np.uint8)
    first = -raw.ctypes.data % PAGE + offset
    placed: Array = raw[first : first + size].view(problem.dtype).reshape(shape, order=problem.layout)
    return placed


def gamma(count: int, dtype: np.dtype[Any]) -> float:
    """Higham's gamma: the relative error that `count` roundings can add up to."""
    total = count * float(np.finfo(dtype).eps) / 2
    return total / (1 - total)


def error_ratio(error: Array, bound: Array) -> float:
    """Largest ``error / bound``; 0/0 is right, and NaN where numbers were due is infinitely wrong."""
    if error.size == 0:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, 0.0, error / bound)
    return float("inf") if np.isnan(ratio).any() else float(ratio.max())


def largest_error(a: Array, b: Array, out: Array) -> float:
    """Largest componentwise error of `out` as a product of `a` and `b`, in units of its rounding bound.

    Computed from the whole product in extended precision; for integers any difference is infinite.
    """
    if a.dtype.kind == "i":
        return 0.0 if np.array_equal(a @ b, out) else float("inf")
    wide = np.float64 if a.dtype == np.float32 else np.longdouble
    exact = a.astype(wide) @ b.astype(wide)
    magnitude = np.abs(a).astype(wide) @ np.abs(b).astype(wide)
    # One rounding more than gamma_k for storing, and the reference's own error where it is no wider than the product.
    count = max(1, a.shape[1]) + 1
    bound = magnitude * (gamma(count, a.dtype) + gamma(count, np.dtype(wide)))
    return error_ratio(np.abs(out.astype(wide) - exact), bound)


def probe_error(a: Array, b: Array, out: Array, seed: int = 0) -> float:
    """As `largest_error`, at a small part of its cost: C x against A (B x), and a row recomputed.

    For random vectors x of +-1, stripe by stripe of C. An error in one element changes its row of C x by as much,
    whatever the signs are. Errors of rounding add up like steps of a random walk: a sum of w of them exceeds t times
    their Euclidean norm with a probability below 2 exp(-t^2 / 2) (Hoeffding), so the bound grows with the square root
    of w only. Small errors in all elements cancel in C x, but not in the row recomputed.
    """
    if out.size == 0:
        return 0.0
    rng = np.random.default_rng(seed)
    n = b.shape[1]
    exact = a.dtype.kind == "i"
    wide = np.dtype(np.int64 if exact else np.float64)
    left, right, product = a.astype(wide), b.astype(wide), out.astype(wide)
    starts = np.arange(0, n, n if exact else STRIPE)
    worst = _rows_error(a, b, out, rng)
    bound = np.zeros(1) if exact else _stripe_bound(left, right, a.dtype, starts)
    for _ in range(PROBES):
        x = (2 * rng.integers(0, 2, n) - 1).astype(wide)
        with np.errstate(invalid="ignore", over="ignore"):  # what is no number comes out infinitely wrong
            seen = np.add.reduceat(product * x, starts, axis=1)
            error = np.abs(seen - left @ np.add.reduceat(right * x, starts, axis=1))
        worst = max(worst, error_ratio(error, bound))
    return worst


def _stripe_bound(left: Array, right: Array, dtype: np.dtype[Any], starts: Array) -> Array:
    """How far rounding may move C x, for each row and stripe: of the product in `dtype`, and of the probe itself."""
    norms = np.sqrt(np.add.reduceat(right * right, starts, axis=1))
    k = left.shape[1]
    own = math.sqrt(STRIPE) * gamma(2 * STRIPE + k + 3, left.dtype)
    bound: Array = np.abs(left) @ norms * (NEVER * gamma(k + 1, dtype) + own)
    return bound


def _rows_error(a: Array, b: Array, out: Array, rng: np.random.Generator) -> float:
    """`largest_error` of some random rows."""
    rows = rng.choice(a.shape[0], min(ROWS, a.shape[0]), replace=False)
    panels = (slice(first, first + PANEL) for first in range(0, b.shape[1], PANEL))
    return max((largest_error(a[rows], b[:, panel], out[rows][:, panel]) for panel in panels), default=0.0)


def check_product(a: Array, b: Array, out: Array, seed: int = 0) -> Verdict:
    """Whether `out` is the product of `a` and `b`, within rounding.

    Parameters
    ----------
    a, b, out
        m x k, k x n and m x n elements of one dtype.
    seed
        Of the probes that large products are checked with.
    """
    flops = 2 * a.shape[0] * a.shape[1] * b.shape[1]
    error = largest_error(a, b, out) if flops <= FULL_CHECK_FLOPS else probe_error(a, b, out, seed)
    return verdict_of(error)


def verdict_of(error: float) -> Verdict:
    """What an error in units of its bound means."""
    if error <= 1:
        return Verdict(error)
    size = "no number at all" if np.isinf(error) else f"{error:.3g} times its rounding bound"
    return Verdict(error, f"the result is wrong: its largest error is {size}")


def check_laws(matmul: Matmul, dtype: Dtype, seed: int = 0) -> Verdict:
    """Whether a bare kernel obeys on small operands what any matrix product obeys exactly.

    Identity on either side, small integers, and a C filled with NaN beforehand, on shapes with edges that no tile
    divides.
    """
    rng = np.random.default_rng(seed)
    for m, n, k in ((1, 1, 1), (2, 3, 5), (17, 13, 11), (8, 8, 8)):
        a = rng.integers(-8, 9, (m, k)).astype(dtype)
        b = rng.integers(-8, 9, (k, n)).astype(dtype)
        for left, right in ((a, b), (np.eye(m, dtype=dtype), a), (a, np.eye(k, dtype=dtype))):
            out = np.full((left.shape[0], right.shape[1]), -1 if np.dtype(dtype).kind == "i" else np.nan, dtype)
            matmul(left, right, out)
            if not np.array_equal(out, left @ right):
                return Verdict(float("inf"), f"the result is wrong on {left.shape} times {right.shape} small integers")
    return Verdict(0.0)
