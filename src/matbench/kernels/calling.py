"""What a kernel is called with by users: operands that have to fit each other, and an output that may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from matbench.errors import KernelError
from matbench.model import DTYPES, Dtype
from matbench.operations import PRODUCT, Operation

if TYPE_CHECKING:
    from matbench.kernels.registry import Array, Kernel

__all__ = ["called", "dtype_of"]


def called(made: Kernel, arrays: tuple[Array, ...], out: Array | None) -> Array:
    """The result of a kernel, once its operands are known to fit.

    Parameters
    ----------
    made
        The kernel.
    arrays
        Its operands; its output may follow them.
    out
        Its output, if it does not.

    Raises
    ------
    KernelError
        If they do not fit each other or the kernel.
    """
    count = len(made.definition.inputs(1, 1, 1))
    if out is None and len(arrays) == count + 1:
        arrays, out = arrays[:-1], arrays[-1]
    if not all(isinstance(each, np.ndarray) for each in (*arrays, *(() if out is None else (out,)))):
        raise KernelError("operands and out have to be arrays; wrap them in numpy.asarray")
    if len(arrays) != count:
        operands = "1 operand" if count == 1 else f"{count} operands"
        raise KernelError(f"{made.name} got {len(arrays)} operands; give {operands}, it is {made.definition.formula}")
    result = _output(made, arrays, out)
    returned = made.bind(dtype_of(arrays[0]))(*arrays, result)
    return cast("Array", returned) if made.view else result


def dtype_of(a: Array) -> Dtype:
    """The dtype of an array that can be timed.

    Raises
    ------
    KernelError
        If its elements are of any other type.
    """
    for dtype in DTYPES:
        if a.dtype == np.dtype(dtype):
            return dtype
    raise KernelError(f"matbench does not time {a.dtype} matrices; use one of {', '.join(DTYPES)}")


def _output(made: Kernel, operands: tuple[Array, ...], out: Array | None) -> Array:
    """`out`, or a new array for the result, once the operands are known to fit."""
    extents = _extents(made.definition, operands)
    first, last = operands[0], operands[-1]
    if first.dtype != last.dtype:
        raise KernelError(f"operands are {first.dtype} and {last.dtype}; convert one with .astype")
    reason = made.why_not(dtype_of(first))
    if reason:
        raise KernelError(f"{made.name} {reason}; it computes in {', '.join(made.dtypes)}")
    shape = made.definition.output(*extents)
    if out is None:
        return np.empty(shape, first.dtype)
    if out.shape != shape or out.dtype != first.dtype:
        raise KernelError(f"out is {out.shape} of {out.dtype}; it has to be {shape} of {first.dtype}")
    if not out.flags.writeable:
        raise KernelError("out is read-only; give an array that may be written")
    if any(np.may_share_memory(out, each) for each in operands):
        raise KernelError("out shares memory with an operand; give an array of its own")
    return out


def _extents(operation: Operation, operands: tuple[Array, ...]) -> tuple[int, int, int]:
    """The m, n and k that the shapes of an operation's operands tell."""
    shapes = tuple(each.shape for each in operands)
    m, k = shapes[0] if len(shapes[0]) == 2 else (operands[0].size, 1)
    n = shapes[-1][-1] if shapes[-1] else 0
    if operation.inputs(m, n, k) == shapes:
        return m, n, k
    told = " and ".join(map(str, shapes))
    if operation.name == PRODUCT:
        raise KernelError(f"shapes {told} do not multiply; give m x k and k x n")
    fit = " and ".join(map(str, operation.inputs(3, 3, 3)))
    raise KernelError(f"{told} is no shape for {operation.formula}; give for example {fit}")
