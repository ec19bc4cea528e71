"""Where asv's settings, results and commits are, and the one sentence where one of them is missing."""

from __future__ import annotations

import os
import subprocess

import pytest

pytest.importorskip("asv", reason='needs asv; pip install "asv>=0.6.5,<0.7"')

from matbench.errors import MatbenchError, UsageError
from matbench.record.asv_project import find_settings, holds_suite, read_project

SETTINGS = """{
    // comments are asv's habit
    "version": 1, "project": "x", "repo": ".", "results_dir": "results/asv",
}"""
WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")


def git(folder, *arguments):
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with settings that is in no repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = tmp_path / "work"
    made.mkdir()
    (made / "asv.conf.json").write_text(SETTINGS)
    return made


@pytest.fixture
def clone(folder):
    """The same with a commit."""
    git(folder, "init", "-q")
    (folder / "code.py").write_text("1")
    (folder / "results").mkdir()
    (folder / "results" / "old.json").write_text("{}")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first", "--date", "2026-11-22T16:00:00Z")
    return folder


def test_the_commit_is_that_of_the_work_tree(clone):
    project = read_project(clone / "asv.conf.json")
    assert project.commit == git(clone, "rev-parse", "HEAD")
    assert project.committed_ms == 1_795_363_200_000
    assert project.results == clone / "results" / "asv"
    assert not project.is_changed


def test_a_changed_file_is_seen_but_new_files_and_results_are_not(clone):
    (clone / "new.py").write_text("2")
    (clone / "results" / "old.json").write_text("[]")
    assert not read_project(clone / "asv.conf.json").is_changed
    (clone / "code.py").write_text("2")
    assert read_project(clone / "asv.conf.json").is_changed


def test_variables_that_name_another_repository_are_not_followed(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert len(read_project(clone / "asv.conf.json").commit) == 40


def test_outside_of_a_repository_it_is_one_sentence(folder):
    with pytest.raises(UsageError, match=r"work is no git work tree, .*; repeat it in a clone") as caught:
        read_project(folder / "asv.conf.json")
    assert "\n" not in str(caught.value)


def test_without_a_commit_it_is_one_sentence(folder):
    git(folder, "init", "-q")
    with pytest.raises(UsageError, match=r"has no commit yet, .*; make one with `git commit`"):
        read_project(folder / "asv.conf.json")


def test_without_git_it_is_one_sentence(clone, monkeypatch):
    monkeypatch.setenv("PATH", str(clone))
    with pytest.raises(UsageError, match="install git"):
        read_project(clone / "asv.conf.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"version": 1}', '{"version": 7, "repo": "."}', '{"repo": "."}'])
def test_settings_that_asv_cannot_use_are_one_sentence(clone, text):
    (clone / "asv.conf.json").write_text(text)
    with pytest.raises(MatbenchError) as caught:
        read_project(clone / "asv.conf.json")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_settings_that_are_a_pipe_are_refused_at_once(clone):
    (clone / "asv.conf.json").unlink()
    os.mkfifo(clone / "asv.conf.json")
    with pytest.raises(MatbenchError, match="pipe"):
        read_project(clone / "asv.conf.json")


def test_settings_are_found_in_the_folders_above(clone, tmp_path):
    deep = clone / "results" / "records"
    assert find_settings(deep) == clone / "asv.conf.json"
    assert find_settings(tmp_path) is None


def test_our_suite_is_known_by_its_benchmarks(clone):
    assert not holds_suite(clone / "asv.conf.json")
    (clone / "benchmarks").mkdir()
    (clone / "benchmarks" / "bench_matmul.py").touch()
    assert holds_suite(clone / "asv.conf.json")
