"""BLAS libraries that lie on this machine, found by the names of their files; none of them is loaded.

What nobody asked for stays a file: to load a library is to run its code, and two OpenMP runtimes in one process get in
each other's way.
"""

from __future__ import annotations

import functools
import mmap
import os
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from matbench.record.machine.source import ROOT, listing, text

__all__ = ["BlasFile", "blas_files", "blas_folders", "distinct", "installed_blas"]

_TITLES = {
    "openblas": "OpenBLAS",
    "mkl_rt": "MKL",
    "blis": "BLIS",
    "flexiblas": "FlexiBLAS",
    "armpl": "Arm Performance Libraries",
    "nvpl_blas": "NVPL BLAS",
    "accelerate": "Accelerate",
}
# FlexiBLAS brings helpers that look like it; _api and _mgmt are no BLAS.
_NAMED = re.compile(r"(?:lib)?(scipy_)?(openblas|mkl_rt|blis(?![a-z])|flexiblas(?!_)|armpl|nvpl_blas)[\w.+-]*")
_ALIAS = re.compile(r"libc?blas\.so\.3")  # the name that a distribution gives to the library that was chosen
_LIBRARY = re.compile(r".*(\.so(\.\d+)*|\.dylib|\.dll)")
_NESTED = re.compile(
    r"(openblas|blis|atlas|blas|mkl|intel64)[\w.+-]*"
)  # folders of their own below those of the system
_VERSION = re.compile(rb"OpenBLAS (\d[\w.]{0,30})")  # as every OpenBLAS says it of itself

STANDARD = ("usr/local/lib", "usr/local/lib64", "usr/lib", "usr/lib64", "lib", "lib64")
VENDORS = {
    "Linux": ("opt/intel/oneapi/mkl/latest/lib", "opt/intel/oneapi/mkl/latest/lib/intel64"),
    "Darwin": ("opt/homebrew/opt/openblas/lib", "usr/local/opt/openblas/lib", "opt/local/lib"),
}
SEARCHED = {"Linux": "LD_LIBRARY_PATH", "Darwin": "DYLD_LIBRARY_PATH", "Windows": "PATH"}
ACCELERATE = Path("System/Library/Frameworks/Accelerate.framework")


@dataclass(frozen=True)
class BlasFile:
    """A BLAS library on the disk.

    Attributes
    ----------
    path
        What ``--blas`` takes.
    title
        What it is, by its name and, of an OpenBLAS, by what its file says of itself: ``OpenBLAS 0.3.21``.
    """

    path: Path
    title: str


def installed_blas() -> tuple[BlasFile, ...]:
    """The BLAS libraries that this machine has, those of this Python's packages first, each file once."""
    system = platform.system()
    folders = blas_folders(
        system,
        sites=[Path(sysconfig.get_path(name)) for name in ("platlib", "purelib")],
        prefixes=[Path(sys.prefix), Path(sys.base_prefix)],
        variables=os.environ,
    )
    return blas_files(folders, [ROOT / ACCELERATE] if system == "Darwin" else [])


def blas_folders(
    system: str,
    *,
    sites: Iterable[Path],
    prefixes: Iterable[Path],
    variables: Mapping[str, str],
    root: Path = ROOT,
) -> tuple[Path, ...]:
    """Where libraries lie, be they there or not: packages, environments, what variables name, the system.

    Parameters
    ----------
    system
        'Linux', 'Darwin' or 'Windows'.
    sites
        Folders that packages are installed into.
    prefixes
        Those of this environment and of the Python that it is made of.
    variables
        The environment's variables.
    root
        Folder that the system's own are below.
    """
    found: list[Path] = []
    for site in sites:
        found += [site / "numpy.libs", site / "scipy.libs", site / "numpy" / ".dylibs", site / "scipy" / ".dylibs"]
    named = [Path(variables[name]) for name in ("CONDA_PREFIX", "MKLROOT") if variables.get(name)]
    for prefix in (*prefixes, *named):
        found += [prefix / "Library" / "bin"] if system == "Windows" else [prefix / "lib"]
    found += [Path(each) for each in variables.get(SEARCHED.get(system, ""), "").split(os.pathsep) if each]
    if system != "Windows":
        found += _of_the_system(system, root)
    return tuple(dict.fromkeys(found))


