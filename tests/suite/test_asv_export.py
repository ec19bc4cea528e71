"""What `matbench export --to asv` writes, in the hands of asv: show, compare and publish for real, in a repository."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

pytest.importorskip("asv", reason='needs asv; pip install "asv>=0.6.5,<0.7"')

from asv_runner.discovery import disc_benchmarks

from matbench.model import (
    Block,
    Case,
    Conditions,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Library,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.asv_format import PARAMETERS, RATED, TIMED, UNIT, VERSION
from matbench.record.asv_reading import read_asv
from matbench.record.journal import encode_record

KERNELS = ("python_lists", "numba_ikj", "numpy_matmul")
SIZES = (16, 64, 256)
WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")


def made_up(slower: float) -> Record:
    """A record of three kernels at three sizes on one and two threads; `slower` is a factor on all times."""
    measurements = []
    for rank, kernel in enumerate(KERNELS):
        for n in SIZES:
            for threads in (1, 2) if kernel == "numpy_matmul" else (1,):
                call = slower * n**3 * 30 / 20**rank / threads  # ns
                elapsed = tuple(round(100 * call * (1 + 0.001 * i)) for i in range(12))
                samples = Samples((100,) * 12, elapsed, (0,) * 12, tuple(range(12)))
                measurements.append(Measurement(Case(kernel, Problem(n, n, n), threads), samples=samples))
    large = Measurement(Case("python_lists", Problem(512, 512, 512)), outcome="skipped", reason="too long")
    blocks = tuple(
        Block(Problem(n, n, n), tuple((each.case.kernel, each.case.threads) for each in measurements)) for n in SIZES
    )
    header = Header(
        id=f"20261122T161203Z-{round(slower * 100)}",
        created="2026-11-22T16:12:03Z",
        machine="made-up-2cpu",
        host=Host(system="Linux", architecture="x86_64", logical_cpus=2),
        environment=Environment(
            python="3.11.7",
            packages={"numpy": "2.3.1", "numba": "0.62.1"},
            libraries=(Library("blas", "openblas", "0.3.30", "SkylakeX"),),
        ),
        conditions=Conditions(governor="performance"),
        plan=Plan("quick", "matbench run", 1, 60.0, 30, 10**6, "python_lists", blocks),
        kernels=tuple(KernelCard(name, "x", "") for name in KERNELS),
    )
    end = End(finished="2026-11-22T16:20:00Z", elapsed_s=477.0, conditions=Conditions())
    return Record(header, (), (*measurements, large), end)


@pytest.fixture
def does(tmp_path, root, environ):
    """Runs a module in a small repository with our settings; what it printed comes back."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "asv.conf.json").write_text((root / "asv.conf.json").read_text())

    def run(*words, code=0):
        command = ["git", *WHO, *words[1:]] if words[0] == "git" else [sys.executable, "-m", *map(str, words)]
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


def test_asv_shows_compares_and_publishes_what_we_export(does, tmp_path):
    for name, slower in (("first.jsonl", 1.0), ("second.jsonl", 2.0)):
        (tmp_path / name).write_bytes(encode_record(made_up(slower)))
    does("git", "init", "-q")
    refused = does("matbench", "export", tmp_path / "first.jsonl", "--to", "asv", code=2)
    assert "has no commit yet" in refused
    assert not (does.folder / "results" / "asv").exists()

    for name in ("first.jsonl", "second.jsonl"):
        does("git", "add", "asv.conf.json")
        does("git", "commit", "-q", "--allow-empty", "-m", name)
        does("matbench", "export", tmp_path / name, "--to", "asv")
    results = does.folder / "results" / "asv"
    assert len(list((results / "made-up-2cpu").glob("*-matbench-py3.11-numba0.62.1-numpy2.3.1.json"))) == 2

    shown = does("asv", "show", "HEAD", "--machine", "made-up-2cpu")
    assert "failed" not in shown
    for kernel in KERNELS:
        assert kernel in shown
    compared = does("asv", "compare", "HEAD~1", "HEAD", "--machine", "made-up-2cpu")
    lines = [line for line in compared.splitlines() if TIMED in line and "numba_ikj" in line and " 256" in line]
    assert any("2.00" in line and line.startswith("| +") for line in lines), compared
    does("asv", "publish")
    pages = does.folder / ".asv" / "html"
    index = json.loads((pages / "index.json").read_text())
    assert index["params"]["runner"] == ["matbench run"]
    assert index["params"]["BLAS"] == ["openblas 0.3.30 SkylakeX"]
    assert index["benchmarks"][TIMED]["param_names"] == list(PARAMETERS)
    assert index["benchmarks"][TIMED]["params"][1] == ["16", "64", "256", "512"]
    (graph,) = [path for path in (pages / "graphs").rglob(f"{TIMED}.json") if "summary" not in path.parts]
    assert len(json.loads(graph.read_text())) == 2  # a point a commit

    for path in (results / "made-up-2cpu").glob("*-matbench-*.json"):
        found = {each.case: each.samples for each in read_asv(path).measurements}
        wanted = [{each.case: each.samples for each in made_up(slower).measurements[:-1]} for slower in (1.0, 2.0)]
        assert found in wanted


def test_the_suite_declares_what_the_exporter_writes(root, monkeypatch):
    monkeypatch.setenv("MATBENCH_PROFILE", "small")
    monkeypatch.syspath_prepend(str(root))
    before = set(sys.modules)
    package = importlib.import_module("benchmarks")
    found = {each.name: each for each in disc_benchmarks(package.__path__[0])}
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "benchmarks":
            del sys.modules[name]
    assert (found[TIMED].type, found[TIMED].unit) == ("time", "seconds")
    assert (found[RATED].type, found[RATED].unit) == ("track", UNIT)
    for name in (TIMED, RATED):
        assert found[name].param_names == list(PARAMETERS)
        assert found[name].version == VERSION
