"""``matbench tune``: said before, tried, proved in fresh processes, kept for this machine, forgotten on demand."""

from __future__ import annotations

import json
import tempfile
from itertools import product

import msgspec
import pytest

from matbench.cli.main import main
from matbench.cli.tune import blocks_object, blocks_said
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
        turns = tuple(product(range(min(most, session.processes)), range(3)))
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


def test_what_is_kept_tells_the_processes_that_were_sampled_not_those_that_were_planned(here, monkeypatch, capsys):
    name = candidates("float64", here.host.caches).others[0].name
    monkeypatch.setattr(Session, "run", in_which({(name, "float64"): 1.2}, most=5))
    assert main(["tune", "--dtype", "float64"]) == 0
    assert "looked faster, but is not so beyond doubt" in capsys.readouterr().err
    [found] = known_tuning(here.host.host_id).found
    assert not found.is_better
    assert found.processes == 5


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
