"""The software of a run, and the readers' behaviour on other systems."""

import platform
import subprocess
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import SimpleNamespace

import archspec.cpu
import pytest

from matbench.model import Environment, Library
from matbench.record import conditions as state
from matbench.record import environment as software
from matbench.record import host as card
from matbench.record.environment import (
    environment_with,
    libraries_from,
    redacted,
    simd_from,
    variables_from,
    with_built_in_blas,
)
from matbench.record.host import read_conditions, read_environment, read_host

INFO = [
    {
        "user_api": "openmp",
        "internal_api": "openmp",
        "prefix": "libgomp",
        "filepath": "/home/ada/lib/libgomp-a.so.1",
        "version": None,
        "num_threads": 2,
    },
    {
        "user_api": "blas",
        "internal_api": "openblas",
        "prefix": "libscipy_openblas",
        "filepath": r"C:\Users\ada\numpy.libs\libscipy_openblas64_-1.dll",
        "version": "0.3.31",
        "threading_layer": "pthreads",
        "architecture": "SkylakeX",
        "num_threads": 2,
    },
]


@pytest.fixture(autouse=True)
def _data_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_data_path", lambda _: tmp_path)


def test_libraries_are_sorted_and_named_without_their_folders():
    openblas, openmp = libraries_from(INFO)
    assert openblas == Library("blas", "openblas", "0.3.31", "SkylakeX", "pthreads", "libscipy_openblas64_-1.dll")
    assert openmp == Library("openmp", "libgomp", filename="libgomp-a.so.1")
    assert libraries_from(reversed(INFO)) == (openblas, openmp)


def test_a_library_that_tells_nothing_is_unknown():
    assert libraries_from([{}]) == (Library("unknown", "unknown"),)


def test_flexiblas_tells_its_backend():
    (library,) = libraries_from([{"user_api": "blas", "internal_api": "flexiblas", "current_backend": "NETLIB"}])
    assert library.architecture == "NETLIB"


def test_a_blas_without_threads_is_known_from_numpys_build():
    config = {
        "Build Dependencies": {"blas": {"name": "accelerate", "version": "unknown", "lib directory": "/home/ada"}}
    }
    assert with_built_in_blas((), config) == (Library("blas", "accelerate"),)
    assert with_built_in_blas(libraries_from(INFO), config) == libraries_from(INFO)
    assert with_built_in_blas((), {}) == ()


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"SIMD Extensions": {"baseline": ["X86_V2"], "found": ["X86_V3", "X86_V2"]}}, ("X86_V2", "X86_V3")),
        ({"SIMD Extensions": {"baseline": None}}, ()),
        ({"SIMD Extensions": "none"}, ()),
        ({}, ()),
    ],
)
def test_simd_extensions_are_listed_once(config, names):
    assert simd_from(config) == names


def test_the_id_follows_libraries_and_threading_layer():
    plain = environment_with(Environment(python="3.11"), (), None)
    loaded = environment_with(plain, libraries_from(INFO), "omp")
    assert (loaded.numba_threading_layer, len(loaded.libraries)) == ("omp", 2)
    assert plain.env_id != loaded.env_id
    assert environment_with(loaded, (), None) == plain


def test_only_variables_that_steer_threads_are_kept():
    environ = {
        "OPENBLAS_NUM_THREADS": "2",
        "OMP_PLACES": "{0:4},{4:4}",
        "MKL_ROOT": r"C:\Users\ada",
        "BLIS_NOTE": "päth",
        "omp_num_threads": "4",
        "AWS_SECRET": "x",
        "XOMP_A": "1",
        "KMP_DUPLICATE_LIB_OK": "True",
    }
    assert variables_from(environ) == {
        "BLIS_NOTE": "<private>",
        "MKL_ROOT": "<path>",
        "OMP_PLACES": "{0:4},{4:4}",
        "OPENBLAS_NUM_THREADS": "2",
    }


def test_a_thousand_variables_are_cut_off():
    assert len(variables_from({f"OMP_{n}": "1" for n in range(1000)})) == 64


