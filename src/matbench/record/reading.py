"""Records read back: one JSON line a value, from a file that may be cut short or come from a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from matbench.errors import RecordError
from matbench.model import SCHEMA, Ceiling, End, Header, Measurement, Record
from matbench.pairing import PAIR_SCHEMA, PairBlock, PairEnd, PairHeader, PairProcess, PairRecord, Refusal
from matbench.record.files import open_limited, printable, read_bytes
from matbench.record.merging import merge_ceilings, merge_measurements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedIOBase
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "GZIP",
    "LINES_LIMIT",
    "LINE_LIMIT",
    "PAIRS",
    "RUNS",
    "AnyRecord",
    "Kind",
    "Line",
    "decode_line",
    "first_kind",
    "kind_of",
    "limited_lines",
    "merge_ceilings",
    "merge_measurements",
    "read_first",
    "read_header",
    "read_record",
    "record_from_lines",
    "split_data",
    "split_lines",
]

LINE_LIMIT = 2**20  # bytes
LINES_LIMIT = 1_000_000
GZIP = b"\x1f\x8b"  # what every gzip file begins with, and no line of text

Line = Header | Ceiling | Measurement | End | PairHeader | PairBlock | PairProcess | Refusal | PairEnd
AnyRecord = Record | PairRecord
# The first value of a file, all others, and what to say of a last line that is broken.
Split = tuple[Header | PairHeader, list[Line], tuple[str, ...]]


@dataclass(frozen=True)
class Kind:
    """What one kind of file is made of.

    Attributes
    ----------
    first, inner, last
        Types of its first line, of those between, and of the last one where it is complete.
    tag
        By which its first line says what it is.
    schema
        Its newest version that can be read.
    folder
        Where files of this kind lie in the results folder.
    command
        What writes them.
    """

    first: type[Header | PairHeader]
    inner: tuple[type, ...]
    last: type[End | PairEnd]
    tag: str
    schema: int
    folder: str
    command: str


RUNS = Kind(Header, (Ceiling, Measurement), End, "header", SCHEMA, "records", "matbench run")
PAIRS = Kind(PairHeader, (PairBlock, PairProcess, Refusal), PairEnd, "pairs", PAIR_SCHEMA, "pairs", "matbench pair")


def kind_of(header: Header | PairHeader) -> Kind:
    """The kind of file that begins with `header`."""
    return PAIRS if isinstance(header, PairHeader) else RUNS


class _Probe(msgspec.Struct):
    """As much of a first line as any schema version will have."""

    type: str
    schema: int = 0


_LINE: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
_PROBE = msgspec.json.Decoder(_Probe)


def decode_line(line: bytes) -> Line:
    """The value that one line of a record holds.

    Raises
    ------
    RecordError
        If it holds none; the message is the reason alone, for the caller knows file and line number.
    """
    try:
        return _LINE.decode(line)
    except RecursionError as error:
        raise RecordError("it is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:  # ValueError: bytes that are not UTF-8
        raise RecordError(printable(error)) from error


def read_record(path: Path, *, whole: bool = False) -> Record:
    """The record in the file `path`, with the lines of each case merged.

    Parameters
    ----------
    path
        A regular file or a symbolic link to one, at most 256 MiB.
    whole
        Whether a broken last line is refused as well.

    Returns
    -------
    Record
        A broken last line is left out and told of in `warnings`; the rest stands.

    Raises
    ------
    RecordError
        If the file is missing, foreign, too large, written by a newer matbench, or broken before its last line.
    """
    return _record(split_data(read_bytes(path), path.name, RUNS, whole=whole))


def read_header(path: Path) -> Header:
    """The first line of the record in the file `path`, without reading the rest.

    Raises
    ------
    RecordError
        If it is missing, foreign or written by a newer matbench.
    """
    with open_limited(path) as stream:
        header = _first_of(next(limited_lines(stream, path.name), b""), path.name, RUNS)
    assert isinstance(header, Header)  # noqa: S101  for the type checker: a file of runs begins with one
    return header


def read_first(stream: BinaryIO, name: str) -> Header | PairHeader:
    """The first line of an open file, be it of runs or of comparisons.

    Parameters
    ----------
    stream
        At its beginning.
    name
        What to call it in messages.

    Raises
    ------
    RecordError
        If it is empty, foreign or written by a newer matbench.
    """
    line = next(limited_lines(stream, name), b"")
    return _first_of(line, name, first_kind(line) or RUNS)


def limited_lines(stream: BinaryIO | BufferedIOBase, name: str) -> Iterator[bytes]:
    """The lines of `stream` with their ends; RecordError at one that is too long or one too many."""
    number = 0
    while line := stream.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise RecordError(f"line {number} of {printable(name)} is longer than 1 MiB; name a record of matbench")
        if number > LINES_LIMIT:
            raise _too_many_lines(name)
        yield line


def _too_many_lines(name: str) -> RecordError:
    return RecordError(f"{printable(name)} has more than {LINES_LIMIT:,} lines; name a record of matbench")


def record_from_lines(lines: Iterable[bytes], name: str, *, begun: int = 1, whole: bool = False) -> Record:
    """The record that `lines` spell out.

    Parameters
    ----------
    lines
        UTF-8, one JSON value each: a Header, then Ceiling and Measurement values in any order, then perhaps an End.
    name
        What to call their source in messages.
    begun
        Number of the first of them in their source.
    whole
        Whether a broken last line is refused as well.

    Raises
    ------
    RecordError
        If they are no record; only the last line may be broken, as a run that was killed leaves it.
    """
    return _record(split_lines(lines, name, RUNS, begun=begun, whole=whole))


def _record(split: Split) -> Record:
    header, values, broken = split
    assert isinstance(header, Header)  # noqa: S101  for the type checker: a file of runs begins with one
    return Record(
        header=header,
        ceilings=merge_ceilings(value for value in values if isinstance(value, Ceiling)),
        measurements=merge_measurements(value for value in values if isinstance(value, Measurement)),
        end=next((value for value in values if isinstance(value, End)), None),
        warnings=broken,
    )


def split_data(data: bytes, name: str, kind: Kind, *, whole: bool = False) -> Split:
    """What `split_lines` says of a whole file, in half the time where nothing is wrong with it."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if lines > LINES_LIMIT:
        raise _too_many_lines(name)
    found = _at_once(data, kind, lines)
    return split_lines(limited_lines(BytesIO(data), name), name, kind, whole=whole) if found is None else found


