"""How the kernel is compiled and loaded: every function once, and nothing that loading does not take."""

import gc
import json
import os
import subprocess
import sys

import pytest
from gemm_driver import host_recipe
from llvmlite import binding, ir
from numba import config, njit

from matbench.kernels import jit
from matbench.kernels.gemm.compiling import Part, Whole, WholeCompiler
from matbench.kernels.gemm.intrinsics import inner, tile_functions, tile_table
from matbench.kernels.machine_code import hot_loop

pytestmark = pytest.mark.xdist_group("numba_gemm")


@inner()
def squared(x):
    return x * x


def whole(function):
    return njit(pipeline_class=WholeCompiler)(function)


def library_of(function):
    (compiled,) = function.overloads.values()
    return compiled.library


def test_a_function_that_only_compiled_code_calls_has_no_machine_code_but_that_within_its_callers():
    fourth = whole(lambda x: squared(squared(x)))
    assert fourth(3) == 81
    part, made = library_of(squared), library_of(fourth)
    assert (type(part), type(made)) == (Part, Whole)
    assert part.get_pointer_to_function(next(iter(squared.overloads.values())).fndesc.mangled_name) == 0
    assert not [each.name for each in made.get_defined_functions() if "squared" in each.name]  # LLVM copied it in


def test_a_part_can_be_linked_into_a_function_that_numba_compiles_as_ever():
    assert njit(lambda x: squared(x) + 1)(5) == 26


def test_what_is_raised_in_a_part_reaches_the_caller():
    @inner()
    def refused(x):
        if x < 0:
            raise ValueError("less than nothing")
        return x

    function = whole(lambda x: refused(x) + 1)
    assert function(1) == 2
    with pytest.raises(ValueError, match="less than nothing"):
        function(-1)


def operations_of(text):
    return [line.split()[0] for line in text.splitlines() if line.startswith("\t") and not line.startswith("\t.")]


def test_emitted_code_is_translated_as_it_stands():
    code = host_recipe("float64").code
    numbers = tuple(code)
    table = whole(lambda: tile_table(numbers))
    assert table() != 0
    library = library_of(table)
    module = ir.Module("tiles")
    for each in tile_functions(module, code):
        each.linkage = "external"
    alone = library.codegen._tm.emit_assembly(binding.parse_assembly(str(module)))
    loops = [operations_of(hot_loop(text, "float64")) for text in (library.get_asm_str(), alone)]
    assert loops[0] == loops[1]
    assert len(loops[0]) > code.rows * code.vectors * code.unroll


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_after_compiling_as_it_was_before(collects):
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        assert whole(lambda x: squared(x) - 1)(2) == 3
        with pytest.raises(Exception, match="nothing_of_this_name"):
            whole(lambda x: x.nothing_of_this_name)(2)
        assert gc.isenabled() == collects
    finally:
        (gc.enable if before else gc.disable)()


LOADED = """
import json
import sys
import numba
import numpy as np
from matbench.kernels import default_registry
from matbench.model import Caches

matmul = default_registry().get("numba_gemm").bind("float64", Caches())
before = set(sys.modules)
a = np.random.default_rng(0).integers(-8, 9, (40, 70)).astype(float)
rights = []
for b in (a.T[:, :8].copy(), a.T):
    out = np.full((40, b.shape[1]), np.nan)
    matmul(a, b, out)
    rights.append(bool(np.array_equal(out, a @ b)))
needless = sorted({"numba.np.linalg", "scipy.linalg"} & (set(sys.modules) - before))
doubled = numba.njit(lambda x: 2 * x)(np.ones(3)).tolist()
print(json.dumps([rights, needless, sum(matmul.func.stats.cache_hits.values()), doubled]))
"""


def test_code_from_disk_is_loaded_without_what_compiling_takes_and_other_functions_compile_all_the_same(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": "generic"}
    environment.pop("NUMBA_NUM_THREADS", None)

    def fresh():
        command = [sys.executable, "-c", LOADED]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    assert fresh() == [[True, True], ["numba.np.linalg", "scipy.linalg"], 0, [2.0, 2.0, 2.0]]
    assert fresh() == [[True, True], [], 2, [2.0, 2.0, 2.0]]


TWICE = """
import functools
import numba
import numpy as np
from matbench.kernels import default_registry
from matbench.model import Caches

numba.set_num_threads(1)
ours = default_registry().get("numba_gemm").bind("float64", Caches())
theirs = functools.partial(numba.jit(**ours.func.targetoptions)(ours.func.py_func), *ours.args)
for matmul in (ours, theirs, ours, theirs):
    for m, n in ((32, 32), (256, 2)):
        a, b, out = np.ones((m, n)), np.ones((n, n)), np.zeros((m, n))
        matmul(a, b, out)
        assert np.array_equal(out, a @ b)
"""


def test_what_is_linked_into_a_whole_is_not_taken_for_what_numba_links_into_another_function(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", TWICE], env=environment, check=True, capture_output=True)


def test_a_function_of_the_reader_is_loaded_as_numba_does_it_and_one_of_this_package_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def loader_of(function):
        jit.keep_on_disk(function)
        return getattr(function._cache.load_overload, "func", None)

    assert loader_of(njit(lambda x: x + 2)) is None
    ours = njit(lambda x: x + 3)
    ours.py_func.__module__ = "matbench.kernels.numba_loops"
    assert loader_of(ours) is jit._loaded
