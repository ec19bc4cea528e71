"""A run in several processes, one after another: who compiles, who is told what, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from measure_fakes import block_of, case_in, cases_of, plan_of
from test_session import CRASHED, HELLO, LARGE, SMALL, SOFTWARE, Stage, lost, outcomes, skipped, started

from matbench.measure.protocol import Finished, Known, Pause
from matbench.measure.session import Progress, Software
from matbench.model import Library, Measurement, Samples

FINISHED = Finished(threading_layer=None, libraries=SOFTWARE.libraries)


def measured(case, process=0, loops=4, elapsed_ns=(4000, 5000)):
    count = len(elapsed_ns)
    samples = Samples((loops,) * count, elapsed_ns, (process,) * count, tuple(range(count)))
    return Measurement(case=case, samples=samples)


def whole(process=0, blocks=(SMALL, LARGE)):
    """The script of a process that measures everything."""
    told = [measured(case, process) for case in cases_of(blocks)]
    return [HELLO, *told, Pause(len(blocks), 1.0), FINISHED]


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
