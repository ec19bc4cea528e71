"""What a comparison compares: a kernel's name or a function of the reader's own, found, called and cloned.

A function of ``(a, b, out)`` writes the product into `out`; one of ``(a, b)`` returns it. Either is timed exactly as
its callers would call it: what a function allocates to return is part of its time, and no copy is ever added.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib.util
import inspect
import keyword
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from types import FunctionType, ModuleType
from typing import Any, Literal, cast

from matbench.errors import KernelError, UsageError, without_paths
from matbench.kernels.registry import Array, Kernel, Registry
from matbench.model import Caches, Dtype

__all__ = [
    "Bound",
    "RefusedError",
    "Source",
    "bind_arm",
    "cached",
    "clone",
    "is_same",
    "load_function",
    "parse_arms",
    "raised",
    "signatures",
]

OUTPUT_NAMES = frozenset({"out", "c", "C"})  # what a third parameter with a default may be called to be the output

Style = Literal["writes", "keyword", "returns"]


class RefusedError(KernelError):
    """An arm that can't be compared; the message is the reason, one sentence about it.

    Attributes
    ----------
    outcome
        'skipped': it can't be tried; 'wrong': it was tried, and does not do what a product has to do.
    """

    def __init__(self, reason: str, outcome: Literal["skipped", "wrong"] = "wrong") -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True)
class Source:
    """What was typed for an arm.

    Attributes
    ----------
    label
        How records and tables call it: no path in it.
    place
        Where a function of the reader's own is: ``module:function`` or ``path/of/file.py:function``; None for a
        kernel of the registry.
    """

    label: str
    place: str | None = None


def parse_arms(typed: Sequence[str], registry: Registry) -> tuple[Source, ...]:
    """What the arms typed stand for, their labels told apart where two files have one name.

    Raises
    ------
    UsageError
        If one of them is neither a kernel nor a function's place.
    """
    found: list[Source] = []
    for text in typed:
        source = _parse(text, registry)
        twin = [each for each in found if each.label == source.label and each.place != source.place]
        found.append(Source(f"{source.label[:76]}#{len(twin) + 1}", source.place) if twin else source)
    return tuple(found)


def _parse(text: str, registry: Registry) -> Source:
    place, colon, name = text.rpartition(":")
    if text in registry.names or not colon:
        return Source(registry.get(text).name)
    if not _is_dotted(name):
        raise UsageError(f"{without_paths(text)!r} names no function; write module:function or file.py:function")
    if not place.endswith(".py"):
        if not _is_dotted(place):
            raise UsageError(f"{without_paths(text)!r} names no module; write module:function or file.py:function")
        return Source(text[:80], text)
    path = Path(place)
    if not path.is_file():
        raise UsageError(f"there is no file {PurePath(place).name!r}; give the path of the file that holds {name}")
    return Source(re.sub(r"[^\w.:-]", "_", f"{path.name}:{name}")[:80], f"{path.resolve()}:{name}")


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))


# -- finding -----------------------------------------------------------------------------------------------------------


def load_function(place: str) -> object:
    """The function at ``module:function`` or ``path.py:function``, its module imported.

    Modules are looked for where Python finds them and, after that, in the working folder; a file may import its
    neighbours.

    Raises
    ------
    RefusedError
        If the module can't be imported or has no such function.
    """
    where, _, name = place.rpartition(":")
    shown = PurePath(where).name
    try:
        found: object = _imported(where)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's module: whatever it raises is told
        raise RefusedError(f"{shown} can't be imported: it {raised(error)}; mend it first", "skipped") from None
    for part in name.split("."):
        if not hasattr(found, part):
            there = ", ".join(sorted(each for each in vars(found) if callable(getattr(found, each)))[:8])
            hint = f"it has: {there}" if there else "it has no functions"
            raise RefusedError(f"{shown} has no function {name!r}; {without_paths(hint)}", "skipped")
        found = getattr(found, part)
    if not callable(found):
        raise RefusedError(f"{name} in {shown} can't be called; name a function of (a, b, out)", "skipped")
    return found


def _imported(where: str) -> ModuleType:
    if not where.endswith(".py"):
        _search("")
        return import_module(where)
    path = PurePath(where)
    _search(str(path.parent))
    name = f"matbench_arm_{path.stem}_{abs(hash(where)):x}"  # not the stem alone: 'numpy.py' is a file's name, too
    if name in sys.modules:  # two functions of one file are compared, not two copies of the file
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, where)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _search(folder: str) -> None:
    """Have imports look into a folder as well, last: no file there can hide a library."""
    if folder not in sys.path:
        sys.path.append(folder)


def raised(error: BaseException) -> str:
    """What was raised, in one line that fits a record."""
    return " ".join(f"raised {type(error).__name__}: {without_paths(str(error))}".split())[:500]


# -- calling -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """An arm ready to be called: the bare function and how it gives its product back."""

    function: Callable[..., object]
    style: Style

    def call(self, a: Array, b: Array, out: Array) -> Callable[[], object]:
        """One product, without arguments: what a timed loop calls. The function alone is in it."""
        if self.style == "returns":
            return functools.partial(self.function, a, b)
        if self.style == "keyword":
            return functools.partial(self.function, a, b, out=out)
        return functools.partial(self.function, a, b, out)

    def twin(self) -> Bound:
        """The same code bound a second time."""
        return Bound(clone(self.function), self.style)


def style_of(function: Callable[..., object]) -> Style:
    """How a function gives its product back, by its parameters.

    A third positional parameter is the output if it has no default or is called ``out``, ``c`` or ``C``. Where the
    parameters can't be told, as of some functions written in C, three are assumed.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return "writes"
    if any(each.kind is inspect.Parameter.KEYWORD_ONLY and each.name == "out" for each in parameters):
        return "keyword"
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    placed = [each for each in parameters if each.kind in by_place]
    if len(placed) < 3:
        return "writes" if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters) else "returns"
    third = placed[2]
    return "writes" if third.default is inspect.Parameter.empty or third.name in OUTPUT_NAMES else "returns"


