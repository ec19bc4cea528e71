"""BLAS libraries become kernels: those that are loaded, and those that the user names."""

from __future__ import annotations

import sys
from itertools import permutations
from types import SimpleNamespace

import pytest
from symbolic_links import needs_links

from matbench.errors import UsageError
from matbench.kernels import Registry
from matbench.measure import libraries
from matbench.measure.libraries import add_blas_kernels, loaded_libraries, usable


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


NUMPYS = "/site/numpy.libs/libscipy_openblas64_.so"
SCIPYS = "/site/scipy.libs/libscipy_openblas.so"


def test_a_name_means_one_library_in_processes_that_have_loaded_different_ones(machine):
    machine.loaded = [loaded(NUMPYS), loaded("/opt/libopenblas.so.0")]
    child = Registry()
    add_blas_kernels(child, ["/opt/libopenblas.so.0"])
    machine.loaded = [loaded(NUMPYS), loaded(SCIPYS), loaded("/opt/libopenblas.so.0")]
    parent = Registry()
    add_blas_kernels(parent, ["/opt/libopenblas.so.0"])
    assert child.names == ("blas_openblas", "blas_openblas_2")
    assert parent.names == ("blas_openblas", "blas_openblas_2", "blas_openblas_3")
    for name in child.names:
        assert child.get(name).function is parent.get(name).function
    assert parent.get("blas_openblas_3").function is machine.handles[SCIPYS]


@needs_links
def test_a_link_is_the_library_that_it_leads_to(machine, tmp_path):
    real = tmp_path / "libmkl_rt.so.3"
    real.write_text("")
    (tmp_path / "libfast.so").symlink_to(real)
    machine.loaded = [loaded(str(real), "mkl")]
    machine.handles[str(tmp_path / "libfast.so")] = machine.handles[str(real)] = SimpleNamespace(_handle=7)
    assert added(str(tmp_path / "libfast.so")) == {"blas_mkl": ("MKL 0.3.29 Haswell", True)}


def test_of_two_files_of_one_name_each_is_told_as_what_it_is(machine):
    serial, threaded = "/usr/openblas-serial/libopenblas.so.0", "/usr/openblas-pthread/libopenblas.so.0"
    machine.loaded = [loaded(threaded) | {"version": "0.3.1"}, loaded(serial) | {"version": "0.3.2"}]
    assert [idea for idea, _ in added(threaded, serial).values()] == [
        "OpenBLAS 0.3.1 Haswell",
        "OpenBLAS 0.3.2 Haswell",
    ]


def test_a_named_library_without_cblas_is_an_error_though_it_is_known_under_another_path(machine):
    machine.loaded = [loaded("/real/libhidden.so")]
    machine.silent = {"/real/libhidden.so", "libhidden.so"}
    with pytest.raises(UsageError, match="exports no cblas_dgemm"):
        added("libhidden.so")


def test_what_can_t_be_measured_is_told_with_the_reason(machine, monkeypatch):
    machine.silent = {"/opt/libempty.so"}
    load = libraries._load

    def refusing(path):
        if path == "/opt/libgone.so":
            raise UsageError("libgone.so can't be loaded")
        return load(path)

    monkeypatch.setattr(libraries, "_load", refusing)
    assert usable(["/opt/libgone.so", "/opt/libempty.so", "/opt/libgood.so"]) == {
        "/opt/libgone.so": "libgone.so can't be loaded",
        "/opt/libempty.so": "libempty.so exports no cblas_dgemm and cblas_sgemm",
        "/opt/libgood.so": None,
    }


@pytest.mark.parametrize("order", list(permutations([NUMPYS, SCIPYS, "/opt/libopenblas.so.0", "/opt/libopenblasp.so"])))
def test_names_do_not_depend_on_the_order_in_which_libraries_are_seen(machine, order):
    machine.loaded = [loaded(path) for path in order]
    registry = Registry()
    add_blas_kernels(registry, ["/opt/libopenblasp.so", "/opt/libopenblas.so.0"])
    assert [each.function for each in registry] == [
        machine.handles[path] for path in (NUMPYS, "/opt/libopenblasp.so", "/opt/libopenblas.so.0", SCIPYS)
    ]
