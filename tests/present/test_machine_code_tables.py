"""The machine code of a whole record: as a table, as an object, as comma-separated values."""

import csv
import io

import pytest

from matbench.model import (
    Case,
    Census,
    Conditions,
    Environment,
    Header,
    Host,
    KernelCard,
    MachineCode,
    Measurement,
    Plan,
    Problem,
    Record,
)
from matbench.present.machine_code import code_object, codes_csv, codes_table, compiled_kernels

FULL = Census(fused=96, packed=96, scalar=0, width=64, stack=0, work=1536)
SINGLE = Census(fused=0, packed=0, scalar=2, width=0, stack=0, work=2)
NOTHING = Census(fused=0, packed=0, scalar=0, width=0, stack=1, work=0)
WHOLE = Census(fused=700, packed=1000, scalar=5, width=64, stack=12, work=14_000)
FAST, SLOW, IDLE = (MachineCode(loop, WHOLE) for loop in (FULL, SINGLE, NOTHING))


def record_of(*measurements, names=("numba_ijk", "numba_gemm")):
    header = Header(
        id="i",
        created="2026-11-22T10:00:00Z",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan("quick", "matbench run", 1, 60.0, 7, 10**6, "python_lists", ()),
        kernels=tuple(KernelCard(name, "Numba loops", "an idea") for name in names),
    )
    return Record(header, measurements=measurements)


def measured(kernel, code, n=8, dtype="float64", operation="matmul"):
    return Measurement(Case(kernel, Problem(n, n, n, dtype, operation=operation)), machine_code=code)


RECORD = record_of(
    measured("numba_gemm", FAST, dtype="float32"),
    measured("numba_gemm", FAST),
    measured("numba_gemm", None, n=16),
    measured("numpy_matmul", None),
    measured("numba_ijk", SLOW),
)


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_kernels_come_in_the_order_of_the_ladder_each_type_once():
    found = compiled_kernels(RECORD)
    assert [(one.kernel, one.dtype) for one in found] == [
        ("numba_ijk", "float64"),
        ("numba_gemm", "float64"),
        ("numba_gemm", "float32"),
    ]
    assert [one.kernel for one in compiled_kernels(RECORD, "float32")] == ["numba_gemm"]
    assert compiled_kernels(RECORD, "int64") == ()
    assert compiled_kernels(record_of(measured("numpy_matmul", None))) == ()


def test_the_table_has_the_counts_of_hot_loops_and_says_what_is_not_vectorised():
    table = codes_table((*compiled_kernels(RECORD), *compiled_kernels(record_of(measured("mover", IDLE)))))
    columns, _, *lines = cells(table)
    assert columns == [
        "kernel",
        "type",
        "vectors, bits",
        "on whole vectors",
        "on single elements",
        "multiply and add in one",
        "use the stack",
    ]
    assert lines[0] == ["numba_ijk", "float64", "–", "0", "2", "0", "0"]
    assert lines[1] == ["numba_gemm", "float64", "512", "96", "0", "96", "0"]
    assert "not vectorised: numba_ijk (float64)." in table
    assert "moves data or calls others that compute: mover (float64)." in table


def test_where_there_are_several_operations_each_line_says_which():
    found = compiled_kernels(record_of(measured("numba_ijk", SLOW), measured("numba_rows", FAST, operation="matvec")))
    columns, _, *lines = cells(codes_table(found))
    assert columns[1] == "operation"
    assert [line[1] for line in lines] == ["matmul", "matvec"]


def test_an_object_has_the_hot_loop_and_all_of_the_code():
    assert code_object(FAST) == {
        "hot_loop": {"width_bits": 512, "fused": 96, "packed": 96, "scalar": 0, "stack": 0, "work": 1536},
        "all": {"width_bits": 512, "fused": 700, "packed": 1000, "scalar": 5, "stack": 12, "work": 14_000},
    }


def test_values_separated_by_commas_hold_what_the_object_holds():
    rows = list(csv.DictReader(io.StringIO(codes_csv(compiled_kernels(RECORD)))))
    assert [row["kernel"] for row in rows] == ["numba_ijk", "numba_gemm", "numba_gemm"]
    told = code_object(FAST)
    for part, counts in told.items():
        assert {name: int(rows[1][f"{part}_{name}"]) for name in counts} == counts
    assert codes_csv(()).count("\n") == 1


@pytest.mark.parametrize("name", ["a|b\x1b[2J<script>x", "=cmd()|' /C calc'!A0", "two\nlines"])
def test_a_hostile_name_is_harmless_in_tables_and_spreadsheets(name):
    found = compiled_kernels(record_of(measured(name, SLOW)))
    table = codes_table(found)
    assert len(cells(table)) == 3
    assert "\x1b" not in table
    assert "<script" not in table.replace("\\<script", "")
    (row,) = csv.reader(io.StringIO(codes_csv(found).partition("\n")[2]))
    assert row[1].isprintable()
    assert not row[1].startswith("=")
