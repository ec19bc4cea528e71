"""`matbench compare` from what is named to the exit code."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from cli_driver import complains
from compare_examples import ladder, measured, other, record

from matbench.cli import compare_sources
from matbench.errors import RecordError
from matbench.model import Conditions, Record
from matbench.pairing import NoiseFloor
from matbench.record.islands import island
from matbench.record.listing import Wanted
from matbench.record.noise import keep_noise
from matbench.record.store import find_records, keep_record, read_record

ROOT = Path(__file__).parents[2]


@pytest.fixture
def processes():
    """What reads many records."""
    with closing(compare_sources.Processes()) as made:
        yield made


@pytest.mark.usefixtures("results")
def test_two_machines_are_compared_by_their_labels(told):
    code, out, _ = told("compare", "quiet-heron", "loud-magpie")
    assert code == 0
    assert "2 runs of 2 machines" in out
    assert "the base is quiet-heron" in out


def test_files_ids_and_folders_can_be_named(results, told):
    path = next(results.glob("records/loud-magpie/*.jsonl"))
    for arguments in (
        ("20251120T161203Z-3f9a1c", path),
        ("20251120", "20251123"),
        (results / "records" / "quiet-heron",),
        (results, "--machine", "quiet*"),
        ("--cpu", "epyc"),
    ):
        code, out, err = told("compare", *arguments)
        assert code == 0, err
        assert "2 runs" in out


@pytest.mark.usefixtures("results")
def test_all_in_the_results_folder_are_compared_where_nothing_is_named(told):
    code, out, _ = told("compare")
    assert code == 0
    assert "3 runs of 2 machines" in out


@pytest.mark.usefixtures("results")
def test_a_misspelt_folder_is_guessed_where_folders_can_be_named(told):
    said = {command: told(command, "reslts")[::2] for command in ("compare", "show")}
    assert {code for code, _ in said.values()} == {2}
    assert said["compare"][1].endswith("did you mean 'results'?\n")
    assert "did you mean" not in said["show"][1]


@pytest.mark.usefixtures("results")
def test_the_latest_of_each_machine_can_be_asked_for(told):
    _, out, _ = told("compare", "--latest", "--format", "json")
    assert [run["created"][8:10] for run in json.loads(out)["runs"]] == ["21", "23"]


@pytest.mark.parametrize("baseline", ["loud-magpie", "20251123T161203Z-77aa00", "20251123"])
@pytest.mark.usefixtures("results")
def test_the_baseline_is_found_by_machine_id_or_its_beginning(told, baseline):
    _, out, _ = told("compare", "--baseline", baseline, "--format", "json")
    assert json.loads(out)["base"] == "loud-magpie"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("quiet-heron",), "one run alone"),
        (("quiet-heron", "quiet-heron"), "one run alone"),
        (("--baseline", "nobody"), "no run 'nobody'"),
        (("--baseline", "2025"), "begins several"),
        (("--by", "colour"), "kernel, n, threads"),
        (("--format", "pdf"), "text, md, csv, json, html"),
        (("--dtype", "float16"), "float64"),
        (("--dtype", "int64"), "element types there are"),
        (("--size", "7"), "such cells"),
        (("--machine", "nobody*"), "loosen --machine"),
        (("nowhere", "quiet-heron"), "no file, record or machine"),
    ],
)
@pytest.mark.usefixtures("results")
def test_what_can_not_be_compared_is_one_sentence(told, arguments, word):
    code, out, err = told("compare", *arguments)
    (sentence,) = [line for line in err.splitlines() if line.startswith("matbench: ")]
    assert (code, out) == (2, "")
    assert word in sentence


def test_a_truncated_record_among_three_is_left_out_with_a_warning(results, told):
    path = next(results.glob("records/loud-magpie/*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{broken\n", *lines[2:]]))
    code, out, err = told("compare", results)
    assert code == 0
    assert "line 2" in err
    assert "2 runs of one machine" in out


def test_a_bundle_and_a_page_stand_for_the_records_in_them(results, told):
    assert told("export", "--bundle", "all.bundle", "--results", results)[0] == 0
    code, out, err = told("compare", "all.bundle")
    assert code == 0, err
    assert "3 runs of 2 machines" in out
    Path("page.html").write_text(f"<!doctype html>{island(other())}", encoding="utf-8")
    code, out, err = told("compare", "quiet-heron", "page.html")
    assert code == 0, err
    assert "2 runs of 2 machines" in out


@pytest.mark.parametrize("name", ["all.bundle", "all.html"])
def test_of_a_file_of_several_no_more_than_one_record_is_held(results, told, processes, monkeypatch, name):
    assert told("export", "--bundle", "all.bundle", "--results", results)[0] == 0
    stored = [read_record(path) for path in find_records(results)]
    Path("all.html").write_text("<!doctype html>" + "".join(map(island, stored)), encoding="utf-8")
    sources = compare_sources.named_sources([name], results, Wanted(), processes, latest=True)
    assert not any(isinstance(value, Record) for source in sources for value in vars(source).values())
    runs = compare_sources.reduced(sources, processes)
    assert [run.header.id for run in runs] == [source.header.id for source in sources]
    monkeypatch.setattr(compare_sources, "_runs_in", lambda _: iter(()))
    with pytest.raises(RecordError, match=f"{name} changed while it was read"):
        compare_sources.reduced(sources, processes)


def test_a_run_above_its_roof_is_set_aside_and_said(results, told):
    keep_record(
        record(
            mark="bad001", machine="liar", host_id="cc33", measurements=(*ladder(), measured("numba_ikj", 512, 1e-4))
        ),
        results,
    )
    code, out, err = told("compare", results)
    assert code == 0
    assert "liar is set aside: INVALID" in err
    assert "3 runs" in out


@pytest.mark.parametrize(("spins", "is_used"), [({}, True), ({"KMP_BLOCKTIME": "2"}, False), (None, False)])
@pytest.mark.usefixtures("results")
def test_a_noise_floor_of_when_threads_spun_otherwise_is_not_used_and_that_is_said(told, spins, is_used):
    measured_at = "2025-11-22T16:12:03Z"
    keep_noise(NoiseFloor(host_id="aa11", floor=0.3, comparisons=6, measured=measured_at, spins=spins))
    _, out, err = told("compare", "quiet-heron", "loud-magpie", "--format", "json")
    drifts = [drift for run in json.loads(out)["runs"] for drift in run["drifts"]]
    assert drifts
    assert all((drift["size"] == 0.3 and "noise floor" in drift["reason"]) == is_used for drift in drifts)
    (*_, said) = ["", *(line for line in err.splitlines() if "noise floor" in line)]
    assert ("not used for quiet-heron:" in said) == (not is_used)
    assert ("matbench doctor --noise" in said) == (not is_used)


@pytest.mark.usefixtures("results")
def test_strict_exits_with_1_where_something_is_slower(told):
    assert told("compare", "quiet-heron", "loud-magpie", "--strict")[0] == 1
    assert told("compare", "loud-magpie", "quiet-heron", "--strict")[0] == 0
    assert told("compare", "quiet-heron", "loud-magpie")[0] == 0


def test_a_run_that_was_throttled_is_no_base_unless_it_is_asked_for(results, told):
    stolen = Conditions(steal_ticks=0, total_ticks=0), Conditions(steal_ticks=30, total_ticks=100)
    robbed = {"conditions": stolen[0], "in_the_end": stolen[1]}
    keep_record(record(mark="aaa001", machine="stolen", host_id="dd44", day=1, **robbed), results)
    code, out, err = told("compare", results, "--format", "json")
    assert code == 0, err
    assert json.loads(out)["base"] != "stolen"
    assert "the base is quiet-heron" in err
    assert "--baseline takes another" in err
    assert json.loads(told("compare", results, "--format", "json", "--baseline", "stolen")[1])["base"] == "stolen"


def test_strict_exits_with_1_where_a_run_was_throttled(results, told):
    stolen = Conditions(steal_ticks=0, total_ticks=0), Conditions(steal_ticks=30, total_ticks=100)
    keep_record(other(mark="stolen", machine="robbed", conditions=stolen[0], in_the_end=stolen[1]), results)
    assert told("compare", "loud-magpie", "robbed", "--strict")[0] == 1


@pytest.mark.parametrize(
    ("name", "begins"), [("a.md", "# Comparison"), ("a.csv", "run,"), ("a.json", "{"), ("a.html", "<!doctype html>")]
)
def test_the_format_follows_the_name_of_the_file(results, told, name, begins):
    code, out, _ = told("compare", "-o", name)
    assert code == 0
    assert out.strip() == name
    assert (results.parent / name).read_text("utf-8").startswith(begins)


@pytest.mark.usefixtures("results")
def test_a_page_goes_to_a_file_of_its_own(told):
    code, out, _ = told("compare", "--format", "html")
    assert (code, out.strip()) == (0, "comparison.html")


def test_results_of_asv_are_compared_and_said_to_be_what_they_are(results, told):
    code, out, err = told("compare", ROOT / "results" / "asv", "--results", results)
    assert code == 0, err
    assert "Results of asv tell no conditions" in out


def test_of_results_of_asv_none_is_held_and_each_is_read_when_its_turn_comes(results, processes):
    sources = compare_sources.named_sources([str(ROOT / "results" / "asv")], results, Wanted(), processes)
    assert len(sources) > 1
    assert all(source.is_asv and source.path.suffix == ".json" for source in sources)
    assert not any(isinstance(value, Record) for source in sources for value in vars(source).values())
    runs = compare_sources.reduced(sources, processes)
    assert [run.header.id for run in runs] == [source.header.id for source in sources]


def test_a_file_of_asv_that_is_gone_by_its_turn_is_one_sentence(results, processes, tmp_path):
    folder = shutil.copytree(ROOT / "results" / "asv", tmp_path / "asv")
    sources = compare_sources.named_sources([str(folder)], results, Wanted(), processes)
    sources[0].path.unlink()
    with pytest.raises(RecordError, match="there is no such file"):
        compare_sources.reduced(sources, processes)


def test_the_command_runs_as_a_process_of_its_own(user):
    complains(user.does("compare"), "run `matbench run` first")
