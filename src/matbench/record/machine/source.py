"""What a machine's files say, as text: of this machine, or of a recording under another root."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["ROOT", "UNKNOWN", "clean", "count", "listing", "number", "parse_pairs", "parse_ranges", "text"]

ROOT = Path("/")
UNKNOWN = "unknown"
LIMIT = 2**24  # bytes of one file: /proc/cpuinfo of a machine with 4096 logical CPUs takes 8 MiB
MOST_CPUS = 2**16


def text(root: Path, path: str) -> str | None:
    """The contents of a file below `root`, without surrounding blanks; None where it can't be read or is empty."""
    try:
        with (root / path).open("rb") as file:
            return file.read(LIMIT).decode("utf-8", "replace").strip() or None
    except OSError:
        return None


def listing(root: Path, pattern: str) -> list[Path]:
    """The files below `root` that match a glob pattern, in order; none where the folder can't be read."""
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []


def clean(value: str | None, longest: int = 200) -> str:
    r"""One line of printable text, ``unknown`` when nothing is left of it.

    Examples
    --------
    >>> clean("  Intel(R)   Xeon(R)\x00 ")
    'Intel(R) Xeon(R)'
    >>> clean(None)
    'unknown'
    """
    words = "".join(letter if letter.isprintable() else " " for letter in value or "").split()
    return " ".join(words)[:longest].strip() or UNKNOWN


def count(value: str | None) -> int | None:
    """A whole number, decimal or hexadecimal with ``0x``; None for anything else, a negative number or a giant one.

    Examples
    --------
    >>> count("167"), count("0xd0c"), count("-1"), count("many")
    (167, 3340, None, None)
    """
    found = re.fullmatch(r"\s*(?:(\d{1,18})|0[xX]([0-9a-fA-F]{1,15}))\s*", value or "", re.ASCII)
    if not found:
        return None
    return int(found[1]) if found[1] else int(found[2], 16)


def number(value: str | None) -> float | None:
    """A plain decimal number, which may be negative; None for anything else.

    Examples
    --------
    >>> number("0.11"), number("-5"), number("nan")
    (0.11, -5.0, None)
    """
    found = re.fullmatch(r"\s*(-?\d{1,15}(?:\.\d{1,15})?)\s*", value or "", re.ASCII)
    return float(found[1]) if found else None


def parse_pairs(text: str | None) -> dict[str, str]:
    """The ``key: value`` lines of /proc/meminfo, /proc/self/status or ``sysctl``; the first of equal keys counts."""
    pairs: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            pairs.setdefault(key.strip(), value.strip())
    return pairs


def parse_ranges(text: str | None) -> frozenset[int]:
    """The numbers of a Linux list of CPUs or nodes; nothing where it is malformed.

    Examples
    --------
    >>> sorted(parse_ranges("0-2,8"))
    [0, 1, 2, 8]
    """
    numbers: set[int] = set()
    for part in (text or "").split(","):
        found = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", part, re.ASCII)
        if not found:
            return frozenset()
        first, last = int(found[1]), int(found[2] or found[1])
        if last >= MOST_CPUS:
            return frozenset()
        numbers.update(range(first, last + 1))
    return frozenset(numbers)
