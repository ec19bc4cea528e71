"""What a run has before it: of one that was cut short the blocks that lack a process, and only what memory can hold."""

from __future__ import annotations

import msgspec
import pytest

from matbench.cli.run_work import Work, as_told, fitting, plan_text, unfinished
from matbench.cli.running import _remedy
from matbench.errors import UsageError
from matbench.kernels import default_registry
from matbench.model import (
    Block,
    Case,
    Conditions,
    Environment,
    Header,
    Host,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.journal import Journal
from matbench.record.reading import read_record

ARMS = (("base", 1), ("other", 1))
BLOCKS = tuple(Block(problem=Problem(n, n, n), arms=ARMS) for n in (4, 8, 16))


def record_of(*told):
    """A record whose processes have sampled blocks as told, in that order: (process, place of the block, rounds)."""
    plan = Plan("standard", "matbench run", 1, 85.0, 18, 10**6, "base", BLOCKS)
    head = Header(
        id="a", created="", machine="m", host=Host(), environment=Environment(), conditions=Conditions(), plan=plan
    )
    measurements = (
        Measurement(Case(name, BLOCKS[place].problem), samples=Samples((1,), (5,), (process,), (number,)))
        for process, place, rounds in told
        for number in range(rounds)
        for name, _ in ARMS
    )
    return Record(head, measurements=tuple(measurements))


def left(record, processes):
    """Places of the blocks that are left where each process takes three rounds."""
    plan = msgspec.structs.replace(record.header.plan, rounds=3 * processes)
    header = msgspec.structs.replace(record.header, plan=plan)
    return [BLOCKS.index(each) for each in unfinished(msgspec.structs.replace(record, header=header), processes)]


def test_of_a_run_that_has_measured_nothing_all_is_left():
    assert left(record_of(), 1) == left(record_of(), 6) == [0, 1, 2]


@pytest.mark.parametrize("rounds", [1, 3])
def test_of_a_single_process_the_block_under_way_and_all_after_it_are_left(rounds):
    assert left(record_of((0, 0, 3), (0, 1, rounds)), 1) == [1, 2]


def test_a_block_that_the_last_process_was_cut_short_in_is_left():
    whole = [(process, place, 3) for process in (0, 1) for place in range(3)]
    assert left(record_of(*whole, (2, 2, 3), (2, 0, 1)), 3) == [0, 1]
    assert left(record_of(*whole, (2, 2, 3), (2, 0, 3)), 3) == [1]
    assert left(record_of(*whole), 2) == []


def test_a_process_that_died_is_left_however_many_came_after_it(tmp_path):
    whole = [(0, place, 3) for place in range(3)]
    record = record_of(*whole, (1, 2, 3), (1, 0, 1), (2, 1, 3), (2, 0, 3), (2, 2, 1))
    assert left(record, 3) == [0, 1, 2]
    with Journal.create(tmp_path, record.header) as journal:
        for each in record.measurements:
            journal.append(each)
    assert as_told(journal.path) == record
    assert len(read_record(journal.path).measurements) == len(BLOCKS) * len(ARMS)  # merged by case, in no order of time


def test_what_came_out_wrong_or_had_to_be_ended_is_not_left():
    record = record_of((0, 0, 3))
    settled = Measurement(Case("other", BLOCKS[2].problem), "ended", reason="other hung")
    more = msgspec.structs.replace(record, measurements=(*record.measurements, settled))
    assert [block.arms for block in unfinished(more, 2)] == [ARMS, ARMS, ARMS[:1]]


def planned(sizes, threads=(1, 2)):
    """What a run of NumPy's product has before it."""
    arms = tuple(("numpy_matmul", each) for each in threads)
    blocks = tuple(Block(Problem(n, n, n), arms) for n in sizes)
    plan = Plan("quick", "matbench run", 1, 60.0, 18, 10**6, "numpy_matmul", blocks)
    head = Header(
        id="a", created="", machine="m", host=Host(), environment=Environment(), conditions=Conditions(), plan=plan
    )
    return Work(head, blocks)


def test_what_memory_can_not_hold_is_left_out_of_what_is_announced_and_told_in_a_line():
    work = fitting(planned((64, 8192)), default_registry(), 2**28)
    assert [block.problem.n for block in work.blocks] == [64]
    assert work.header.plan.blocks == work.blocks
    assert plan_text(work).splitlines() == [
        "float64 64: numpy_matmul numpy_matmul/2",
        "left out: n = 8192 (float64): numpy_matmul on 1 and 2 threads: needs 4.5 GiB of memory, 256 MiB may be used",
    ]
    assert fitting(planned((64,)), default_registry(), 2**28) == planned((64,))


def test_where_memory_can_hold_nothing_smaller_sizes_are_the_remedy():
    said = r"^nothing is left to measure: numpy_matmul at 8192 needs .*; ask for smaller --sizes$"
    with pytest.raises(UsageError, match=said):
        fitting(planned((8192, 10**6)), default_registry(), 2**28)


@pytest.mark.parametrize(
    ("allowed", "remedy"),
    [
        ((2**28, 2**28), "smaller --sizes"),
        ((None, None), "a longer --budget"),
        ((2**28, None), "a longer --budget or smaller --sizes"),
        ((), "a longer --budget"),
    ],
)
def test_where_nothing_was_measured_the_remedy_fits_the_reasons(allowed, remedy):
    header = planned((64,)).header
    cases = [Case("numpy_matmul", Problem(64, 64, 64), threads) for threads in (1, 2)]
    pairs = zip(cases, allowed, strict=False)
    skipped = [Measurement(case, "skipped", "too much", bytes_allowed=count) for case, count in pairs]
    slow = Measurement(Case("python_lists", Problem(64, 64, 64)), "skipped", "one call takes too long")
    assert _remedy(Record(header, measurements=(*skipped, slow))) == remedy
