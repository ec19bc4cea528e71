"""Numba where it is installed; where it is not, its kernels stay on the ladder with the reason why they can't run."""

from __future__ import annotations

import contextlib
import functools
import itertools
import secrets
from importlib import import_module
from typing import Any

from matbench.errors import without_paths
from matbench.kernels.vectors import why_not_compiled

__all__ = ["compiled_as", "intrinsic", "keep_on_disk", "njit", "numba_missing", "prange"]


def _declared_only(**_: Any) -> Any:
    """Leave the function as it is: it is on the ladder, but `numba_missing` keeps it from running."""
    return lambda function: function


def _numbered_apart(identity: Any) -> bool:
    """Have this process number what it compiles from a place of its own; False where this Numba has no such numbers.

    Numba tells functions of one name apart by a number that it counts up from 1 in each process, and it is part of the
    symbols that go to disk. Where one process loads what others have compiled, two versions of a function have the same
    symbols then, and the linker takes the first for both: a comparison of two versions would run one of them twice.
    """
    if not hasattr(identity, "_unique_ids"):
        return False
    identity._unique_ids = itertools.count(secrets.randbits(48) + 1)  # noqa: SLF001  there is no other way to say it
    return True


intrinsic: Any
njit: Any
prange: Any
_missing: str | None
_is_apart = False
try:
    _numba = import_module("numba")
    njit, prange, _missing = _numba.njit, _numba.prange, None
    intrinsic = import_module("numba.extending").intrinsic
    _is_apart = _numbered_apart(import_module("numba.core.bytecode").FunctionIdentity)
except ImportError as reason:
    njit, intrinsic, prange = _declared_only, _declared_only, range
    _missing = f"needs numba, which can't be imported ({without_paths(str(reason))}); pip install numba"


def numba_missing() -> str | None:
    """The reason why no Numba kernel can run here, or None."""
    return _missing or why_not_compiled()


def compiled_as(function: Any, source: Any) -> Any:
    """Another function, compiled as one of Numba's is.

    Parameters
    ----------
    function
        What Numba made of a function.
    source
        The Python function to be compiled in the same way.
    """
    # The class of the passes is an option that Numba takes but does not keep among the others.
    passes = getattr(getattr(function, "_compiler", None), "pipeline_class", None)
    more = {} if passes is None else {"pipeline_class": passes}
    return import_module("numba").jit(**function.targetoptions, **more)(source)


def keep_on_disk(function: Any) -> None:
    """Have a compiled function keep its code where Numba keeps such things, for other processes.

    Where nothing can be kept, or there is no room for it (a full disk, a limit on the size of files), the function is
    compiled in each process: what is to be measured does not depend on it. So it is where code of several processes
    could not be told apart.
    """
    if not _is_apart:
        return
    try:
        cache: Any = import_module("numba.core.caching").FunctionCache(function.py_func)
    except RuntimeError:  # nowhere to keep it, or its source is in no file
        return
    save = cache.save_overload

    def save_if_possible(signature: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            save(signature, data)

    cache.save_overload = save_if_possible
    is_ours = function.py_func.__module__.partition(".")[0] == __name__.partition(".")[0]
    if is_ours and all(hasattr(cache, step) for step in ("_load_overload", "_guard_against_spurious_io_errors")):
        cache.load_overload = functools.partial(_loaded, cache)
    function._cache = cache  # noqa: SLF001  as Numba's own `enable_caching` does


def _loaded(cache: Any, signature: Any, context: Any) -> Any:
    """What is kept of a function, or None.

    Numba makes itself ready to compile before it looks, which takes ten times as long as loading does: it imports all
    that it knows how to compile, and SciPy. Machine code of this package takes no more of it than the runtime. A
    reader's function may take what an extension makes known.
    """
    import_module("numba.core.runtime").rtsys.initialize(context)
    with cache._guard_against_spurious_io_errors():  # noqa: SLF001  from here on as Numba's own `load_overload`
        return cache._load_overload(signature, context)  # noqa: SLF001
