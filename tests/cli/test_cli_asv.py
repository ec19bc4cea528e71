"""asv's results on the command line: shown, drawn and taken in; and a run's record filed among them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from cli_driver import complains

from matbench.analyse.ladder import tabulate
from matbench.cli import asv as asv_module
from matbench.cli.asv import share_with_asv
from matbench.record.store import read_record

RECORDED = Path(__file__).parents[1] / "record" / "asv"
(NUMPY,) = (RECORDED / "numpy" / "bench-box").glob("*-*.json")
(OWN,) = (RECORDED / "own" / "testbox").glob("*-*.json")
WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")


def test_results_of_another_project_are_shown_as_times_and_speed_ups(user):
    done = user.does("show", NUMPY)
    assert done.code == 0, done.err
    assert "2, numpy.int8" in done.out
    assert "speed-up over 2, numpy.int8" in done.out
    assert "| GFLOP/s" not in done.out  # no rate is told of what is no product
    assert "2.00×" in done.out


def test_a_folder_of_asvs_is_drawn_without_being_taken_in(user):
    done = user.does("plot", RECORDED / "own", "--base", "python_lists", "-o", "figures")
    assert done.code == 0, done.err
    assert sorted(done.out.split()) == [path for path in user.files if path.startswith("figures/")]
    assert {"figures/speedup-float64.png", "figures/rate-float64.svg"} <= set(user.files)
    assert not user.records


def test_results_are_taken_in_once_and_then_are_a_record(user):
    first = user.does("import", "--from", "asv", RECORDED / "scipy")
    assert first.code == 0, first.err
    (path,) = user.records
    assert first.out.strip() == str(path.relative_to(user.folder))
    again = user.does("import", RECORDED / "scipy")
    assert (again.code, again.out) == (0, first.out)
    done = user.does("plot", path.stem, "--kind", "speedup")
    assert done.code == 0, done.err


NO_TIMES = '{"version": 2, "commit_hash": "ff", "params": {}, "result_columns": [], "results": {}}'


@pytest.mark.parametrize("broken", ["{", NO_TIMES])
def test_a_folder_with_one_broken_result_is_taken_in_not_at_all(user, broken):
    shutil.copytree(RECORDED / "scipy", user.folder / "theirs")
    (machine,) = (user.folder / "theirs").glob("*/machine.json")
    (machine.parent / "ffffffff-other.json").write_text(broken)
    complains(user.does("import", "theirs"), "ffffffff-other.json")
    assert not user.records


def test_raw_samples_go_out_and_come_back(user, tiny):
    shutil.copy(tiny.path, user.folder / "a.jsonl")
    assert user.does("export", "a.jsonl", "--to", "samples", "-o", "a.csv").code == 0
    done = user.does("import", "a.csv")
    assert done.code == 0, done.err
    (path,) = user.records
    there, here = (
        [
            msgspec.structs.replace(each, machine_code=None)
            for each in read_record(one).measurements
            if each.samples.loops
        ]
        for one in (tiny.path, path)  # what a kernel was compiled to is no sample
    )
    assert here == there


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("import", "--from", "csv", NUMPY),
            "no format 'csv' to import from; there are: record, page, samples, asv, bundle",
        ),
        (("import", "--from", "asv", NUMPY.parent / "machine.json"), "is no result file of asv's"),
        (("import", "--from", "asv", "nothing.json"), "there is no such file"),
        (("import", "--from", "samples", NUMPY), "lacks the column"),
        (("import", "--from", "asv", NUMPY, "--base", "x"), "no kernel 'x' among them"),
        (("show", NUMPY.parent.parent / "benchmarks.json"), "is no result file of asv's"),
        (("export", OWN, "--to", "asv"), "there is no asv.conf.json here"),
    ],
)
def test_what_cannot_be_taken_in_is_one_sentence(user, words, said):
    complains(user.does(*words), said)
    assert not user.files


# -- after a run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A clone of something that looks like our suite, with one commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "clone"
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks" / "bench_matmul.py").touch()
    (folder / "asv.conf.json").write_text('{"version": 1, "repo": ".", "results_dir": "results/asv"}')
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *WHO, *words], cwd=folder, check=True)
    return folder


def shared(run, folder, capsys):
    record = read_record(run.path)
    share_with_asv(record, tabulate(record), folder / "results")
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_after_a_run_in_a_checkout_the_record_is_among_asvs_results(tiny, checkout, capsys):
    pytest.importorskip("asv", reason='needs asv; pip install "asv>=0.6.5,<0.7"')
    assert shared(tiny, checkout, capsys).startswith("asv:     ")
    (path,) = (checkout / "results" / "asv").glob("*/*-matbench-*.json")
    record = asv_module.read_project(checkout / "asv.conf.json").commit[:8]
    assert path.name.startswith(record)


@pytest.mark.parametrize("missing", ["asv.conf.json", "benchmarks/bench_matmul.py"])
def test_elsewhere_nothing_is_written_and_nothing_said(tiny, checkout, capsys, missing):
    (checkout / missing).unlink()
    assert shared(tiny, checkout, capsys) == ""
    assert not (checkout / "results").exists()


def test_where_it_cannot_be_filed_one_line_says_why(tiny, checkout, capsys):
    shutil.rmtree(checkout / ".git")
    said = shared(tiny, checkout, capsys)
    assert said.startswith("not filed for asv: ")
    assert said.count("\n") == 1
    assert not (checkout / "results").exists()
