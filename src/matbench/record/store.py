"""The store of records: where they lie, which is meant, what is unfinished, and how a stranger's comes in.

``<results>/records/<machine>/<id>.jsonl`` holds one run, written by `Journal` and read by `read_record`.
"""

from __future__ import annotations

import difflib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from matbench.errors import InternalError, RecordError
from matbench.pairing import PairRecord
from matbench.record.differences import differences
from matbench.record.files import open_limited, printable, read_bytes, read_text, replace_file, write_bytes, write_text
from matbench.record.journal import Journal, encode_record, held, record_path
from matbench.record.names import id_time, new_record_id
from matbench.record.near import near_path
from matbench.record.pairs import read_pairs
from matbench.record.reading import PAIRS, first_kind, limited_lines, read_header, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matbench.record.reading import AnyRecord

__all__ = [
    "Journal",
    "Kept",
    "differences",
    "find_records",
    "incomplete_records",
    "keep",
    "keep_all",
    "keep_record",
    "kept_before",
    "latest_record",
    "new_record_id",
    "read_bytes",
    "read_either",
    "read_header",
    "read_record",
    "read_text",
    "record_path",
    "resolve_record",
    "write_bytes",
    "write_text",
]

SUFFIX = ".jsonl"  # of a record's file


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


def resolve_record(argument: str | None, results: Path, *, many: bool = False) -> Path:
    """The file of the record that is meant.

    Parameters
    ----------
    argument
        A path, a record id or the unique beginning of one, a machine label (its latest record), or None (the
        latest of all).
    results
        The results folder.
    many
        Whether a folder, or a file that holds many records, will do: one may then be what a misspelt path is near to.

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
    raise _unknown_record(argument, records, results, None if many else SUFFIX)


def _is_file(argument: str) -> bool:
    """Whether `argument` is the path of something that is there and no folder, however long or odd it is."""
    try:
        path = Path(argument)
        return path.exists() and not path.is_dir()
    except OSError:  # the name is too long, or a folder on the way may not be searched
        return False


def _unknown_record(argument: str, records: list[Path], results: Path, suffix: str | None) -> RecordError:
    """Nothing has that name: said with what it is near to, else with the command that lists what there is."""
    names = {path.stem for path in records} | {path.parent.name for path in records}
    close = difflib.get_close_matches(argument[:100], names, n=1)
    near = close[0] if close else near_path(argument, suffix)
    if near is not None:
        hint = f"did you mean {printable(near)!r}?"
    elif len(Path(argument).parts) > 1:  # a path: no record was meant by its name
        hint = "check the path, or choose from what matbench records lists"
    else:
        latest = _latest(records, results)
        hint = f"the latest is {latest.stem!r} of {latest.parent.name!r}, and matbench records lists all"
    return RecordError(f"there is no file, record or machine {printable(argument)!r}; {hint}")


def _listed(records: list[Path]) -> str:
    shown = ", ".join(path.stem for path in records[:4])
    return f"{shown} and {len(records) - 4} more" if len(records) > 4 else shown


def read_either(path: Path, *, whole: bool = False) -> AnyRecord:
    """The run or the comparisons in the file `path`, whichever its first line says.

    Parameters
    ----------
    path
        The file.
    whole
        Whether a broken last line is refused as well.

    Raises
    ------
    RecordError
        As `read_record`.
    """
    with open_limited(path) as stream:
        kind = first_kind(next(limited_lines(stream, path.name), b""))
    return read_pairs(path, whole=whole) if kind is PAIRS else read_record(path, whole=whole)


class Kept(NamedTuple):
    """Where a record from elsewhere lies in the store, and whether that is new."""

    path: Path
    is_new: bool


def keep_record(record: AnyRecord, results: Path) -> Path:
    """Take a record from elsewhere into the store; the file it then has comes back.

    See `keep`, which also tells whether it was there before.
    """
    return keep(record, results).path


def keep(record: AnyRecord, results: Path) -> Kept:
    """Take a record from elsewhere into the store.

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
    if not _is_there(target) and (there := kept_before(record, results)):
        return Kept(there, is_new=False)
    with held(target):
        if _is_there(target):
            _check_same(target, record)
            return Kept(target, is_new=False)
        replace_file(target, _encoded(record))
    return Kept(target, is_new=True)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def keep_all(records: Iterable[AnyRecord], results: Path) -> list[Kept]:
    """Take records from elsewhere into the store, all of them or none.

    Raises
    ------
    RecordError
        As `keep`; what was new in the store is then taken out of it again.
    """
    kept: list[Kept] = []
    try:
        for record in records:
            kept.append(keep(record, results))  # noqa: PERF401  what is kept so far is taken back on failure
    except BaseException:
        for each in kept:
            if each.is_new:
                with suppress(OSError):
                    each.path.unlink(missing_ok=True)
                    each.path.parent.rmdir()  # where nothing else is in it
        raise
    return kept


def kept_before(record: AnyRecord, results: Path) -> Path | None:
    """The file in the store that says the same as `record`, be it under another label of the machine; None without.

    Raises
    ------
    RecordError
        If its id or machine label is no safe file name, or another record has its id.
    """
    target = record_path(results, record.header)
    folder = target.parent.parent
    places = [path for path in folder.glob(f"*/{target.name}") if path != target and _leads_into(path, folder)]
    if _is_there(target):
        places.insert(0, target)
    for path in places:
        _check_same(path, record)
    return places[0] if places else None


def _encoded(record: AnyRecord) -> bytes:
    try:
        return encode_record(record)
    except InternalError as error:  # its spelling was shorter than ours
        raise RecordError(
            f"the record {printable(record.header.id)!r} has a line that is longer than 1 MiB when written out; "
            "ask its author for a smaller one"
        ) from error


def _check_inside(target: Path, results: Path) -> None:
    """Raise RecordError if a link would lead what is written to `target` out of the results folder."""
    if not _leads_into(target.parent, results):
        raise RecordError(f"{printable(target.parent)} leads out of the results folder; remove that link")


def _check_same(target: Path, record: AnyRecord) -> None:
    """Raise RecordError unless the record at `target` says the same as `record`, be the machine's label another."""
    there = read_pairs(target) if isinstance(record, PairRecord) else read_record(target)
    if _content(there) != _content(record):
        if _is_part(record, there):
            raise RecordError(
                f"this is a copy of {printable(target)} that was cut short, and the longer one is there already; "
                "leave it as it is"
            )
        if _is_part(there, record):
            raise RecordError(
                f"{printable(target)} is a copy of this record that was cut short; remove it, and import again"
            )
        raise RecordError(
            f"another record has the id {printable(record.header.id)!r}; rename {printable(target)} if you want both"
        )


def _is_part(record: AnyRecord, other: AnyRecord) -> bool:
    """Whether a record that did not reach its end says nothing that another one does not."""
    if record.end is not None or _content(record).header != _content(other).header:
        return False
    if isinstance(record, PairRecord) and isinstance(other, PairRecord):
        pairs = ((record.blocks, other.blocks), (record.processes, other.processes))
        return all(whole[: len(part)] == part for part, whole in pairs)
    if isinstance(record, PairRecord) or isinstance(other, PairRecord):
        return False
    samples = {each.case: each.samples.elapsed_ns for each in other.measurements}
    taken = ((each.samples.elapsed_ns, samples.get(each.case)) for each in record.measurements)
    return all(whole is not None and whole[: len(part)] == part for part, whole in taken)


def _content(record: AnyRecord) -> AnyRecord:
    header = msgspec.structs.replace(record.header, machine="")
    return msgspec.structs.replace(record, header=header, warnings=())
