"""Records listed without their samples: the first and the last line of each file, so that thousands take a moment."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matbench.errors import RecordError
from matbench.model import End, Header
from matbench.pairing import PairEnd, PairHeader
from matbench.record.files import open_limited
from matbench.record.pairs import find_pairs
from matbench.record.reading import LINE_LIMIT, decode_line, read_first
from matbench.record.store import find_records

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

__all__ = ["Listed", "Wanted", "chosen", "everything", "list_files", "run_files"]

_TAIL = 8192  # bytes: what the last line of nearly every record fits in


class Listed(msgspec.Struct, frozen=True):
    """What a listing knows of one file.

    Attributes
    ----------
    path
        The file.
    header
        Its first line, by which it is a run or comparisons.
    end
        Its last line; None where it was not reached.
    size_bytes
        Of the file.
    """

    path: Path
    header: Header | PairHeader
    end: End | PairEnd | None
    size_bytes: int

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels of the run, or all arms of the comparisons, each once."""
        if isinstance(self.header, Header):
            return tuple(dict.fromkeys(card.name for card in self.header.kernels))
        return tuple(dict.fromkeys(arm for cell in self.header.cells for arm in (cell.a, cell.b)))

    @property
    def cases(self) -> int:
        """How many cases were planned, or cells to be compared."""
        if isinstance(self.header, Header):
            return sum(len(block.arms) for block in self.header.plan.blocks)
        return len(self.header.cells)


class Wanted(msgspec.Struct, frozen=True):
    """Which records of a listing are wanted; what is None does not matter.

    Attributes
    ----------
    machine, kernel
        Patterns with ``*`` and ``?``, letters alike in either case: of the machine's label, of any kernel's name.
    cpu
        Words that all stand in what is known of the processor, in either case.
    preset
        The run's; comparisons have none.
    """

    machine: str | None = None
    cpu: str | None = None
    kernel: str | None = None
    preset: str | None = None


def run_files(folder: Path) -> list[Path]:
    """The files of runs in a results folder, oldest first, or the record files of any other folder by name."""
    if (folder / "records").is_dir():
        return find_records(folder)
    return sorted(path for path in {*folder.glob("*.jsonl"), *folder.glob("*/*.jsonl")} if path.is_file())


def list_files(paths: Iterable[Path], *, ends: bool = True) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
    """The record files at `paths` in their order, and a sentence for each that can't be listed.

    Whether a run has reached its end is looked up only with `ends`.
    """
    found: list[Listed] = []
    refused: list[str] = []
    for path in paths:
        try:
            found.append(_listed(path, ends=ends))
        except RecordError as error:
            refused.append(str(error))
    return tuple(found), tuple(refused)


def _listed(path: Path, *, ends: bool) -> Listed:
    with open_limited(path) as stream:
        header = read_first(stream, path.name)
        size = stream.seek(0, 2)
        return Listed(path, header, _end(stream, size) if ends else None, size)


def _end(stream: BinaryIO, size: int) -> End | PairEnd | None:
    """The last line where it is the end of a complete record."""
    for length in (_TAIL, LINE_LIMIT + 1):
        stream.seek(max(0, size - length))
        tail = stream.read(length).rstrip(b"\r\n")
        start = tail.rfind(b"\n") + 1
        if start:
            return _decoded_end(tail[start:])
    return None


def _decoded_end(line: bytes) -> End | PairEnd | None:
    try:
        value = decode_line(line)
    except RecordError:  # cut short: the run did not reach its end
        return None
    return value if isinstance(value, End | PairEnd) else None


def everything(results: Path) -> list[Path]:
    """The files of all runs and then of all comparisons of a results folder, oldest first."""
    return [*find_records(results), *find_pairs(results)]


def chosen(listed: Iterable[Listed], wanted: Wanted) -> tuple[Listed, ...]:
    """Those of a listing that are wanted, in its order."""
    return tuple(each for each in listed if _is_wanted(each, wanted))


def _is_wanted(each: Listed, wanted: Wanted) -> bool:
    header = each.header
    if wanted.machine is not None and not _matches(header.machine, wanted.machine):
        return False
    if wanted.preset is not None and not (isinstance(header, Header) and header.plan.preset == wanted.preset):
        return False
    if wanted.cpu is not None and not _tells(header, wanted.cpu):
        return False
    return wanted.kernel is None or any(_matches(name, wanted.kernel) for name in each.kernels)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def _tells(header: Header | PairHeader, words: str) -> bool:
    cpu = header.host.cpu
    told = " ".join((cpu.brand, cpu.vendor, cpu.microarchitecture, cpu.generic, *cpu.features)).casefold()
    return all(word in told for word in re.split(r"\s+", words.casefold()))
