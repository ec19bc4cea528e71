"""The registry: names, choices, refusals in one sentence, and third parties who must not take the suite down."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from matbench.errors import KernelError, UsageError
from matbench.kernels import FLOATS, Kernel, Registry, Rung, default_registry, kernel
from matbench.kernels.installed import GROUP
from matbench.model import DTYPES, Caches, KernelCard, Problem
from matbench.operations import OPERATIONS

ROOT = Path(__file__).parents[2]


def made(name="mine", rung=Rung.NUMPY, **declaration):
    return Kernel(name=name, rung=rung, idea="an idea", function=np.matmul, **declaration)


# -- names and choices -------------------------------------------------------------------------------------------------


def test_the_ladder_is_told_from_its_foot_to_its_top():
    rungs = [each.rung for each in default_registry()]
    assert rungs == sorted(rungs)
    assert set(rungs) == set(Rung)
    assert default_registry().names[0] == "python_arrays"
    assert default_registry().names[-1] == "numpy_matmul"


def test_the_names_that_other_tools_rely_on_are_there():
    assert set(default_registry().names) >= {
        "python_arrays",
        "python_lists",
        "python_sumprod",
        "numpy_rows",
        "numpy_outer",
        "numpy_broadcast",
        "numpy_einsum",
        "numba_ijk",
        "numba_ikj",
        "numba_ikj_fma",
        "numba_tiled",
        "numba_parallel",
        "numpy_matmul",
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("nope", None), ("python_list", "python_lists"), ("matmul", "numpy_matmul"), ("NUMBA_IKJ", "numba_ikj")],
)
def test_an_unknown_name_is_refused_with_all_names_and_the_nearest_if_one_is_near(typed, meant):
    with pytest.raises(UsageError) as info:
        default_registry().get(typed)
    message = str(info.value)
    assert message.startswith(f"no kernel {typed!r}; ")
    names = ", ".join(default_registry().names)
    said = f"did you mean {meant!r}? There are: {names}" if meant else f"there are: {names}"
    assert message == f"no kernel {typed!r}; {said}"


def test_of_an_unknown_name_the_kernels_of_other_operations_are_counted_and_not_listed():
    every, products = default_registry(*OPERATIONS), default_registry()
    with pytest.raises(UsageError) as info:
        every.get("nope")
    more = f"; and {len(every) - len(products)} of other operations, which matbench list tells"
    assert str(info.value).endswith(f"there are: {', '.join(products.names)}{more}")
    with pytest.raises(UsageError, match=r"there are: \S+"):
        every.of("matvec").get("nope")


def test_globs_choose_in_the_order_of_the_ladder_and_without_doubles():
    registry = default_registry()
    chosen = [each.name for each in registry.select("numpy_matmul, numba_ik*,python_?????,numba_ikj")]
    assert chosen == ["python_lists", "numba_ikj", "numba_ikj_fma", "numpy_matmul"]
    assert registry.select("*") == tuple(registry)


@pytest.mark.parametrize("patterns", ["numba_ikj,fortran_*", "", "numpy_matmul,", "NUMPY_*"])
def test_a_pattern_that_chooses_nothing_is_refused(patterns):
    with pytest.raises(UsageError, match=r"^no kernel '.*[Tt]here are: python_arrays, "):
        default_registry().select(patterns)


def test_matching_may_find_nothing():
    assert default_registry().matching("fortran_*") == ()


def test_a_name_can_be_had_once():
    registry = Registry([made()])
    with pytest.raises(KernelError, match="there is a kernel 'mine' already; choose another name"):
        registry.add(made())
    assert len(registry) == 1


@pytest.mark.parametrize("name", ["", "two words", "a,b", "numpy_*", "x" * 81, "line\nbreak", "../etc"])
def test_a_name_that_cannot_be_typed_or_stored_is_refused(name):
    with pytest.raises(KernelError, match="can't name a kernel; use up to 80 letters, digits and underscores"):
        Registry([made(name)])


def test_a_copy_of_the_registry_leaves_the_original_alone():
    before = default_registry().names
    Registry(default_registry()).add(made())
    assert default_registry().names == before


# -- one kernel --------------------------------------------------------------------------------------------------------


def test_the_decorator_makes_a_kernel_of_the_function_below_it():
    @kernel("mine", rung=Rung.NUMPY, idea="an idea", dtypes=FLOATS)
    def mine(a, b, out):
        np.matmul(a, b, out=out)

    assert mine.card == KernelCard(name="mine", rung="NumPy arrays", idea="an idea")
    np.testing.assert_array_equal(mine(np.eye(3), np.ones((3, 2))), np.ones((3, 2)))


def test_a_kernel_made_to_measure_is_told_the_caches_and_the_dtype():
    asked = []

    def make(caches, dtype):
        asked.append((caches, dtype))
        return np.matmul

    fitted = Kernel(name="mine", rung=Rung.NUMPY, idea="an idea", function=make, from_caches=True)
    caches = Caches(l1d=1, l2=2)
    assert fitted.bind("float32", caches) is np.matmul
    assert fitted.bind("float64") is np.matmul
    assert asked == [(caches, "float32"), (Caches(), "float64")]


@pytest.mark.parametrize(
    ("declaration", "asked", "reason"),
    [
        ({}, ("float64", 1), None),
        ({"dtypes": FLOATS}, ("int64", 1), "does not compute in int64"),
        ({}, ("float64", 2), "runs on one thread only"),
        ({"threaded_dtypes": FLOATS}, ("float64", 2), None),
        ({"threaded_dtypes": FLOATS}, ("int64", 2), "runs on one thread only in int64"),
        ({"threaded_dtypes": FLOATS}, (None, 2), None),
        ({"needs": lambda: "needs a miracle"}, ("float64", 1), "needs a miracle"),
        ({"needs": lambda: "needs a miracle"}, (None, 1), "needs a miracle"),
    ],
)
def test_why_not_tells_the_reason(declaration, asked, reason):
    assert made(**declaration).why_not(*asked) == reason


def test_expected_times_grow_with_work_and_calls_and_shrink_with_threads():
    small, large = Problem(m=100, n=100, k=100), Problem(m=200, n=200, k=200)
    plain = made(gflops=2.0)
    assert plain.expected_seconds(large) == pytest.approx(8 * 2e6 / 2e9, rel=1e-3)
    assert plain.expected_seconds(large, threads=4) < plain.expected_seconds(large)
    assert made(gflops=2.0, dispatches=lambda _: 10**6).expected_seconds(small) > 1
    integers = Problem(m=100, n=100, k=100, dtype="int64")
    slower = made(gflops=2.0, integer_gflops=0.1)
    assert slower.expected_seconds(integers) > 10 * slower.expected_seconds(small)


def test_every_kernel_of_ours_has_a_cost_model_and_a_docstring():
    problem = Problem(m=64, n=65, k=66)
    for each in default_registry():
        assert 0 < each.expected_seconds(problem) < 60
        assert each.needed_bytes(problem) >= problem.operand_bytes
        assert each.function.__doc__, each.name
        assert each.idea
        assert set(each.threaded_dtypes) <= set(each.dtypes) <= set(DTYPES)


def test_the_workspace_of_broadcasting_is_all_products():
    problem = Problem(m=10, n=20, k=30)
    needed = default_registry().get("numpy_broadcast").needed_bytes(problem)
    assert needed == problem.operand_bytes + 8 * 10 * 20 * 30


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (np.ones((2, 3)), np.ones((2, 3)), r"shapes \(2, 3\) and \(2, 3\) do not multiply; give m x k and k x n"),
        (np.ones(3), np.ones((3, 3)), r"shapes \(3,\) and \(3, 3\) do not multiply"),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2)), "do not multiply"),
        (np.ones((2, 2)), np.ones((2, 2), np.float32), "operands are float64 and float32; convert one with .astype"),
        (np.ones((2, 2), complex), np.ones((2, 2), complex), "does not time complex128 matrices; use one of float64"),
        (np.ones((2, 2), ">f8"), np.ones((2, 2), ">f8"), "does not time >f8 matrices|does not time float64 matrices"),
        (np.ones((2, 2), int), np.ones((2, 2), int), "mine does not compute in int64; it computes in float64, float32"),
    ],
)
def test_operands_that_do_not_fit_are_refused_in_one_sentence(a, b, sentence):
    with pytest.raises(KernelError, match=sentence) as info:
        made(dtypes=FLOATS)(a, b)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("out", [np.ones((2, 2)), np.ones((2, 4), np.float32), np.ones(8)])
def test_an_output_of_another_shape_or_type_is_refused(out):
    with pytest.raises(KernelError, match=r"^out is .*; it has to be \(2, 4\) of float64$"):
        made()(np.ones((2, 3)), np.ones((3, 4)), out)


def test_an_output_that_shares_memory_with_an_operand_is_refused_and_left_alone():
    a = np.ones((3, 3))
    for out in (a, a.T, a[::-1]):
        with pytest.raises(KernelError, match="out shares memory with an operand; give an array of its own"):
            made()(a, np.eye(3) * 2, out)
        with pytest.raises(KernelError, match="out shares memory"):
            made()(np.eye(3) * 2, a, out)
    np.testing.assert_array_equal(a, np.ones((3, 3)))


@pytest.mark.parametrize("given", [([[1.0]], np.eye(1)), (np.eye(1), 1.0), (np.eye(1), np.eye(1), [[0.0]])])
def test_what_is_no_array_is_refused_with_the_remedy(given):
    with pytest.raises(KernelError, match=r"have to be arrays; wrap them in numpy\.asarray$"):
        made()(*given)


def test_the_output_given_is_the_one_returned():
    out = np.empty((2, 4))
    assert made()(np.ones((2, 3)), np.ones((3, 4)), out) is out


def test_a_kernel_that_cannot_run_here_says_why_when_it_is_called():
    with pytest.raises(KernelError, match="mine can't run here: needs a miracle"):
        made(needs=lambda: "needs a miracle")(np.eye(2), np.eye(2))


# -- third parties -----------------------------------------------------------------------------------------------------


class Plugin(EntryPoint):
    """An entry point whose object is at hand, or raises."""

    def load(self):
        found = OFFERS[self.value]
        if isinstance(found, BaseException):
            raise found
        return found


def module_with(**values):
    module = ModuleType("plugin")
    vars(module).update(values)
    return module


def lacking(_):
    raise OSError("no such device")


OFFERS = {
    "kernel": made("theirs"),
    "module": module_with(one=made("one"), two=made("two"), number=3),
    "builds on ours": module_with(ours=default_registry().get("numpy_matmul"), two=made("two")),
    "raises": ImportError("No module named 'fortran'"),
    "exits": SystemExit(2),
    "nothing": module_with(number=3),
    "function": np.matmul,
    "clash": module_with(fresh=made("fresh"), clash=made("numpy_matmul")),
    "twice": module_with(one=made("one"), other=made("one", rung=Rung.BLAS)),
    "rung": module_with(fresh=made("fresh"), odd=made("odd", rung="NumPy")),
    "name": made("no name"),
    "needs": made("needy", needs=lambda: lacking(None)),
}


def load(value):
    registry = Registry(default_registry())
    registry.load(Plugin(name="plug", value=value, group=GROUP))
    return [name for name in registry.names if name not in default_registry().names]


@pytest.mark.parametrize(
    ("value", "names"), [("kernel", ["theirs"]), ("module", ["one", "two"]), ("builds on ours", ["two"])]
)
def test_a_plugin_offers_a_kernel_or_a_module_of_them(value, names):
    assert load(value) == names


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("raises", "ImportError: No module named 'fortran'"),
        ("exits", "SystemExit: 2"),
        ("nothing", "KernelError: it names no kernel; decorate the function with @kernel"),
        ("function", "KernelError: it names no kernel"),
        ("clash", "KernelError: there is a kernel 'numpy_matmul' already; choose another name"),
        ("twice", "KernelError: there is a kernel 'one' already"),
        ("rung", "ValueError: 'NumPy' is not a valid Rung"),
        ("name", "KernelError: 'no name' can't name a kernel"),
        ("needs", "OSError: no such device"),
    ],
)
def test_a_broken_plugin_is_left_out_as_a_whole_with_a_warning(value, reason):
    with pytest.warns(RuntimeWarning, match=rf"^kernel plugin 'plug' of unknown is left out: {reason}"):
        assert load(value) == []


def fresh(script, **environment):
    """What a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(name="environment")
