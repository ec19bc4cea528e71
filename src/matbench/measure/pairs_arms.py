"""What a comparison compares: a kernel's name or a function of the reader's own, found, called and cloned.

A function of ``(a, b, out)`` writes the product into `out`; one of ``(a, b)`` returns it. Either is timed exactly as
its callers would call it: what a function allocates to return is part of its time, and no copy is ever added.
"""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any, Literal, cast

from matbench.kernels.jit import compiled_as, keep_on_disk
from matbench.kernels.registry import Array, Kernel, Registry
from matbench.measure.pairs_refusal import RefusedError
from matbench.model import Caches, Dtype
from matbench.operations import OPERATIONS, PRODUCT, OperationName

__all__ = ["Bound", "bind_arm", "cached", "clone", "is_same", "signatures"]

OUTPUT_NAMES = frozenset({"out", "c", "C"})  # what a further parameter with a default may be called to be the output

Style = Literal["writes", "keyword", "returns"]


@dataclass(frozen=True)
class Bound:
    """An arm ready to be called: the bare function and how it gives its product back."""

    function: Callable[..., object]
    style: Style

    def call(self, *arrays: Array) -> Callable[[], object]:
        """One product, without arguments: what a timed loop calls. The function alone is in it.

        Parameters
        ----------
        *arrays
            The operands, and the output at last.
        """
        *inputs, out = arrays
        if self.style == "returns":
            return functools.partial(self.function, *inputs)
        if self.style == "keyword":
            return functools.partial(self.function, *inputs, out=out)
        return functools.partial(self.function, *inputs, out)

    def twin(self) -> Bound:
        """The same code bound a second time."""
        return Bound(clone(self.function), self.style)


def style_of(function: Callable[..., object], inputs: int = 2) -> Style:
    """How a function gives its result back, by its parameters.

    A positional parameter after its operands, two of a product, is the output if it has no default or is called
    ``out``, ``c`` or ``C``. Where the parameters can't be told, as of some functions written in C, there is one.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return "writes"
    if any(each.kind is inspect.Parameter.KEYWORD_ONLY and each.name == "out" for each in parameters):
        return "keyword"
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    placed = [each for each in parameters if each.kind in by_place]
    if len(placed) <= inputs:
        return "writes" if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters) else "returns"
    last = placed[inputs]
    return "writes" if last.default is inspect.Parameter.empty or last.name in OUTPUT_NAMES else "returns"


def bind_arm(
    label: str,
    found: object,
    *,
    registry: Registry,
    dtype: Dtype,
    threads: int,
    caches: Caches,
    operation: OperationName = PRODUCT,
) -> Bound:
    """The arm called `label` for operands of `dtype`.

    Parameters
    ----------
    label
        Kernel name, unless `found` is given.
    found
        A function of the reader's own, or None for a kernel of the registry.
    operation
        What it is to compute.

    Raises
    ------
    RefusedError
        If it can't run here, in that dtype or with that many threads.
    """
    if found is None and label not in registry.names:
        raise RefusedError("its library is not loaded in the sampling process; name its file with --blas", "skipped")
    made: Any = registry.get(label) if found is None else found
    if not _is_kernel(made):
        return Bound(made, style_of(made, len(OPERATIONS[operation].inputs(1, 1, 1))))
    reason = made.why_not(dtype, threads)
    if reason is not None:
        raise RefusedError(reason, "skipped")
    return Bound(made.bind(dtype, caches), "returns" if getattr(made, "view", False) else "writes")


def _is_kernel(made: object) -> bool:
    """Whether it is a kernel, be it of another version of our registry."""
    return isinstance(made, Kernel) or all(callable(getattr(made, name, None)) for name in ("bind", "why_not"))


# -- two of a kind -----------------------------------------------------------------------------------------------------


def clone(function: Callable[..., object]) -> Callable[..., object]:
    """The same code in another place of memory: whatever differs between the two is not the code.

    A Python function gets a code object of its own, with the interpreter's caches in it; a function of Numba is
    compiled, or loaded, once more; of what is written in C there is one only, and it is called through another
    wrapper.
    """
    if _is_compiled(function):
        compiled: Any = function
        return cast("Callable[..., object]", compiled_as(compiled, clone(compiled.py_func)))
    if isinstance(function, FunctionType):
        code, name = function.__code__.replace(), function.__name__
        copied = FunctionType(code, function.__globals__, name, function.__defaults__, function.__closure__)
        copied.__kwdefaults__ = function.__kwdefaults__
        return copied
    if isinstance(function, functools.partial):
        return functools.partial(clone(function.func), *function.args, **function.keywords)
    if inspect.ismethod(function):
        return cast("Callable[..., object]", type(function)(clone(function.__func__), function.__self__))
    try:
        return copy.copy(function)
    except Exception:  # noqa: BLE001  whatever a stranger's object raises: it can't be copied
        return function


def _is_compiled(function: Callable[..., object]) -> bool:
    """Whether it is a function that Numba compiles when it is called."""
    if "numba" not in sys.modules:
        return False
    return isinstance(function, import_module("numba.core.dispatcher").Dispatcher)


def is_same(one: Callable[..., object], other: Callable[..., object]) -> bool:
    """Whether two functions are one object, or two bindings of one."""
    if isinstance(one, functools.partial) and isinstance(other, functools.partial):
        same = one.func is other.func and one.args == other.args and one.keywords == other.keywords
        return one is other or same
    return one is other or (inspect.ismethod(one) and inspect.ismethod(other) and one == other)


def signatures(functions: Sequence[Callable[..., object]]) -> int:
    """How many versions the functions have compiled so far, all together."""
    return sum(len(getattr(_within(function), "signatures", ())) for function in functions)


def _within(function: Callable[..., object]) -> Callable[..., object]:
    """What a wrapper calls that hands a function some of its arguments; any other function itself."""
    return function.func if isinstance(function, functools.partial) else function


def _is_plain(value: object) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, int | float | str)


def cached(function: Callable[..., object], folder: str) -> None:
    """Have a function of Numba keep what it compiles in `folder`, for the other processes of a run.

    The folder must be this function's own: Numba takes two functions of one source for the same, whatever their
    options are. A function that encloses more than plain values is compiled in every process. One of matbench's that is
    kept on disk anyway is kept where it is; a reader's is not, as two of its versions that plain Python has compiled
    may have symbols of one name (see `matbench.kernels.jit`), and the second to be loaded would run the first.
    """
    compiled: Any = _within(function)
    if not _is_compiled(compiled):
        return
    is_ours = compiled.py_func.__module__.partition(".")[0] == "matbench"
    if is_ours and compiled.stats.cache_path is not None:
        return
    enclosed = [cell.cell_contents for cell in compiled.py_func.__closure__ or ()]
    if not all(map(_is_plain, enclosed)):
        return
    config = sys.modules["numba"].config
    before, config.CACHE_DIR = config.CACHE_DIR, folder
    try:
        keep_on_disk(compiled)
    finally:
        config.CACHE_DIR = before
