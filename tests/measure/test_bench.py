"""One block after another: checked first, then sampled in rounds, every case told what became of it."""

from __future__ import annotations

from collections import Counter

import pytest
from measure_fakes import SAMPLE_NS, Workshop, block_of, case_in

from matbench.kernels import ceilings
from matbench.kernels.numpy_arrays import numpy_broadcast
from matbench.measure.bench import FIRST_ROWS
from matbench.measure.peak import roof_arms
from matbench.measure.plan import SINGLE_SHOT_S
from matbench.measure.protocol import Started
from matbench.model import Ceiling, Measurement

LONG = 1e-4  # GFLOP/s at which a product of n = 32 takes 0.66 s: longer than is verified beforehand


@pytest.fixture(autouse=True)
def no_roof(monkeypatch):
    """Without chains nothing but the kernels is sampled."""
    monkeypatch.setattr(ceilings, "why_no_chains", lambda: "no chains here")


@pytest.fixture
def shop():
    return Workshop()


def spoilt(out):
    """Wrong in one element of a large product only: the laws on small ones do not see it."""
    if out.shape[0] > 20:
        out[-1, -1] += 1


def raising(error):
    def raise_it(out):
        if out.shape[0] > 20:
            raise error

    return raise_it


def wrong_everywhere(out):
    out[0, 0] += 1


# -- right before fast ------------------------------------------------------------------------------------------------


def test_a_right_kernel_is_measured_with_its_error(shop):
    bench = shop.bench(shop.kernel("base"))
    shop.measure(bench, block_of(32, "base"))
    first, *rest = shop.measurements("base")
    assert first.outcome == "measured"
    assert 0 <= first.error <= 1
    assert [each.error for each in rest] == [None] * len(rest)
    assert sum(len(each.samples) for each in (first, *rest)) == bench.plan.rounds


def test_a_kernel_that_breaks_a_law_is_told_wrong_and_never_timed(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("bad", spoil=wrong_everywhere))
    shop.measure(bench, block_of(32, "bad", "base"))
    (told,) = shop.measurements("bad")
    assert (told.outcome, len(told.samples)) == ("wrong", 0)
    assert told.reason.startswith("the result is wrong on ")
    assert shop.calls["bad", 32] == 0
    assert set(shop.outcomes("base")) == {"measured"}


def test_a_kernel_that_is_wrong_on_this_problem_is_told_wrong_and_never_sampled(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("bad", spoil=spoilt))
    shop.measure(bench, block_of(32, "base", "bad"))
    (told,) = shop.measurements("bad")
    assert (told.outcome, len(told.samples)) == ("wrong", 0)
    assert told.error > 1
    assert "times its rounding bound" in told.reason
    assert shop.calls["bad", 32] == 1


def test_a_wrong_integer_has_no_error_in_units_of_rounding(shop):
    bench = shop.bench(shop.kernel("bad", spoil=spoilt))
    shop.measure(bench, block_of(32, "bad", dtype="int64"))
    (told,) = shop.measurements("bad")
    assert (told.outcome, told.error) == ("wrong", None)


@pytest.mark.parametrize("n", [8, 32])
def test_a_kernel_that_writes_nothing_is_told_wrong(shop, n):
    bench = shop.bench(shop.kernel("bad", spoil=lambda out: out.fill(float("nan"))))
    shop.measure(bench, block_of(n, "bad"))
    assert shop.outcomes("bad") == ["wrong"]


def test_a_kernel_that_raises_is_told_with_what_it_raised_and_the_others_go_on(shop):
    bad = shop.kernel("bad", spoil=raising(ValueError("no\nluck " + 600 * "x")))
    bench = shop.bench(shop.kernel("base"), bad)
    shop.measure(bench, block_of(32, "bad", "base"))
    (told,) = shop.measurements("bad")
    assert told.outcome == "wrong"
    assert told.reason.startswith("raised ValueError: no luck x")
    assert len(told.reason) == 500
    assert set(shop.outcomes("base")) == {"measured"}
    assert shop.control.current == 1


def test_a_kernel_that_raises_on_the_laws_is_told_for_each_of_its_cases(shop):
    def raise_it(_):
        raise RuntimeError("broken")

    bench = shop.bench(shop.kernel("bad", spoil=raise_it))
    for n in (8, 16):
        shop.measure(bench, block_of(n, "bad"))
    assert [(each.outcome, each.reason) for each in shop.measurements("bad")] == [
        ("wrong", "raised RuntimeError: broken")
    ] * 2


def test_a_kernel_without_memory_is_ended(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("greedy", spoil=raising(MemoryError())))
    shop.measure(bench, block_of(32, "greedy", "base"))
    (told,) = shop.measurements("greedy")
    assert (told.outcome, told.reason) == ("ended", "ran out of memory in its first call")
    assert set(shop.outcomes("base")) == {"measured"}


