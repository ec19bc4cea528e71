"""Measures the hardware's limits: FMA chains of every vector width, streams through memory and through each cache."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from matbench.collector import collector_off
from matbench.errors import InternalError
from matbench.kernels import ceilings
from matbench.kernels.registry import FLOATS, Array
from matbench.measure.bench import HANGS_AFTER_S, Bench, one_sample
from matbench.measure.peak import chain_ceiling, chains
from matbench.measure.placement import apart
from matbench.measure.protocol import Chain, Started
from matbench.measure.sampler import Arm, Sample, calibrate, on_the_run, time_loops
from matbench.measure.threads import drain
from matbench.model import Caches, Ceiling, Dtype
from matbench.units import format_bytes, format_seconds

__all__ = ["level_sizes", "load_chains", "measure_chains", "measure_levels", "measure_streams", "stream_size"]

REPEATS = 3  # samples of each width; the widest gets more in every round of every block
TIMES_LAST_CACHE = 4  # STREAM's own rule for the size of each array
ASSUMED_CACHE = 32 * 2**20  # bytes, where the caches are unknown
TOUCH_RATE = 0.8e9  # byte/s at which fresh memory is first written; slow on virtual machines
SHARE_OF_TIME = 0.06  # of the run that streams may take
LEVEL_REPEATS = 10  # samples of a cache: they are short, the best one counts, and threads wait for each other
LEVEL_NS = 1_000_000  # shortest sample of a cache
LEVEL_BYTES = 16 * 2**20  # that a call moves at least, so that calling does not count
BEYOND = 4  # times the second cache: no more of the third is swept over
LEVELS_S = 1.5  # s, that compiling (most of it) and measuring take: more than a short run can give
SHARE_FOR_MEMORY = 0.15  # the same where operations are measured that are told against them

Stream = Callable[[Array, int, bool], float]
Kind = Literal["read_l1", "triad_l1", "read_l2", "triad_l2", "read_l3", "triad_l3"]
_KINDS: dict[str, tuple[Kind, ...]] = {
    "l1": ("read_l1", "triad_l1"),
    "l2": ("read_l2", "triad_l2"),
    "l3": ("read_l3", "triad_l3"),
}


def measure_chains(bench: Bench, dtypes: Sequence[Dtype], threads: Sequence[int]) -> Iterator[None]:
    """Tell the peak of every vector width at each thread count; yields where nothing is being timed."""
    reason = ceilings.why_no_chains()
    for dtype in dtypes:
        if dtype not in FLOATS:
            continue
        if reason is not None:
            bench.tell(Ceiling(kind="fma", dtype=dtype, lanes=1, threads=1, work=1, reason=reason))
            continue
        widest = ceilings.vector_lanes(dtype)[-1]
        for lanes in ceilings.vector_lanes(dtype):
            bench.tell(Started(what=f"peak of {lanes} lanes", allowed_s=2 * HANGS_AFTER_S, before_blocks=True))
            run, _ = chains(dtype, lanes)
            with bench.control.limited(1):
                run(1, 1)  # compiles
                # A thousand steps a call keep the calls themselves from counting.
                trial = calibrate(functools.partial(run, 1, 1000), bench.plan.sample_ns, bench.clock)
            steps = 1000 * trial.loops
            bench.fma_steps[dtype, lanes] = steps
            # Threads are asked of the widest vectors only: each more function costs a compilation.
            for count in threads if lanes == widest else (1,):
                made = chain_ceiling(dtype, lanes, count)
                try:
                    _tell_chain(bench, run, made, steps)
                except InternalError as error:  # the threads could not be set: this ceiling is missing, with its reason
                    bench.tell(msgspec.structs.replace(made, reason=str(error)))
            yield


def load_chains(bench: Bench, known: Sequence[Chain], threads: Sequence[int]) -> Iterator[None]:
    """Have chains ready for the rounds that an earlier process has calibrated; yields where nothing is being timed."""
    for each in known:
        bench.tell(Started(what=f"peak of {each.lanes} lanes", allowed_s=2 * HANGS_AFTER_S, before_blocks=True))
        run, _ = chains(each.dtype, each.lanes)
        for count in {1, max(threads)}:  # one thread and several are two functions
            run(count, 1)
        bench.fma_steps[each.dtype, each.lanes] = each.steps
        yield


def _tell_chain(bench: Bench, run: Callable[[int, int], float], ceiling: Ceiling, steps: int) -> None:
    arm = Arm(functools.partial(run, ceiling.threads, steps), ceiling.threads)
    with bench.control.limited(ceiling.threads), collector_off():
        for number in range(REPEATS):
            with on_the_run(arm):
                sample = time_loops(arm.call, arm.loops, bench.clock)
            _tell(bench, ceiling, Sample(steps, sample.elapsed_ns), number)
    drain(bench.clock)


def _tell(bench: Bench, ceiling: Ceiling, sample: Sample, number: int) -> None:
    bench.tell(msgspec.structs.replace(ceiling, samples=one_sample(sample, bench.process, number)))


def stream_size(caches: Caches) -> int:
    """Elements (doubles) of each array of a stream: over four times the last cache.

    Examples
    --------
    >>> stream_size(Caches(l1d=2**15, l2=2**20, l3=2**25)) * 8 // 2**20
    128
    """
    return TIMES_LAST_CACHE * (caches.last or ASSUMED_CACHE) // 8 + 8


def _no_streams(bench: Bench, size: int, seconds: float) -> str | None:
    """Why bandwidth can't be measured, or None."""
    reason = ceilings.why_no_chains()
    if reason is not None:
        return reason
    need = 3 * 8 * size
    if need > bench.memory_bytes:
        return f"three arrays over four times the last cache need {format_bytes(need)}, more than may be used"
    touch = need / TOUCH_RATE
    told = {block.problem.definition.told for block in bench.plan.blocks}
    share = SHARE_FOR_MEMORY if "byte/s" in told else SHARE_OF_TIME
    if touch > share * seconds:
        return f"writing {format_bytes(need)} first takes about {format_seconds(touch)}, too long for this time budget"
    return None


