"""One arm before it is timed: it has to compute the product, and to do nothing else."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import psutil

from matbench.kernels.checks import check_result
from matbench.kernels.oracle import operands
from matbench.kernels.registry import Array
from matbench.measure.clock import Clock
from matbench.measure.overheard import heard
from matbench.measure.pairs_arms import Bound, signatures
from matbench.measure.pairs_refusal import RefusedError, raised
from matbench.model import DTYPES, Dtype, Problem
from matbench.operations import OperationName

__all__ = ["ONCE_S", "Checked", "Forks", "Operands", "placed_operands", "verified"]

ONCE_S = 0.5  # s, a longer call is not made a second time, unless it has compiled something
SHORTEST_S = 0.02  # s, a shorter call says nothing of the processors it uses
ALONE = 1.5  # processors that a call on one thread may seem to use
# Bits of an element that no product has: as a float a NaN, though not the one that arithmetic makes.
NO_PRODUCT = {"float64": 0x7FFA_AAAA_AAAA_AAAA, "float32": 0x7FFA_AAAA, "int64": -1}

Around = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Operands:
    """The arrays that all arms of a cell share, and the checksums of the inputs: no arm may change A or B."""

    problem: Problem
    inputs: tuple[Array, ...]
    out: Array
    sums: tuple[int, ...]

    def are_unchanged(self) -> bool:
        """Whether A and B are still as they were made."""
        return tuple(map(_checksum, self.inputs)) == self.sums

    def spoil(self) -> None:
        """Fill C with what no product is, and what no arithmetic makes of other values."""
        self._bits.fill(NO_PRODUCT[self.out.dtype.name])

    def is_spoilt(self) -> bool:
        """Whether C is still, bit by bit, as `spoil` has left it."""
        return bool((self._bits == NO_PRODUCT[self.out.dtype.name]).all())

    @property
    def _bits(self) -> Array:
        return self.out.view(f"i{self.out.itemsize}")


def _checksum(matrix: Array) -> int:
    return zlib.crc32(matrix.ravel(order="K").view(np.uint8).data)


def placed_operands(problem: Problem, offsets: tuple[int, int, int]) -> Operands:
    """The operands of a problem, each beginning so many bytes after the beginning of a page.

    Parameters
    ----------
    problem
        What they are for.
    offsets
        Of A, B and C; whole cache lines below a page. Where matrices lie towards each other changes what they cost.
    """
    *inputs, out = operands(problem, offsets)
    return Operands(problem, tuple(inputs), out, tuple(map(_checksum, inputs)))


@dataclass(frozen=True)
class Checked:
    """What was found of an arm.

    Attributes
    ----------
    error
        Largest error of its product over the rounding bound; at most 1 is right. None where an earlier process has
        looked.
    call_ns
        Time of its last call, ns.
    """

    error: float | None
    call_ns: int


class Forks:
    """Notices when the process is copied, and ends the copy: it would go on measuring beside us."""

    def __init__(self) -> None:
        self.seen = 0
        register: Any = getattr(os, "register_at_fork", None)
        if register is not None:  # not on Windows, where nothing forks
            register(before=self._notice, after_in_child=_die)

    def _notice(self) -> None:
        self.seen += 1


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _children() -> int:
    with contextlib.suppress(psutil.Error, OSError):
        return len(psutil.Process().children())
    return 0


def _ended_children() -> int:
    """What tells whether another child has come and gone: the pages that all of them have asked for; 0 on Windows."""
    with contextlib.suppress(ImportError):
        resource = import_module("resource")
        return int(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt)
    return 0


def verified(
    arm: Bound,
    matrices: Operands,
    *,
    threads: int,
    clock: Clock,
    forks: Forks,
    around: Around = contextlib.nullcontext,
) -> Checked:
    """Call an arm as it will be timed, and look at what it does.

    It is called twice, for the first call may compile, and warn of it.

    Parameters
    ----------
    arm, matrices, threads
        What is called, with what.
    clock, forks
        What is looked at.
    around
        Makes the context that each call is made in.

    Raises
    ------
    RefusedError
        If it raises, computes anything but the product, changes an operand, prints, starts a process or takes more
        processors than it was given.
    """
    children, forked, versions = _children(), forks.seen, signatures([arm.function])
    ended = _ended_children()
    call_ns, product, said = _called(arm, matrices, clock, around)
    if call_ns < ONCE_S * 1e9 or signatures([arm.function]) > versions or _ended_children() > ended:
        cpu_ns, ended = clock.cpu_ns(), _ended_children()  # a first call may have run a compiler
        call_ns, product, said = _called(arm, matrices, clock, around)
        _check_alone(call_ns, clock.cpu_ns() - cpu_ns, threads)
    if forks.seen > forked or _children() > children or _ended_children() > ended:
        raise RefusedError("starts another process; compare functions that compute within this one")
    if not matrices.are_unchanged():
        raise RefusedError("changes its operands; have it work on copies")
    if said:
        raise RefusedError(f"prints ({said[:60]!r}); take that out, its time would be measured")
    return Checked(_judged(product, matrices), call_ns)


def _called(arm: Bound, matrices: Operands, clock: Clock, around: Around) -> tuple[int, object, str]:
    """Time of one call in ns, its product, and what it printed."""
    said = io.StringIO()
    matrices.spoil()
    call = arm.call(*matrices.inputs, matrices.out)
    try:
        with heard(said), around():
            start = clock.wall_ns()
            returned = call()
            elapsed = clock.wall_ns() - start
    except RefusedError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a stranger's function: it is told
        raise _failed(arm, error, matrices.problem) from None
    return elapsed, returned if arm.style == "returns" else matrices.out, " ".join(said.getvalue().split())


def _failed(arm: Bound, error: BaseException, problem: Problem) -> RefusedError:
    """What to say of a function that raised: perhaps it only wants another dtype."""
    if isinstance(error, Exception) and not _computes(arm, problem.operation, problem.dtype):
        for other in DTYPES:
            if other != problem.dtype and _computes(arm, problem.operation, other):
                return RefusedError(f"computes in {other}, not in {problem.dtype}; say --dtype {other}", "skipped")
    return RefusedError(raised(error))


def _computes(arm: Bound, operation: OperationName, dtype: Dtype) -> bool:
    """Whether an arm is right on small operands of a dtype."""
    problem = Problem(m=16, n=16, k=16, dtype=dtype, operation=operation)
    *inputs, out = operands(problem)
    try:
        with heard(io.StringIO()):
            returned = arm.call(*inputs, out)()
        return check_result(problem, inputs, np.asarray(returned) if arm.style == "returns" else out).is_right
    except Exception:  # noqa: BLE001  a stranger's function: this dtype is not it, either
        return False


def _check_alone(wall_ns: int, cpu_ns: int, threads: int) -> None:
    if threads == 1 and wall_ns > SHORTEST_S * 1e9 and cpu_ns > ALONE * wall_ns:
        used = cpu_ns / wall_ns
        raise RefusedError(f"uses {used:.1f} processors where one thread was asked for; say --threads, or limit it")


def _judged(product: object, matrices: Operands) -> float:
    out = matrices.out
    if not isinstance(product, np.ndarray):
        raise RefusedError(f"returns {type(product).__name__}, no array; return the product or write it into out")
    if product.dtype != out.dtype:
        asked, given = out.dtype.name, product.dtype.name
        hint = f"say --dtype {given}" if given in DTYPES else "return the dtype of the operands"
        raise RefusedError(f"returns {given} for {asked} operands; {hint}", "skipped")
    if product.shape != out.shape:
        raise RefusedError(f"returns an array of shape {product.shape}, not {out.shape}; mend it first")
    if product is not out and any(np.may_share_memory(product, each) for each in matrices.inputs):
        raise RefusedError("returns memory of its operands; return an array of its own")
    verdict = check_result(matrices.problem, matrices.inputs, product)
    if not verdict.is_right and product is out and matrices.is_spoilt():
        raise RefusedError("changes nothing in out; write the product there, or take (a, b) alone and return it")
    if not verdict.is_right:
        raise RefusedError(str(verdict.reason).replace("the result is wrong", "computes a wrong result"))
    return verdict.error
