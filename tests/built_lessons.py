"""The lessons, executed once for the tests of several folders."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
NEEDED = ("ipykernel", "jupytext", "nbclient", "nbconvert")


@pytest.fixture(scope="session")
def lessons_built(tmp_path_factory):
    """All lessons, executed once for all tests of a session: folder, exit code and what the tool said."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {missing[0]}; type: make tools")
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent  # that of all workers
    folder, said = base / "lessons", base / "lessons.txt"
    with FileLock(base / "lessons.lock"):
        if not said.exists():
            command = [sys.executable, str(ROOT / "tools" / "lessons.py"), "--output", str(folder)]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
            said.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    code, _, text = said.read_text().partition("\n")
    return SimpleNamespace(folder=folder, code=int(code), said=text)
