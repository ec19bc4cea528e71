"""Verdicts on comparisons: one as a few lines, several as a table, all as one JSON object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from matbench.present.tables import NOTHING, render_markdown
from matbench.present.words import bracket, clean, count_threads, where
from matbench.units import format_factor, format_percent, format_rate, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.pairs import Verdict
    from matbench.analyse.rows import Interval
    from matbench.pairing import PairRecord

__all__ = ["pairs_object", "pairs_text", "ratio_text", "time_over_text", "verdict_text", "verdicts_table"]


def ratio_text(ratio: Interval | None) -> str:
    """A ratio with its bounds: three decimals below 10, three significant digits from there on.

    Examples
    --------
    >>> from matbench.analyse.rows import Interval
    >>> ratio_text(Interval(1.0034, 0.9982, 1.0101)), ratio_text(Interval(1572.0))
    ('1.003 [0.998, 1.010]', '1,570')
    """
    if ratio is None:
        return NOTHING
    value = _ratio(ratio.estimate)
    if ratio.low is None or ratio.high is None:
        return value
    return value + bracket(_ratio(ratio.low), _ratio(ratio.high))


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 10 else format_factor(value).removesuffix("×")


def _call_seconds(verdict: Verdict) -> tuple[float, float] | None:
    """Time of one call of A and of B, s; None where nothing was measured.

    B's is that of A times the ratio: from process to process both wander together by far more than they differ, and
    two medians taken apart may contradict the ratio that pairs them.
    """
    if verdict.seconds_a is None or verdict.ratio is None:
        return None
    a = verdict.seconds_a.estimate
    return a, a * verdict.ratio.estimate


def _rates(verdict: Verdict) -> tuple[str, str]:
    """GFLOP/s of A and of B."""
    seconds = _call_seconds(verdict)
    if seconds is None:
        return NOTHING, NOTHING
    flops = verdict.cell.problem.flops
    return format_rate(flops / seconds[0]), format_rate(flops / seconds[1])


def _against(verdict: Verdict) -> tuple[str, str]:
    """The two names; a kernel that was compared with itself has a clone for its opponent."""
    a, b = clean(verdict.cell.a, 80), clean(verdict.cell.b, 80)
    return (a, f"a second clone of {b}") if a == b else (a, b)


def _place(verdict: Verdict) -> str:
    return f"{where(verdict.cell.problem)}, {count_threads(verdict.cell.threads)}"


def _dropped(verdict: Verdict) -> str:
    """What was set aside, and why."""
    blocks = sum(count for _, count in verdict.dropped)
    parts = [f"{blocks} of {verdict.blocks} blocks dropped" if blocks else f"none of {verdict.blocks} blocks dropped"]
    if blocks:
        parts[0] += " (" + ", ".join(f"{clean(why)}: {count}" for why, count in verdict.dropped) + ")"
    if verdict.void:
        count = "1 process" if len(verdict.void) == 1 else f"{len(verdict.void)} processes"
        parts.append(f"{count} set aside ({clean(verdict.void[0].reason)})")
    return "; ".join(parts)


def verdict_text(verdict: Verdict) -> str:
    """One comparison in a few lines: the word, its reason, and the figures that it rests on."""
    a, b = _against(verdict)
    lines = [f"{a} against {b} at {_place(verdict)}: {verdict.word}", f"  {clean(verdict.reason, 400)}."]
    if verdict.ratio is None:
        return "\n".join(lines)
    lines.append(f"  ratio    {ratio_text(verdict.ratio)}, time of B over time of A: above 1, {a} is faster")
    lines.append(f"  control  {ratio_text(verdict.control)}, {a} against its own clone in the same blocks")
    if verdict.floor is not None:
        lines[-1] += f"; below {format_percent(verdict.floor)} nothing is claimed"
    for name, rate, seconds in zip((a, b), _rates(verdict), _call_seconds(verdict) or (), strict=False):
        lines.append(f"  speed    {rate} GFLOP/s ({format_seconds(seconds)} a call), {name}")
    lines.append(f"  samples  {verdict.processes} processes; {_dropped(verdict)}")
    return "\n".join(lines)


def verdicts_table(verdicts: Sequence[Verdict]) -> str:
    """Several comparisons as a Markdown table, and a list of their reasons."""
    columns: dict[str, list[str]] = {
        "A": [_against(each)[0] for each in verdicts],
        "B": [_against(each)[1] for each in verdicts],
        "problem": [f"{each.cell.problem.shape_label}" for each in verdicts],
        "dtype": [each.cell.problem.dtype for each in verdicts],
        "threads": [str(each.cell.threads) for each in verdicts],
        "A GFLOP/s": [_rates(each)[0] for each in verdicts],
        "B GFLOP/s": [_rates(each)[1] for each in verdicts],
        "time of B / time of A": [ratio_text(each.ratio) for each in verdicts],
        "A's clone / A": [ratio_text(each.control) for each in verdicts],
        "A is": [each.word for each in verdicts],
        "processes": [str(each.processes) for each in verdicts],
        "dropped": [_share(each) for each in verdicts],
    }
    shared = [title for title in ("A", "B", "dtype", "threads") if len(set(columns[title])) == 1]
    kept = {title: cells for title, cells in columns.items() if title not in shared}
    table = render_markdown(list(kept), list(zip(*kept.values(), strict=True)))
    reasons = "\n".join(f"- {_named(each, shared)}: {each.word}, {clean(each.reason, 400)}." for each in verdicts)
    first = verdicts[0]
    common = ", ".join(_shared_words(first, title) for title in shared)
    return f"{common}\n\n{table}\n\n{reasons}" if common else f"{table}\n\n{reasons}"


def _shared_words(verdict: Verdict, title: str) -> str:
    a, b = _against(verdict)
    words = {"A": f"A: {a}", "B": f"B: {b}", "dtype": verdict.cell.problem.dtype}
    return words.get(title) or count_threads(verdict.cell.threads)


def _named(verdict: Verdict, shared: Sequence[str]) -> str:
    """What tells a row from the others."""
    words = [verdict.cell.problem.shape_label]
    words += [] if "dtype" in shared else [verdict.cell.problem.dtype]
    words += [] if "threads" in shared else [count_threads(verdict.cell.threads)]
    return " ".join(words)


def _share(verdict: Verdict) -> str:
    blocks = sum(count for _, count in verdict.dropped)
    return format_percent(blocks / verdict.blocks) if verdict.blocks else NOTHING


def time_over_text(left: int, cells: int, limit_s: float) -> str:
    """That time ended a comparison before all of it was decided, and what gives it more.

    Parameters
    ----------
    left
        Cells that are undecided.
    cells
        All of them.
    limit_s
        Time that it had, s. Four times as much is named: intervals are then half as wide.

    Examples
    --------
    >>> time_over_text(2, 8, 135.0).partition(": ")[2]
    '2 of 8 cells are undecided; --budget 540s gives it more'
    """
    of = "its one cell is" if cells == 1 else f"{left} of {cells} cells {'is' if left == 1 else 'are'}"
    return (
        f"its time of {format_seconds(limit_s)} was over before the intervals were narrow enough: {of} undecided; "
        f"--budget {math.ceil(4 * limit_s)}s gives it more"
    )


def pairs_text(record: PairRecord, verdicts: Sequence[Verdict]) -> str:
    """All comparisons of a record as people read them."""
    header = record.header
    heading = [clean(each) for each in (header.machine, header.host.cpu.brand, header.created[:10], header.command)]
    told = verdict_text(verdicts[0]) if len(verdicts) == 1 else verdicts_table(verdicts)
    return "{}: {}, {}, `{}`".format(*heading) + f", record {clean(header.id)}\n\n{told}"


def pairs_object(record: PairRecord, verdicts: Sequence[Verdict]) -> dict[str, object]:
    """All comparisons of a record as builtin types, ready for any JSON encoder; what has no value is None.

    Returns
    -------
    dict
        ``schema``, ``id``, ``settings``, ``warnings`` and ``rows``; in each row ``ratio`` is the time of B over the
        time of A, and ``verdict`` is about A. ``control`` is the same ratio of A's clone and A, ``floor`` the smallest
        difference that is claimed, ``dropped`` says how many blocks were left out for what.
    """
    header = record.header
    return {
        "schema": header.schema,
        "id": header.id,
        "machine": header.machine,
        "complete": record.is_complete,
        "settings": msgspec.structs.asdict(header.settings),
        "warnings": list(record.end.warnings) if record.end else [],
        "rows": [_row(each) for each in verdicts],
    }


def _row(verdict: Verdict) -> dict[str, object]:
    cell, problem = verdict.cell, verdict.cell.problem
    a, b = _call_seconds(verdict) or (None, None)
    return {
        "a": cell.a,
        "b": cell.b,
        "m": problem.m,
        "n": problem.n,
        "k": problem.k,
        "dtype": problem.dtype,
        "threads": cell.threads,
        "ratio": _interval(verdict.ratio),
        "verdict": verdict.word,
        "reason": verdict.reason,
        "control": _interval(verdict.control),
        "floor": verdict.floor,
        "p_value": verdict.p_value,
        "seconds": {"a": _interval(verdict.seconds_a), "b": _interval(verdict.seconds_b)},
        "gflops": {"a": a and problem.flops / a / 1e9, "b": b and problem.flops / b / 1e9},
        "processes": verdict.processes,
        "void": [{"process": each.process, "reason": each.reason} for each in verdict.void],
        "blocks": verdict.blocks,
        "dropped": dict(verdict.dropped),
    }


def _interval(value: Interval | None) -> dict[str, float | None] | None:
    return None if value is None else msgspec.structs.asdict(value)
