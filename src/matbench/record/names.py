"""Names that become files and folders: record ids and machine labels, safe on every system."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from matbench.errors import RecordError
from matbench.record.files import printable

__all__ = ["check_name", "id_time", "is_safe_name", "new_record_id"]

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)  # Windows opens them anywhere
_STAMP = re.compile(r"(\d{8}T\d{6})Z(?:-.*)?", re.ASCII)


def is_safe_name(name: str) -> bool:
    """Whether `name` is a plain file name on every system: one component, no device, no hidden file.

    Examples
    --------
    >>> is_safe_name("blue-heron.2"), is_safe_name(".."), is_safe_name("nul.txt")
    (True, False, False)
    """
    return bool(_SAFE.fullmatch(name)) and not _DEVICES.fullmatch(name) and not name.endswith(".")


def check_name(name: str, what: str) -> str:
    """`name` itself if it is safe.

    Raises
    ------
    RecordError
        If it could name a file elsewhere; `what` says whose name it is.
    """
    if is_safe_name(name):
        return name
    raise RecordError(
        f"the {what} {printable(name)!r} can't be a file name; use up to 60 letters, digits, dots, dashes and "
        "underscores, a letter or digit first"
    )


def new_record_id(now: datetime, token: str) -> str:
    """The id of a record begun at `now`: a UTC time stamp, so that ids sort by age, and a random token.

    Parameters
    ----------
    now
        Time of day, with a time zone.
    token
        A few random characters, so that two runs of one second differ.

    Raises
    ------
    ValueError
        If `now` has no time zone or `token` is not made of letters and digits.

    Examples
    --------
    >>> new_record_id(datetime(2026, 11, 22, 16, 12, 3, tzinfo=UTC), "3f9a1c")
    '20261122T161203Z-3f9a1c'
    """
    if now.tzinfo is None:
        raise ValueError("the time of a record id needs a time zone")
    if not re.fullmatch(r"[A-Za-z0-9]{1,32}", token):
        raise ValueError("the token of a record id is made of up to 32 letters and digits")
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token}"


def id_time(record_id: str) -> str | None:
    """The time stamp that `record_id` begins with, as text that sorts by age; None if there is none.

    Examples
    --------
    >>> id_time("20261122T161203Z-3f9a1c")
    '20261122T161203'
    """
    found = _STAMP.fullmatch(record_id)
    return found[1] if found else None
