"""docs/operations.md and docs/gemm.md: their generated parts are current, and without records they say so."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.errors import RecordError
from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Cell, PairEnd, PairHeader, Settings
from matbench.record.journal import Journal

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


@pytest.fixture
def gemm(monkeypatch):
    """The tool that writes docs/gemm.md."""
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("gemm")
    for name in ("gemm", "gemm_share", "readme", "repository"):
        sys.modules.pop(name, None)


def test_what_the_hypervisor_spoilt_is_no_ratio(gemm):
    cell = Cell(Problem(32, 32, 32), 1, *gemm.ARMS)
    sound = [Verdict(cell, "FASTER", "it is", Interval(ratio, 0.9 * ratio, 1.1 * ratio)) for ratio in (1.0, 4.0)]
    spoilt = Verdict(cell, "INVALID", "too much was set aside", Interval(9.0, 8.0, 10.0))
    text = gemm.told([*sound, spoilt])
    assert text.startswith("Of 3 problems: FASTER at 2, INVALID at 1.")
    assert "Geometric mean of 2 ratios: 2.00; the least of them: 1.00." in text
    assert gemm.told([spoilt, spoilt]) == "Of 2 problems: INVALID at 2."


def compared(results, hour, cells, *, is_complete=True, ending="3f9a1c"):
    """A record of comparisons without samples; its file."""
    header = PairHeader(
        id=f"20261123T{hour:02d}0000Z-{ending}",
        created=f"2026-11-23T{hour:02d}:00:00Z",
        machine="quiet-heron",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair",
        seed=1,
        settings=Settings(),
        cells=tuple(cells),
    )
    with Journal.create(results, header) as journal:
        if is_complete:
            journal.finish(PairEnd(finished=header.created, elapsed_s=1.0, conditions=Conditions()))
        return journal.path


def test_of_all_comparisons_only_those_that_are_shown_are_read_whole(gemm, monkeypatch, tmp_path):
    def cells(dtype, arms=gemm.ARMS, sizes=gemm.SIZES, threads=(1,)):
        return [Cell(Problem(n, n, n, dtype), count, *arms) for n in sizes for count in threads]

    compared(tmp_path, 1, cells("float64"))
    rectangles = [Cell(Problem(*shape), 1, *gemm.ARMS) for shape in gemm.SHAPES["rectangles"]]
    shown = [
        compared(tmp_path, 3, cells("float64")),
        compared(tmp_path, 2, cells("float32")),
        compared(tmp_path, 2, rectangles, ending="aa00bb"),
    ]
    compared(tmp_path, 4, cells("float64"), is_complete=False)
    compared(tmp_path, 5, cells("float64", sizes=gemm.SIZES[1:]))
    compared(tmp_path, 6, cells("float64", arms=("numba_gemm", "numba_tiled")))
    compared(tmp_path, 7, cells("float64", sizes=gemm.SIZES[::2], threads=(1, 2)))
    read = []
    real = gemm.read_pairs
    monkeypatch.setattr(gemm, "read_pairs", lambda path: read.append(path) or real(path))
    found = gemm.newest(tmp_path)
    series = [("squares", "float64"), ("squares", "float32"), ("rectangles", "float64")]
    assert [*found] == [("quiet-heron", 1, *each) for each in series]
    assert [record.header.id for record in found.values()] == [path.stem for path in shown]
    assert read == shown


def test_a_broken_file_of_comparisons_is_not_passed_over(gemm, tmp_path):
    compared(tmp_path, 1, [Cell(Problem(8, 8, 8), 1, *gemm.ARMS)]).write_bytes(b"no record")
    with pytest.raises(RecordError):
        gemm.newest(tmp_path)
