"""Records read back: one JSON line a value, from a file that may be cut short or come from a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from matbench.errors import RecordError
from matbench.model import SCHEMA, Case, Ceiling, End, Header, Measurement, Record, Samples
from matbench.pairing import PAIR_SCHEMA, PairBlock, PairEnd, PairHeader, PairProcess, Refusal
from matbench.record.files import open_limited, printable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "LINES_LIMIT",
    "LINE_LIMIT",
    "PAIRS",
    "RUNS",
    "Kind",
    "Line",
    "decode_line",
    "kind_of",
    "limited_lines",
    "merge_ceilings",
    "merge_measurements",
    "read_header",
    "read_record",
    "record_from_lines",
    "split_lines",
]

LINE_LIMIT = 2**20  # bytes
LINES_LIMIT = 1_000_000

Line = Header | Ceiling | Measurement | End | PairHeader | PairBlock | PairProcess | Refusal | PairEnd


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


def read_record(path: Path) -> Record:
    """The record in the file `path`, with the lines of each case merged.

    Parameters
    ----------
    path
        A regular file or a symbolic link to one, at most 256 MiB.

    Returns
    -------
    Record
        A broken last line is left out and told of in `warnings`; the rest stands.

    Raises
    ------
    RecordError
        If the file is missing, foreign, too large, written by a newer matbench, or broken before its last line.
    """
    with open_limited(path) as stream:
        return record_from_lines(limited_lines(stream, path.name), path.name)


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


def limited_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The lines of `stream` with their ends; RecordError at one that is too long or one too many."""
    number = 0
    while line := stream.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise RecordError(f"line {number} of {printable(name)} is longer than 1 MiB; name a record of matbench")
        if number > LINES_LIMIT:
            raise RecordError(f"{printable(name)} has more than {LINES_LIMIT:,} lines; name a record of matbench")
        yield line


def record_from_lines(lines: Iterable[bytes], name: str) -> Record:
    """The record that `lines` spell out.

    Parameters
    ----------
    lines
        UTF-8, one JSON value each: a Header, then Ceiling and Measurement values in any order, then perhaps an End.
    name
        What to call their source in messages.

    Raises
    ------
    RecordError
        If they are no record; only the last line may be broken, as a run that was killed leaves it.
    """
    header, values, broken = split_lines(lines, name, RUNS)
    assert isinstance(header, Header)  # noqa: S101  for the type checker: a file of runs begins with one
    return Record(
        header=header,
        ceilings=merge_ceilings(value for value in values if isinstance(value, Ceiling)),
        measurements=merge_measurements(value for value in values if isinstance(value, Measurement)),
        end=next((value for value in values if isinstance(value, End)), None),
        warnings=broken,
    )


def split_lines(
    lines: Iterable[bytes], name: str, kind: Kind
) -> tuple[Header | PairHeader, list[Line], tuple[str, ...]]:
    """The first value of a file, all others, and what to say of a last line that is broken.

    Parameters
    ----------
    lines
        UTF-8, one JSON value each.
    name
        What to call their source in messages.
    kind
        What they have to be.

    Raises
    ------
    RecordError
        If they are no such file; only the last line may be broken, as a run that was killed leaves it.
    """
    rest = iter(lines)
    first = _first_of(next(rest, b""), name, kind)
    values, broken = _decoded(rest, name, kind)
    return first, values, (f"the last line was set aside: {broken}",) if broken else ()


def _decoded(lines: Iterable[bytes], name: str, kind: Kind) -> tuple[list[Line], RecordError | None]:
    """The values of all lines from the second on, and what is wrong with the last one if it is broken."""
    values: list[Line] = []
    broken: RecordError | None = None
    for number, line in enumerate(lines, 2):
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
    return RecordError(f"line {number} of {printable(name)} is broken ({reason}); restore the file from a copy")


