"""Ctrl-C while something that a product takes is compiled: an interrupt, and no failure to compile."""

import json
import os
import subprocess
import sys

import pytest

from matbench.kernels.jit import numba_missing

pytestmark = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))

THRICE = """
import json
import numba
import numpy as np
import matbench.kernels.gemm.product as made
from matbench.kernels import default_registry
from matbench.model import Caches

compiled, interrupted = made.address_of, []


def address_of(function):
    if function.__name__ not in interrupted:
        interrupted.append(function.__name__)
        raise KeyboardInterrupt
    return compiled(function)


made.address_of = address_of
numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
a = np.random.default_rng(0).integers(-8, 9, (200, 200)).astype(float)
multiply = default_registry().get("numba_gemm").bind("float64", Caches())
ends = []
for _ in range(3):
    out = np.full((200, 200), np.nan)
    try:
        multiply(a, a, out)
    except KeyboardInterrupt:
        ends.append(interrupted[-1])
    else:
        ends.append(bool(np.array_equal(out, a @ a)))
print(json.dumps([numba.config.NUMBA_NUM_THREADS, ends]))
"""


def test_an_interrupt_while_a_product_compiles_reaches_the_caller_and_a_later_call_compiles_anew(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", THRICE]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    threads, ends = json.loads(done.stdout)
    assert ends == (["general", "team", True] if threads > 1 else ["general", True, True])
    assert done.stderr == ""  # nothing is said of code that could not be compiled
