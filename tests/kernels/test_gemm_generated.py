"""The generated code: for other processors than this one, and as machine code of this one."""

import platform
import re

import numpy as np
import pytest
from llvmlite import binding, ir

from matbench.kernels import default_registry
from matbench.kernels.gemm.intrinsics import copy_functions, tile_functions
from matbench.kernels.gemm.microkernel import define_tile
from matbench.kernels.gemm.recipe import VectorUnit, full_recipe, host_unit, vector_unit
from matbench.model import Caches

TARGETS = {  # name -> (triple, processor, features, vectors, how a fused multiply-add on a full vector is spelt)
    "sse2": ("x86_64-unknown-linux-gnu", "x86-64", "", VectorUnit(16, 16, fused=False), r"\bmulp[sd]\s.*%xmm"),
    "avx2": ("x86_64-unknown-linux-gnu", "haswell", "", VectorUnit(32, 16, fused=True), r"\bvfmadd\w+p[sd]\s.*%ymm"),
    "avx512": (
        "x86_64-unknown-linux-gnu",
        "skylake-avx512",
        "",
        VectorUnit(64, 32, fused=True),
        r"\bvfmadd\w+p[sd]\s.*%zmm",
    ),
    "neon": (
        "aarch64-unknown-linux-gnu",
        "neoverse-n1",
        "",
        VectorUnit(16, 32, fused=True),
        r"\bfmla\s+v\d+\.(?:2d|4s)",
    ),
}
SPILL = r"\(%rsp\)|\[sp\b"
targets = pytest.mark.parametrize("target", TARGETS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def assembly_of(module, target):
    """What LLVM makes of a module for a processor that need not be this one."""
    triple, processor, features, _, _ = TARGETS[target]
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        chosen = binding.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM was built without {triple}")
    machine = chosen.create_target_machine(cpu=processor, features=features, opt=3)
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    parsed.triple = triple
    parsed.data_layout = str(machine.target_data)
    builder = binding.create_pass_builder(machine, binding.PipelineTuningOptions(speed_level=3))
    builder.getModulePassManager().run(parsed, builder)
    return machine.emit_assembly(parsed)


def loops_of(assembly):
    """The lines of each loop: from a label to a jump back to it."""
    lines = assembly.splitlines()
    labels = {match[1]: i for i, line in enumerate(lines) if (match := re.match(r"(\.L\w+):", line))}
    return [
        lines[labels[match[1]] : i]
        for i, line in enumerate(lines)
        if (match := re.search(r"\b(?:j[a-z]+|b\.[a-z]+|cbn?z\s+\w+,)\s+(\.L\w+)", line))
        and labels.get(match[1], i) < i
    ]


def innermost(assembly):
    """The lines of the longest loop of a function that has no loop within another."""
    return max(loops_of(assembly), key=len)


def one_tile(dtype, unit):
    """A module with the whole register tile of a processor."""
    recipe = full_recipe(dtype, unit)
    module = ir.Module("one_tile")
    tile = define_tile(module, recipe.code, recipe.rows, recipe.vectors, partial=False)
    tile.linkage = "external"
    return recipe, module


@targets
@dtypes
def test_the_register_tile_of_any_processor_is_full_vectors_without_spills(target, dtype):
    _, _, _, unit, spelling = TARGETS[target]
    recipe, module = one_tile(dtype, unit)
    loop = innermost(assembly_of(module, target))
    products = [line for line in loop if re.search(spelling, line)]
    assert len(products) == recipe.rows * recipe.vectors * recipe.unroll
    assert not [line for line in loop if re.search(SPILL, line)]


@targets
@dtypes
def test_every_function_of_both_tables_compiles_for_any_processor(target, dtype):
    recipe = full_recipe(dtype, TARGETS[target][3])
    module = ir.Module("tables")
    tiles, copies = tile_functions(module, recipe.code), copy_functions(module, recipe.code)
    assert len(tiles) == 2 * recipe.rows * recipe.vectors
    assert len(copies) == 2 + 2 * recipe.vectors
    parsed = binding.parse_assembly(str(module))
    parsed.verify()


def test_vectors_are_read_from_the_names_of_features():
    assert vector_unit({"avx512f": True, "avx": True, "fma": True}, "x86_64") == VectorUnit(64, 32, fused=True)
    assert vector_unit({"avx": True, "fma": True}, "AMD64") == VectorUnit(32, 16, fused=True)
    assert vector_unit({"avx": True}, "x86_64") == VectorUnit(32, 16, fused=False)
    assert vector_unit({}, "x86_64") == VectorUnit(16, 16, fused=False)
    assert vector_unit({}, "arm64") == VectorUnit(16, 32, fused=True)


# -- the code of this machine ------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("numba_gemm")
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="the patterns are of x86-64 assembly")
@pytest.mark.skipif(not host_unit().fused, reason="this processor has no fused multiply-add")
@dtypes
def test_the_kernel_on_this_machine_multiplies_full_vectors_without_spills(dtype):
    recipe = full_recipe(dtype, host_unit())
    matmul = default_registry().get("numba_gemm").bind(dtype, Caches(l1d=32 * 1024, l2=1024 * 1024))
    a = np.ones((4, 4), dtype)
    matmul(a, a, np.empty_like(a))
    (assembly,) = matmul.inspect_asm().values()
    register = {16: "xmm", 32: "ymm", 64: "zmm"}[host_unit().vector_bytes]
    letter = {"float64": "d", "float32": "s"}[dtype]
    loop = max(loops_of(assembly), key=lambda lines: sum("vfmadd" in line for line in lines))
    products = [line for line in loop if re.search(rf"\bvfmadd\d+p{letter}\s.*%{register}", line)]
    assert len(products) == recipe.rows * recipe.vectors * recipe.unroll
    assert not [line for line in loop if re.search(rf"\bvfmadd\d+s{letter}", line)]
    assert not [line for line in loop if re.search(SPILL, line)]
