"""What a kernel is, and the registry that everything else asks for kernels."""

from __future__ import annotations

import difflib
import enum
import fnmatch
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, Protocol, TypeAlias

import numpy as np

from matbench.errors import KernelError, UsageError
from matbench.kernels.calling import called
from matbench.model import DTYPES, Caches, Dtype, KernelCard, Problem
from matbench.operations import OPERATIONS, PRODUCT, Operation, OperationName

__all__ = [
    "FLOATS",
    "Array",
    "Function",
    "Kernel",
    "Matmul",
    "Registry",
    "Rung",
    "kernel",
    "kernels_of",
]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Function: TypeAlias = Callable[..., object]  # of an operation's operands and the array that its result goes to

FLOATS: tuple[Dtype, ...] = ("float64", "float32")
NEAR = 0.6  # likeness from which a name may have been meant, of 0 to 1: difflib's own
DISPATCH_S = 1e-6  # s, order of magnitude of one call from Python into NumPy


class Matmul(Protocol):
    """Writes the product of `a` (m x k) and `b` (k x n) into `out` (m x n)."""

    def __call__(self, a: Array, b: Array, out: Array, /) -> object:
        """Compute ``out[...] = a @ b``."""


class Rung(enum.IntEnum):
    """The families of the ladder, from its foot to its top."""

    PYTHON = 0
    NUMPY = 1
    NUMBA = 2
    BLAS = 3

    @property
    def title(self) -> str:
        """The family's name as tables show it."""
        return ("pure Python", "NumPy arrays", "Numba loops", "BLAS")[self]


def _available() -> str | None:
    return None


def _nothing(_: Problem) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """One way to compute C = A B, or another operation: a function and its declaration.

    Attributes
    ----------
    name
        What users type; unique in a registry.
    rung
        The family it belongs to.
    idea
        The one idea it adds to the rung before it, in a few words.
    function
        Called as ``function(a, b, out)``, or with the operands of its operation and out; with `from_caches`, called
        once as ``function(caches, dtype)`` to make that function.
    dtypes
        Element types it computes in.
    threaded_dtypes
        Those of them for which it can use more than one thread.
    compiled
        Whether its first call compiles.
    from_caches
        Whether it is made to the measure of a machine's caches.
    gflops
        Order of magnitude of its speed on one core, in GFLOP/s, or in elements a nanosecond where there is no
        arithmetic: only the estimate of time before a run uses it.
    integer_gflops
        The same for integers, where they are slower.
    dispatches
        How many calls from Python into NumPy one product takes: their overhead is part of that estimate.
    workspace
        Bytes it allocates beyond the operands.
    needs
        Tells what this machine lacks for it, or None.
    view
        Whether it gives back a view of its operands instead of writing its result: it moves nothing.
    operation
        What it computes.
    origin
        The distribution that declares it.
    """

    name: str
    rung: Rung
    idea: str
    function: Callable[..., Any]
    dtypes: tuple[Dtype, ...] = DTYPES
    threaded_dtypes: tuple[Dtype, ...] = ()
    compiled: bool = False
    from_caches: bool = False
    gflops: float = 1.0
    integer_gflops: float | None = None
    dispatches: Callable[[Problem], int] = _nothing
    workspace: Callable[[Problem], int] = _nothing
    needs: Callable[[], str | None] = _available
    view: bool = False
    operation: OperationName = PRODUCT
    origin: str = "matbench"

    def __repr__(self) -> str:
        return f"<Kernel {self.name}: {self.idea}>"

    def bind(self, dtype: Dtype, caches: Caches | None = None) -> Function:
        """The bare function ``(a, b, out)`` that a timed loop calls.

        Parameters
        ----------
        dtype
            Element type of the operands it will be given.
        caches
            Cache sizes to suit, in bytes; unknown by default.
        """
        made: Function = self.function(caches or Caches(), dtype) if self.from_caches else self.function
        return made

    def __call__(self, *operands: Array, out: Array | None = None) -> Array:
        """The product of two matrices, or whatever its operation makes of its operands.

        Parameters
        ----------
        *operands
            For a product `a` and `b` of m x k and k x n elements, of one dtype; `out` may follow them.
        out
            Where the result goes: for a product m x n, same dtype, sharing no memory with the operands. A new array
            by default.

        Returns
        -------
        ndarray
            `out`.

        Raises
        ------
        KernelError
            If the operands do not fit each other or this kernel.
        """
        reason = self.why_not()
        if reason:
            raise KernelError(f"{self.name} can't run here: {reason}")
        return called(self, operands, out)

    @property
    def definition(self) -> Operation:
        """What it computes, with shapes and counts."""
        return OPERATIONS[self.operation]

    @property
    def family(self) -> str:
        """Its family's name as tables show it."""
        return self.definition.library if self.rung is Rung.BLAS else self.rung.title

    def why_not(self, dtype: Dtype | None = None, threads: int = 1) -> str | None:
        """The reason why it can't run here with a dtype and a number of threads, or None.

        Examples
        --------
        >>> from matbench.kernels import default_registry
        >>> default_registry().get("python_lists").why_not("float64", threads=2)
        'runs on one thread only'
        """
        missing = self.needs()
        if missing is not None:
            return missing
        if dtype is not None and dtype not in self.dtypes:
            return f"does not compute in {dtype}"
        if threads > 1 and not self.threaded_dtypes:
            return "runs on one thread only"
        if threads > 1 and dtype is not None and dtype not in self.threaded_dtypes:
            return f"runs on one thread only in {dtype}"
        return None

    def expected_seconds(self, problem: Problem, threads: int = 1) -> float:
        """Time one call is expected to take, in seconds, by the order of magnitude declared; a plan's cost model."""
        slower = self.integer_gflops if problem.dtype not in FLOATS else None
        arithmetic = (problem.flops or problem.elements) / ((slower or self.gflops) * 1e9 * threads)
        return arithmetic + DISPATCH_S * (1 + self.dispatches(problem))

    def needed_bytes(self, problem: Problem) -> int:
        """Memory that one call takes, operands included, in bytes."""
        return problem.operand_bytes + self.workspace(problem)

    @property
    def card(self) -> KernelCard:
        """What a record says of it."""
        return KernelCard(
            name=self.name,
            rung=self.family,
            idea=self.idea,
            compiled=self.compiled,
            threaded=bool(self.threaded_dtypes),
            view=self.view,
            origin=self.origin,
        )


