"""What can't be true of a record is found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from matbench.analyse.plausible import implausible
from matbench.model import (
    Block,
    Case,
    Ceiling,
    Conditions,
    End,
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

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CUBE = Problem(100, 100, 100)  # 2 Mflop
FAST = Case("numpy_matmul", CUBE)
SLOW = Case("python_lists", CUBE)
PLAN = Plan(
    preset="quick",
    command="matbench run",
    seed=1,
    budget_s=60.0,
    rounds=10,
    sample_ns=10**6,
    base="python_lists",
    blocks=(Block(CUBE, (("numpy_matmul", 1), ("python_lists", 1))),),
)
HEADER = Header(
    id="20261122T161203Z-3f9a1c",
    created="2026-11-22T16:12:03Z",
    machine="red",
    host=Host(logical_cpus=2),
    environment=Environment(),
    conditions=Conditions(),
    plan=PLAN,
    kernels=(KernelCard("numpy_matmul", "BLAS", "all"), KernelCard("python_lists", "pure Python", "loops")),
)


def samples(*elapsed_ns: int, loops: int = 1) -> Samples:
    count = len(elapsed_ns)
    return Samples((loops,) * count, elapsed_ns, (0,) * count, tuple(range(count)))


ROOF = Ceiling("fma", "float64", 8, 1, work=10**6, samples=samples(11_000, 10_000))  # 100 GFLOP/s at best
GOOD = Record(
    header=HEADER,
    ceilings=(ROOF,),
    measurements=(
        Measurement(FAST, samples=samples(25_000, 24_000), error=0.1),  # 80 GFLOP/s
        Measurement(SLOW, outcome="skipped", reason="no time left"),
    ),
    end=End(finished="2026-11-22T16:20:00Z", elapsed_s=477.0, conditions=Conditions()),
)


def findings(**fields) -> tuple[str, ...]:
    found = implausible(replace(GOOD, **fields), NOW)
    assert all(each.endswith(".") and each.isprintable() for each in found)
    return found


def found_once(part: str, **fields) -> None:
    (finding,) = findings(**fields)
    assert part in finding


def with_header(**fields) -> dict[str, Header]:
    return {"header": replace(HEADER, **fields)}


def test_a_good_record_is_plausible_complete_or_not():
    assert findings() == ()
    assert findings(end=None) == ()
    assert findings(measurements=(), ceilings=()) == ()
    assert implausible(GOOD) == ()


def test_a_point_above_the_roof_is_found():
    found_once("Faster than the measured peak", measurements=(Measurement(FAST, samples=samples(19_000)),))


def test_a_point_within_five_percent_of_the_roof_is_plausible():
    assert findings(measurements=(Measurement(FAST, samples=samples(19_200)),)) == ()


def test_one_fast_sample_is_no_point_above_the_roof():
    assert findings(measurements=(Measurement(FAST, samples=samples(30_000, 15_000, 30_000)),)) == ()


@pytest.mark.parametrize(
    "roof",
    [
        replace(ROOF, threads=2),
        replace(ROOF, dtype="float32"),
        replace(ROOF, kind="read"),
        replace(ROOF, samples=Samples(), reason="not measured"),
    ],
)
def test_only_a_measured_roof_of_the_same_dtype_and_threads_counts(roof):
    assert findings(ceilings=(roof,), measurements=(Measurement(FAST, samples=samples(10_000)),)) == ()


def test_the_best_of_several_roofs_counts():
    slower = replace(ROOF, lanes=4, samples=samples(20_000))
    assert findings(ceilings=(slower, ROOF, slower)) == ()


@pytest.mark.parametrize(("l2_us", "is_found"), [(100, False), (140, False), (160, True)])
def test_a_cache_that_is_clearly_slower_than_the_next_is_found(l2_us, is_found):
    third = Ceiling("read_l3", "float64", 1, 1, 10**7, samples=samples(100_000))
    second = replace(third, kind="triad_l2", samples=samples(1000 * l2_us))
    told = findings(ceilings=(ROOF, second, third))
    assert ("slower than the one behind it: L2 62.5 GB/s, L3 100 GB/s." in " ".join(told)) == is_found
    assert bool(told) == is_found


def test_threads_that_waited_for_each_other_are_no_fault_of_the_record():
    third = Ceiling("read_l3", "float64", 1, 2, 10**7, samples=samples(100_000))
    second = replace(third, kind="read_l2", samples=samples(10**7))
    assert findings(ceilings=(ROOF, second, third)) == ()


def test_int64_has_no_roof():
    problem = replace(CUBE, dtype="int64")
    plan = replace(PLAN, blocks=(Block(problem, (("numpy_matmul", 1),)),))
    fast = Measurement(Case("numpy_matmul", problem), samples=samples(10))
    assert findings(measurements=(fast,), ceilings=(replace(ROOF, dtype="int64"),), **with_header(plan=plan)) == ()


@pytest.mark.parametrize("samples_of_no_time", [samples(0), samples(3, loops=4)])
def test_a_call_that_took_no_time_is_found(samples_of_no_time):
    found_once("took no time", ceilings=(), measurements=(Measurement(FAST, samples=samples_of_no_time),))


def test_samples_longer_than_the_run_are_found():
    found_once("but the run only 477 s", measurements=(Measurement(SLOW, samples=samples(10**12)),))


def test_a_case_that_the_plan_does_not_list_is_found():
    for case in (replace(FAST, threads=2), Case("numpy_matmul", replace(CUBE, seed=5))):
        found_once("not listed in the plan", measurements=(Measurement(case, samples=samples(10**6)),))


def test_samples_of_a_skipped_case_are_found():
    found_once("Skipped, yet", measurements=(Measurement(FAST, outcome="skipped", samples=samples(10**6)),))


def test_a_wrong_result_that_counts_as_measured_is_found():
    for error in (1.5, float("inf")):
        found_once("wrong beyond", measurements=(Measurement(FAST, samples=samples(10**6), error=error),))
    assert findings(measurements=(Measurement(FAST, outcome="wrong", reason="off", error=9.0),)) == ()


def test_a_kernel_described_twice_or_never_is_found():
    found_once("described twice: 'numpy_matmul'", **with_header(kernels=(*HEADER.kernels, HEADER.kernels[0])))
    found_once("not described: 'python_lists'", **with_header(kernels=HEADER.kernels[:1]))


def test_counts_that_no_run_has_are_found():
    found_once("More samples than the 10", measurements=(Measurement(FAST, samples=samples(*[10**6] * 11)),))
    found_once("more cores (4) than", **with_header(host=Host(logical_cpus=2, physical_cores=4)))
    plan = replace(PLAN, blocks=(Block(CUBE, (("numpy_matmul", 3),)),))
    wide = Measurement(replace(FAST, threads=3), samples=samples(10**6))
    found_once("More threads than the machine's 2", measurements=(wide,), **with_header(plan=plan))


def test_a_record_of_the_future_is_found_only_by_who_knows_the_time():
    later = replace(GOOD, header=replace(HEADER, created="2027-01-01T00:00:00Z"), end=None)
    (finding,) = implausible(later, NOW)
    assert "in the future" in finding
    assert implausible(later) == ()


def test_an_end_before_the_beginning_is_found():
    found_once("before it began", end=replace(GOOD.end, finished="2026-11-22T16:12:02Z"))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "\x1b[31m", "9" * 2000])
def test_a_date_that_is_none_is_found(text):
    found_once("no date and time", **with_header(created=text))
    found_once("no date and time", end=replace(GOOD.end, finished=text))


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01", "2026-01-01\x1b10:00"]
)
def test_extreme_dates_are_compared_without_an_error(text):
    findings(**with_header(created=text))
    findings(end=replace(GOOD.end, finished=text))
    findings(end=replace(GOOD.end, finished=text), **with_header(created=text))


def test_many_cases_of_one_fault_are_one_sentence():
    strangers = [Case("numpy_matmul", Problem(n, n, n)) for n in range(1, 51)]
    found_once(" and 47 more.", measurements=tuple(Measurement(case, samples=samples(10**6)) for case in strangers))