def _of_the_system(system: str, root: Path) -> Iterator[Path]:
    """What the dynamic linker is told of, the usual folders, and those that vendors use."""
    told = (root / "etc/ld.so.conf", *listing(root, "etc/ld.so.conf.d/*.conf"))
    for file in told:
        for line in (text(root, str(file.relative_to(root))) or "").splitlines():
            if line.strip().startswith("/"):  # the others include files or say something of hardware
                yield root / line.partition("#")[0].strip().lstrip("/")
    for each in STANDARD:
        yield root / each
    yield from listing(root, "usr/lib/*-linux-gnu*")  # Debian's, a folder an architecture
    for each in VENDORS.get(system, ()):
        yield root / each


def blas_files(folders: Iterable[Path], frameworks: Iterable[Path] = ()) -> tuple[BlasFile, ...]:
    """The BLAS libraries in some folders and in those of their own below them, each file once.

    Parameters
    ----------
    folders
        Where to look; those that are not there, or can't be read, hold nothing.
    frameworks
        Folders of macOS, each of which stands for a library that may be no file.
    """
    paths = [path for folder in folders for path in _within(folder)]
    there = [framework / framework.stem for framework in frameworks if framework.is_dir()]
    return tuple(BlasFile(path, _title(path)) for path in distinct((*paths, *there)))


def _within(folder: Path) -> Iterator[Path]:
    """The libraries of a folder, those with a telling name first, then those of folders of their own."""
    there = _entries(folder)
    for entries in (there, *(_entries(each) for each in there if _NESTED.fullmatch(each.name))):
        libraries = [each for each in entries if _LIBRARY.fullmatch(each.name) and _is_file(each)]
        yield from (each for each in libraries if _NAMED.fullmatch(each.name))
        yield from (each for each in libraries if _ALIAS.fullmatch(each.name) and not _is_named_elsewhere(each))


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, in order; nothing where it is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_file(path: Path) -> bool:
    """Whether it is a file, or a link to one."""
    try:
        return path.is_file()
    except OSError:  # in a folder that may be listed and not entered
        return False


def _is_named_elsewhere(alias: Path) -> bool:
    """Whether the library that an alias stands for lies beside one with a telling name: then it is that one."""
    return any(_NAMED.fullmatch(each.name) for each in _entries(alias.resolve().parent))


def distinct(paths: Iterable[Path], known: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Libraries without those that are one with another before them, or with one that is known already.

    One file under several names is one. NumPy's and SciPy's packages bring copies of one OpenBLAS, made for integers of
    64 and of 32 bits: where they are of one version, they are one.

    Parameters
    ----------
    paths
        Libraries.
    known
        Those that need not be told again.
    """
    seen = {mark for path in known for mark in _marks(path)}
    found = []
    for path in paths:
        marks = _marks(path)
        if not marks & seen:
            found.append(path)
        seen |= marks
    return tuple(found)


def _marks(path: Path) -> set[tuple[object, ...]]:
    """What a library can be recognised by."""
    try:
        facts = path.stat()
    except OSError:  # a framework of macOS is no file
        return {(str(path),)}
    marks: set[tuple[object, ...]] = {(facts.st_dev, facts.st_ino)}
    named = _NAMED.fullmatch(path.name)
    version = _version(path) if named and named[1] else None
    return marks | {("copy", version)} if version else marks


def _title(path: Path) -> str:
    named = _NAMED.fullmatch(path.name)
    if named is None:
        return _TITLES.get(path.name.lower(), "BLAS")
    version = _version(path) if named[2] == "openblas" else None
    return f"{_TITLES[named[2]]} {version}" if version else _TITLES[named[2]]


@functools.cache  # a command asks more than once, and to search 25 MB takes some 20 ms
def _version(path: Path) -> str | None:
    """The version of an OpenBLAS as its file has it; None where it does not tell, or can't be read."""
    with (
        suppress(OSError, ValueError),  # ValueError: it is empty
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        found = _VERSION.search(data)
        return found[1].decode() if found else None
    return None
