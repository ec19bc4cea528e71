"""Another version of the code that is measured: a checkout, a revision, an installed version, an environment.

What comes of each is a folder or two to import from. Nothing of the project's own checkout is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec

from matbench.errors import RecordError, UsageError
from matbench.record.files import printable, read_bytes

__all__ = ["Baseline", "Library", "baseline_at", "may_be_baseline", "other_libraries", "work_tree"]

PATIENCE_S = 600.0  # for what comes over a network
CODE = (".py", ".so", ".pyd")  # endings of what can be imported
CODE_FILES = 20_000
CODE_LIMIT = 16 * 2**20  # bytes of one file; of a larger one only its name tells
VERSION = re.compile(r"\d+(?:\.\d+)+(?:[a-z]+\d+)?")  # a bare version: '1.2', '2.0rc1'
REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*\s*(?:\[[\w, -]*\])?\s*(?:===?|~=|!=|<=?|>=?|@).+")
REVISION = re.compile(r"[A-Za-z0-9@][\w./@{}^~+-]*")  # never an option of git's
ASK = """
import json, sys
from importlib.metadata import distributions
found = {each.name: [each.version, each.requires or []] for each in distributions() if each.name and each.version}
print(json.dumps([list(sys.version_info[:2]), [path for path in sys.path if path], found]))
"""


@dataclass(frozen=True)
class Library:
    """A distribution that lies beside a baseline: its version, and what it requires, as its metadata say it."""

    version: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """Another version of the code.

    Attributes
    ----------
    name
        What it is called; no path.
    identity
        What tells it from others: a commit, a version, or a digest of its code or of where it lies.
    roots
        Folders that its modules are imported from, the first that has one.
    tree
        Top folder of its files, where it is a checkout.
    libraries
        What is installed there, by normalised name, where it is an environment.
    """

    name: str
    identity: str
    roots: tuple[Path, ...]
    tree: Path | None = None
    libraries: Mapping[str, Library] = field(default_factory=dict)


Answer = tuple[tuple[int, int], list[str], dict[str, tuple[str, tuple[str, ...]]]]


@contextlib.contextmanager
def baseline_at(reference: str, package: Callable[[], str]) -> Iterator[Baseline]:
    """Within, another version lies ready to be imported.

    Parameters
    ----------
    reference
        The folder of a checkout or of a virtual environment, a Python interpreter, a requirement (``name==1.2``), a
        version of `package`, or a revision of the Git repository around the working folder.
    package
        Tells the distribution that a bare version is one of.

    Raises
    ------
    UsageError
        If it is none of these, or can't be had; the sentence says why.
    """
    path = Path(reference)
    if reference and _exists(path):
        yield _in_folder(path) if path.is_dir() else _of_interpreter(path, path.name)
        return
    with tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as folder:
        if REQUIREMENT.fullmatch(reference) or (VERSION.fullmatch(reference) and not _commit(reference)):
            wanted = f"{package()}=={reference}" if VERSION.fullmatch(reference) else reference
            yield _installed(wanted, Path(folder))
        else:
            yield _revision(reference, Path(folder))


def may_be_baseline(reference: str) -> bool:
    """Whether a text can stand for another version at all: something that is there, a requirement, a single word."""
    return not re.search(r"\s", reference) or REQUIREMENT.fullmatch(reference) is not None or _exists(Path(reference))


def work_tree() -> Path | None:
    """The top folder of the Git checkout around the working folder; None where there is none."""
    top = _git("rev-parse", "--show-toplevel")
    return Path(top) if top else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # the name is too long, or no name at all
        return False


# -- what lies there already -------------------------------------------------------------------------------------------


def _in_folder(folder: Path) -> Baseline:
    """A checkout, or a virtual environment."""
    if (folder / "pyvenv.cfg").is_file():
        inner = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        return _of_interpreter(folder.joinpath(*inner), folder.resolve().name)
    tree = folder.resolve()
    identity = _clean_head(tree)[:16] or _digest_of_code(tree)
    return Baseline(printable(tree.name, 40) or "folder", identity, _roots(tree), tree)


def _roots(tree: Path) -> tuple[Path, ...]:
    source = tree / "src"
    return (source, tree) if source.is_dir() else (tree,)


def _clean_head(tree: Path) -> str:
    """The commit that a checkout is; empty for one with changes, a folder within one, and what is none."""
    place = ("--no-optional-locks", "-C", str(tree))
    top = _git(*place, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != tree:
        return ""
    state = _answer(["git", *place, "status", "--porcelain"])  # its code, for a refusal would look clean
    return "" if state.returncode or state.stdout.strip() else _git(*place, "rev-parse", "HEAD")


def _digest_of_code(tree: Path) -> str:
    """A digest of what can be imported from a folder, names and contents; of no more than 20,000 files."""
    digest = hashlib.sha256()
    for path in islice(_code(tree), CODE_FILES):
        data = b""
        with contextlib.suppress(RecordError):  # what can't be read can't be imported
            data = read_bytes(path, CODE_LIMIT)
        digest.update(f"{path.relative_to(tree).as_posix()}\0{len(data)}\0".encode(errors="replace") + data)
    return digest.hexdigest()[:16]


def _code(tree: Path) -> Iterator[Path]:
    """The modules below a folder, in order; links to folders are not followed."""
    for parent, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(CODE))


def _of_interpreter(python: Path, name: str) -> Baseline:
    """What an interpreter imports from."""
    hint = "name a Python interpreter, a virtual environment or a checkout"
    answer = _answer([str(python.absolute()), "-I", "-c", ASK])
    try:
        version, paths, found = msgspec.json.decode(answer.stdout, type=Answer)
    except msgspec.DecodeError:
        raise UsageError(f"{printable(python.name)} is no Python interpreter; {hint}") from None
    if version != sys.version_info[:2]:
        here = ".".join(map(str, sys.version_info[:2]))
        there = ".".join(map(str, version))
        raise UsageError(f"{printable(name)} has Python {there}, this is {here}; compare within one version of Python")
    libraries = {_normal(each): Library(*told) for each, told in found.items()}
    identity = _digest(str(python.absolute()))
    return Baseline(printable(name, 40), identity, tuple(map(Path, paths)), libraries=libraries)


def other_libraries(baseline: Baseline, package: str | None) -> tuple[tuple[str, str, str | None], ...]:
    """Libraries of which a baseline's environment has another version than is here.

    Parameters
    ----------
    baseline
        The baseline; one that is no environment has no libraries of its own.
    package
        The distribution that is compared: what it requires is looked at; if None or unknown there, all that is there.

    Returns
    -------
    tuple of (str, str, str or None)
        Name, version there, and version here: None where it is not installed.
    """
    own = _normal(package or "")
    known = baseline.libraries.get(own)
    names = baseline.libraries.keys() - {own} if known is None else set(map(_required, known.requires))
    found = []
    for name in sorted(names & baseline.libraries.keys()):
        there, here = baseline.libraries[name].version, None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            here = importlib.metadata.version(name)
        if there != here:
            found.append((name, there, here))
    return tuple(found)


def _required(requirement: str) -> str:
    """The distribution that a requirement is of, normalised: 'numpy>=2; python_version > "3"' is of numpy."""
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    return _normal(found[0]) if found else ""


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


# -- what has to be fetched --------------------------------------------------------------------------------------------


def _installed(requirement: str, folder: Path) -> Baseline:
    """A version of a package, alone in a folder: all that it needs stays what it is."""
    answer = _answer(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"),
            *("--no-deps", "--target", str(folder), "--", requirement),
        ]
    )
    if answer.returncode:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"{printable(requirement)} can't be installed ({printable(said[-1] if said else 'pip says nothing')}); "
            "name a version that there is, or a checkout"
        )
    return Baseline(printable(requirement.replace(" ", ""), 40), printable(requirement, 80), (folder,))


def _revision(reference: str, folder: Path) -> Baseline:
    """A revision of the repository, its files written beside it: neither its work tree nor its index is touched."""
    hint = "name a revision, a version, a requirement, a checkout, a virtual environment or a claim"
    commit = _commit(reference)
    tree, index = folder / "tree", {"GIT_INDEX_FILE": str(folder / "index")}
    if not commit and _git("rev-parse", "--is-shallow-repository") == "true":
        raise UsageError(
            f"there is no {printable(reference)!r} in this shallow clone; fetch it (fetch-depth: 0 of "
            "actions/checkout, else git fetch --unshallow)"
        )
    if not commit:
        raise UsageError(f"there is no baseline {printable(reference)!r} here; {hint}")
    top = work_tree()
    place = ("-C", str(top))
    _git(*place, "read-tree", commit, variables=index)
    _git(*place, "checkout-index", "--all", f"--prefix={tree}{os.sep}", variables=index)
    if not tree.is_dir():
        raise UsageError(f"git can't write the files of {printable(reference)!r}; try `git archive` on it")
    tree = tree.resolve()
    return Baseline(printable(reference, 40), commit[:16], _roots(tree), tree)


def _commit(reference: str) -> str:
    """The commit that a revision names; empty where it names none."""
    if not REVISION.fullmatch(reference):
        return ""
    return _git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")


def _git(*arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """What git answers; empty where it refuses, or is not there."""
    answer = _answer(["git", *arguments], variables)
    return "" if answer.returncode else answer.stdout.decode(errors="replace").strip()


def _answer(command: list[str], variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """A program that has ended; one that could not be started, or did not end, has failed."""
    environment = {**os.environ, **(variables or {})}
    try:
        return subprocess.run(  # noqa: S603  no shell; a reference can't begin with a dash
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(command, 127, b"", str(error).encode())
