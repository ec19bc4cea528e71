"""The parent's side of a comparison, against sampling processes that follow a script."""

from __future__ import annotations

import msgspec
import pytest
from pairs_fakes import FINISHED, HELLO, LIBRARIES, PairStage, block_of, cell_of, sound

from matbench.errors import InternalError
from matbench.measure.child import OverrunError
from matbench.measure.pairs import MOST_VOID, PADDING, PairProgress, PairsTold
from matbench.measure.pairs_plan import SHORTEST_CELL_S
from matbench.measure.protocol import Go, PairJob, Pause, Started
from matbench.model import Case, Library
from matbench.pairing import PairProcess, PairRecord, Pressure, Refusal

HUNG = OverrunError("was ended after 30.0 s without a result")


def jobs(stage):
    return [child.orders[0] for child in stage.children]


def begun(cell, arm):
    return Started(what=arm, allowed_s=30.0, case=Case(arm, cell.problem, cell.threads))


def test_as_many_processes_as_asked_for_are_started_and_no_more_once_it_is_enough():
    stage = PairStage(sound(), sound())
    events = stage.run()
    assert [type(each) for each in events] == [PairProgress, PairsTold] * 2
    assert [each.process for each in stage.record.processes] == [0, 1]
    assert len(stage.record.blocks) == 8


def test_more_are_started_until_it_is_enough():
    stage = PairStage(sound(), sound(), sound(), enough=lambda record: len(record.processes) == 3)
    stage.run()
    assert len(stage.record.processes) == 3


def test_no_more_than_the_most_are_started_however_wide_the_interval_is():
    stage = PairStage(*[sound()] * 4, enough=lambda _: False)
    stage.run()
    assert len(stage.record.processes) == 4


def test_whether_it_is_enough_is_asked_between_rounds_only():
    asked = []

    def enough(record):
        asked.append(len(record.processes))
        return False

    PairStage(*[sound()] * 6, enough=enough, settings={"most_processes": 6, "more_processes": 2}).run()
    assert asked == [2, 4]


def test_a_cell_that_is_known_well_enough_is_not_sampled_again():
    cells = (cell_of(8), cell_of(16))

    def enough(record):
        assert {each.cell for each in record.refusals} in ({0}, {1})
        return len(record.processes) == 3 or {each.cell for each in record.refusals} == {1}

    stage = PairStage(sound(2), sound(2), sound(1), cells=cells, enough=enough)
    stage.run()
    assert [[index for index, _ in job.cells] for job in jobs(stage)][2] == [1]


def test_every_process_draws_its_own_seed_padding_and_order():
    cells = tuple(cell_of(n) for n in (2, 3, 4, 5, 6))
    stage = PairStage(*[sound(5)] * 4, cells=cells, enough=lambda _: False)
    stage.run()
    assert len({job.seed for job in jobs(stage)}) == 4
    assert len({variables[PADDING] for _, _, variables in stage.started_with}) == 4
    assert len({tuple(index for index, _ in job.cells) for job in jobs(stage)}) > 1
    assert [each.padding for each in stage.record.processes] == [len(v[PADDING]) for _, _, v in stage.started_with]


def test_the_same_seed_draws_the_same():
    first, second = PairStage(sound(), sound()), PairStage(sound(), sound())
    first.run()
    second.run()
    assert jobs(first) == jobs(second)


def test_a_process_is_told_at_once_with_what_was_taken_from_it():
    taken = iter([Pressure(5, 100, 7), Pressure(9, 300, 10), Pressure(9, 300, 10), Pressure(9, 350, 10)])
    stage = PairStage(sound(), sound(), pressure=lambda: next(taken))
    told = [each for each in stage.run() if isinstance(each, PairsTold)]
    assert [len(each.values) for each in told] == [5, 5]
    first, second = stage.record.processes
    assert (first.steal_ticks, first.total_ticks, first.throttled_ns) == (4, 200, 3)
    assert (second.steal_ticks, second.total_ticks, second.throttled_ns) == (0, 50, 0)
    assert first.elapsed_ns == 1_000_000_000


def test_a_process_with_other_libraries_than_the_first_is_void():
    other = (Library(api="blas", name="openblas", version="0.4"),)
    stage = PairStage(sound(), sound(libraries=other))
    stage.run()
    assert [each.void for each in stage.record.processes] == [
        None,
        "it had loaded another openblas than the first process",
    ]


