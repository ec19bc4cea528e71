"""Arms: what was typed is found, called as its callers would, and cloned."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest

from matbench.errors import UsageError
from matbench.kernels import Registry, default_registry
from matbench.kernels.oracle import operands
from matbench.measure.pairs_arms import Bound, bind_arm, cached, clone, is_same, style_of
from matbench.measure.pairs_loading import load_function
from matbench.measure.pairs_refusal import RefusedError
from matbench.measure.pairs_sources import parse_arms
from matbench.model import Caches, Problem


@pytest.fixture
def registry():
    return Registry(default_registry())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(a, b, out):\n    out[...] = a @ b\n\n\nx = 3\n", encoding="utf-8")
    return path


def test_a_kernels_name_stands_for_itself(registry):
    [one, other] = parse_arms(["numba_ikj", "numpy_matmul"], registry)
    assert (one.label, one.place) == ("numba_ikj", None)
    assert other.label == "numpy_matmul"


def test_a_file_goes_by_its_base_name(registry, file):
    [source] = parse_arms([f"{file}:f"], registry)
    assert source.label == "mine.py:f"
    assert source.place == f"{file}:f"


def test_two_files_of_one_name_are_told_apart(registry, file, tmp_path):
    other = tmp_path / "new" / "mine.py"
    other.parent.mkdir()
    other.write_text(file.read_text())
    sources = parse_arms([f"{file}:f", f"{other}:f"], registry)
    assert [each.label for each in sources] == ["mine.py:f", "mine.py:f#2"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("numba_ijk_", "did you mean 'numba_ijk'"),
        ("gone.py:f", "there is no file 'gone.py'"),
        ("numpy:", "names no function"),
        ("num py:matmul", "names no module"),
        ("numpy:1x", "names no function"),
        (":matmul", "names no module"),
    ],
)
def test_what_is_neither_is_refused_in_a_sentence(registry, typed, said):
    with pytest.raises(UsageError, match=said):
        parse_arms([typed], registry)


def test_a_function_of_a_file_and_one_of_a_module_are_found(file):
    assert load_function(f"{file}:f").__name__ == "f"
    assert load_function("numpy:linalg.norm") is np.linalg.norm


@pytest.mark.parametrize(
    ("name", "said"),
    [("g", "is missing: mine.py has no function 'g'; it has: f"), ("x", "^can't be called; name a function")],
)
def test_a_name_that_is_no_function_is_refused(file, name, said):
    with pytest.raises(RefusedError, match=said) as caught:
        load_function(f"{file}:{name}")
    assert caught.value.outcome == "skipped"


@pytest.mark.parametrize("line", ["import gone_module", "raise SystemExit(3)", "1 / 0", "def"])
def test_a_module_that_can_not_be_imported_is_refused(tmp_path, line):
    path = tmp_path / "broken.py"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(RefusedError, match=r"^can't be imported, for broken.py raised") as caught:
        load_function(f"{path}:f")
    assert str(tmp_path) not in str(caught.value)


def test_a_module_of_the_working_folder_is_found_after_all_others(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_function("mine:f").__name__ == "f"
    assert sys.path[0] != ""


def returning(a, b):
    return a @ b


def biased(a, b, bias=0.0):
    return a @ b + bias


def by_keyword(a, b, *, out):
    np.matmul(a, b, out=out)


def optional_out(a, b, out=None):
    return np.matmul(a, b, out=out)


def starred(*matrices):
    np.matmul(*matrices)


@pytest.mark.parametrize(
    ("function", "style"),
    [
        (returning, "returns"),
        (biased, "returns"),
        (by_keyword, "keyword"),
        (optional_out, "writes"),
        (starred, "writes"),
        (np.dot, "writes"),
        (functools.partial(biased, bias=0.0), "returns"),
    ],
)
def test_how_a_function_gives_its_product_back_is_told_by_its_parameters(function, style):
    assert style_of(function) == style
    a, b, out = operands(Problem(3, 4, 5))
    found = Bound(function, style).call(a, b, out)()
    np.testing.assert_allclose(found if style == "returns" else out, a @ b)


def test_nothing_is_timed_but_the_function_itself():
    a, b, out = operands(Problem(3, 4, 5))
    call = Bound(returning, "returns").call(a, b, out)
    assert call.func is returning
    assert np.isnan(out).all()


class Callable:
    """A function with a state."""

    def __init__(self):
        self.scale = 1.0

    def __call__(self, a, b, out):
        np.matmul(a, b, out=out)

    def method(self, a, b, out):
        np.matmul(a, b, out=out)


@pytest.mark.parametrize(
    "function",
    [optional_out, by_keyword, functools.partial(optional_out), Callable(), Callable().method, np.dot, np.matmul],
)
def test_a_clone_computes_the_same(function):
    a, b, out = operands(Problem(3, 4, 5))
    twin = clone(function)
    style = "keyword" if function is by_keyword else "writes"
    Bound(twin, style).call(a, b, out)()
    np.testing.assert_allclose(out, a @ b)


def test_a_clone_of_a_python_function_has_code_of_its_own_and_keeps_its_defaults():
    twin = clone(optional_out)
    assert twin.__code__ is not optional_out.__code__
    assert twin.__defaults__ == (None,)
    assert clone(by_keyword).__kwdefaults__ is None
    assert not is_same(twin, optional_out)


@pytest.mark.parametrize("name", ["numba_ikj", "numba_ikj_fma", "numba_tiled", "numba_gemm"])
def test_a_clone_of_a_compiled_function_keeps_its_options_and_passes(registry, name):
    reason = registry.get(name).why_not()
    if reason:
        pytest.skip(reason)
    function = registry.get(name).bind("float64", Caches())
    twin = clone(function)
    function, twin = (getattr(each, "func", each) for each in (function, twin))
    assert twin._compiler.pipeline_class is function._compiler.pipeline_class
    assert twin is not function
    assert twin.targetoptions == function.targetoptions
    assert twin.py_func.__code__.co_code == function.py_func.__code__.co_code


def test_two_bindings_of_one_function_are_the_same():
    thing = Callable()
    assert is_same(thing.method, thing.method)
    assert is_same(functools.partial(np.dot), functools.partial(np.dot))
    assert not is_same(functools.partial(biased, bias=1.0), functools.partial(biased, bias=2.0))


def test_a_kernel_that_a_file_declares_is_bound_like_one_of_the_registry(registry):
    bound = bind_arm(
        "mine", registry.get("numpy_matmul"), registry=Registry(), dtype="float64", threads=1, caches=Caches()
    )
    assert bound.style == "writes"


def test_two_names_of_one_function_in_a_file_are_found_to_be_one(file):
    file.write_text(file.read_text() + "g = f\n", encoding="utf-8")
    assert is_same(load_function(f"{file}:f"), load_function(f"{file}:g"))


def test_what_a_reader_keeps_on_disk_himself_is_kept_in_the_folder_of_the_comparison(tmp_path, monkeypatch):
    numba = pytest.importorskip("numba")
    source = "import numba\n\n\n@numba.njit(cache=True)\ndef f(a, b, out):\n    out[0, 0] = a[0, 0] * b[0, 0]\n"
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "own cache"))
    function = load_function(f"{tmp_path / 'own.py'}:f")
    cached(function, str(tmp_path / "of this comparison"))
    function(*(np.ones((1, 1)) for _ in range(3)))
    assert list((tmp_path / "of this comparison").rglob("*.nbi"))
    assert not list(tmp_path.glob("own cache/**/*.nbi"))


def test_what_matbench_keeps_on_disk_stays_where_it_is(registry, tmp_path):
    reason = registry.get("numba_gemm").why_not()
    if reason:
        pytest.skip(reason)
    function = registry.get("numba_gemm").bind("float64", Caches())
    before = function.func.stats.cache_path
    cached(function, str(tmp_path))
    assert function.func.stats.cache_path == before
