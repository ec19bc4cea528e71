"""What is left of a run that was cut short: blocks that lack a process, the one under way included."""

from __future__ import annotations

import msgspec
import pytest

from matbench.cli.run_work import unfinished
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

ARMS = (("base", 1), ("other", 1))
BLOCKS = tuple(Block(problem=Problem(n, n, n), arms=ARMS) for n in (4, 8, 16))


def record_of(*told):
    """A record whose processes have sampled blocks as told: (process, place of the block, rounds)."""
    plan = Plan("standard", "matbench run", 1, 85.0, 18, 10**6, "base", BLOCKS)
    head = Header(
        id="a", created="", machine="m", host=Host(), environment=Environment(), conditions=Conditions(), plan=plan
    )
    samples = {}
    for process, place, rounds in told:
        more = Samples((1,) * rounds, (5,) * rounds, (process,) * rounds, tuple(range(rounds)))
        for name, _ in ARMS:
            case = Case(name, BLOCKS[place].problem)
            samples[case] = samples.get(case, Samples()).joined(more)
    return Record(head, measurements=tuple(Measurement(case, samples=each) for case, each in samples.items()))


def left(record, processes):
    return [BLOCKS.index(each) for each in unfinished(record, processes)]


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


def test_what_came_out_wrong_or_had_to_be_ended_is_not_left():
    record = record_of((0, 0, 3))
    settled = Measurement(Case("other", BLOCKS[2].problem), "ended", reason="other hung")
    more = msgspec.structs.replace(record, measurements=(*record.measurements, settled))
    assert [block.arms for block in unfinished(more, 2)] == [ARMS, ARMS, ARMS[:1]]
