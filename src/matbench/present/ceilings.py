"""Which ceiling a rung runs into, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.analyse.roofline import HIT, PEAK, Limit, limits, lowest
from matbench.present.shares import beside_words
from matbench.present.words import where, who
from matbench.units import format_percent, format_rate

if TYPE_CHECKING:
    from matbench.analyse.rows import Row, Table
    from matbench.model import Caches

__all__ = ["OVER", "ceiling_sentence", "ceiling_words"]

OVER = 1.05  # above that share of a ceiling something is wrong; clocks differ by a few percent from moment to moment


def ceiling_words(limit: Limit) -> str:
    """A ceiling by its name: ``the FMA peak``, ``the bandwidth of L2``."""
    return f"the {PEAK}" if limit.name == PEAK else f"the bandwidth of {limit.name}"


def ceiling_sentence(row: Row, table: Table, caches: Caches) -> str:
    """Which of the measured ceilings is the lowest for a row, and whether it runs into it.

    Parameters
    ----------
    row
        One with a rate.
    table
        Where the measured ceilings are.
    caches
        Sizes of the caches that the rung's bytes are counted with.
    """
    who_where = f"{who(row.case.kernel, row.case.threads)} at {where(row.case.problem)}"
    limit = lowest(limits(row, table, caches))
    if limit is None:
        return f"For {who_where}, no ceiling was measured."
    allowed = f"{ceiling_words(limit)} ({format_rate(limit.rate)} GFLOP/s{_bytes(limit)})"
    share = f"{format_percent(limit.share)} of it{_beside(row, limit)}"
    if row.rate is not None and row.rate.estimate > OVER * limit.rate:
        return f"{who_where} is above {allowed}: a fault of the measurement or of the count of bytes."
    if limit.share >= HIT:
        return f"{who_where} runs into {allowed}: it reaches {share}."
    return f"{who_where} runs into no measured ceiling: the lowest is {allowed}, and it reaches {share}."


def _beside(row: Row, limit: Limit) -> str:
    """The share of the peak of the same moments, where it is the peak that bounds a row, and such a share is known."""
    share = row.peak_share
    if limit.name != PEAK or share is None or share.beside == "run":
        return ""
    return f", {format_percent(share.estimate)} of {beside_words(share.beside)}"


def _bytes(limit: Limit) -> str:
    if limit.intensity is None:
        return ""
    return f" at {'' if limit.counted else 'up to '}{limit.intensity:.3g} flop/byte"
