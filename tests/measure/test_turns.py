"""Which processes of a run that was cut short are whole: only these need not be measured again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_fakes import block_of, case_in, plan_of

from matbench.measure.findings import Findings
from matbench.measure.turns import whole_turns
from matbench.model import Measurement, Samples

BLOCKS = tuple(block_of(n, "base", "other") for n in (4, 8, 16))
MOST = 3  # rounds of a process


def rounds_of(block, process, rounds):
    """What a process has told of a block."""
    return [
        Measurement(case=case_in(block, name), samples=Samples((1,), (5,), (process,), (number,)))
        for number in range(rounds)
        for name, _ in block.arms
    ]


def told_by(process, *steps):
    """What a process has told: places of blocks and rounds of them, in its order."""
    return [each for place, rounds in steps for each in rounds_of(BLOCKS[place], process, rounds)]


def counts(*told):
    found = whole_turns([each for one in told for each in one], MOST)
    return [found[block.problem] for block in BLOCKS]


def test_nothing_measured_is_no_turn():
    left_out = Measurement(case=case_in(BLOCKS[0], "base"), outcome="skipped", reason="needs avx2")
    assert counts([]) == counts([left_out]) == [0, 0, 0]


@pytest.mark.parametrize(("rounds", "whole"), [(1, 0), (2, 0), (3, 1)])
def test_the_only_process_is_through_with_what_it_has_gone_on_from_or_has_all_rounds_of(rounds, whole):
    assert counts(told_by(0, (0, 2), (1, rounds))) == [1, whole, 0]


@pytest.mark.parametrize(("rounds", "whole"), [(1, 1), (2, 1), (3, 2)])
def test_the_last_process_is_through_with_a_block_that_has_all_rounds(rounds, whole):
    assert counts(told_by(0, (0, 3), (1, 3), (2, 3)), told_by(1, (1, rounds))) == [1, whole, 1]


@pytest.mark.parametrize(("rounds", "whole"), [(1, 1), (2, 2)])
def test_where_time_was_short_as_many_rounds_as_those_of_one_that_went_on_are_enough(rounds, whole):
    assert counts(told_by(0, (0, 3), (1, 2), (2, 3)), told_by(1, (1, rounds))) == [1, whole, 1]


def test_what_only_the_last_process_has_sampled_is_whole_if_it_has_gone_on_from_it():
    assert counts(told_by(0, (0, 3)), told_by(1, (1, 3), (2, 1))) == [1, 1, 0]


def test_a_process_that_died_within_a_block_does_not_count_there_whoever_came_after_it():
    whole = told_by(0, (0, 3), (1, 3), (2, 3))
    died = told_by(1, (2, 3), (0, 1))
    interrupted = told_by(2, (1, 3), (0, 3), (2, 1))
    assert counts(whole, died, interrupted) == [2, 2, 2]


def test_nor_does_one_in_whose_last_block_another_died_as_well():
    assert counts(told_by(0, (0, 3), (1, 1)), told_by(1, (0, 3), (1, 1)), told_by(2, (0, 3), (1, 2))) == [3, 0, 0]


def test_a_run_that_was_interrupted_twice_counts_neither_of_the_cut_ones():
    whole = told_by(0, (0, 3), (1, 3), (2, 3))
    assert counts(whole, told_by(1, (1, 3), (2, 2)), told_by(2, (2, 1))) == [1, 2, 1]


@given(rounds=st.lists(st.lists(st.integers(0, MOST), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_process_counts_where_it_has_gone_on_or_has_all_rounds_and_never_where_it_has_nothing(rounds):
    found = counts(*(told_by(process, *enumerate(own)) for process, own in enumerate(rounds)))
    for place, count in enumerate(found):
        sure = sum(own[place] == MOST or (own[place] > 0 and any(own[place + 1 :])) for own in rounds)
        assert sure <= count <= sum(own[place] > 0 for own in rounds)


def test_a_process_that_was_cut_short_is_asked_for_again():
    told = [each for process in (0, 1) for each in told_by(process, (0, 3), (1, 3), (2, 3))]
    so_far = [*told, *told_by(2, (2, 3), (0, 1))]
    found = Findings(plan_of(rounds=3 * MOST), BLOCKS, 3, so_far)
    assert [found.turns[block.problem] for block in BLOCKS] == [2, 2, 2]  # of the last all were asked once at least
    assert found.wanted() == BLOCKS
    found = Findings(plan_of(rounds=4 * MOST), BLOCKS, 4, so_far)
    assert [found.turns[block.problem] for block in BLOCKS] == [2, 2, 3]
