"""``matbench tune``: said before, tried, proved in fresh processes, kept for this machine, forgotten on demand."""

from __future__ import annotations

import json
import tempfile
from itertools import product

import msgspec
import pytest

from matbench.cli import tune as tuning
from matbench.cli.main import main
from matbench.cli.tune import blocks_object, blocks_said
from matbench.errors import IncompleteError, InternalError, StartError
from matbench.kernels.jit import numba_missing
from matbench.measure.session import Progress, Session
from matbench.measure.tuning import CLONE, KERNEL, candidates, tuned_here
from matbench.model import Case, Measurement, Samples
from matbench.record.here import Machine
from matbench.record.tuning import keep_tuning, known_tuning
from matbench.tuning import Tuned, Tuning

pytestmark = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


@pytest.fixture
def here(monkeypatch, tmp_path):
    """This machine, with a data folder of the test's own."""
    for name in ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the lock of this machine lies there
    machine = Machine()
    if machine.host.host_id == "unknown":
        pytest.skip("this machine can't be told from others")
    return machine


def in_which(faster, seen=None, most=100):
    """A session in which every arm takes 10 ms, but for those that are so many times as fast; of so many processes."""

    def run(session):
        if seen is not None:
            seen.append(session)
        turns = tuple(
            (session.process + each, turn) for each, turn in product(range(min(most, session.processes)), range(3))
        )
        for number, block in enumerate(session.blocks):
            for name, threads in block.arms:
                elapsed = round(1e7 / faster.get((name, block.problem.dtype), 1.0))
                samples = Samples(
                    (1,) * len(turns),
                    (elapsed,) * len(turns),
                    tuple(process for process, _ in turns),
                    tuple(turn for _, turn in turns),
                )
                yield Measurement(Case(name, block.problem, threads), samples=samples)
            yield Progress(number + 1, len(session.blocks), 0.0)

    return run


def arms_of(session):
    return {name for block in session.blocks for name, _ in block.arms}


def test_what_is_faster_in_fresh_processes_is_kept_and_told(here, monkeypatch, capsys):
    tried, seen = candidates("float64", here.host.caches), []
    winner, second = tried.others[3], tried.others[5]
    faster = {(winner.name, "float64"): 1.06, (second.name, "float64"): 1.04}
    monkeypatch.setattr(Session, "run", in_which(faster, seen))
    assert main(["tune", "--dtype", "float64"]) == 0
    told = capsys.readouterr()
    assert f"{winner.words} | 6.0 %" in " ".join(told.out.split())
    assert "about" in told.err
    assert "of at most 60" in told.err
    [found] = known_tuning(here.host.host_id).found
    assert (found.blocks.mc, found.blocks.kc, found.blocks.nc) == (winner.mc, winner.kc, winner.nc)
    assert found.derived == tried.derived
    assert tuned_here(known_tuning(here.host.host_id), _ladder(), here.host.caches) == (found.blocks,)
    screening, proving = seen
    assert arms_of(screening) == {KERNEL, *(each.name for each in tried.others)}
    assert arms_of(proving) == {KERNEL, CLONE, winner.name, second.name}
    assert (screening.processes, proving.processes) == (1, 9)
    assert found.processes == 9


def _ladder():
    from matbench.kernels import default_registry

    return default_registry()


def test_where_none_is_faster_the_derived_blocks_stand_and_nothing_is_proved(here, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(Session, "run", in_which({}, seen))
    assert main(["tune", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert [each["blocks"]["dtype"] for each in found] == ["float64", "float32"]
    assert all(each["blocks"] == each["derived"] and each["factor"] is None for each in found)
    assert len(seen) == 1
    assert tuned_here(known_tuning(here.host.host_id), _ladder(), here.host.caches) == ()


NO_MORE = "ended early: something in sampling process 2 of 9 could not be started before its first block; free memory"


def proving(faster, *sessions):
    """A screening that comes through, and sessions after it, each with so many processes and what ends it."""
    later = iter(sessions)

    def run(session):
        if CLONE not in arms_of(session):
            yield from in_which(faster)(session)
            return
        processes, end = next(later)
        if processes:
            yield from in_which(faster, most=processes)(session)
        if isinstance(end, Exception):
            raise end
        if end is not None:
            block = session.blocks[-1]
            yield Measurement(Case(end, block.problem, 1), "ended", f"{end} took the sampling process down with it")

    return run


def faster_ones(here):
    """Two candidates, 6 and 4 % faster."""
    one, other = (candidates("float64", here.host.caches).others[each] for each in (3, 5))
    return one, other, {(one.name, "float64"): 1.06, (other.name, "float64"): 1.04}


@pytest.mark.parametrize(
    "lost",
    [IncompleteError(NO_MORE), KERNEL, CLONE, None],
    ids=["no start", "it died", "its clone", "a block given up"],
)
def test_a_process_that_could_not_be_started_or_died_is_made_up_for_by_others(here, monkeypatch, capsys, lost):
    winner, _, faster = faster_ones(here)
    monkeypatch.setattr(Session, "run", proving(faster, (5, lost), (4, None)))
    assert main(["tune", "--dtype", "float64"]) == 0, capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.blocks.mc, found.blocks.kc, found.blocks.nc) == (winner.mc, winner.kc, winner.nc)
    assert found.processes == 9


def test_so_is_the_very_first_one(here, monkeypatch, capsys):
    monkeypatch.setattr(Session, "run", proving(faster_ones(here)[2], (0, StartError("no start")), (9, None)))
    assert main(["tune", "--dtype", "float64"]) == 0, capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.is_better, found.processes) == (True, 9)


def test_with_one_process_too_few_for_both_it_is_decided_on_the_one_that_looked_best(here, monkeypatch, capsys):
    winner, _, faster = faster_ones(here)
    monkeypatch.setattr(Session, "run", proving(faster, (6, IncompleteError(NO_MORE)), (2, IncompleteError(NO_MORE))))
    assert main(["tune", "--dtype", "float64"]) == 0
    assert f"8 processes are enough to decide on {winner.name}" in capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.is_better, found.processes) == (True, 8)


