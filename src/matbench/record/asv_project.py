"""The project that asv measures: where its settings are, where its results go, at which commit it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench.errors import UsageError
from matbench.record.asv_format import BENCHMARKS_VERSION, MACHINE_VERSION, RESULTS_VERSION, TIMED
from matbench.record.files import printable, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Project", "asv_module", "check_asv", "find_settings", "holds_suite", "read_project", "translated"]

SETTINGS = ("asv.conf.json", "asv.conf.jsonc")
SETTINGS_LIMIT = 2**20  # bytes
PATIENCE_S = 20.0  # s, that git may take
STATUS = ("--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
REMEDY = 'install "asv>=0.6.5,<0.7"'


@dataclass(frozen=True)
class Project:
    """A work tree with settings for asv.

    Attributes
    ----------
    settings
        Its ``asv.conf.json``.
    results
        Folder of asv's results.
    commit
        Hash of the commit that is checked out, 40 digits or more.
    committed_ms
        When it was written, ms since 1970, as asv counts.
    is_changed
        Whether files that git knows differ from that commit.
    """

    settings: Path
    results: Path
    commit: str
    committed_ms: int
    is_changed: bool


def find_settings(start: Path) -> Path | None:
    """The ``asv.conf.json`` in `start` or the nearest folder above it; None where there is none."""
    folder = start.absolute()
    for place in (folder, *folder.parents):
        for name in SETTINGS:
            if (place / name).is_file():
                return place / name
    return None


def holds_suite(settings: Path) -> bool:
    """Whether the benchmarks beside these settings are matbench's own."""
    return any(settings.parent.glob(f"*/{TIMED.partition('.')[0]}.py"))


def read_project(settings: Path) -> Project:
    """The project with these settings.

    Raises
    ------
    UsageError
        If asv is missing or not one that was tried, the settings can't be read, or they lie in no git work tree with
        a commit.
    """
    check_asv()
    folder = settings.parent
    read_text(settings, SETTINGS_LIMIT)  # a pipe, a device or a giant is refused before asv opens it
    with translated(settings):
        found: Any = asv_module("config").Config.load(str(settings))
        results = str(found.results_dir)
    commit, committed_s = _commit(folder)
    return Project(
        settings=settings,
        results=folder / results,
        commit=commit,
        committed_ms=1000 * committed_s,
        is_changed=_is_changed(folder, results),
    )


def asv_module(name: str) -> Any:
    """A module of asv, imported only now: it belongs to the suite, and reading records must not need it.

    Raises
    ------
    UsageError
        If asv is not installed, or has no such module.
    """
    try:
        import_module("asv")
    except ImportError as error:
        raise UsageError(f"asv is not installed here; {REMEDY}") from error
    try:
        return import_module(f"asv.{name}")
    except ImportError as error:
        raise _untried(printable(error)) from error


def check_asv() -> None:
    """Raise UsageError unless asv is there and writes the formats that were tried."""
    tried = (
        ("results", "Results", RESULTS_VERSION),
        ("benchmarks", "Benchmarks", BENCHMARKS_VERSION),
        ("machine", "Machine", MACHINE_VERSION),
    )
    for module, kind, wanted in tried:
        here = getattr(getattr(asv_module(module), kind, None), "api_version", None)
        if here != wanted:
            raise _untried(f"it writes {module} in version {printable(here, 20)} of their format, not {wanted}")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Within, what asv's own classes raise over the file or folder `path` becomes one sentence.

    Raises
    ------
    UsageError
        Instead of asv's errors: a file that it can't make sense of, or a call that it does not understand.
    """
    try:
        yield
    except (AttributeError, ImportError, TypeError) as error:
        raise _untried(f"over {printable(path.name)} it says: {printable(error)}") from error
    except (asv_module("util").UserError, ArithmeticError, LookupError, ValueError, RecursionError) as error:
        said = printable(str(error).rstrip(". ").splitlines()[0] if str(error) else type(error).__name__)
        raise UsageError(f"asv can't use {printable(path)} ({said}); mend it or move it away") from error


def _untried(reason: str) -> UsageError:
    return UsageError(f"asv {_asv_version()} is not one that was tried: {reason}; {REMEDY}")


def _asv_version() -> str:
    try:
        return version("asv")
    except PackageNotFoundError:  # it was found by its path alone
        return "of unknown version"


def _commit(folder: Path) -> tuple[str, int]:
    """Hash and time, s since 1970, of the commit that is checked out in `folder`."""
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.stdout.strip() != "true":
        said = printable(inside.stderr.strip().partition("\n")[0] or "it has no work tree here")
        raise UsageError(
            f"{printable(folder)} is no git work tree, under whose commits asv files results ({said}); "
            "repeat it in a clone of the project"
        )
    found = _git(folder, "rev-list", "-n", "1", "--format=%at", "HEAD").stdout.split()  # commit <hash> <time>
    if len(found) != 3:
        raise UsageError(
            f"{printable(folder)} has no commit yet, and asv files results under commits; make one with `git commit`"
        )
    return found[1], int(found[2])


def _is_changed(folder: Path, results: str) -> bool:
    """Whether files that git knows differ from the commit, those among the results apart: measuring changes them."""
    top = Path(results).parts[:1]
    apart = () if top in {(), ("..",)} or Path(results).is_absolute() else (f":(exclude){top[0]}",)
    return bool(_git(folder, *STATUS, "--", ":/", *apart).stdout.strip())


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What git answers about the work tree that `folder` is in."""
    program = shutil.which("git")
    if program is None:
        raise UsageError("git is not installed, and asv files results under commits; install git")
    try:
        return subprocess.run(  # noqa: S603  git itself, no shell, and all words but the folder are ours
            [program, "-C", str(folder), *arguments],
            # Within a hook of git's some variables name another repository than the folder's.
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"git does not answer ({printable(error)}); try `git status` there") from error
