"""Other operations than the product, as a user meets them: listed, planned, measured, shown, handed on."""

import csv
import io
import json

import pytest
from cli_driver import complains, lines_of

from matbench.kernels import default_registry
from matbench.operations import OPERATIONS

ASKED = ("--operations", "norm,matmul", "--kernels", "python_norm,numpy_norm,python_lists,numpy_matmul")
SMALL = ("run", "--preset", "quick", *ASKED, "--sizes", "16", "--threads", "1", "--budget", "15s")


def test_the_list_groups_every_kernel_by_its_operation(user):
    done = user.does("list")
    assert done.code == 0
    for operation in OPERATIONS.values():
        if operation.name != "matmul":
            assert f"{operation.title}: {operation.formula} (--operations {operation.name}; " in done.out
        for made in default_registry(operation.name):
            assert f" {made.name} " in done.out
    assert done.out.index("numpy_matmul") < done.out.index("python_matvec") < done.out.index("python_svd")


def test_one_operation_s_kernels_can_be_listed_alone_for_people_and_programs(user):
    done = user.does("list", "--operations", "svd", "--json")
    rows = json.loads(done.out)
    assert [each["name"] for each in rows] == list(default_registry("svd").names)
    assert {each["operation"] for each in rows} == {"svd"}
    assert {"rung", "idea", "compiled", "threaded", "view", "dtypes", "why_not"} <= set(rows[0])


def test_a_plan_names_the_operation_of_what_is_no_product(user):
    done = user.does("run", "--dry-run", *ASKED, "--sizes", "16")
    assert done.code == 0
    assert done.out.splitlines() == [
        "norm float64 16: python_norm numpy_norm" + more(done, "norm", "numpy_norm"),
        "float64 16: python_lists numpy_matmul" + more(done, "float64", "numpy_matmul"),
    ]


def more(done, first, name):
    """Further thread counts, where this machine has processors for them."""
    (line,) = [line for line in done.out.splitlines() if line.startswith(first)]
    return line.partition(f" {name}")[2]


def test_kernels_that_are_named_bring_their_operations_along(user):
    done = user.does("run", "--dry-run", "--kernels", "python_svd,python_lists", "--sizes", "8")
    assert set(done.out.splitlines()) == {"svd float64 8: python_svd", "float64 8: python_lists"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--operations", ""), ["--operations is empty; give it a value or leave it out"]),
        (("--operations", "svd", "--kernels", "numpy_norm"), ["no kernel 'numpy_norm'; did you mean 'numpy_svd'?"]),
        (("--operations", "svd", "--resume"), ["leave out --operations"]),
    ],
)
def test_a_request_that_is_off_is_refused_in_one_sentence(user, arguments, words):
    complains(user.does("run", *arguments), *words)


@pytest.mark.xdist_group("measure")
def test_a_run_of_two_operations_is_recorded_and_shown(user):
    done = user.does(*SMALL, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)["measurements"]
    assert {(each["operation"], each["kernel"]) for each in told} == {
        ("matmul", "python_lists"),
        ("matmul", "numpy_matmul"),
        ("norm", "python_norm"),
        ("norm", "numpy_norm"),
    }
    assert {each["speedup"]["base"] for each in told if each["speedup"]} == {"python_lists", "python_norm"}
    (record,) = user.records
    header = lines_of(record)[0]
    assert header["plan"]["command"].startswith("matbench run --preset quick --operations norm,matmul --kernels")

    shown = user.does("show").out
    assert "## Euclidean norm of n² elements: np.linalg.norm(v)" in shown
    assert "At n = 16 (np.linalg.norm(v), float64); GB/s are the" in shown
    assert "speed-up over python_norm" in shown
    assert "speed-up over python_lists" in shown
    assert "| A @ B" in shown
    rows = list(csv.DictReader(io.StringIO(user.does("export", "--to", "csv").out)))
    assert {each["operation"] for each in rows} == {"matmul", "norm"}


def test_two_kernels_of_different_operations_are_not_compared(user):
    sentence = "python_matvec computes A @ v and numpy_matmul computes A @ B; compare two kernels of one operation"
    complains(user.does("pair", "python_matvec", "numpy_matmul"), sentence)
