"""Records for the report, made up: a machine of two CPUs whose kernels scale as they please; and one full of traps."""

from __future__ import annotations

import itertools

import msgspec
from credit_examples import attribution_at

from matbench.model import (
    Block,
    Caches,
    Case,
    Ceiling,
    Conditions,
    Cpu,
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

PEAK = 50e9  # flop/s a thread, in float64
SIZES = (32, 64, 128, 256)
# name, family, GFLOP/s, largest n, thread counts, whether it compiles
KERNELS = (
    ("python_lists", "pure Python", 0.03, 256, (1,), False),
    ("numpy_outer", "NumPy arrays", 1.0, 256, (1,), False),
    ("numpy_broadcast", "NumPy arrays", 0.5, 64, (1,), False),
    ("numba_ijk", "Numba loops", 2.0, 256, (1,), True),
    ("numba_ikj", "Numba loops", 12.0, 256, (1,), True),
    ("numba_parallel", "Numba loops", 14.0, 256, (1, 2), True),
    ("numpy_matmul", "BLAS", 45.0, 256, (1, 2), False),
)


def samples(ns, place):
    """Twelve samples around a time of one call, of two processes."""
    elapsed = tuple(max(2, round(ns * (1 + 0.01 * ((5 * i + place) % 7)))) for i in range(12))
    return Samples((1,) * 12, elapsed, (0,) * 6 + (1,) * 6, (*range(6), *range(6)))


def rate(name, gflops, problem, threads):
    """Flop/s: less at small sizes, twice as much in float32, threads that do not quite add up."""
    start = 40 if name.startswith("num") else 2
    wide = 2 if problem.dtype == "float32" else 1
    return 1e9 * gflops * wide * problem.n / (problem.n + start) * (1 + 0.9 * (threads - 1))


def measured(problem):
    for place, (name, _, gflops, largest, counts, compiles) in enumerate(KERNELS):
        for threads in counts:
            case = Case(name, problem, threads)
            if problem.n > largest:
                yield Measurement(case, outcome="skipped", reason="needs more memory than is allowed")
                continue
            ns = problem.flops / rate(name, gflops, problem, threads) * 1e9
            first = 800_000_000 if compiles and problem.n == SIZES[0] else None
            yield Measurement(case, samples=samples(ns, place), first_call_ns=first, error=0.1)


def ceilings():
    for threads in (1, 2):
        for dtype, wide in (("float64", 1), ("float32", 2)):
            ns = 10**9 * 10**6 / (PEAK * wide * threads)
            yield Ceiling("fma", dtype, 8 * wide, threads, 10**6, samples=samples(ns, 0))
        yield Ceiling("read", "float64", 1, threads, 10**6, samples=samples(10**9 * 10**6 / (12e9 * threads), 0))


def told_record(record_id="20261122T161203Z-3f9a1c", machine="quiet-heron"):
    """A complete and plausible record."""
    problems = [Problem(n, n, n, dtype=dtype) for dtype in ("float64", "float32") for n in SIZES]
    arms = tuple((name, threads) for name, *_, counts, _ in KERNELS for threads in counts)
    header = Header(
        id=record_id,
        created="2026-11-22T16:12:03Z",
        machine=machine,
        host=Host(
            system="Linux",
            architecture="x86_64",
            cpu=Cpu(brand="Made-up CPU 9000", microarchitecture="zen4", generic="x86_64_v4", features=("avx2", "fma")),
            caches=Caches(l1d=2**15, l2=2**20, l3=2**25),
            logical_cpus=2,
            physical_cores=2,
            memory_bytes=2**33,
            hypervisor="kvm",
            host_id="h-0123456789ab",
        ),
        environment=Environment(
            python="3.11.7",
            implementation="CPython",
            packages={"numpy": "2.4.6", "numba": "0.68.1"},
            libraries=(Library("blas", "openblas", "0.3.30", "SkylakeX", "pthreads", "libopenblas.so"),),
            numpy_simd=("AVX512_ICL",),
            variables={"OMP_NUM_THREADS": "2"},
        ),
        conditions=Conditions(governor="performance", turbo=True, load_1m=0.25, available_bytes=2**32),
        plan=Plan(
            preset="standard",
            command="matbench run --preset standard",
            seed=1,
            budget_s=90.0,
            rounds=30,
            sample_ns=2_000_000,
            base="python_lists",
            blocks=tuple(Block(problem, arms) for problem in problems),
        ),
        kernels=tuple(KernelCard(name, rung, f"the idea of {name}") for name, rung, *_ in KERNELS),
    )
    end = End(
        finished="2026-11-22T16:14:03Z",
        elapsed_s=88.0,
        conditions=Conditions(load_1m=0.5),
        warnings=("the hypervisor took 7 % of the processors' time during this run",),
    )
    return Record(header, tuple(ceilings()), tuple(each for problem in problems for each in measured(problem)), end)


TRAPS = (
    "<script>window.ran=1</script>",
    "\"'><img src=x onerror=window.ran=1>",
    "</script><script>window.ran=1</script>",
    "</title></svg></style><svg onload=window.ran=1>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.ran=1//",
    "\u202egnp.exe\u200f",
    "nul\x00 and \x1b[31m",
    "<!-- \u2028 ]]> &lt;b&gt; &amp;",
    "=1+1|calc",
    "x" * 10_000,
)
LITERAL = {"dtype", "layout", "outcome", "kind", "operation"}  # fields that no record can have otherwise
LONG = {"reason", "command", "brand", "idea", "warnings", "governor", "python", "created", "version"}


def hostile_record():
    """The same record, in which every text is a trap: those of equal texts are equal, of others different."""
    known = {}

    def trap(text, field):
        place = known.setdefault(text, len(known))
        return f"{place} {TRAPS[place % len(TRAPS)]}"[: 2000 if field in LONG else 80]

    def spoilt(value, field=""):
        if isinstance(value, msgspec.Struct):
            names = value.__struct_fields__
            return msgspec.structs.replace(value, **{name: spoilt(getattr(value, name), name) for name in names})
        if isinstance(value, tuple):
            return tuple(spoilt(each, field) for each in value)
        if isinstance(value, dict):
            return {trap(key, ""): trap(each, field) for key, each in value.items()}
        return trap(value, field) if isinstance(value, str) and field not in LITERAL else value

    return spoilt(told_record())


def told_credit(record):
    """What each idea is worth on the machine of a record."""
    return attribution_at(64, host_id=record.header.host.host_id, machine=record.header.machine)


def hostile_credit(record):
    """The same, in which every text that is shown is a trap."""
    found, traps = told_credit(record), itertools.cycle(TRAPS)

    def renamed(each):
        return msgspec.structs.replace(each, words=next(traps)[:200])

    texts = {name: next(traps)[:200] for name in ("record", "machine", "cpu", "created", "base")}
    credits_, steps = tuple(map(renamed, found.credits)), tuple(map(renamed, found.steps))
    return msgspec.structs.replace(found, credits=credits_, steps=steps, **texts)
