"""``matbench doctor --noise``: measured, kept for this machine, told, and used by every verdict to come."""

from __future__ import annotations

import json
import math

import pytest

from matbench import noise
from matbench.analyse.pairs import verdicts
from matbench.cli import machine
from matbench.cli.main import main
from matbench.comparison import Asked, pair_header, settings_for
from matbench.errors import IncompleteError
from matbench.kernels import default_registry
from matbench.measure.pairs import PairSession
from matbench.model import Problem
from matbench.pairing import Cell, NoiseFloor, PairBlock, PairProcess, PairRecord, Sample
from matbench.record.here import Machine
from matbench.record.noise import keep_noise
from matbench.spinning import spins_of

pytestmark = pytest.mark.xdist_group("measure")  # a series takes the lock of this machine


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A user's data folder of the test's own."""
    for name in ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def here():
    return Machine()


def floor_of(here, **fields):
    """A floor as it is measured here and now, but for some fields."""
    spins = spins_of(here.environment.variables)
    measured_at = "2026-11-22T16:12:03Z"
    values = {"floor": 0.05, "comparisons": 6, "measured": measured_at, "spins": spins}
    return NoiseFloor(host_id=here.host.host_id, **(values | fields))


def measured(apart, count=12):
    """A series in which B, a clone of A, takes `apart` times as long."""

    def run(session):
        times = {"a": 10**8, "c": 10**8, "b": round(apart * 10**8)}
        samples = tuple(Sample(arm, times[arm], times[arm], 0, 0, 0) for arm in ("a", "c", "b", "b", "c", "a"))
        blocks = (
            PairBlock(cell, process, 0, 1, samples)
            for cell in range(len(session.header.cells))
            for process in range(count)
        )
        processes = tuple(PairProcess(process, seed=0) for process in range(count))
        session.record = PairRecord(session.header, processes, tuple(blocks))
        return iter(())

    return run


def test_the_largest_difference_is_kept_with_the_machine_and_told(home, monkeypatch, capsys, here):
    monkeypatch.setattr(PairSession, "run", measured(1.004))
    if here.host.host_id == "unknown":
        pytest.skip("this machine can't be told from others")
    assert main(["doctor", "--noise", "--json"]) == 0
    out, err = capsys.readouterr()
    [told] = [each for each in json.loads(out) if each["subject"] == "noise"]
    assert told["level"] == "ok"
    assert "0.40 %" in told["saw"]
    assert "comparing identical code with itself" in err
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert "noise: identical code differs by up to 0.40 % here (6 comparisons" in out
    assert "--noise" not in err
    assert list(home.rglob("noise-*.json"))


def test_what_is_kept_is_the_floor_of_every_verdict_to_come(home, here):
    assert home.is_dir()
    keep_noise(floor_of(here))
    cells = (Cell(Problem(8, 8, 8), 1, "x", "y"),)
    header = pair_header(Asked(cells, (), settings_for(1), "matbench pair x y"), here)
    assert header.floor == 0.05
    fake = type("Session", (), {"header": header})()
    measured(1.03)(fake)
    [verdict] = verdicts(fake.record)
    assert verdict.word == "INCONCLUSIVE"
    assert verdict.floor == pytest.approx(math.expm1(0.05))


def test_a_floor_of_when_threads_spun_otherwise_is_none_to_a_verdict(home, here):
    assert home.is_dir()
    spins = spins_of(here.environment.variables)
    asked = Asked((Cell(Problem(8, 8, 8), 1, "x", "y"),), (), settings_for(1), "matbench pair x y")
    for told, floor in ((spins, 0.05), ({**spins, "KMP_BLOCKTIME": "12345"}, None), (None, None)):
        keep_noise(floor_of(here, spins=told))
        assert pair_header(asked, here).floor == floor


def test_the_doctor_tells_a_floor_of_when_threads_spun_otherwise_and_what_to_type(home, here, capsys):
    assert home.is_dir()
    if here.host.host_id == "unknown":
        pytest.skip("this machine can't be told from others")
    keep_noise(floor_of(here, spins={"KMP_BLOCKTIME": "12345"}))
    assert main(["doctor", "--json"]) == 0
    [told] = [each for each in json.loads(capsys.readouterr().out) if each["subject"] == "noise"]
    assert (told["level"], told["remedy"]) == ("warning", "matbench doctor --noise")
    assert "the floor of 2026-11-22 was measured while idle threads spun otherwise, and is not used" in told["saw"]
    keep_noise(floor_of(here))
    main(["doctor", "--json"])
    [told] = [each for each in json.loads(capsys.readouterr().out) if each["subject"] == "noise"]
    assert "identical code differs by up to 5.1 %" in told["saw"]


def test_a_series_of_which_nothing_is_left_keeps_nothing(home, monkeypatch, capsys):
    monkeypatch.setattr(PairSession, "run", measured(1.0, count=0))
    assert main(["doctor", "--noise"]) == IncompleteError.exit_code
    assert "quieter hour" in capsys.readouterr().err
    assert not list(home.rglob("noise-*.json"))


def test_a_machine_that_can_not_be_told_from_others_has_no_noise_of_its_own(monkeypatch, capsys):
    class Unknown:
        host = type("Host", (), {"host_id": "unknown"})

    monkeypatch.setattr(machine, "Machine", Unknown)
    assert main(["doctor", "--noise"]) == 2
    assert "can't be told from others" in capsys.readouterr().err


def test_without_a_series_the_doctor_names_the_command(home, capsys):
    assert home.is_dir()
    main(["doctor"])
    assert "matbench doctor --noise" in capsys.readouterr().err


def test_a_short_series_is_measured_for_real(home, here, monkeypatch):
    assert home.is_dir()
    monkeypatch.setattr(noise, "SERIES_S", 5.0)
    monkeypatch.setattr(noise, "SERIES", (("numpy_matmul", 8), ("gone", 8)))
    try:
        found = noise.measured_noise(here, default_registry())
    except IncompleteError:
        return  # a machine as busy as that has told so
    assert 0 < found.floor < 1
    assert found.spins == spins_of(here.environment.variables)
    assert found.comparisons == 2
