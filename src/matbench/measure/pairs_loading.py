"""Where an arm comes from: a function of a module or a file, the same as it is elsewhere, or one that was sent."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import warnings
from importlib import import_module
from pathlib import PurePath
from types import ModuleType
from typing import Any

from matbench.errors import without_paths
from matbench.measure.pairs_beside import KERNELS, Elsewhere, beside, check_imports, is_under, module_file, search
from matbench.measure.pairs_refusal import RefusedError, raised
from matbench.operations import OPERATIONS

__all__ = ["load_function", "unpickled"]


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
        with contextlib.nullcontext() if root is None else beside(root, where):
            found: object = _imported(where, root)
            if root is not None and where == KERNELS:
                return Elsewhere(_kernel(found, name), root)
    except RefusedError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's module: whatever it raises is told
        raise RefusedError(_failure(shown, error, root), "skipped") from None
    if root is not None and not is_under(module_file(found), root):
        raise RefusedError(f"is missing: the baseline has no {shown}; name a baseline that has it", "skipped")
    if root is not None:
        check_imports(root, where)
    return _part(found, name, shown)


def _failure(shown: str, error: BaseException, root: str | None) -> str:
    if root is None:
        return f"can't be imported, for {shown} {raised(error)}; mend it first"
    hint = "mend it there, or compare what brings no compiled extensions: of those there can be one version only"
    return f"can't be imported from the baseline beside what is here, for {shown} {raised(error)}; {hint}"


def _part(found: object, name: str, shown: str) -> object:
    for part in name.split("."):
        if not hasattr(found, part):
            there = ", ".join(sorted(each for each in vars(found) if callable(getattr(found, each)))[:8])
            hint = f"it has: {there}" if there else "it has no functions"
            raise RefusedError(f"is missing: {shown} has no function {name!r}; {without_paths(hint)}", "skipped")
        found = getattr(found, part)
    if not callable(found):
        raise RefusedError("can't be called; name a function of (a, b, out)", "skipped")
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
        raise RefusedError(f"is missing: the baseline has no kernel {name!r}; compare what both have", "skipped")
    return registry.get(name)


def _imported(where: str, root: str | None) -> ModuleType:
    if not where.endswith(".py"):
        search([""])
        return import_module(where)
    path = PurePath(where)
    if root is None:
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
