"""BLAS libraries: those that are loaded already, and those that the user names."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from threadpoolctl import threadpool_info

from matbench.errors import UsageError, without_paths
from matbench.kernels.blas import blas_kernel, exports_cblas
from matbench.kernels.registry import Registry

__all__ = ["add_blas_kernels", "blas_of_numpy", "loaded_libraries", "usable"]

_TITLES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS", "accelerate": "Accelerate"}


def loaded_libraries() -> list[dict[str, Any]]:
    """What threadpoolctl says of the libraries in this process, one dictionary a library."""
    return [dict(each) for each in threadpool_info()]


@dataclass(frozen=True)
class _Blas:
    """A loaded BLAS: its handle, its name, how tables call it, and whether its threads can be limited."""

    handle: ctypes.CDLL
    name: str
    title: str
    controlled: bool


def _load(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as reason:
        hint = "give the path of a shared library such as libmkl_rt.so"
        raise UsageError(f"{PurePath(path).name} can't be loaded ({without_paths(str(reason))}); {hint}") from None


def _title(library: dict[str, Any]) -> str:
    """A loaded library by its name, version and the family of kernels that it chose."""
    api = str(library["internal_api"])
    parts = (_TITLES.get(api, api), library.get("version"), library.get("architecture"))
    return " ".join(str(part) for part in parts if part)


def blas_of_numpy() -> str | None:
    """The BLAS that NumPy calls, by its title; None where none is known to be loaded.

    Others may be loaded beside it: what lies in NumPy's own folders is taken first.
    """
    loaded = [each for each in loaded_libraries() if each["user_api"] == "blas"]
    loaded.sort(key=lambda each: not _lies_in("numpy", each["filepath"]))
    return _title(loaded[0]) if loaded else None


def _described(path: str, loaded: Sequence[dict[str, Any]]) -> _Blas:
    """The library at `path`, by what threadpoolctl knows of it or else by its file name."""
    handle = _load(path)
    known = _known(path, loaded)
    if known is not None:
        return _Blas(handle, str(known["internal_api"]), _title(known), controlled=True)
    stem = re.sub(r"[^a-z0-9]+", "_", PurePath(path).name.split(".")[0].removeprefix("lib").lower()).strip("_")
    return _Blas(handle, stem or "library", PurePath(path).name, controlled=False)


def _known(path: str, loaded: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What threadpoolctl says of the library at `path`: of that file, or else of one that is called the same."""
    places = {path, str(Path(path).resolve())}  # threadpoolctl follows links
    same = (each for each in loaded if each["filepath"] in places)
    alike = (each for each in loaded if PurePath(each["filepath"]).name == PurePath(path).name)
    return next(same, None) or next(alike, None)


def add_blas_kernels(registry: Registry, paths: Sequence[str] = ()) -> None:
    """Add a kernel ``blas_<library>`` for each BLAS in this process that exports CBLAS, and for each of `paths`.

    A second library of one name gets a number: ``blas_openblas_2``. The order is the same in every process given
    the same paths, whatever else it has loaded: a name has to mean one library in all of them.

    Raises
    ------
    UsageError
        If one of `paths` can't be loaded or exports no CBLAS product.
    """
    for path in paths:
        _load(path)  # first, so that threadpoolctl sees it
    loaded = [each for each in loaded_libraries() if each["user_api"] == "blas"]
    seen: set[int] = set()
    for path, named in _in_order([str(each["filepath"]) for each in loaded], paths).items():
        library = _described(path, loaded)
        exports = exports_cblas(library.handle)
        if named and not exports:
            raise UsageError(f"{library.title} exports no cblas_dgemm and cblas_sgemm; give a library that does")
        if exports and library.handle._handle not in seen:  # noqa: SLF001  one file may have two names
            seen.add(library.handle._handle)  # noqa: SLF001
            _add(registry, library)


def _in_order(loaded: Sequence[str], named: Sequence[str]) -> dict[str, bool]:
    """The libraries in the order in which they are numbered, and whether the user asked for each.

    That of threadpoolctl is no order to rely on. NumPy's comes first, those that the user named as they were named, and
    SciPy's last: whatever part of SciPy is used first loads it, in some processes and not in others.
    """
    places = {*named, *(str(Path(path).resolve()) for path in named)}
    others = sorted(path for path in loaded if path not in places)
    late = [path for path in others if _lies_in("scipy", path)]
    early = sorted((path for path in others if path not in late), key=lambda path: not _lies_in("numpy", path))
    return dict.fromkeys(early, False) | dict.fromkeys(named, True) | dict.fromkeys(late, False)


def _lies_in(package: str, path: str) -> bool:
    """Whether a library lies in the folders of a package, as wheels lay them out."""
    return not {package, f"{package}.libs"}.isdisjoint(PurePath(path).parts[:-1])


def usable(paths: Sequence[str]) -> dict[str, str | None]:
    """Each of some libraries, loaded, and why it can't be measured; None where it can.

    Parameters
    ----------
    paths
        Of shared libraries. Loading one runs its code: they should have been asked for.
    """
    return {path: _why_unusable(path) for path in paths}


def _why_unusable(path: str) -> str | None:
    try:
        handle = _load(path)
    except UsageError as reason:
        return str(reason)
    return None if exports_cblas(handle) else f"{PurePath(path).name} exports no cblas_dgemm and cblas_sgemm"


def _add(registry: Registry, library: _Blas) -> None:
    taken = sum(1 for name in registry.names if re.fullmatch(rf"blas_{re.escape(library.name)}(_\d+)?", name))
    name = f"{library.name}_{taken + 1}" if taken else library.name
    registry.add(blas_kernel(name, library.handle, title=library.title, threaded=library.controlled))