def test_a_short_private_word_is_taken_out_only_where_it_stands_alone():
    assert redacted("6.1-vm-kvm", frozenset({"vm"})) == "6.1-<private>-kvm"
    assert redacted("6.1-thomas2", frozenset({"thomas"})) == "6.1-<private>2"
    assert redacted("a.b+c", frozenset({"b+c"})) == "a.<private>"


def test_this_environment_is_told():
    environment = read_environment()
    assert environment.python == platform.python_version()
    assert environment.packages["numpy"] == version("numpy")
    assert "matbench-vectorization" in environment.packages
    assert any(library.api == "blas" for library in environment.libraries)
    assert environment.numba_threading_layer is None
    assert environment == read_environment()


def test_plugins_are_told_and_broken_ones_are_left_out(monkeypatch):
    def found(group):
        point = EntryPoint("lops", "lops:kernels", group)
        return [
            SimpleNamespace(dist=SimpleNamespace(name="pytest")),
            SimpleNamespace(dist=SimpleNamespace(name="not-installed-at-all")),
            SimpleNamespace(dist=None),
            point,
        ]

    monkeypatch.setattr(software, "entry_points", found)
    packages = read_environment().packages
    assert packages["pytest"] == version("pytest")
    assert "not-installed-at-all" not in packages


def test_a_numpy_that_cant_be_imported_is_not_an_error(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(software, "import_module", refuse)
    assert software._numpy_config() == {}


def test_nameless_users_have_no_private_name(monkeypatch):
    def refuse():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", refuse)
    monkeypatch.setattr("platform.node", lambda: "")
    assert "" not in software.private_words()


@pytest.mark.skipif(platform.system() != "Linux", reason="archspec reads the same file on Linux only")
def test_archspec_gives_this_machine_the_same_name():
    cpu, target = read_host().cpu, archspec.cpu.host()
    assert (cpu.microarchitecture, cpu.generic) == (target.name, target.generic.name)


def test_an_unknown_system_is_read_by_what_python_knows(monkeypatch):
    monkeypatch.setattr("platform.processor", lambda: "AMD64 Family 25 Model 33 Stepping 0, AuthenticAMD")
    host = read_host(system="Windows", architecture="AMD64")
    assert (host.system, host.architecture, host.cpu.family) == ("Windows", "x86_64", 25)
    assert host.cpu.microarchitecture != ""
    assert host.memory_bytes


def test_a_detection_that_fails_leaves_the_processor_nameless(monkeypatch):
    def refuse():
        raise RuntimeError("no cpuid here")

    monkeypatch.setattr("archspec.cpu.host", refuse)
    monkeypatch.setattr("platform.processor", lambda: "")
    assert read_host(system="Windows", architecture="AMD64").cpu.microarchitecture == "unknown"


def test_a_mac_is_read_through_sysctl(monkeypatch):
    recorded = (Path(__file__).parent / "machines" / "m2-laptop" / "sysctl.txt").read_text()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=recorded))
    assert read_host(system="Darwin", architecture="arm64").cpu.brand == "Apple M2"


def test_a_mac_whose_sysctl_hangs_is_unknown(monkeypatch):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("sysctl", 10)

    monkeypatch.setattr(subprocess, "run", hang)
    assert read_host(system="Darwin", architecture="arm64").cpu.brand == "unknown"


def test_the_state_elsewhere_is_what_psutil_tells():
    conditions = read_conditions(system="Darwin")
    assert conditions.available_bytes
    assert conditions.governor is conditions.cpu_quota is conditions.steal_ticks is None


def test_a_system_that_refuses_everything_is_unknown(monkeypatch):
    def refuse(*_, **__):
        raise OSError("sandboxed")

    for name in ("virtual_memory", "swap_memory", "sensors_battery", "cpu_count", "Process"):
        monkeypatch.setattr(state.psutil, name, refuse, raising=False)
    monkeypatch.setattr("os.getloadavg", refuse, raising=False)
    monkeypatch.setattr(card, "named_here", lambda cpu: cpu)

    conditions, host = read_conditions(system="Windows"), read_host(system="Windows", architecture="ARM64")

    assert (conditions.available_bytes, conditions.load_1m, conditions.affinity) == (None, None, None)
    assert (host.memory_bytes, host.physical_cores, host.smt) == (None, None, None)
