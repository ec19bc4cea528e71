"""From samples to one number a process: what is dropped, what is void, what is left out."""

from __future__ import annotations

import math

import msgspec
import pytest

from matbench.analyse.pair_blocks import disturbances, reduce_cells
from matbench.analyse.pairs import enough, hopeless, noise_floor, verdicts
from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Cell, PairBlock, PairHeader, PairProcess, PairRecord, Refusal, Sample, Settings

MS = 10**6  # ns
replace = msgspec.structs.replace


def header(cells=1, threads=1, b="right", **settings):
    """Of as many cells that differ in size."""
    problems = [Problem(m=8 + each, n=8, k=8) for each in range(cells)]
    return PairHeader(
        id="x",
        created="",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        command="",
        seed=0,
        settings=Settings(**settings),
        cells=tuple(Cell(problem, threads, "left", b) for problem in problems),
    )


def block(number=0, process=0, *, cell=0, a=3.0, b=3.0, c=3.0, canary=20_000, loops=10, **counters):
    """Samples a c b b c a of some ms; counters belong to the first."""
    times = {"a": a, "c": c, "b": b}
    told = {"cpu_ns": None, "faults": 0, "switches": 0, "delay_ns": 0}
    samples = [
        Sample(arm, int(times[arm] * MS), **(told | {"cpu_ns": int(times[arm] * MS)}))
        for arm in ("a", "c", "b", "b", "c", "a")
    ]
    samples[0] = replace(samples[0], **counters)
    return PairBlock(cell, process, number, loops, tuple(samples), canary)


def record(blocks, head=None, **process):
    """All processes that the blocks name have ended."""
    indices = sorted({each.process for each in blocks})
    return PairRecord(head or header(), tuple(PairProcess(each, seed=0, **process) for each in indices), tuple(blocks))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"cpu_ns": 2_950_000}, None),  # 50 of 18,000 µs
        ({"cpu_ns": 2_700_000}, "the processor was taken away"),
        ({"delay_ns": 300_000}, "the processor was taken away"),
        ({"faults": 30}, None),
        ({"faults": 50}, "page faults"),
        ({"switches": 100}, None),  # the processor's time tells that it did not matter
        ({"canary": 21_500}, "the processor's pace changed"),
        ({"canary": 18_500}, "the processor's pace changed"),
        ({"a": 12.0, "b": 12.0, "c": 12.0, "cpu_ns": 12 * MS}, "far slower than the others"),
        ({"canary": None}, None),
    ],
)
def test_a_block_is_dropped_for(changes, reason):
    usual = [block(number) for number in range(15)]
    assert disturbances([*usual, block(15, **changes)], 1) == (*[None] * 15, reason)


def test_page_faults_that_every_block_has_do_not_count():
    blocks = [block(number, faults=5000 + number) for number in range(16)]
    assert set(disturbances(blocks, 1)) == {None}


def test_where_nothing_is_told_switches_and_time_count():
    silent = {"cpu_ns": None, "faults": None, "delay_ns": None}
    blocks = [block(number, **silent, switches=1) for number in range(15)]
    assert disturbances([*blocks, block(15, **silent, switches=9)], 1)[-1] == "switched out"
    assert set(disturbances([block(number, **silent, switches=None) for number in range(4)], 1)) == {None}


def test_processor_time_of_several_threads_is_not_compared_with_wall_time():
    assert set(disturbances([block(number, cpu_ns=1) for number in range(4)], 2)) == {None}


def test_a_process_is_worth_the_median_of_its_blocks_and_loops_give_the_time_of_a_call():
    blocks = [block(number, a=3.0, b=3.0 * (1 + number / 100), c=2.9) for number in range(5)]
    [value] = reduce_cells(record(blocks))[0].values
    assert value.ratio == pytest.approx(math.log(1.02))
    assert value.control == pytest.approx(math.log(2.9 / 3.0))
    assert math.exp(value.log_a) == pytest.approx(3e-4)
    assert math.exp(value.log_b) == pytest.approx(3.06e-4)
    assert value.kept == 5


def test_a_process_with_too_few_blocks_left_is_void_for_what_took_them():
    blocks = [block(number, cpu_ns=1000) for number in range(13)] + [block(13 + number) for number in range(3)]
    [reduced] = reduce_cells(record(blocks))
    assert not reduced.values
    assert [each.reason for each in reduced.void] == ["the processor was taken away"]
    assert reduced.dropped == (("the processor was taken away", 13),)
    assert reduced.blocks == 16


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        ({"void": "it hung"}, "it hung"),
        ({"steal_ticks": 10, "total_ticks": 100}, "the hypervisor took processor time away"),
        ({"throttled_ns": 10**8, "elapsed_ns": 10**9}, "the control group's quota held it back"),
        ({"steal_ticks": 1, "total_ticks": 100, "throttled_ns": 0, "elapsed_ns": 10**9}, None),
    ],
)
def test_a_process_of_several_threads_is_void_for(process, reason):
    [reduced] = reduce_cells(record([block(number) for number in range(16)], header(threads=2), **process))
    assert [each.reason for each in reduced.void] == ([reason] if reason else [])