def test_a_process_without_libraries_that_only_the_first_one_needed_to_compile_is_like_it():
    compilers = (Library(api="blas", name="openblas", version="0.4", filename="of_scipy.so"),)
    stage = PairStage(sound(libraries=(*LIBRARIES, *compilers)), sound(libraries=LIBRARIES))
    stage.run()
    assert [each.void for each in stage.record.processes] == [None, None]


def test_an_arm_that_never_returns_is_given_up_at_this_size_and_at_larger_ones():
    cells = (cell_of(16), cell_of(8), cell_of(32), cell_of(32, a="other", b="third"))

    def hangs(job):
        index = next(place for place, (cell, _) in enumerate(job.cells) if cell == 0)
        return Pause(block=index, left_s=0.0)

    stage = PairStage([HELLO, hangs, begun(cells[0], "fast"), HUNG], sound(2), sound(2), cells=cells)
    stage.run()
    reason = "fast was ended after 30.0 s without a result at n = 16"
    assert stage.record.refusals == (Refusal(0, "ended", reason), Refusal(2, "ended", reason))
    assert {index for job in jobs(stage)[1:] for index, _ in job.cells} == {1, 3}
    assert len(stage.record.processes) == 2


def test_what_no_arm_is_to_blame_for_costs_its_cell_alone():
    cells = (cell_of(8), cell_of(16))
    stage = PairStage([HELLO, Started(what="operands", allowed_s=1.0), HUNG], sound(), sound(), cells=cells)
    stage.run()
    [refusal] = stage.record.refusals
    assert refusal.cell == jobs(stage)[0].cells[0][0]
    assert refusal.reason == "comparing slow with fast was ended after 30.0 s without a result"


def test_a_cell_that_was_measured_before_survives_a_lost_process():
    stage = PairStage(sound(), [HELLO, begun(cell_of(), "fast"), HUNG])
    stage.run()
    assert stage.record.refusals == ()
    assert [each.void for each in stage.record.processes] == [None, f"it {HUNG}"]


def test_a_cell_that_costs_process_after_process_is_given_up():
    lost = [HELLO, begun(cell_of(), "fast"), HUNG]
    scripts = [sound(), *[list(lost) for _ in range(MOST_VOID + 1)]]
    stage = PairStage(*scripts, settings={"processes": 20, "most_processes": 20})
    stage.run()
    assert len(stage.record.refusals) == 1
    assert len(stage.record.processes) == 1 + MOST_VOID


def test_what_a_process_refuses_is_kept_and_not_tried_again():
    cells = (cell_of(8), cell_of(16))

    def refusal(job):
        return Refusal(job.cells[0][0], "wrong", "fast prints")

    first = [HELLO, refusal, Pause(block=1, left_s=0.0), *sound(2)[1:][5:]]
    stage = PairStage(first, sound(), cells=cells)
    stage.run()
    [gone] = stage.record.refusals
    assert [index for index, _ in jobs(stage)[1].cells] == [1 - gone.cell]


def test_a_stopped_comparison_does_not_count_the_process_under_way():
    stage = PairStage([HELLO, lambda job: block_of(job, 0), Pause(block=1, left_s=0.0), FINISHED])
    events = stage.session.run()
    next(events)
    stage.session.stop()
    assert list(events) == []
    assert stage.children[0].orders[-1] == Go(stop=True)
    assert stage.record.processes == ()


def test_a_budget_ends_it_before_a_process_that_would_not_end_in_time():
    stage = PairStage(sound(), sound(), settings={"processes": 9, "most_processes": 9}, deadline_ns=2_500_000_000)
    stage.run()
    assert len(stage.record.processes) == 2
    assert stage.session.out_of_time


def test_a_resumed_comparison_goes_on_with_the_next_process():
    before = PairStage(sound(), settings={"processes": 1, "most_processes": 1})
    before.run()
    stage = PairStage(sound(), so_far=before.record)
    stage.run()
    assert [each.process for each in stage.record.processes] == [0, 1]
    assert isinstance(stage.record, PairRecord)
    assert all(isinstance(each, PairProcess) for each in stage.record.processes)


