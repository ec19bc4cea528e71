"""Records while they are written: an append-only journal that a killed run, a full disk or a second run can't harm."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock, Timeout

from matbench.errors import InternalError, RecordError
from matbench.model import Ceiling, Header, Measurement, Record, Samples
from matbench.pairing import PairBlock, PairEnd, PairHeader, PairProcess, PairRecord, Refusal
from matbench.record.files import FILE_LIMIT, os_error, printable, read_bytes, replace_file, sync_folder
from matbench.record.names import check_name
from matbench.record.pairs import read_pairs
from matbench.record.reading import (
    LINE_LIMIT,
    LINES_LIMIT,
    PAIRS,
    RUNS,
    Kind,
    Line,
    decode_line,
    kind_of,
    read_record,
    record_from_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from matbench.model import End

__all__ = ["Journal", "compact", "encode_lines", "encode_record", "held", "record_path"]

_SAMPLES_A_LINE = 10_000  # four numbers of at most 19 digits each: 0.8 MB, so that no line passes LINE_LIMIT


def record_path(results: Path, header: Header | PairHeader) -> Path:
    """Where the record with `header` belongs: ``<results>/records/<machine>/<id>.jsonl``, for comparisons ``pairs``.

    Raises
    ------
    RecordError
        If machine label or id is no safe file name.
    """
    machine = check_name(header.machine, "machine label")
    return results / kind_of(header).folder / machine / f"{check_name(header.id, 'record id')}.jsonl"


class Journal:
    """A record being written; made by `create` or `reopen`, and closed by ``with``.

    Each value is on the disk, wholly or not at all, when `append` returns. While the journal is open, a lock
    keeps every other process from writing the same record.

    Attributes
    ----------
    path
        The file.
    """

    def __init__(self, path: Path, stream: FileIO, lines: int, resources: ExitStack, kind: Kind = RUNS) -> None:
        self.path = path
        self._kind = kind
        self._stream = stream
        self._lines = lines
        self._resources = resources
        self._guard = threading.Lock()

    @classmethod
    def create(cls, results: Path, header: Header | PairHeader) -> Self:
        """A new journal at `record_path`, its folders made and `header` written.

        Raises
        ------
        RecordError
            If the record exists, its names are unsafe, another process holds it, or it can't be written.
        """
        path = record_path(results, header)
        data = encode_lines(header)
        with ExitStack() as resources:
            resources.enter_context(held(path))
            stream = _opened(path, resources, new=True)
            journal = cls(path, stream, 0, resources.pop_all(), kind_of(header))
        try:
            journal._store(data)
        except BaseException:
            journal.close()
            path.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        return journal

    @classmethod
    def reopen(cls, path: Path, kind: Kind = RUNS) -> Self:
        """The journal of an incomplete record, to be continued.

        A broken last line is first moved to ``<id>.jsonl.broken``.

        Parameters
        ----------
        path
            The file.
        kind
            What it has to hold.

        Raises
        ------
        RecordError
            If it is no record or a complete one, another process holds it, or it can't be written.
        """
        with ExitStack() as resources:
            resources.enter_context(held(path))
            if (read_pairs(path) if kind is PAIRS else read_record(path)).is_complete:
                raise RecordError(f"{printable(path)} is complete; begin a new record with `{kind.command}`")
            lines = _mend(path)
            stream = _opened(path, resources, new=False)
            return cls(path, stream, lines, resources.pop_all(), kind)

    def append(self, *values: Ceiling | Measurement | PairBlock | PairProcess | Refusal) -> None:
        """Store `values`, all or none; on return they have reached the disk.

        A NaN or infinite `error` is stored as unknown, for JSON has neither.

        Raises
        ------
        RecordError
            If the disk is full or the journal is closed; everything appended before stands.
        InternalError
            If the reader would refuse a value, so that one bad line can't spoil the record.
        """
        self._store(b"".join(encode_lines(value) for value in values))

    def finish(self, end: End | PairEnd) -> None:
        """Store `end`, rewrite a run's record as one line a case, and close the journal.

        Raises
        ------
        RecordError
            If `end` can't be written. A record that merely can't be rewritten, say for want of space, stays in its
            longer form: it is complete.
        """
        self._store(encode_lines(end))
        self._stream.close()
        try:
            if self._kind is RUNS:
                with suppress(RecordError):
                    compact(self.path)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of file and lock; without `finish` before, the record is incomplete and can be reopened."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _store(self, data: bytes) -> None:
        """Append `data`, whole lines, and have it reach the disk; on failure the file is as before."""
        with self._guard:
            if self._stream.closed:
                raise RecordError(f"{printable(self.path)} is closed; reopen it with `{self._kind.command} --resume`")
            start = os.fstat(self._stream.fileno()).st_size
            added = data.count(b"\n")
            if start + len(data) > FILE_LIMIT or self._lines + added > LINES_LIMIT:
                raise RecordError(f"{printable(self.path)} is full; begin a new record with `{self._kind.command}`")
            try:
                _write_all(self._stream, data)
                os.fsync(self._stream.fileno())
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._stream.fileno(), start)
                raise os_error(error, self.path, "written") from error
            except BaseException:  # interrupted: a whole line is kept, a part of one is not
                if os.fstat(self._stream.fileno()).st_size < start + len(data):
                    os.ftruncate(self._stream.fileno(), start)
                raise
            self._lines += added


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock ``<path>.lock`` against every other process and thread; its file is gone afterwards.

    Raises
    ------
    RecordError
        If somebody else holds it, or it can't be made.
    """
    lock_path = path.with_name(path.name + ".lock")
    lock = FileLock(lock_path, blocking=False, thread_local=False)
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise RecordError(f"{printable(path)} is being written by another run; wait for it or stop it") from error
    except OSError as error:
        raise os_error(error, path, "written") from error
    try:
        yield
    finally:
        # While still held: once released it may be another's. Windows lets only filelock itself remove it.
        with suppress(OSError):
            lock_path.unlink()
        lock.release()


