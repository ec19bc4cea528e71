"""What is compared as it was typed or handed over: a kernel's name, a function's place, a function, a baseline's."""

from __future__ import annotations

import contextlib
import keyword
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path, PurePath

from matbench.errors import UsageError, without_paths
from matbench.kernels.registry import Registry
from matbench.measure.pairs_beside import KERNELS, is_under, module_file
from matbench.operations import OPERATIONS, PRODUCT, OperationName

__all__ = [
    "Source",
    "in_baseline",
    "operation_of",
    "parse_arms",
    "sent",
    "source_file",
    "told_apart",
]

LONGEST = 80  # characters of a label
OWN = "matbench"  # origin of the kernels that come with us


@dataclass(frozen=True)
class Source:
    """An arm to be found in every sampling process.

    Attributes
    ----------
    label
        How records and tables call it: no path in it.
    place
        Where a function of the reader's own is: ``module:function`` or ``path/of/file.py:function``; None for a
        kernel of the registry.
    root
        Folder that it is imported from instead, for a baseline.
    pickled
        The function itself, where no process but its own can find it.
    """

    label: str
    place: str | None = None
    root: str | None = None
    pickled: bytes | None = None


def parse_arms(typed: Sequence[str], registry: Registry) -> tuple[Source, ...]:
    """What the arms typed stand for, their labels told apart where two files have one name.

    Raises
    ------
    UsageError
        If one of them is neither a kernel nor a function's place.
    """
    return told_apart([_parse(text, registry) for text in typed])


def told_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """The same sources, those of one name and another place with a number after it."""
    found: list[Source] = []
    for source in sources:
        twins = [each for each in found if each.label == source.label and each != source]
        found.append(replace(source, label=f"{source.label[: LONGEST - 4]}#{len(twins) + 1}") if twins else source)
    return tuple(found)


def operation_of(labels: Sequence[str], registry: Registry) -> OperationName:
    """What arms compute: a kernel says it, a function of the reader's own is held to what is beside it.

    Raises
    ------
    UsageError
        If they compute different things.
    """
    found = {label: registry.get(label).operation for label in labels if label in registry.names}
    if len(set(found.values())) > 1:
        told = " and ".join(f"{label} computes {OPERATIONS[each].formula}" for label, each in found.items())
        raise UsageError(f"{told}; compare two kernels of one operation")
    return next(iter(found.values()), PRODUCT)


def _parse(text: str, registry: Registry) -> Source:
    place, colon, name = text.rpartition(":")
    shown = PurePath(text).name or text
    if text in registry.names:
        return Source(text)
    if not colon:
        if "." in text:  # a file, or a module: no kernel of ours has a dot
            raise UsageError(f"{shown!r} does not say which function is meant; write for example {shown}:multiply")
        return Source(registry.get(text).name)
    if not _is_dotted(name):
        raise UsageError(f"{shown!r} names no function; write module:function or file.py:function")
    if not place.endswith(".py"):
        if not _is_dotted(place):
            raise UsageError(f"{shown!r} names no module; write module:function or file.py:function")
        return Source(text[:LONGEST], text)
    path = Path(place)
    if not path.is_file():
        raise UsageError(f"there is no file {PurePath(place).name!r}; give the path of the file that holds {name}")
    return Source(_label(f"{path.name}:{name}"), f"{path.resolve()}:{name}")


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))


def _label(text: str) -> str:
    return re.sub(r"[^\w.:@=~^+-]", "_", text)[:LONGEST]


def sent(function: Callable[..., object]) -> Source:
    """A function as it is, to be sent to each sampling process; what it refers to has to be importable there.

    Raises
    ------
    UsageError
        If it can't be sent, or can't be called.
    """
    import cloudpickle  # noqa: PLC0415  few comparisons need it

    if not callable(function):
        raise UsageError(f"{type(function).__name__} can't be compared; give a kernel's name or a function")
    module = getattr(function, "__module__", None) or type(function).__module__
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    try:
        with _by_value(str(module)):
            pickled = cloudpickle.dumps(function)
    except Exception as error:  # a stranger's object: whatever it raises is told
        reason = " ".join(without_paths(str(error)).split())[:200]
        raise UsageError(
            f"{name} can't be sent to a fresh process ({reason}); put it into a file and name file.py:function"
        ) from error
    return Source(_label(f"{module}:{name}"), pickled=pickled)