def kernel(name: str, *, rung: Rung, idea: str, **declaration: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare the function below as a kernel.

    Parameters
    ----------
    name, rung, idea
        As in `Kernel`.
    **declaration
        The other attributes of `Kernel`.

    Examples
    --------
    >>> @kernel("numpy_dot", rung=Rung.NUMPY, idea="one dot product an element", gflops=0.1)
    ... def numpy_dot(a, b, out):
    ...     for i in range(len(a)):
    ...         for j in range(b.shape[1]):
    ...             out[i, j] = a[i] @ b[:, j]
    >>> numpy_dot(np.eye(2), np.ones((2, 3)))
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """

    def declare(function: Callable[..., Any]) -> Kernel:
        return Kernel(name=name, rung=rung, idea=idea, function=function, **declaration)

    return declare


class Registry:
    """The kernels there are, in the order of the ladder."""

    def __init__(self, kernels: Iterable[Kernel] = ()) -> None:
        self._kernels: dict[str, Kernel] = {}
        for each in kernels:
            self.add(each)

    def add(self, made: Kernel) -> None:
        """Take in one more kernel.

        Raises
        ------
        KernelError
            If its name is taken, or none that can be typed and stored.
        """
        if not re.fullmatch(r"[\w.:-]{1,80}", made.name):
            raise KernelError(f"{made.name[:80]!r} can't name a kernel; use up to 80 letters, digits and underscores")
        if made.operation not in OPERATIONS:
            raise KernelError(f"there is no operation {made.operation!r}; there are: {', '.join(OPERATIONS)}")
        if made.name in self._kernels:
            raise KernelError(f"there is a kernel {made.name!r} already; choose another name")
        self._kernels[made.name] = made

    def __iter__(self) -> Iterator[Kernel]:
        return iter(sorted(self._kernels.values(), key=lambda each: each.rung))

    def __len__(self) -> int:
        return len(self._kernels)

    @property
    def names(self) -> tuple[str, ...]:
        """All names in the order of the ladder."""
        return tuple(each.name for each in self)

    def get(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises
        ------
        UsageError
            If there is none; the sentence suggests the nearest name.
        """
        try:
            return self._kernels[name]
        except KeyError:
            raise UsageError(self._unknown(name)) from None

    def of(self, *operations: OperationName) -> Registry:
        """The kernels of some operations alone."""
        return Registry(each for each in self if each.operation in operations)

    def select(self, patterns: str) -> tuple[Kernel, ...]:
        """Kernels that match any of the comma-separated names or globs, in the order of the ladder.

        Raises
        ------
        UsageError
            If one of the patterns matches none.
        """
        for pattern in patterns.split(","):
            if not self.matching(pattern):
                raise UsageError(self._unknown(pattern.strip()))
        return self.matching(patterns)

    def matching(self, patterns: str) -> tuple[Kernel, ...]:
        """As `select`, where a pattern may match none."""
        wanted = [pattern.strip() for pattern in patterns.split(",")]
        return tuple(each for each in self if any(fnmatch.fnmatchcase(each.name, pattern) for pattern in wanted))

    def _unknown(self, name: str) -> str:
        near = max(self.names, key=lambda known: _likeness(name, known), default="")
        hint = f"did you mean {near!r}? There are" if _likeness(name, near) >= NEAR else "there are"
        shown = [each.name for each in self if each.operation == PRODUCT] or self.names
        others = len(self) - len(shown)
        more = f"; and {others} of other operations, which matbench list tells" if others else ""
        return f"no kernel {name!r}; {hint}: {', '.join(shown)}{more}"

    def load(self, plugin: EntryPoint) -> None:
        """Take in what a third party's entry point names: a `Kernel` or a module that holds some.

        A plugin that can't be loaded is left out with a warning: it must not take the suite down with it.
        """
        origin = plugin.dist.name if plugin.dist else "unknown"
        try:
            for each in self._sound(plugin.load(), origin):
                self.add(each)
        except (Exception, SystemExit) as reason:  # noqa: BLE001  whatever a stranger's module raises is told
            message = f"kernel plugin {plugin.name!r} of {origin} is left out: {type(reason).__name__}: {reason}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _sound(self, found: object, origin: str) -> tuple[Kernel, ...]:
        """What a plugin adds, once all of it is known to fit: it is taken in as a whole or not at all.

        Kernels that are here already are passed over: a plugin's module may import one of ours to build on it.
        """
        known = tuple(self)
        offered = tuple(each for each in _offered(found) if each not in known)
        added = tuple(replace(each, rung=Rung(each.rung), origin=origin) for each in offered)
        Registry((*known, *added))  # refuses a name that is taken
        for each in added:
            each.why_not()  # is asked for every listing: if it raises, it has to do so here
        return added


def _likeness(typed: str, known: str) -> float:
    """How alike two names are, 0 to 1; a name's second half counts like the whole: 'matmul' means 'numpy_matmul'."""
    forms = (known, known.partition("_")[2])
    return max(difflib.SequenceMatcher(None, typed.lower(), form).ratio() for form in forms)


def _offered(found: object) -> tuple[Kernel, ...]:
    """The kernels that a plugin's entry point offers: itself, or all that its module declares."""
    offered = kernels_of(found) if isinstance(found, ModuleType) else (found,)
    kernels = tuple(each for each in offered if isinstance(each, Kernel))
    if not kernels:
        raise KernelError("it names no kernel; decorate the function with @kernel")
    return kernels


def kernels_of(module: ModuleType) -> tuple[Kernel, ...]:
    """The kernels that a module declares, in the order of their declaration."""
    return tuple(value for value in vars(module).values() if isinstance(value, Kernel))