@pytest.mark.parametrize(
    ("sessions", "said"),
    [
        (
            ((5, IncompleteError(NO_MORE)), (0, StartError("it could not be started; free memory"))),
            (5, "free memory"),
        ),
        (((0, StartError("no start; free memory")),) * 2, (0, "for no start; free memory")),
        (((2, KERNEL), (3, KERNEL)), (5, "took the sampling process down with it; free memory or stop other programs")),
        (((5, None), (2, None)), (7, "free memory or stop other programs, and repeat it")),
    ],
    ids=["no start", "none starts", "it dies", "given up"],
)
def test_where_processes_are_too_few_it_is_said_how_many_there_are_and_what_was_known_stays(
    here, monkeypatch, capsys, sessions, said
):
    count, why = said
    _, _, faster = faster_ones(here)
    monkeypatch.setattr(Session, "run", in_which(faster))
    assert main(["tune", "--dtype", "float64"]) == 0
    before = known_tuning(here.host.host_id)
    capsys.readouterr()
    monkeypatch.setattr(Session, "run", proving(faster, *sessions))
    assert main(["tune", "--dtype", "float64"]) == 3
    told = capsys.readouterr()
    *_, complaint = told.err.splitlines()
    assert complaint.startswith(f"matbench: float64 undecided: {count} of 9 processes")
    assert "it takes 8 at least" in complaint
    assert why in complaint
    assert known_tuning(here.host.host_id) == before


def test_where_time_was_too_short_for_processes_it_is_said_that_it_takes_more(here, monkeypatch, capsys):
    _, _, faster = faster_ones(here)
    monkeypatch.setattr(tuning, "START_S", 1e3)
    monkeypatch.setattr(Session, "run", proving(faster, (5, None)))
    assert main(["tune", "--dtype", "float64"]) == 3
    assert "float64 undecided: 5 of 9 processes" in (told := capsys.readouterr().err)
    assert "it takes 8 at least; give more than --budget 60s, and repeat it" in told


def test_a_candidate_that_computes_a_wrong_result_is_out_and_no_reason_to_measure_anew(here, monkeypatch, capsys):
    winner, other, faster = faster_ones(here)
    seen = []

    def run(session):
        seen.append(session)
        for each in in_which(faster)(session):
            is_other = isinstance(each, Measurement) and each.case.kernel == other.name
            yield Measurement(each.case, "wrong", "it is off") if is_other and CLONE in arms_of(session) else each

    monkeypatch.setattr(Session, "run", run)
    assert main(["tune", "--dtype", "float64"]) == 0, capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.blocks.kc, found.processes, len(seen)) == (winner.kc, 9, 2)


def test_what_was_decided_is_kept_where_another_element_type_is_not(here, monkeypatch, capsys):
    _, _, faster = faster_ones(here)
    single = {(candidates("float32", here.host.caches).others[0].name, "float32"): 1.2}

    def run(session):
        for each in in_which(faster | single)(session):
            is_clone = isinstance(each, Measurement) and each.case.kernel == CLONE
            if not (is_clone and each.case.problem.dtype == "float32"):
                yield each

    monkeypatch.setattr(Session, "run", run)
    assert main(["tune"]) == 3
    assert "float32 undecided: 0 of 9" in capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.blocks.dtype, found.is_better) == ("float64", True)


