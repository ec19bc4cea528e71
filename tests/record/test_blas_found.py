"""BLAS libraries on the disk: found by their names in folders that are made up, told once, never loaded."""

import os
from pathlib import Path

import pytest
from symbolic_links import needs_links

from matbench.record.libraries import BlasFile, blas_files, blas_folders, distinct, installed_blas

SAYS = b"\0OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH\0"
DEBIAN = "usr/lib/x86_64-linux-gnu"


def library(path, says=b""):
    """A file that could not be loaded: who tried would fail."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no library" + says)
    return path


def names(found):
    return [each.path.name for each in found]


def on_linux(root, **variables):
    return blas_folders("Linux", sites=[], prefixes=[], variables=variables, root=root)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("libopenblas.so.0", "OpenBLAS"),
        ("libopenblasp-r0.3.29.so", "OpenBLAS"),
        ("libscipy_openblas64_-32a4b2a6.so", "OpenBLAS"),
        ("libmkl_rt.so.2", "MKL"),
        ("mkl_rt.2.dll", "MKL"),
        ("libblis-mt.so.4", "BLIS"),
        ("libflexiblas.so.3", "FlexiBLAS"),
        ("libarmpl_lp64_mp.so", "Arm Performance Libraries"),
        ("libnvpl_blas_lp64_gomp.so.0", "NVPL BLAS"),
        ("libopenblas.0.dylib", "OpenBLAS"),
        ("libblas.so.3", "BLAS"),
    ],
)
def test_a_library_is_known_by_its_name(tmp_path, name, title):
    path = library(tmp_path / name)
    assert blas_files([tmp_path]) == (BlasFile(path, title),)


@pytest.mark.parametrize(
    "name",
    [
        "libopenblas.a",
        "libblister.so",
        "libopenblas.so.debug",
        "libflexiblas_api.so.3",
        "libmkl_core.so.2",
        "libblas.so",
    ],
)
def test_what_only_looks_like_one_is_passed_over(tmp_path, name):
    library(tmp_path / name)
    assert blas_files([tmp_path]) == ()


def test_an_openblas_is_told_with_the_version_that_its_file_has(tmp_path):
    library(tmp_path / "libopenblas.so.0", SAYS)
    library(tmp_path / "libmkl_rt.so.2", SAYS)
    assert [each.title for each in blas_files([tmp_path])] == ["MKL", "OpenBLAS 0.3.21"]


@pytest.mark.parametrize("says", [b"OpenBLAS warning: precompiled NUM_THREADS", b"OpenBLAS \xff\x1b[2J", b""])
def test_a_file_that_does_not_tell_its_version_is_told_without(tmp_path, says):
    path = tmp_path / "libopenblas.so"
    path.write_bytes(says)
    assert blas_files([tmp_path])[0].title == "OpenBLAS"


@needs_links
def test_a_file_under_several_names_is_told_once(tmp_path):
    real = library(tmp_path / "libopenblasp-r0.3.21.so", SAYS)
    for name in ("libopenblas.so", "libopenblas.so.0", "libblas.so.3", "libcblas.so.3"):  # as conda lays them
        (tmp_path / name).symlink_to(real.name)
    os.link(real, tmp_path / "libopenblas_hard.so")
    assert names(blas_files([tmp_path, tmp_path])) == ["libopenblas.so"]


@needs_links
def test_debian_s_alternatives_lead_to_what_they_stand_for(tmp_path):
    chosen = library(tmp_path / DEBIAN / "openblas-pthread" / "libblas.so.3")
    library(tmp_path / DEBIAN / "openblas-pthread" / "libopenblas.so.0", SAYS)
    reference = library(tmp_path / DEBIAN / "blas" / "libblas.so.3")
    link = tmp_path / "etc" / "alternatives" / "libblas.so.3-x86_64-linux-gnu"
    link.parent.mkdir(parents=True)
    link.symlink_to(chosen)
    (tmp_path / DEBIAN / "libblas.so.3").symlink_to(link)
    (tmp_path / "lib").symlink_to("usr/lib", target_is_directory=True)
    found = blas_files(on_linux(tmp_path))
    assert [each.title for each in found] == ["BLAS", "OpenBLAS 0.3.21"]
    assert found[0].path == reference
    link.unlink()
    link.symlink_to(reference)  # another one is chosen: still nothing more is there
    assert [each.title for each in blas_files(on_linux(tmp_path))] == ["BLAS", "OpenBLAS 0.3.21"]


@pytest.mark.parametrize(("versions", "told"), [((b"0.3.31", b"0.3.31"), 1), ((b"0.3.31", b"0.3.29"), 2)])
def test_the_copies_of_numpy_and_scipy_are_one_where_they_are_of_one_version(tmp_path, versions, told):
    places = ("numpy.libs/libscipy_openblas64_-32a4b2a6.so", "scipy.libs/libscipy_openblas-6cdc3b4a.so")
    for place, version in zip(places, versions, strict=True):
        library(tmp_path / place, b"OpenBLAS " + version + b" DYNAMIC_ARCH")
    folders = blas_folders("Linux", sites=[tmp_path, tmp_path], prefixes=[], variables={}, root=tmp_path / "none")
    assert len(blas_files(folders)) == told


@needs_links
def test_what_is_known_already_is_not_told_again(tmp_path):
    known = library(tmp_path / "numpy.libs" / "libscipy_openblas64_-1.so", SAYS)
    copy = library(tmp_path / "scipy.libs" / "libscipy_openblas-2.so", SAYS)
    own = library(tmp_path / "libopenblas.so.0", SAYS)  # of the same version, but built otherwise
    link = tmp_path / "libopenblas_link.so"
    link.symlink_to(known)
    assert distinct([known, link, copy, own], [known]) == (own,)


def test_folders_are_those_of_packages_environments_variables_the_linker_and_vendors(tmp_path):
    (tmp_path / "etc" / "ld.so.conf.d").mkdir(parents=True)
    (tmp_path / "etc" / "ld.so.conf").write_text("include ld.so.conf.d/*.conf\n/opt/one # ours\n\n")
    (tmp_path / "etc" / "ld.so.conf.d" / "b.conf").write_text("# none\n/opt/two\n")
    (tmp_path / DEBIAN).mkdir(parents=True)
    found = blas_folders(
        "Linux",
        sites=[Path("site")],
        prefixes=[Path("env")],
        variables={"LD_LIBRARY_PATH": f"{os.pathsep}mine", "MKLROOT": "mkl", "CONDA_PREFIX": "", "PATH": "never"},
        root=tmp_path,
    )
    told = [path.relative_to(tmp_path).as_posix() if path.is_absolute() else path.as_posix() for path in found]
    assert told[:8] == [
        "site/numpy.libs",
        "site/scipy.libs",
        "site/numpy/.dylibs",
        "site/scipy/.dylibs",
        "env/lib",
        "mkl/lib",
        "mine",
        "opt/one",
    ]
    assert {"opt/two", "usr/local/lib", DEBIAN, "opt/intel/oneapi/mkl/latest/lib"} <= set(told)
    assert "never" not in told


def test_windows_and_macos_keep_their_libraries_elsewhere(tmp_path):
    variables = {"PATH": "bin", "CONDA_PREFIX": "conda"}
    found = blas_folders("Windows", sites=[], prefixes=[Path("env")], variables=variables, root=tmp_path)
    assert [path.as_posix() for path in found] == ["env/Library/bin", "conda/Library/bin", "bin"]
    found = blas_folders("Darwin", sites=[], prefixes=[], variables={}, root=tmp_path)
    assert tmp_path / "opt/homebrew/opt/openblas/lib" in found


def test_macos_own_library_is_told_though_it_is_no_file(tmp_path):
    framework = tmp_path / "Accelerate.framework"
    assert blas_files([], [framework]) == ()
    framework.mkdir()
    assert blas_files([], [framework]) == (BlasFile(framework / "Accelerate", "Accelerate"),)


@needs_links
def test_folders_that_are_not_there_circles_and_dangling_links_hold_nothing(tmp_path):
    (tmp_path / "libopenblas.so").symlink_to("gone.so")
    (tmp_path / "libblas.so.3").symlink_to("libcblas.so.3")
    (tmp_path / "libcblas.so.3").symlink_to("libblas.so.3")
    (tmp_path / "openblas").symlink_to("openblas")
    (tmp_path / "libmkl_rt.so").mkdir()
    a_file = library(tmp_path / "file")
    assert blas_files([tmp_path, tmp_path / "none", a_file]) == ()


def test_this_machine_s_are_looked_for_without_loading_any():
    from threadpoolctl import threadpool_info

    before = {each["filepath"] for each in threadpool_info()}
    found = installed_blas()
    assert len({each.path for each in found}) == len(found)
    assert {each["filepath"] for each in threadpool_info()} == before
