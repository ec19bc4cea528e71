"""One home for all tests of the command line, and one tiny run that most of them read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_driver import TINY, Done, User, user_environ
from compare_examples import other, record

from matbench.cli.main import main
from matbench.record.store import keep_record


@dataclass(frozen=True)
class Run:
    """A run that has ended, and who made it."""

    user: User
    done: Done

    @property
    def path(self) -> Path:
        """Its record."""
        (path,) = self.user.records
        return path


@pytest.fixture(scope="session")
def someone(tmp_path_factory) -> User:
    """A user whose home the whole session shares: Matplotlib's list of fonts is made but once."""
    home = tmp_path_factory.mktemp("home")
    return User(home, user_environ(home))


@pytest.fixture
def user(someone, tmp_path) -> User:
    """A user in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return someone.at(folder)


@pytest.fixture(scope="session")
def tiny(someone, tmp_path_factory) -> Run:
    """A tiny run; its folder is not to be written to."""
    user = someone.at(tmp_path_factory.mktemp("tiny"))
    return Run(user, user.does("run", *TINY))


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
