"""Records of machines that do not exist: plausible in every respect, and marked as made up in every name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

import numpy as np

from matbench.measure.presets import preset
from matbench.model import (
    DTYPES,
    Block,
    Caches,
    Case,
    Ceiling,
    Conditions,
    Cpu,
    Dtype,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Library,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.names import new_record_id

PRESET = "synthetic"
COMMAND = "python fleet.py"
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1000, 1024, 1536, 2048)
PROCESSES = preset("standard").processes  # in which a case is sampled, as in a real run
MOST = preset("standard").rounds // PROCESSES  # samples of a case in each of them
LONG_S, ENDLESS_S = 0.5, 3.0  # calls that only half of the processes sample, once each, and only the first
NOISE = 0.02  # standard deviation of a sample's logarithm


class Made(NamedTuple):
    """A kernel of a synthetic machine.

    Attributes
    ----------
    card
        What the record says of it.
    share
        Of the machine's peak that it comes to at large n.
    half
        The n at which it comes to half of that.
    largest
        The n above which it is skipped.
    """

    card: KernelCard
    share: float
    half: float = 0.0
    largest: int = 2048


def _made(
    name: str, rung: str, share: float, half: float = 0.0, largest: int = 2048, *, threaded: bool = False
) -> Made:
    return Made(KernelCard(name, rung, f"{PRESET}: no such kernel was run", threaded=threaded), share, half, largest)


KERNELS = (
    _made("python_arrays", "pure Python", 1e-4, largest=128),
    _made("python_lists", "pure Python", 6e-4, largest=256),
    _made("python_sumprod", "pure Python", 2e-3, largest=256),
    _made("numpy_rows", "NumPy arrays", 0.05, 200.0),
    _made("numpy_outer", "NumPy arrays", 0.03, 100.0),
    _made("numpy_einsum", "NumPy arrays", 0.06, 40.0),
    _made("numba_ijk", "Numba", 0.02, 8.0),
    _made("numba_ikj", "Numba", 0.15, 20.0),
    _made("numba_ikj_fma", "Numba", 0.22, 20.0),
    _made("numba_tiled", "Numba", 0.3, 60.0),
    _made("numba_parallel", "Numba", 0.35, 150.0, threaded=True),
    _made("numpy_matmul", "BLAS", 0.85, 60.0, threaded=True),
    _made("blas_openblas", "BLAS", 0.87, 50.0, threaded=True),
)
FAMILIES = (  # microarchitecture, lanes of float64, flop/s of a core from .. to, word of the brand
    ("synthetic_narrow", 2, 5e9, 25e9, "narrow"),
    ("synthetic_middle", 4, 20e9, 60e9, "middle"),
    ("synthetic_wide", 8, 50e9, 130e9, "wide"),
)


def records(machines: int, measurements: int, seed: int) -> Iterator[Record]:
    """One record of each synthetic machine; the same seed gives the same ones."""
    for number in range(machines):
        yield synthetic(number, measurements, np.random.default_rng([seed, number]))


def synthetic(number: int, measurements: int, random: np.random.Generator) -> Record:
    """The record of one synthetic machine with so many measurements."""
    family, lanes, low, high, word = FAMILIES[random.integers(len(FAMILIES))]
    cpus = int(2 ** random.integers(1, 8))
    core = float(random.uniform(low, high))
    label = f"{PRESET}-{number:05d}"
    host = Host(
        system="Linux",
        architecture=PRESET,
        cpu=Cpu(brand=f"Synthetic {word} {cpus}-core no. {number}", vendor=PRESET, microarchitecture=family),
        caches=Caches(2**15, 2**20, int(2**20 * cpus * 2)),
        logical_cpus=cpus,
        physical_cores=cpus,
        sockets=1,
        smt=False,
        memory_bytes=2**32 * cpus,
        hw_id=f"{PRESET}{number:05d}",
        host_id=f"{PRESET}{number:05d}",
    )
    cases = _cases(cpus)[:measurements]
    found = tuple(_measurement(case, made, core, random) for case, made in cases)
    begun = FIRST + timedelta(hours=number % 40_000)
    spent_s = sum(sum(each.samples.elapsed_ns) for each in found) / 1e9 + 10.0
    blocks: dict[Problem, list[tuple[str, int]]] = {}
    for case, _ in cases:
        blocks.setdefault(case.problem, []).append((case.kernel, case.threads))
    header = Header(
        id=new_record_id(begun, f"{number:06x}"),
        created=_iso(begun),
        machine=label,
        host=host,
        environment=_environment(random),
        conditions=Conditions(governor="performance", turbo=False, load_1m=0.0),
        plan=Plan(PRESET, COMMAND, 1, spent_s, PROCESSES * MOST, 10**6, "python_lists", _blocks(blocks)),
        kernels=tuple(made.card for made in KERNELS),
    )
    end = End(finished=_iso(begun + timedelta(seconds=spent_s)), elapsed_s=spent_s, conditions=header.conditions)
    return Record(header, tuple(_ceilings(core, cpus, lanes, random)), found, end)


def _blocks(arms: dict[Problem, list[tuple[str, int]]]) -> tuple[Block, ...]:
    return tuple(Block(problem, tuple(each)) for problem, each in arms.items())


def _environment(random: np.random.Generator) -> Environment:
    minor = int(random.integers(11, 14))
    library = Library("blas", "openblas", f"0.3.{random.integers(20, 30)}", PRESET, "pthreads", "libopenblas.so")
    return Environment(
        python=f"3.{minor}.0",
        implementation="CPython",
        system_release=PRESET,
        packages={"matbench-vectorization": PRESET, "numpy": f"2.{random.integers(0, 4)}.0"},
        libraries=(library,),
        env_id=f"{PRESET}{minor}",
    )


def _cases(cpus: int) -> list[tuple[Case, Made]]:
    """All cases of a machine, float64 first."""
    types: tuple[Dtype, ...] = DTYPES[:2]
    return [
        (Case(made.card.name, Problem(n, n, n, dtype, seed=1), threads), made)
        for dtype in types
        for n in SIZES
        for made in KERNELS
        for threads in ((1, cpus) if made.card.threaded else (1,))
    ]


def _measurement(case: Case, made: Made, core: float, random: np.random.Generator) -> Measurement:
    n = case.problem.n
    if n > made.largest:
        return Measurement(case, outcome="skipped", reason=f"{PRESET}: it would take too long")
    seconds = case.problem.flops / _rate(case, made, core)
    loops = max(1, round(1e-3 / seconds))
    counts = _counts(seconds, random)
    process = tuple(np.repeat(np.arange(len(counts)), counts).tolist())
    # Interruptions only add time: nothing may come out above the roof.
    slower = np.exp(np.abs(random.normal(0.0, NOISE, len(process))) + 0.01)
    elapsed = tuple(max(1, int(seconds * loops * 1e9 * each)) for each in slower)
    rounds = tuple(chain.from_iterable(map(range, counts)))
    return Measurement(case, samples=Samples((loops,) * len(process), elapsed, process, rounds), error=0.1)


def _counts(seconds: float, random: np.random.Generator) -> list[int]:
    """How many samples each process takes of a case whose call lasts so long."""
    if seconds > LONG_S:
        return [1] * (1 if seconds > ENDLESS_S else PROCESSES // 2)
    counts: list[int] = random.integers(1, MOST + 1, PROCESSES).tolist()
    return counts


def _rate(case: Case, made: Made, core: float) -> float:
    """Flop/s: the kernel's share of the peak, less where the matrices are small or threads are many."""
    peak = core * (2.0 if case.problem.dtype == "float32" else 1.0) * case.threads
    n = case.problem.n
    return peak * made.share * n / (n + made.half * float(case.threads**0.5))


def _ceilings(core: float, cpus: int, lanes: int, random: np.random.Generator) -> Iterator[Ceiling]:
    """Measured peaks and bandwidths."""
    for threads in (1, cpus):
        for dtype, width in zip(DTYPES, (1, 2), strict=False):
            yield Ceiling(
                "fma", dtype, lanes * width, threads, 10**9, samples=_stretches(core * width * threads, random)
            )
        yield Ceiling("read", "float64", 1, threads, 10**9, samples=_stretches(1e10 * threads**0.5, random))


def _stretches(rate: float, random: np.random.Generator) -> Samples:
    """Six samples of 10^9 operations or bytes each at `rate` a second."""
    elapsed = tuple(int(1e18 / rate * np.exp(abs(random.normal(0.0, 0.01)))) for _ in range(6))
    return Samples((1,) * 6, elapsed, (0,) * 6, tuple(range(6)))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
