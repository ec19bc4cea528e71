"""What the hardware can do at best: chains of independent multiply-adds, and streams through memory.

A roof is measured with code that does nothing else. The chains are emitted as explicit LLVM vectors, so that their
width is what the name says and not what a compiler chose; 12 of them hide a latency of 4 cycles on 2 units and fit,
with their two constants, into the 16 registers of AVX2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from matbench.errors import KernelError
from matbench.kernels.jit import intrinsic, keep_on_disk, njit, numba_missing, prange
from matbench.kernels.registry import Array
from matbench.kernels.vectors import host_unit
from matbench.model import ITEMSIZE, Dtype

__all__ = [
    "CHAINS",
    "fma_chains",
    "has_fma",
    "level_array",
    "level_stream",
    "read_stream",
    "stream_arrays",
    "triad_stream",
    "vector_lanes",
    "why_no_chains",
]

CHAINS = 12


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
    widest = host_unit().vector_bytes
    lanes = [1]
    while lanes[-1] * 2 * ITEMSIZE[dtype] <= widest:
        lanes.append(lanes[-1] * 2)
    return tuple(lanes)


def has_fma() -> bool:
    """Whether this machine multiplies and adds in one instruction."""
    return host_unit().fused


@intrinsic(prefer_literal=True)
def _chains(_typingctx: Any, _count: Any, width: Any, itemsize: Any, fused: Any) -> Any:
    """Run `CHAINS` vector FMA chains of so many steps; all but these are literals, so that code may be kept on disk.

    It encloses nothing: Numba takes a function for another one whenever what it encloses is made anew.
    """
    from llvmlite import ir  # noqa: PLC0415  comes with numba, which may be missing
    from numba import types  # noqa: PLC0415

    lanes, size, is_fused = width.literal_value, itemsize.literal_value, fused.literal_value
    scalar = ir.DoubleType() if size == 8 else ir.FloatType()
    vector = ir.VectorType(scalar, lanes) if lanes > 1 else scalar
    letter = f"{'v' + str(lanes) if lanes > 1 else ''}f{8 * size}"

    def constant(value: float) -> Any:
        return ir.Constant(vector, [value] * lanes if lanes > 1 else value)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        declared = ir.FunctionType(vector, [vector, vector, vector])
        fma = builder.module.declare_intrinsic(f"llvm.fma.{letter}", fnty=declared)

        def multiply_add(x: Any) -> Any:
            # Without the instruction, a fused operation is a call of a slow function: then one after the other.
            return builder.call(fma, [x, half, half]) if is_fused else builder.fadd(builder.fmul(x, half), half)

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
        return builder.fpext(result, ir.DoubleType()) if size == 4 else result

    return types.float64(types.int64, width, itemsize, fused), generate


@functools.cache
def fma_chains(dtype: Dtype, lanes: int, *, kept: bool = False) -> tuple[Callable[[int, int], float], int]:
    """A function that runs FMA chains on several threads, and its work.

    Parameters
    ----------
    dtype
        'float64' or 'float32'.
    lanes
        Elements a vector operation works on.
    kept
        Whether what is compiled is kept on disk, where Numba keeps such things, for other processes.

    Returns
    -------
    run
        ``run(threads, count)``; the caller has set Numba's thread count to `threads`.
    flops
        Operations of one step of one thread: two for each lane of each chain.
    """
    itemsize, fused = ITEMSIZE[dtype], int(has_fma())

    @njit(nogil=True, parallel=True)
    def parallel(threads: int, count: int) -> float:
        total = 0.0
        for _ in prange(threads):
            total += _chains(count, lanes, itemsize, fused)
        return total

    @njit(nogil=True)
    def alone(count: int) -> float:
        return _chains(count, lanes, itemsize, fused)  # type: ignore[no-any-return]

    for each in (parallel, alone) if kept else ():
        keep_on_disk(each)

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


# -- streams through a cache -------------------------------------------------------------------------------------------

LINE = 64  # bytes that move together; a vector that lies across two lines costs two of them


def _tree_sum(builder: Any, values: list[Any]) -> Any:
    """The sum of values, in pairs of pairs: no addition waits for more than the logarithm of their number."""
    while len(values) > 1:
        odd = values[len(values) // 2 * 2 :]
        values = [builder.fadd(*pair) for pair in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


@functools.cache
def _sweep_intrinsic(triad: bool) -> Any:
    """A Numba intrinsic ``(address, size) -> float`` that reads `size` bytes, or makes a triad of three arrays as long.

    Its vectors are explicit, as in the chains above: the loop that a compiler makes of a sum waits for its additions,
    and is slower than the nearest caches.
    """
    from llvmlite import ir  # noqa: PLC0415  comes with numba, which may be missing
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    lanes = vector_lanes("float64")[-1]
    integer, vector = ir.IntType(64), ir.VectorType(ir.DoubleType(), max(2, lanes))

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        first, size = arguments
        second = builder.add(first, size)
        third = builder.add(second, size)
        entry, turn, done = builder.block, builder.append_basic_block("turn"), builder.append_basic_block("done")
        builder.branch(turn)
        builder.position_at_end(turn)
        offset, total = builder.phi(integer), builder.phi(vector)

        def at(array: Any, index: int) -> Any:
            step = ir.Constant(integer, 8 * vector.count * index)
            return builder.inttoptr(builder.add(builder.add(array, offset), step), ir.PointerType())

        def load(array: Any, index: int) -> Any:
            return builder.load(at(array, index), align=8, typ=vector)

        def triad_of(index: int) -> Any:
            product = builder.fmul(load(third, index), ir.Constant(vector, [3.0] * vector.count))
            builder.store(builder.fadd(load(second, index), product), at(first, index), align=8)

        if triad:
            for index in range(CHAINS):
                triad_of(index)
            added = total
        else:
            added = builder.fadd(total, _tree_sum(builder, [load(first, index) for index in range(CHAINS)]))
        after = builder.add(offset, ir.Constant(integer, CHAINS * 8 * vector.count))
        for phi, begins, goes_on in (
            (offset, ir.Constant(integer, 0), after),
            (total, ir.Constant(vector, [0.0] * vector.count), added),
        ):
            phi.add_incoming(begins, entry)
            phi.add_incoming(goes_on, turn)
        builder.cbranch(builder.icmp_signed("<", after, size), turn, done)
        builder.position_at_end(done)
        return builder.extract_element(added, ir.Constant(ir.IntType(32), 0))

    @intrinsic
    def sweep(typingctx: Any, address: Any, size: Any) -> Any:  # noqa: ARG001  Numba's own signature
        return types.float64(types.intp, types.intp), generate

    return sweep


@functools.cache
def level_stream() -> tuple[Callable[[Array, int, bool], float], int]:
    """A function that sweeps over an array a thread, and the bytes that the length of a sweep is a multiple of.

    Returns
    -------
    stream
        ``stream(arrays, times, triad)`` for `arrays` of threads x doubles, as `level_array` makes them: sweeps over
        each row, `times` times, reading all of it or making of its thirds ``first = second + 3 third``. The caller has
        set Numba's thread count to the number of rows.
    multiple
        Of this many bytes each row is to have some; for a triad each third of it.
    """
    read, triad_sweep = _sweep_intrinsic(triad=False), _sweep_intrinsic(triad=True)

    @njit(nogil=True, parallel=True)
    def stream(arrays: Array, times: int, triad: bool) -> float:
        total = 0.0
        size = np.intp(8 * arrays.shape[1])
        address = np.intp(arrays.ctypes.data)
        for row in prange(arrays.shape[0]):
            for _ in range(times):
                if triad:
                    total += triad_sweep(address + row * size, size // 3)
                else:
                    total += read(address + row * size, size)
        return total

    compiled: Callable[[Array, int, bool], float] = stream
    return compiled, CHAINS * 8 * max(2, vector_lanes("float64")[-1])


def level_array(threads: int, size: int) -> Array:
    """Rows of `size` bytes for each thread, each beginning with a line and written once."""
    raw = np.ones(threads * size // 8 + LINE // 8)
    skipped = -raw.ctypes.data % LINE // 8
    return raw[skipped : skipped + threads * size // 8].reshape(threads, size // 8)
