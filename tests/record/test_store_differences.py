"""Whether a run may be continued here."""

from __future__ import annotations

from msgspec.structs import replace
from store_examples import header

from matbench.model import Cpu, Environment, Host, Library
from matbench.record.differences import differences

HOST = header().host
SOFTWARE = header().environment
OPENBLAS = Library("blas", "openblas", "0.3.28", "SkylakeX", "pthreads", "libopenblas.so")
GOMP = Library("openmp", "libgomp", "12")


def differing(*, host: Host = HOST, environment: Environment = SOFTWARE, **recorded) -> tuple[str, ...]:
    return differences(header(**recorded), host, environment)


def test_nothing_differs_from_itself():
    assert differing() == ()


def test_another_version_is_named_on_both_sides():
    assert differing(environment=replace(SOFTWARE, packages={"numpy": "2.4.6"})) == (
        "numpy 2.4.6 here, 2.3.1 in the record",
    )


def test_a_package_that_came_or_went_is_missing_on_one_side():
    assert differing(environment=replace(SOFTWARE, packages={"mkl": "2025.1"})) == (
        "mkl 2025.1 here, missing in the record",
        "numpy missing here, 2.3.1 in the record",
    )


def test_another_machine_is_told_even_if_it_is_of_the_same_kind():
    (phrase,) = differing(host=replace(HOST, host_id="other"))
    assert phrase == "machine other here, 3f9a1c77aa00bb11 in the record"


def test_a_machine_that_can_not_be_recognised_is_a_difference():
    unknown = replace(HOST, host_id="unknown")
    (phrase,) = differences(header(host=unknown), unknown, SOFTWARE)
    assert phrase.startswith("machine identity unknown")


def test_a_virtual_machine_that_was_resized_is_told():
    phrases = differing(host=replace(HOST, logical_cpus=8, cpu=Cpu(brand="Xeon"), memory_bytes=2**34))
    assert phrases == (
        "processor Xeon here, unknown in the record",
        "logical CPUs 8 here, 2 in the record",
        "memory 16 GiB here, missing in the record",
    )


def test_a_little_memory_taken_by_the_system_is_no_difference():
    here, there = (replace(HOST, memory_bytes=2**34 - size) for size in (2**22, 2**23))
    assert differences(header(host=there), here, SOFTWARE) == ()


def test_another_blas_is_told():
    there = replace(SOFTWARE, libraries=(OPENBLAS,))
    here = replace(SOFTWARE, libraries=(replace(OPENBLAS, architecture="Haswell"),))
    assert differences(header(environment=there), HOST, here) == (
        "openblas 0.3.28 (Haswell, pthreads) here, 0.3.28 (SkylakeX, pthreads) in the record",
    )


def test_libraries_that_are_not_loaded_yet_are_no_difference():
    there = replace(SOFTWARE, libraries=(OPENBLAS, GOMP), numba_threading_layer="omp", numpy_simd=("AVX2",))
    assert differences(header(environment=there), HOST, SOFTWARE) == ()
    assert differences(header(environment=there), HOST, replace(there, libraries=(OPENBLAS,))) == ()


def test_thread_variables_simd_and_layers_count():
    there = replace(SOFTWARE, variables={"OMP_NUM_THREADS": "1"}, numba_threading_layer="omp", numpy_simd=("AVX2",))
    here = replace(SOFTWARE, numba_threading_layer="tbb", numpy_simd=("AVX2", "AVX512F"))
    assert differences(header(environment=there), HOST, here) == (
        "NumPy's SIMD extensions AVX2 AVX512F here, AVX2 in the record",
        "Numba's threading layer tbb here, omp in the record",
        "OMP_NUM_THREADS missing here, 1 in the record",
    )


def test_a_strangers_text_is_shown_without_control_characters():
    there = replace(SOFTWARE, packages={"numpy": "\x1b[31m"})
    assert differences(header(environment=there), HOST, SOFTWARE)[0].isprintable()
