"""BLAS libraries become kernels: those that are loaded, and those that the user names."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from matbench.errors import UsageError
from matbench.kernels import Registry
from matbench.measure import libraries
from matbench.measure.libraries import add_blas_kernels, loaded_libraries


def loaded(path, api="openblas", user_api="blas"):
    return {
        "user_api": user_api,
        "internal_api": api,
        "filepath": path,
        "version": "0.3.29",
        "architecture": "Haswell",
        "num_threads": 2,
    }


@pytest.fixture
def machine(monkeypatch):
    """Libraries by path; what is added to `loaded` is what threadpoolctl sees."""
    handles = {}
    made = SimpleNamespace(loaded=[], handles=handles, silent=set())

    def load(path):
        if path in made.silent:
            return SimpleNamespace(_handle=hash(path), empty=True)
        return handles.setdefault(path, SimpleNamespace(_handle=hash(path)))

    def kernel_of(name, handle, *, title, threaded=True):
        from matbench.kernels import Kernel, Rung

        return Kernel(
            name=f"blas_{name}",
            rung=Rung.BLAS,
            idea=title,
            function=handle,
            threaded_dtypes=("float64",) if threaded else (),
        )

    monkeypatch.setattr(libraries, "_load", load)
    monkeypatch.setattr(libraries, "loaded_libraries", lambda: made.loaded)
    monkeypatch.setattr(libraries, "exports_cblas", lambda handle: not hasattr(handle, "empty"))
    monkeypatch.setattr(libraries, "blas_kernel", kernel_of)
    return made


def added(*paths):
    registry = Registry()
    add_blas_kernels(registry, paths)
    return {each.name: (each.idea, bool(each.threaded_dtypes)) for each in registry}


def test_a_loaded_library_is_a_kernel_with_its_version_and_architecture(machine):
    machine.loaded = [loaded("/lib/libopenblas.so"), loaded("/lib/libgomp.so", "openmp", "openmp")]
    assert added() == {"blas_openblas": ("OpenBLAS 0.3.29 Haswell", True)}


def test_a_second_library_of_one_name_gets_a_number(machine):
    machine.loaded = [loaded(f"/{place}/libopenblas.so") for place in "abc"]
    assert list(added()) == ["blas_openblas", "blas_openblas_2", "blas_openblas_3"]


def test_one_file_under_two_names_is_one_kernel(machine):
    machine.loaded = [loaded("/a/libopenblas.so"), loaded("/b/libopenblas.so")]
    machine.handles["/a/libopenblas.so"] = machine.handles["/b/libopenblas.so"] = SimpleNamespace(_handle=1)
    assert list(added()) == ["blas_openblas"]


@pytest.mark.usefixtures("machine")
def test_a_library_that_threadpoolctl_does_not_know_is_named_after_its_file_and_keeps_its_threads():
    assert added("/opt/libMy-BLAS.so.3") == {"blas_my_blas": ("libMy-BLAS.so.3", False)}


def test_a_loaded_library_without_cblas_is_passed_over_and_a_named_one_is_an_error(machine):
    machine.loaded = [loaded("/lib/libhidden.so")]
    machine.silent = {"/lib/libhidden.so", "/opt/libempty.so"}
    assert added() == {}
    with pytest.raises(UsageError, match=r"^libempty\.so exports no cblas_dgemm and cblas_sgemm; give a library"):
        added("/opt/libempty.so")


@pytest.mark.parametrize("name", ["libnowhere.so", "not_a_library.so"])
def test_a_file_that_can_t_be_loaded_is_one_sentence_without_its_folders(tmp_path, name):
    (tmp_path / "not_a_library.so").write_text("no ELF")
    with pytest.raises(UsageError) as caught:
        add_blas_kernels(Registry(), [str(tmp_path / name)])
    assert str(caught.value).startswith(f"{name} can't be loaded (")
    assert str(caught.value).endswith("give the path of a shared library such as libmkl_rt.so")
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_libraries_of_this_very_process_become_kernels_with_names_of_their_own():
    assert "numpy" in sys.modules
    registry = Registry()
    add_blas_kernels(registry)
    assert len(registry) <= sum(each["user_api"] == "blas" for each in loaded_libraries())
    assert all(name.startswith("blas_") for name in registry.names)
