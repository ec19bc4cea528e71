"""Records into rows; what a row has to say was computed by hand."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.ladder import bandwidths, peaks, tabulate
from matbench.analyse.rows import Interval, Row, SpeedUp, Table
from matbench.model import (
    Case,
    Ceiling,
    Conditions,
    Cpu,
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

SQUARE = Problem(100, 100, 100)  # 2 MFLOP
LESSON = Problem(1000, 1000, 1000)
MS, US = 10**6, 10**3  # ns
LADDER = ("python_arrays", "python_lists", "numba_ijk", "numpy_matmul")
BASE_MS = (8, 9, 10, 12, 13, 14)  # median 11 ms; six samples: the interval is the range


def taken(*elapsed_ns, loops=1, process=0, first_round=0) -> Samples:
    count = len(elapsed_ns)
    rounds = tuple(range(first_round, first_round + count))
    return Samples((loops,) * count, tuple(elapsed_ns), (process,) * count, rounds)


def measured(kernel, *elapsed_ns, problem=SQUARE, threads=1, loops=1, first_round=0, **fields) -> Measurement:
    samples = taken(*elapsed_ns, loops=loops, first_round=first_round)
    return Measurement(Case(kernel, problem, threads), samples=samples, **fields)


def base(problem=SQUARE) -> Measurement:
    return measured("python_lists", *(each * MS for each in BASE_MS), problem=problem)


def slabs(kernel, *, of_row_ms=200, problem=LESSON) -> tuple[Measurement, ...]:
    """Six samples each of 1, 2 and 4 rows, exactly proportional."""
    return tuple(
        measured(
            kernel,
            *[of_row_ms * m * MS] * 6,
            problem=Problem(m, problem.n, problem.k, dtype=problem.dtype),
        )
        for m in (1, 2, 4)
    )


def record(*measurements, ceilings=()) -> Record:
    plan = Plan("quick", "matbench run", 1, 60.0, 7, 10**6, "python_lists", ())
    header = Header(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="two-cpus",
        host=Host(cpu=Cpu(brand="Model T")),
        environment=Environment(),
        conditions=Conditions(),
        plan=plan,
        kernels=tuple(
            KernelCard(name, "pure Python" if name.startswith("python") else "a rung", f"idea of {name}")
            for name in LADDER
        ),
    )
    return Record(header, tuple(ceilings), measurements)


def rows_by_case(table: Table) -> dict[tuple[str, str, int], Row]:
    return {(row.case.kernel, row.case.problem.shape_label, row.case.threads): row for row in table.rows}


def only_row(*measurements, **fields) -> Row:
    (row,) = tabulate(record(*measurements, **fields)).rows
    return row


def close(interval: Interval | SpeedUp) -> tuple[float, ...]:
    return interval.estimate, interval.low, interval.high


def test_a_row_has_time_and_rate_with_their_intervals_and_the_first_call():
    row = only_row(measured("python_lists", *(each * MS for each in BASE_MS), first_call_ns=20 * MS))
    assert close(row.seconds) == pytest.approx((0.011, 0.008, 0.014))
    assert close(row.rate) == pytest.approx((2e6 / 0.011, 2e6 / 0.014, 2e6 / 0.008))
    assert row.first_call_s == pytest.approx(0.020)
    assert (row.skipped, row.wrong, row.extrapolated, row.fitted) == (None, False, False, None)
    assert row.card.idea == "idea of python_lists"


def test_the_time_of_a_row_is_that_of_one_call():
    assert only_row(measured("numba_ijk", *[600 * US] * 6, loops=3)).seconds.estimate == pytest.approx(200e-6)


@pytest.mark.parametrize(("shape", "flops"), [((100, 100, 100), 2e6), ((2, 3, 5), 60), ((1, 1000, 1000), 2e6)])
def test_operations_are_two_m_n_k_whatever_the_kernel_does(shape, flops):
    row = only_row(measured("numpy_matmul", *[1 * MS] * 6, problem=Problem(*shape)))
    assert row.rate.estimate == pytest.approx(flops / 0.001)


def test_a_rate_is_operations_over_time_and_no_mean_of_rates():
    # Two products in 1 ms and 3 ms: 4 MFLOP in 4 ms. The mean of the two rates would be a third more.
    row = only_row(measured("numba_ijk", 1 * MS, 3 * MS))
    assert row.rate.estimate == pytest.approx(4e6 / 4e-3)
    assert statistics.mean([2e6 / 1e-3, 2e6 / 3e-3]) == pytest.approx(row.rate.estimate * 4 / 3)


def test_samples_of_many_and_of_few_calls_count_by_their_time_a_call():
    # 100 calls in 100 ms, and twice one call in 3 ms: typical is 3 ms, not the 106 ms / 102 that loops would weigh.
    samples = Samples((100, 1, 1), (100 * MS, 3 * MS, 3 * MS), (0, 0, 0), (0, 1, 2))
    assert only_row(Measurement(Case("numba_ijk", SQUARE), samples=samples)).seconds.estimate == pytest.approx(0.003)


def test_fewer_than_six_samples_have_no_interval_anywhere():
    table = tabulate(record(base(), measured("numba_ijk", *[100 * US] * 5)))
    row = rows_by_case(table)["numba_ijk", "100", 1]
    assert row.seconds == Interval(pytest.approx(100e-6))
    assert row.rate == Interval(pytest.approx(2e10))
    assert (row.speedup.estimate, row.speedup.low, row.speedup.high) == (pytest.approx(110), None, None)


def test_a_speed_up_is_paired_and_named_over_the_base():
    # In each round exactly a hundred times faster, whatever the round was like.
    rows = rows_by_case(tabulate(record(base(), measured("numba_ijk", *(each * 10 * US for each in BASE_MS)))))
    speedup = rows["numba_ijk", "100", 1].speedup
    assert (speedup.base, speedup.extrapolated) == ("python_lists", False)
    assert close(speedup) == pytest.approx((100, 100, 100))
    assert rows["python_lists", "100", 1].speedup == SpeedUp("python_lists", 1.0, 1.0, 1.0)


def test_the_base_runs_on_one_thread():
    rows = rows_by_case(tabulate(record(base(), measured("python_lists", *[1 * MS] * 6, threads=2)), "python_lists"))
    assert rows["python_lists", "100", 1].speedup.estimate == 1.0
    assert rows["python_lists", "100", 2].speedup.estimate == pytest.approx((10 * 12) ** 0.5)
    assert only_row(measured("python_lists", *[1 * MS] * 6, threads=2)).speedup is None


def test_samples_of_several_processes_pair_within_each():
    def measured(kernel, first, second):
        samples = Samples()
        for process in range(6):
            samples = samples.joined(taken(*[second if process % 2 else first] * 3, process=process))
        return Measurement(Case(kernel, SQUARE), samples=samples)

    # Every second process finds the machine twice as slow, for both alike.
    table = tabulate(record(measured("python_lists", 10 * MS, 20 * MS), measured("numba_ijk", 1 * MS, 2 * MS)))
    row = rows_by_case(table)["numba_ijk", "100", 1]
    assert close(row.speedup) == pytest.approx((10, 10, 10))
    assert close(row.seconds) == pytest.approx((1.5e-3, 1e-3, 2e-3))


def test_another_base_turns_the_ladder_round():
    found = record(base(), measured("numba_ijk", *(each * 10 * US for each in BASE_MS)))
    table = tabulate(found, "numba_ijk")
    rows = rows_by_case(table)
    assert table.base == "numba_ijk"
    assert rows["numba_ijk", "100", 1].speedup == SpeedUp("numba_ijk", 1.0, 1.0, 1.0)
    assert close(rows["python_lists", "100", 1].speedup) == pytest.approx((0.01, 0.01, 0.01))


@pytest.mark.parametrize("outcome", ["skipped", "wrong", "ended"])
def test_without_the_bases_time_there_is_no_speed_up(outcome):
    absent = Measurement(Case("python_lists", SQUARE), outcome=outcome, reason="why")
    rows = rows_by_case(tabulate(record(absent, measured("numba_ijk", *[1 * MS] * 6))))
    assert rows["numba_ijk", "100", 1].speedup is None
    assert tabulate(record(base()), "no_such_kernel").rows[0].speedup is None


def test_a_base_of_another_size_or_dtype_is_no_base():
    single = Problem(100, 100, 100, dtype="float32")
    table = tabulate(record(base(), measured("numba_ijk", *[1 * MS] * 6, problem=single)))
    assert rows_by_case(table)["numba_ijk", "100", 1].speedup is None


@pytest.mark.parametrize(("outcome", "reason"), [("skipped", "needs avx2"), ("ended", "it took too long")])
def test_a_case_without_a_time_keeps_its_reason(outcome, reason):
    row = only_row(Measurement(Case("numba_ijk", SQUARE), outcome=outcome, reason=reason))
    assert row == Row(row.case, row.card, skipped=reason)


def test_a_case_without_a_reason_is_skipped_all_the_same():
    assert only_row(Measurement(Case("numba_ijk", SQUARE), outcome="ended")).skipped == "ended"


@pytest.mark.parametrize("samples", [(), (1 * MS,) * 6])
def test_a_wrong_result_has_no_time_even_if_it_was_sampled(samples):
    row = only_row(measured("numba_ijk", *samples, outcome="wrong", reason="C is not A B"))
    assert row == Row(row.case, row.card, skipped="C is not A B", wrong=True)


def test_a_wrong_base_is_nobodys_base():
    wrong = measured("python_lists", *[1 * MS] * 6, outcome="wrong", reason="C is not A B")
    rows = rows_by_case(tabulate(record(wrong, measured("numba_ijk", *[1 * MS] * 6))))
    assert rows["numba_ijk", "100", 1].speedup is None


def test_a_case_that_was_ended_keeps_the_samples_it_has():
    row = only_row(measured("numba_ijk", *[1 * MS] * 6, outcome="ended", reason="it grew too large"))
    assert row.seconds.estimate == pytest.approx(1e-3)
    assert row.ended == "it grew too large"


def test_a_product_too_slow_to_be_measured_is_predicted_from_its_rows_and_flagged():
    rows = rows_by_case(
        tabulate(record(*slabs("python_lists"), measured("numba_ijk", *[2000 * MS] * 6, problem=LESSON)))
    )
    row = rows["python_lists", "1000", 1]
    assert row.extrapolated
    assert row.fitted == "1 to 4 rows of the 1000 x 1000 product"
    assert row.seconds.estimate == pytest.approx(0.2 * 1000)
    assert row.seconds.low < row.seconds.estimate < row.seconds.high
    assert row.rate.estimate == pytest.approx(2e9 / 200)
    assert (row.first_call_s, row.skipped) == (None, None)
    assert not any(rows["python_lists", f"{m}x1000x1000", 1].extrapolated for m in (1, 2, 4))


def test_a_speed_up_over_a_predicted_base_says_so_and_has_the_widest_bounds():
    rows = rows_by_case(
        tabulate(
            record(*slabs("python_lists"), measured("numba_ijk", *(each * MS for each in BASE_MS), problem=LESSON))
        )
    )
    over, speedup = rows["python_lists", "1000", 1].seconds, rows["numba_ijk", "1000", 1].speedup
    assert speedup.extrapolated
    assert close(speedup) == pytest.approx((200 / 0.011, over.low / 0.014, over.high / 0.008))
    assert not rows["numba_ijk", "1000", 1].extrapolated


def test_a_predicted_base_is_as_fast_as_itself():
    rows = rows_by_case(tabulate(record(*slabs("python_lists"))))
    assert rows["python_lists", "1000", 1].speedup == SpeedUp("python_lists", 1.0, 1.0, 1.0, extrapolated=True)


def test_a_prediction_over_a_measured_base_is_an_extrapolation_too():
    rows = rows_by_case(tabulate(record(base(LESSON), *slabs("python_arrays"))))
    row = rows["python_arrays", "1000", 1]
    assert row.speedup.extrapolated
    assert close(row.speedup) == pytest.approx((0.011 / 200, 0.008 / row.seconds.high, 0.014 / row.seconds.low))


@pytest.mark.parametrize("count", [1, 6])
def test_a_measured_row_is_never_replaced_by_a_prediction(count):
    rows = rows_by_case(
        tabulate(record(*slabs("python_lists"), measured("python_lists", *[190_000 * MS] * count, problem=LESSON)))
    )
    row = rows["python_lists", "1000", 1]
    assert row.seconds.estimate == pytest.approx(190.0)
    assert (row.extrapolated, row.fitted) == (False, None)
    assert row.speedup == (SpeedUp("python_lists", 1.0, 1.0, 1.0) if count == 6 else SpeedUp("python_lists", 1.0))


def test_a_prediction_stands_for_a_case_that_was_skipped():
    skipped = Measurement(Case("python_lists", LESSON), outcome="skipped", reason="one call takes minutes")
    row = rows_by_case(tabulate(record(skipped, *slabs("python_lists"))))["python_lists", "1000", 1]
    assert row.extrapolated
    assert row.skipped is None


def test_a_wrong_product_is_not_predicted_from_its_rows():
    wrong = Measurement(Case("python_lists", LESSON), outcome="wrong", reason="C is not A B")
    row = rows_by_case(tabulate(record(wrong, *slabs("python_lists"))))["python_lists", "1000", 1]
    assert (row.wrong, row.seconds, row.extrapolated) == (True, None, False)


def test_wrong_rows_predict_no_product():
    first, *others = slabs("python_lists")
    wrong = Measurement(first.case, outcome="wrong", reason="C is not A B", samples=first.samples)
    assert ("python_lists", "1000", 1) not in rows_by_case(tabulate(record(wrong, *others)))


def test_too_few_samples_of_rows_predict_nothing():
    assert len(tabulate(record(*slabs("python_lists")[:1])).rows) == 1


def test_rows_are_predicted_for_each_thread_count_and_dtype_apart():
    single = Problem(1000, 1000, 1000, dtype="float32")
    table = tabulate(record(*slabs("python_lists"), *slabs("python_lists", of_row_ms=100, problem=single)))
    times = {row.case.problem.dtype: row.seconds.estimate for row in table.rows if row.extrapolated}
    assert times == {"float64": pytest.approx(200), "float32": pytest.approx(100)}


def test_rows_stand_by_dtype_then_squares_before_rectangles_then_size_then_ladder_then_threads():
    wanted = [
        Case("python_lists", Problem(64, 64, 64)),
        Case("numba_ijk", Problem(64, 64, 64)),
        Case("numpy_matmul", Problem(64, 64, 64), 1),
        Case("numpy_matmul", Problem(64, 64, 64), 2),
        Case("blas_unheard_of", Problem(64, 64, 64)),
        Case("python_lists", Problem(128, 128, 128)),
        Case("numpy_matmul", Problem(1, 8, 8)),
        Case("numpy_matmul", Problem(8, 8, 9)),
        Case("python_lists", Problem(16, 16, 16, dtype="float32")),
        Case("python_lists", Problem(16, 16, 16, dtype="int64")),
    ]
    shuffled = [wanted[place] for place in (5, 9, 3, 1, 7, 0, 8, 4, 6, 2)]
    table = tabulate(record(*(measured(c.kernel, MS, problem=c.problem, threads=c.threads) for c in shuffled)))
    assert [row.case for row in table.rows] == wanted
    assert table.rows[4].card == KernelCard("blas_unheard_of", "unknown", "")


def test_an_empty_record_is_an_empty_table():
    assert tabulate(record()) == Table("two-cpus", "Model T", "python_lists")


def fma(elapsed_ns, *, lanes=8, threads=1, dtype="float64", fused=True) -> Ceiling:
    return Ceiling("fma", dtype, lanes, threads, 10**6, fused=fused, samples=taken(*elapsed_ns))


def test_the_peak_is_the_best_sample_of_the_best_vector_width():
    roofs = (
        fma([20 * US] * 6, lanes=4),
        fma([9 * US, 9 * US, 10 * US, 10 * US, 11 * US, 12 * US]),
        fma([50 * US] * 6, lanes=1),
        fma([5 * US] * 6, threads=2),
        fma([4 * US] * 6, dtype="float32"),
        Ceiling("fma", "float64", 16, 1, 10**12, reason="needs avx512f"),
        Ceiling("read", "float64", 1, 1, 10**9, samples=taken(US)),
    )
    found = peaks(roofs)
    assert set(found) == {"float64/1", "float64/2", "float32/1"}
    assert found["float64/1"].estimate == pytest.approx(1e6 / 9e-6)
    assert found["float64/2"].estimate == pytest.approx(2e11)
    assert found == peaks(reversed(roofs))


def test_the_peak_of_more_threads_is_no_lower_than_that_of_fewer():
    times = ((20, 2, "float64"), (10, 1, "float64"), (5, 4, "float64"), (40, 1, "float32"))
    found = peaks(fma([elapsed * US], threads=threads, dtype=dtype) for elapsed, threads, dtype in times)
    alone = 10**6 / (10 * US) * 1e9
    assert found["float64/1"].estimate == found["float64/2"].estimate == pytest.approx(alone)
    assert found["float64/4"].estimate == pytest.approx(2 * alone)
    assert found["float32/1"].estimate == pytest.approx(alone / 4)


def test_a_share_of_the_peak_is_of_the_same_dtype_and_threads():
    roofs = (fma([10 * US] * 6), fma([5 * US] * 6, threads=2))
    cases = (measured("numpy_matmul", *[40 * US] * 6), measured("numpy_matmul", *[20 * US] * 6, threads=2))
    table = tabulate(record(*cases, measured("numpy_matmul", *[MS] * 6, threads=4), ceilings=roofs))
    assert [row.peak_fraction for row in table.rows] == [pytest.approx(0.5), pytest.approx(0.5), None]
    assert set(table.peaks) == {"float64/1", "float64/2"}


def test_bandwidths_are_bytes_over_time_by_kind_and_threads():
    streams = (
        Ceiling("read", "float64", 1, 1, 10**6, samples=taken(100 * US, loops=2)),
        Ceiling("triad", "float64", 1, 2, 10**6, samples=taken(*[100 * US] * 6)),
        Ceiling("triad", "float64", 1, 1, 10**6, reason="too little memory"),
        fma([US]),
    )
    assert bandwidths(streams) == {
        "read/1": Interval(pytest.approx(2e10)),
        "triad/2": Interval(pytest.approx(1e10)),
    }


problems = st.builds(
    Problem,
    m=st.sampled_from([1, 2, 4, 400]),
    n=st.just(400),
    k=st.sampled_from([400, 3]),
    dtype=st.sampled_from(["float64", "int64"]),
)
measurements = st.builds(
    Measurement,
    case=st.builds(Case, st.sampled_from([*LADDER, "other"]), problems, st.integers(1, 2)),
    outcome=st.sampled_from(["measured", "skipped", "wrong", "ended"]),
    samples=st.lists(st.integers(1, 2**62), max_size=7).map(lambda each: taken(*each)),
)


@given(st.lists(measurements, max_size=12, unique_by=lambda each: each.case))
def test_of_any_record_each_measured_case_has_one_row_and_each_interval_holds_its_estimate(found):
    table = tabulate(record(*found))
    cases = [row.case for row in table.rows]
    assert len(set(cases)) == len(cases)
    assert {each.case for each in found} <= set(cases)
    for row in table.rows:
        assert (row.seconds is None) == (row.rate is None) == (row.skipped is not None)
        for each in (row.seconds, row.rate, row.speedup):
            if each is not None and each.low is not None:
                assert each.low <= each.estimate * (1 + 1e-12)
                assert each.high >= each.estimate * (1 - 1e-12)
