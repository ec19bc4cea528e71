"""The store of records: where they lie, which is meant, what is unfinished, and how a stranger's comes in.

``<results>/records/<machine>/<id>.jsonl`` holds one run, written by `Journal` and read by `read_record`.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matbench.errors import RecordError
from matbench.record.differences import differences
from matbench.record.files import printable, read_bytes, read_text, replace_file, write_bytes, write_text
from matbench.record.journal import Journal, encode_record, held, record_path
from matbench.record.names import id_time, new_record_id
from matbench.record.reading import read_header, read_record

if TYPE_CHECKING:
    from matbench.model import Record

__all__ = [
    "Journal",
    "differences",
    "find_records",
    "incomplete_records",
    "keep_record",
    "latest_record",
    "new_record_id",
    "read_bytes",
    "read_header",
    "read_record",
    "read_text",
    "record_path",
    "resolve_record",
    "write_bytes",
    "write_text",
]


def find_records(results: Path) -> list[Path]:
    """The files of all records under the results folder, oldest first; links that leave the folder are left out.

    Their age is told by the time stamp that the id begins with, else by the header; nothing else of them is read,
    so that a file listed here need not be readable.
    """
    root = results / "records"
    return sorted((path for path in root.glob("*/*.jsonl") if path.is_file() and _leads_into(path, root)), key=_age)


def _leads_into(path: Path, folder: Path) -> bool:
    """Whether `path`, all links followed, lies in `folder`."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return False


def _age(path: Path) -> tuple[str, int, str]:
    """What sorts records from old to new: their time, then, within a second, when the file was last written."""
    try:
        written_ns = path.stat().st_mtime_ns
    except OSError:  # gone since it was listed
        written_ns = 0
    return _created(path), written_ns, path.name


def _created(path: Path) -> str:
    """The time stamp of a record as 'YYYYMMDDThhmmss', empty where nothing tells it."""
    if stamp := id_time(path.stem):
        return stamp
    try:
        created = read_header(path).created
    except RecordError:
        return ""
    return "".join(letter for letter in created if letter.isalnum())


def latest_record(results: Path) -> Path:
    """The file of the newest record of any machine.

    Raises
    ------
    RecordError
        If there is no record yet.
    """
    return _latest(find_records(results), results)


def _latest(records: list[Path], results: Path) -> Path:
    if records:
        return records[-1]
    raise RecordError(f"there is no record under {printable(results)}; run `matbench run` first")


def incomplete_records(results: Path, host_id: str, env_id: str | None = None) -> list[Path]:
    """The files of runs of this very machine that have not reached their end, oldest first.

    Parameters
    ----------
    results
        The results folder.
    host_id
        The machine's; where it is ``unknown``, nothing can be told to be its own.
    env_id
        The software's, if that has to be equal too (see `differences` for why it is not).
    """
    if host_id == "unknown":
        return []
    return [path for path in find_records(results) if _is_incomplete(path, host_id, env_id)]


def _is_incomplete(path: Path, host_id: str, env_id: str | None) -> bool:
    try:
        header = read_header(path)
        if header.host.host_id != host_id or env_id not in {None, header.environment.env_id}:
            return False
        return not read_record(path).is_complete
    except RecordError:  # a broken record can't be resumed; whoever names it is told why
        return False


def resolve_record(argument: str | None, results: Path) -> Path:
    """The file of the record that is meant.

    Parameters
    ----------
    argument
        A path, a record id or the unique beginning of one, a machine label (its latest record), or None (the
        latest of all).
    results
        The results folder.

    Raises
    ------
    RecordError
        If nothing or more than one thing is meant; the message says what there is.
    """
    if argument is None:
        return latest_record(results)
    if _is_file(argument):
        return Path(argument)
    records = find_records(results)
    if exact := [path for path in records if argument in {path.stem, path.name}]:
        return exact[-1]  # one id in two machines' folders holds the same run
    if of_machine := [path for path in records if path.parent.name == argument]:
        return of_machine[-1]
    matching = [path for path in records if argument and path.stem.startswith(argument)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise RecordError(f"{printable(argument)!r} begins several record ids: {_listed(matching)}; write more of it")
    raise _unknown_record(argument, _latest(records, results), records)


def _is_file(argument: str) -> bool:
    """Whether `argument` is the path of something that is there and no folder, however long or odd it is."""
    try:
        path = Path(argument)
        return path.exists() and not path.is_dir()
    except OSError:  # the name is too long, or a folder on the way may not be searched
        return False


def _unknown_record(argument: str, latest: Path, records: list[Path]) -> RecordError:
    names = {path.stem for path in records} | {path.parent.name for path in records}
    close = difflib.get_close_matches(argument[:100], names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the latest is {latest.stem!r} of {latest.parent.name!r}"
    return RecordError(f"there is no file, record or machine {printable(argument)!r}; {hint}")


def _listed(records: list[Path]) -> str:
    shown = ", ".join(path.stem for path in records[:4])
    return f"{shown} and {len(records) - 4} more" if len(records) > 4 else shown


def keep_record(record: Record, results: Path) -> Path:
    """Take a record from elsewhere into the store; the file it then has comes back.

    What is written is what was understood, not the bytes of a source. A record that is there already stays.

    Parameters
    ----------
    record
        As it was read, perhaps a stranger's.
    results
        The results folder.

    Raises
    ------
    RecordError
        If its id or machine label is no safe file name, another record has its id, or the store can't be written.
    """
    target = record_path(results, record.header)
    _check_inside(target, results)
    with held(target):
        if target.is_symlink() or target.exists():
            _check_same(target, record)
        else:
            replace_file(target, encode_record(record))
    return target


def _check_inside(target: Path, results: Path) -> None:
    """Raise RecordError if a link would lead what is written to `target` out of the results folder."""
    if not _leads_into(target.parent, results):
        raise RecordError(f"{printable(target.parent)} leads out of the results folder; remove that link")


def _check_same(target: Path, record: Record) -> None:
    """Raise RecordError unless the record at `target` says the same as `record`."""
    there = msgspec.structs.replace(read_record(target), warnings=())
    if there != msgspec.structs.replace(record, warnings=()):
        raise RecordError(
            f"another record has the id {printable(record.header.id)!r}; rename {printable(target)} if you want both"
        )
