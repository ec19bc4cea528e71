"""Compiled functions that are not compiled before they are called, by other compiled functions."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable

from llvmlite import binding

from matbench.kernels.jit import keep_on_disk, njit

__all__ = ["Late", "address_of"]

TWO = "int64(int64, int64)"
_Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Late:
    """A function of two integers that returns one, compiled by its first call.

    Compiled code finds its address at a place in memory. At first that is the address of a Python function, which has
    it compiled, puts its address there instead, and lets it do the job.

    Parameters
    ----------
    symbol
        The name by which compiled code asks for the place; see `matbench.kernels.gemm.intrinsics.place_of`. After the
        address there is a number there, which is not 0 once the function is compiled.
    address
        Compiles the function. Whatever it raises is told by ctypes; what the first call returns then is anything.
    """

    def __init__(self, symbol: str, address: Callable[[], int]) -> None:
        self._address = address
        self._first = _Function(self._summon)  # is called for as long as this lives
        self._place = array("q", [ctypes.cast(self._first, ctypes.c_void_p).value or 0, 0])
        binding.add_symbol(symbol, self._place.buffer_info()[0])

    def _summon(self, x: int, y: int) -> int:
        address = self._address()
        self._place[0], self._place[1] = address, 1  # before it is called: it may call itself
        answer: int = _Function(address)(x, y)
        return answer


def address_of(function: Callable[[int, int], int]) -> int:
    """The address of a function of two integers, compiled for C to call and kept on disk where that can be."""
    made = njit(nogil=True, no_cpython_wrapper=True)(function)
    keep_on_disk(made)
    made.compile(TWO)
    (compiled,) = made.overloads.values()
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    return address
