"""Bundles: runs and comparisons of any number of machines in one compressed file, to hand over and to take in.

A bundle is one gzip file of JSON lines: a manifest, then the lines of one record after the other as its own file has
them. It holds no names of files: where a record belongs follows from its header, which is checked.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from matbench.errors import RecordError
from matbench.model import Count, Record, Value
from matbench.pairing import PairRecord
from matbench.record.files import FILE_LIMIT, open_limited, printable, read_bytes, write_bytes
from matbench.record.journal import encode_record, record_path
from matbench.record.pairs import pairs_from_lines
from matbench.record.reading import GZIP, LINES_LIMIT, PAIRS, first_kind, limited_lines, record_from_lines
from matbench.record.store import Kept, keep_all, kept_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from matbench.record.reading import AnyRecord

__all__ = [
    "BUNDLE_SCHEMA",
    "EXPANDED_LIMIT",
    "Manifest",
    "Part",
    "bundle_parts",
    "bundled",
    "is_bundle",
    "take_in",
    "write_bundle",
]

BUNDLE_SCHEMA = 1  # version of the format; a reader refuses a higher one
EXPANDED_LIMIT = 2**30  # bytes of all lines together: a few bytes can be made to grow without end
PART_LIMIT = 64 * 2**20  # bytes of one record: a hundred times a full run
BEGINNINGS = (b'{"type":"header",', b'{"type":"pairs",')  # of the first line of a record, as we write it


class Manifest(Value, frozen=True, kw_only=True, tag="bundle", tag_field="type"):
    """First line of a bundle: what follows."""

    schema: Annotated[int, Meta(ge=1)] = BUNDLE_SCHEMA
    runs: Count
    comparisons: Count


class _Probe(msgspec.Struct):
    """As much of a manifest as any version will have."""

    type: str
    schema: int = 0


@dataclass(frozen=True)
class Part:
    """One record of a bundle.

    Attributes
    ----------
    line
        At which it begins, counted in the expanded text.
    record
        What it says.
    """

    line: int
    record: AnyRecord


# -- writing -----------------------------------------------------------------------------------------------------------


def bundled(records: Iterable[AnyRecord], manifest: Manifest) -> bytes:
    """The bundle of `records`, of which `manifest` tells the number; equal records make equal bytes.

    Raises
    ------
    RecordError
        If one of them is, or all of them are, larger than what `take_in` takes.
    """
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
        explicit = {"type": "bundle", "schema": manifest.schema}
        size = stream.write(msgspec.json.encode(explicit | msgspec.to_builtins(manifest)) + b"\n")
        lines = 1
        for record in records:
            data = encode_record(record)
            size += len(data)
            lines += data.count(b"\n")
            name = printable(record.header.id)
            if len(data) > PART_LIMIT:
                raise RecordError(f"{name} is larger than 64 MiB, more than a bundle may hold of one; leave it out")
            if size > EXPANDED_LIMIT or lines > LINES_LIMIT:
                raise RecordError(f"with {name} the bundle is larger than any may be; write several smaller ones")
            stream.write(data)
    if len(packed.getbuffer()) > FILE_LIMIT:
        raise RecordError("the bundle is larger than 256 MiB; write several smaller ones")
    return packed.getvalue()


def write_bundle(path: Path, records: Iterable[AnyRecord], manifest: Manifest) -> None:
    """Write the bundle of `records` to `path`, wholly or not at all; only another bundle gives way to it.

    Raises
    ------
    RecordError
        If something else is there, or it can't be written.
    """
    if _is_there(path) and not _has_manifest(path):
        raise RecordError(f"{printable(path)} is there already and no bundle; choose another name")
    write_bytes(path, bundled(records, manifest))


def _is_there(path: Path) -> bool:
    with suppress(OSError, ValueError):  # a name that can't be is told of by whoever writes to it
        return path.exists() or path.is_symlink()
    return False


# -- reading -----------------------------------------------------------------------------------------------------------


def is_bundle(path: Path) -> bool:
    """Whether `path` is a file that begins as a bundle does; whether it is a good one is found by reading it."""
    with suppress(RecordError), open_limited(path) as stream:
        return stream.read(len(GZIP)) == GZIP
    return False


def _has_manifest(path: Path) -> bool:
    """Whether `path` is a bundle by its first line: the two bytes that any gzip file begins with are too little."""
    with suppress(RecordError):
        _manifest(next(_lines(read_bytes(path), path.name), b""), path.name)
        return True
    return False


def bundle_parts(path: Path) -> Iterator[Part]:
    """The records of the bundle at `path`, one at a time.

    Raises
    ------
    RecordError
        If it is no bundle or not wholly good; the message tells the line. What came before may be good, so that
        whoever must not take in a part goes through all of it first.
    """
    return _parts(read_bytes(path), path.name)


def _parts(data: bytes, name: str) -> Iterator[Part]:
    lines = _lines(data, name)
    manifest = _manifest(next(lines, b""), name)
    counts: Counter[type] = Counter()
    ids: dict[tuple[type, str], int] = {}
    for begun, group in _groups(lines, name):
        part = Part(begun, _part(group, name, begun))
        counts[type(part.record)] += 1
        # Letters in another case are the same file name on some systems.
        key = (type(part.record), part.record.header.id.casefold())
        if key in ids:
            raise RecordError(
                f"line {begun} of {printable(name)} begins a record with the id of that in line {ids[key]}; "
                "ask for a bundle that holds each once"
            )
        ids[key] = begun
        yield part
    if (counts[Record], counts[PairRecord]) != (manifest.runs, manifest.comparisons):
        raise RecordError(
            f"{printable(name)} holds {counts[Record]} runs and {counts[PairRecord]} comparisons, but its first line "
            f"says {manifest.runs} and {manifest.comparisons}; ask for it again"
        )


def _lines(data: bytes, name: str) -> Iterator[bytes]:
    """The expanded lines; never more of them in memory than one."""
    total = 0
    try:
        with BufferedReader(gzip.GzipFile(fileobj=BytesIO(data))) as stream:
            for line in limited_lines(stream, name):
                total += len(line)
                if total > EXPANDED_LIMIT:
                    raise RecordError(f"{printable(name)} expands to more than 1 GiB; ask for several smaller bundles")
                yield line
    except (EOFError, OSError, zlib.error) as error:
        raise RecordError(
            f"{printable(name)} is no whole bundle ({printable(error)}); ask for it again, or write one with "
            "`matbench export --bundle`"
        ) from error


def _manifest(line: bytes, name: str) -> Manifest:
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        probe = msgspec.json.decode(line, type=_Probe)
        if probe.type == "bundle" and probe.schema > BUNDLE_SCHEMA:
            raise RecordError(
                f"{printable(name)} was written by a newer matbench (bundle schema {probe.schema}, this one reads "
                f"{BUNDLE_SCHEMA}); upgrade matbench"
            )
    try:
        return msgspec.json.decode(line, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordError(
            f"line 1 of {printable(name)} is no manifest of a bundle ({printable(error)}); name a file that "
            "`matbench export --bundle` wrote"
        ) from error


def _groups(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, list[bytes]]]:
    """The lines of each record, with the number of the first."""
    begun, size = 2, 0
    group: list[bytes] = []
    for number, line in enumerate(lines, 2):
        if group and line.startswith(BEGINNINGS):
            yield begun, group
            begun, group, size = number, [], 0
        group.append(line)
        size += len(line)
        if size > PART_LIMIT:
            raise RecordError(
                f"the record that begins in line {begun} of {printable(name)} is larger than 64 MiB; "
                "ask for a bundle without it"
            )
    if group:
        yield begun, group


def _part(group: list[bytes], name: str, begun: int) -> AnyRecord:
    if first_kind(group[0]) is PAIRS:
        return pairs_from_lines(group, name, begun=begun, whole=True)
    return record_from_lines(group, name, begun=begun, whole=True)


# -- taking in ---------------------------------------------------------------------------------------------------------


def take_in(path: Path, results: Path, findings: Callable[[AnyRecord], Sequence[str]]) -> list[Kept]:
    """Take the bundle at `path` into the store, wholly or not at all; what is there already stays as it is.

    Parameters
    ----------
    path
        A bundle, perhaps a stranger's.
    results
        The results folder.
    findings
        What can't be true of a record, a sentence each.

    Returns
    -------
    list of Kept
        One for each record of the bundle, in its order.

    Raises
    ------
    RecordError
        If anything in it is broken or not plausible, has a name that leads elsewhere or the id of another record, or
        can't be written; nothing is then in the store that was not there before.
    """
    data = read_bytes(path)  # read once: what is checked is what is taken in
    for part in _parts(data, path.name):
        _check(part, path.name, results, findings)
    return keep_all((part.record for part in _parts(data, path.name)), results)


def _check(part: Part, name: str, results: Path, findings: Callable[[AnyRecord], Sequence[str]]) -> None:
    """Raise RecordError, with the line, unless the record may be kept."""
    where = f"the record that begins in line {part.line} of {printable(name)}"
    try:
        record_path(results, part.record.header)
        kept_before(part.record, results)
    except RecordError as error:
        raise RecordError(f"{where}: {error}") from error
    if found := findings(part.record):
        raise RecordError(f"{where} is not plausible: {found[0].rstrip('.')}; ask its author to measure again")
