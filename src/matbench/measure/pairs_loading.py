"""Where an arm comes from: a function of a module or a file, the same as it is elsewhere, or one that was sent.

A baseline is imported beside what it is compared with, in one process: both then share operands, processor, libraries
and layout, so that what differs is the code. Two processes that take turns would add what differs between processes,
one or two percent, to every ratio. The price: of a package that brings compiled extensions there can be one only.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, Literal

from matbench.errors import KernelError, without_paths
from matbench.model import Caches, Dtype
from matbench.operations import OPERATIONS

__all__ = ["KERNELS", "RefusedError", "is_under", "load_function", "module_file", "raised", "search", "unpickled"]

KERNELS = "matbench.kernels"  # a function 'of' it is a kernel of its registry
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_elsewhere: dict[str, dict[str, ModuleType]] = {}  # folder -> modules that were imported from there


class RefusedError(KernelError):
    """An arm that can't be compared; the message is the reason, one sentence about it.

    Attributes
    ----------
    outcome
        'skipped': it can't be tried; 'wrong': it was tried, and does not do what a product has to do.
    arm
        Which of the two it is, where that is known.
    """

    def __init__(
        self, reason: str, outcome: Literal["skipped", "wrong"] = "wrong", arm: Literal["a", "b"] | None = None
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.arm = arm


def raised(error: BaseException) -> str:
    """What was raised, in one line that fits a record."""
    return " ".join(f"raised {type(error).__name__}: {without_paths(str(error))}".split())[:500]


def search(folders: Iterable[str]) -> None:
    """Have imports look into further folders as well, last: no file there can hide a library."""
    sys.path.extend(folder for folder in folders if folder not in sys.path)


def load_function(place: str, root: str | None = None) -> object:
    """The function at ``module:function`` or ``path.py:function``, its module imported.

    Modules are looked for where Python finds them and, after that, in the working folder; a file may import its
    neighbours.

    Parameters
    ----------
    place
        Where it is.
    root
        Folder that its module is imported from instead, beside the one of that name that may be there already; for
        a file that is a baseline, its own folder.

    Raises
    ------
    RefusedError
        If the module can't be imported or has no such function.
    """
    where, _, name = place.rpartition(":")
    shown = PurePath(where).name
    try:
        with contextlib.nullcontext() if root is None else _beside(root, where):
            found: object = _imported(where)
            if root is not None and where == KERNELS:
                return _Elsewhere(_kernel(found, name), root)
    except RefusedError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's module: whatever it raises is told
        raise RefusedError(_failure(shown, error, root), "skipped") from None
    if root is not None and not is_under(module_file(found), root):
        raise RefusedError(f"{shown} is not in the baseline; name a baseline that has it", "skipped")
    if root is not None:
        _check_imports(root, where)
    return _part(found, name, shown)


def _failure(shown: str, error: BaseException, root: str | None) -> str:
    if root is None:
        return f"{shown} can't be imported: it {raised(error)}; mend it first"
    hint = "mend it there, or compare what brings no compiled extensions: of those there can be one version only"
    return f"{shown} can't be imported from the baseline beside what is here: it {raised(error)}; {hint}"


def _part(found: object, name: str, shown: str) -> object:
    for part in name.split("."):
        if not hasattr(found, part):
            there = ", ".join(sorted(each for each in vars(found) if callable(getattr(found, each)))[:8])
            hint = f"it has: {there}" if there else "it has no functions"
            raise RefusedError(f"{shown} has no function {name!r}; {without_paths(hint)}", "skipped")
        found = getattr(found, part)
    if not callable(found):
        raise RefusedError(f"{name} in {shown} can't be called; name a function of (a, b, out)", "skipped")
    return found


def _kernel(package: Any, name: str) -> object:
    """A kernel of another version of our own registry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' kernels belong to the registry that is there already
        registry = package.default_registry()
        if name not in registry.names:
            with contextlib.suppress(TypeError):  # a version that has the product alone takes no operations
                registry = package.default_registry(*OPERATIONS)
    if name not in registry.names:
        raise RefusedError(f"the baseline has no kernel {name!r}; compare what both have", "skipped")
    return registry.get(name)


def _imported(where: str) -> ModuleType:
    if not where.endswith(".py"):
        search([""])
        return import_module(where)
    path = PurePath(where)
    search([str(path.parent)])
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


def unpickled(data: bytes) -> object:
    """The function that the parent has sent as it is: of a notebook, or defined within another.

    Raises
    ------
    RefusedError
        If what it needs can't be imported here.
    """
    import cloudpickle  # noqa: PLC0415  few comparisons need it

    search([""])
    try:
        found: object = cloudpickle.loads(data)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's function: whatever it raises is told
        reason = f"can't be sent to a fresh process: it {raised(error)}; put it into a file"
        raise RefusedError(reason, "skipped") from None
    return found


# -- beside what is there ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Elsewhere:
    """A kernel of another version; what it imports only when it is bound comes from there as well."""

    made: Any
    root: str

    def bind(self, dtype: Dtype, caches: Caches | None = None) -> Callable[..., object]:
        """The function of that version for operands of `dtype`."""
        with _beside(self.root, KERNELS):
            bound: Callable[..., object] = self.made.bind(dtype, caches)
        return bound

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)


@contextlib.contextmanager
def _beside(root: str, where: str) -> Iterator[None]:
    """Within, what is imported comes from `root` first, whatever was imported before; afterwards all is as before.

    Installed packages other than the arm's own stay what they are: only the code that is measured is another.
    """
    here = _taken_out(_replaced(root, where))
    before, known = set(sys.modules), _elsewhere.get(root, {})
    sys.modules.update(known)
    sys.path.insert(0, root)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(root)
        new = {name: sys.modules[name] for name in set(sys.modules) - before}
        found = {name: each for name, each in new.items() if name in known or is_under(module_file(each), root)}
        _elsewhere[root] = found
        for name in found:
            del sys.modules[name]
        sys.modules.update(here)


def _check_imports(root: str, where: str) -> None:
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
                raise RefusedError(
                    f"can't be a baseline: its {PurePath(loader.path).name} imports {name} inside a function, which "
                    "would bring today's code; move the import to the top of its module",
                    "skipped",
                )


def _lazy_imports(source: str) -> Iterator[str]:
    """Modules that a module's functions import when they are called; relative ones begin with a dot."""
    functions = (each for each in ast.walk(ast.parse(source)) if isinstance(each, FUNCTIONS))
    for each in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            yield "." * each.level + (each.module or "")


def _replaced(root: str, where: str) -> set[str]:
    """Names right under a folder that stand for what is there, while an arm of it is imported."""
    own = "" if where.endswith(".py") else where.partition(".")[0]
    return {top for top in _tops(root) if top == own or not _is_installed(top)}


def _tops(root: str) -> set[str]:
    """Names of the modules and packages right under a folder."""
    folder = Path(root)
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py")}


def _is_installed(top: str) -> bool:
    """Whether a module that has been imported is one of Python's own or of its installed packages."""
    module = sys.modules.get(top)
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return module is not None and any(is_under(module_file(module), folder) for folder in folders)


def _taken_out(tops: set[str]) -> dict[str, ModuleType]:
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
