"""BLAS libraries that lie on a machine: listed with the option that loads them, loaded only when that is typed."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from matbench.cli import libraries
from matbench.cli.libraries import named_libraries
from matbench.cli.main import main
from matbench.record.libraries import BlasFile


@pytest.fixture
def lying(monkeypatch, tmp_path):
    """Lays files into folders and has them found; returns what was looked at closely enough to run it."""
    opened: list[str] = []

    def lay(*told, bad=()):
        found = []
        for name, title in told:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            found.append(BlasFile(path, title))

        def usable(paths):
            opened.extend(Path(path).name for path in paths)
            return {path: f"{Path(path).name} is no good" if Path(path).name in bad else None for path in paths}

        monkeypatch.setattr(libraries, "installed_blas", lambda: tuple(found))
        monkeypatch.setattr(libraries, "usable", usable)
        return [str(each.path) for each in found]

    lay.opened = opened
    return lay


def test_the_list_tells_what_lies_there_and_how_to_measure_it_and_loads_nothing(lying, capsys):
    one, two = lying(("libopenblas.so.0", "OpenBLAS 0.3.21"), ("my libs/libmkl_rt.so.2", "MKL"))
    assert main(["list", "--operations", "matmul"]) == 0
    said = capsys.readouterr().out
    assert f"    OpenBLAS 0.3.21  --blas {shlex.quote(one)}\n" in said
    assert f"    MKL              --blas {shlex.quote(two)}\n" in said
    assert "--blas all" in said
    assert lying.opened == []


def test_nothing_is_told_of_other_operations_by_programs_or_where_nothing_lies(lying, capsys):
    lying(("libopenblas.so.0", "OpenBLAS"))
    assert main(["list", "--operations", "svd"]) == 0
    assert "--blas" not in capsys.readouterr().out
    assert main(["list", "--operations", "matmul", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), list)
    lying()
    assert main(["list", "--operations", "matmul"]) == 0
    assert "--blas" not in capsys.readouterr().out


def test_what_is_loaded_already_is_not_told(lying, monkeypatch, capsys):
    one, two = lying(("libopenblas.so.0", "OpenBLAS"), ("libblis.so.4", "BLIS"))
    monkeypatch.setattr(libraries, "loaded_libraries", lambda: [{"user_api": "blas", "filepath": one}])
    assert main(["list", "--operations", "matmul"]) == 0
    said = capsys.readouterr().out
    assert one not in said
    assert two in said


@pytest.mark.skipif(os.name == "nt", reason="no file can be called that on Windows")
@pytest.mark.parametrize("name", ["libopenblas.so\x1b[2J", "libopenblas\n.so"])
def test_a_hostile_name_can_not_speak_to_the_terminal(lying, capsys, name):
    lying((name, "OpenBLAS"))
    assert main(["list", "--operations", "matmul"]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "--blas '" in told.splitlines()[-1]


def test_all_stands_for_every_library_and_what_is_no_good_is_left_out_and_told(lying, capsys):
    one, _, two = lying(("liba.so", "A"), ("libbad.so", "B"), ("libc.so", "C"), bad={"libbad.so"})
    assert named_libraries(["x.so", "all", "x.so"]) == ["x.so", one, two]
    told = capsys.readouterr()
    assert "left out: libbad.so is no good" in told.err
    assert told.out == ""


def test_paths_alone_are_left_as_they_are_and_nothing_is_looked_for(lying):
    lying(("liba.so", "A"))
    assert named_libraries(["./all", "b.so"]) == ["./all", "b.so"]
    assert lying.opened == []


def test_where_none_lies_that_is_said_and_measuring_goes_on(lying, capsys):
    lying()
    assert main(["list", "--operations", "matmul", "--json", "--blas", "all"]) == 0
    told = capsys.readouterr()
    assert "numpy_matmul" in told.out
    assert "no BLAS library lies here beside those that are loaded anyway" in told.err


def test_every_command_that_takes_a_library_takes_all(lying, monkeypatch):
    paths = lying(("liba.so", "A"))
    seen = []
    monkeypatch.setattr("matbench.cli.running.run_ladder", lambda options: seen.append(options.blas) or 0)
    monkeypatch.setattr("matbench.cli.pair.compare", lambda options: seen.append(options.blas) or 0)
    monkeypatch.setattr("matbench.cli.gate.gate", lambda options: seen.append(options.blas) or 0)
    for command in (("run",), ("pair", "numba_gemm", "blas"), ("gate", "numba_gemm")):
        assert main([*command, "--blas", "all", "--blas", "other.so"]) == 0
    assert seen == [(*paths, "other.so")] * 3