def _first_of(line: bytes, name: str, kind: Kind) -> Header | PairHeader:
    """What the first line holds; RecordError if the file is another's, of another kind or a later version's."""
    if not line:
        raise RecordError(f"{printable(name)} is empty; name a file that `{kind.command}` wrote")
    _check_schema(line, name)
    try:
        value = decode_line(line)
    except RecordError as error:
        raise RecordError(
            f"{printable(name)} is no record of matbench (line 1: {error}); name a file that `{kind.command}` wrote"
        ) from error
    if isinstance(value, kind.first):
        return value
    if isinstance(value, PairHeader):
        raise RecordError(f"{printable(name)} holds comparisons; look at them with `matbench show --verdicts`")
    if isinstance(value, Header):
        raise RecordError(f"{printable(name)} holds a run; look at it with `matbench show`")
    raise RecordError(f"line 1 of {printable(name)} is no header; restore the whole file from a copy")


def _check_schema(line: bytes, name: str) -> None:
    """Raise RecordError if the first line is that of a later version; that it is none at all is found later."""
    try:
        probe = _PROBE.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    known = next((kind.schema for kind in (RUNS, PAIRS) if kind.tag == probe.type), None)
    if known is not None and probe.schema > known:
        raise RecordError(
            f"{printable(name)} was written by a newer matbench (schema {probe.schema}, this one reads {known}); "
            "upgrade matbench"
        )


def merge_measurements(values: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """One measurement a case, in order of first appearance, the samples joined in the order given.

    A ``wrong`` line decides the outcome, else an ``ended`` one, else one that was ``measured``; it brings its own
    reason and error. Every other field is kept from the first line that has it.
    """
    parts: dict[Case, list[Measurement]] = {}
    for value in values:
        parts.setdefault(value.case, []).append(value)
    return tuple(_merged_case(same) for same in parts.values())


def _merged_case(parts: Sequence[Measurement]) -> Measurement:
    """The one measurement that `parts` of the same case amount to."""
    if len(parts) == 1:
        return parts[0]
    ranks = ("wrong", "ended", "measured")  # a case that was skipped at first may be measured when a run goes on
    telling = [part for part in parts if part.outcome != "measured" or len(part.samples)]
    verdict = next((part for kind in ranks for part in telling if part.outcome == kind), parts[0])
    candidates = (verdict, *parts)
    return Measurement(
        case=verdict.case,
        outcome=verdict.outcome,
        reason=verdict.reason
        if verdict.outcome == "measured"
        else next((part.reason for part in candidates if part.reason is not None), None),
        samples=_joined([part.samples for part in parts]),
        first_call_ns=next((part.first_call_ns for part in parts if part.first_call_ns is not None), None),
        error=next((part.error for part in candidates if part.error is not None), None),
        bytes_allowed=next((part.bytes_allowed for part in candidates if part.bytes_allowed is not None), None),
    )


def merge_ceilings(values: Iterable[Ceiling]) -> tuple[Ceiling, ...]:
    """One ceiling a kind, dtype, lanes, threads, fused and work, in order of first appearance, samples joined.

    `work` counts as well: times of loops of different size can't be joined.
    """
    parts: dict[Hashable, list[Ceiling]] = {}
    for value in values:
        key = (value.kind, value.dtype, value.lanes, value.threads, value.fused, value.work)
        parts.setdefault(key, []).append(value)
    return tuple(
        msgspec.structs.replace(
            same[0],
            samples=_joined([part.samples for part in same]),
            reason=next((part.reason for part in same if part.reason is not None), None),
        )
        for same in parts.values()
    )


def _joined(parts: Sequence[Samples]) -> Samples:
    """All samples of `parts`, in order, in time that grows only with their number."""
    return Samples(
        loops=tuple(chain.from_iterable(part.loops for part in parts)),
        elapsed_ns=tuple(chain.from_iterable(part.elapsed_ns for part in parts)),
        process=tuple(chain.from_iterable(part.process for part in parts)),
        round=tuple(chain.from_iterable(part.round for part in parts)),
    )
