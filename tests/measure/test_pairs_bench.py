"""One process of a comparison on simulated time: what is sampled, in which order, and what is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from pairs_fakes import SAMPLE_NS, PairWorkshop, cell_of, job_of

from matbench.measure import pairs_bench
from matbench.measure.pairs_bench import FEWEST_BLOCKS, LONGEST_BLOCK_NS, fewest_blocks
from matbench.pairing import PairBlock, Refusal


@pytest.fixture
def shop():
    return PairWorkshop()


def sampled(shop, *kernels, job):
    shop.run(*kernels, job=job)
    assert shop.of(Refusal) == []
    return shop.of(PairBlock)


def test_every_block_samples_all_three_arms_equally_often_forwards_and_backwards(shop):
    blocks = sampled(shop, shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of()))
    assert [each.block for each in blocks] == [0, 1, 2, 3]
    for block in blocks:
        arms = [sample.arm for sample in block.samples]
        assert sorted(arms) == ["a", "a", "b", "b", "c", "c"]
        assert arms == arms[::-1]


def test_one_loop_count_serves_all_arms_and_fills_the_slowest_ones_sample(shop):
    slow, fast = shop.kernel("slow", 40_000), shop.kernel("fast", 10_000)
    blocks = sampled(shop, slow, fast, job=job_of(cell_of()))
    assert {block.loops for block in blocks} == {3}
    assert {(s.arm, s.elapsed_ns) for block in blocks for s in block.samples} == {
        ("a", 120_000),
        ("c", 120_000),
        ("b", 30_000),
    }


def test_a_sample_lasts_a_thousand_ticks_of_a_coarse_clock(shop):
    tick = 1000

    def coarse():
        shop.clock.now_ns += 100
        return shop.clock.now_ns // tick * tick

    shop.clock.wall_ns = coarse
    blocks = sampled(shop, shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of()))
    assert min(s.elapsed_ns for block in blocks for s in block.samples if s.arm == "a") >= 1000 * tick > SAMPLE_NS


def test_blocks_of_long_calls_are_short_and_few(shop):
    second = 1_000_000_000
    slow, fast = shop.kernel("slow", second), shop.kernel("fast", second // 2)
    blocks = sampled(shop, slow, fast, job=job_of(cell_of(), settings=job_of(cell_of()).settings.__class__(blocks=16)))
    assert len(blocks) == FEWEST_BLOCKS
    assert {block.loops for block in blocks} == {1}
    assert all(sorted(s.arm for s in block.samples) == ["a", "b", "c"] for block in blocks)


def test_loops_are_fewer_where_a_block_would_be_too_long(shop):
    settings = job_of(cell_of()).settings.__class__(blocks=4, sample_ns=200_000_000)
    slow, fast = shop.kernel("slow", 10_000_000), shop.kernel("fast", 10_000_000)
    blocks = sampled(shop, slow, fast, job=job_of(cell_of(), settings=settings))
    for block in blocks:
        assert sum(s.elapsed_ns for s in block.samples) <= LONGEST_BLOCK_NS


def test_blocks_are_given_away_until_two_in_a_row_touch_no_new_page():
    shop = PairWorkshop(faults=[1] * 6 + [0] * 6 + [2] + [0] * 1000)
    sampled(shop, shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of()))
    # One block with faults, one without, one with a fault, two without; then those that count.
    assert len(shop.counters.asked) == 2 * 6 * (5 + 4)


def test_the_clone_is_another_function_of_the_same_code(shop):
    made = []
    slow = shop.kernel("slow")
    bench = shop.bench(slow, shop.kernel("fast"), job=job_of(cell_of()))
    bound = bench._arms(cell_of())
    made = [bound[arm].function for arm in ("a", "c", "b")]
    assert made[0] is slow.function
    assert made[1] is not made[0]
    assert made[1].__code__ is not made[0].__code__
    assert made[1].__code__.co_code == made[0].__code__.co_code
    assert made[1].__closure__ == made[0].__closure__


def test_a_kernel_compared_with_itself_gets_two_clones(shop):
    blocks = sampled(shop, shop.kernel("slow"), job=job_of(cell_of(b="slow")))
    assert {s.elapsed_ns for block in blocks for s in block.samples} == {150_000}
    bench = shop.bench(shop.kernel("slow"), job=job_of(cell_of(b="slow")))
    bound = bench._arms(cell_of(b="slow"))
    assert len({id(each.function) for each in bound.values()}) == 3


def test_between_arms_of_several_threads_it_waits_until_idle_threads_have_stopped():
    shop = PairWorkshop(spin_ns=30_000_000)
    kernels = [shop.kernel(name, threaded_dtypes=("float64",)) for name in ("slow", "fast")]
    blocks = sampled(shop, *kernels, job=job_of(cell_of(threads=2)))
    assert all(sample.drain_ns >= 30_000_000 for block in blocks for sample in block.samples[1:])
    assert set(shop.counters.asked) == {2}


def test_on_one_thread_nothing_is_waited_for(shop):
    blocks = sampled(shop, shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of()))
    assert {sample.drain_ns for block in blocks for sample in block.samples} == {0}


def test_the_threads_are_set_and_set_back(shop):
    kernels = [shop.kernel(name, threaded_dtypes=("float64",)) for name in ("slow", "fast")]
    sampled(shop, *kernels, job=job_of(cell_of(threads=2), cell_of()))
    assert shop.control.asked == [2, 2, 1, 1]  # while it is made ready, and anew with what that loaded
    assert shop.control.current == 1


def test_a_report_says_what_was_drawn_and_found(shop):
    bench = shop.run(shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of(), seed=5, process=3))
    report = bench.report()
    assert (report.process, report.seed, report.void) == (3, 5, None)
    assert [(cell, arm) for cell, arm, _ in report.errors] == [(0, "a"), (0, "c"), (0, "b")]
    assert all(error <= 1 for _, _, error in report.errors)
    assert report.offset % 64 == 0


def test_a_wrong_arm_costs_its_own_cell_only(shop):
    def spoil(_a, _b, out):
        if out.shape[0] == 16:
            out[3, 4] += 1

    shop.run(shop.kernel("slow"), shop.kernel("fast", spoil=spoil), job=job_of(cell_of(8), cell_of(16), cell_of(4)))
    [refusal] = shop.of(Refusal)
    assert (refusal.cell, refusal.outcome) == (1, "wrong")
    assert refusal.reason.startswith("fast computes a wrong result")
    assert refusal.arm == "b"
    assert {block.cell for block in shop.of(PairBlock)} == {0, 2}


def test_an_arm_that_changes_its_operands_only_now_and_then_is_found_out(shop):
    count = 0

    def spoil(a, *_):
        nonlocal count
        count += 1
        if count == 30:
            a[0, 0] += 1

    shop.run(shop.kernel("slow"), shop.kernel("fast", spoil=spoil), job=job_of(cell_of()))
    [refusal] = shop.of(Refusal)
    assert refusal.reason == "one of the two changes its operands now and then; have it work on copies"
    assert shop.of(PairBlock) == []


def test_what_can_not_run_here_is_skipped_with_the_kernels_own_reason(shop):
    shop.run(shop.kernel("slow"), shop.kernel("fast", dtypes=("float32",)), job=job_of(cell_of()))
    [refusal] = shop.of(Refusal)
    assert (refusal.outcome, refusal.reason) == ("skipped", "fast does not compute in float64")
    assert refusal.arm == "b"


def test_the_same_function_under_two_names_is_refused(shop):
    one = shop.kernel("slow")
    other = one.__class__(name="fast", rung=one.rung, idea="the same", function=one.function)
    shop.run(one, other, job=job_of(cell_of()))
    [refusal] = shop.of(Refusal)
    assert refusal.reason.startswith("slow and fast are the same function")


def test_what_does_not_fit_into_memory_is_skipped(shop):
    shop.run(shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of(64), memory_bytes=1000))
    [refusal] = shop.of(Refusal)
    assert refusal.outcome == "skipped"
    assert "of memory" in refusal.reason


def test_a_block_in_which_something_compiles_is_taken_again(shop, monkeypatch):
    versions = iter([1] * 4 + [1, 2] + [2] * 1000)
    monkeypatch.setattr(pairs_bench, "signatures", lambda _: next(versions))
    blocks = sampled(shop, shop.kernel("slow"), shop.kernel("fast"), job=job_of(cell_of()))
    assert len(blocks) == 4


def test_operands_are_shared_by_all_arms_and_begin_where_it_was_drawn(shop):
    seen = set()

    def look(a, b, out):
        seen.add(tuple(each.ctypes.data % 4096 for each in (a, b, out)))

    bench = shop.run(shop.kernel("slow", spoil=look), shop.kernel("fast", spoil=look), job=job_of(cell_of()))
    assert seen == {bench.offsets}
    assert np.all(np.array(bench.offsets) % 64 == 0)


def test_what_a_slow_clone_computes_is_not_looked_at_but_what_slow_arms_compute_is(shop):
    second = 1_000_000_000
    bench = shop.run(shop.kernel("slow", second), shop.kernel("fast", second), job=job_of(cell_of()))
    assert [arm for _, arm, _ in bench.report().errors] == ["a", "b"]
    assert len(shop.calls) == 2 + 3 * fewest_blocks(3.0 * second, 4) == 5


def test_an_arm_that_changes_the_number_of_threads_is_found_out(shop):
    def spoil(*_):
        shop.control.current = 4

    shop.run(shop.kernel("slow"), shop.kernel("fast", spoil=spoil), job=job_of(cell_of()))
    [refusal] = shop.of(Refusal)
    assert refusal.reason == "one of the two changes the number of threads (fake: 4, not 1); leave it to --threads"


def test_a_library_that_a_first_call_loads_is_limited_before_anything_is_timed(shop, monkeypatch):
    loaded, limits = {}, []
    limited, refreshed, counts = shop.control.limited, shop.control.refresh, shop.control.counts

    def load(*_):
        loaded.setdefault("late", {"seen": False, "threads": 2})

    def refresh():
        refreshed()
        for each in loaded.values():
            each["seen"] = True

    @contextlib.contextmanager
    def limit(threads):
        for each in loaded.values():
            each["threads"] = threads if each["seen"] else each["threads"]
        limits.append(threads)
        with limited(threads):
            yield

    def count():
        return counts() | {name: each["threads"] for name, each in loaded.items() if each["seen"]}

    for name, replaced in (("refresh", refresh), ("limited", limit), ("counts", count)):
        monkeypatch.setattr(shop.control, name, replaced)
    blocks = sampled(shop, shop.kernel("slow", spoil=load), shop.kernel("fast"), job=job_of(cell_of()))
    assert shop.of(Refusal) == []
    assert len(blocks) == 4
    assert limits == [1, 1]


def test_slow_arms_that_an_earlier_process_found_right_are_not_called_before_their_blocks(shop):
    second = 1_000_000_000
    known = ((0, "a", second), (0, "c", second))
    bench = shop.run(shop.kernel("slow", second), shop.kernel("fast"), job=job_of(cell_of(), known=known))
    assert [arm for _, arm, _ in bench.report().errors] == ["b"]
    assert shop.calls.count("slow") == 2 * len(shop.of(PairBlock))


def test_a_function_that_was_sent_is_an_arm(shop):
    import cloudpickle

    def mine(a, b):
        return a @ b

    cell = cell_of(b="mine")
    bench = shop.bench(shop.kernel("slow"), job=job_of(cell, pickled={"mine": cloudpickle.dumps(mine)}))
    assert bench._arms(cell)["b"].style == "returns"
