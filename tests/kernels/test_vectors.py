"""Code for other processors than the one at hand is never run: Numba's settings are looked through before."""

import platform

import pytest

from matbench.errors import KernelError
from matbench.kernels import default_registry, vectors
from matbench.kernels.ceilings import vector_lanes, why_no_chains
from matbench.kernels.jit import numba_missing
from matbench.kernels.vectors import ARM64, VectorUnit, beyond, host_unit, lacking, vector_unit, why_not_compiled

numba = pytest.importorskip("numba")
X86 = platform.machine().lower() not in ARM64
HASWELL = {"sse2": True, "avx": True, "avx2": True, "fma": True, "avx512f": False, "amx-int8": False}
SANDY_BRIDGE = {"sse2": True, "avx": True, "avx2": False, "fma": False, "avx512f": False}
pytestmark = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


@pytest.fixture
def told(monkeypatch):
    """Numba's settings and the processor's features, as they are set here."""

    def tell(own=None, name=None, features=None, *, machine="x86_64", avx=1):
        monkeypatch.setattr(numba.config, "CPU_NAME", name)
        monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
        monkeypatch.setattr(numba.config, "ENABLE_AVX", avx)
        if own is not None:
            monkeypatch.setattr(vectors, "_own_features", lambda: own)
            monkeypatch.setattr(vectors.platform, "machine", lambda: machine)

    return tell


def test_left_alone_numba_compiles_for_what_there_is(told):
    told(HASWELL)
    assert why_not_compiled() is None
    assert host_unit() == VectorUnit(32, 16, fused=True)


def test_a_machine_that_hides_its_wide_vectors_is_one_without(told):
    told({**HASWELL, "avx512f": False}, name="skylake-avx512")  # Numba hands LLVM the features all the same
    assert why_not_compiled() is None
    assert host_unit().vector_bytes == 32


@pytest.mark.parametrize(
    ("own", "asked", "words"),
    [
        (HASWELL, "+avx512f,+fma", "needs a processor with avx512f, for which NUMBA_CPU_FEATURES"),
        (SANDY_BRIDGE, "+avx2,+fma", "needs a processor with avx2 and fma, "),
        (HASWELL, " +amx-int8 ", "needs a processor with amx-int8, "),
    ],
)
def test_features_that_the_processor_lacks_are_refused_with_the_remedy(told, own, asked, words):
    told(own, features=asked)
    assert why_not_compiled().startswith(words)
    assert why_not_compiled().endswith("; unset them")


def test_every_compiled_kernel_and_the_peak_are_refused_then_and_the_others_run(told):
    told(HASWELL, features="+avx512f")
    for each in default_registry():
        assert (each.why_not() == why_not_compiled()) == each.compiled
    assert why_no_chains() == why_not_compiled()
    with pytest.raises(KernelError, match="needs a processor with avx512f"):
        vector_lanes("float64")


@pytest.mark.skipif(not X86, reason="LLVM compiles for this processor's kind")
@pytest.mark.parametrize(
    ("own", "name", "features", "words"),
    [
        (HASWELL, "skylake-avx512", "", "vectors of 512 bits"),
        (SANDY_BRIDGE, "haswell", "", "fused multiply-add"),
        (SANDY_BRIDGE, "skylake-avx512", "+sse2", "vectors of 512 bits and fused multiply-add"),
    ],
)
def test_a_name_brings_features_that_nobody_spelled_out(told, own, name, features, words):
    told(own, name, features)
    assert f"needs a processor with {words}, " in why_not_compiled()


@pytest.mark.skipif(not X86, reason="LLVM compiles for this processor's kind")
@pytest.mark.parametrize(
    ("own", "name", "features"),
    [
        (HASWELL, "generic", ""),
        (HASWELL, "haswell", ""),
        (HASWELL, "skylake-avx512", "-avx512f"),
        (HASWELL, "haswell", "+prefer-256-bit,-avx512f"),
        (SANDY_BRIDGE, "haswell", "-avx2,-fma"),
    ],
)
def test_less_than_there_is_may_be_asked_for(told, own, name, features):
    told(own, name, features)
    assert why_not_compiled() is None


def test_avx_that_is_switched_off_is_not_used(told):
    told(HASWELL, avx=0)
    assert host_unit() == VectorUnit(16, 16, fused=True)
    told(HASWELL, name="generic", features="")
    assert host_unit() == VectorUnit(16, 16, fused=False)


def test_where_llvm_can_not_tell_the_least_is_assumed(monkeypatch):
    from llvmlite import binding

    def unknown():
        raise RuntimeError("not on this system")

    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr(binding, "get_host_cpu_features", unknown)
    assert host_unit() == vector_unit({}, platform.machine())
    assert why_not_compiled() is None


def test_arms_scalable_vectors_are_lacking_where_they_are_not_listed():
    assert lacking({"neon": True, "sve": True, "sve2": False}, {"neon": True}) == ("sve",)
    assert lacking({"sve": True}, {"sve": True}) == ()


def test_nothing_is_beyond_a_processor_that_has_more():
    assert beyond(VectorUnit(16, 16, fused=False), VectorUnit(64, 32, fused=True)) == ()


@pytest.mark.skipif(not X86, reason="the names are those of x86")
def test_compiled_code_is_kept_under_what_it_was_compiled_for(monkeypatch):
    """A folder that machines share holds code for each of them: none loads that of another."""
    from numba.core.codegen import JITCPUCodegen

    matmul = default_registry().get("numba_gemm").bind("float64")
    cache = matmul.func._cache
    settings = ((None, None), (None, ""), ("generic", ""), ("haswell", "+avx2"), ("haswell", "+avx2,+fma"))
    keys = set()
    for name, features in settings:
        monkeypatch.setattr(numba.config, "CPU_NAME", name)
        monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
        keys.add(cache._index_key("signature", JITCPUCodegen("asked")))
    assert len(keys) == len(settings)