def test_a_long_call_without_memory_is_ended(shop):
    bench = shop.bench(shop.kernel("slow", speed=LONG, spoil=raising(MemoryError())))
    shop.measure(bench, block_of(32, "slow"))
    assert shop.outcomes("slow") == ["ended"]


def test_laws_are_asked_once_a_kernel_and_dtype(shop):
    bench = shop.bench(shop.kernel("base"))
    for n in (16, 32):
        shop.measure(bench, block_of(n, "base"))
        shop.measure(bench, block_of(n, "base", dtype="int64"))
    assert shop.calls["base", 17] == 2 * 3 - 1 + 1  # m = 17: the product and two identities, for either dtype


# -- what can't be measured -------------------------------------------------------------------------------------------


def test_a_kernel_that_can_t_run_here_is_skipped_with_its_own_reason(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("absent", needs=lambda: "needs a unicorn"))
    shop.measure(bench, block_of(8, "absent", ("base", 2)))
    assert [(each.outcome, each.reason) for each in shop.told if isinstance(each, Measurement)] == [
        ("skipped", "needs a unicorn"),
        ("skipped", "runs on one thread only"),
    ]
    assert not shop.calls


def test_a_kernel_whose_temporary_does_not_fit_is_refused_before_it_is_called(shop):
    bench = shop.bench(shop.kernel("base"), numpy_broadcast, memory_bytes=2**20)
    block = block_of(64, "base", "numpy_broadcast")
    shop.measure(bench, block)
    (told,) = shop.measurements("numpy_broadcast")
    assert (told.outcome, told.reason) == ("skipped", "needs 2.3 MiB of memory, 1 MiB may be used")
    assert not any(isinstance(each, Started) and each.what == "numpy_broadcast" for each in shop.told)
    assert set(shop.outcomes("base")) == {"measured"}


def test_operands_that_do_not_fit_are_never_made(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("other"))
    block = block_of(2**20, "base", "other")  # 24 TiB, and twice as much to check them
    shop.measure(bench, block)
    assert [each.outcome for each in shop.measurements()] == ["skipped"] * 2
    assert all("72 TiB of memory, 1 GiB may be used" in each.reason for each in shop.measurements())


def test_what_there_is_no_time_for_is_skipped_by_name_with_the_time_it_takes(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("slow", speed=LONG))
    shop.measure(bench, block_of(32, "base", "slow"), seconds=0.1)
    (told,) = shop.measurements("slow")
    assert (told.outcome, told.case.kernel) == ("skipped", "slow")
    assert told.reason.startswith("takes about 655 ms, the time budget had ")
    assert shop.calls["slow", 32] == 0
    assert set(shop.outcomes("base")) == {"measured"}


def test_a_kernel_is_not_allowed_what_those_after_it_need_at_least(shop):
    slow = shop.kernel("slow", speed=0.6e-3)  # 0.11 s, and 0.11 s to verify it
    bench = shop.bench(slow, shop.kernel("base", speed=0.6e-3))
    shop.measure(bench, block_of(32, "slow", "base"), seconds=0.25)
    assert shop.outcomes("slow") == ["skipped"]
    assert "measured" in shop.outcomes("base")


def test_when_preparing_took_all_the_time_every_case_is_still_accounted_for(shop):
    # Declared a hundred times faster than they are: calling each once already takes longer than the block may.
    arms = ("base", "other", "third")
    bench = shop.bench(*(shop.kernel(name, speed=LONG, gflops=100 * LONG) for name in arms))
    shop.measure(bench, block_of(32, *arms), seconds=0.3)
    # What has been prepared has been paid for: it is sampled once.
    assert [each.case.kernel for each in shop.measurements()] == list(arms)
    assert {(each.outcome, len(each.samples)) for each in shop.measurements()} == {("measured", 1)}


def test_the_base_has_its_sure_samples_before_others_have_many(shop):
    # Twelve equally slow arms and time for 24 samples: an equal share would be two each.
    others = [f"other{i}" for i in range(11)]
    bench = shop.bench(*(shop.kernel(name, speed=0.001) for name in ("base", *others)), rounds=11)
    shop.measure(bench, block_of(32, "base", *others), seconds=12 * 0.0656 + 24 * 0.0656)
    counts = Counter(each.case.kernel for each in shop.measurements() if each.outcome == "measured")
    assert counts["base"] >= 6
    assert min(counts[name] for name in others) >= 1
    assert max(counts[name] for name in others) < 6


# -- long calls -------------------------------------------------------------------------------------------------------