def measure_streams(bench: Bench, caches: Caches, threads: Sequence[int], seconds: float) -> Iterator[None]:
    """Tell the memory bandwidth, reading and STREAM's triad, at each thread count."""
    size = stream_size(caches)
    reason = _no_streams(bench, size, seconds)
    if reason is not None:
        for kind in ("read", "triad"):
            bench.tell(Ceiling(kind=kind, dtype="float64", lanes=1, threads=1, work=1, reason=reason))
        return
    allowed_s = HANGS_AFTER_S + 10 * 24 * size / TOUCH_RATE
    bench.tell(Started(what="memory bandwidth", allowed_s=allowed_s, before_blocks=True))
    a, b, c = ceilings.stream_arrays(size)
    small = [each[:64] for each in (a, b, c)]
    ceilings.read_stream(small[0])
    ceilings.triad_stream(*small)
    bench.control.refresh()
    yield
    for count in threads:
        for number in range(REPEATS):
            with bench.control.limited(count), collector_off(), apart(count):
                read = time_loops(functools.partial(ceilings.read_stream, a), 1, bench.clock)
                triad = time_loops(functools.partial(ceilings.triad_stream, a, b, c), 1, bench.clock)
            _tell(bench, Ceiling(kind="read", dtype="float64", lanes=1, threads=count, work=8 * size), read, number)
            _tell(bench, Ceiling(kind="triad", dtype="float64", lanes=1, threads=count, work=24 * size), triad, number)
            yield


