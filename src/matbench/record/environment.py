"""The software that a run depends on: versions, BLAS libraries, SIMD extensions, thread variables."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

import msgspec

from matbench.model import Environment, Library
from matbench.record.ids import env_id
from matbench.record.machine.source import UNKNOWN, clean

__all__ = [
    "environment_given",
    "environment_with",
    "libraries_from",
    "private_words",
    "read_environment",
    "redacted",
    "simd_from",
    "variables_from",
    "with_built_in_blas",
]

PACKAGES = (
    "llvmlite",
    "matbench-vectorization",
    "matplotlib",
    "mkl",
    "msgspec",
    "numba",
    "numpy",
    "scipy",
    "threadpoolctl",
)
PLUGINS = "matbench.kernels"  # entry-point group of distributions that bring kernels

VARIABLES = re.compile(
    r"(OMP|GOMP|KMP|MKL|OPENBLAS|NUMBA|BLIS|VECLIB|GOTO)_[A-Z0-9_]{1,60}|NPY_DISABLE_CPU_FEATURES", re.ASCII
)
HARMLESS = re.compile(r"[A-Za-z0-9_.,:;=+{}() -]{0,200}", re.ASCII)
MOST_VARIABLES = 64
# threadpoolctl and scikit-learn set these as they are imported: they tell the order of imports, not a wish.
SET_BY_LIBRARIES = frozenset({"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"})
PRIVATE = "<private>"
PATH = "<path>"


def read_environment() -> Environment:
    """The software of this process; NumPy is imported for its BLAS and SIMD facts, nothing heavier is.

    `numba_threading_layer` stays None: it is chosen when the first parallel kernel runs (see `environment_with`).
    """
    private = private_words()
    config = _numpy_config()
    found = Environment(
        python=clean(platform.python_version()),
        implementation=clean(platform.python_implementation()),
        system_release=clean(redacted(platform.release(), private)),
        packages=_versions(),
        numpy_simd=simd_from(config),
        variables=variables_from(os.environ, private),
    )
    return environment_with(found, with_built_in_blas(_loaded_libraries(), config), None)


def environment_with(
    environment: Environment, libraries: Iterable[Library], threading_layer: str | None
) -> Environment:
    """The environment with the libraries and the threading layer that the sampling process reports, and its id anew."""
    changed = msgspec.structs.replace(
        environment,
        libraries=tuple(libraries),
        numba_threading_layer=None if threading_layer is None else clean(threading_layer, 80),
    )
    return msgspec.structs.replace(changed, env_id=env_id(changed))


def environment_given(environment: Environment, variables: Mapping[str, str]) -> Environment:
    """The environment of a process that is given further variables, and its id anew."""
    changed = msgspec.structs.replace(
        environment, variables=dict(sorted({**environment.variables, **variables}.items()))
    )
    return msgspec.structs.replace(changed, env_id=env_id(changed))


def libraries_from(info: Iterable[Mapping[str, Any]]) -> tuple[Library, ...]:
    """The BLAS and OpenMP libraries in ``threadpoolctl.threadpool_info()``, sorted; of their files the base names."""
    found = {
        Library(
            api=_name(each.get("user_api")),
            # All OpenMP runtimes have one interface: the prefix (libgomp, libiomp) tells them apart.
            name=_name(each.get("prefix" if each.get("user_api") == "openmp" else "internal_api")),
            version=_fact(each.get("version")),
            architecture=_fact(each.get("architecture") or each.get("current_backend")),
            threading_layer=_fact(each.get("threading_layer")),
            filename=clean(re.split(r"[\\/]", str(each.get("filepath") or ""))[-1]),
        )
        for each in info
    }
    return tuple(sorted(found, key=msgspec.structs.astuple))


def with_built_in_blas(libraries: tuple[Library, ...], config: Mapping[str, Any]) -> tuple[Library, ...]:
    """The libraries and, where none of them is a BLAS, the one that NumPy says it was built with.

    threadpoolctl can't see Apple's Accelerate, nor Netlib's reference BLAS, which has no threads.
    """
    if any(library.api == "blas" for library in libraries):
        return libraries
    built = _at(config, "Build Dependencies", "blas")
    if not isinstance(built, Mapping) or not built.get("name"):
        return libraries
    return (*libraries, Library(api="blas", name=_name(built["name"]), version=_fact(built.get("version"))))


def simd_from(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The SIMD extensions of ``numpy.show_config(mode="dicts")``: those it was built for, then those it found here."""
    extensions = _at(config, "SIMD Extensions")
    if not isinstance(extensions, Mapping):
        return ()
    names = [*(extensions.get("baseline") or ()), *(extensions.get("found") or ())]
    return tuple(dict.fromkeys(_name(name) for name in names))


