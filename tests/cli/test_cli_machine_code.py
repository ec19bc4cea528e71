"""``matbench show --machine-code``: what a record says that its kernels were compiled to."""

from __future__ import annotations

import csv
import io
import json

import pytest
from cli_driver import complains
from cli_inside import inside

from matbench.kernels.jit import numba_missing
from matbench.model import (
    Case,
    Census,
    Conditions,
    Cpu,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    MachineCode,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.store import keep_record

LOOP = Census(fused=96, packed=96, scalar=0, width=64, stack=0, work=1536)
WHOLE = Census(fused=700, packed=1000, scalar=5, width=64, stack=12, work=14_000)


CODE = MachineCode(LOOP, WHOLE)


def record_of(*kernels, code=CODE, brand="A processor"):
    header = Header(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="icelake-2cpu-3f9a1c",
        host=Host(cpu=Cpu(brand=brand)),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan("quick", "matbench run", 1, 60.0, 7, 10**6, "numba_ijk", ()),
        kernels=tuple(KernelCard(name, "Numba loops", "an idea") for name in kernels),
    )
    measurements = tuple(
        Measurement(Case(name, Problem(8, 8, 8, dtype)), samples=Samples((1,), (100,), (0,), (0,)), machine_code=code)
        for name in kernels
        for dtype in ("float64", "float32")
    )
    end = End(finished="2026-11-22T16:20:00Z", elapsed_s=1.0, conditions=Conditions())
    return Record(header, measurements=measurements, end=end)


@pytest.fixture
def reader(user):
    """A user who keeps a record of two compiled kernels."""
    keep_record(record_of("numba_ijk", "numba_gemm"), user.folder / "results")
    return inside(user)


def test_the_table_is_told_from_the_record_alone(reader):
    done = reader.does("show", "--machine-code")
    assert done.code == 0, done.err
    assert done.out.startswith("icelake-2cpu-3f9a1c: A processor, record 20261122T161203Z-3f9a1c\n\n| kernel ")
    assert [line.split("|")[1].strip() for line in done.out.splitlines() if "numba_" in line] == [
        *("numba_ijk", "numba_ijk", "numba_gemm", "numba_gemm")
    ]
    assert "matbench explain numba_ijk" in done.err


def test_one_type_can_be_asked_for(reader):
    done = reader.does("show", "--machine-code", "--dtype", "float32")
    assert "float32" in done.out
    assert "float64" not in done.out


def test_programs_get_all_counts_as_one_object_or_as_comma_separated_values(reader):
    told = json.loads(reader.does("show", "--machine-code", "--json").out)
    assert (told["record"], told["cpu"]) == ("20261122T161203Z-3f9a1c", "A processor")
    first = told["machine_code"][0]
    assert (first["kernel"], first["operation"], first["dtype"]) == ("numba_ijk", "matmul", "float64")
    assert first["hot_loop"]["width_bits"] == 512
    rows = list(csv.DictReader(io.StringIO(reader.does("export", "--to", "code").out)))
    assert [(row["kernel"], row["dtype"]) for row in rows] == [
        (each["kernel"], each["dtype"]) for each in told["machine_code"]
    ]
    assert int(rows[0]["all_fused"]) == first["all"]["fused"] == 700


def test_a_record_without_says_so_and_is_no_error(user):
    keep_record(record_of("numpy_rows", code=None), user.folder / "results")
    reader = inside(user)
    done = reader.does("show", "--machine-code")
    assert (done.code, done.out) == (
        0,
        "Record 20261122T161203Z-3f9a1c holds no machine code: nothing in it was compiled, or counted.\n",
    )
    assert json.loads(reader.does("show", "--machine-code", "--json").out)["machine_code"] == []


def test_a_stranger_s_record_can_not_speak_to_the_terminal(user):
    keep_record(record_of("nasty\x1b[2J|x", brand="CPU\x1b]0;x\x07"), user.folder / "results")
    done = inside(user).does("show", "--machine-code")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("option", [("--size", "8"), ("--size", ""), ("--base", "numba_ijk"), ("--verdicts",)])
def test_what_has_no_meaning_here_is_refused(reader, option):
    complains(reader.does("show", "--machine-code", *option), "leave out", option[0])


def test_a_type_that_there_is_not_is_refused(reader):
    complains(reader.does("show", "--machine-code", "--dtype", "float16"), "no dtype 'float16'")


@pytest.mark.xdist_group("measure")
@pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))
def test_a_run_stores_the_machine_code_of_what_it_compiles(tiny):
    reader = inside(tiny.user)
    (told,) = json.loads(reader.does("show", "--machine-code", "--json").out)["machine_code"]
    assert (told["kernel"], told["operation"], told["dtype"]) == ("numba_ikj", "matmul", "float64")
    assert told["hot_loop"]["packed"] > 0
    assert told["hot_loop"]["width_bits"] >= 128
    explained = json.loads(reader.does("explain", "numba_ikj", "--json").out)
    assert explained["measured_machine_code"] == {part: told[part] for part in ("hot_loop", "all")}