def _at_once(data: bytes, kind: Kind, lines: int) -> Split | None:
    """The values of a file without any fault; None where its lines have to be looked at one by one."""
    if len(data) > LINE_LIMIT and max(map(len, data.split(b"\n"))) >= LINE_LIMIT:
        return None
    try:
        values = _LINE.decode_lines(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    # Blank lines, and values that go over several, are the decoder's liberty and not our format's.
    if not values or len(values) != lines:
        return None
    first = values[0]
    if not isinstance(first, kind.first) or first.schema > kind.schema:
        return None
    inner = all(isinstance(value, kind.inner) for value in islice(values, 1, len(values) - 1))
    if not inner or (len(values) > 1 and not isinstance(values[-1], (*kind.inner, kind.last))):
        return None
    return first, values[1:], ()


def split_lines(lines: Iterable[bytes], name: str, kind: Kind, *, begun: int = 1, whole: bool = False) -> Split:
    """The first value of a file, all others, and what to say of a last line that is broken.

    Parameters
    ----------
    lines
        UTF-8, one JSON value each.
    name
        What to call their source in messages.
    kind
        What they have to be.
    begun
        Number of the first of them in their source.
    whole
        Whether a broken last line is refused as well.

    Raises
    ------
    RecordError
        If they are no such file; only the last line may be broken, as a run that was killed leaves it.
    """
    rest = iter(lines)
    first = _first_of(next(rest, b""), name, kind, begun)
    values, broken = _decoded(rest, name, kind, begun + 1)
    if whole and broken:
        raise broken
    return first, values, (f"the last line was set aside: {broken}",) if broken else ()


def _decoded(lines: Iterable[bytes], name: str, kind: Kind, second: int) -> tuple[list[Line], RecordError | None]:
    """The values of all lines from the second on, and what is wrong with the last one if it is broken."""
    values: list[Line] = []
    broken: RecordError | None = None
    for number, line in enumerate(lines, second):
        if broken:
            raise broken
        if values and isinstance(values[-1], kind.last):
            raise RecordError(f"line {number} of {printable(name)} follows the end of the record; remove it")
        try:
            values.append(decode_line(line))
        except RecordError as error:
            broken = _broken_line(name, number, error)
            continue
        if isinstance(values[-1], Header | PairHeader):
            raise RecordError(f"line {number} of {printable(name)} begins a second record; keep each in its own file")
        if not isinstance(values[-1], (*kind.inner, kind.last)):
            raise RecordError(f"line {number} of {printable(name)} is none that `{kind.command}` writes; remove it")
    return values, broken


def _broken_line(name: str, number: int, reason: RecordError) -> RecordError:
    return RecordError(
        f"line {number} of {printable(name)} is broken ({reason}); "
        "restore the file from a copy, or ask for the whole of it"
    )


def _first_of(line: bytes, name: str, kind: Kind, number: int = 1) -> Header | PairHeader:
    """What the first line holds; RecordError if the file is another's, of another kind or a later version's."""
    if not line:
        raise RecordError(f"{printable(name)} is empty; name a file that `{kind.command}` wrote")
    if line.startswith(GZIP):
        raise RecordError(f"{printable(name)} is compressed; take it in with `matbench import` if it is a bundle")
    _check_schema(line, name)
    try:
        value = decode_line(line)
    except RecordError as error:
        raise RecordError(
            f"{printable(name)} is no record of matbench (line {number}: {error}); "
            f"name a file that `{kind.command}` wrote"
        ) from error
    if isinstance(value, kind.first):
        return value
    if isinstance(value, PairHeader):
        raise RecordError(f"{printable(name)} holds comparisons; look at them with `matbench show --verdicts`")
    if isinstance(value, Header):
        raise RecordError(f"{printable(name)} holds a run; look at it with `matbench show`")
    raise RecordError(f"line {number} of {printable(name)} is no header; restore the whole file from a copy")


def first_kind(line: bytes) -> Kind | None:
    """The kind of file that begins with `line`, of whatever version; None where its tag is none of ours."""
    probe = _probed(line)
    return None if probe is None else next((kind for kind in (RUNS, PAIRS) if kind.tag == probe.type), None)


def _probed(line: bytes) -> _Probe | None:
    try:
        return _PROBE.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _check_schema(line: bytes, name: str) -> None:
    """Raise RecordError if the first line is that of a later version; that it is none at all is found later."""
    probe, kind = _probed(line), first_kind(line)
    if probe is not None and kind is not None and probe.schema > kind.schema:
        raise RecordError(
            f"{printable(name)} was written by a newer matbench (schema {probe.schema}, this one reads {kind.schema}); "
            "upgrade matbench"
        )
