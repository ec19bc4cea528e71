"""Runs to compare, made up: two machines, a third that repeats the first, and knobs for whatever a test is about."""

from __future__ import annotations

from matbench.analyse.compare_runs import reduce_record
from matbench.analyse.machines import compare
from matbench.model import (
    Block,
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

PEAK = 60e9  # flop/s a thread
RATES = {"python_lists": 0.03e9, "numba_ikj": 15e9, "numpy_matmul": 50e9}  # flop/s on one thread
SIZES = (16, 64, 256, 1000)
SPREAD = (0.99, 0.992, 0.994, 0.996, 0.998, 1.0, 1.002, 1.004, 1.006, 1.008, 1.01)  # of the samples of a case
CARDS = tuple(KernelCard(name, rung, f"the idea of {name}") for name, rung in (
    ("python_lists", "pure Python"),
    ("numba_ikj", "compiled loops"),
    ("numpy_matmul", "BLAS"),
))  # fmt: skip
BLAS = Library("blas", "openblas", "0.3.30", "SkylakeX", "pthreads", "libopenblas.so")


def samples(seconds, spread=SPREAD):
    count = len(spread)
    elapsed = tuple(max(1, round(seconds * factor * 1e9)) for factor in spread)
    return Samples((1,) * count, elapsed, (0,) * count, tuple(range(count)))


def measured(kernel, n, seconds, threads=1, dtype="float64", *, spread=SPREAD, **problem):
    return Measurement(Case(kernel, Problem(n, n, n, dtype, **problem), threads), samples=samples(seconds, spread))


def skipped(kernel, n, reason, threads=1):
    return Measurement(Case(kernel, Problem(n, n, n), threads), outcome="skipped", reason=reason)


def ladder(factor=1.0, sizes=SIZES, kernels=RATES, threads=(1, 2), dtype="float64"):
    """Every kernel at every size; `factor` times as slow as the usual machine."""
    return tuple(
        measured(kernel, n, factor * 2 * n**3 / (rate * count), count, dtype)
        for n in sizes
        for kernel, rate in kernels.items()
        for count in (threads if kernel == "numpy_matmul" else threads[:1])
    )


def roof(peak=PEAK, threads=1, wander=(0.999, 1.0, 1.001), dtype="float64"):
    """A ceiling that was sampled in as many blocks as `wander` has factors, four rounds each."""
    loops, work = 10**6, 192
    times = tuple(round(factor * loops * work / (peak * threads) * 1e9) for factor in wander for _ in range(4))
    count = len(times)
    rounds = tuple(turn for _ in wander for turn in range(4))
    return Ceiling("fma", dtype, 8, threads, work, samples=Samples((loops,) * count, times, (0,) * count, rounds))


def record(
    mark="3f9a1c",
    machine="quiet-heron",
    host_id="aa11",
    *,
    measurements=None,
    ceilings=None,
    host=None,
    python="3.11.7",
    packages=None,
    libraries=(BLAS,),
    variables=None,
    conditions=None,
    in_the_end=None,
    end=True,
    preset="standard",
    day=22,
    **header,
):
    host = host or {}
    cpu = host.pop("cpu", "AMD EPYC 9R14")
    environment = Environment(
        python=python,
        packages={"numpy": "2.4.6"} if packages is None else packages,
        libraries=libraries,
        variables=variables or {},
        env_id=f"env-{python}",
    )
    found = ladder() if measurements is None else measurements
    conditions = conditions or Conditions(load_1m=0.1, affinity=4)
    head = Header(
        id=f"202511{day:02}T161203Z-{mark}",
        created=f"2025-11-{day:02}T16:12:03Z",
        machine=machine,
        host=Host(system="Linux", logical_cpus=4, host_id=host_id, cpu=Cpu(brand=cpu, generic="x86_64_v4"), **host),
        environment=environment,
        conditions=conditions,
        plan=Plan(
            preset=preset,
            command=f"matbench run --preset {preset}",
            seed=1,
            budget_s=85.0,
            rounds=11,
            sample_ns=3_000_000,
            base="python_lists",
            blocks=tuple(Block(each.case.problem, ((each.case.kernel, each.case.threads),)) for each in found),
        ),
        kernels=CARDS,
        **header,
    )
    return Record(
        header=head,
        ceilings=(roof(), roof(threads=2)) if ceilings is None else ceilings,
        measurements=found,
        end=End(f"2025-11-{day:02}T18:12:03Z", 7200.0, in_the_end or conditions) if end else None,
    )


def other(**fields):
    """Another machine, a third slower in everything, with another BLAS."""
    library = Library("blas", "mkl", "2025.1", "AVX512", "intel")
    values = {
        "mark": "77aa00",
        "machine": "loud-magpie",
        "host_id": "bb22",
        "host": {"cpu": "Intel Xeon 6975P", "smt": True},
        "libraries": (library,),
        "measurements": ladder(1.5),
        "ceilings": (roof(40e9), roof(40e9, 2)),
        "day": 23,
    }
    return record(**{**values, **fields})


def run(made, name=None, fault=None):
    """A record reduced, called as its machine."""
    return reduce_record(made, name or made.header.machine, fault)


def pair(first=None, second=None, **options):
    """Two records compared, by default the two machines."""
    return compare([run(first or record(), "first"), run(second or other(), "second")], **options)


def words(found, place=1):
    """What is said of the cells of a run."""
    return {found.word(place, cell) for cell in range(len(found.cells))}
