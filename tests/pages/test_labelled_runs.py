"""`make asv`: the machine is registered whole, under a name that tells nothing of its owner and how much of it ran."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from published import ROOT

from matbench.model import Cpu, Environment, Host
from matbench.record.ids import machine_label

HOST = Host(system="Linux", architecture="x86_64", cpu=Cpu(brand="A CPU"), logical_cpus=8, memory_bytes=2**33)


def machine(processors):
    return SimpleNamespace(host=HOST, environment=Environment(system_release="6.1"), processors=processors)


@pytest.fixture
def suite(monkeypatch):
    """The module of `make asv`."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "suite", raising=False)
    yield importlib.import_module("suite")
    del sys.modules["suite"]


def test_the_whole_machine_has_the_name_that_matbench_run_gives_it(suite):
    assert suite.label(machine(8)) == machine_label(HOST)


@pytest.mark.parametrize("allowed", [1, 7])
def test_a_machine_of_which_only_some_cpus_may_be_used_says_so(suite, allowed):
    assert suite.label(machine(allowed)) == f"{machine_label(HOST)}-on-{allowed}cpu"
    assert suite.card(machine(allowed))["num_cpu"] == str(allowed)


def test_the_card_has_all_that_asv_asks_for_and_the_host_name_nowhere(suite):
    asv_machine = pytest.importorskip("asv.machine", reason="needs asv; pip install asv")
    found = suite.card(machine(8))
    assert set(found) == {name for name, _ in asv_machine.Machine.fields}
    assert all(found.values())
    assert os.uname().nodename not in found.values()


def test_asv_is_given_the_machine_and_what_else_was_asked_for(suite, monkeypatch, tmp_path):
    pytest.importorskip("asv", reason="needs asv; pip install asv")
    became = []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(suite, "Machine", lambda: machine(1))
    monkeypatch.setattr(suite, "read_project", lambda _: SimpleNamespace(is_changed=False))
    monkeypatch.setattr(suite.os, "execv", lambda _, arguments: became.extend(arguments))
    suite.run(["--bench", "time_matmul"])
    name = f"{machine_label(HOST)}-on-1cpu"
    assert became[1:4] == ["-m", "asv", "run"]
    assert became[-4:] == ["--machine", name, "--bench", "time_matmul"]
    assert json.loads((tmp_path / ".asv-machine.json").read_text())[name] == suite.card(machine(1))


def test_outside_a_repository_nothing_is_run(tmp_path):
    for name in ("suite.py", "repository.py"):
        (tmp_path / "tools").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    shutil.copy(ROOT / "asv.conf.json", tmp_path)
    environ = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "HOME": str(tmp_path)}
    command = [sys.executable, str(tmp_path / "tools" / "suite.py")]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".asv-machine.json").exists()
