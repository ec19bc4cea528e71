"""Records within HTML pages: an element of data that browsers show and run nothing of, and that is read back whole."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from matbench.errors import RecordError
from matbench.record.bundles import PART_LIMIT
from matbench.record.files import open_limited, printable, read_bytes
from matbench.record.journal import encode_record
from matbench.record.reading import LINE_LIMIT, LINES_LIMIT, limited_lines, record_from_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matbench.model import Record

__all__ = ["is_page", "island", "page_records", "read_page", "records_in"]

_BEGIN = b'<script type="application/json" class="matbench-record">'
_END = b"</script>"
# Within JSON these stand in texts only, where an escape says the same: none of them can end or begin an element, and
# the two line separators can't end a line of a script.
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_RECORDS_LIMIT = 1000  # that one page may hold
_WHOLE_LIMIT = 4 * 2**20  # bytes decoded at once: two of them can make an object of sixty
_LINES: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


def island(record: Record) -> str:
    """`record` as an element for an HTML page: a JSON array with the lines of its file, one value each.

    Raises
    ------
    InternalError
        If it can't be stored.
    RecordError
        If it is larger than what `read_page` takes.
    """
    lines = encode_record(record).decode().rstrip("\n").split("\n")
    text = ",\n".join(lines).translate(_ESCAPED)
    if len(text.encode()) > PART_LIMIT:
        name = printable(record.header.id)
        raise RecordError(f"{name} is larger than 64 MiB, more than a page may hold; look at it with `matbench show`")
    return f"{_BEGIN.decode()}[\n{text}\n]{_END.decode()}"


def is_page(path: Path) -> bool:
    """Whether the file at `path` looks like an HTML page: no record begins with a ``<``."""
    try:
        with open_limited(path) as stream:
            return stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    except RecordError:
        return False


def read_page(path: Path) -> tuple[Record, ...]:
    """The records in the page at `path`, all of them; see `page_records`."""
    return tuple(page_records(path))


def page_records(path: Path) -> Iterator[Record]:
    """The records in the page at `path`, a file of at most 256 MiB, one at a time in their order.

    Raises
    ------
    RecordError
        If it can't be read, holds no record, or one that is not well formed. What came before may be good, so that
        whoever must not take in a part goes through all of it first.
    """
    return records_in(read_bytes(path), path.name)


def records_in(page: bytes, name: str) -> Iterator[Record]:
    """The records in a page, one at a time.

    Parameters
    ----------
    page
        HTML as `island` has its elements; only those are looked at.
    name
        What to call it in messages.

    Raises
    ------
    RecordError
        If there is none, one is not well formed or larger than 64 MiB, or there are more than 1,000.
    """
    number = 0
    for number, text in enumerate(_islands(page, name), 1):
        if number > _RECORDS_LIMIT:
            raise RecordError(f"{printable(name)} holds more than {_RECORDS_LIMIT:,} records; take it apart")
        where = name if number == 1 else f"record {number} of {name}"
        if len(text) > PART_LIMIT:
            raise RecordError(f"{printable(where)} is larger than 64 MiB; ask for a page without it")
        yield record_from_lines(_lines(text, where), where, whole=True)
    if not number:
        raise RecordError(f"{printable(name)} holds no record; name a page that `matbench report` wrote")


def _islands(page: bytes, name: str) -> Iterator[bytes]:
    """What stands in our elements of `page`, in time that grows only with its length."""
    at = 0
    while (begin := page.find(_BEGIN, at)) >= 0:
        begin += len(_BEGIN)
        end = page.find(_END, begin)
        if end < 0:
            raise RecordError(f"{printable(name)} is cut short within a record; get the whole page")
        yield page[begin:end]
        at = end


def _lines(text: bytes, name: str) -> Iterator[bytes]:
    """The values of an array, each as the line of a record.

    A large one is read as `island` has written it, a value a line; a small one in whatever way an editor laid it out.
    """
    if len(text) <= _WHOLE_LIMIT:
        yield from _values(text, name)
        return
    body = text.strip(b" \t\r\n")
    if body[:1] != b"[" or body[-1:] != b"]":
        raise RecordError(f"{printable(name)} holds broken data; get the page again")
    for line in limited_lines(BytesIO(body[1:-1].strip(b" \t\r\n")), name):
        yield line.rstrip(b",\r\n")


def _values(text: bytes, name: str) -> Iterator[bytes]:
    """The same, all of them held at once."""
    try:
        values = _LINES.decode(text)
    except RecursionError as error:
        raise RecordError(f"{printable(name)} holds data nested too deeply; get the page again") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordError(f"{printable(name)} holds broken data ({printable(error)}); get the page again") from error
    if len(values) > LINES_LIMIT:
        raise RecordError(f"{printable(name)} holds more than {LINES_LIMIT:,} lines; name a page of matbench")
    for number, value in enumerate(values, 1):
        line = bytes(value)
        if len(line) > LINE_LIMIT:
            raise RecordError(f"line {number} of {printable(name)} is longer than 1 MiB; name a page of matbench")
        yield line
