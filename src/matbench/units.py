"""Quantities as people read and type them; inside matbench everything is in SI units."""

from __future__ import annotations

import math
import re

from matbench.errors import UsageError

__all__ = ["format_bytes", "format_factor", "format_percent", "format_rate", "format_seconds", "parse_duration"]

_SCALE = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def _three_digits(value: float) -> str:
    """`value` (positive) with three significant digits, without an exponent, thousands separated."""
    if value == 0:
        return "0"
    value = float(f"{value:.2e}")  # rounded first: 9.996 has two digits before its point
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def format_seconds(seconds: float) -> str:
    """A time with three significant digits and the unit that suits it.

    Parameters
    ----------
    seconds
        Time in seconds.

    Examples
    --------
    >>> format_seconds(0.00123)
    '1.23 ms'
    >>> format_seconds(274.0)
    '274 s'
    """
    for limit, scale, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit * 0.9995:
            return f"{_three_digits(seconds * scale)} {unit}"
    return f"{_three_digits(seconds)} s"


def format_rate(flops_per_second: float) -> str:
    """A rate in GFLOP/s with three significant digits.

    Examples
    --------
    >>> format_rate(52.44e9), format_rate(33.1e6)
    ('52.4', '0.0331')
    """
    return _three_digits(flops_per_second / 1e9)


def format_factor(ratio: float) -> str:
    """A speed-up with three significant digits and a multiplication sign.

    Examples
    --------
    >>> format_factor(1572.3), format_factor(1.0)
    ('1,570×', '1.00×')
    """
    return f"{_three_digits(ratio)}×"


def format_percent(fraction: float) -> str:
    """A share in percent: whole numbers from 10 % up, two significant digits below, ``<0.01 %`` at the least.

    Examples
    --------
    >>> format_percent(0.944), format_percent(0.0123), format_percent(1e-6)
    ('94 %', '1.2 %', '<0.01 %')
    """
    percent = 100.0 * fraction
    if percent and percent < 0.01:
        return "<0.01 %"
    if percent >= 9.95:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.995 else f"{percent:.2f} %"


def format_bytes(count: float) -> str:
    """A size in binary units.

    Examples
    --------
    >>> format_bytes(49152), format_bytes(480 * 2**20)
    ('48 KiB', '480 MiB')
    """
    value, unit = float(count), "B"
    for bigger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    return f"{value:.0f} {unit}" if value >= 10 or value == int(value) else f"{value:.1f} {unit}"


def parse_duration(text: str) -> float:
    """Seconds from ``90``, ``90s``, ``1.5m``, ``25min`` or ``1h``.

    Raises
    ------
    UsageError
        If `text` is none of these or not positive.

    Examples
    --------
    >>> parse_duration("1.5m")
    90.0
    """
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|min|m|h)?\s*", text)
    seconds = float(found[1]) * _SCALE[found[2] or "s"] if found else 0.0
    if seconds <= 0:
        raise UsageError(f"{text!r} is no duration; write for example 60s, 1.5m or 1h")
    return seconds
