"""Another version of a package beside the one that is here, in one process.

Both then share operands, processor, libraries and layout, so that what differs is the code. Two processes that take
turns would add what differs between processes, one or two percent, to every ratio. The price: of a package that brings
compiled extensions there can be one only, and what a function imports when it is called would be today's.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import packages_distributions
from importlib.util import spec_from_loader
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from matbench.measure.pairs_refusal import RefusedError
from matbench.model import Caches, Dtype

__all__ = ["KERNELS", "Elsewhere", "beside", "check_imports", "is_under", "module_file", "search", "unmixed"]

KERNELS = "matbench.kernels"  # a function 'of' it is a kernel of its registry
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ENVIRONMENTS = ("site-packages", "dist-packages")  # folders of installed packages

_elsewhere: dict[str, dict[str, ModuleType]] = {}  # folder -> modules that were imported from there


def search(folders: Iterable[str]) -> None:
    """Have imports look into further folders as well, last: no file there can hide a library."""
    sys.path.extend(folder for folder in folders if folder not in sys.path)


@dataclass(frozen=True)
class Elsewhere:
    """A kernel of another version; what it imports only when it is bound comes from there as well."""

    made: Any
    root: str

    def bind(self, dtype: Dtype, caches: Caches | None = None) -> Callable[..., object]:
        """The function of that version for operands of `dtype`."""
        with beside(self.root, KERNELS):
            bound: Callable[..., object] = self.made.bind(dtype, caches)
        return bound

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)


class _From(MetaPathFinder):
    """Finds some packages in a folder, and leaves all others to Python: a library there hides none that is here."""

    def __init__(self, root: str, tops: Collection[str]) -> None:
        self._root, self._tops = root, tops

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Where a package is, if it is one of these; what is within it is found by Python."""
        del target
        return PathFinder.find_spec(fullname, [self._root]) if path is None and fullname in self._tops else None


@contextlib.contextmanager
def beside(root: str, where: str) -> Iterator[None]:
    """Within, the arm's packages come from `root`, whatever was imported before; afterwards all is as before.

    Installed packages other than the arm's own stay what they are: only the code that is measured is another. What is
    installed nowhere else is found in `root` as well, last.
    """
    tops = _replaced(root, where)
    here = _taken_out(tops)
    before, known = set(sys.modules), _elsewhere.get(root, {})
    sys.modules.update(known)
    finder, is_new = _From(root, tops), root not in sys.path
    sys.meta_path.insert(0, finder)
    search([root])
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if is_new:
            sys.path.remove(root)
        new = {name: sys.modules[name] for name in set(sys.modules) - before}
        found = {name: each for name, each in new.items() if name in known or _is_from(root, tops, name, each)}
        _elsewhere[root] = found
        for name in found:
            del sys.modules[name]
        sys.modules.update(here)


def _is_from(root: str, tops: Collection[str], name: str, module: ModuleType) -> bool:
    """Whether a module is the baseline's own: our libraries may lie in a folder of the same checkout."""
    file = module_file(module)
    return is_under(file, root) and (name.partition(".")[0] in tops or not _is_library(file))


def check_imports(root: str, where: str) -> None:
    """Refuse a baseline that imports its own parts when it is called: by then, today's modules are back."""
    own = where.partition(".")[0]
    tops = _replaced(root, where) if where.endswith(".py") else {own}  # further packages are those installed now
    for known, module in _elsewhere[root].items():
        if not where.endswith(".py") and known.partition(".")[0] != own:
            continue
        loader = getattr(module, "__loader__", None)
        if not isinstance(loader, SourceFileLoader):
            continue
        for name in _lazy_imports(loader.get_source(known) or ""):
            if name.partition(".")[0] in {"", *tops}:
                raise _lazy(f"its {PurePath(loader.path).name} imports {name} inside a function")


def _lazy(what: str) -> RefusedError:
    hint = "which would bring today's code; move the import to the top of its module"
    return RefusedError(f"can't be a baseline: {what}, {hint}", "skipped")


def _lazy_imports(source: str) -> Iterator[str]:
    """Modules that a module's functions import when they are called; relative ones begin with a dot."""
    functions = (each for each in ast.walk(ast.parse(source)) if isinstance(each, FUNCTIONS))
    for each in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            yield "." * each.level + (each.module or "")