def level_sizes(caches: Caches, threads: int) -> dict[str, int]:
    """Bytes that each thread sweeps over to measure each cache, by its name; those that can't be measured are absent.

    It is half of the cache, so that the rest of the process has room; of a third level no more than four times the
    second, which is enough to miss it and touches little memory. The last level is taken to be shared by the threads:
    where a part of it is no larger than the cache before it, that one would be measured instead.

    Examples
    --------
    >>> level_sizes(Caches(l1d=2**15, l2=2**20, l3=2**25), threads=1)
    {'l1': 16384, 'l2': 524288, 'l3': 4194304}
    """
    known = {name: size for name, size in (("l1", caches.l1d), ("l2", caches.l2), ("l3", caches.l3)) if size}
    found, before = {}, 0
    for name, size in known.items():
        is_shared = name == [*known][-1] != "l1"
        swept = size // 2 // (threads if is_shared else 1)
        if name == "l3" and caches.l2:
            swept = min(swept, BEYOND * caches.l2)
        if swept > before:
            found[name] = swept
        before = size
    return found


def measure_levels(bench: Bench, caches: Caches, threads: Sequence[int], seconds: float) -> Iterator[None]:
    """Tell the bandwidth of each cache, reading and STREAM's triad, at each thread count."""
    reason = _no_levels(seconds)
    if reason is not None:
        for kind, _ in _streams(caches, 1):
            bench.tell(Ceiling(kind=kind, dtype="float64", lanes=1, threads=1, work=1, reason=reason))
        return
    bench.tell(Started(what="bandwidth of the caches", allowed_s=2 * HANGS_AFTER_S, before_blocks=True))
    stream, multiple = ceilings.level_stream()
    stream(ceilings.level_array(1, 3 * multiple), 1, False)  # compiles
    bench.control.refresh()
    enough: dict[Kind, int] = {}  # bytes that fill a sample on one thread
    for count in threads:
        for kind, size in _streams(caches, count):
            unit = multiple * (3 if kind.startswith("triad") else 1)
            swept = max(1, size // unit) * unit
            made = Ceiling(kind=kind, dtype="float64", lanes=1, threads=count, work=count * swept)
            try:
                if kind not in enough:
                    enough[kind] = swept * _filling_sweeps(bench, stream, made, swept)
                _tell_level(bench, stream, made, swept, max(1, enough[kind] // swept))
            except InternalError as error:  # the threads could not be set
                bench.tell(msgspec.structs.replace(made, reason=str(error)))
            yield
        drain(bench.clock)


def _no_levels(seconds: float) -> str | None:
    """Why the caches can't be measured, or None."""
    reason = ceilings.why_no_chains()
    if reason is None and SHARE_OF_TIME * seconds < LEVELS_S:
        return f"compiling and measuring take about {format_seconds(LEVELS_S)}, too long for this time budget"
    return reason


def _streams(caches: Caches, threads: int) -> Iterator[tuple[Kind, int]]:
    """What is measured of the caches: the kinds of ceiling, and the bytes that each thread sweeps over."""
    for level, size in level_sizes(caches, threads).items():
        for kind in _KINDS[level]:
            yield kind, size


def _filling_sweeps(bench: Bench, stream: Stream, ceiling: Ceiling, swept: int) -> int:
    """Sweeps of one thread that fill a sample: where others run, several threads wait for each other at first."""
    arrays, triad = ceilings.level_array(1, swept), ceiling.kind.startswith("triad")
    sweeps = max(1, LEVEL_BYTES // swept)
    with bench.control.limited(1):
        return sweeps * calibrate(functools.partial(stream, arrays, sweeps, triad), LEVEL_NS, bench.clock).loops


def _tell_level(bench: Bench, stream: Stream, ceiling: Ceiling, swept: int, sweeps: int) -> None:
    arrays, triad = ceilings.level_array(ceiling.threads, swept), ceiling.kind.startswith("triad")
    arm = Arm(functools.partial(stream, arrays, sweeps, triad), ceiling.threads)
    with bench.control.limited(ceiling.threads), collector_off():
        stream(arrays, 1, triad)
        for number in range(LEVEL_REPEATS):
            with on_the_run(arm):
                sample = time_loops(arm.call, arm.loops, bench.clock)
            _tell(bench, ceiling, Sample(sweeps, sample.elapsed_ns), number)
