"""docs/operations.md: its generated parts are current, and without a record of all operations it says so."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parents[1] / "tools"


def test_the_document_is_current():
    command = [sys.executable, str(TOOLS / "operations.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
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
