"""Which processes of a run that was cut short are whole: only these need not be measured again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_fakes import block_of, case_in

from matbench.measure.findings import Findings
from matbench.measure.turns import whole_turns
from matbench.model import Measurement, Samples

BLOCKS = tuple(block_of(n, "base", "other") for n in (4, 8, 16))


def rounds_of(block, process, rounds):
    """What a process has told of a block."""
    return [
        Measurement(case=case_in(block, name), samples=Samples((1,), (5,), (process,), (number,)))
        for number in range(rounds)
        for name, _ in block.arms
    ]


def counts(measurements):
    found = whole_turns(measurements)
    return [found[block.problem] for block in BLOCKS]


def test_nothing_measured_is_no_turn():
    left_out = Measurement(case=case_in(BLOCKS[0], "base"), outcome="skipped", reason="needs avx2")
    assert counts([]) == counts([left_out]) == [0, 0, 0]


def test_the_only_process_is_through_with_the_blocks_that_it_has_gone_on_from():
    told = [*rounds_of(BLOCKS[0], 0, 3), *rounds_of(BLOCKS[1], 0, 1)]
    assert counts(told) == [1, 0, 0]


@pytest.mark.parametrize(("rounds", "whole"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_the_last_process_is_through_with_a_block_that_has_the_rounds_of_others(rounds, whole):
    told = [each for block in BLOCKS for each in rounds_of(block, 0, 3)]
    assert counts([*told, *rounds_of(BLOCKS[1], 1, rounds)]) == [1, whole, 1]


def test_what_only_the_last_process_has_sampled_is_whole_if_it_has_gone_on_from_it():
    told = [*rounds_of(BLOCKS[0], 0, 3), *rounds_of(BLOCKS[1], 1, 3), *rounds_of(BLOCKS[2], 1, 1)]
    assert counts(told) == [1, 1, 0]


@given(rounds=st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=5))
def test_all_processes_but_the_last_count_wherever_they_have_samples(rounds):
    told = [
        each
        for process, own in enumerate(rounds)
        for block, count in zip(BLOCKS, own, strict=True)
        for each in rounds_of(block, process, count)
    ]
    last = max((process for process, own in enumerate(rounds) if any(own)), default=0)
    for block, found in enumerate(counts(told)):
        earlier = sum(own[block] > 0 for own in rounds[:last])
        assert earlier <= found <= earlier + (rounds[last][block] > 0)


def test_a_process_that_was_cut_short_is_asked_for_again():
    told = [each for block in BLOCKS for process in (0, 1) for each in rounds_of(block, process, 3)]
    so_far = [*told, *rounds_of(BLOCKS[2], 2, 3), *rounds_of(BLOCKS[0], 2, 1)]
    found = Findings(BLOCKS, 3, so_far, 1000)
    assert [found.turns[block.problem] for block in BLOCKS] == [2, 2, 2]  # of the last all were asked once at least
    assert found.wanted() == BLOCKS
    found = Findings(BLOCKS, 4, so_far, 1000)
    assert [found.turns[block.problem] for block in BLOCKS] == [2, 2, 3]