def bind_arm(label: str, found: object, *, registry: Registry, dtype: Dtype, threads: int, caches: Caches) -> Bound:
    """The arm called `label` for operands of `dtype`.

    Parameters
    ----------
    label
        Kernel name, unless `found` is given.
    found
        A function of the reader's own, or None for a kernel of the registry.

    Raises
    ------
    RefusedError
        If it can't run here, in that dtype or with that many threads.
    """
    if found is None and label not in registry.names:
        raise RefusedError("its library is not loaded in the sampling process; name its file with --blas", "skipped")
    made = registry.get(label) if found is None else found
    if not isinstance(made, Kernel):
        function = cast("Callable[..., object]", made)
        return Bound(function, style_of(function))
    reason = made.why_not(dtype, threads)
    if reason is not None:
        raise RefusedError(reason, "skipped")
    return Bound(made.bind(dtype, caches), "writes")


# -- two of a kind -----------------------------------------------------------------------------------------------------


def clone(function: Callable[..., object]) -> Callable[..., object]:
    """The same code in another place of memory: whatever differs between the two is not the code.

    A Python function gets a code object of its own, with the interpreter's caches in it; a function of Numba is
    compiled, or loaded, once more; of what is written in C there is one only, and it is called through another
    wrapper.
    """
    if _is_compiled(function):
        compiled: Any = function
        twin = sys.modules["numba"].jit(**compiled.targetoptions)(clone(compiled.py_func))
        return cast("Callable[..., object]", twin)
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
    return sum(len(getattr(function, "signatures", ())) for function in functions)


def cached(function: Callable[..., object], folder: str) -> None:
    """Have a function of Numba keep what it compiles in `folder`, for the other processes of a run.

    The folder must be this function's own: Numba takes two functions of one source for the same, whatever their
    options are. A function that encloses more than plain values is compiled in every process.
    """
    if not _is_compiled(function):
        return
    compiled: Any = function
    enclosed = [cell.cell_contents for cell in compiled.py_func.__closure__ or ()]
    if not all(isinstance(value, int | float | str) for value in enclosed):
        return
    config = sys.modules["numba"].config
    before, config.CACHE_DIR = config.CACHE_DIR, folder
    try:
        with contextlib.suppress(RuntimeError):  # its source is not in a file
            compiled.enable_caching()
    finally:
        config.CACHE_DIR = before