@contextlib.contextmanager
def _by_value(name: str) -> Iterator[None]:
    """Within, functions of a module that no other process could import are sent whole, not by their names."""
    import cloudpickle  # noqa: PLC0415  few comparisons need it

    module = sys.modules.get(name)
    if module is None or name == "__main__" or _file_of(name, None) is not None or not module_file(module):
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


# -- a baseline's ------------------------------------------------------------------------------------------------------


def in_baseline(
    source: Source, name: str, *, registry: Registry, roots: Sequence[Path], tree: Path | None, here: Path
) -> Source:
    """The arm that a source is in another version of its code.

    Parameters
    ----------
    source
        As it is now.
    name
        How the baseline is called.
    registry
        Kernels by name.
    roots
        Folders that the baseline's modules are imported from.
    tree, here
        Top folders of the baseline's files and of ours, for a function of a file; None where it has none.

    Raises
    ------
    UsageError
        If the baseline can't have it.
    """
    label = _label(f"{source.label[: LONGEST - 1 - len(name[:30])]}@{name[:30]}")
    if source.pickled is not None:
        raise UsageError(f"{source.label} has no baseline; name it as module:function or file.py:function")
    if source.place is None:
        place = _kernel_place(source.label, registry)
        return Source(label, place, str(_root_of(place, roots, name)))
    where, _, function = source.place.rpartition(":")
    if not where.endswith(".py"):
        return Source(label, source.place, str(_root_of(source.place, roots, name)))
    if tree is None or not is_under(where, str(here)):
        raise UsageError(f"{source.label} has no counterpart in {name}; name a function of a file in the checkout")
    path = tree / Path(where).relative_to(here.resolve())
    if not path.is_file():
        raise UsageError(f"{name} has no file {path.name!r} at that place; compare what both have")
    return Source(label, f"{path}:{function}", str(path.parent))


def _kernel_place(name: str, registry: Registry) -> str:
    made = registry.get(name)
    return f"{KERNELS if made.origin == OWN else made.function.__module__}:{name}"


def _root_of(place: str, roots: Sequence[Path], name: str) -> Path:
    """The folder that holds the package of a function."""
    top = place.partition(":")[0].partition(".")[0]
    for root in roots:
        if (root / f"{top}.py").is_file():
            return root
        if (root / top / "__init__.py").is_file():
            if any(path.name.endswith(tuple(EXTENSION_SUFFIXES)) for path in (root / top).rglob("*")):
                raise UsageError(
                    f"{top} of {name} brings compiled extensions, of which a process can hold one version only; "
                    "a baseline can be given for Python and Numba code"
                )
            return root
    raise UsageError(f"{name} has no package {top!r}; name a checkout or a version that has it")


# -- what was compared -------------------------------------------------------------------------------------------------


def source_file(source: Source) -> Path | None:
    """The file that holds an arm's function, found without importing anything; None where there is none to be found."""
    if source.place is None:
        return None
    where = source.place.rpartition(":")[0]
    if where.endswith(".py"):
        return Path(where)
    return _file_of(where, None if source.root is None else [source.root])


def _file_of(name: str, folders: list[str] | None) -> Path | None:
    """The file of a module, looked for in `folders` or wherever Python looks."""
    parts = name.split(".")
    spec: ModuleSpec | None = None
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), folders)
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _spec(name: str, folders: list[str] | None) -> ModuleSpec | None:
    """Where a module is, its parents not imported."""
    if folders is not None or "." in name:
        return _first_spec(name, folders)
    return _first_spec(name, None) or _first_spec(name, [os.curdir])


def _first_spec(name: str, folders: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        with contextlib.suppress(Exception):  # a stranger's finder: whatever it raises, it has not found it
            found: ModuleSpec | None = finder.find_spec(name, folders)
            if found is not None:
                return found
    return None