def _environment(monkeypatch):
    """Environment variables of this process, to add to."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return dict(os.environ)


USE_PLUGIN = """
import numpy as np
from matbench.kernels import default_registry
from matbench.kernels.oracle import check_laws
found = default_registry().get("numpy_dot")
assert found.origin == "my-kernels" == found.card.origin, found.origin
assert found(np.eye(2), np.ones((2, 3))).sum() == 6
assert all(check_laws(found.bind(dtype), dtype).is_right for dtype in found.dtypes)
print(*default_registry().names)
"""


def shown(language):
    """The first block of code in a language that CONTRIBUTING.md shows."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.search(rf"```{language}\n(.*?)```", guide, flags=re.DOTALL)[1]


def install(package, folder):
    """Lay down what an installer makes of the package and the pyproject.toml that CONTRIBUTING.md shows."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(shown("python"))
    points = tomllib.loads(shown("toml"))["project"]["entry-points"][GROUP]
    installed = folder / f"{package}-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-kernels\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines) + "\n")


def test_the_plugin_that_contributing_shows_is_found_listed_and_verified_by_a_fresh_process(tmp_path, environment):
    install("my_kernels", tmp_path)
    names = fresh(USE_PLUGIN, **environment, PYTHONPATH=str(tmp_path))
    assert set(names) == {*default_registry().names, "numpy_dot"}


def test_a_kernel_of_ones_own_takes_less_than_ten_lines():
    assert len([line for line in shown("python").splitlines() if line]) < 10


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import numpy as np
from matbench.errors import KernelError
from matbench.kernels import Rung, default_registry
from matbench.kernels.ceilings import vector_lanes, why_no_chains
from matbench.kernels.oracle import check_laws
for each in default_registry():
    reason = each.why_not()
    if each.rung is Rung.NUMBA:
        assert reason.startswith("needs numba, which can't be imported (") and "pip install numba" in reason, reason
        try:
            each(np.eye(2), np.eye(2))
        except KernelError as refused:
            assert str(refused) == f"{each.name} can't run here: {reason}"
    else:
        assert reason is None
        assert all(check_laws(each.bind(dtype), dtype).is_right for dtype in each.dtypes)
assert why_no_chains() == default_registry().get("numba_ijk").why_not()
try:
    vector_lanes("float64")
except KernelError as refused:
    assert str(refused) == why_no_chains()
print(*default_registry().names)
"""


def test_without_numba_its_kernels_stay_on_the_ladder_with_the_reason(environment):
    assert fresh(WITHOUT_NUMBA, **environment) == list(default_registry().names)
