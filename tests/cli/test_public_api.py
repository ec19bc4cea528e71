"""The names that other programs rely on: ``matbench.kernels``, ``get``, ``quick``, ``pair``, ``load``."""

from __future__ import annotations

import json
import types

import msgspec
import pytest
from cli_driver import finished
from compare_examples import ladder, record, skipped

import matbench
from matbench import api
from matbench.analyse.ladder import tabulate
from matbench.errors import RecordError, UsageError


def test_importing_matbench_imports_nothing_heavy(user):
    code = "import json, sys; import matbench; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(finished(user.python("-c", code)).out)
    assert not {"numpy", "numba", "msgspec", "matplotlib", "matbench.api", "matbench.kernels"} & set(modules)


def test_kernels_is_a_function_and_a_package():
    from matbench.kernels.registry import Kernel

    assert isinstance(matbench.kernels, types.ModuleType)
    assert all(isinstance(each, Kernel) for each in matbench.kernels())
    names = [each.name for each in matbench.kernels()]
    assert names.index("python_lists") < names.index("numpy_outer") < names.index("numpy_matmul")


def test_kernels_are_shown_in_a_line_each_and_are_a_tuple_all_the_same():
    every = matbench.kernels()
    head, *lines = repr(every).splitlines()
    assert head == f"{len(every)} kernels, foot to top"
    assert [line.split()[0] for line in lines] == [each.name for each in every]
    assert all(line.endswith(f"  {each.idea}") and len(line) < 100 for line, each in zip(lines, every, strict=True))
    assert every == tuple(every)
    assert hash(every) == hash(tuple(every))
    assert repr(every[:1]) == "(<Kernel python_arrays: three loops that index ndarrays>,)"


def test_a_quick_table_shows_itself_as_a_ladder_and_is_a_table_all_the_same():
    made = tabulate(record(measurements=(*ladder(sizes=(64,)), skipped("numba_gemm", 64, "the budget is used up"))))
    table = api.QuickTable(**msgspec.structs.asdict(made))
    assert isinstance(table, type(made))
    assert table.rows == made.rows
    shown = repr(table)
    assert "| kernel " in shown.splitlines()[0]
    assert [row.case.kernel for row in made.rows if row.seconds and f"| {row.case.kernel} " not in shown] == []
    assert shown.endswith("Left out:\n\n- numba_gemm: the budget is used up")
    assert "Problem(" not in shown
    assert max(map(len, shown.splitlines())) < 160
    assert table._repr_markdown_() == shown


def test_a_quick_table_without_a_time_says_so():
    made = tabulate(record(measurements=(skipped("numba_gemm", 64, "the budget is used up"),)))
    assert repr(api.QuickTable(**msgspec.structs.asdict(made))).startswith("Nothing was measured.\n\nLeft out:")


@pytest.mark.parametrize("name", ["python_lists", "numpy_matmul"])
def test_a_kernel_by_name_multiplies(name):
    import numpy as np

    a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    out = np.full((2, 2), np.nan)
    assert matbench.get(name)(a, b, out) is out
    assert out.tolist() == [[3.0, 3.0], [12.0, 12.0]]
    assert matbench.get(name)(a, b).tolist() == out.tolist()


def test_an_unknown_kernel_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"did you mean 'python_lists'\?"):
        matbench.get("python_list")


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="lops"):
        _ = matbench.lops


def test_a_record_is_loaded_from_text_or_path(tiny):
    record = matbench.load(tiny.path)
    assert matbench.load(str(tiny.path)) == record
    assert record.is_complete


def test_what_is_no_record_is_not_loaded(tmp_path):
    (tmp_path / "foreign.jsonl").write_text("{}\n")
    with pytest.raises(RecordError, match="no record of matbench"):
        matbench.load(tmp_path / "foreign.jsonl")


QUICK = """
import json, matbench
if __name__ == "__main__":
    table = matbench.quick(n=16, kernels="python_lists,numpy_matmul", threads=[1], budget_s=4.0)
    rows = [[r.case.kernel, r.case.problem.n, r.seconds is not None, r.speedup is not None] for r in table.rows]
    print(json.dumps(rows))
"""


@pytest.mark.xdist_group("measure")
def test_quick_measures_here_and_now_and_stores_nothing(user):
    done = finished(user.python("-c", QUICK))
    assert done.code == 0, done.err
    assert json.loads(done.out) == [["python_lists", 16, True, True], ["numpy_matmul", 16, True, True]]
    assert user.files == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"n": 0}, "out of range"),
        ({"kernels": "lops"}, "no kernel 'lops'"),
        ({"threads": [0]}, "at least 1"),
        ({"threads": [65000]}, "at most"),
        ({"budget_s": 0.1}, "gone before anything is measured"),
    ],
)
def test_quick_refuses_what_can_not_be(asked, words):
    with pytest.raises(UsageError, match=words):
        matbench.quick(**asked)


PAIR = """
import matbench

scale = 2.0

def mine(a, b, out):
    out[...] = (scale / 2) * (a @ b)

def wrong(a, b):
    return a + b

if __name__ == "__main__":
    found = matbench.pair(mine, "numpy_matmul", n=16, processes=2)
    print(found.verdict, "|", found.reason)
    print(len(found.record.processes), "mine against numpy_matmul at n = 16" in str(found))
    print(found._repr_markdown_().startswith("**INCONCLUSIVE**") or found.verdict)
    print(matbench.pair(wrong, mine, n=8, processes=1).reason)
"""


@pytest.mark.xdist_group("measure")
def test_two_functions_of_a_script_are_compared_and_nothing_is_stored(user):
    done = finished(user.python("-c", PAIR))
    assert done.code == 0, done.err
    first, second, third, fourth = done.out.splitlines()
    assert first.startswith(("INCONCLUSIVE | 2 processes are too few", "INVALID"))
    assert second == "2 True"
    assert third in {"True", "INVALID"}
    assert fourth.startswith("__main__:wrong computes a wrong result")
    assert user.files == []


@pytest.mark.parametrize(
    ("arms", "asked", "words"),
    [
        (("lops", "numpy_matmul"), {}, "no kernel 'lops'"),
        (("numpy_matmul", "numpy_matmul"), {}, "can't be compared with itself"),
        ((len, len), {}, "can't be compared with itself"),
        ((3, "numpy_matmul"), {}, "int can't be compared"),
        (("numpy_matmul", "numba_ikj"), {"n": 0}, "out of range"),
        (("numpy_matmul", "numba_ikj"), {"n": "8,16"}, "more than one size"),
        (("numpy_matmul", "numba_ikj"), {"threads": 65000}, "more than the"),
        (("numpy_matmul", "numba_ikj"), {"processes": 0}, "out of range"),
        (("numpy_matmul", "numba_ikj"), {"dtype": "float16"}, "no dtype 'float16'"),
        (("numpy_matmul", "numba_ikj"), {"threads": 0}, "ask for at least 1"),
        (("numpy_matmul", "numba_ikj"), {"claim": -0.1}, "out of range"),
        (("numpy_matmul", "numba_ikj"), {"claim": float("nan")}, "out of range"),
        (("numpy_matmul", "numba_ikj"), {"budget_s": -1.0}, "out of range"),
        (("numpy_matmul", "numba_ikj"), {"budget_s": 0.1}, "too small for one process"),
    ],
)
def test_pair_refuses_what_can_not_be(arms, asked, words):
    with pytest.raises(UsageError, match=words):
        matbench.pair(*arms, **asked)
