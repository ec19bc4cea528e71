"""Proof in the machine code: each compiled rung does with the hardware what its idea says."""

import inspect
import platform
import re
from collections import Counter

import numpy as np
import pytest

from matbench.kernels import default_registry
from matbench.kernels.ceilings import CHAINS, fma_chains, vector_lanes, why_no_chains
from matbench.model import ITEMSIZE, Caches

ARITHMETIC = re.compile(r"^\s+v?(?P<operation>mul|add|fn?m(?:add|sub)\d*)(?P<form>[ps])(?P<letter>[sd])\s+(?P<rest>.*)")
REGISTERS = {"xmm": 16, "ymm": 32, "zmm": 64}  # bytes


def host_lacks(*features):
    """Why the machine code can't be judged here, or None."""
    if why_no_chains():
        return why_no_chains()
    if platform.machine() not in {"x86_64", "AMD64"}:
        return f"the patterns are of x86-64 assembly, this is {platform.machine()}"
    from llvmlite import binding

    missing = [each for each in features if not binding.get_host_cpu_features().get(each)]
    return f"this processor has no {' and no '.join(missing)}" if missing else None


needs_fma = pytest.mark.skipif(host_lacks("avx2", "fma") is not None, reason=str(host_lacks("avx2", "fma")))
pytestmark = pytest.mark.xdist_group("machine code")


def assembly(function):
    """Of the one signature that was compiled last."""
    return function.inspect_asm(function.signatures[-1])


def operations(text):
    """How often each operation occurs: ('mul' | 'add' | 'fma', packed or not, letter, widest register it names)."""
    found = Counter()
    for line in text.splitlines():
        match = ARITHMETIC.match(line)
        if match:
            registers = re.findall(r"[xyz]mm(?=\d)", match["rest"])
            operation = match["operation"] if match["operation"] in {"mul", "add"} else "fma"
            found[operation, match["form"] == "p", match["letter"], max(registers, default=None)] += 1
    return found


def compiled(name, dtype="float64"):
    """Operations in the machine code of a kernel for C-contiguous operands."""
    function = default_registry().get(name).bind(dtype, Caches(l1d=1024, l2=4096))
    a = np.ones((4, 4), dtype)
    function(a, a, np.empty_like(a))
    (signature,) = (
        each for each in function.signatures if {(str(one.dtype), one.layout) for one in each} == {(dtype, "C")}
    )
    return operations(function.inspect_asm(signature))


def kinds(found):
    """(operation, packed) pairs that occur."""
    return {key[:2] for key in found}


def test_the_reader_of_assembly_tells_operations_apart():
    text = """
    vmulpd  (%rax,%rcx,8), %ymm0, %ymm1
    vaddsd  %xmm1, %xmm2, %xmm2
    vfmadd213pd  %zmm3, %zmm4, %zmm5
    vfnmadd231ss  %xmm3, %xmm4, %xmm5
    addq  $8, %rax
    """
    assert operations(text) == {
        ("mul", True, "d", "ymm"): 1,
        ("add", False, "d", "xmm"): 1,
        ("fma", True, "d", "zmm"): 1,
        ("fma", False, "s", "xmm"): 1,
    }


@needs_fma
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_loop_in_the_textbook_order_is_scalar(dtype):
    found = kinds(compiled("numba_ijk", dtype))
    assert {("mul", False), ("add", False)} <= found
    assert not {("fma", True), ("fma", False), ("mul", True), ("add", True)} & found


@needs_fma
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_loop_along_rows_is_vectorised_and_not_fused(dtype):
    found = compiled("numba_ikj", dtype)
    assert {("mul", True), ("add", True)} <= kinds(found)
    assert not {("fma", True), ("fma", False)} & kinds(found)
    assert any(key[3] in {"ymm", "zmm"} for key in found if key[1])


@needs_fma
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["numba_ikj_fma", "numba_tiled"])
def test_with_permission_to_contract_the_vector_loop_is_fused(name, dtype):
    found = compiled(name, dtype)
    assert ("fma", True) in kinds(found)
    assert not {("mul", True), ("mul", False)} & kinds(found)
    assert any(key[3] in {"ymm", "zmm"} for key in found if key[:2] == ("fma", True))


@needs_fma
@pytest.mark.parametrize(
    ("dtype", "lanes"),
    [(dtype, lanes) for dtype in ("float64", "float32") for lanes in (() if why_no_chains() else vector_lanes(dtype))],
)
def test_chains_use_the_register_that_their_width_says_and_none_is_optimised_away(dtype, lanes):
    run, _ = fma_chains(dtype, lanes)
    run(1, 2)
    found = operations(assembly(inspect.getclosurevars(run).nonlocals["alone"]))
    fused = {key: count for key, count in found.items() if key[0] == "fma"}
    ((_, packed, letter, register),) = fused
    assert packed == (lanes > 1)
    assert letter == {"float64": "d", "float32": "s"}[dtype]
    assert REGISTERS[register] == max(16, lanes * ITEMSIZE[dtype])
    # The loop may be unrolled, but every copy of it has to hold all chains; if the compiler could foresee one, it
    # would leave it out, and the peak would come out too high.
    (count,) = fused.values()
    assert count % CHAINS == 0
    assert ("mul", True) not in kinds(found)
