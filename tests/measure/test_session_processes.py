"""A run in several processes, one after another: who compiles, who is told what, and when it ends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from measure_fakes import block_of, case_in, cases_of, plan_of
from test_session import CRASHED, HELLO, HUNG, LARGE, SMALL, SOFTWARE, Stage, lost, outcomes, skipped, started

from matbench.errors import IncompleteError, InternalError, StartError
from matbench.measure.protocol import Chain, Finished, Known, Pause, Started
from matbench.measure.session import Progress, Software
from matbench.model import Ceiling, Library, Measurement, Samples

FINISHED = Finished(threading_layer=None, libraries=SOFTWARE.libraries)


def measured(case, process=0, loops=4, elapsed_ns=(4000, 5000)):
    count = len(elapsed_ns)
    samples = Samples((loops,) * count, elapsed_ns, (process,) * count, tuple(range(count)))
    return Measurement(case=case, samples=samples)


def whole(process=0, blocks=(SMALL, LARGE)):
    """The script of a process that measures everything."""
    told = [measured(case, process) for case in cases_of(blocks)]
    return [HELLO, *told, Pause(len(blocks), 1.0), FINISHED]


def chain(lanes, steps, dtype="float64", threads=1, process=0):
    """A sample of the peak."""
    samples = Samples((steps,), (1000,), (process,), (0,))
    return Ceiling(kind="fma", dtype=dtype, lanes=lanes, threads=threads, work=24 * lanes, samples=samples)


def stage_of(*scripts, processes, **options):
    return Stage(*scripts, processes=processes, **options)


def test_every_block_is_measured_in_every_process():
    stage = stage_of(whole(0), whole(1), whole(2), processes=3)
    events = stage.run()
    for place in range(3):
        assert set(cases_of(stage.job(place).blocks)) == set(cases_of([SMALL, LARGE]))
    assert [stage.job(place).process for place in range(3)] == [0, 1, 2]
    assert [stage.job(place).later for place in range(3)] == [2, 1, 0]
    assert {stage.job(place).processes for place in range(3)} == {3}
    assert len([event for event in events if isinstance(event, Measurement)]) == 3 * 5


def test_the_first_process_alone_measures_the_machine_and_compiles():
    stage = stage_of(whole(0), whole(1), whole(2), processes=3)
    stage.run()
    jobs = [stage.job(place) for place in range(3)]
    assert [(job.ceilings, job.chains) for job in jobs] == [(True, True), (False, False), (False, False)]
    assert len({job.compiled for job in jobs}) == 1
    assert [job.checked for job in jobs] == [(), *[(("base", "float64"), ("fast", "float64"))] * 2]
    assert not Path(jobs[0].compiled).exists()


def test_later_processes_know_the_loops_of_the_first_and_the_fastest_call_so_far():
    case = case_in(SMALL, "base")
    scripts = (
        [HELLO, measured(case, number, loops, ns), Pause(1, 1.0), FINISHED]
        for number, loops, ns in (
            (0, 4, (4000, 5000)),
            (1, 4, (3200,)),
            (2, 4, (4400,)),
        )
    )
    stage = stage_of(*scripts, processes=3, blocks=(block_of(8, "base"),))
    stage.run()
    assert stage.job(0).known == ()
    assert stage.job(1).known == (Known(case, loops=4, call_s=pytest.approx(1e-6), processes=1),)
    assert stage.job(2).known == (Known(case, loops=4, call_s=pytest.approx(0.8e-6), processes=2),)


def test_each_process_but_the_first_takes_the_blocks_in_an_order_of_its_own():
    blocks = tuple(block_of(n, "base") for n in range(1, 9))
    jobs = []
    for _ in range(2):
        stage = stage_of(*(whole(number, blocks) for number in range(4)), processes=4, blocks=blocks)
        stage.run()
        jobs.append([stage.job(place).blocks for place in range(4)])
    assert jobs[0] == jobs[1]  # by the plan's seed
    assert jobs[0][0] == blocks
    assert len(set(jobs[0])) == 4


def test_a_case_that_was_not_measured_is_not_tried_by_a_later_process():
    left_out = case_in(SMALL, "fast", 2)
    told = [measured(case) for case in cases_of([SMALL, LARGE]) if case != left_out]
    stage = stage_of([HELLO, *told, skipped(left_out), Pause(2, 1.0), FINISHED], whole(1), processes=2)
    stage.run()
    assert set(cases_of(stage.job(1).blocks)) == set(cases_of([SMALL, LARGE])) - {left_out}


def test_no_further_process_is_started_once_time_is_up():
    stage = stage_of(whole(0), processes=6)
    events = []
    for event in stage.session.run():
        events.append(event)
        if isinstance(event, Progress):
            stage.clock.advance(30_000_000_000)
    assert len(stage.children) == 1
    assert isinstance(events[-1], Software)


def test_progress_counts_the_blocks_of_all_processes():
    stage = stage_of([HELLO, Pause(0, 9.0), *whole(0)[1:]], [HELLO, Pause(0, 5.0), *whole(1)[1:]], processes=2)
    told = [event for event in stage.run() if isinstance(event, Progress)]
    assert [(each.block, each.blocks, each.turn, each.turns) for each in told] == [
        (0, 4, 1, 2),
        (2, 4, 1, 2),
        (2, 4, 2, 2),
        (4, 4, 2, 2),
    ]
    assert [each.problem is None for each in told] == [False, True, False, True]


def test_a_case_that_ends_a_later_process_keeps_what_it_has_and_is_not_tried_again():
    blamed = case_in(SMALL, "fast")
    stage = stage_of(whole(0), [HELLO, Pause(0, 5.0), started(blamed), lost(CRASHED)], whole(2), processes=2)
    events = stage.run()
    assert outcomes(events) == {blamed: ("ended", f"fast {CRASHED}")}
    assert blamed not in cases_of(stage.job(2).blocks)
    # What was compiled is there: the next process does not compile again.
    assert stage.job(2).compiled == stage.job(0).compiled
    assert stage.job(2).checked == stage.job(1).checked != ()


def test_after_the_process_that_compiles_has_failed_the_next_one_compiles_anew():
    blamed = case_in(LARGE, "fast")
    first = [HELLO, *(measured(case) for case in cases_of([SMALL])), Pause(1, 5.0), started(blamed), lost(CRASHED)]
    stage = stage_of(first, whole(1), whole(2), processes=2)
    stage.run()
    assert stage.job(1).compiled != stage.job(0).compiled
    assert stage.job(1).checked == ()
    assert set(stage.job(1).blocks) == {SMALL, block_of(16, "base")}
    assert [each.case for each in stage.job(1).known] == cases_of([SMALL])
    # By then the first block has been measured by two processes, the other one by one.
    assert stage.job(2).blocks == (block_of(16, "base"),)


def test_a_run_that_goes_on_asks_each_block_for_the_processes_it_lacks():
    before = (*(measured(case, 0) for case in cases_of([SMALL])), *(measured(case, 1) for case in cases_of([SMALL])))
    stage = stage_of(whole(2), whole(3), whole(4), processes=3, so_far=before, process=2)
    stage.run()
    assert [set(stage.job(place).blocks) for place in range(3)] == [{SMALL, LARGE}, {LARGE}, {LARGE}]
    assert [each.processes for each in stage.job(0).known] == [2, 2, 2]
    assert stage.job(0).checked == ()  # it has to compile, and to check what it compiles


def test_a_block_that_has_all_its_processes_is_measured_once_more_if_it_is_asked_for():
    before = tuple(measured(case) for case in cases_of([SMALL]))
    stage = stage_of(whole(1, (SMALL,)), processes=1, so_far=before, blocks=(SMALL,))
    stage.run()
    assert stage.job(0).blocks == (SMALL,)


def test_libraries_are_those_of_all_processes():
    other = Library(api="openmp", name="libgomp")
    last = Finished(threading_layer="omp", libraries=(other,))
    stage = stage_of(whole(0), [*whole(1)[:-1], last], processes=2)
    assert stage.run()[-1] == Software((*SOFTWARE.libraries, other), "omp")


def test_a_folder_of_one_s_own_serves_all_processes(tmp_path):
    stage = stage_of(whole(0), processes=1, compiled=str(tmp_path), ceilings=False, chains=False)
    stage.run()
    assert (stage.job(0).compiled, stage.job(0).ceilings, stage.job(0).chains) == (str(tmp_path), False, False)
    assert tmp_path.exists()


def test_a_plan_s_seed_decides_the_orders():
    blocks = tuple(block_of(n, "base") for n in range(1, 9))

    def second(seed):
        stage = stage_of(whole(0, blocks), whole(1, blocks), processes=2, blocks=blocks)
        stage.session.plan = plan_of(blocks=blocks, seed=seed)
        stage.run()
        return stage.job(1).blocks

    assert second(1) == second(1) != second(2)


# -- the peak ---------------------------------------------------------------------------------------------------------

LIMITS = Started(what="peak of 8 lanes", allowed_s=60.0, before_blocks=True)


def test_later_processes_are_told_how_many_steps_of_the_widest_chains_fill_a_sample():
    told = [chain(1, 7000), chain(8, 6000), chain(8, 6000, threads=2), chain(16, 9000, "float32")]
    script = whole(0)
    stage = stage_of([script[0], *told, *script[1:]], whole(1), whole(2), processes=3)
    events = stage.run()
    assert stage.job(0).known_chains == ()
    for place in (1, 2):
        assert stage.job(place).known_chains == (Chain("float64", 8, 6000), Chain("float32", 16, 9000))
    assert [each for each in events if isinstance(each, Ceiling)] == told


def test_where_there_is_no_peak_none_is_asked_of_later_processes():
    none = Ceiling(kind="fma", dtype="float64", lanes=1, threads=1, work=1, reason="needs numba")
    stage = stage_of([HELLO, none, *whole(0)[1:]], whole(1), processes=2)
    stage.run()
    assert (stage.job(1).chains, stage.job(1).known_chains) == (False, ())


def test_chains_that_are_known_are_not_measured_again_after_a_case_has_ended_the_process():
    first = [HELLO, chain(8, 6000), Pause(0, 9.0), started(case_in(SMALL, "fast")), lost(CRASHED)]
    stage = stage_of(first, whole(1), processes=1)
    stage.run()
    assert (stage.job(1).chains, stage.job(1).known_chains) == (False, (Chain("float64", 8, 6000),))


def with_chains(script, *told):
    return [script[0], *told, *script[1:]]


def test_chains_that_end_the_first_process_are_not_run_again_and_nothing_else_is_lost():
    hung = [HELLO, chain(8, 6000), LIMITS, lost(HUNG)]
    stage = stage_of(hung, whole(1), whole(2), processes=2)
    events = stage.run()
    assert outcomes(events) == {}
    assert [(stage.job(place).chains, stage.job(place).known_chains) for place in (1, 2)] == [(False, ())] * 2
    assert len([event for event in events if isinstance(event, Measurement)]) == 2 * 5


def test_one_hang_before_the_blocks_does_not_cost_the_chains_that_a_process_has_come_through_with():
    told = [chain(8, 6000), chain(16, 9000, "float32")]
    sound = (Chain("float64", 8, 6000), Chain("float32", 16, 9000))
    stage = stage_of(
        with_chains(whole(0), *told),
        [HELLO, LIMITS, lost(HUNG)],
        whole(2),
        [HELLO, LIMITS, lost(HUNG)],
        whole(4),
        processes=3,
    )
    events = stage.run()
    assert outcomes(events) == {}
    assert [stage.job(place).known_chains for place in range(1, 5)] == [sound] * 4
    assert {stage.job(place).chains for place in range(1, 5)} == {False}
    assert len([event for event in events if isinstance(event, Measurement)]) == 3 * 5


def test_chains_that_end_two_processes_in_a_row_are_let_go():
    hung = [HELLO, LIMITS, lost(HUNG)]
    stage = stage_of(with_chains(whole(0), chain(8, 6000)), hung, hung, whole(3), processes=2)
    assert outcomes(stage.run()) == {}
    known = (Chain("float64", 8, 6000),)
    assert [stage.job(place).known_chains for place in range(1, 4)] == [known, known, ()]


# -- a later process that comes to nothing ----------------------------------------------------------------------------

NOTHING = {
    "it can't start": [lost("took the sampling process down with it (exit code 1)")],
    "it dies before it says anything": [HELLO, lost(CRASHED)],
    "it dies between the peak and its first block": [HELLO, LIMITS, Pause(0, 9.0), lost(CRASHED)],
}


def hear(events, told):
    """Keep what is told before an error."""
    for event in events:
        told.append(event)


@pytest.mark.parametrize("script", NOTHING.values(), ids=NOTHING)
def test_a_later_process_that_comes_to_nothing_ends_the_run_and_what_was_measured_is_told(script):
    stage, told = stage_of(whole(0), script, processes=6), []
    with pytest.raises(IncompleteError, match=r"process 2 of 6 took .* before its first block; free memory") as caught:
        hear(stage.session.run(), told)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert [each.case for each in told if isinstance(each, Measurement)] == cases_of([SMALL, LARGE])
    assert [child.ended for child in stage.children] == [1, 1]


def refused(*_):
    raise OSError(12, "Cannot allocate memory")


def test_a_process_that_the_system_refuses_is_an_error_of_ours_only_if_it_is_the_first():
    stage = stage_of(processes=2)
    stage.session.child = refused
    with pytest.raises(StartError, match=r"could not be started .*Cannot allocate memory.*; free memory"):
        stage.run()
    stage = stage_of(whole(0), processes=2)
    pauses = (event for event in stage.session.run() if isinstance(event, Progress))
    next(pauses)
    stage.session.child = refused
    with pytest.raises(IncompleteError, match=r"process 2 of 2 could not be started .*Cannot allocate memory"):
        list(pauses)


@pytest.mark.parametrize("script", NOTHING.values(), ids=NOTHING)
def test_the_first_process_of_a_run_that_goes_on_is_no_first_one(script):
    before = tuple(measured(case) for case in cases_of([SMALL]))
    stage = stage_of(script, processes=2, so_far=before, process=1)
    with pytest.raises(IncompleteError, match=r"^ended early: .*took the sampling process down with it") as caught:
        stage.run()
    assert caught.value.exit_code == 3


def test_nor_is_one_that_the_system_refuses():
    stage = stage_of(processes=2, so_far=(measured(case_in(SMALL, "base")),), process=1)
    stage.session.child = refused
    with pytest.raises(IncompleteError, match=r"could not be started .*Cannot allocate memory"):
        stage.run()


@pytest.mark.parametrize(
    ("so_far", "error"),
    [((), InternalError), ((measured(case_in(SMALL, "base")),), IncompleteError)],
    ids=["begun", "continued"],
)
def test_the_first_process_of_every_session_has_to_speak_this_version_s_language(so_far, error):
    stage = stage_of([FINISHED], processes=2, so_far=so_far, process=len(so_far))
    with pytest.raises(error, match=r"does not speak this version's language; reinstall matbench$"):
        stage.run()
    assert [child.orders for child in stage.children] == [[]]


def test_where_no_sample_was_taken_before_there_is_nothing_to_keep():
    left_out = skipped(case_in(SMALL, "fast", 2))
    stage = stage_of(NOTHING["it can't start"], processes=2, so_far=(left_out,))
    with pytest.raises(StartError, match="could not start"):
        stage.run()
    stage = stage_of(processes=2, so_far=(left_out,))
    stage.session.child = refused
    with pytest.raises(StartError, match="could not be started"):
        stage.run()


def cut_short(stages, place, *, dies=False):
    """The script of a process that measures its first block and a round of its second one, and then ends so."""
    yield HELLO
    first, second = stages[0].job(place).blocks[:2]
    yield from (measured(case, place) for case in cases_of([first]))
    yield Pause(1, 1.0)
    yield measured(cases_of([second])[0], place, elapsed_ns=(4000,))
    yield from (started(cases_of([second])[1]), lost(CRASHED)) if dies else (Pause(1, 1.0), FINISHED)


def test_a_run_that_goes_on_asks_again_for_what_a_process_died_in_and_what_it_was_interrupted_in():
    blocks = tuple(block_of(n, "base", "fast") for n in (4, 8, 16))
    stages = []  # the scripts look at it once they are played
    scripts = whole(0, blocks), cut_short(stages, 1, dies=True), cut_short(stages, 2)
    stages.append(stage_of(*scripts, processes=4, blocks=blocks))
    told = []
    for event in stages[0].session.run():
        told += [event] if isinstance(event, Measurement) else []
        if len(stages[0].children) == 3:
            stages[0].session.stop()
    done = Counter({block.problem: 1 for block in blocks})
    done.update(stages[0].job(place).blocks[0].problem for place in (1, 2))
    lacking = max(4 - count for count in done.values())
    scripts = (whole(number, ()) for number in range(3, 3 + lacking))
    again = stage_of(*scripts, processes=4, blocks=blocks, so_far=tuple(told), process=3)
    again.run()
    asked = Counter(block.problem for place in range(lacking) for block in again.job(place).blocks)
    assert asked == {problem: 4 - count for problem, count in done.items()}


def test_a_process_that_replaces_one_that_died_is_no_first_one():
    first = [HELLO, Pause(1, 9.0), started(case_in(LARGE, "base")), lost(CRASHED)]
    stage = stage_of(first, NOTHING["it can't start"], processes=1)
    with pytest.raises(IncompleteError, match="process 1 of 1"):
        stage.run()


def test_a_later_process_that_dies_within_a_block_costs_that_block_alone():
    operands = Started(what="operands of 8", allowed_s=60.0)
    stage = stage_of(whole(0), [HELLO, operands, Pause(0, 9.0), lost(CRASHED)], whole(2), processes=2)
    assert outcomes(stage.run()) == {}  # all that it has is kept
    assert len(stage.job(2).blocks) == 1
