"""docs/operations.md and docs/gemm.md: their generated parts are current, and without records they say so."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.model import Problem
from matbench.pairing import Cell

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.mark.parametrize("tool", ["operations", "gemm"])
def test_the_document_is_current(tool):
    command = [sys.executable, str(TOOLS / f"{tool}.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_record_of_all_operations_the_document_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    tool = importlib.import_module("operations")
    try:
        assert tool.newest(tmp_path) is None
        assert "matbench run --operations '*'" in tool.measured(None, ())
        assert tool.pictures(()) == {}
    finally:
        for name in ("operations", "readme", "repository"):
            sys.modules.pop(name, None)


def test_what_the_hypervisor_spoilt_is_no_ratio(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    tool = importlib.import_module("gemm")
    try:
        cell = Cell(Problem(32, 32, 32), 1, *tool.ARMS)
        sound = [Verdict(cell, "FASTER", "it is", Interval(ratio, 0.9 * ratio, 1.1 * ratio)) for ratio in (1.0, 4.0)]
        spoilt = Verdict(cell, "INVALID", "too much was set aside", Interval(9.0, 8.0, 10.0))
        text = tool.told([*sound, spoilt])
        assert text.startswith("Of 3 sizes: FASTER at 2, INVALID at 1.")
        assert "Geometric mean of 2 ratios: 2.00; the least of them: 1.00." in text
        assert tool.told([spoilt]) == "Of 1 sizes: INVALID at 1."
    finally:
        for name in ("gemm", "readme", "repository"):
            sys.modules.pop(name, None)
