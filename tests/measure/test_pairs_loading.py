"""Arms from elsewhere: a baseline is imported beside what it is compared with, and what was there stays."""

from __future__ import annotations

import importlib.util
import sys
import threading
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import FunctionType

import cloudpickle
import pytest

from matbench.errors import UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.pairs_beside import KERNELS, unmixed
from matbench.measure.pairs_loading import load_function, unpickled
from matbench.measure.pairs_refusal import RefusedError
from matbench.measure.pairs_sources import Source, in_baseline, parse_arms, sent, source_file, told_apart

SOURCE = Path(__file__).parents[2] / "src"
INIT = "from matbench_test_pkg.inner import factor\n\n\ndef f(a, b, out):\n    out[...] = factor() * (a @ b)\n"
LAZY_KERNEL = """
from types import SimpleNamespace


def bind(dtype, caches):
    from matbench.kernels.number import NUMBER
    return lambda: NUMBER


def default_registry():
    made = SimpleNamespace(name="lazy", bind=bind, why_not=lambda *_: None)
    return SimpleNamespace(names=["lazy"], get=lambda _: made)
"""


def package(root, factor):
    """A package whose function tells which version it is."""
    folder = root / "matbench_test_pkg"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(INIT, encoding="utf-8")
    (folder / "inner.py").write_text(f"def factor():\n    return {factor}\n", encoding="utf-8")
    return root


@pytest.fixture
def two(tmp_path, monkeypatch):
    """The roots of two versions of a package, of which the first is the one that is imported."""
    new, old = package(tmp_path / "new", 1), package(tmp_path / "old", 2)
    monkeypatch.syspath_prepend(str(new))
    yield new, old
    for name in [name for name in sys.modules if name.startswith("matbench_test_pkg")]:
        del sys.modules[name]


def factor_of(function):
    return function.__globals__["factor"]()


def test_two_versions_of_a_package_are_imported_beside_each_other(two):
    _, old = two
    now = load_function("matbench_test_pkg:f")
    then = load_function("matbench_test_pkg:f", str(old))
    assert (factor_of(now), factor_of(then)) == (1, 2)
    assert sys.modules["matbench_test_pkg"].f is now
    assert load_function("matbench_test_pkg:f", str(old)) is then
    assert str(old) not in sys.path


def test_a_baseline_may_come_first(two):
    new, old = two
    then = load_function("matbench_test_pkg.inner:factor", str(old))
    assert "matbench_test_pkg" not in sys.modules
    assert (then(), load_function("matbench_test_pkg.inner:factor")()) == (2, 1)
    assert Path(sys.modules["matbench_test_pkg"].__file__).is_relative_to(new)


def test_neighbours_of_a_file_are_those_of_its_own_folder(tmp_path):
    for name, value in (("new", 1), ("old", 2)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "matbench_test_helper.py").write_text(f"VALUE = {value}\n", encoding="utf-8")
        (folder / "arm.py").write_text(
            "import matbench_test_helper\n\n\ndef f(a, b):\n    return matbench_test_helper.VALUE\n", encoding="utf-8"
        )
    now = load_function(f"{tmp_path / 'new' / 'arm.py'}:f")
    then = load_function(f"{tmp_path / 'old' / 'arm.py'}:f", str(tmp_path / "old"))
    assert (now(0, 0), then(0, 0)) == (1, 2)
    del sys.modules["matbench_test_helper"]


def test_a_kernel_of_another_copy_of_ours_is_another_function(tmp_path):
    (tmp_path / "matbench").symlink_to(SOURCE / "matbench")
    here = default_registry().get("numpy_rows")
    before = set(sys.modules)
    there = load_function(f"{KERNELS}:numpy_rows", str(tmp_path))
    assert there.name == "numpy_rows"
    assert there.function is not here.function
    assert type(there) is not type(here)
    assert {name for name in set(sys.modules) ^ before if name.startswith("matbench")} == set()
    with pytest.raises(RefusedError, match="no kernel 'gone'"):
        load_function(f"{KERNELS}:gone", str(tmp_path))