class _Given(Loader):
    """Hands out a module that was made before, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """That module."""
        del spec
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Give it back what importing it has overwritten."""
        module.__spec__ = self._spec


class _Watch(MetaPathFinder):
    """Stands where today's modules were, hands out those of the baseline, and keeps what was asked for first.

    Numba asks as well, when it loads what it has compiled before: that is no import of the function's.
    """

    def __init__(self, tops: Collection[str], known: Mapping[str, ModuleType]) -> None:
        self._tops, self._known = tops, known
        self.asked: str | None = None

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """The baseline's module of that name.

        Raises
        ------
        ModuleNotFoundError
            If it is one of those that are watched, and the baseline has not imported it so far.
        """
        del path, target
        if not self.watches(fullname):
            return None
        if _asking() != "numba":
            self.asked = self.asked or fullname
        if fullname not in self._known:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return spec_from_loader(fullname, _Given(self._known[fullname]))

    def watches(self, name: object) -> bool:
        """Whether a name is that of a module of these packages."""
        return isinstance(name, str) and name.partition(".")[0] in self._tops


def _asking() -> str:
    """The package whose code has asked for the import that is under way."""
    passed = {__name__, "importlib", "importlib._bootstrap", "_frozen_importlib"}
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in passed:
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__")).partition(".")[0]


@contextlib.contextmanager
def unmixed(root: str, place: str) -> Iterator[None]:
    """Within, a baseline is called that must not ask for a module of its own: when it is timed, it would get today's.

    However it asks (an import in a function, ``importlib.import_module``, ``sys.modules``), today's modules are out of
    its reach meanwhile.

    Parameters
    ----------
    root, place
        As of `load_function`.

    Raises
    ------
    RefusedError
        If it asks.
    """
    where = place.rpartition(":")[0]
    tops = _replaced(root, where)
    known = _elsewhere.get(root, {})
    watch, here = _Watch({*tops, *(name.partition(".")[0] for name in known)}, known), _taken_out(tops)
    sys.meta_path.insert(0, watch)
    try:
        yield
    except Exception as error:
        if watch.asked is None and isinstance(error, KeyError) and error.args and watch.watches(error.args[0]):
            watch.asked = error.args[0]
        if watch.asked is None:
            raise
    finally:
        sys.meta_path.remove(watch)
        _taken_out(tops)
        sys.modules.update(here)
    if watch.asked is not None:
        raise _lazy(f"it imports {watch.asked} when it is called")


def _replaced(root: str, where: str) -> set[str]:
    """Names right under a folder that stand for what is there, while an arm of it is imported."""
    own = "" if where.endswith(".py") else where.partition(".")[0]
    if PurePath(root).name in ENVIRONMENTS:
        return set(_shipped_with(own))
    return {top for top in _tops(root) if top == own or not _is_installed(top)}


@functools.cache
def _shipped_with(top: str) -> tuple[str, ...]:
    """A package, and what its distribution has beside it."""
    owners = packages_distributions()
    own = set(owners.get(top, ()))
    return (top, *(name for name, found in owners.items() if name != top and own & set(found)))


def _tops(root: str) -> set[str]:
    """Names of the modules and packages right under a folder."""
    folder = Path(root)
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py")}


def _is_installed(top: str) -> bool:
    """Whether a module is one of Python's own or of its installed packages, be it imported already or not."""
    module = sys.modules.get(top)
    spec = PathFinder.find_spec(top) if module is None else None
    return _is_library(module_file(module) if spec is None else spec.origin)


def _is_library(file: str | None) -> bool:
    """Whether a file is one of Python's own or of its installed packages."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(is_under(file, folder) for folder in folders)


def _taken_out(tops: Collection[str]) -> dict[str, ModuleType]:
    """Modules of these packages, which Python has forgotten afterwards."""
    names = [name for name in sys.modules if name.partition(".")[0] in tops]
    return {name: sys.modules.pop(name) for name in names}


def module_file(module: object) -> str | None:
    """The file that a module was made from; None for those that have none."""
    found = getattr(module, "__file__", None)
    return found if isinstance(found, str) else None


def is_under(path: str | None, folder: str) -> bool:
    """Whether a path lies in a folder, links followed."""
    return path is not None and Path(path).resolve().is_relative_to(Path(folder).resolve())
