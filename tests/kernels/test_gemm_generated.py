"""The generated code: for other processors than this one, and as machine code of this one."""

import platform

import pytest
from llvmlite import binding, ir

from matbench.kernels import default_registry
from matbench.kernels.gemm.intrinsics import copy_functions, tile_functions
from matbench.kernels.gemm.microkernel import define_tile
from matbench.kernels.gemm.recipe import full_recipe
from matbench.kernels.machine_code import assembly, census, hot_loop
from matbench.kernels.vectors import VectorUnit, host_unit, vector_unit
from matbench.model import Caches

TARGETS = {  # name -> (triple, processor, vectors)
    "sse2": ("x86_64-unknown-linux-gnu", "x86-64", VectorUnit(16, 16, fused=False)),
    "avx2": ("x86_64-unknown-linux-gnu", "haswell", VectorUnit(32, 16, fused=True)),
    "avx512": ("x86_64-unknown-linux-gnu", "skylake-avx512", VectorUnit(64, 32, fused=True)),
    "neon": ("aarch64-unknown-linux-gnu", "neoverse-n1", VectorUnit(16, 32, fused=True)),
}
targets = pytest.mark.parametrize("target", TARGETS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def assembly_of(module, target):
    """What LLVM makes of a module as it stands, for a processor that need not be this one."""
    triple, processor, _ = TARGETS[target]
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        chosen = binding.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM was built without {triple}")
    machine = chosen.create_target_machine(cpu=processor, opt=3)
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    parsed.triple = triple
    parsed.data_layout = str(machine.target_data)
    return machine.emit_assembly(parsed)


def check_tile(text, dtype, recipe, unit):
    """Assert that the loop where the time goes is the register tile: full vectors that stay in registers."""
    loop = census(hot_loop(text, dtype), dtype)
    products = recipe.rows * recipe.vectors * recipe.unroll
    assert (loop.fused, loop.packed) == ((products, products) if unit.fused else (0, 2 * products))
    assert (loop.width, loop.scalar, loop.stack) == (unit.vector_bytes, 0, 0)


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
    unit = TARGETS[target][2]
    recipe, module = one_tile(dtype, unit)
    check_tile(assembly_of(module, target), dtype, recipe, unit)


@targets
@dtypes
def test_every_function_of_both_tables_compiles_for_any_processor(target, dtype):
    recipe = full_recipe(dtype, TARGETS[target][2])
    module = ir.Module("tables")
    tiles, copies = tile_functions(module, recipe.code), copy_functions(module, recipe.code)
    assert len(tiles) == 2 * recipe.rows * recipe.vectors + 1
    assert len(copies) == 3 + 2 * recipe.vectors
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
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="what is expected is expected of x86-64")
@pytest.mark.skipif(not host_unit().fused, reason="this processor has no fused multiply-add")
@dtypes
def test_the_kernel_on_this_machine_multiplies_full_vectors_without_spills(dtype):
    text = assembly(default_registry().get("numba_gemm"), dtype, Caches(l1d=32 * 1024, l2=1024 * 1024))
    check_tile(text, dtype, full_recipe(dtype, host_unit()), host_unit())
