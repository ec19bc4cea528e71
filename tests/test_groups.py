"""What `.ci/run` relies on: tests of one group run in one process, so that none measures beside another."""

import os
import subprocess
import sys

TESTS = """
import pathlib

import pytest

pytestmark = pytest.mark.xdist_group("measure")

@pytest.mark.parametrize("turn", range(10))
def test_turn(worker_id, turn):
    (pathlib.Path(__file__).parent / f"{turn}.seen").write_text(worker_id)
"""


def test_tests_of_a_group_run_in_one_process(tmp_path):
    (tmp_path / "test_turns.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    options = ["-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup", "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    workers = [path.read_text() for path in sorted(tmp_path.glob("*.seen"))]
    assert len(workers) == 10
    assert len(set(workers)) == 1