def test_what_a_kernel_imports_when_it_is_bound_is_of_its_own_version(tmp_path):
    """Another copy of ours whose registry has one kernel, which imports a number while it is bound."""
    kernels = tmp_path / "matbench" / "kernels"
    kernels.mkdir(parents=True)
    (tmp_path / "matbench" / "__init__.py").touch()
    (kernels / "number.py").write_text("NUMBER = 2\n", encoding="utf-8")
    (kernels / "__init__.py").write_text(LAZY_KERNEL, encoding="utf-8")
    here = {name: each for name, each in sys.modules.items() if name.startswith("matbench")}
    there = load_function(f"{KERNELS}:lazy", str(tmp_path))
    assert (there.name, there.bind("float64", None)()) == ("lazy", 2)
    assert {name: each for name, each in sys.modules.items() if name.startswith("matbench")} == here


@pytest.mark.parametrize("line", ["from matbench_test_pkg.inner import factor", "from .inner import factor"])
def test_a_package_that_imports_itself_inside_a_function_is_no_baseline(two, line):
    new, old = two
    lazy = f"def f(a, b, out):\n    {line}\n    out[...] = factor() * (a @ b)\n"
    for root in (new, old):
        (root / "matbench_test_pkg" / "__init__.py").write_text(lazy, encoding="utf-8")
    assert callable(load_function("matbench_test_pkg:f"))
    with pytest.raises(RefusedError, match="inside a function, which would bring today's code; move") as caught:
        load_function("matbench_test_pkg:f", str(old))
    assert caught.value.outcome == "skipped"


def test_a_file_that_imports_a_neighbour_inside_a_function_is_no_baseline(tmp_path):
    (tmp_path / "matbench_test_helper.py").write_text("VALUE = 2\n", encoding="utf-8")
    (tmp_path / "arm.py").write_text("def f(a, b):\n    import matbench_test_helper\n", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"its arm\.py imports matbench_test_helper inside a function"):
        load_function(f"{tmp_path / 'arm.py'}:f", str(tmp_path))


def test_a_baseline_may_import_libraries_inside_a_function(two):
    _, old = two
    lazy = "\n\ndef g(a, b):\n    import colorsys\n    return a @ b, colorsys\n"
    (old / "matbench_test_pkg" / "__init__.py").write_text(INIT + lazy, encoding="utf-8")
    assert factor_of(load_function("matbench_test_pkg:f", str(old))) == 2


LATE = """
import importlib
import sys
from importlib import import_module
from matbench_test_pkg.inner import factor


def f(a, b):
    return LINE
"""


def late(roots, line):
    """The baseline's function, whose module asks for its own package only when it is called."""
    for root in roots:
        text = LATE.replace("LINE", line)
        (root / "matbench_test_pkg" / "__init__.py").write_text(text, encoding="utf-8")
        (root / "matbench_test_pkg" / "other.py").write_text("VALUE = 1\n", encoding="utf-8")
    load_function("matbench_test_pkg:f")
    return load_function("matbench_test_pkg:f", str(roots[1]))


def modules():
    return {name: each for name, each in sys.modules.items() if name.startswith("matbench_test_pkg")}


@pytest.mark.parametrize(
    "line",
    [
        'importlib.import_module("matbench_test_pkg.inner").factor()',
        'import_module(".inner", "matbench_test_pkg").factor()',
        '__import__("matbench_test_pkg")',
        'import_module("matbench_test_pkg.other").VALUE',
        'sys.modules["matbench_test_pkg.inner"].factor()',
    ],
)
def test_a_baseline_that_asks_for_its_own_modules_when_it_is_called_is_refused(two, line):
    then, before = late(two, line), modules()
    with (
        pytest.raises(RefusedError, match=r"it imports matbench_test_pkg\S* when it is called, which would") as caught,
        unmixed(str(two[1]), "matbench_test_pkg:f"),
    ):
        then(0, 0)
    assert caught.value.outcome == "skipped"
    assert modules() == before
    assert not any(type(each).__module__ == "matbench.measure.pairs_beside" for each in sys.meta_path)


def test_a_baseline_that_asks_for_libraries_when_it_is_called_is_none_of_our_business(two):
    then, before = late(two, 'import_module("colorsys").__name__'), modules()
    with unmixed(str(two[1]), "matbench_test_pkg:f"):
        assert then(0, 0) == "colorsys"
    assert modules() == before


def test_what_a_baseline_raises_by_itself_is_passed_on(two):
    then = late(two, '{}["matbench"]')
    with pytest.raises(KeyError), unmixed(str(two[1]), "matbench_test_pkg:f"):
        then(0, 0)