def test_a_long_call_is_made_once_and_its_own_result_is_checked(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("slow", speed=LONG))
    shop.measure(bench, block_of(32, "base", "slow"), seconds=1.0)
    (told,) = shop.measurements("slow")
    assert told.outcome == "measured"
    assert 0 <= told.error <= 1
    assert told.samples.loops == (1,)
    assert told.samples.elapsed_ns[0] >= SINGLE_SHOT_S * 1e9
    assert shop.calls["slow", 32] == 1


def test_the_wrong_result_of_a_long_call_discards_its_time(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("slow", speed=LONG, spoil=spoilt))
    shop.measure(bench, block_of(32, "base", "slow"), seconds=10.0)
    (told,) = shop.measurements("slow")
    assert (told.outcome, len(told.samples)) == ("wrong", 0)
    assert told.error > 1


def test_a_long_call_is_announced_with_the_time_that_it_may_take(shop):
    bench = shop.bench(shop.kernel("slow", speed=1e-5))
    block = block_of(32, "slow")
    shop.measure(bench, block, seconds=20.0)
    started = [each for each in shop.told if isinstance(each, Started) and each.case == case_in(block, "slow")]
    assert {each.whole_kernel for each in started} == {True, False}
    assert started[-1].allowed_s == pytest.approx(65.536)


def test_a_long_call_that_raises_in_its_sample_is_told_and_the_others_go_on(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("slow", speed=LONG, spoil=raising(ValueError("late"))))
    shop.measure(bench, block_of(32, "base", "slow"), seconds=10.0)
    assert [(each.outcome, each.reason) for each in shop.measurements("slow")] == [("wrong", "raised ValueError: late")]
    assert set(shop.outcomes("base")) == {"measured"}


# -- samples ----------------------------------------------------------------------------------------------------------


def test_samples_are_as_long_as_asked_and_true_to_the_clock(shop):
    bench = shop.bench(shop.kernel("base", gflops=3.0))
    shop.measure(bench, block_of(16, "base"))
    for each in shop.measurements("base"):
        assert each.samples.elapsed_ns[0] >= SAMPLE_NS
        assert each.samples.elapsed_ns[0] == each.samples.loops[0] * round(2 * 16**3 / 0.01)


def test_samples_of_one_round_pair_by_process_and_round(shop):
    arms = ("base", "fast", "slow")
    bench = shop.bench(shop.kernel("base"), shop.kernel("fast", speed=0.1), shop.kernel("slow", speed=0.002), process=3)
    shop.measure(bench, block_of(32, *arms), seconds=1.0)
    rounds = {
        name: [
            (process, number)
            for each in shop.measurements(name)
            for process, number in zip(each.samples.process, each.samples.round, strict=True)
        ]
        for name in arms
    }
    assert rounds["base"] == rounds["fast"] == [(3, number) for number in range(5)]
    assert set(rounds["slow"]) <= set(rounds["base"])
    assert rounds["slow"][0] == (3, 0)


def test_two_processes_take_the_arms_in_different_orders():
    def order(process):
        shop, log = Workshop(), []
        names = [f"k{i}" for i in range(6)]
        kernels = [shop.kernel(name, spoil=lambda _, name=name: log.append(name)) for name in names]
        bench = shop.bench(*kernels, process=process)
        shop.measure(bench, block_of(32, *names))
        return log

    assert order(0) == order(0) != order(1)


def test_no_call_on_one_thread_starts_while_others_still_spin():
    shop = Workshop(spin_ns=150_000_000)
    arms = ("base", ("par", 1), ("par", 2), "last")
    bench = shop.bench(
        shop.kernel("base"), shop.kernel("par", threaded_dtypes=("float64",)), shop.kernel("last"), rounds=9
    )
    for n in (16, 24, 32):
        shop.measure(bench, block_of(n, *arms))
    assert shop.disturbed == []
    assert {each.outcome for each in shop.measurements()} == {"measured"}


def test_what_ceilings_left_spinning_is_waited_for_before_the_first_block(shop):
    bench, block = shop.bench(shop.kernel("base")), block_of(32, "base")
    bench.learn_kernel(bench.registry.get("base"), case_in(block, "base"))
    shop.clock.spinning_ns = 200_000_000
    shop.measure(bench, block)
    assert shop.disturbed == []


def test_the_thread_count_is_what_the_case_says_and_afterwards_as_before():
    shop = Workshop()
    bench = shop.bench(shop.kernel("par", threaded_dtypes=("float64",)))
    shop.measure(bench, block_of(32, ("par", 1), ("par", 4)))
    one, four = (
        {
            round(each.samples.elapsed_ns[0] / each.samples.loops[0])
            for each in shop.measurements()
            if each.case.threads == threads
        }
        for threads in (1, 4)
    )
    assert one == {4 * four.pop()}
    assert shop.control.current == 1


# -- first calls ------------------------------------------------------------------------------------------------------


def first_calls(shop, name):
    return [each.first_call_ns for each in shop.measurements(name) if each.first_call_ns is not None]


