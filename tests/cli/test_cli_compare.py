"""`matbench compare` from what is named to the exit code."""

from __future__ import annotations

import json
import shutil
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_driver import complains
from compare_examples import ladder, measured, other, record

from matbench.cli import compare_sources
from matbench.cli.main import main
from matbench.errors import RecordError, UsageError
from matbench.model import Conditions, Record
from matbench.pairing import NoiseFloor
from matbench.record.islands import island
from matbench.record.listing import Wanted
from matbench.record.noise import keep_noise
from matbench.record.store import find_records, keep_record, read_record

ROOT = Path(__file__).parents[2]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder with two machines, the first measured twice; the working folder is the one above."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for each in (record(day=20), record(day=21, mark="000001"), other()):
        keep_record(each, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def told(capsys):
    """Run a command; its exit code, what it printed and what it complained of."""

    def run(*arguments):
        code = main([str(each) for each in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


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
def test_of_a_file_of_several_no_more_than_one_record_is_held(results, told, monkeypatch, name):
    assert told("export", "--bundle", "all.bundle", "--results", results)[0] == 0
    stored = [read_record(path) for path in find_records(results)]
    Path("all.html").write_text("<!doctype html>" + "".join(map(island, stored)), encoding="utf-8")
    sources = compare_sources.named_sources([name], results, Wanted(), latest=True)
    assert not any(isinstance(value, Record) for source in sources for value in vars(source).values())
    runs = compare_sources.reduced(sources)
    assert [run.header.id for run in runs] == [source.header.id for source in sources]
    monkeypatch.setattr(compare_sources, "_runs_in", lambda _: iter(()))
    with pytest.raises(RecordError, match=f"{name} changed while it was read"):
        compare_sources.reduced(sources)


def test_many_records_are_read_by_several_processes_in_their_order(results, told, monkeypatch):
    next(results.glob("records/quiet-heron/20251121*")).write_bytes(b"")
    keep_record(other(mark="000002", machine="third", day=24), results)
    monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", 2)
    code, out, err = told("compare", results, "--format", "json")
    assert code == 0
    assert [run["machine"] for run in json.loads(out)["runs"]] == ["quiet-heron", "loud-magpie", "third"]
    assert "is empty" in err
    assert "held against its roof" in err


class Processes:
    """A pool that reads so many records, here, and then breaks; `done` is what was asked of it."""

    def __init__(self, reads=0, error=BrokenProcessPool):
        self.reads, self.error, self.done = reads, error, []

    def submit(self, function):
        self.done.append(function.__name__)

    def map(self, function, *columns, chunksize):
        assert chunksize > 1
        for row in islice(zip(*columns, strict=True), self.reads):
            yield function(*row)
        raise self.error

    def shutdown(self, *, wait, cancel_futures):
        assert (wait, cancel_futures) == (False, True)
        self.done.append("shutdown")

    def children(self):
        return [SimpleNamespace(terminate=lambda: self.done.append("ended")) for _ in range(2)]


ENDED = ["begun", "begun", "shutdown", "ended", "ended"]


@pytest.fixture
def pool(monkeypatch):
    """More than two records are read by processes that are played, on a machine with two processors."""

    def of(*arguments):
        made = Processes(*arguments)
        monkeypatch.setattr(compare_sources, "ProcessPoolExecutor", lambda *_, **__: made)
        monkeypatch.setattr(compare_sources, "active_children", made.children)
        return made

    monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", 2)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    yield of
    assert not compare_sources._pool.cache_info().currsize


@pytest.mark.parametrize("error", [BrokenProcessPool, MemoryError])
@pytest.mark.parametrize("reads", [0, 2])
def test_where_a_process_dies_this_one_reads_the_rest_and_nothing_is_lost(results, told, pool, reads, error):
    keep_record(other(mark="000002", machine="third", day=24), results)
    made = pool(reads, error)
    code, out, err = told("compare", results, "--format", "json")
    assert code == 0, err
    assert [run["machine"] for run in json.loads(out)["runs"]] == ["quiet-heron", "quiet-heron", "loud-magpie", "third"]
    assert "warning: a process that reads records died or ran out of memory; this one goes on alone" in err
    assert made.done == ENDED


def test_processes_that_died_at_once_are_not_waited_for(results, told, pool, monkeypatch):
    def dead(*_):
        raise BrokenProcessPool

    monkeypatch.setattr(Processes, "submit", dead)
    pool()
    code, out, err = told("compare", results)
    assert code == 0, err
    assert "3 runs of 2 machines" in out


@pytest.mark.parametrize("named", [("--machine", "quiet*"), ("--latest",), ("all.bundle",)])
def test_processes_that_are_not_needed_after_all_are_let_go_before_anything_is_read(
    results, told, pool, monkeypatch, named
):
    assert told("export", "--bundle", "all.bundle", "--results", results)[0] == 0
    if named == ("all.bundle",):
        keep_record(other(mark="000002", machine="third", day=24), results)
    made = pool()
    for name in ("of_file", "of_record"):
        real = getattr(compare_sources, name)
        monkeypatch.setattr(compare_sources, name, lambda *a, real=real, **k: made.done.append("read") or real(*a, **k))
    assert told("compare", results, *named)[0] == 0
    assert made.done[: len(ENDED)] == ENDED
    assert set(made.done[len(ENDED) :]) == {"read"}


def test_processes_begin_before_the_headers_are_read_and_only_for_many_records(results, monkeypatch):
    done = []
    monkeypatch.setattr(compare_sources, "_pool", lambda: done.append("processes"))
    monkeypatch.setattr(compare_sources, "list_files", lambda paths: done.append(len(paths)) or ((), ()))
    for most in (100, 2):
        monkeypatch.setattr(compare_sources, "WHOLLY_CHECKED", most)
        with pytest.raises(UsageError, match="no runs"):
            compare_sources.named_sources([str(results)], results, Wanted())
    assert done == [3, "processes", 3]


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


def test_of_results_of_asv_none_is_held_and_each_is_read_when_its_turn_comes(results):
    sources = compare_sources.named_sources([str(ROOT / "results" / "asv")], results, Wanted())
    assert len(sources) > 1
    assert all(source.is_asv and source.path.suffix == ".json" for source in sources)
    assert not any(isinstance(value, Record) for source in sources for value in vars(source).values())
    assert [run.header.id for run in compare_sources.reduced(sources)] == [source.header.id for source in sources]


def test_a_file_of_asv_that_is_gone_by_its_turn_is_one_sentence(results, tmp_path):
    folder = shutil.copytree(ROOT / "results" / "asv", tmp_path / "asv")
    sources = compare_sources.named_sources([str(folder)], results, Wanted())
    sources[0].path.unlink()
    with pytest.raises(RecordError, match="there is no such file"):
        compare_sources.reduced(sources)


def test_the_command_runs_as_a_process_of_its_own(user):
    complains(user.does("compare"), "run `matbench run` first")
