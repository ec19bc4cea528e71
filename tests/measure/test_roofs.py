"""The hardware's limits: every vector width, every thread count, or the reason why not."""

from __future__ import annotations

import pytest
from measure_fakes import SAMPLE_NS, Workshop

from matbench.errors import InternalError
from matbench.kernels import ceilings
from matbench.measure.protocol import Started
from matbench.measure.roofs import (
    LEVEL_NS,
    LEVEL_REPEATS,
    REPEATS,
    SHARE_OF_TIME,
    TIMES_LAST_CACHE,
    level_sizes,
    measure_chains,
    measure_levels,
    measure_streams,
    stream_size,
)
from matbench.model import Caches, Ceiling

SMALL = Caches(l1d=2**10, l2=2**12)  # arrays of 16 KiB


@pytest.fixture
def shop(monkeypatch):
    """A machine with vectors of 1 and 4 elements, 1 ns a step, and memory that moves a double a nanosecond."""
    made = Workshop(spin_ns=50_000_000)

    def chains(threads, steps):
        made.calls["chains", threads, made.control.current] += 1
        made.clock.advance(steps)
        made.clock.spinning_ns = made.spin_ns if threads > 1 else 0

    def stream(a, *_):
        made.calls["stream", len(a), made.control.current] += 1
        made.clock.advance(len(a) // made.control.current)

    monkeypatch.setattr(ceilings, "why_no_chains", lambda: None)
    monkeypatch.setattr(ceilings, "vector_lanes", lambda _: (1, 4))
    monkeypatch.setattr(ceilings, "fma_chains", lambda _, lanes, **_options: (chains, 24 * lanes))
    monkeypatch.setattr(ceilings, "read_stream", stream)
    monkeypatch.setattr(ceilings, "triad_stream", stream)
    monkeypatch.setattr(ceilings, "stream_arrays", lambda size: tuple(bytearray(size) for _ in range(3)))
    return made


def roofs(shop):
    return [each for each in shop.told if isinstance(each, Ceiling)]


def test_every_width_is_told_on_one_thread_and_the_widest_on_all(shop):
    bench = shop.bench(shop.kernel("base"))
    assert len(list(measure_chains(bench, ("float64",), (1, 2)))) == 2
    told = [(each.lanes, each.threads, each.work) for each in roofs(shop)]
    assert told == [(1, 1, 24)] * REPEATS + [(4, 1, 96)] * REPEATS + [(4, 2, 192)] * REPEATS
    assert [each.samples.round[0] for each in roofs(shop)] == 3 * list(range(REPEATS))
    for each in roofs(shop):
        assert each.samples.elapsed_ns[0] >= SAMPLE_NS
        assert each.samples.elapsed_ns == each.samples.loops  # 1 ns a step
    assert bench.fma_steps["float64", 4] == roofs(shop)[-1].samples.loops[0]


def test_each_chain_runs_with_the_threads_it_is_told_with_and_nothing_spins_afterwards(shop):
    list(measure_chains(shop.bench(shop.kernel("base")), ("float64", "float32"), (1, 2)))
    assert {threads == limit for _, threads, limit in shop.calls} == {True}
    assert shop.clock.spinning_ns == 0
    assert shop.control.current == 1
    assert {each.dtype for each in roofs(shop)} == {"float64", "float32"}


def test_integers_have_no_peak_of_multiply_adds(shop):
    assert list(measure_chains(shop.bench(shop.kernel("base")), ("int64",), (1, 2))) == []
    assert shop.told == []


def test_without_a_compiler_each_dtype_says_why_there_is_no_peak(shop, monkeypatch):
    monkeypatch.setattr(ceilings, "why_no_chains", lambda: "needs numba")
    list(measure_chains(shop.bench(shop.kernel("base")), ("float64", "float32"), (1,)))
    list(measure_streams(shop.bench(shop.kernel("base")), SMALL, (1,), 100.0))
    assert {(each.kind, each.dtype, each.reason, len(each.samples)) for each in roofs(shop)} == {
        ("fma", "float64", "needs numba", 0),
        ("fma", "float32", "needs numba", 0),
        ("read", "float64", "needs numba", 0),
        ("triad", "float64", "needs numba", 0),
    }


def test_bandwidth_is_told_at_each_thread_count_in_bytes_of_a_whole_pass(shop):
    list(measure_streams(shop.bench(shop.kernel("base")), SMALL, (1, 2), 100.0))
    size = stream_size(SMALL)
    assert sorted({(each.kind, each.threads, each.work) for each in roofs(shop)}) == [
        ("read", 1, 8 * size),
        ("read", 2, 8 * size),
        ("triad", 1, 24 * size),
        ("triad", 2, 24 * size),
    ]
    assert len(roofs(shop)) == 4 * REPEATS
    assert {each.samples.elapsed_ns[0] * each.threads // size for each in roofs(shop)} == {1}
    assert shop.control.current == 1
    assert any(isinstance(each, Started) and each.allowed_s >= 30 for each in shop.told)


@pytest.mark.parametrize(
    "caches", [Caches(), Caches(l1d=2**15), Caches(l2=2**21), Caches(l1d=2**15, l2=2**20, l3=480 * 2**20)]
)
def test_a_stream_is_over_four_times_the_last_cache(caches):
    assert stream_size(caches) * 8 > TIMES_LAST_CACHE * (caches.last or 0)
    assert stream_size(caches) * 8 >= 2**17


@pytest.mark.parametrize(
    ("memory_bytes", "seconds", "reason"),
    [(2**20, 1e6, "more than may be used"), (2**40, 1.0, "too long for this time budget")],
)
def test_streams_that_do_not_fit_are_left_out_with_the_reason_and_nothing_is_allocated(
    shop, monkeypatch, memory_bytes, seconds, reason
):
    monkeypatch.delattr(ceilings, "stream_arrays")
    bench = shop.bench(shop.kernel("base"), memory_bytes=memory_bytes)
    assert list(measure_streams(bench, Caches(l3=2**28), (1, 2), seconds)) == []
    assert [each.kind for each in roofs(shop)] == ["read", "triad"]
    assert all(each.reason.endswith(reason) and not each.samples.loops for each in roofs(shop))
    assert SHARE_OF_TIME < 0.5


# -- caches ------------------------------------------------------------------------------------------------------------

LEVELS = Caches(l1d=32 * 1024, l2=2**20, l3=2**25)


@pytest.fixture
def cached(shop, monkeypatch):
    """The same machine, which sweeps over a double a nanosecond in each thread."""

    def stream(arrays, times, triad):
        shop.calls["level", len(arrays), shop.control.current, triad] += 1
        shop.clock.advance(times * len(arrays[0]))

    monkeypatch.setattr(ceilings, "level_stream", lambda: (stream, 768))
    monkeypatch.setattr(ceilings, "level_array", lambda threads, size: [bytearray(size // 8)] * threads)
    return shop


def test_each_cache_is_told_at_each_thread_count_in_bytes_of_all_its_threads(cached):
    list(measure_levels(cached.bench(cached.kernel("base")), LEVELS, (1, 2), 100.0))
    told = {(each.kind, each.threads): each for each in roofs(cached)}
    kinds = {f"{what}_{level}" for what in ("read", "triad") for level in ("l1", "l2", "l3")}
    assert set(told) == {(kind, threads) for kind in kinds for threads in (1, 2)}
    assert len(roofs(cached)) == len(told) * LEVEL_REPEATS
    for (kind, threads), each in told.items():
        unit = 768 * (3 if kind.startswith("triad") else 1)
        size = level_sizes(LEVELS, threads)[kind[-2:]]
        assert each.work % (threads * unit) == 0
        assert size - unit < each.work // threads <= size
        assert each.samples.elapsed_ns[0] >= 0.9 * LEVEL_NS  # parts of sweeps are left out
        assert each.samples.elapsed_ns[0] == each.samples.loops[0] * each.work // threads // 8
    assert {threads == limit for _, threads, limit, _ in cached.calls} == {True}
    assert cached.control.current == 1


@pytest.mark.parametrize(
    ("seconds", "missing", "reason"),
    [(10.0, None, "too long for this time budget"), (1e6, "needs numba", "needs numba")],
)
def test_where_caches_can_not_be_measured_each_says_why(cached, monkeypatch, seconds, missing, reason):
    monkeypatch.setattr(ceilings, "why_no_chains", lambda: missing)
    assert list(measure_levels(cached.bench(cached.kernel("base")), SMALL, (1, 2), seconds)) == []
    assert [each.kind for each in roofs(cached)] == ["read_l1", "triad_l1", "read_l2", "triad_l2"]
    assert all(each.reason.endswith(reason) and not each.samples.loops for each in roofs(cached))


def test_a_thread_count_that_can_not_be_set_is_told_and_the_others_go_on(cached, monkeypatch):
    stream, _ = ceilings.level_stream()

    def refusing(arrays, times, triad):
        if len(arrays) == 2:  # as setting them does
            raise InternalError("no second thread")
        stream(arrays, times, triad)

    monkeypatch.setattr(ceilings, "level_stream", lambda: (refusing, 768))
    list(measure_levels(cached.bench(cached.kernel("base")), SMALL, (1, 2), 100.0))
    assert {each.reason for each in roofs(cached) if each.threads == 2} == {"no second thread"}
    assert {each.reason for each in roofs(cached) if each.threads == 1} == {None}


@pytest.mark.parametrize(
    ("caches", "threads", "sizes"),
    [
        (Caches(), 1, {}),
        (LEVELS, 1, {"l1": 2**14, "l2": 2**19, "l3": 2**22}),
        (LEVELS, 8, {"l1": 2**14, "l2": 2**19, "l3": 2**21}),
        (LEVELS, 16, {"l1": 2**14, "l2": 2**19}),  # a sixteenth of the third fits into the second
        (Caches(l1d=2**17, l2=2**23), 4, {"l1": 2**16, "l2": 2**20}),
        (Caches(l1d=2**15), 4, {"l1": 2**14}),
    ],
)
def test_what_is_swept_over_misses_the_cache_before_and_fits_into_its_own(caches, threads, sizes):
    assert level_sizes(caches, threads) == sizes