def test_a_process_that_can_not_start_is_an_error_of_ours():
    with pytest.raises(InternalError, match="could not start"):
        PairStage([HUNG]).run()


def test_the_child_is_ended_whatever_happens():
    stage = PairStage(sound(), [HELLO, HUNG], settings={"most_processes": 2})
    stage.run()
    assert [child.ended for child in stage.children] == [1, 1]
    assert isinstance(stage.children[0].orders[0], PairJob)


def test_no_process_is_added_once_the_time_for_more_is_up():
    stage = PairStage(*[sound()] * 3, enough=lambda _: False, more_until_ns=3_500_000_000)
    stage.run()
    assert len(stage.record.processes) == 3
    assert stage.session.out_of_time


def test_what_ends_for_another_reason_was_not_out_of_time():
    ends = (
        {"enough": lambda _: True, "more_until_ns": 9_500_000_000},
        {"enough": lambda _: False, "settings": {"most_processes": 2}, "more_until_ns": 1_500_000_000},
        {"enough": lambda _: False, "hopeless": lambda _: True, "more_until_ns": 1_500_000_000},
    )
    for end in ends:
        stage = PairStage(*[sound()] * 2, **end)
        stage.run()
        assert not stage.session.out_of_time, end


def test_where_time_is_up_the_first_round_ends_with_the_fewest_that_a_verdict_takes():
    many = {"processes": 12, "most_processes": 12}
    stage = PairStage(*[sound()] * 8, settings=many, fewest=8, more_until_ns=4_000_000_000)
    stage.run()
    assert len(stage.record.processes) == 8
    assert stage.session.out_of_time


def test_no_process_is_added_that_would_end_too_late():
    stage = PairStage(
        *[sound()] * 9, settings={"processes": 12, "most_processes": 12}, fewest=2, more_until_ns=9_500_000_000
    )
    stage.run()
    assert len(stage.record.processes) == 9


def test_a_cell_past_help_costs_no_further_process():
    cells = (cell_of(8), cell_of(16))

    def hopeless(record):
        assert {each.cell for each in record.refusals} in ({0}, {1})
        assert {block.cell for block in record.blocks} <= {0, 1} - {each.cell for each in record.refusals}
        return {each.cell for each in record.refusals} == {0} and len(record.processes) >= 2

    stage = PairStage(
        sound(2), sound(2), sound(1), cells=cells, settings={"processes": 3, "most_processes": 3}, hopeless=hopeless
    )
    stage.run()
    assert [len(job.cells) for job in jobs(stage)] == [2, 2, 1]
    assert jobs(stage)[2].cells[0][0] == 0


def test_a_comparison_past_help_ends():
    stage = PairStage(sound(), settings={"processes": 9, "most_processes": 9}, hopeless=lambda _: True)
    stage.run()
    assert len(stage.record.processes) == 1


def test_later_processes_know_slow_arms_that_were_found_right():
    def slow(job):
        block = block_of(job, 0, ratio=1.0)
        slower = tuple(
            msgspec.structs.replace(each, elapsed_ns=2_000_000_000) if each.arm == "a" else each
            for each in block.samples
        )
        return msgspec.structs.replace(block, samples=slower)

    script = [HELLO, slow, Pause(block=1, left_s=0.0), lambda job: PairProcess(job.process, job.seed), FINISHED]
    stage = PairStage(script, sound())
    stage.run()
    first, second = jobs(stage)
    assert first.known == ()
    assert second.known == ((0, "a", 2_000_000_000),)


def test_processes_that_outlast_their_share_give_cells_less_time():
    stage = PairStage(
        *[sound()] * 6, settings={"processes": 6, "most_processes": 6}, cell_s=1.0, more_until_ns=5_500_000_000
    )
    stage.run()
    shares = [job.cell_s for job in jobs(stage)]
    assert shares[:2] == [1.0, 1.0]
    assert shares[2] < 1.0
    assert min(shares) >= SHORTEST_CELL_S


def test_a_baseline_and_a_function_that_is_sent_reach_every_process():
    sent = {"roots": {"f@v1": "root"}, "pickled": {"g": b"data"}, "search": ("folder",)}
    stage = PairStage(sound(), sound(), **sent)
    stage.run()
    assert all((job.roots, job.pickled, job.search) == tuple(sent.values()) for job in jobs(stage))
