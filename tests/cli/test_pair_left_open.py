"""What ``matbench pair`` says of a comparison that is not what it could be: out of time, or interrupted."""

from __future__ import annotations

import re
from types import SimpleNamespace

import msgspec
import pytest
from pair_examples import record, spread

from matbench.cli.pair import Options, Work, _announce, _continued, _left_open, tell_refusals
from matbench.kernels import default_registry
from matbench.model import Conditions
from matbench.pairing import PairEnd
from matbench.record.journal import encode_record

OPEN, DECIDED = spread(0.0, 0.2), spread(0.5, 0.004)


def left(*cells, out_of_time=True, budget_s=0.0):
    made = record(*cells)
    settings = msgspec.structs.replace(made.header.settings, budget_s=budget_s)
    made = msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, settings=settings))
    return _left_open(Work(made.header, ()), SimpleNamespace(record=made, out_of_time=out_of_time))


def test_a_table_that_time_left_open_tells_how_much_of_it_and_which_option_gives_more():
    (told,) = left(OPEN, DECIDED, OPEN)
    assert told == (
        "its time of 60.0 s was over before the intervals were narrow enough: 2 of 3 cells are undecided; "
        "--budget 240s gives it more"
    )


def test_the_budget_that_was_given_is_the_one_that_is_told():
    (told,) = left(OPEN, budget_s=90.0)
    assert told.startswith("its time of 90.0 s was over")
    assert told.endswith("--budget 360s gives it more")


def test_a_table_without_open_cells_or_one_that_was_not_out_of_time_says_nothing():
    assert left(DECIDED, DECIDED) == ()
    assert left(OPEN, out_of_time=False) == ()


def stored(results, made):
    path = results / "pairs" / "simulated" / "20261122T161203Z-3f9a1c.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_record(made))


def asked(command, *cells):
    made = record(*([OPEN] * len(cells)))
    own = tuple(msgspec.structs.replace(each, a=a, b=b) for each, (a, b) in zip(made.header.cells, cells, strict=True))
    return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, command=command, cells=own))


def test_what_was_told_of_the_time_is_told_again_whenever_it_is_shown(tmp_path, told, capsys):
    end = PairEnd("2026-11-22T16:13:03Z", 30.0, Conditions(), warnings=("its time of 30.0 s was over",))
    made = msgspec.structs.replace(asked("matbench pair x y", ("x", "y")), end=end)
    tell_refusals(made)
    assert "its time of 30.0 s was over" in capsys.readouterr().err
    stored(tmp_path, made)
    code, _, err = told("show", "--verdicts", "--results", tmp_path)
    assert (code, err.count("its time of 30.0 s was over")) == (0, 1)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([("x", "y")], "matbench pair x y"),
        ([("x", "x")], "matbench pair x --aa"),
        ([("x", "blas_a"), ("x", "blas_b")], "matbench pair x blas"),
        ([("my file.py:f", "y")], "matbench pair 'my file.py:f' y"),
    ],
)
def test_the_way_on_names_the_kernels_themselves(tmp_path, monkeypatch, told, cells, said):
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "results", asked(f"{said} --sizes 64", *cells))
    assert f"did not reach its end; {said} --resume continues it" in told("show", "--verdicts")[2]


def test_the_way_on_of_what_named_libraries_says_that_they_are_needed_again(tmp_path, monkeypatch, told):
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "results", asked("matbench pair x blas_mine --blas libmine.so", ("x", "blas_mine")))
    err = told("show", "--verdicts")[2]
    assert "did not reach its end; matbench pair x blas_mine --resume with the same --blas continues it" in err


def test_the_way_on_looks_into_the_folder_that_was_named(tmp_path, told):
    stored(tmp_path / "mine", asked("matbench pair x y", ("x", "y")))
    err = told("show", "--verdicts", "--results", tmp_path / "mine")[2]
    assert f"matbench pair x y --resume --results {tmp_path / 'mine'} continues it" in err


def test_what_pair_did_not_begin_is_begun_anew(tmp_path, told):
    stored(tmp_path, asked("matbench gate --baseline HEAD", ("x", "x@HEAD")))
    err = told("show", "--verdicts", "--results", tmp_path)[2]
    assert "did not reach its end; it can only be begun anew: matbench gate --baseline HEAD" in err


def test_after_an_interrupt_the_hint_is_a_command_that_can_be_typed(tmp_path):
    assert _continued(Options("x", "y")) == "matbench pair x y --resume"
    assert _continued(Options("x", aa=True)) == "matbench pair x --aa --resume"
    typed = _continued(Options("x", "blas", blas=("my lib.so",), output=tmp_path))
    assert typed == f"matbench pair x blas --blas 'my lib.so' --resume --results {tmp_path}"


@pytest.mark.parametrize(
    ("budget_s", "said"),
    [
        (6.0, r"1 comparison in at most 12 processes, about 6\.00 s of at most 6\.00 s"),
        (600.0, r"1 comparison in 12 processes, about [\d.]+ s of at most 600 s, more \(at most 32\) if needed"),
    ],
)
def test_what_is_announced_is_never_more_than_the_budget(capsys, budget_s, said):
    made = asked("matbench pair numpy_rows numpy_outer", ("numpy_rows", "numpy_outer"))
    settings = msgspec.structs.replace(made.header.settings, budget_s=budget_s)
    header = msgspec.structs.replace(made.header, settings=settings)
    _announce(Work(header, ()), default_registry(), SimpleNamespace(cell_s=0.1, fewest=None))
    assert re.fullmatch(said, capsys.readouterr().err.splitlines()[0])
