"""The parent's side of a run, against sampling processes that follow a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from measure_fakes import block_of, case_in, cases_of, plan_of

from matbench.errors import InternalError
from matbench.measure.child import OWN_BYTES, STARTS_WITHIN_S, OverrunError
from matbench.measure.clock import SimulatedClock
from matbench.measure.protocol import Finished, Go, Hello, Job, Pause, Started
from matbench.measure.session import Progress, Session, Software
from matbench.model import Caches, Ceiling, Library, Measurement, Samples

HELLO = Hello(libraries=())
LIBRARIES = (Library(api="blas", name="openblas"),)
FINISHED = Finished(threading_layer="omp", libraries=LIBRARIES)
SOFTWARE = Software(LIBRARIES, "omp")
SMALL, LARGE = block_of(8, "base", "fast", ("fast", 2)), block_of(16, "base", "fast")
INTEGER = block_of(8, "base", "fast", dtype="int64")
MEMORY = 2**30
HUNG = "was ended after 30.0 s without a result"
CRASHED = "took the sampling process down with it (signal 11)"


def lost(why):
    """The end of a script: the process is no more."""
    return OverrunError(why)


def measured(case, process=0):
    return Measurement(case=case, samples=Samples(loops=(1,), elapsed_ns=(5,), process=(process,), round=(0,)))


def skipped(case):
    return Measurement(case=case, outcome="skipped", reason="needs avx2")


class FakeChild:
    """Says what its script says, and keeps what it is told."""

    def __init__(self, script):
        self.script, self.orders, self.waits, self.ended = iter(script), [], [], 0

    def message(self, within_s, memory_bytes=None):
        self.waits.append((within_s, memory_bytes))
        said = next(self.script)
        if isinstance(said, Exception):
            raise said
        return said

    def order(self, order):
        self.orders.append(order)

    def end(self):
        self.ended += 1


class Stage:
    """A session whose processes follow `scripts`, one after another."""

    def __init__(self, *scripts, blocks=(SMALL, LARGE), **options):
        self.scripts = list(scripts)
        self.children = []
        self.started_with = []
        self.clock = SimulatedClock(now_ns=3_000_000_000)
        self.session = Session(
            plan=plan_of(blocks=blocks),
            blocks=blocks,
            caches=Caches(l1d=2**15),
            memory_bytes=MEMORY,
            deadline_ns=20_000_000_000,
            threads=2,
            blas=("libother.so",),
            clock=self.clock,
            child=self.start,
            **options,
        )

    def start(self, threads, blas):
        self.started_with.append((threads, blas))
        self.children.append(FakeChild(self.scripts.pop(0)))
        return self.children[-1]

    def run(self):
        events = list(self.session.run())
        assert not self.scripts
        assert [child.ended for child in self.children] == [1] * len(self.children)
        return events

    def job(self, place):
        job = self.children[place].orders[0]
        assert isinstance(job, Job)
        return job


def outcomes(events):
    return {
        event.case: (event.outcome, event.reason)
        for event in events
        if isinstance(event, Measurement) and event.outcome != "measured"
    }


def started(case, **more):
    return Started(what="fake", case=case, allowed_s=30.0, **more)


# -- as it should go --------------------------------------------------------------------------------------------------


def test_a_run_tells_everything_in_order_and_its_libraries_at_the_end():
    ceiling = Ceiling(kind="fma", dtype="float64", lanes=8, threads=1, work=192)
    one, two = measured(case_in(SMALL, "base")), skipped(case_in(SMALL, "fast", 2))
    stage = Stage([HELLO, ceiling, Pause(0, 9.0), started(one.case), one, two, Pause(2, 0.5), FINISHED])
    assert stage.run() == [ceiling, Progress(0, 2, 9.0, SMALL.problem), one, two, Progress(2, 2, 0.5), SOFTWARE]
    assert stage.children[0].orders[1:] == [Go(), Go()]


def test_a_job_says_all_that_a_sampling_process_has_to_know():
    stage = Stage([HELLO, FINISHED])
    stage.run()
    assert stage.started_with == [(2, ("libother.so",))]
    assert stage.job(0) == Job(
        plan=stage.session.plan,
        blocks=(SMALL, LARGE),
        process=0,
        seconds=17.0,
        memory_bytes=MEMORY,
        caches=Caches(l1d=2**15),
        ceilings=True,
        compiled=stage.job(0).compiled,
    )


def test_each_process_compiles_into_an_empty_folder_of_its_own_that_is_gone_in_the_end():
    stage = Stage([HELLO, started(case_in(SMALL, "base")), OverrunError("hung")], [HELLO, Pause(0, 1.0), FINISHED])
    pauses = (event for event in stage.session.run() if isinstance(event, Progress))
    assert [list(Path(stage.job(1).compiled).iterdir()) for _ in pauses] == [[]]
    folders = [stage.job(place).compiled for place in (0, 1)]
    assert len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)


def test_each_step_is_given_its_own_time_and_the_case_s_memory():
    stage = Stage([HELLO, Started(what="x", allowed_s=7.5), Pause(0, 1.0), FINISHED])
    stage.run()
    allowed = MEMORY + OWN_BYTES
    assert stage.children[0].waits == [
        (STARTS_WITHIN_S, None),
        (STARTS_WITHIN_S, allowed),
        (7.5, allowed),
        (7.5, allowed),
    ]


def test_a_session_goes_on_where_an_earlier_one_stopped():
    stage = Stage([HELLO, FINISHED], blocks=(LARGE,), process=4, ceilings=False)
    stage.run()
    assert (stage.job(0).process, stage.job(0).ceilings) == (4, False)


def test_nothing_to_measure_starts_no_process():
    assert Stage(blocks=()).run() == []


def test_the_child_goes_on_only_when_the_caller_is_ready():
    stage = Stage([HELLO, Pause(0, 9.0), FINISHED])
    events = stage.session.run()
    assert next(events) == Progress(0, 2, 9.0, SMALL.problem)
    assert not any(isinstance(order, Go) for order in stage.children[0].orders)
    assert next(events) == SOFTWARE
    assert stage.children[0].orders[-1] == Go()


def test_stopping_ends_the_run_at_the_next_pause():
    stage = Stage([HELLO, Pause(0, 9.0), measured(case_in(SMALL, "base")), Pause(0, 8.0), FINISHED])
    events = []
    for event in stage.session.run():
        events.append(event)
        if isinstance(event, Measurement):
            stage.session.stop()
    assert stage.children[0].orders[1:] == [Go(), Go(stop=True)]
    assert events[-1] == SOFTWARE


def test_a_stopped_session_starts_no_other_process():
    stage = Stage([HELLO, Pause(0, 9.0), started(case_in(SMALL, "fast")), lost(HUNG)])
    events = []
    for event in stage.session.run():
        events.append(event)
        stage.session.stop()
    assert outcomes(events) == {case_in(SMALL, "fast"): ("ended", f"fast {HUNG}")}
    assert len(stage.children) == 1


def test_a_caller_that_leaves_takes_the_process_with_it():
    stage = Stage([HELLO, Pause(0, 9.0), FINISHED])
    events = stage.session.run()
    next(events)
    events.close()
    assert stage.children[0].ended == 1


# -- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [HUNG, CRASHED, "was ended for taking more than 2 GiB of memory"])
def test_a_case_that_ends_the_process_is_told_and_a_fresh_one_measures_the_rest(why):
    blamed = case_in(SMALL, "fast")
    stage = Stage([HELLO, Pause(0, 9.0), started(blamed), lost(why)], [HELLO, Pause(2, 1.0), FINISHED])
    events = stage.run()
    assert outcomes(events) == {blamed: ("ended", f"fast {why}")}
    assert cases_of(stage.job(1).blocks) == [each for each in cases_of([SMALL, LARGE]) if each != blamed]
    assert (stage.job(1).process, stage.job(1).ceilings) == (1, False)
    assert events[-1] == SOFTWARE


def test_blocks_that_are_finished_are_not_measured_again_and_progress_goes_on_from_them():
    stage = Stage(
        [HELLO, Pause(1, 9.0), started(case_in(LARGE, "base")), lost(CRASHED)], [HELLO, Pause(0, 5.0), FINISHED]
    )
    events = stage.run()
    assert cases_of(stage.job(1).blocks) == [case_in(LARGE, "fast")]
    assert [event.block for event in events if isinstance(event, Progress)] == [1, 1]


def test_a_case_that_is_settled_is_not_tried_again():
    settled, wrong = (
        skipped(case_in(SMALL, "base")),
        Measurement(case=case_in(SMALL, "fast", 2), outcome="wrong", reason="x"),
    )
    stage = Stage(
        [HELLO, settled, wrong, Pause(0, 9.0), started(case_in(SMALL, "fast")), lost(CRASHED)], [HELLO, FINISHED]
    )
    stage.run()
    assert stage.job(1).blocks == (LARGE,)


def test_a_kernel_to_blame_as_a_whole_is_ended_in_every_block_of_its_dtype():
    stage = Stage(
        [HELLO, started(case_in(SMALL, "fast"), whole_kernel=True), lost(CRASHED)],
        [HELLO, FINISHED],
        blocks=(SMALL, LARGE, INTEGER),
    )
    events = stage.run()
    gone = [case_in(SMALL, "fast"), case_in(SMALL, "fast", 2), case_in(LARGE, "fast")]
    assert outcomes(events) == dict.fromkeys(gone, ("ended", f"fast {CRASHED}"))
    assert cases_of(stage.job(1).blocks) == [each for each in cases_of([SMALL, LARGE, INTEGER]) if each not in gone]


def test_when_no_case_is_to_blame_its_block_is_ended_and_what_it_told_is_kept():
    told = measured(case_in(SMALL, "base"))
    stage = Stage([HELLO, Pause(0, 9.0), told, lost(CRASHED)], [HELLO, FINISHED])
    events = stage.run()
    assert told in events
    assert stage.job(1).blocks == (LARGE,)
    ended = outcomes(events)
    assert set(ended) == {case_in(SMALL, "fast"), case_in(SMALL, "fast", 2)}
    assert all(outcome == "ended" and CRASHED in reason for outcome, reason in ended.values())


def test_a_process_that_dies_again_and_again_does_not_keep_the_run_from_ending():
    scripts = [[HELLO, started(case), lost(CRASHED)] for case in cases_of([SMALL, LARGE])]
    stage = Stage(*scripts)
    assert outcomes(stage.run()) == {case: ("ended", f"{case.kernel} {CRASHED}") for case in cases_of([SMALL, LARGE])}
    assert [stage.job(place).process for place in range(5)] == list(range(5))


def test_a_process_that_dies_after_its_last_block_loses_nothing():
    stage = Stage([HELLO, Pause(2, 0.0), lost(CRASHED)])
    assert stage.run() == [Progress(2, 2, 0.0)]


def test_a_process_that_does_not_start_is_an_error_of_ours():
    stage = Stage([lost("took the sampling process down with it (exit code 1)")])
    with pytest.raises(InternalError, match=r"could not start: it took .*\(exit code 1\); see its messages above"):
        stage.run()
    assert stage.children[0].ended == 1


def test_a_process_that_speaks_another_language_is_an_error_of_ours():
    stage = Stage([Pause(0, 1.0)])
    with pytest.raises(InternalError, match="reinstall matbench"):
        stage.run()
    assert stage.children[0].ended == 1
