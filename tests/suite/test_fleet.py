"""The tool that makes up machines and measures how reading them grows."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.statistics import processes_of
from matbench.errors import UsageError
from matbench.measure.presets import preset
from matbench.record.listing import list_files, run_files

TOOLS = Path(__file__).parents[2] / "tools"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def tool(monkeypatch):
    """A module of tools/ by name."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


@pytest.fixture
def tiny(tool):
    """Two whole synthetic machines."""
    return list(tool("fleet_records").records(2, 500, seed=1))


def test_each_machine_has_as_many_measurements_as_asked_for(tool, tiny):
    assert [len(each.measurements) for each in tiny] == [500, 500]
    assert len(next(tool("fleet_records").records(1, 7, seed=1)).measurements) == 7


def test_cases_are_sampled_in_as_many_processes_as_those_of_a_real_run(tiny):
    standard = preset("standard")
    taken = [measured.samples for each in tiny for measured in each.measurements if len(measured.samples)]
    counts = Counter(map(processes_of, taken))
    assert counts[standard.processes] > 0.9 * len(taken)
    assert set(counts) <= {1, standard.processes // 2, standard.processes}
    assert max(map(len, taken)) <= standard.rounds
    assert all(len(set(zip(each.process, each.round, strict=True))) == len(each) for each in taken)


def test_no_machine_is_like_another(tiny):
    first, second = tiny
    assert first.header.host != second.header.host
    assert first.header.id != second.header.id
    assert first.measurements != second.measurements


def test_made_up_machines_are_plausible_and_have_every_figure(tiny):
    for each in tiny:
        assert implausible(each, NOW) == ()
        rows = [row for row in tabulate(each).rows if row.seconds is not None]
        assert len(rows) > 400
        assert all(0 < row.peak_fraction <= 1 for row in rows if row.peak_fraction is not None)


def test_nothing_of_a_made_up_machine_passes_for_a_real_one(tiny):
    for each in tiny:
        header = each.header
        told = (header.machine, header.host.cpu.brand, header.plan.preset, header.host.host_id, header.kernels[0].idea)
        assert all("synthetic" in text.lower() for text in told)


def test_records_are_written_to_a_new_folder_only(tool, tmp_path):
    fleet = tool("fleet")
    fleet.written(tmp_path / "results", 2, 5, seed=1)
    listed, refused = list_files(run_files(tmp_path / "results"))
    assert ([each.cases for each in listed], refused) == ([5, 5], ())
    with pytest.raises(UsageError, match="there is something in results already"):
        fleet.written(tmp_path / "results", 2, 5, seed=1)
    with pytest.raises(UsageError, match="results/ is for machines that exist"):
        fleet.written(fleet.ROOT / "results" / "records", 2, 5, seed=1)


def test_the_growth_is_told_for_every_command_and_number_of_machines(tool, monkeypatch):
    fleet = tool("fleet")
    took = iter(range(1, 1000))
    monkeypatch.setattr(fleet, "timed", lambda _: (float(next(took)), 2**20))
    monkeypatch.setattr(fleet.subprocess, "run", lambda command, **_: fleet.main(command[2:]))
    said = []
    found = fleet.growth((2, 3), 5, said.append)
    names = [name for name, _ in fleet.commands(Path("x"))]
    assert [(each.machines, each.command) for each in found.readings] == [(n, name) for n in (2, 3) for name in names]
    assert found.readings[0].seconds == (1.0, 2.0, 3.0)
    assert found.bytes["3"] > found.bytes["2"] > 0
    assert msgspec.json.decode(msgspec.json.encode(found), type=fleet.Growth) == found
    page = fleet.to_markdown(found)
    assert "| `records`" in page
    assert "| 2 machines |" in page
    assert "so many were not read here" in page
    assert len(said) == 2 * (1 + len(names))


@pytest.mark.parametrize(("seconds", "peak_bytes", "said"), [
    ((1.0, 9.0, 4.9), 2**30, "no command took more"),
    ((4.0, 5.1, 5.2), 2**20, "more was taken by `compare`"),
    ((1.0, 1.0, 1.0), 2**30 + 1, "more was taken by `compare`"),
])  # fmt: skip
def test_a_promise_that_is_broken_stands_on_the_page(tool, seconds, peak_bytes, said):
    fleet = tool("fleet")
    readings = (fleet.Reading(1000, "compare", seconds, peak_bytes), fleet.Reading(10, "records", (9.0,) * 3, 2**31))
    found = fleet.Growth(created="x", machine="x", measurements=500, bytes={}, readings=readings)
    assert fleet.kept(found) == said


def test_a_command_that_fails_is_told(tool, tmp_path):
    with pytest.raises(UsageError, match=r"matbench records fails: .*there is no record under"):
        tool("fleet").timed(["records", "--results", str(tmp_path)])


def test_a_command_is_timed_with_its_memory(tool):
    seconds, peak_bytes = tool("fleet").timed(["--version"])
    assert seconds > 0
    assert peak_bytes > 2**20  # a child inherits the peak of its parent: of a large one nothing more can be said
