"""Shares of the multiply-add peak in words: the figure, what it is over, and the notes below a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.present.words import bracket, listed
from matbench.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matbench.analyse.rows import Beside, Row, Share

__all__ = ["ABOVE", "OTHER_CHAIN", "beside_words", "share_notes", "share_text", "usual"]

OTHER_CHAIN = "§"  # a share that is over another chain than most
ABOVE = "Above 100 %: chains beside it were slower than the kernel, by chance or for being held up."
_WORDS: dict[Beside, str] = {
    "round": "chains of multiply-adds timed in the same rounds",
    "process": "the middle chain of multiply-adds of the same process",
    "run": "the fastest chain of multiply-adds of the run",
}


def beside_words(beside: Beside) -> str:
    """What a share is told over."""
    return _WORDS[beside]


def share_text(share: Share) -> str:
    """A share with its bounds, in percent; without bounds the share alone.

    Examples
    --------
    >>> from matbench.analyse.rows import Share
    >>> share_text(Share(0.92, 0.90, 0.94)), share_text(Share(0.92))
    ('92 % [90, 94]', '92 %')
    """
    value = format_percent(share.estimate)
    if share.low is None or share.high is None:
        return value
    return value + bracket(*(format_percent(max(bound, 0.0)).removesuffix(" %") for bound in (share.low, share.high)))


def usual(rows: Iterable[Row]) -> Beside:
    """What most of the sampled rows are told over; predictions are over the fastest chain, whatever the others are."""
    kinds = [row.peak_share.beside for row in rows if row.peak_share is not None and not row.extrapolated]
    return max(_WORDS, key=kinds.count) if kinds else "run"


def share_notes(rows: Iterable[Row]) -> list[str]:
    """What the shares in a table are over, those marked as others included, and why one may exceed 100 %."""
    shares = [(row, row.peak_share) for row in rows if row.peak_share is not None]
    if not shares:
        return []
    most = usual(row for row, _ in shares)
    others = sorted({share.beside for row, share in shares if share.beside != most and not row.extrapolated})
    notes = [f"Share of peak [low, high]: the rate over that of {_WORDS[most]}."]
    if others:
        notes.append(f"{OTHER_CHAIN} over {listed(_WORDS[each] for each in others)}.")
    if most != "run" and any(row.extrapolated for row, _ in shares):
        notes.append(f"Predicted shares (~) are over {_WORDS['run']}.")
    return [*notes, ABOVE] if any(share.estimate > 1.005 and share.beside != "run" for _, share in shares) else notes
