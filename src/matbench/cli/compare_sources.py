"""The runs that a comparison is asked for, from wherever they lie, read and reduced one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path

from matbench.analyse.compare_runs import Run, distinct_names
from matbench.cli import console
from matbench.cli.compare_reading import Outcome, begun, of_file, of_record
from matbench.cli.reading import asv_records
from matbench.errors import RecordError, UsageError
from matbench.model import Header, Record
from matbench.record.asv_reading import asv_place
from matbench.record.bundles import bundle_parts, is_bundle
from matbench.record.files import printable
from matbench.record.islands import is_page, page_records
from matbench.record.listing import Listed, Wanted, chosen, list_files, run_files
from matbench.record.store import read_header, resolve_record

__all__ = ["Source", "named_sources", "reduced"]

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


def named_sources(arguments: Sequence[str], results: Path, wanted: Wanted, *, latest: bool = False) -> list[Source]:
    """The runs that are meant, each once, in the order given; those of a folder from old to new.

    Parameters
    ----------
    arguments
        Record files, ids, machines, folders, bundles, pages that hold their records, results of asv.
    results
        The results folder.
    wanted
        Which of them are wanted.
    latest
        Whether only the newest run of each machine is.

    Raises
    ------
    MatbenchError
        If anything that is named is not there or can't be read, or nothing is left.
    """
    once: dict[tuple[str, str], Source] = {}
    for source in (each for argument in arguments for each in _named(argument, results)):
        key = (source.header.machine, source.header.id)
        if key in once:
            console.note(f"{source.header.id} of {source.header.machine} is named twice and counted once")
        elif source.is_wanted(wanted):
            once[key] = source
    if not once:
        raise UsageError("no run is left to compare; name records, or loosen --machine and --cpu")
    return _latest(once.values()) if latest else list(once.values())


def _named(argument: str, results: Path) -> Iterator[Source]:
    path = asv_place(argument)
    if path is not None:
        yield from (Source(record.header, each, is_asv=True) for each, record in asv_records(path, None))
        return
    path = Path(argument)
    if _is_folder(path):
        yield from _in_folder(path, argument)
        return
    path = resolve_record(argument, results)
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


def _in_folder(path: Path, argument: str) -> Iterator[Source]:
    paths = run_files(path)
    if len(paths) > WHOLLY_CHECKED:
        _pool()
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


def reduced(sources: Sequence[Source]) -> list[Run]:
    """Each record read, reduced and let go: thousands would not fit into memory.

    Raises
    ------
    RecordError
        If one that was named itself can't be read; one of a folder is left out with a warning.
    """
    names = distinct_names([source.header for source in sources])
    if len(sources) > WHOLLY_CHECKED:
        console.note(f"{len(sources):,} runs: each is held against its roof; all else is checked by matbench validate")
    found = []
    for name, source, outcome in zip(names, sources, _outcomes(names, sources), strict=True):
        for text in outcome.said:
            console.warn(f"{name}: {text}")
        if outcome.error is not None and not source.in_folder:
            raise outcome.error
        if outcome.error is not None:
            console.warn(str(outcome.error))
        if outcome.run is not None:
            found.append(outcome.run)
    return found


def _outcomes(names: Sequence[str], sources: Sequence[Source]) -> Iterator[Outcome]:
    """One a source, in their order; many files are read by several processes."""
    is_checked = len(sources) <= WHOLLY_CHECKED
    done = 0
    if is_checked or any(source.place is not None for source in sources):
        _end_pool()
    else:
        for outcome in _of_processes(names, sources):
            yield outcome
            done += 1
    parts = _of_parts(names, sources, is_checked=is_checked)
    for name, source in zip(names[done:], sources[done:], strict=True):
        if source.place is not None:
            yield parts[source.path, source.place]
        else:
            yield of_file(source.path, name, is_asv=source.is_asv, is_checked=is_checked)


def _of_processes(names: Sequence[str], sources: Sequence[Source]) -> Iterator[Outcome]:
    """One a source, read by several processes; fewer where one of them dies, and none where there is no other."""
    paths, are_asv = [source.path for source in sources], [source.is_asv for source in sources]
    try:
        if (pool := _pool()) is not None:
            yield from pool.map(of_file, paths, names, are_asv, chunksize=CHUNK)
    except (BrokenProcessPool, MemoryError):
        console.warn("a process that reads records died or ran out of memory; this one goes on alone, and takes longer")
    finally:
        _end_pool()


def _end_pool() -> None:
    """Let the processes go if they were begun: idle ones hold memory, and the end of the command waits for them."""
    pool = _pool() if _pool.cache_info().currsize else None
    if pool is not None:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():  # those of the pool: this command begins no others
            process.terminate()
    _pool.cache_clear()


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


@cache
def _pool() -> ProcessPoolExecutor | None:
    """Processes to read in, one set at a time; None where one alone does as well, or the system lets there be no more.

    They are begun at once, so that they import what they need while something else is done.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(usable, MOST_PROCESSES)
    if count == 1:
        return None
    try:
        pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
        for _ in range(count):
            pool.submit(begun)
    except (OSError, NotImplementedError, BrokenProcessPool):
        return None
    return pool
