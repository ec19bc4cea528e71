"""``--base``: a kernel that has no time in the record can't be what speed-ups are told over."""

from __future__ import annotations

import msgspec
import pytest
from compare_examples import CARDS, ladder, measured, record, skipped

from matbench.record.store import keep_record

TIMED = ladder(sizes=(64,), kernels={"numba_ikj": 15e9, "numpy_matmul": 50e9})


def kept(folder, *more):
    keep_record(record(measurements=(*TIMED, *more)), folder)


@pytest.mark.parametrize(
    "more",
    [
        (),  # it was installed, so that its card is in the record
        (skipped("python_lists", 64, "the budget is used up"),),
        (msgspec.structs.replace(measured("python_lists", 64, 0.1), outcome="wrong", reason="far off"),),
        (measured("python_lists", 64, 0.1, threads=2),),
    ],
)
@pytest.mark.parametrize("command", ["show", "plot", "report", "export"])
def test_a_base_without_a_time_is_refused_with_the_kernels_that_have_one(tmp_path, told, command, more):
    kept(tmp_path, *more)
    assert "python_lists" in {card.name for card in CARDS}
    options = ("--to", "csv") if command == "export" else ()
    code, out, err = told(command, "--results", tmp_path, "--base", "python_lists", *options)
    assert (code, out) == (2, "")
    said = "no kernel 'python_lists' with a time on 1 thread in this record; there are: numba_ikj, numpy_matmul"
    assert err == f"matbench: {said}\n"


def test_a_base_that_nobody_knows_is_refused_as_well(tmp_path, told):
    kept(tmp_path)
    code, _, err = told("show", "--results", tmp_path, "--base", "nope\x1b[31m", "--json")
    assert code == 2
    assert "no kernel 'nope�[31m' with a time on 1 thread in this record" in err


def test_a_base_with_a_time_is_taken(tmp_path, told):
    kept(tmp_path)
    code, out, err = told("show", "--results", tmp_path, "--base", "numba_ikj")
    assert code == 0, err
    assert "speed-up over numba_ikj" in out
