"""The operations that the suite measures: the matrix product, and the others that a lesson in NumPy begins with.

Each is a ladder of its own. What is stated here, operation counts and bytes, is the textbook's, whatever a kernel does.
A problem of every operation but the product has one size n, and so m = n = k.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from matbench.errors import UsageError

__all__ = ["OPERATIONS", "PRODUCT", "Operation", "OperationName", "check_extents", "select_operations"]

OperationName = Literal[
    "matmul",
    "matvec",
    "transpose",
    "transpose_walk",
    "norm",
    "broadcast_scalar",
    "broadcast_rows",
    "broadcast_outer",
    "inverse",
    "determinant",
    "eigenvalues",
    "svd",
]
PRODUCT: OperationName = "matmul"

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """What is computed, and how much work that is.

    Attributes
    ----------
    name
        What users type.
    title
        What it is, in words.
    formula
        As NumPy writes it.
    count
        Its operation count in words, and the source of the count where it is not plain.
    inputs
        Shapes of its operands from m, n, k.
    output
        Shape of its result from m, n, k.
    flops
        Floating-point operations from m, n, k; 0 where it only moves data.
    told
        What its speed is told in: by arithmetic, or by the bytes that have to be moved at least.
    base
        Kernel that speed-ups are told over.
    library
        What the library at the top of its ladder is called.
    check
        By which bound its results are checked, in words.
    """

    name: OperationName
    title: str
    formula: str
    count: str
    inputs: Callable[[int, int, int], tuple[Shape, ...]]
    output: Callable[[int, int, int], Shape]
    flops: Callable[[int, int, int], int]
    told: Literal["flop/s", "byte/s"]
    base: str
    check: str
    library: str = "BLAS"

    def elements(self, m: int, n: int, k: int) -> int:
        """Elements of all operands and the result together: each has to be touched once at least."""
        return sum(map(prod, self.inputs(m, n, k))) + prod(self.output(m, n, k))

    def intensity(self, n: int, itemsize: int) -> float:
        """Arithmetic intensity at size n: operations for each byte that has to be moved at least, flop/byte.

        Examples
        --------
        >>> OPERATIONS["matmul"].intensity(1200, 8), round(OPERATIONS["matvec"].intensity(1200, 8), 3)
        (100.0, 0.25)
        """
        return self.flops(n, n, n) / (itemsize * self.elements(n, n, n))


ONE_ROUNDING = "one rounding an element (Higham, section 2.2)"


def _square(m: int, _n: int, _k: int) -> tuple[Shape, ...]:
    """The operand of what is computed of one square matrix."""
    return ((m, m),)


_ALL = (
    Operation(
        name="matmul",
        title="matrix product",
        formula="A @ B",
        count="2 m n k flop",
        inputs=lambda m, n, k: ((m, k), (k, n)),
        output=lambda m, n, _: (m, n),
        flops=lambda m, n, k: 2 * m * n * k,
        told="flop/s",
        base="python_lists",
        check="componentwise, gamma_k |A| |B| (Higham, section 3.5)",
    ),
    Operation(
        name="matvec",
        title="matrix times vector",
        formula="A @ v",
        count="2 n² flop on n² + 2 n elements",
        inputs=lambda m, _, k: ((m, k), (k,)),
        output=lambda m, _n, _k: (m,),
        flops=lambda m, _, k: 2 * m * k,
        told="byte/s",
        base="python_matvec",
        check="componentwise, gamma_n |A| |v| (Higham, section 3.5)",
    ),
    Operation(
        name="transpose",
        title="transpose",
        formula="A.T.copy()",
        count="no flop, n² elements read and n² written",
        inputs=lambda m, _, k: ((m, k),),
        output=lambda m, _, k: (k, m),
        flops=lambda *_: 0,
        told="byte/s",
        base="python_transpose",
        check="no arithmetic: every element is the one that was moved",
    ),
    Operation(
        name="transpose_walk",
        title="row sums of a transposed array",
        formula="A.T.sum(axis=1)",
        count="n² flop on n² + n elements",
        inputs=lambda m, _, k: ((m, k),),
        output=lambda _m, _n, k: (k,),
        flops=lambda m, _, k: m * k,
        told="byte/s",
        base="python_transpose_walk",
        check="gamma_n times the sum of magnitudes (Higham, section 4.2)",
    ),
    Operation(
        name="norm",
        title="Euclidean norm of n² elements",
        formula="np.linalg.norm(v)",
        count="2 n² flop on n² elements",
        inputs=lambda m, _, k: ((m * k,),),
        output=lambda *_: (1,),
        flops=lambda m, _, k: 2 * m * k,
        told="byte/s",
        base="python_norm",
        check="relative, half of gamma for n² roundings and two more (Higham, section 3.1)",
    ),
    Operation(
        name="broadcast_scalar",
        title="a number added to n² elements",
        formula="v + 1",
        count="n² flop, n² elements read and n² written",
        inputs=lambda m, _, k: ((m * k,),),
        output=lambda m, _, k: (m * k,),
        flops=lambda m, _, k: m * k,
        told="byte/s",
        base="python_broadcast_scalar",
        check=ONE_ROUNDING,
    ),
    Operation(
        name="broadcast_rows",
        title="every row times a vector",
        formula="A * v",
        count="n² flop, n² + n elements read and n² written",
        inputs=lambda m, _, k: ((m, k), (k,)),
        output=lambda m, _, k: (m, k),
        flops=lambda m, _, k: m * k,
        told="byte/s",
        base="python_broadcast_rows",
        check=ONE_ROUNDING,
    ),
    Operation(
        name="broadcast_outer",
        title="outer product of two vectors",
        formula="v[:, None] * w",
        count="n² flop, 2 n elements read and n² written",
        inputs=lambda m, n, _: ((m,), (n,)),
        output=lambda m, n, _: (m, n),
        flops=lambda m, n, _: m * n,
        told="byte/s",
        base="python_broadcast_outer",
        check=ONE_ROUNDING,
    ),
    Operation(
        name="inverse",
        title="inverse",
        formula="np.linalg.inv(A)",
        count="2 n³ flop (Higham, section 14.3)",
        inputs=_square,
        output=lambda m, _n, _k: (m, m),
        flops=lambda m, _n, _k: 2 * m**3,
        told="flop/s",
        base="python_inverse",
        check="residual, gamma_3n |L| |U| |X| (Higham, sections 9.3 and 14.3)",
        library="LAPACK library",
    ),
    Operation(
        name="determinant",
        title="determinant",
        formula="np.linalg.det(A)",
        count="2/3 n³ flop, those of the LU factorisation (Higham, section 9.1)",
        inputs=_square,
        output=lambda *_: (1,),
        flops=lambda m, _n, _k: 2 * m**3 // 3,
        told="flop/s",
        base="python_determinant",
        check="relative, by its condition: |inv(A)| times the backward error of LU (Higham, sections 9.3 and 14.6)",
        library="LAPACK library",
    ),
    Operation(
        name="eigenvalues",
        title="eigenvalues of a symmetric matrix",
        formula="np.linalg.eigvalsh(A)",
        count="4/3 n³ flop, those of the reduction to tridiagonal form (Golub and Van Loan, section 8.3)",
        inputs=_square,
        output=lambda m, _n, _k: (m,),
        flops=lambda m, _n, _k: 4 * m**3 // 3,
        told="flop/s",
        base="python_eigenvalues",
        check="absolute, 10 n u times the Frobenius norm (Weyl; Golub and Van Loan, section 8.1), trace and norm kept",
        library="LAPACK library",
    ),
    Operation(
        name="svd",
        title="singular values",
        formula="np.linalg.svd(A, compute_uv=False)",
        count="8/3 n³ flop, those of the reduction to bidiagonal form (Golub and Van Loan, section 5.4)",
        inputs=_square,
        output=lambda m, _n, _k: (m,),
        flops=lambda m, _n, _k: 8 * m**3 // 3,
        told="flop/s",
        base="python_svd",
        check="absolute, 10 n u times the Frobenius norm (Weyl; Golub and Van Loan, section 8.6), norm kept",
        library="LAPACK library",
    ),
)
OPERATIONS: dict[OperationName, Operation] = {each.name: each for each in _ALL}


def check_extents(operation: OperationName, m: int, n: int, k: int) -> None:
    """Refuse a rectangle where there is one size.

    Raises
    ------
    UsageError
        If m, n and k differ, and it is not the product that is asked for.
    """
    if operation != PRODUCT and not m == n == k:
        raise UsageError(f"{operation} has one size n, not {m}x{n}x{k}; write for example --sizes {n}")


def select_operations(patterns: str) -> tuple[OperationName, ...]:
    """Operations that match any of the comma-separated names or globs, in the order of the table.

    Raises
    ------
    UsageError
        If one of the patterns matches none.

    Examples
    --------
    >>> select_operations("svd,broadcast_*")
    ('broadcast_scalar', 'broadcast_rows', 'broadcast_outer', 'svd')
    """
    wanted = [pattern.strip() for pattern in patterns.split(",")]
    for pattern in wanted:
        if not fnmatch.filter(OPERATIONS, pattern):
            raise UsageError(f"no operation {pattern!r}; there are: {', '.join(OPERATIONS)}")
    return tuple(each for each in get_args(OperationName) if any(fnmatch.fnmatchcase(each, like) for like in wanted))
