"""Comparisons on disk: written process by process, read back whole, continued, and refused where they are not ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench.errors import InternalError, RecordError
from matbench.model import Conditions, Environment, Header, Host, Plan, Problem
from matbench.pairing import (
    Cell,
    PairBlock,
    PairEnd,
    PairHeader,
    PairProcess,
    PairRecord,
    Refusal,
    Sample,
    Settings,
)
from matbench.record.journal import Journal, encode_lines, record_path
from matbench.record.pairs import find_pairs, incomplete_pairs, pairs_from_lines, read_pairs, resolve_pairs
from matbench.record.pressure import read_pressure
from matbench.record.reading import PAIRS, read_record

ID = "20261122T161203Z-3f9a1c"
HOST = "3f9a1c77aa00bb11"
END = PairEnd(finished="2026-11-22T16:13:00Z", elapsed_s=20.0, conditions=Conditions())
PROCESS = PairProcess(0, 17, cpu=1, padding=3, offset=64, elapsed_ns=10**9, errors=((0, "a", 0.5),))
REFUSAL = Refusal(1, "wrong", "fast prints")


def header(record_id=ID, **fields):
    values = {
        "created": "2026-11-22T16:12:03Z",
        "machine": "icelake-2cpu-3f9a1c",
        "host": Host(host_id=HOST),
        "environment": Environment(),
        "conditions": Conditions(),
        "command": "matbench pair slow fast",
        "seed": 1,
        "settings": Settings(),
        "cells": (Cell(Problem(8, 8, 8), 1, "slow", "fast"), Cell(Problem(9, 9, 9), 1, "slow", "fast")),
    }
    return PairHeader(id=record_id, **{**values, **fields})


def block(number=0, cell=0):
    return PairBlock(cell, 0, number, 7, tuple(Sample(arm, 10**6, 10**6, 0, 0, 0) for arm in "acb"), 20_000)


def written(results, *values, end=None, **fields):
    made = header(**fields)
    with Journal.create(results, made) as journal:
        if values:
            journal.append(*values)
        if end is not None:
            journal.finish(end)
    return record_path(results, made)


def test_what_was_written_is_read_back(tmp_path):
    path = written(tmp_path, block(0), block(1), PROCESS, REFUSAL, end=END)
    assert path == tmp_path / "pairs" / "icelake-2cpu-3f9a1c" / f"{ID}.jsonl"
    assert read_pairs(path) == PairRecord(header(), (PROCESS,), (block(0), block(1)), (REFUSAL,), END)


def test_a_whole_file_is_one_line_a_value(tmp_path):
    path = written(tmp_path, block(0), block(1), PROCESS, REFUSAL, end=END)
    assert len(path.read_bytes().splitlines()) == 6


@given(
    elapsed=st.integers(1, 2**62),
    counts=st.tuples(*[st.none() | st.integers(0, 2**62)] * 4),
    canary=st.none() | st.integers(0, 2**62),
)
@settings(max_examples=50)
def test_any_block_survives_the_way_through_a_file(elapsed, counts, canary):
    made = PairBlock(1, 3, 0, 2**40, (Sample("b", elapsed, *counts),), canary)
    lines = (encode_lines(header()) + encode_lines(made)).splitlines(keepends=True)
    assert pairs_from_lines(lines, "x").blocks == (made,)


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_a_file_cut_anywhere_is_readable_up_to_its_last_whole_line(tmp_path, cut):
    path = written(tmp_path, block(0), PROCESS)
    path.write_bytes(path.read_bytes()[:-cut])
    record = read_pairs(path)
    assert record.blocks == (block(0),)
    assert record.processes == ()
    assert len(record.warnings) == 1


def test_an_interrupted_comparison_is_continued_after_its_last_whole_line(tmp_path):
    path = written(tmp_path, block(0), PROCESS)
    path.write_bytes(path.read_bytes()[:-5])
    with Journal.reopen(path, PAIRS) as journal:
        journal.append(PROCESS)
        journal.finish(END)
    assert read_pairs(path) == PairRecord(header(), (PROCESS,), (block(0),), (), END)


def test_a_complete_comparison_can_not_be_reopened(tmp_path):
    with pytest.raises(RecordError, match="is complete; begin a new record with `matbench pair`"):
        Journal.reopen(written(tmp_path, end=END), PAIRS)


def run_header():
    plan = Plan("quick", "matbench run", 1, 10.0, 5, 1000, "slow", ())
    return Header(
        id=ID,
        created="2026-11-22T16:12:03Z",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        plan=plan,
    )


def test_a_run_is_no_comparison_and_the_other_way_round(tmp_path):
    run = tmp_path / "run.jsonl"
    run.write_bytes(encode_lines(run_header()))
    with pytest.raises(RecordError, match="holds a run; look at it with `matbench show`"):
        read_pairs(run)
    with pytest.raises(RecordError, match="holds comparisons; look at them with `matbench show --verdicts`"):
        read_record(written(tmp_path))


def test_lines_of_a_run_do_not_belong_into_a_comparison(tmp_path):
    path = written(tmp_path)
    line = b'{"type":"measurement","case":{"kernel":"x","problem":{"m":1,"n":1,"k":1}}}\n'
    path.write_bytes(path.read_bytes() + line + line)
    with pytest.raises(RecordError, match=r"line 2 of .* is none that `matbench pair` writes"):
        read_pairs(path)


def test_a_newer_schema_is_refused(tmp_path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":99'))
    with pytest.raises(RecordError, match=r"newer matbench \(schema 99, this one reads 1\)"):
        read_pairs(path)


@pytest.mark.parametrize("value", [block(cell=2), Refusal(5, "wrong", "no")])
def test_samples_of_a_cell_that_there_is_not_are_refused(tmp_path, value):
    with pytest.raises(RecordError, match="which its header lacks"):
        read_pairs(written(tmp_path, value))


@pytest.mark.parametrize(
    "changed",
    [b'"loops":0', b'"loops":-1', b'"loops":1e99', b'"samples":[["z",1]]', b'"samples":[["a",0]]', b'"extra":1'],
)
def test_a_block_that_can_not_be_is_refused(tmp_path, changed):
    path = written(tmp_path, block(0))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = (
        lines[1].replace(b'"loops":7', changed) if b"loops" in changed else lines[1][:-2] + b"," + changed + b"}\n"
    )
    path.write_bytes(b"".join([*lines, lines[1]]))
    with pytest.raises(RecordError, match="is broken"):
        read_pairs(path)


def test_what_the_reader_would_refuse_is_not_written(tmp_path):
    with Journal.create(tmp_path, header()) as journal:
        with pytest.raises(InternalError, match="can't be stored"):
            journal.append(PairBlock(0, 0, 0, 0, ()))
        journal.append(block(0))
    assert read_pairs(record_path(tmp_path, header())).blocks == (block(0),)


def test_the_one_that_is_meant_is_found(tmp_path):
    older = written(tmp_path, end=END)
    newer = written(tmp_path, record_id="20261123T000000Z-abcdef", machine="other")
    assert find_pairs(tmp_path) == [older, newer]
    assert resolve_pairs(None, tmp_path) == newer
    assert resolve_pairs(ID[:10], tmp_path) == older
    assert resolve_pairs("other", tmp_path) == newer
    assert resolve_pairs(str(older), tmp_path) == older
    assert incomplete_pairs(tmp_path, HOST) == [newer]
    assert incomplete_pairs(tmp_path, "another") == []
    assert incomplete_pairs(tmp_path, "unknown") == []


@pytest.mark.parametrize(("argument", "said"), [("2026", "begins 2 ids"), ("nothing", "the latest is")])
def test_what_is_not_clear_is_asked_back(tmp_path, argument, said):
    written(tmp_path)
    written(tmp_path, record_id="20261123T000000Z-abcdef")
    with pytest.raises(RecordError, match=said):
        resolve_pairs(argument, tmp_path)


def test_an_empty_store_names_the_command_that_fills_it(tmp_path):
    with pytest.raises(RecordError, match="make one, for example with `matbench pair numba_ikj numba_ikj_fma`"):
        resolve_pairs(None, tmp_path)


def test_links_out_of_the_results_folder_are_left_out(tmp_path):
    path = written(tmp_path / "elsewhere")
    (tmp_path / "results" / "pairs").mkdir(parents=True)
    (tmp_path / "results" / "pairs" / "link").symlink_to(path.parent, target_is_directory=True)
    assert find_pairs(tmp_path / "results") == []


def test_pressure_is_read_from_any_root(tmp_path):
    files = {
        "proc/stat": "cpu  100 0 20 800 5 0 1 74 30 0\n",
        "proc/self/cgroup": "0::/job\n",
        "proc/self/mountinfo": "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "sys/fs/cgroup/job/cpu.stat": "nr_throttled 3\nthrottled_usec 1500\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_pressure(tmp_path)
    assert (found.steal_ticks, found.total_ticks, found.throttled_ns) == (74, 1000, 1_500_000)
    nothing = read_pressure(tmp_path / "nowhere")
    assert (nothing.steal_ticks, nothing.total_ticks, nothing.throttled_ns) == (None, None, None)
