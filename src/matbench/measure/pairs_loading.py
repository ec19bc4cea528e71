"""Where an arm comes from: a function of a module or a file, the same as it is elsewhere, or one that was sent.

A baseline is imported beside what it is compared with, in one process: both then share operands, processor, libraries
and layout, so that what differs is the code. Two processes that take turns would add what differs between processes,
one or two percent, to every ratio. The price: of a package that brings compiled extensions there can be one only.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, Literal

from matbench.errors import KernelError, without_paths
from matbench.operations import OPERATIONS

__all__ = ["KERNELS", "RefusedError", "is_under", "load_function", "module_file", "raised", "search", "unpickled"]

KERNELS = "matbench.kernels"  # a function 'of' it is a kernel of its registry

_elsewhere: dict[str, dict[str, ModuleType]] = {}  # folder -> modules that were imported from there


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
                return _kernel(found, name)
    except RefusedError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's module: whatever it raises is told
        raise RefusedError(_failure(shown, error, root), "skipped") from None
    if root is not None and not is_under(module_file(found), root):
        raise RefusedError(f"{shown} is not in the baseline; name a baseline that has it", "skipped")
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


@contextlib.contextmanager
def _beside(root: str, where: str) -> Iterator[None]:
    """Within, what is imported comes from `root` first, whatever was imported before; afterwards all is as before.

    Installed packages other than the arm's own stay what they are: only the code that is measured is another.
    """
    own = "" if where.endswith(".py") else where.partition(".")[0]
    here = _taken_out({top for top in _tops(root) if top == own or not _is_installed(top)})
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