def test_numba_may_ask_for_the_module_of_what_it_has_compiled_and_gets_the_baseline_s(two):
    late(two, "0")
    numba_s = {"__name__": "numba.core.caching", "__builtins__": {"__import__": __import__}}
    load = FunctionType(compile("import matbench_test_pkg.inner", "caching.py", "exec"), numba_s)
    with unmixed(str(two[1]), "matbench_test_pkg:f"):
        load()
    assert numba_s["matbench_test_pkg"].inner.factor() == 2
    assert sys.modules["matbench_test_pkg.inner"].factor() == 1


def test_a_file_that_asks_for_a_neighbour_when_it_is_called_is_refused(tmp_path):
    (tmp_path / "matbench_test_helper.py").write_text("VALUE = 2\n", encoding="utf-8")
    (tmp_path / "arm.py").write_text("def f(a, b):\n    return __import__('matbench_test_helper')\n", encoding="utf-8")
    place = f"{tmp_path / 'arm.py'}:f"
    then = load_function(place, str(tmp_path))
    with pytest.raises(RefusedError, match="imports matbench_test_helper when"), unmixed(str(tmp_path), place):
        then(0, 0)


# -- whose libraries ---------------------------------------------------------------------------------------------------


def test_a_library_that_is_installed_here_is_never_the_baseline_s_be_it_loaded_or_not(two, monkeypatch):
    _, old = two
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    (old / "colorsys.py").write_text("ONE_THIRD = 'theirs'\n", encoding="utf-8")
    (old / "matbench_test_pkg" / "__init__.py").write_text(
        "import colorsys\n\n\ndef f(a, b):\n    return colorsys.ONE_THIRD\n", encoding="utf-8"
    )
    assert load_function("matbench_test_pkg:f", str(old))(0, 0) == pytest.approx(1 / 3)


def test_of_an_environment_the_arm_s_own_package_is_taken_and_what_is_nowhere_else(two, tmp_path, monkeypatch):
    new, _ = two
    old = package(tmp_path / "venv" / "site-packages", 2)
    here = "import matbench_test_lib, matbench_test_gone\nfrom .inner import factor\n\n\ndef f(a, b):\n"
    here += "    return factor(), matbench_test_lib.WHOSE, matbench_test_gone.WHOSE\n"
    (old / "matbench_test_pkg" / "__init__.py").write_text(here, encoding="utf-8")
    for root, name, whose in ((new, "lib", "ours"), (old, "lib", "theirs"), (old, "gone", "theirs")):
        (root / f"matbench_test_{name}.py").write_text(f"WHOSE = {whose!r}\n", encoding="utf-8")
    then = load_function("matbench_test_pkg:f", str(old))
    assert then(0, 0) == (2, "ours", "theirs")
    assert "matbench_test_gone" not in sys.modules
    assert str(old) not in sys.path
    monkeypatch.delitem(sys.modules, "matbench_test_lib")


@pytest.mark.usefixtures("two")
def test_a_package_that_the_baseline_lacks_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RefusedError, match=r"^is missing: the baseline has no matbench_test_pkg; name"):
        load_function("matbench_test_pkg:f", str(tmp_path / "empty"))


def test_a_function_that_was_sent_arrives():
    scale = 3

    def local(a, b):
        return scale * (a @ b)

    source = sent(local)
    assert source.place is None
    assert source.label.endswith("_locals_.local")
    assert unpickled(source.pickled)(2, type("M", (), {"__rmatmul__": lambda _s, o: o})()) == 6


