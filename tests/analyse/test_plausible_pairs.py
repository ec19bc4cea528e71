"""Comparisons that can't be true are told."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from matbench.analyse.plausible_pairs import implausible_pairs
from matbench.analyse.rows import Interval
from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Cell, PairBlock, PairEnd, PairHeader, PairProcess, PairRecord, Refusal, Sample, Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PEAKS = {"float64/1": Interval(1e9)}  # flop/s
SECONDS = 2 * 100**3 / 1e9  # of a call at that peak
REPLACE = msgspec.structs.replace


def block(number=0, seconds=2 * SECONDS, cell=0, process=0, loops=10):
    samples = tuple(Sample(arm, max(1, round(seconds * loops * 1e9))) for arm in "acb")
    return PairBlock(cell, process, number, loops, samples)


RECORD = PairRecord(
    PairHeader(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="m",
        host=Host(logical_cpus=2),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair slow fast",
        seed=1,
        settings=Settings(),
        cells=(Cell(Problem(100, 100, 100), 1, "slow", "fast"),),
    ),
    (PairProcess(0, 17, elapsed_ns=10**9, errors=((0, "a", 0.5), (0, "b", 0.5))),),
    (block(0), block(1)),
    (),
    PairEnd(finished="2026-11-22T16:13:00Z", elapsed_s=57.0, conditions=Conditions()),
)


def findings(peaks=PEAKS, now=NOW, **fields):
    return implausible_pairs(REPLACE(RECORD, **fields), peaks, now)


def test_a_comparison_that_was_made_is_plausible():
    assert findings() == ()
    assert findings(peaks=None, now=None) == ()
    assert findings(processes=(), blocks=(), end=None) == ()


@pytest.mark.parametrize(("share", "count"), [(1.0, 0), (1.2, 0), (1.3, 1)])
def test_an_arm_far_above_the_peak_of_its_machine_is_told(share, count):
    found = findings(blocks=(block(seconds=SECONDS / share),))
    assert len(found) == count
    assert all("Faster than the measured peak of the machine: slow at 100 float64" in each for each in found)


def test_without_a_known_peak_and_for_whole_numbers_there_is_no_roof():
    fast = (block(seconds=SECONDS / 9),)
    assert findings(peaks=None, blocks=fast) == ()
    assert findings(peaks={"float64/2": Interval(1.0)}, blocks=fast) == ()
    whole = REPLACE(RECORD.header, cells=(Cell(Problem(100, 100, 100, "int64"), 1, "slow", "fast"),))
    assert findings(peaks={"int64/1": Interval(1.0)}, header=whole, blocks=fast) == ()


def test_a_call_that_took_no_time_is_told():
    samples = (Sample("b", 5),)
    found = findings(peaks=None, blocks=(PairBlock(0, 0, 0, 10, samples),))
    assert found == ("A call took no time at all: fast at 100 float64.",)


def test_samples_that_took_longer_than_their_process_are_told():
    found = findings(blocks=tuple(block(number, seconds=0.1) for number in range(2)))
    assert found == ("The samples took longer than their process: 6 s of 1 s in process 0.",)


def test_a_wrong_result_that_is_counted_is_told_unless_its_process_or_cell_is_not():
    wrong = REPLACE(RECORD.processes[0], errors=((0, "b", 3.0),))
    assert "wrong beyond its rounding bound, yet counted: fast at" in findings(processes=(wrong,))[0]
    assert findings(processes=(REPLACE(wrong, void="throttled"),)) == ()
    assert findings(processes=(wrong,), refusals=(Refusal(0, "wrong", "it is wrong"),)) == ()
    assert findings(processes=(REPLACE(wrong, errors=((7, "b", 3.0),)),)) == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"blocks": (block(), block())}, "A block is there twice: 0 of comparison 0 in process 0"),
        ({"processes": RECORD.processes * 2}, "A process is there twice: 0"),
        ({"header": REPLACE(RECORD.header, host=Host(logical_cpus=1), created="x")}, "'x' is no date and time"),
        ({"header": REPLACE(RECORD.header, created="2030-01-01T00:00:00Z"), "end": None}, "made in the future"),
        ({"end": REPLACE(RECORD.end, finished="2026-11-22T16:00:00Z")}, "before it began"),
        (
            {"header": REPLACE(RECORD.header, cells=(Cell(Problem(100, 100, 100), 4, "slow", "fast"),))},
            "More threads than the machine's 2 logical CPUs",
        ),
    ],
)
def test_what_no_comparison_leaves_is_told(fields, words):
    found = findings(**fields)
    assert len(found) == 1
    assert words in found[0]
    assert found[0].isprintable()


def test_names_of_a_stranger_are_told_without_control_characters():
    cells = (Cell(Problem(100, 100, 100), 9, "evil\x1b[2J", "b"),)
    (found,) = findings(header=REPLACE(RECORD.header, cells=cells))
    assert found.isprintable()
