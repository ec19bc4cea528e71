"""What a gate says: a line for each demand, one JSON object, and the annotations that GitHub shows beside a change."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from matbench.present.pairs import pairs_object, ratio_text
from matbench.present.words import clean, count_threads, where
from matbench.units import format_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.gate import Ruling
    from matbench.pairing import PairRecord

__all__ = ["annotation", "demand_text", "gate_object", "gate_text", "ruling_text", "summary_text"]

WORDS = {"pass": "pass ", "fail": "FAIL ", "doubt": "doubt", "none": "none "}


def demand_text(ruling: Ruling) -> str:
    """What was compared, and where."""
    cell = ruling.verdict.cell
    place = f"{where(cell.problem)}, {count_threads(cell.threads)}"
    demanded = "" if ruling.factor == 1 else f", at least {format_factor(ruling.factor)}"
    return f"{clean(cell.a, 80)} against {clean(cell.b, 80)} at {place}{demanded}"


def ruling_text(ruling: Ruling) -> str:
    """One demand in a line or two: what became of it, the ratio, and the reason."""
    verdict = ruling.verdict
    figures = verdict.word if verdict.ratio is None else f"{ratio_text(verdict.ratio)}, {verdict.word}"
    return f"{WORDS[ruling.outcome]}  {demand_text(ruling)}: {figures}\n       {clean(ruling.reason, 400)}."


def summary_text(rulings: Sequence[Ruling]) -> str:
    """How many passed and how many did not."""
    counts = Counter(each.outcome for each in rulings)
    parts = [f"{counts['pass']} of {len(rulings)} pass"]
    parts += [f"{counts['fail']} fail" if counts["fail"] != 1 else "1 fails"] if counts["fail"] else []
    parts += [f"{counts['doubt']} in doubt"] if counts["doubt"] else []
    parts += [f"{counts['none']} not compared"] if counts["none"] else []
    return ", ".join(parts)


def gate_text(record: PairRecord, rulings: Sequence[Ruling]) -> str:
    """All demands as people read them."""
    header = record.header
    heading = [clean(each) for each in (header.machine, header.host.cpu.brand, header.created[:10], header.id)]
    lines = "\n".join(ruling_text(each) for each in rulings)
    told = "ratio [low, high]: time of B over time of A; above 1, A is faster"
    return "{}: {}, {}, record {}\n".format(*heading) + f"{told}\n\n{lines}\n\n{summary_text(rulings)}"


def gate_object(record: PairRecord, rulings: Sequence[Ruling], on_doubt: str, *, passed: bool) -> dict[str, object]:
    """All demands as builtin types, ready for any JSON encoder.

    Returns
    -------
    dict
        As of `pairs_object`, with ``passed``, ``margin`` (the largest), ``on_doubt``, and in each row ``demand``,
        ``margin``, ``outcome`` and ``outcome_reason``.
    """
    found = pairs_object(record, [each.verdict for each in rulings])
    rows = found["rows"]
    assert isinstance(rows, list)  # noqa: S101  for the type checker: it is one
    for row, ruling in zip(rows, rulings, strict=True):
        row |= {"demand": ruling.factor, "outcome": ruling.outcome, "outcome_reason": ruling.reason}
        row["margin"] = ruling.margin
    margin = max((each.margin for each in rulings), default=None)
    return {**found, "passed": passed, "margin": margin, "on_doubt": on_doubt}


def annotation(ruling: Ruling, *, red: bool) -> str:
    """A line that GitHub Actions shows beside a change: an error where the build turns red, else a warning.

    Examples
    --------
    ``::error title=matbench gate::f against g at n = 64 (float64), 1 thread: A is 12 % slower, ..``
    """
    text = f"{demand_text(ruling)}: {clean(ruling.reason, 400)}"
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{'error' if red else 'warning'} title=matbench gate::{escaped}"
