"""How long a library's idle threads spin in a sampling process: what it is started with, and what a record tells."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SHORT_SPINS", "short_spins", "spins_of"]

# Idle threads spin so that the next call finds them awake: OpenBLAS's for 2**26 cycles, libgomp's for 300 000 turns,
# Intel's and LLVM's OpenMP for 200 ms. What is timed next has to wait for their end. A sample is calls one after
# another: a few milliseconds are longer than any pause within. OpenBLAS needs 2**24 cycles: with 2**22 its threads
# fall asleep in the middle of products when one is held up, and one call in five took several times as long.
SHORT_SPINS = {
    "OPENBLAS_THREAD_TIMEOUT": "24",
    "GOMP_SPINCOUNT": "30000",
    "KMP_BLOCKTIME": "2",
}
POLICY = "OMP_WAIT_POLICY"  # says the same of any OpenMP, and gives way to these


def short_spins(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that have idle threads sleep soon, where the user has not said how long they are to spin.

    Parameters
    ----------
    environ
        What is set already.

    Examples
    --------
    >>> short_spins({"OMP_WAIT_POLICY": "active"})
    {'OPENBLAS_THREAD_TIMEOUT': '24'}
    """
    said = {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"} if POLICY in environ else set()
    return {name: value for name, value in SHORT_SPINS.items() if name not in environ and name not in said}


def spins_of(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of a process's variables that say how long idle threads spin.

    Examples
    --------
    >>> spins_of({"OMP_NUM_THREADS": "2", "KMP_BLOCKTIME": "2"})
    {'KMP_BLOCKTIME': '2'}
    """
    return {name: variables[name] for name in (POLICY, *SHORT_SPINS) if name in variables}
