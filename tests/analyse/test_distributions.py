import pytest

from matbench.analyse.distributions import spreads
from matbench.model import (
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

AT_64 = Problem(64, 64, 64, seed=7)
HEADER = Header(
    id="r",
    created="2026-11-22T16:12:03Z",
    machine="m",
    host=Host(),
    environment=Environment(),
    conditions=Conditions(),
    plan=Plan("quick", "matbench run", 1, 60.0, 30, 10**7, "first", ()),
    kernels=tuple(KernelCard(name, "any", "any") for name in ("first", "second")),
)


def measured(kernel, elapsed, process=None, problem=AT_64, **fields):
    count = len(elapsed)
    samples = Samples((2,) * count, tuple(elapsed), tuple(process or [0] * count), tuple(range(count)))
    return Measurement(Case(kernel, problem), samples=samples, **fields)


def spread_of(*measurements):
    return spreads(Record(HEADER, (), measurements), Problem(64, 64, 64))


def test_times_are_of_one_call_in_the_order_they_were_taken():
    (one,) = spread_of(measured("first", [2000, 6000, 4000]))
    assert one.seconds == pytest.approx((1e-6, 3e-6, 2e-6))
    assert one.median.estimate == pytest.approx(2e-6)
    assert one.median.low is None


def test_rungs_stand_in_the_order_of_the_ladder_and_other_problems_do_not():
    other = measured("first", [1000], problem=Problem(8, 8, 8))
    found = spread_of(measured("third", [1000]), measured("second", [1000]), measured("first", [1000]), other)
    assert [one.case.kernel for one in found] == ["first", "second", "third"]


def test_skipped_and_wrong_cases_have_no_distribution():
    skipped = Measurement(Case("first", AT_64), outcome="skipped", reason="no")
    assert spread_of(skipped, measured("second", [1000], outcome="wrong", reason="wrong")) == ()


def test_the_width_is_the_distance_of_the_quartiles_over_the_median():
    (one,) = spread_of(measured("first", [2000 * (100 + i) for i in range(-50, 51)]))
    assert one.width == pytest.approx(0.5)
    (lone,) = spread_of(measured("first", [2000]))
    assert (lone.width, lone.quartiles) == (0.0, (lone.seconds[0], lone.seconds[0]))


def test_late_samples_are_those_beyond_one_and_a_half_medians():
    (one,) = spread_of(measured("first", [2000] * 9 + [3000, 3002, 9000]))
    assert one.late == 2


def test_drift_is_told_between_processes_and_not_within_one():
    (one,) = spread_of(measured("first", [2000, 2000, 3000, 3000], process=[0, 0, 1, 1]))
    assert one.drift == pytest.approx(1.5)
    (alone,) = spread_of(measured("first", [2000, 3000]))
    assert alone.drift is None


def test_the_interval_is_over_processes_however_many_rounds_each_has():
    two = [process for process in range(2) for _ in range(20)]
    (one,) = spread_of(measured("first", [2000 + 200 * process for process in two], process=two))
    assert (one.median.low, one.median.high) == (None, None)
    six = [process for process in range(6) for _ in range(20)]
    (one,) = spread_of(measured("first", [2000 + 200 * process for process in six], process=six))
    assert (one.median.low, one.median.high) == pytest.approx((1e-6, 1.5e-6))
