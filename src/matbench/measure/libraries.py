"""BLAS libraries: those that are loaded already, and those that the user names."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from threadpoolctl import threadpool_info

from matbench.errors import UsageError, without_paths
from matbench.kernels.blas import blas_kernel, exports_cblas
from matbench.kernels.registry import Registry

__all__ = ["add_blas_kernels", "blas_of_numpy", "loaded_libraries"]

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
    loaded.sort(key=lambda each: not any(part.startswith("numpy") for part in PurePath(each["filepath"]).parts))
    return _title(loaded[0]) if loaded else None


def _described(path: str, loaded: Sequence[dict[str, Any]]) -> _Blas:
    """The library at `path`, by what threadpoolctl knows of it or else by its file name."""
    handle = _load(path)
    for each in loaded:
        if each["filepath"] == path or PurePath(each["filepath"]).name == PurePath(path).name:
            return _Blas(handle, str(each["internal_api"]), _title(each), controlled=True)
    stem = re.sub(r"[^a-z0-9]+", "_", PurePath(path).name.split(".")[0].removeprefix("lib").lower()).strip("_")
    return _Blas(handle, stem or "library", PurePath(path).name, controlled=False)


def add_blas_kernels(registry: Registry, paths: Sequence[str] = ()) -> None:
    """Add a kernel ``blas_<library>`` for each BLAS in this process that exports CBLAS, and for each of `paths`.

    A second library of one name gets a number: ``blas_openblas_2``.

    Raises
    ------
    UsageError
        If one of `paths` can't be loaded or exports no CBLAS product.
    """
    for path in paths:
        _load(path)  # first, so that threadpoolctl sees it
    loaded = [each for each in loaded_libraries() if each["user_api"] == "blas"]
    found = {str(each["filepath"]): False for each in loaded} | dict.fromkeys(paths, True)
    seen: set[int] = set()
    for path, named in found.items():
        library = _described(path, loaded)
        if library.handle._handle in seen:  # noqa: SLF001  the same file under two names
            continue
        seen.add(library.handle._handle)  # noqa: SLF001
        if not exports_cblas(library.handle):
            if named:
                raise UsageError(f"{library.title} exports no cblas_dgemm and cblas_sgemm; give a library that does")
            continue
        _add(registry, library)


def _add(registry: Registry, library: _Blas) -> None:
    taken = sum(1 for name in registry.names if re.fullmatch(rf"blas_{re.escape(library.name)}(_\d+)?", name))
    name = f"{library.name}_{taken + 1}" if taken else library.name
    registry.add(blas_kernel(name, library.handle, title=library.title, threaded=library.controlled))