def test_the_first_call_of_a_compiled_kernel_is_told_once_a_dtype():
    shop = Workshop()
    compiled = shop.kernel("jit", compiled=True, threaded_dtypes=("float64",))
    bench = shop.bench(shop.kernel("base"), compiled)
    for n in (16, 32):
        shop.measure(bench, block_of(n, "base", ("jit", 1), ("jit", 2)))
        shop.measure(bench, block_of(n, "base", "jit", dtype="int64"))
    assert [each.case.problem.dtype for each in shop.measurements("jit") if each.first_call_ns] == ["float64", "int64"]
    assert first_calls(shop, "jit") == [round(2 * FIRST_ROWS * 2**2 / 0.01)] * 2
    assert first_calls(shop, "base") == []


def test_a_first_call_is_told_later_where_the_first_case_is_not_measured():
    shop = Workshop()
    bench = shop.bench(shop.kernel("jit", compiled=True, spoil=spoilt))
    shop.measure(bench, block_of(32, "jit"))
    assert shop.outcomes("jit") == ["wrong"]
    shop.measure(bench, block_of(8, "jit"))
    assert len(first_calls(shop, "jit")) == 1


def test_every_kernel_is_announced_as_a_whole_before_it_compiles_and_libraries_are_looked_for_again(shop):
    bench = shop.bench(shop.kernel("base"), shop.kernel("other"))
    shop.measure(bench, block_of(16, "base", "other"))
    whole = [each.case.kernel for each in shop.told if isinstance(each, Started) and each.whole_kernel]
    assert whole == ["base", "other"]
    assert shop.control.refreshed == 2


# -- speeds and roofs -------------------------------------------------------------------------------------------------


def test_what_was_measured_corrects_what_is_expected(shop):
    bench = shop.bench(shop.kernel("base", speed=0.002, gflops=0.01))
    block = block_of(64, "base")
    assert bench.expected(block) == pytest.approx([2 * 64**3 / 0.01e9], rel=1e-3)
    shop.measure(bench, block_of(32, "base"))
    assert bench.expected(block) == pytest.approx([2 * 64**3 / 0.002e9], rel=1e-3)


def test_the_roof_is_sampled_in_the_same_rounds_for_each_thread_count(monkeypatch):
    shop = Workshop()

    def chains(_threads, steps):
        shop.clock.advance(steps * 10)

    monkeypatch.setattr(ceilings, "why_no_chains", lambda: None)
    monkeypatch.setattr(ceilings, "vector_lanes", lambda _: (1, 4))
    monkeypatch.setattr(ceilings, "fma_chains", lambda _, lanes, **_options: (chains, 24 * lanes))
    bench = shop.bench(shop.kernel("base"), shop.kernel("par", threaded_dtypes=("float64",)))
    bench.fma_steps["float64", 4] = 10_000
    shop.measure(bench, block_of(32, "base", ("par", 2)))
    roofs = [each for each in shop.told if isinstance(each, Ceiling)]
    assert {(each.kind, each.lanes, each.threads, each.work) for each in roofs} == {
        ("fma", 4, 1, 96),
        ("fma", 4, 2, 192),
    }
    assert all((each.samples.loops, each.samples.elapsed_ns) == ((10_000,), (100_000,)) for each in roofs)
    assert Counter(each.samples.round[0] for each in roofs if each.threads == 1) == Counter(range(5))
    assert {each.problem for each in roofs} == {block_of(32, "base").problem}  # by which they pair with its cases


def test_where_time_is_short_the_roof_has_as_many_samples_as_the_cases_that_are_told_over_it(monkeypatch):
    shop = Workshop()

    def chains(_threads, steps):
        shop.clock.advance(steps * 10)

    monkeypatch.setattr(ceilings, "why_no_chains", lambda: None)
    monkeypatch.setattr(ceilings, "vector_lanes", lambda _: (4,))
    monkeypatch.setattr(ceilings, "fma_chains", lambda _, lanes, **_options: (chains, 24 * lanes))
    bench = shop.bench(shop.kernel("base"), shop.kernel("other"), rounds=9)
    bench.fma_steps["float64", 4] = 10_000
    shop.measure(bench, block_of(32, "base", "other"), seconds=1e-9)
    sampled = Counter(each.case.kernel for each in shop.told if isinstance(each, Measurement))
    roofs = [each for each in shop.told if isinstance(each, Ceiling)]
    assert sampled["other"] < 9
    assert len(roofs) == max(sampled.values())


def test_integers_have_no_roof(monkeypatch):
    monkeypatch.setattr(ceilings, "why_no_chains", lambda: None)
    assert roof_arms("int64", {1, 2}, {("float64", 4): 10_000}, SAMPLE_NS) == {}
