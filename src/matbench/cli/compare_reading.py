"""One record of many, read and reduced: what processes of their own do, which import no more than it takes."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from ctypes import c_bool
from dataclasses import dataclass, replace
from pathlib import Path

from matbench.analyse.compare_runs import Run, reduce_record
from matbench.analyse.plausible import implausible
from matbench.collector import collector_off
from matbench.errors import RecordError
from matbench.model import Record
from matbench.record.reading import read_record

__all__ = ["Outcome", "begun", "heed", "of_file", "of_files", "of_record"]

_HEEDED: list[c_bool] = []  # in a process that others began: set once nobody wants to know any more


@dataclass(frozen=True)
class Outcome:
    """What became of a record: the run, or why it can't be read, and what there is to say."""

    run: Run | None = None
    error: RecordError | None = None
    said: tuple[str, ...] = ()

    def named(self, name: str) -> Outcome:
        """The same of a run of that name."""
        return self if self.run is None else replace(self, run=replace(self.run, name=name))


def heed(stop: c_bool) -> None:
    """Have this process read no further record once `stop` is set; Ctrl-C, which reaches it too, is not for it."""
    _HEEDED.append(stop)
    # It is withheld from the start where the system can do that (not Windows).
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def begun() -> None:
    """Nothing: what a process is asked for first, so that it begins with its imports."""


def of_file(path: Path, name: str, is_asv: bool, *, is_checked: bool = False) -> Outcome:
    """The run in a file of ours or of asv's.

    Parameters
    ----------
    path
        The file.
    name
        What to call the run.
    is_asv
        Whether the file is one of asv's.
    is_checked
        Whether all is looked for that can't be true of it, and not only what lies above its roof.
    """
    with collector_off():
        try:
            return of_record(_read(path, is_asv=is_asv), name, is_checked=is_checked)
        except RecordError as error:
            return Outcome(error=error)


def of_files(files: Sequence[tuple[Path, bool]]) -> list[Outcome]:
    """The runs in several files, each given with whether it is one of asv's; what to call them is not known yet.

    Fewer where this process was told to stop.
    """
    return [of_file(path, "", is_asv) for path, is_asv in files if not any(stop.value for stop in _HEEDED)]


def _read(path: Path, *, is_asv: bool) -> Record:
    if is_asv:
        from matbench.record.asv_reading import read_asv

        return read_asv(path)
    return read_record(path)


def of_record(record: Record, name: str, *, is_checked: bool) -> Outcome:
    """The run that a record comes to, under the conditions of `of_file`."""
    findings = implausible(record) if is_checked else ()
    fault = f"INVALID: {findings[0].rstrip('.')}" if findings else None
    return Outcome(reduce_record(record, name, fault), said=record.warnings)
