"""A plausible machine with two threads, made up: the table that tables, sentences and pictures are tested on."""

from __future__ import annotations

import math

import msgspec
import pytest

from matbench.analyse.rows import Interval, Row, Share, SpeedUp, Table
from matbench.model import (
    Caches,
    Case,
    Conditions,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)

BASE = "python_lists"
PEAK = 60e9  # flop/s a thread
SIZES = (16, 32, 64, 100, 128, 255, 256, 257, 511, 512, 513, 1000, 1024)

# kernel, rung, idea, GFLOP/s at large n, size of half that rate, largest n measured, thread counts
KERNELS = (
    ("python_arrays", "pure Python", "the loop a beginner writes over arrays", 0.0041, 1, 128, (1,)),
    ("python_lists", "pure Python", "the same loop on lists", 0.0331, 4, 257, (1,)),
    ("python_sumprod", "pure Python", "rows and columns into one reduction in C", 0.082, 12, 513, (1,)),
    ("numpy_rows", "NumPy arrays", "a row of C at a time", 1.9, 90, 1024, (1,)),
    ("numpy_outer", "NumPy arrays", "a sum of outer products", 0.74, 60, 1024, (1,)),
    ("numpy_broadcast", "NumPy arrays", "one expression, n³ of memory", 0.38, 20, 257, (1,)),
    ("numpy_einsum", "NumPy arrays", "the indices written down", 2.6, 30, 1024, (1,)),
    ("numba_ijk", "compiled loops", "the interpreter is gone", 2.2, 6, 1024, (1,)),
    ("numba_ikj", "compiled loops", "loop order: memory in its order", 15.0, 30, 1024, (1,)),
    ("numba_ikj_fma", "compiled loops", "multiply and add in one", 16.1, 30, 1024, (1,)),
    ("numba_tiled", "compiled loops", "blocks that stay in the cache", 24.0, 60, 1024, (1,)),
    ("numba_parallel", "compiled loops", "all cores", 26.0, 130, 1024, (1, 2)),
    ("numpy_matmul", "BLAS", "everything BLAS does", 57.0, 48, 1024, (1, 2)),
    ("blas_openblas", "BLAS", "the same library, called directly", 57.8, 40, 1024, (1, 2)),
)


def card_of(name, rung="plugin loops", idea="an idea of its own", origin="matbench"):
    return KernelCard(name=name, rung=rung, idea=idea, origin=origin)


def rate_of(plateau, half, n, threads):
    rate = 1e9 * plateau * n / (n + half)
    if plateau == 2.2 and n & (n - 1) == 0 and n >= 128:
        rate *= 0.3  # the power-of-two stride of numba_ijk
    return rate * (1 + (threads - 1) * 0.97 * n / (n + half))


def within(value, by):
    return Interval(value, value / (1 + by), value * (1 + by))


def share_within(value, by, beside="round"):
    return Share(value, value / (1 + by), value * (1 + by), beside)


def row_of(card, n, seconds, threads=1, *, base_s=None, by=0.015, base=BASE, dtype="float64", **fields):
    """A measured row of a square problem, with a paired speed-up where the time of the base is told."""
    problem = Problem(n, n, n, dtype=dtype)
    speedup = None
    if base_s is not None:
        extrapolated = fields.pop("base_extrapolated", False)
        spread = within(base_s / seconds, 0.09 if extrapolated else by)
        speedup = SpeedUp(base, spread.estimate, spread.low, spread.high, extrapolated)
    return Row(
        case=Case(card.name, problem, threads),
        card=card,
        seconds=within(seconds, by),
        rate=within(problem.flops / seconds, by),
        peak_share=share_within(problem.flops / seconds / (PEAK * threads), by),
        speedup=speedup,
        **fields,
    )


