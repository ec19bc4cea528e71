"""One program measures at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from matbench.errors import UsageError
from matbench.record.alone import alone

HOLDER = """
import sys
from pathlib import Path
from matbench.record.alone import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_measurement_is_refused_until_the_first_one_ends(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another matbench is measuring"), alone(tmp_path):
            pass
        holder.stdin.close()
        holder.wait()
    with alone(tmp_path):
        pass


def test_where_no_lock_can_be_made_measuring_goes_on(tmp_path):
    (tmp_path / "file").write_text("in the way")
    ran = []
    with alone(tmp_path / "file"):
        ran.append(True)
    assert ran


def test_an_error_inside_is_not_taken_for_the_locks(tmp_path):
    with pytest.raises(OSError, match="mine"), alone(tmp_path):
        raise OSError("mine")