def test_a_function_of_a_module_that_is_on_no_path_is_sent_whole(tmp_path):
    path = tmp_path / "matbench_test_hidden.py"
    path.write_text("SCALE = 3\n\n\ndef f(a, b):\n    return SCALE * a * b\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("matbench_test_hidden", path)
    module = sys.modules["matbench_test_hidden"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source = sent(module.f)
    del sys.modules["matbench_test_hidden"]
    assert unpickled(source.pickled)(1, 2) == 6


def test_what_can_not_be_sent_is_told():
    lock = threading.Lock()
    with pytest.raises(UsageError, match="can't be sent to a fresh process"):
        sent(lambda a, b: (a, b, lock))
    with pytest.raises(UsageError, match="int can't be compared"):
        sent(3)


def test_what_does_not_arrive_is_told(monkeypatch, tmp_path):
    (tmp_path / "matbench_test_gone.py").write_text("def f(a, b):\n    return a @ b\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import matbench_test_gone

    data = cloudpickle.dumps(matbench_test_gone.f)
    monkeypatch.undo()
    del sys.modules["matbench_test_gone"]
    with pytest.raises(RefusedError, match="put it into a file"):
        unpickled(data)


def test_arms_of_one_name_and_another_place_are_told_apart():
    one, other = Source("f", "x.py:f"), Source("f", "y.py:f")
    assert [each.label for each in told_apart([one, other, one])] == ["f", "f#2", "f"]


# -- what a baseline has -----------------------------------------------------------------------------------------------


@pytest.fixture
def registry():
    return Registry(default_registry())


def test_a_kernel_s_baseline_is_the_kernel_of_the_other_registry(registry, tmp_path):
    [now] = parse_arms(["numba_ikj"], registry)
    (tmp_path / "matbench").mkdir()
    (tmp_path / "matbench" / "__init__.py").touch()
    then = in_baseline(now, "v1", registry=registry, roots=[tmp_path], tree=None, here=Path())
    assert then == Source("numba_ikj@v1", f"{KERNELS}:numba_ikj", str(tmp_path))


def test_a_file_s_baseline_is_the_file_at_the_same_place(registry, tmp_path):
    for tree in ("here", "there"):
        (tmp_path / tree / "speed").mkdir(parents=True)
        (tmp_path / tree / "speed" / "mine.py").write_text("def f(a, b): ...\n", encoding="utf-8")
    [now] = parse_arms([f"{tmp_path / 'here' / 'speed' / 'mine.py'}:f"], registry)
    options = {"registry": registry, "roots": [tmp_path / "there"], "here": tmp_path / "here"}
    then = in_baseline(now, "v1", tree=tmp_path / "there", **options)
    assert then.label == "mine.py:f@v1"
    assert then.place == f"{tmp_path / 'there' / 'speed' / 'mine.py'}:f"
    (tmp_path / "there" / "speed" / "mine.py").unlink()
    with pytest.raises(UsageError, match=r"v1 has no file 'mine\.py'"):
        in_baseline(now, "v1", tree=tmp_path / "there", **options)
    with pytest.raises(UsageError, match="no counterpart in v1"):
        in_baseline(now, "v1", tree=None, **options)


def test_a_module_that_no_root_holds_is_refused(registry, tmp_path):
    [now] = parse_arms(["some.module:f"], registry)
    with pytest.raises(UsageError, match="v1 has no package 'some'"):
        in_baseline(now, "v1", registry=registry, roots=[tmp_path], tree=None, here=Path())


def test_a_package_with_compiled_extensions_has_no_baseline(registry, tmp_path):
    (tmp_path / "pkg" / "inner").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").touch()
    source = parse_arms(["pkg.inner:f"], registry)[0]
    assert in_baseline(source, "v1", registry=registry, roots=[tmp_path], tree=None, here=Path()).root == str(tmp_path)
    (tmp_path / "pkg" / "inner" / f"fast{EXTENSION_SUFFIXES[0]}").touch()
    with pytest.raises(UsageError, match="pkg of v1 brings compiled extensions"):
        in_baseline(source, "v1", registry=registry, roots=[tmp_path], tree=None, here=Path())


def test_a_label_stays_short_enough_for_a_record(registry, tmp_path):
    (tmp_path / "m.py").touch()
    source = Source("m:" + "f" * 78, "m:" + "f" * 78)
    made = in_baseline(source, "v" * 90, registry=registry, roots=[tmp_path], tree=None, here=Path())
    assert len(made.label) <= 80
    assert "@v" in made.label


# -- what a digest is of -----------------------------------------------------------------------------------------------


def test_the_file_of_a_module_is_found_without_importing_it(two, tmp_path, monkeypatch):
    new, old = two
    place = "matbench_test_pkg.inner:factor"
    assert source_file(Source("x", place)) == new / "matbench_test_pkg" / "inner.py"
    assert source_file(Source("x", place, str(old))) == old / "matbench_test_pkg" / "inner.py"
    assert "matbench_test_pkg" not in sys.modules
    assert source_file(Source("x", "matbench_test_nowhere:f")) is None
    assert source_file(Source("numba_ikj")) is None
    assert source_file(Source("x", "sys:exit")) is None
    (tmp_path / "matbench_test_cwd.py").touch()
    monkeypatch.chdir(tmp_path)
    assert source_file(Source("x", "matbench_test_cwd:f")).name == "matbench_test_cwd.py"