def rows_of(n, kernels=KERNELS):
    flops = 2 * n**3
    base_s = flops / rate_of(0.0331, 4, n, 1)
    for name, rung, idea, plateau, half, largest, counts in kernels:
        card = card_of(name, rung, idea)
        for threads in counts:
            seconds = flops / rate_of(plateau, half, n, threads)
            if n <= largest:
                extra = {"base_s": base_s, "base_extrapolated": n > 257}
                yield row_of(card, n, seconds, threads, **({} if name == BASE else extra))
            elif name == BASE:
                yield row_of(card, n, seconds, by=0.09, extrapolated=True, fitted="n = 16 to 257")
            else:
                memory = name == "numpy_broadcast"
                reason = "needs more memory than is allowed" if memory else "too slow; raise --budget to measure it"
                yield Row(case=Case(name, Problem(n, n, n), threads), card=card, skipped=reason)


def skipped_of(name, n, reason, **fields):
    return Row(case=Case(name, Problem(n, n, n)), card=card_of(name), skipped=reason, **fields)


def speedup_over(estimate, low=None, high=None, *, base=BASE, extrapolated=False):
    return SpeedUp(base, estimate, low, high, extrapolated)


def table_of(rows, *, base=BASE, peaks=(1, 2), **fields):
    fields.setdefault("machine", "quiet-heron")
    fields.setdefault("cpu", "AMD EPYC 9R14 96-Core Processor")
    roofs = {f"float64/{t}": within(PEAK * t * (1 - 0.01 * (t - 1)), 0.004) for t in peaks}
    return Table(base=base, rows=tuple(rows), peaks=roofs, **fields)


def compiled(card):
    return msgspec.structs.replace(card, compiled=True)


def full_table():
    return table_of(row for n in SIZES for row in rows_of(n))


class Made:
    """The builders above, for tests that need a table of their own."""

    card = staticmethod(card_of)
    compiled = staticmethod(compiled)
    row = staticmethod(row_of)
    rows = staticmethod(rows_of)
    skipped = staticmethod(skipped_of)
    over = staticmethod(speedup_over)
    table = staticmethod(table_of)
    base = BASE
    peak = PEAK
    sizes = SIZES


@pytest.fixture(scope="session")
def made():
    return Made


@pytest.fixture(scope="session")
def table():
    assert math.isclose(rate_of(57.0, 0, 1024, 1), 57e9)
    return full_table()


@pytest.fixture(scope="session")
def record_of():
    """A record with a host and measurements of one's own."""

    def made(host=None, measurements=()):
        header = Header(
            id="20261122T161203Z-3f9a1c",
            created="2026-11-22T16:12:03Z",
            machine="quiet-heron",
            host=host or Host(),
            environment=Environment(),
            conditions=Conditions(),
            plan=Plan("quick", "matbench run", 1, 60.0, 30, 10**7, BASE, ()),
            kernels=tuple(card_of(name, rung, idea) for name, rung, idea, *_ in KERNELS),
        )
        return Record(header, (), tuple(measurements))

    return made


STREAMS = {"read/1": 10e9, "read/2": 18e9, "triad/1": 9e9, "read_l1/1": 400e9, "read_l2/1": 150e9, "read_l3/1": 80e9}
CACHES = Caches(l1d=32 * 1024, l2=2**20, l3=2**26)


@pytest.fixture(scope="session")
def with_streams():
    """A table with bandwidths of one's own, byte/s."""
    return lambda table, streams: msgspec.structs.replace(
        table, bandwidths={key: Interval(value) for key, value in streams.items()}
    )


@pytest.fixture(scope="session")
def streamed(table, with_streams):
    """The machine with the bandwidth of each level measured."""
    return with_streams(table, STREAMS)


@pytest.fixture(scope="session")
def sampled(record_of):
    """The record of that machine with samples at two sizes, of two processes, a late one among each rung's."""

    def samples(place, count=24):
        elapsed = tuple(
            round(1e6 * (1 + 0.01 * ((7 * i + place) % 11)) * (3 if i == place else 1)) for i in range(count)
        )
        return Samples((1,) * count, elapsed, tuple(i // (count // 2) for i in range(count)), tuple(range(count)))

    measurements = [
        Measurement(Case(name, Problem(n, n, n), threads), samples=samples(place))
        for n in (256, 257)
        for place, (name, *_, counts) in enumerate(KERNELS)
        for threads in counts
    ]
    return record_of(host=Host(caches=CACHES, physical_cores=2), measurements=measurements)
