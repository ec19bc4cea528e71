"""Machine code in records: told once, read back, refused where it can't be; records without are what they were."""

import msgspec
import pytest

from matbench.errors import RecordError
from matbench.model import Case, Census, MachineCode, Measurement, Problem, Samples
from matbench.record.merging import merge_measurements
from matbench.record.reading import decode_line

LOOP = Census(fused=96, packed=96, scalar=0, width=64, stack=0, work=1536)
WHOLE = Census(fused=700, packed=1000, scalar=3, width=64, stack=12, work=14_000)
CODE = MachineCode(LOOP, WHOLE)
CASE = Case("numba_gemm", Problem(8, 8, 8))
ONE = Samples((1,), (100,), (0,), (0,))


def line_with(**changes):
    """A measurement's line whose hot loop claims something else."""
    told = msgspec.to_builtins(Measurement(CASE, samples=ONE, machine_code=CODE))
    told["machine_code"]["loop"] |= changes
    return msgspec.json.encode(told)


def test_machine_code_is_read_back_as_it_was_written():
    measured = Measurement(CASE, samples=ONE, machine_code=CODE)
    assert decode_line(msgspec.json.encode(measured)) == measured


def test_a_measurement_without_machine_code_is_written_as_it_always_was():
    assert msgspec.json.encode(Measurement(CASE)) == (
        b'{"type":"measurement","case":{"kernel":"numba_gemm","problem":{"m":8,"n":8,"k":8,"dtype":"float64","layout":"C",'
        b'"seed":0},"threads":1},"outcome":"measured","reason":null,"samples":{"loops":[],"elapsed_ns":[],"process":[],'
        b'"round":[]},"first_call_ns":null,"error":null,"bytes_allowed":null}'
    )


def test_a_line_of_an_older_version_has_no_machine_code():
    old = b'{"type":"measurement","case":{"kernel":"k","problem":{"m":1,"n":1,"k":1},"threads":1}}'
    assert decode_line(old).machine_code is None


@pytest.mark.parametrize(
    "changes",
    [
        {"fused": -1},
        {"fused": 97},
        {"packed": 2000},
        {"scalar": 4},
        {"width": 0},
        {"width": 2**20},
        {"packed": 0, "fused": 0},
        {"more": 1},
        {"stack": "none"},
    ],
)
def test_counts_that_can_not_be_are_refused(changes):
    with pytest.raises(RecordError):
        decode_line(line_with(**changes))


def test_the_lines_of_a_case_keep_the_machine_code_that_the_first_told():
    later = Measurement(CASE, samples=Samples((1,), (90,), (0,), (1,)))
    [merged] = merge_measurements([Measurement(CASE, samples=ONE, machine_code=CODE), later])
    assert merged.machine_code == CODE
    assert len(merged.samples) == 2
