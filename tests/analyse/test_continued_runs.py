"""A run that was continued is as plausible as any, and predicts only what a line in rows can tell."""

from __future__ import annotations

from msgspec.structs import replace
from test_plausible import HEADER, NOW, PLAN, SLOW

from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.model import Block, Case, Measurement, Problem, Record, Samples


def sampled(count, process, ns=10**9):
    return Samples((1,) * count, (ns,) * count, (process,) * count, tuple(range(count)))


def test_a_block_that_was_measured_again_may_have_more_samples_than_rounds():
    samples = sampled(8, 0).joined(sampled(10, 1))
    record = Record(header=HEADER, measurements=(Measurement(SLOW, samples=samples),))
    assert not [each for each in implausible(record, NOW) if "More samples" in each]


def test_more_samples_than_rounds_from_one_process_are_found():
    record = Record(header=HEADER, measurements=(Measurement(SLOW, samples=sampled(11, 0)),))
    assert [each for each in implausible(record, NOW) if "More samples" in each]


def slabs_of(kernel):
    cases = [Case(kernel, Problem(m, 1000, 1000)) for m in (1, 2, 4)]
    plan = replace(PLAN, blocks=tuple(Block(case.problem, ((kernel, 1),)) for case in cases))
    measured = tuple(Measurement(case, samples=sampled(3, 0, 10**8 * case.problem.m)) for case in cases)
    return tabulate(Record(header=replace(HEADER, plan=plan), measurements=measured))


def test_a_few_rows_of_an_interpreted_loop_predict_the_whole():
    rows = [row for row in slabs_of("python_lists").rows if row.case.problem.is_square]
    assert [row.extrapolated for row in rows] == [True]


def test_a_few_rows_of_a_library_predict_nothing():
    assert not [row for row in slabs_of("numpy_matmul").rows if row.case.problem.is_square]
