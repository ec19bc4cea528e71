"""Functions that are not compiled before other compiled functions call them."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable

from llvmlite import binding

from matbench.kernels.gemm.compiling import WholeCompiler
from matbench.kernels.jit import keep_on_disk, njit

__all__ = ["INTERRUPTED", "Late", "address_of"]

INTERRUPTED = 4  # what became of a job where Ctrl-C ended the compiling

_SIGNATURE = "int64(int64, int64)"
_Callback = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Late:
    """A function of two integers that returns one, compiled when it is first called.

    Compiled code looks for its address at a place in memory. There is 0 at first, and beside it the address of a Python
    function that has it compiled and puts its address there; see `matbench.kernels.gemm.product.summoned`. The Python
    function does nothing else: what is raised in it is told by ctypes and goes no further, so that the job itself is
    always done by compiled code, or not begun. An interrupt is for compiled code to raise: in its caller's own word,
    whose address it is handed, stands `INTERRUPTED` until it is told that something else was raised.

    Parameters
    ----------
    symbol
        The name by which compiled code asks for the place; see `matbench.kernels.gemm.intrinsics.place_of`.
    address
        Compiles the function. Where it raises, there is still 0 at the place.
    """

    def __init__(self, symbol: str, address: Callable[[], int]) -> None:
        self._address = address
        self._callback = _Callback(self._summon)  # can be called for as long as this lives
        self._place = array("q", [0, ctypes.cast(self._callback, ctypes.c_void_p).value or 0])
        binding.add_symbol(symbol, self._place.buffer_info()[0])

    def _summon(self, told: int, _: int) -> int:
        try:
            self._place[0] = self._address()  # at once for all threads: it is a single word
        except KeyboardInterrupt:
            pass  # ctypes would print it and go on, and nobody would know that the reader gave up
        except BaseException:
            ctypes.c_int64.from_address(told).value = 0
            raise
        return 0


def address_of(function: Callable[[int, int], int]) -> int:
    """The address of a function of two integers, compiled for C to call and kept on disk where that can be."""
    made = njit(nogil=True, no_cpython_wrapper=True, pipeline_class=WholeCompiler)(function)
    keep_on_disk(made)
    made.compile(_SIGNATURE)
    (compiled,) = made.overloads.values()
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    return address
