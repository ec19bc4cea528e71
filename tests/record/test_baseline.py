"""Baselines: a checkout, a revision, an environment; and what is none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matbench.errors import RecordError, UsageError
from matbench.record import baseline
from matbench.record.baseline import Baseline, Library, baseline_at, may_be_baseline, other_libraries, work_tree
from matbench.record.gates import GateTable, read_gate


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a tagged commit, another one after it, and a change that is in none."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "project"
    (folder / "src" / "pkg").mkdir(parents=True)
    (folder / "src" / "pkg" / "__init__.py").write_text("VERSION = 1\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "tag", "v1.0")
    (folder / "src" / "pkg" / "__init__.py").write_text("VERSION = 2\n", encoding="utf-8")
    git(folder, "commit", "--quiet", "-a", "-m", "two")
    (folder / "src" / "pkg" / "__init__.py").write_text("VERSION = 3\n", encoding="utf-8")
    monkeypatch.chdir(folder / "src")
    return folder


def state(folder):
    """What git says of a work tree."""
    said = subprocess.run(["git", "-C", str(folder), "status", "--short"], check=True, capture_output=True, text=True)
    trees = subprocess.run(["git", "-C", str(folder), "worktree", "list"], check=True, capture_output=True, text=True)
    return said.stdout, trees.stdout


@pytest.mark.parametrize(("reference", "version"), [("v1.0", 1), ("HEAD~1", 1), ("HEAD", 2)])
def test_a_revision_is_written_beside_the_work_tree_which_stays_as_it_is(repository, reference, version):
    before = state(repository)
    with baseline_at(reference, lambda: "pkg") as found:
        text = (found.roots[0] / "pkg" / "__init__.py").read_text()
        assert text == f"VERSION = {version}\n"
        assert found.name == reference
        assert len(found.identity) == 16
        assert found.tree is not None
        kept = found.tree
    assert not kept.exists()
    assert state(repository) == before
    assert work_tree() == repository.resolve()


def test_a_checkout_is_taken_as_it_lies_there(repository, tmp_path):
    (tmp_path / "flat").mkdir()
    with baseline_at(str(repository), lambda: "pkg") as found:
        assert found.roots == (repository / "src", repository)
        assert found.name == "project"
    with baseline_at(str(tmp_path / "flat"), lambda: "pkg") as found:
        assert found.roots == (tmp_path / "flat",)
        assert len(found.identity) == 16


def identity_of(folder):
    with baseline_at(str(folder), lambda: "pkg") as found:
        return found.identity


def test_a_checkout_is_its_commit_only_while_nothing_in_it_is_changed(repository):
    changed = identity_of(repository)
    module = repository / "src" / "pkg" / "__init__.py"
    module.write_text("VERSION = 4\n", encoding="utf-8")
    other = identity_of(repository)
    git(repository, "checkout", "--quiet", "HEAD", "--", ".")
    with baseline_at("HEAD", lambda: "pkg") as found:
        assert identity_of(repository) == found.identity
    (repository / "src" / "new.py").touch()
    assert len({changed, other, found.identity, identity_of(repository)}) == 4


def test_a_folder_without_a_commit_of_its_own_is_told_by_its_code_and_not_by_its_place(repository, tmp_path):
    git(repository, "checkout", "--quiet", "HEAD", "--", ".")
    with baseline_at("HEAD", lambda: "pkg") as found:
        assert identity_of(repository / "src") != found.identity
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.py").write_text("x = 1\n")
    assert identity_of(tmp_path / "one") == identity_of(tmp_path / "two")
    (tmp_path / "two" / "m.py").write_text("x = 2\n")
    assert identity_of(tmp_path / "one") != identity_of(tmp_path / "two")


def test_an_interpreter_and_its_environment_are_where_it_imports_from(tmp_path):
    with baseline_at(sys.executable, lambda: "pkg") as found:
        assert Path(os.__file__).parent in found.roots
        assert found.tree is None
        assert "numpy" in found.libraries
        assert other_libraries(found, "numpy") == other_libraries(found, None) == ()
    if os.name == "posix":
        (tmp_path / "venv" / "bin").mkdir(parents=True)
        (tmp_path / "venv" / "pyvenv.cfg").touch()
        (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
        with baseline_at(str(tmp_path / "venv"), lambda: "pkg") as found:
            assert found.name == "venv"


def test_a_shallow_clone_that_lacks_a_revision_says_how_to_fetch_it(repository, tmp_path, monkeypatch):
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    said = "no 'v1.0' in this shallow clone; fetch it"
    with pytest.raises(UsageError, match=said), baseline_at("v1.0", lambda: "pkg"):
        pass
    with baseline_at("HEAD", lambda: "pkg") as found:
        assert found.name == "HEAD"


@pytest.mark.parametrize(
    ("text", "may"), [("v1", True), ("name >= 1.2", True), ("my folder", True), ("f rocks", False), ("a\tb", False)]
)
def test_several_words_are_a_baseline_only_if_they_name_what_there_is(tmp_path, monkeypatch, text, may):
    (tmp_path / "my folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert may_be_baseline(text) is may


@pytest.mark.parametrize("reference", ["no-such-branch", "--upload-pack=x", "", "\0", "x" * 5000, "-h", "a b"])
@pytest.mark.usefixtures("repository")
def test_what_is_no_baseline_is_told_in_a_sentence(reference):
    with pytest.raises(UsageError, match="there is no baseline"), baseline_at(reference, lambda: "pkg"):
        pass


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("My_Pkg", [("gone", "1.0", None), ("numpy", "1.0", True)]),  # what it requires, however that is written
        (None, [("colour", "3.0", None), ("gone", "1.0", None), ("my-pkg", "1.0", None), ("numpy", "1.0", True)]),
    ],
)
def test_libraries_that_are_others_in_an_environment_are_found(package, told):
    requires = ("NumPy>=1; python_version > '3'", "gone[x]", "never-there", "")
    libraries = {"my-pkg": Library("1.0", requires), "numpy": Library("1.0"), "gone": Library("1.0")}
    baseline = Baseline("old", "", (), libraries=libraries | {"colour": Library("3.0")})
    found = other_libraries(baseline, package)
    assert [(name, there, here and True) for name, there, here in found] == told
    assert other_libraries(Baseline("old", "", ()), package) == ()


def test_a_file_that_is_no_interpreter_is_told(tmp_path):
    (tmp_path / "notes").write_text("hello")
    with (
        pytest.raises(UsageError, match="notes is no Python interpreter"),
        baseline_at(str(tmp_path / "notes"), lambda: "pkg"),
    ):
        pass


@pytest.mark.parametrize(
    ("reference", "wanted"), [("numpy==2.4", "numpy==2.4"), ("1.2.3", "pkg==1.2.3"), ("x @ file:///y", "x @ file:///y")]
)
def test_a_version_is_installed_alone_into_a_folder_of_its_own(monkeypatch, tmp_path, reference, wanted):
    monkeypatch.chdir(tmp_path)
    asked = []

    def answer(command, _=None):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1 if command[0] == "git" else 0, b"", b"")

    monkeypatch.setattr(baseline, "_answer", answer)
    with baseline_at(reference, lambda: "pkg") as found:
        [pip] = [command for command in asked if "pip" in command]
        assert pip[-2:] == ["--", wanted]
        assert "--no-deps" in pip
        assert found.roots == (Path(pip[pip.index("--target") + 1]),)


def test_a_version_that_there_is_not_is_told_by_pip_s_last_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    failed = subprocess.CompletedProcess([], 1, b"", b"ERROR: long\nERROR: No matching distribution\n")
    monkeypatch.setattr(baseline, "_answer", lambda *_: failed)
    with (
        pytest.raises(UsageError, match=r"x==9 can't be installed \(ERROR: No matching"),
        baseline_at("x==9", lambda: "pkg"),
    ):
        pass


# -- the project's table -----------------------------------------------------------------------------------------------

TABLE = """
claims = ["numba_ikj is at least 100x python_lists at n=256"]
margin = "10%"
on-doubt = "fail"
"""


def test_the_table_of_a_project_and_a_file_of_its_own_say_the_same(tmp_path):
    (tmp_path / "claims.toml").write_text(TABLE)
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n[tool.matbench.gate]\n{TABLE}')
    alone, project = (read_gate(tmp_path / name) for name in ("claims.toml", "pyproject.toml"))
    assert alone == project
    assert (alone.margin, alone.on_doubt) == ("10%", "fail")


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "tool = 3", "[tool]\nmatbench = []"])
def test_a_project_without_a_table_has_nothing_to_check(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert read_gate(tmp_path / "pyproject.toml") == GateTable()


@pytest.mark.parametrize(
    "text",
    ["claims = [", "claims = 'one'", "claims = [1]", "more = 1", "on-doubt = 'cry'", "margin = 5", "\0", "a" * 100_000],
)
def test_a_table_with_anything_else_in_it_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "claims.toml").write_text(text)
    with pytest.raises(RecordError, match=r"claims\.toml"):
        read_gate(tmp_path / "claims.toml")