def _opened(path: Path, resources: ExitStack, *, new: bool) -> FileIO:
    """The file open for appending, closed with `resources`; RecordError if `new` and it exists."""
    try:
        if new:
            path.touch(exist_ok=False)
        return resources.enter_context(path.open("ab", buffering=0))
    except OSError as error:
        raise os_error(error, path, "written") from error


def _write_all(stream: FileIO, data: bytes) -> None:
    """Write the whole of `data`; an unbuffered stream may take it in parts."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


def _mend(path: Path) -> int:
    """Cut `path` back to its whole lines, keeping what was cut in ``<path>.broken``; their number comes back."""
    data = read_bytes(path)
    last = data.rfind(b"\n", 0, len(data) - 1) + 1
    try:
        decode_line(data[last:])
    except RecordError:
        whole, broken = data[:last], data[last:]
    else:
        whole, broken = data, b""
    try:
        if broken:
            with path.with_name(path.name + ".broken").open("ab") as stream:
                stream.write(broken)
                stream.flush()
                os.fsync(stream.fileno())
            os.truncate(path, last)
        if not whole.endswith(b"\n"):  # only the line's end is missing
            with path.open("ab") as stream:
                stream.write(b"\n")
    except OSError as error:
        raise os_error(error, path, "written") from error
    return whole.count(b"\n")


def encode_lines(value: Line) -> bytes:
    """`value` as a line of a record, UTF-8 with its end; as several lines where it has more than 10,000 samples.

    Raises
    ------
    InternalError
        If the reader would refuse a line.
    """
    return b"".join(_encode_line(piece) for piece in _pieces(value))


def _encode_line(value: Line) -> bytes:
    # Even where it is the default the schema is written: to a later matbench another one will be the default.
    explicit: dict[str, object] = {}
    if isinstance(value, Header | PairHeader):
        explicit = {"type": kind_of(value).tag, "schema": value.schema}
    try:
        line = msgspec.json.encode(explicit | msgspec.to_builtins(value)) + b"\n"
        decode_line(line)
    except (RecordError, ValueError) as error:
        raise _unstorable(value, printable(error)) from error
    if len(line) > LINE_LIMIT:
        raise _unstorable(value, "it is longer than 1 MiB")
    return line


def _unstorable(value: Line, reason: str) -> InternalError:
    return InternalError(f"a {type(value).__name__} can't be stored ({reason}); report this")


def _pieces(value: Line) -> Iterator[Line]:
    """`value`, or, where it has too many samples for a line, its first samples and then further ones."""
    if not isinstance(value, Ceiling | Measurement) or len(value.samples) <= _SAMPLES_A_LINE:
        yield value
        return
    yield msgspec.structs.replace(value, samples=_slice(value.samples, 0))
    bare = msgspec.structs.replace(value, reason=None) if isinstance(value, Ceiling) else Measurement(value.case)
    for start in range(_SAMPLES_A_LINE, len(value.samples), _SAMPLES_A_LINE):
        yield msgspec.structs.replace(bare, samples=_slice(value.samples, start))


def _slice(samples: Samples, start: int) -> Samples:
    part = slice(start, start + _SAMPLES_A_LINE)
    return Samples(samples.loops[part], samples.elapsed_ns[part], samples.process[part], samples.round[part])


def encode_record(record: Record | PairRecord) -> bytes:
    """`record` as a file's contents, one line a case (more beyond 10,000 samples), block or process.

    Raises
    ------
    InternalError
        If the reader would refuse a line.
    """
    values: list[Line] = [record.header]
    if isinstance(record, PairRecord):
        values += [*record.blocks, *record.processes, *record.refusals]
    else:
        values += [*record.ceilings, *record.measurements]
    if record.end:
        values.append(record.end)
    return b"".join(encode_lines(value) for value in values)


def compact(path: Path) -> None:
    """Rewrite the record at `path` in one step as one line a case; only for whoever holds its lock.

    Raises
    ------
    RecordError
        If it can't be read or written, or has a broken line; it is then as before.
    InternalError
        If the shorter form would say anything else.
    """
    record = read_record(path)
    if record.warnings:
        raise RecordError(f"{printable(path)} has a broken last line; reopen it with `matbench run --resume`")
    data = encode_record(record)
    if record_from_lines(BytesIO(data), path.name) != record:
        raise InternalError(f"{printable(path)} would change when shortened; report this")
    replace_file(path, data)
