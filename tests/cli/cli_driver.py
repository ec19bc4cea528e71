"""matbench driven as a user does: a process of its own, in a folder of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
ENCODINGS = ("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "LANG")
OWN = ("MATBENCH_DEBUG", "PYTHONWARNINGS", "PYTHONPATH", *COLOURS, *ENCODINGS)
KERNELS = ("--preset", "quick", "--kernels", "python_lists,numba_ikj,numpy_matmul")
TINY = (*KERNELS, "--sizes", "8,16", "--budget", "20s")
LONGER = (*KERNELS, "--sizes", "8-32+8", "--threads", "1", "--budget", "12s")
PATIENCE_S = 90  # until something that has to happen is given up


@dataclass(frozen=True)
class User:
    """Somebody at a shell: a working folder and the environment of every command."""

    folder: Path
    environ: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def at(self, folder: Path, **variables: str) -> User:
        """The same user in another folder, with more variables set."""
        return User(folder, self.environ, {**self.variables, **variables})

    def start(self, *arguments: object, **options: object) -> subprocess.Popen[str]:
        """``python -m matbench`` with `arguments`, under way."""
        return self.python("-m", "matbench", *arguments, **options)

    def python(self, *arguments: object, **options: object) -> subprocess.Popen[str]:
        """Another Python with `arguments`, under way."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        command = [sys.executable, *map(str, arguments)]
        environ = {**self.environ, **self.variables}
        return subprocess.Popen(command, cwd=self.folder, env=environ, text=True, encoding="utf-8", **pipes)

    def does(self, *arguments: object, **options: object) -> Done:
        """What a command comes to."""
        return finished(self.start(*arguments, **options))

    @property
    def files(self) -> list[str]:
        """Everything in the folder, relative to it."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))

    @property
    def records(self) -> list[Path]:
        """All record files, oldest first."""
        return sorted(self.folder.glob("results/records/*/*.jsonl"))


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines in which matbench says what went wrong."""
        return [line for line in self.err.splitlines() if line.startswith("matbench: ")]


def finished(process: subprocess.Popen[str]) -> Done:
    """The end of a process; it is killed if that does not come."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return Done(process.returncode, out or "", err or "")


def user_environ(home: Path) -> dict[str, str]:
    """The environment of a user whose home is `home`: nothing of the real one is read or written."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN}
    temporary = home / "tmp"  # the lock lies there: a real run on this machine shall not be in the way
    temporary.mkdir(parents=True, exist_ok=True)
    folders = {"HOME": home, "XDG_DATA_HOME": home / "data", "XDG_CACHE_HOME": home / "cache", "TMPDIR": temporary}
    return {**inherited, **{name: str(path) for name, path in folders.items()}, "LANG": "C.UTF-8", "TERM": "xterm"}


def complains(done: Done, *words: str, code: int = 2) -> None:
    """Assert that a command failed with one sentence that holds `words`, and said nothing else."""
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    assert done.err.startswith("matbench: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def lines_of(path: Path) -> list[dict[str, object]]:
    """The whole lines of a record, be it only half written."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def rewritten(path: Path, target: Path, **header: object) -> Path:
    """A copy of an ended record as one that did not reach its end, with fields of its header replaced."""
    lines = [line for line in lines_of(path) if line["type"] != "end"]
    lines[0] |= header
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return target


def wait_for_samples(user: User, process: subprocess.Popen[str]) -> Path:
    """The record of a run under way, as soon as a case of it has samples."""
    for _ in range(PATIENCE_S * 50):
        for path in user.records:
            if any(line["type"] == "measurement" and line.get("samples") for line in lines_of(path)):
                return path
        assert process.poll() is None, "the run ended before anything was measured"
        time.sleep(0.02)
    raise AssertionError("nothing was measured in time")


def samples_in(path: Path) -> dict[str, list[int]]:
    """The elapsed times of each case of a record, ns, in their order."""
    found: dict[str, list[int]] = {}
    for line in lines_of(path):
        if line["type"] == "measurement":
            found.setdefault(json.dumps(line["case"], sort_keys=True), []).extend(
                line.get("samples", {}).get("elapsed_ns", [])
            )
    return found


def reasons_in(path: Path) -> dict[str, str]:
    """What the last line of each case of a record gives as its reason, empty where it was measured."""
    return {
        json.dumps(line["case"], sort_keys=True): line.get("reason") or ""
        for line in lines_of(path)
        if line["type"] == "measurement"
    }
