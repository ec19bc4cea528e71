"""The store of comparisons: ``<results>/pairs/<machine>/<id>.jsonl``, written by `Journal`, process by process."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from matbench.errors import RecordError
from matbench.pairing import PairBlock, PairEnd, PairHeader, PairProcess, PairRecord, Refusal
from matbench.record.files import printable, read_bytes
from matbench.record.reading import PAIRS, Split, split_data, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["drop_pairs", "find_pairs", "incomplete_pairs", "pairs_from_lines", "read_pairs", "resolve_pairs"]

_FIRST = "make one, for example with `matbench pair numba_ikj numba_ikj_fma`"


def read_pairs(path: Path, *, whole: bool = False) -> PairRecord:
    """The comparisons in the file `path`; `whole`, a broken last line is refused as well.

    Raises
    ------
    RecordError
        If the file is missing, foreign, too large, written by a newer matbench, or broken before its last line.
    """
    return _comparisons(split_data(read_bytes(path), path.name, PAIRS, whole=whole), path.name)


def pairs_from_lines(lines: Iterable[bytes], name: str, *, begun: int = 1, whole: bool = False) -> PairRecord:
    """The comparisons that `lines` spell out.

    Parameters
    ----------
    lines
        UTF-8, one JSON value each.
    name
        What to call their source in messages.
    begun
        Number of the first of them in their source.
    whole
        Whether a broken last line is refused as well.

    Raises
    ------
    RecordError
        If they are no comparisons, or name a cell that there is not.
    """
    return _comparisons(split_lines(lines, name, PAIRS, begun=begun, whole=whole), name)


def _comparisons(split: Split, name: str) -> PairRecord:
    header, values, broken = split
    assert isinstance(header, PairHeader)  # noqa: S101  for the type checker: such a file begins with one
    record = PairRecord(
        header=header,
        processes=tuple(value for value in values if isinstance(value, PairProcess)),
        blocks=tuple(value for value in values if isinstance(value, PairBlock)),
        refusals=tuple(value for value in values if isinstance(value, Refusal)),
        end=next((value for value in values if isinstance(value, PairEnd)), None),
        warnings=broken,
    )
    named = [block.cell for block in record.blocks] + [refusal.cell for refusal in record.refusals]
    last = max(named, default=-1)
    if last >= len(header.cells):
        hint = "restore the file from a copy"
        raise RecordError(f"{printable(name)} has samples of comparison {last}, which its header lacks; {hint}")
    return record


def drop_pairs(path: Path) -> None:
    """Take away a record of comparisons none of which could be tried, and the folders that hold nothing else."""
    with suppress(OSError):
        path.unlink()
        path.parent.rmdir()
        path.parent.parent.rmdir()


def find_pairs(results: Path) -> list[Path]:
    """The files of all comparisons under the results folder, oldest first; links out of it are left out."""
    root = (results / PAIRS.folder).resolve()
    paths = (path for path in root.glob("*/*.jsonl") if path.is_file() and path.resolve().is_relative_to(root))
    found = (results / PAIRS.folder / path.relative_to(root) for path in paths)
    return sorted(found, key=lambda path: (path.stem, path.parent.name))


def incomplete_pairs(results: Path, host_id: str) -> list[Path]:
    """The files of comparisons of this very machine that have not reached their end, oldest first."""
    return [path for path in find_pairs(results) if host_id != "unknown" and _is_incomplete(path, host_id)]


def _is_incomplete(path: Path, host_id: str) -> bool:
    try:
        record = read_pairs(path)
    except RecordError:  # a broken one can't be resumed; whoever names it is told why
        return False
    return record.header.host.host_id == host_id and not record.is_complete


def resolve_pairs(argument: str | None, results: Path) -> Path:
    """The file of the comparisons that are meant.

    Parameters
    ----------
    argument
        A path, an id or the unique beginning of one, a machine label (its latest), or None (the latest of all).
    results
        The results folder.

    Raises
    ------
    RecordError
        If nothing or more than one thing is meant.
    """
    paths = find_pairs(results)
    if argument is None:
        if paths:
            return paths[-1]
        raise RecordError(f"there are no comparisons under {printable(results)}; {_FIRST}")
    if _is_file(argument):
        return Path(argument)
    if of_machine := [path for path in paths if path.parent.name == argument]:
        return of_machine[-1]
    matching = [path for path in paths if argument and path.stem.startswith(argument)]
    if len({path.stem for path in matching}) == 1:
        return matching[-1]
    if matching:
        raise RecordError(f"{printable(argument)!r} begins {len(matching)} ids of comparisons; write more of it")
    hint = f"the latest is {paths[-1].stem!r}" if paths else _FIRST
    raise RecordError(f"there is no file or comparison {printable(argument)!r}; {hint}")


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except (OSError, ValueError):  # the name is too long, or no name at all
        return False
