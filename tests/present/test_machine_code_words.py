"""Machine code in words: what a hot loop does, told from its counts."""

import pytest

from matbench.model import Case, Census, MachineCode, Measurement, Problem, Record
from matbench.present.machine_code import code_table, code_words, stored_code

FULL = Census(fused=96, packed=96, scalar=0, width=64, stack=0, work=1536)
HALF = Census(fused=0, packed=8, scalar=2, width=32, stack=3, work=34)
SINGLE = Census(fused=0, packed=0, scalar=2, width=0, stack=0, work=2)
NOTHING = Census(fused=0, packed=0, scalar=0, width=0, stack=1, work=0)
WHOLE = Census(fused=96, packed=100, scalar=5, width=64, stack=9, work=2000)


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        (FULL, "works on vectors alone, of 512 bits; 96 of its 96 instructions multiply and add in one; all it needs"),
        (HALF, "in 8 of 10 instructions, of 256 bits of the 512 that this processor has; none is fused; 3 go by way"),
        (SINGLE, "works on one element at a time: it is not vectorised; none is fused; all it needs"),
        (NOTHING, "No loop of it does arithmetic on float64: it moves data, or calls others that compute."),
    ],
)
def test_a_hot_loop_is_told_in_one_sentence(loop, said):
    assert said in code_words(MachineCode(loop, loop), "float64", 64)


def test_where_the_processor_is_not_known_no_share_of_its_width_is_told():
    assert "of 256 bits; none" in code_words(MachineCode(HALF, HALF), "float64")


def test_the_table_has_the_loop_beside_the_whole():
    lines = code_table(MachineCode(HALF, WHOLE)).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == ["on whole vectors", "8", "100"]
    assert [cell.strip() for cell in lines[5].strip("|").split("|")] == ["widest vector, bits", "256", "512"]


def test_a_record_tells_the_code_of_a_kernel_by_type_and_operation():
    code = MachineCode(FULL, FULL)
    record = Record(
        header=None,
        measurements=(
            Measurement(Case("gemm", Problem(8, 8, 8))),
            Measurement(Case("gemm", Problem(9, 9, 9, "float32")), machine_code=MachineCode(HALF, HALF)),
            Measurement(Case("gemm", Problem(9, 9, 9)), machine_code=code),
        ),
    )
    assert stored_code(record, "gemm", "float64") == code
    assert stored_code(record, "gemm", "int64") is None
    assert stored_code(record, "other", "float64") is None
    assert stored_code(record, "gemm", "float64", "matvec") is None
