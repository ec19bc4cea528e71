"""The table of operations: what each states of itself, and that the rest of the suite finds it."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from matbench.errors import UsageError
from matbench.kernels import Registry, Rung, default_registry, kernel
from matbench.model import KernelCard, Problem
from matbench.operations import OPERATIONS, PRODUCT, OperationName, select_operations
from matbench.present.operations import operations_table

every = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
FURTHER = tuple(each for each in OPERATIONS if each != PRODUCT)
DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_names_that_a_file_may_hold_are_those_of_the_table():
    assert get_args(OperationName) == tuple(OPERATIONS)


@every
def test_an_operation_has_a_ladder_from_pure_python_to_a_library_or_an_array(operation):
    ladder = default_registry(operation.name)
    rungs = {each.rung for each in ladder}
    assert {Rung.PYTHON, Rung.NUMBA} <= rungs
    assert rungs & {Rung.NUMPY, Rung.BLAS}
    base = ladder.get(operation.base)
    assert (base.rung, base.operation) == (Rung.PYTHON, operation.name)


@every
def test_an_operation_that_threads_help_has_a_kernel_that_can_use_them(operation):
    assert any(each.threaded_dtypes for each in default_registry(operation.name)) or operation.name == "transpose_walk"


def test_the_ladder_of_the_product_is_what_everybody_gets_who_asks_for_none():
    assert {each.operation for each in default_registry()} == {PRODUCT}
    names = [each.name for each in default_registry(*OPERATIONS)]
    assert len(names) == len(set(names)) > 2 * len(default_registry())


def test_a_kernel_of_an_operation_that_there_is_not_is_refused():
    stranger = kernel("cube_root", rung=Rung.NUMPY, idea="another operation", operation="cube_root")(print)
    with pytest.raises(Exception, match="there is no operation 'cube_root'; there are: matmul, matvec"):
        Registry([stranger])


@pytest.mark.parametrize(
    ("name", "flops", "elements"),
    [
        ("matmul", 2 * 10**3, 300),
        ("matvec", 200, 120),
        ("transpose", 0, 200),
        ("transpose_walk", 100, 110),
        ("norm", 200, 101),
        ("broadcast_scalar", 100, 200),
        ("broadcast_rows", 100, 210),
        ("broadcast_outer", 100, 120),
        ("inverse", 2000, 200),
        ("determinant", 666, 101),
        ("eigenvalues", 1333, 110),
        ("svd", 2666, 110),
    ],
)
def test_counts_at_size_ten_are_those_done_by_hand(name, flops, elements):
    problem = Problem(10, 10, 10, "float32", operation=name)
    assert (problem.flops, problem.elements, problem.operand_bytes) == (flops, elements, 4 * elements)
    assert problem.definition.intensity(10, 4) == pytest.approx(flops / (4 * elements))


def test_intensity_grows_with_n_where_arithmetic_sets_the_pace_and_stays_where_memory_does():
    for operation in OPERATIONS.values():
        growth = operation.intensity(2000, 8) / max(operation.intensity(1000, 8), 1e-9)
        if operation.told == "flop/s":
            assert growth == pytest.approx(2, rel=0.01), operation.name
        else:
            assert growth == pytest.approx(1, rel=0.01) or operation.flops(1, 1, 1) == 0, operation.name


def test_globs_choose_operations_in_the_order_of_the_table():
    assert select_operations("svd, broadcast_*,matvec,svd") == (
        *("matvec", "broadcast_scalar", "broadcast_rows", "broadcast_outer"),
        "svd",
    )
    assert select_operations("*") == tuple(OPERATIONS)


@pytest.mark.parametrize("patterns", ["", "matvek", "svd,", "SVD"])
def test_an_operation_that_there_is_not_is_refused_with_all_there_are(patterns):
    with pytest.raises(UsageError, match=r"^no operation '\w*'; there are: matmul, matvec, .*svd$"):
        select_operations(patterns)


def test_a_problem_of_the_product_is_written_as_it_always_was():
    text = b'{"m":1,"n":2,"k":3,"dtype":"float64","layout":"C","seed":0}'
    assert msgspec.json.encode(Problem(1, 2, 3)) == text
    assert msgspec.json.decode(text, type=Problem) == Problem(1, 2, 3)


@pytest.mark.parametrize("name", FURTHER)
def test_a_problem_of_another_operation_says_which(name):
    problem = Problem(4, 4, 4, operation=name)
    text = msgspec.json.encode(problem)
    assert f'"operation":"{name}"'.encode() in text
    assert msgspec.json.decode(text, type=Problem) == problem


def test_an_unknown_operation_in_a_file_is_refused():
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'cube_root'"):
        msgspec.json.decode(b'{"m":1,"n":1,"k":1,"operation":"cube_root"}', type=Problem)


def test_a_card_says_only_of_a_view_that_it_is_one():
    card = KernelCard("numpy_transpose", "NumPy arrays", "one copy")
    assert b"view" not in msgspec.json.encode(card)
    assert b'"view":true' in msgspec.json.encode(msgspec.structs.replace(card, view=True))


def test_the_document_has_the_table_as_it_is():
    text = DOCUMENT.read_text(encoding="utf-8")
    written = re.search(r"<!-- generated: operations -->\n\n(.*?)\n\n<!-- end -->", text, re.DOTALL)
    assert written, "write operations_table() between the marks of docs/operations.md"
    assert written[1] == operations_table()


def test_the_document_names_kernels_that_there_are():
    names = set(default_registry(*OPERATIONS).names)
    told = set(re.findall(r"`((?:python|numpy|numba)_\w+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert told <= names
    assert len(told) > len(OPERATIONS)