def test_one_thread_s_samples_tell_of_stolen_time_themselves():
    stolen = {"steal_ticks": 50, "total_ticks": 100}
    assert reduce_cells(record([block(number) for number in range(16)], **stolen))[0].values


def test_a_process_that_has_not_ended_does_not_count():
    blocks = [block(number, process) for process in range(3) for number in range(16)]
    cut = replace(record(blocks), processes=(PairProcess(0, seed=0), PairProcess(2, seed=0)))
    assert [value.process for value in reduce_cells(cut)[0].values] == [0, 2]


def test_a_process_that_did_not_come_to_a_cell_is_not_void_there():
    blocks = [block(number, process) for process in range(2) for number in range(16)]
    blocks += [block(number, 0, cell=1) for number in range(16)]
    first, second = reduce_cells(record(blocks, header(cells=2)))
    assert (len(first.values), len(second.values)) == (2, 1)
    assert not second.void


def test_a_block_without_one_of_the_arms_is_no_comparison():
    lonely = block()
    lonely = replace(lonely, samples=lonely.samples[:2])
    assert not reduce_cells(record([lonely]))[0].values


def test_without_a_control_there_is_a_ratio_and_no_verdict():
    blocks = [
        replace(each, samples=tuple(sample for sample in each.samples if sample.arm != "c"))
        for each in (block(number, process) for process in range(12) for number in range(16))
    ]
    [found] = verdicts(record(blocks))
    assert (found.word, found.control) == ("INVALID", None)
    assert found.ratio.estimate == pytest.approx(1.0)


def test_enough_is_told_by_width_or_by_the_number_of_processes():
    narrow = [block(number, process) for process in range(12) for number in range(2)]
    wide = [block(number, process, b=3.0 + process / 10) for process in range(12) for number in range(2)]
    assert enough(record(narrow))
    assert not enough(record(wide))
    assert enough(record(wide, header(most_processes=12)))
    assert not enough(record([]))


def test_a_refused_cell_does_not_ask_for_more():
    wide = [block(number, process, b=3.0 + process / 10) for process in range(12) for number in range(2)]
    refused = replace(record(wide), refusals=(Refusal(0, "wrong", "no"),))
    assert enough(refused)
    assert verdicts(refused)[0].reason == "no"


def test_the_noise_floor_is_the_largest_difference_between_identical_code():
    blocks = [block(number, process, b=3.03, c=3.006) for process in range(12) for number in range(2)]
    assert noise_floor(record(blocks, header(b="left"))) == pytest.approx(math.log(1.01), abs=1e-6)
    assert noise_floor(record(blocks)) == pytest.approx(math.log(1.002), abs=1e-6)  # two kernels: the control alone
    assert noise_floor(record([])) is None


def test_a_record_survives_its_file_and_gives_the_same_bits():
    blocks = [block(number, process, b=3.03 + process / 1000) for process in range(12) for number in range(4)]
    kept = record(blocks)
    again = msgspec.json.decode(msgspec.json.encode(kept), type=PairRecord)
    assert msgspec.json.encode(verdicts(again)) == msgspec.json.encode(verdicts(kept))


@pytest.mark.parametrize(("taken_ms", "reason"), [(40, None), (120, "the processor was taken away")])
def test_arms_a_factor_of_a_hundred_apart_may_lose_a_few_percent_of_their_time(taken_ms, reason):
    """Of 1,206 ms in the block, 2 % of log(100) are 111 ms: what does not matter to a factor of 100."""
    slow = block(a=300.0, c=300.0, b=3.0, cpu_ns=(300 - taken_ms) * MS)
    assert disturbances([slow], 1) == (reason,)


def test_between_equal_arms_nothing_more_is_let_pass_than_before():
    """A sample that was held is itself apart from the others: that must not excuse it."""
    for held_ms in (0.5, 1, 3, 10, 100):
        one = block(a=3.0, c=3.0, b=3.0)
        samples = (replace(one.samples[0], elapsed_ns=int((3 + held_ms) * MS)), *one.samples[1:])
        assert disturbances([replace(one, samples=samples)], 1) != (None,)


def disturbed(count, of):
    """As many processes of which some have lost the processor in their only block."""
    return record([block(process=each, **({"delay_ns": 3 * MS} if each < count else {})) for each in range(of)])


@pytest.mark.parametrize(("lost", "of", "expected"), [(5, 5, False), (3, 6, False), (4, 6, True), (6, 6, True)])
def test_a_comparison_is_past_help_once_most_of_six_processes_are_lost(lost, of, expected):
    assert hopeless(disturbed(lost, of)) is expected


def test_a_refused_comparison_is_not_waited_for():
    refused = replace(disturbed(0, 6), refusals=(Refusal(0, "wrong", "no product"),))
    assert not hopeless(refused)
    assert verdicts(disturbed(6, 6))[0].word == "INVALID"
