"""What the hardware can do at best: chains of independent multiply-adds, and streams through memory.

A roof is measured with code that does nothing else. The chains are emitted as explicit LLVM vectors, so that their
width is what the name says and not what a compiler chose; 12 of them hide a latency of 4 cycles on 2 units and fit,
with their two constants, into the 16 registers of AVX2.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from typing import Any

import numpy as np

from matbench.errors import KernelError
from matbench.kernels.jit import njit, numba_missing, prange
from matbench.kernels.registry import Array
from matbench.model import ITEMSIZE, Dtype

__all__ = [
    "CHAINS",
    "fma_chains",
    "has_fma",
    "read_stream",
    "stream_arrays",
    "triad_stream",
    "vector_lanes",
    "why_no_chains",
]

CHAINS = 12
ARM64 = frozenset({"arm64", "aarch64"})  # the names that systems give it
_BYTES_BY_FEATURE = (("avx512f", 64), ("avx", 32), ("sse2", 16), ("neon", 16))  # widest register first


def _features() -> dict[str, bool]:
    from llvmlite import binding  # noqa: PLC0415  comes with numba, which may be missing

    found: dict[str, bool] = binding.get_host_cpu_features()
    return found


def why_no_chains() -> str | None:
    """The reason why the peak can't be measured here, or None."""
    return numba_missing()


def vector_lanes(dtype: Dtype) -> tuple[int, ...]:
    """Vector widths of this machine in elements of `dtype`, from 1 (scalar) to its widest register.

    Raises
    ------
    KernelError
        If Numba is missing.
    """
    missing = numba_missing()
    if missing:
        raise KernelError(missing)
    features = _features()
    if platform.machine().lower() in ARM64:
        features = {**features, "neon": True}  # part of the architecture; LLVM lists it only for some cores
    widest = next((size for name, size in _BYTES_BY_FEATURE if features.get(name)), ITEMSIZE[dtype])
    lanes = [1]
    while lanes[-1] * 2 * ITEMSIZE[dtype] <= widest:
        lanes.append(lanes[-1] * 2)
    return tuple(lanes)


def has_fma() -> bool:
    """Whether this machine multiplies and adds in one instruction."""
    return platform.machine().lower() in ARM64 or bool(_features().get("fma"))


@functools.cache
def _chain_intrinsic(dtype: Dtype, lanes: int) -> Any:
    """A Numba intrinsic ``chains(count) -> float`` that runs `CHAINS` vector FMA chains of `count` steps."""
    from llvmlite import ir  # noqa: PLC0415  comes with numba, which may be missing
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    fused = has_fma()
    scalar = ir.DoubleType() if dtype == "float64" else ir.FloatType()
    vector = ir.VectorType(scalar, lanes) if lanes > 1 else scalar
    letter = f"{'v' + str(lanes) if lanes > 1 else ''}f{8 * ITEMSIZE[dtype]}"

    def constant(value: float) -> Any:
        return ir.Constant(vector, [value] * lanes if lanes > 1 else value)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        declared = ir.FunctionType(vector, [vector, vector, vector])
        fma = builder.module.declare_intrinsic(f"llvm.fma.{letter}", fnty=declared)

        def multiply_add(x: Any) -> Any:
            # Without the instruction, a fused operation is a call of a slow function: then one after the other.
            return builder.call(fma, [x, half, half]) if fused else builder.fadd(builder.fmul(x, half), half)

        entry = builder.block
        loop = builder.append_basic_block("chains")
        done = builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(ir.IntType(64))
        step.add_incoming(ir.Constant(ir.IntType(64), 0), entry)
        sums = [builder.phi(vector) for _ in range(CHAINS)]
        # x -> 0.5 x + 0.5 pulls every chain to its fixed point 1: no overflow, no subnormal. None may start there:
        # the compiler would see a constant and leave the chain out of the loop.
        half = constant(0.5)
        for index, each in enumerate(sums):
            each.add_incoming(constant(2.0 + index), entry)
            each.add_incoming(multiply_add(each), loop)
        following = builder.add(step, ir.Constant(ir.IntType(64), 1))
        step.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, arguments[0]), loop, done)
        builder.position_at_end(done)
        last = [each.incomings[1][0] for each in sums]
        total = functools.reduce(builder.fadd, last)
        places = [ir.Constant(ir.IntType(32), i) for i in range(lanes)] if lanes > 1 else []
        result = functools.reduce(builder.fadd, [builder.extract_element(total, i) for i in places] or [total])
        return builder.fpext(result, ir.DoubleType()) if dtype == "float32" else result

    @intrinsic
    def chains(typingctx: Any, count: Any) -> Any:  # noqa: ARG001  Numba's own signature
        return types.float64(types.int64), generate

    return chains


@functools.cache
def fma_chains(dtype: Dtype, lanes: int) -> tuple[Callable[[int, int], float], int]:
    """A function that runs FMA chains on several threads, and its work.

    Parameters
    ----------
    dtype
        'float64' or 'float32'.
    lanes
        Elements a vector operation works on.

    Returns
    -------
    run
        ``run(threads, count)``; the caller has set Numba's thread count to `threads`.
    flops
        Operations of one step of one thread: two for each lane of each chain.
    """
    chains = _chain_intrinsic(dtype, lanes)

    @njit(nogil=True, parallel=True)
    def parallel(threads: int, count: int) -> float:
        total = 0.0
        for _ in prange(threads):
            total += chains(count)
        return total

    @njit(nogil=True)
    def alone(count: int) -> float:
        return chains(count)  # type: ignore[no-any-return]

    def run(threads: int, count: int) -> float:
        result: float = alone(count) if threads == 1 else parallel(threads, count)
        return result

    return run, 2 * CHAINS * lanes


@njit(nogil=True, parallel=True, fastmath=True)
def read_stream(a: Array) -> float:
    """The sum of a long vector: 8 bytes read an element. ``fastmath`` lets the compiler keep several sums."""
    total = 0.0
    for i in prange(a.size):
        total += a[i]
    return total


@njit(nogil=True, parallel=True)
def triad_stream(a: Array, b: Array, c: Array) -> None:
    """STREAM's triad, ``a = b + 3 c``: 24 bytes an element, not counting what the cache fetches to write."""
    for i in prange(a.size):
        a[i] = b[i] + 3.0 * c[i]


@njit(nogil=True, parallel=True)
def _write_ones(a: Array) -> None:
    for i in prange(a.size):
        a[i] = 1.0


def stream_arrays(size: int) -> tuple[Array, Array, Array]:
    """Three vectors of `size` doubles, every page first written by the thread that will use it."""
    made = np.empty(size), np.empty(size), np.empty(size)
    for each in made:
        _write_ones(each)
    return made
