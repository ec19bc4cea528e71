"""Two versions of the kernel in one process, as a comparison with a baseline has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matbench
from matbench.kernels import jit

pytestmark = pytest.mark.xdist_group("numba_gemm")

ONCE = "call_entry(tables.tiles, number + high, numbers)\n"
INTO = "(a_row, a.down, panel, step, c_tile, c.down, k, last, 1, ahead)"
ASK = """
import json
import sys
import numba
import numpy as np
from matbench.measure.pairs_beside import beside
from matbench.model import Caches

def bound(root):
    with beside(root, "matbench.kernels"):
        from matbench.kernels import default_registry
        return default_registry().get("numba_gemm").bind("float64", Caches())

numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
made = {root: bound(root) for root in sys.argv[1:]}
said = []
for n in (20, 200):
    a = np.random.default_rng(0).integers(-8, 9, (n, n)).astype(float)
    for root, matmul in made.items():
        out = np.full((n, n), np.nan)
        matmul(a, a, out)
        said.append([factor for factor in (1, 2) if np.array_equal(out, factor * (a @ a))])
print(json.dumps([said, sum(sum(each.func.stats.cache_misses.values()) for each in made.values())]))
"""


def test_two_versions_that_were_compiled_by_processes_of_their_own_stay_two_in_one_process(tmp_path):
    """The symbols of both are on disk. The linker takes one of two that have one name, for both versions."""
    package = Path(matbench.__file__).parent
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        shutil.copytree(package, root / "matbench", ignore=shutil.ignore_patterns("__pycache__", "cli", "present"))
    changed = two / "matbench" / "kernels" / "gemm" / "loops.py"
    twice = f"{ONCE}            call_entry(tables.tiles, number + high, {INTO})\n"  # and what was computed is added
    text = changed.read_text()
    assert text.count(ONCE) == 1
    changed.write_text(text.replace(ONCE, twice))
    # Without the extensions of this processor there is less to compile.
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept"), "NUMBA_CPU_NAME": "generic"}

    def fresh(*roots):
        command = [sys.executable, "-c", ASK, *map(str, roots)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    assert fresh(one) == [[[1], [1]], 1]
    assert fresh(two) == [[[2], [2]], 1]
    assert fresh(one, two) == [[[1], [2], [1], [2]], 0]
    assert fresh(two, one) == [[[2], [1], [2], [1]], 0]


AT_ONCE = """
import threading
import numpy as np
from matbench.kernels import default_registry
from matbench.model import Caches

matmul = default_registry().get("numba_gemm").bind("float64", Caches())
a = np.random.default_rng(0).integers(-8, 9, (200, 200)).astype(float)
matmul(a[:8, :8], a[:8, :8], np.empty((8, 8)))
outs = [np.full((200, 200), np.nan) for _ in range(4)]
begin = threading.Barrier(len(outs))
threads = [threading.Thread(target=lambda out=out: (begin.wait(), matmul(a, a, out))) for out in outs]
for each in threads:
    each.start()
for each in threads:
    each.join()
print([bool(np.array_equal(out, a @ a)) for out in outs])
"""


def test_threads_that_ask_for_what_is_not_compiled_yet_all_at_once_all_get_their_product(tmp_path):
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", AT_ONCE]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str([True] * 4)


def test_every_process_numbers_what_it_compiles_from_a_place_of_its_own():
    ask = (
        "import matbench.kernels.jit; from numba.core.bytecode import FunctionIdentity as f; print(next(f._unique_ids))"
    )
    numbers = {
        int(subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout)
        for _ in range(2)
    }
    assert len(numbers) == 2
    assert min(numbers) > 2**16  # one in four billion is below


def test_where_versions_can_not_be_told_apart_nothing_is_kept_on_disk(monkeypatch, tmp_path):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert not jit._numbered_apart(type("Identity", (), {}))
    monkeypatch.setattr(jit, "_is_apart", False)
    function = numba.njit(lambda x: x + 1)
    jit.keep_on_disk(function)
    function(1)
    assert not list(tmp_path.rglob("*.nbi"))
