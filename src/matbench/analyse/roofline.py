"""Which limit of the hardware a row runs into: rates that the measured ceilings allow it.

A ceiling is the measured FMA peak, or the measured bandwidth of a level times the operations that the row does for
each byte from there (Williams, Waterman and Patterson, Roofline, CACM 52 (2009) 65, doi:10.1145/1498765.1498785). How
many bytes that are is told by `matbench.analyse.nests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.nests import traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matbench.analyse.rows import Interval, Row, Table
    from matbench.model import Caches

__all__ = ["HIT", "MEMORY", "PEAK", "Limit", "Roof", "limits", "lowest", "peak_rate", "roofs", "roofs_of"]

PEAK = "FMA peak"
MEMORY = "memory"
LEVELS = ("L1", "L2", "L3", MEMORY)  # nearest to the core first
HIT = 0.7  # share of its lowest ceiling from which a row is said to run into it


class Roof(NamedTuple):
    """The measured bandwidth of a level."""

    level: str
    bandwidth: float  # byte/s


class Limit(NamedTuple):
    """The rate that one ceiling allows a row."""

    name: str  # `PEAK` or a level
    rate: float  # flop/s
    share: float  # the row's own rate over it
    intensity: float | None = None  # flop/byte from this level; None for the peak
    counted: bool = True  # whether the bytes are counted from the kernel's own loops, or the least there can be


def roofs(table: Table, threads: int) -> tuple[Roof, ...]:
    """The bandwidths that limit a thread count, nearest level first: of reading and triad the higher.

    What comes from a level passes through those before it. Where one of these was found slower, threads had to wait
    for each other while it was measured: that is no limit, and is left out.
    """
    found = roofs_of(table.bandwidths, threads)
    return tuple(
        roof for place, roof in enumerate(found) if all(roof.bandwidth >= far.bandwidth for far in found[place + 1 :])
    )


def roofs_of(bandwidths: Mapping[str, Interval], threads: int) -> tuple[Roof, ...]:
    """All bandwidths measured with a thread count, from ``'read/1'`` or ``'triad/1'`` (memory), ``'read_l2/1'``, ..."""
    found: dict[str, float] = {}
    for key, bandwidth in bandwidths.items():
        kind, _, count = key.rpartition("/")
        level = kind.partition("_")[2].upper() or MEMORY
        if count == str(threads) and level in LEVELS and bandwidth.estimate > 0:
            found[level] = max(found.get(level, 0.0), bandwidth.estimate)
    return tuple(Roof(level, found[level]) for level in LEVELS if level in found)


def peak_rate(table: Table, row: Row) -> float | None:
    """The measured FMA peak (flop/s) for a row's dtype and threads, or None."""
    peak = table.peaks.get(f"{row.case.problem.dtype}/{row.case.threads}")
    return peak.estimate if peak is not None and peak.estimate > 0 else None


def limits(row: Row, table: Table, caches: Caches) -> tuple[Limit, ...]:
    """What each measured ceiling allows a row: the peak first, then the levels from the nearest on.

    Parameters
    ----------
    row
        One with a rate.
    table
        Where the ceilings are.
    caches
        Sizes in bytes as one core sees them.

    Returns
    -------
    tuple of Limit
        Empty if the row has no rate, counts no operations, or nothing was measured. A level whose cache above holds
        all that is touched is left out: in calls one after the other, as they are timed, nothing comes from there.
    """
    flops = row.case.problem.flops
    if row.rate is None or not flops:
        return ()
    rate = row.rate.estimate
    peak = peak_rate(table, row)
    found = [] if peak is None else [Limit(PEAK, peak, rate / peak)]
    bandwidths = dict(roofs(table, row.case.threads))
    for each in traffic(row.case, caches):
        if each.level in bandwidths and not each.resident:
            intensity = each.intensity(flops)
            allowed = intensity * bandwidths[each.level]
            found.append(Limit(each.level, allowed, rate / allowed, intensity, each.counted))
    return tuple(found)


def lowest(found: tuple[Limit, ...]) -> Limit | None:
    """The ceiling that bounds a row: of all the one that allows least; None without any."""
    return min(found, key=lambda limit: limit.rate, default=None)
