"""Verdicts as text and as JSON: every figure that they rest on is there, and nothing foreign gets through."""

from __future__ import annotations

import json

import msgspec
import pytest

from matbench.analyse.pair_blocks import Void
from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Cell, PairEnd, PairHeader, PairRecord, Settings
from matbench.present.pairs import (
    pairs_object,
    pairs_text,
    ratio_text,
    time_over_text,
    verdict_text,
    verdicts_table,
)


def cell(n=256, a="numba_ikj", b="numba_ikj_fma", threads=1, dtype="float64"):
    return Cell(Problem(n, n, n, dtype), threads, a, b)


def faster(**changes):
    values = {
        "cell": cell(),
        "word": "FASTER",
        "reason": "A is faster by 25 %: beyond the 0.50 % that identical code may show",
        "ratio": Interval(1.2499, 1.2401, 1.26),
        "control": Interval(1.0004, 0.9991, 1.0013),
        "floor": 0.005,
        "p_value": 0.0005,
        "seconds_a": Interval(2 * 256**3 / 10e9),
        "seconds_b": Interval(2 * 256**3 / 8e9),
        "processes": 12,
        "blocks": 192,
        "dropped": (("the processor was taken away", 5), ("page faults", 2)),
        **changes,
    }
    return Verdict(**values)


REFUSED = Verdict(cell=cell(512), word="INVALID", reason="numba_ikj_fma prints ('hi')")


def record(*cells):
    header = PairHeader(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="icelake-2cpu-3f9a1c",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair numba_ikj numba_ikj_fma",
        seed=1,
        settings=Settings(),
        cells=cells or (cell(),),
    )
    return PairRecord(header)


def test_one_comparison_says_its_word_its_reason_and_its_figures():
    assert (
        verdict_text(faster())
        == """\
numba_ikj against numba_ikj_fma at n = 256 (float64), 1 thread: FASTER
  A is faster by 25 %: beyond the 0.50 % that identical code may show.
  ratio    1.250 [1.240, 1.260], time of B over time of A: above 1, numba_ikj is faster
  control  1.000 [0.999, 1.001], numba_ikj against its own clone in the same blocks; below 0.50 % nothing is claimed
  speed    10.0 GFLOP/s (3.36 ms a call), numba_ikj
  speed    8.00 GFLOP/s (4.19 ms a call), numba_ikj_fma
  samples  12 processes; 7 of 192 blocks dropped (the processor was taken away: 5, page faults: 2)"""
    )


def test_what_was_refused_has_a_reason_and_no_figures():
    assert (
        verdict_text(REFUSED)
        == """\
numba_ikj against numba_ikj_fma at n = 512 (float64), 1 thread: INVALID
  numba_ikj_fma prints ('hi')."""
    )


def test_a_kernel_against_itself_is_called_a_clone():
    text = verdict_text(faster(cell=cell(b="numba_ikj"), word="EQUIVALENT"))
    assert text.startswith("numba_ikj against a second clone of numba_ikj at")


def test_processes_that_were_set_aside_are_told():
    assert verdict_text(faster(void=(Void(3, "it hung"),), dropped=())).endswith(
        "12 processes; none of 192 blocks dropped; 1 process set aside (it hung)"
    )


def test_several_comparisons_are_a_table_with_a_reason_a_row():
    text = verdicts_table([faster(), REFUSED])
    assert "A: numba_ikj, B: numba_ikj_fma, float64, 1 thread" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert "1.250 [1.240, 1.260]" in rows[2]
    assert "FASTER" in rows[2]
    assert "3.6 %" in rows[2]
    assert "- 512: INVALID, numba_ikj_fma prints ('hi')." in text


def test_what_differs_between_rows_has_its_column():
    text = verdicts_table([faster(), faster(cell=cell(threads=2)), faster(cell=cell(dtype="float32"))])
    heading = next(line for line in text.splitlines() if line.startswith("|"))
    assert "threads" in heading
    assert "dtype" in heading
    assert "- 256 float32 1 thread: FASTER" in text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Interval(0.99949, 0.99, 1.0), "0.999 [0.990, 1.000]"),
        (Interval(9.9996, 9.9, 10.04), "10.000 [9.900, 10.0]"),
        (Interval(1572.3), "1,570"),
        (None, "–"),
    ],
)
def test_a_ratio_is_told_as_finely_as_it_matters(ratio, text):
    assert ratio_text(ratio) == text


def test_nothing_foreign_reaches_the_terminal_or_breaks_the_table():
    evil = "a|b\x1b[2J\n<script>"
    one = faster(cell=cell(b=evil), reason=evil, dropped=((evil, 1),))
    for text in (verdict_text(one), pairs_text(record(), [one, one])):
        assert "\x1b" not in text
    rows = [line for line in verdicts_table([one, faster()]).splitlines() if line.startswith("|")]
    assert len(rows) == 4


def test_the_object_has_what_was_promised_for_every_row():
    made = json.loads(msgspec.json.encode(pairs_object(record(), [faster(), REFUSED])))
    first, second = made["rows"]
    promised = {"a", "b", "m", "n", "k", "dtype", "threads", "ratio", "verdict", "reason"}
    assert promised <= set(first) == set(second)
    assert first["ratio"] == {"estimate": 1.2499, "low": 1.2401, "high": 1.26}
    assert first["verdict"] == "FASTER"
    assert first["gflops"] == {"a": pytest.approx(10.0), "b": pytest.approx(10.0 / 1.2499)}
    assert second["ratio"] is None
    assert made["settings"]["blocks"] == 16
    assert made["complete"] is False


def test_the_heading_says_where_and_how_to_repeat_it():
    heading = pairs_text(record(), [faster()]).splitlines()[0]
    assert heading.startswith(
        "icelake-2cpu-3f9a1c: unknown, 2026-11-22, `matbench pair numba_ikj numba_ikj_fma`, record"
    )


@pytest.mark.parametrize(
    ("left", "cells", "said"),
    [(1, 1, "its one cell is undecided"), (1, 8, "1 of 8 cells is undecided"), (3, 8, "3 of 8 cells are undecided")],
)
def test_what_time_left_open_is_counted_and_the_option_named(left, cells, said):
    text = time_over_text(left, cells, 30.0)
    assert text.startswith("its time of 30.0 s was over before the intervals were narrow enough: ")
    assert text.endswith(f"{said}; --budget 120s gives it more")


def test_the_object_holds_what_the_end_of_a_comparison_warns_of():
    end = PairEnd("2026-11-22T16:13:03Z", 60.0, Conditions(), warnings=("its time was over",))
    assert pairs_object(msgspec.structs.replace(record(), end=end), [faster()])["warnings"] == ["its time was over"]
    assert pairs_object(record(), [faster()])["warnings"] == []