def variables_from(environ: Mapping[str, str], private: frozenset[str] = frozenset()) -> dict[str, str]:
    """The set variables that steer threads and instruction sets; of paths and private values only that they are set.

    Examples
    --------
    >>> variables_from({"OMP_NUM_THREADS": "2", "NUMBA_CACHE_DIR": "/home/ada/cache", "HOME": "/home/ada"})
    {'NUMBA_CACHE_DIR': '<path>', 'OMP_NUM_THREADS': '2'}
    """
    wanted = sorted(name for name in environ if VARIABLES.fullmatch(name) and name not in SET_BY_LIBRARIES)[
        :MOST_VARIABLES
    ]
    return {name: _harmless(environ[name], private) for name in wanted}


def private_words() -> frozenset[str]:
    """The host's, the user's and the home folder's names in lower case: what no stored text may hold."""
    words = {platform.node(), platform.node().partition(".")[0]}
    with suppress(OSError, KeyError, ImportError):  # containers run as numbers without a name
        words.add(getpass.getuser())
    with suppress(RuntimeError):
        words.add(Path.home().name)
    return frozenset(word.lower() for word in words if word)


def redacted(value: str, private: frozenset[str]) -> str:
    """The text with every word in `private` replaced, inside of other words too unless it is very short.

    Examples
    --------
    >>> redacted("6.1.0-ada+", frozenset({"ada"}))
    '6.1.0-<private>+'
    """
    for word in sorted(private, key=len, reverse=True):
        edge = "" if len(word) > 3 else "(?![A-Za-z0-9])"
        start = edge.replace("?!", "?<!")
        value = re.sub(f"{start}{re.escape(word)}{edge}", PRIVATE, value, flags=re.IGNORECASE)
    return value


def _harmless(value: str, private: frozenset[str]) -> str:
    if HARMLESS.fullmatch(value):
        return redacted(value, private)
    return PATH if re.search(r"[\\/]", value) else PRIVATE


def _versions() -> dict[str, str]:
    """The installed distributions that matter, plugins with kernels included."""
    names = set(PACKAGES)
    for entry in entry_points(group=PLUGINS):
        name = getattr(entry.dist, "name", None)  # an entry point can be without its distribution
        if name:
            names.add(_name(name))
    found: dict[str, str] = {}
    for name in sorted(names):
        with suppress(PackageNotFoundError, KeyError):  # KeyError: metadata without a version
            found[name] = _fact(version(name))
    return found


def _numpy_config() -> Mapping[str, Any]:
    """NumPy's account of its build; empty where NumPy is too broken to be imported."""
    try:
        config = import_module("numpy").show_config(mode="dicts")
    except (ImportError, AttributeError, TypeError):
        return {}
    return config if isinstance(config, Mapping) else {}


def _loaded_libraries() -> tuple[Library, ...]:
    return libraries_from(import_module("threadpoolctl").threadpool_info())


def _at(config: Mapping[str, Any], *keys: str) -> Any:
    here: Any = config
    for key in keys:
        here = here.get(key) if isinstance(here, Mapping) else None
    return here


def _name(value: object) -> str:
    return clean(str(value or ""), 80)


def _fact(value: object) -> str:
    return clean(str(value or UNKNOWN))
