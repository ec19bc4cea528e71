"""The runs that a comparison is asked for, from wherever they lie, read and reduced one by one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from ctypes import c_bool
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from matbench.analyse.compare_runs import Run, distinct_names
from matbench.cli import console
from matbench.cli.compare_reading import Outcome, begun, heed, of_file, of_files, of_record
from matbench.cli.reading import asv_records
from matbench.errors import RecordError, UsageError
from matbench.model import Header, Record
from matbench.record.asv_reading import asv_place
from matbench.record.bundles import bundle_parts, is_bundle
from matbench.record.files import printable
from matbench.record.islands import is_page, page_records
from matbench.record.listing import Listed, Wanted, chosen, list_files, run_files
from matbench.record.store import read_header, resolve_record

__all__ = ["Processes", "Source", "named_sources", "reduced"]

WHOLLY_CHECKED = 100  # runs up to which each is checked as `matbench validate` does; of more only the roof is
MOST_PROCESSES = 8  # that read: more wait for the disk
CHUNK = 16  # records that a process is handed at a time


@dataclass(frozen=True)
class Source:
    """A run that was named.

    Attributes
    ----------
    header
        The first line of its record.
    path
        The file that it is in.
    place
        Where it is in a file of several, a bundle or a page: that is read once more when its records are reduced.
    is_asv
        Whether the file is one of asv's.
    in_folder
        Whether not it was named but its folder, so that the others do without it if it can't be read.
    """

    header: Header
    path: Path
    place: int | None = None
    is_asv: bool = False
    in_folder: bool = False

    def is_wanted(self, wanted: Wanted) -> bool:
        """Whether it passes the filters."""
        return bool(chosen([Listed(self.path, self.header, None, 0)], wanted))


def named_sources(
    arguments: Sequence[str], results: Path, wanted: Wanted, processes: Processes, *, latest: bool = False
) -> list[Source]:
    """The runs that are meant, each once, in the order given; those of a folder from old to new.

    Parameters
    ----------
    arguments
        Record files, ids, machines, folders, bundles, pages that hold their records, results of asv.
    results
        The results folder.
    wanted
        Which of them are wanted.
    processes
        Where there are many, what reads them meanwhile.
    latest
        Whether only the newest run of each machine is.

    Raises
    ------
    MatbenchError
        If anything that is named is not there or can't be read, or nothing is left.
    """
    once: dict[tuple[str, str], Source] = {}
    every = not latest and wanted == Wanted()
    for source in (each for argument in arguments for each in _named(argument, results, processes, every=every)):
        key = (source.header.machine, source.header.id)
        if key in once:
            console.note(f"{source.header.id} of {source.header.machine} is named twice and counted once")
        elif source.is_wanted(wanted):
            once[key] = source
    if not once:
        raise UsageError("no run is left to compare; name records, or loosen --machine and --cpu")
    return _latest(once.values()) if latest else list(once.values())


def _named(argument: str, results: Path, processes: Processes, *, every: bool) -> Iterator[Source]:
    path = asv_place(argument)
    if path is not None:
        yield from (Source(record.header, each, is_asv=True) for each, record in asv_records(path, None))
        return
    path = Path(argument)
    if _is_folder(path):
        yield from _in_folder(path, argument, processes, every=every)
        return
    path = resolve_record(argument, results, many=True)
    if is_bundle(path) or is_page(path):
        yield from (Source(record.header, path, place) for place, record in _runs_in(path))
    else:
        yield Source(read_header(path), path)


def _runs_in(path: Path) -> Iterator[tuple[int, Record]]:
    """The runs in a bundle or a page, one at a time: by the line or the number at which they stand."""
    if is_page(path):
        yield from enumerate(page_records(path), 1)
    else:
        yield from ((part.line, part.record) for part in bundle_parts(path) if isinstance(part.record, Record))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the name is too long for one
        return False


def _in_folder(path: Path, argument: str, processes: Processes, *, every: bool) -> Iterator[Source]:
    paths = run_files(path)
    if len(paths) > WHOLLY_CHECKED:
        with suppress(BrokenProcessPool):  # is met again, and told, where their records are asked for
            processes.hand([(each, False) for each in paths] if every else [])
    listed, refused = list_files(paths, ends=False)
    for reason in refused:
        console.warn(reason)
    if not listed:
        raise UsageError(f"no runs in {path.name or argument}; name a results folder or a machine's folder in it")
    yield from (Source(each.header, each.path, in_folder=True) for each in listed if isinstance(each.header, Header))


def _latest(sources: Iterable[Source]) -> list[Source]:
    """The newest run of each machine."""
    newest: dict[tuple[str, str], Source] = {}
    for source in sorted(sources, key=lambda each: each.header.created):
        newest[source.header.machine, source.header.host.host_id] = source
    return list(newest.values())


# -- read and reduced --------------------------------------------------------------------------------------------------


def reduced(sources: Sequence[Source], processes: Processes) -> list[Run]:
    """Each record read, reduced and let go: thousands would not fit into memory.

    Parameters
    ----------
    sources
        What `named_sources` found.
    processes
        Those that it was given.

    Raises
    ------
    RecordError
        If one that was named itself can't be read; one of a folder is left out with a warning.
    """
    names = distinct_names([source.header for source in sources])
    if len(sources) > WHOLLY_CHECKED:
        console.note(f"{len(sources):,} runs: each is held against its roof; all else is checked by matbench validate")
    found = []
    for name, source, outcome in zip(names, sources, _outcomes(names, sources, processes), strict=True):
        for text in outcome.said:
            console.warn(f"{name}: {text}")
        if outcome.error is not None and not source.in_folder:
            raise outcome.error
        if outcome.error is not None:
            console.warn(str(outcome.error))
        if outcome.run is not None:
            found.append(outcome.run)
    return found


def _outcomes(names: Sequence[str], sources: Sequence[Source], processes: Processes) -> Iterator[Outcome]:
    """One a source, in their order; many files are read by several processes."""
    is_checked = len(sources) <= WHOLLY_CHECKED
    done = 0
    if not is_checked and all(source.place is None for source in sources):
        for outcome in _of_processes(names, sources, processes):
            yield outcome
            done += 1
    processes.close()  # whether they were needed or not: they hold memory
    parts = _of_parts(names, sources, is_checked=is_checked)
    for name, source in zip(names[done:], sources[done:], strict=True):
        if source.place is not None:
            yield parts[source.path, source.place]
        else:
            yield of_file(source.path, name, is_asv=source.is_asv, is_checked=is_checked)


def _of_processes(names: Sequence[str], sources: Sequence[Source], processes: Processes) -> Iterator[Outcome]:
    """One a source, read by several processes; fewer where one of them dies, and none where there is no other."""
    files = [(source.path, source.is_asv) for source in sources]
    try:
        if processes.hand(files):
            for name, file in zip(names, files, strict=True):
                yield processes.outcome(file).named(name)
    except (BrokenProcessPool, MemoryError):
        console.warn("a process that reads records died or ran out of memory; this one goes on alone, and takes longer")


class Processes:
    """Processes that read and reduce records as soon as they are handed their files; begun when they are first needed.

    They have to be closed (`contextlib.closing`), whatever happens: the end of Python waits for them.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._children: list[BaseProcess] = []
        self._stop = c_bool(False)
        self._handed: dict[tuple[Path, bool], tuple[Future[list[Outcome]], int]] = {}
        self._is_tried = False

    def hand(self, files: Sequence[tuple[Path, bool]]) -> bool:
        """Have those files read that have not been handed over before, each given with whether it is one of asv's.

        False where one process alone does as well, or the system lets there be no more. With no file at all they begin,
        and import what they need while something else is done.
        """
        pool = self._begun()
        if pool is None:
            return False
        new = [file for file in files if file not in self._handed]
        for first in range(0, len(new), CHUNK):
            part = new[first : first + CHUNK]
            future = pool.submit(of_files, part)
            self._handed.update({file: (future, place) for place, file in enumerate(part)})
        return True

    def outcome(self, file: tuple[Path, bool]) -> Outcome:
        """What became of a file that was handed over, as soon as it is known."""
        future, place = self._handed[file]
        return future.result()[place]

    def close(self) -> None:
        """Let them go: idle ones at once, the others after the record that they are at."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # Cut off while it hands back what it has read, a process would leave this one waiting for the rest.
        is_idle = all(future.done() for future, _ in self._handed.values())
        self._stop.value = True
        pool.shutdown(wait=False, cancel_futures=True)
        for process in self._children if is_idle else ():
            process.terminate()

    def _begun(self) -> ProcessPoolExecutor | None:
        if not self._is_tried:
            self._is_tried = True
            try:
                self._begin()
            except (OSError, NotImplementedError, BrokenProcessPool):
                self.close()
        return self._pool

    def _begin(self) -> None:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = min(usable, MOST_PROCESSES)
        if count == 1:
            return
        context, others = get_context("spawn"), active_children()
        self._stop = context.RawValue(c_bool, False)
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=heed, initargs=(self._stop,))
        try:
            with _interrupts_withheld():
                for _ in range(count):
                    self._pool.submit(begun)
        finally:
            self._children = [each for each in active_children() if each not in others]


@contextmanager
def _interrupts_withheld() -> Iterator[None]:
    """Processes that are begun within don't hear Ctrl-C, not even as they import: each would print a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _of_parts(names: Sequence[str], sources: Sequence[Source], *, is_checked: bool) -> dict[tuple[Path, int], Outcome]:
    """Those in bundles and pages, by file and place; each file is gone through once, with one record in memory."""
    wanted = {
        (source.path, source.place): (name, source.header)
        for name, source in zip(names, sources, strict=True)
        if source.place is not None
    }
    found: dict[tuple[Path, int], Outcome] = {}
    for path in dict.fromkeys(path for path, _ in wanted):
        for place, record in _runs_in(path):
            name, header = wanted.get((path, place), ("", None))
            if record.header == header:
                found[path, place] = of_record(record, name, is_checked=is_checked)
    if len(found) < len(wanted):
        gone = next(path for path, place in wanted if (path, place) not in found)
        raise RecordError(f"{printable(gone.name)} changed while it was read; repeat the command")
    return found