@pytest.mark.parametrize("faulty", [0, 1], ids=["the fastest", "the other"])
def test_a_candidate_that_takes_its_process_down_twice_is_out(here, monkeypatch, capsys, faulty):
    winners, faster = faster_ones(here)[:2], faster_ones(here)[2]
    name = winners[faulty].name
    monkeypatch.setattr(Session, "run", proving(faster, (6, name), (3, name)))
    assert main(["tune", "--dtype", "float64"]) == 0, capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert (found.blocks.mc, found.blocks.kc) == (winners[1 - faulty].mc, winners[1 - faulty].kc)


def test_a_screening_whose_process_can_not_be_started_is_told_as_what_it_is(here, monkeypatch, capsys):
    def run(_session):
        raise StartError("the sampling process could not be started; free memory, or allow more processes")
        yield

    monkeypatch.setattr(Session, "run", run)
    assert main(["tune"]) == 4
    assert "free memory, or allow more processes" in capsys.readouterr().err
    assert known_tuning(here.host.host_id) is None


def test_a_fault_of_matbench_while_proving_is_told_as_one_and_nothing_is_kept(here, monkeypatch, capsys):
    _, _, faster = faster_ones(here)
    monkeypatch.setattr(Session, "run", proving(faster, (5, InternalError("it said 'x', which is no message"))))
    assert main(["tune", "--dtype", "float64"]) == 4
    told = capsys.readouterr().err
    assert "it said 'x', which is no message" in told
    assert "undecided" not in told
    assert known_tuning(here.host.host_id) is None


def test_a_later_tuning_replaces_what_was_found_and_forgetting_removes_it(here, monkeypatch, capsys):
    name = candidates("float32", here.host.caches).others[0].name
    monkeypatch.setattr(Session, "run", in_which({(name, "float32"): 1.2}))
    assert main(["tune", "--dtype", "float32"]) == 0
    assert known_tuning(here.host.host_id).found[0].is_better
    monkeypatch.setattr(Session, "run", in_which({}))
    assert main(["tune", "--dtype", "float32"]) == 0
    [found] = known_tuning(here.host.host_id).found
    assert not found.is_better
    capsys.readouterr()
    assert main(["tune", "--forget", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"forgotten": True}
    assert known_tuning(here.host.host_id) is None
    assert main(["tune", "--forget"]) == 0
    assert "nothing was kept" in capsys.readouterr().err


def test_what_can_not_be_timed_keeps_nothing_and_says_why(here, monkeypatch, capsys):
    def run(session):
        block, samples = session.blocks[0], Samples((1,), (10**7,), (0,), (0,))
        yield Measurement(Case(KERNEL, block.problem, 1), "wrong", "raised MemoryError", samples)

    monkeypatch.setattr(Session, "run", run)
    assert main(["tune"]) == 3
    assert "could not be timed (raised MemoryError); try a longer --budget" in capsys.readouterr().err
    assert known_tuning(here.host.host_id) is None


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--dtype", "int64"), "can't be tuned: does not compute in int64; ask for --dtype float64 or float32"),
        (("--dtype", "float16"), "float16"),
        (("--threads", "100000"), "ask for at most as many threads"),
        (("--threads", "0"), "is no thread count"),
        (("--budget", "5s"), "is gone before anything is decided"),
        (("--budget", "soon"), "is no duration"),
        (("--forget", "--dtype", "float64"), "leave out the other options"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_one_sentence(capsys, arguments, sentence):
    assert main(["tune", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("matbench: ")
    assert sentence in told.err


def test_explain_tells_which_blocks_are_derived_tuned_and_used(here):
    tried = candidates("float64", here.host.caches)

    def said():
        return blocks_said("float64", here.host, _ladder())

    assert said().endswith(f"{tried.derived.words}. Not tuned on this machine (matbench tune).")
    found = Tuned(
        blocks=msgspec.structs.replace(tried.others[0], name=None),
        derived=tried.derived,
        rows=tried.tile.rows,
        vectors=tried.tile.vectors,
        lanes=tried.tile.lanes,
        threads=(1,),
        sizes=(512,),
        factor=1.03,
        low=1.02,
        high=1.04,
        candidates=13,
        measured="2026-11-23T01:00:00Z",
    )
    for changes, words, used in (
        ({}, "faster by 3.0 % [2.0, 4.0] (2026-11-23); runs use these.", "tuned"),
        ({"rows": 1}, "for other caches or another register tile", "derived"),
        ({"blocks": tried.derived}, "Tuning found none faster among 13 others (2026-11-23).", "derived"),
    ):
        keep_tuning(Tuning(host_id=here.host.host_id, found=(msgspec.structs.replace(found, **changes),)))
        assert words in said()
        assert blocks_object("float64", here.host, _ladder())["used"] == used
