"""The tables of docs/trust.md, from counts and from raw samples."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from others import Other, others_table
from trust_goals import Measured, goals_of, goals_table, summary
from trust_plan import PARTS, kind_of, true_ratio

from matbench.analyse.pair_blocks import reduce_cells
from matbench.analyse.pairs import Verdict, judge
from matbench.analyse.trust import SAME, Tally, tally
from matbench.model import Value
from matbench.pairing import PairHeader, PairRecord
from matbench.present.tables import render_markdown
from matbench.record.store import write_text
from matbench.units import format_percent

__all__ = ["CHANGES", "SIMULATED", "Simulated", "each_alone", "tables", "write_page"]

SIMULATED = "simulated.json"
CHANGES = (2, 1)  # percent
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
DISTURBED = ("co-runner", "quota", "held")
Judged = dict[tuple[str, str], list[tuple[PairHeader, tuple[Verdict, ...]]]]  # by machine and part
ABSENT = "Not yet measured: `make validate` does it."
OTHERS = "others"  # the part in which other harnesses were tried


class Simulated(Value, frozen=True):
    """One world's counts."""

    world: str
    noise: str  # in a sentence
    tallies: tuple[Tally, ...]  # of identical code, and of each of `CHANGES` in both directions


def _rate(hits: int, trials: int) -> str:
    return f"{hits} / {trials}"


def _at_most(bound: float) -> str:
    return f"≤ {format_percent(bound)}"


def _at_least(bound: float) -> str:
    return f"≥ {100 * bound:.1f} %"


def _width(each: Tally) -> str:
    return "" if each.width is None else f"±{format_percent(each.width)}"


def _sum(tallies: Sequence[Tally]) -> Tally:
    """Counts of several sets of comparisons with one truth together; means are left out."""
    names = ("comparisons", "faster", "slower", "equivalent", "inconclusive", "invalid", "intervals", "covered")
    return Tally(tallies[0].truth, **{name: sum(getattr(each, name) for each in tallies) for name in names})


def _covered(tallies: Sequence[Tally]) -> tuple[str, str]:
    """Intervals that hold the truth, whatever it is, and the bound of their share."""
    joined = _sum(tallies)
    return _rate(joined.covered, joined.intervals), _at_least(joined.covered_at_least)


def simulated_table(worlds: Sequence[Simulated]) -> str:
    """Worlds of noise: false alarms, power, coverage."""
    if not worlds:
        return ABSENT
    rows = [_simulated_row(each.world, each.tallies) for each in worlds]
    columns = tuple(zip(*(each.tallies for each in worlds), strict=True))
    rows.append(_simulated_row("all", tuple(_sum(column) for column in columns)))
    changes = [f"{change} % found" for change in CHANGES]
    titles = ("world", "false alarms", "bound", *changes, "wrong sign", "covered", "bound ", "no verdict", "half-width")
    noises = "\n".join(f"* {each.world}: {each.noise}" for each in worlds)
    return f"{render_markdown(titles, rows)}\n\n{noises}"


def _simulated_row(world: str, tallies: Sequence[Tally]) -> tuple[str, ...]:
    same, changed = tallies[0], tallies[1:]
    pairs = [changed[place : place + 2] for place in range(0, len(changed), 2)]
    undecided = sum(each.comparisons - each.decided for each in tallies)
    return (
        world,
        _rate(same.wrong, same.comparisons),
        _at_most(same.wrong_at_most),
        *(_rate(sum(each.found for each in both), sum(each.decided for each in both)) for both in pairs),
        str(sum(each.wrong for each in changed)),
        *_covered(tallies),
        _rate(undecided, sum(each.comparisons for each in tallies)),
        _width(same),
    )


def _row(title: str, each: Tally) -> tuple[str, ...]:
    words = (each.faster, each.slower, each.equivalent, each.inconclusive, each.invalid)
    return (
        title,
        str(each.comparisons),
        *map(str, words),
        _rate(each.wrong, each.comparisons),
        _at_most(each.wrong_at_most),
        *_covered([each]),
        _width(each),
    )


WORDS = ("FASTER", "SLOWER", "EQUIVALENT", "INCONCLUSIVE", "INVALID")


def same_table(judged: Mapping[str, Sequence[Verdict]]) -> str:
    """Identical code by kind of work: every word on a difference is a false alarm."""
    rows = [_row(kind, tally(found)) for kind, found in judged.items()]
    rows.append(_row("all", tally([each for found in judged.values() for each in found])))
    titles = ("identical code", "n", *WORDS, "false alarms", "bound", "covered", "bound ", "half-width")
    return render_markdown(titles, rows)


def injected_table(judged: Mapping[float, Sequence[Verdict]]) -> str:
    """Known ratios: found, wrong in sign, and held by the interval."""
    tallies = [tally(found, truth) for truth, found in sorted(judged.items())]
    rows = [_injected_row(f"{each.truth:.4f}", [each]) for each in tallies]
    rows.append(_injected_row("all", tallies))
    titles = ("time of B / time of A", "n", "found of decided", "wrong sign", "INCONCLUSIVE", "INVALID")
    return render_markdown((*titles, "covered", "bound", "half-width"), rows)


def _injected_row(title: str, tallies: Sequence[Tally]) -> tuple[str, ...]:
    joined = _sum(tallies)
    return (
        title,
        str(joined.comparisons),
        _rate(sum(each.found for each in tallies), joined.decided),
        str(sum(each.wrong for each in tallies)),
        str(joined.inconclusive),
        str(joined.invalid),
        *_covered(tallies),
        _width(tallies[0]) if len(tallies) == 1 else "",
    )


def _where(header: PairHeader) -> str:
    host = header.host
    virtual = ", a virtual machine" if host.hypervisor else ""
    return f"On {header.machine} ({host.cpu.brand}, {host.logical_cpus} CPUs{virtual}), {header.created[:10]}."


def judged(records: Iterable[PairRecord]) -> Judged:
    """What every batch came to, by machine and part; each record is let go as soon as it is judged."""
    found: Judged = defaultdict(list)
    for record in records:
        part = record.header.id.rpartition("-")[0]
        if part in (*PARTS, OTHERS):
            found[record.header.machine, part].append((record.header, each_alone(record)))
    return found


def real_tables(found: Judged) -> str:
    """A table for every part that was measured, machine by machine."""
    lines = []
    parts = {place: batches for place, batches in found.items() if place[1] in PARTS}
    for (_, part), batches in sorted(parts.items(), key=lambda item: (item[0][0], list(PARTS).index(item[0][1]))):
        rows = [each for _, verdicts in batches for each in verdicts]
        lines.append(f"### {PARTS[part].title}\n\n{_table(rows)}\n\n{_where(batches[-1][0])}")
    return "\n\n".join(lines) or ABSENT


def measured(found: Judged) -> Measured:
    """All comparisons of all machines, by what their truth is and what was done to them."""
    rows = [(part, each) for (_, part), batches in found.items() for _, verdicts in batches for each in verdicts]
    return Measured(
        same=[each for part, each in rows if part == "same"],
        injected=[(true_ratio(each.cell), each) for part, each in rows if part == "injected"],
        disturbed=[each for part, each in rows if part in DISTURBED],
    )


def each_alone(record: PairRecord) -> tuple[Verdict, ...]:
    """Verdicts without correction for their number, each as if it had been the only comparison: the harder test."""
    reasons = {refusal.cell: refusal.reason for refusal in record.refusals}
    settings, floor = record.header.settings, record.header.floor
    return tuple(
        judge([each], settings, floor, [reasons.get(index)])[0] for index, each in enumerate(reduce_cells(record))
    )


def _table(rows: Sequence[Verdict]) -> str:
    by_truth: dict[float, list[Verdict]] = defaultdict(list)
    by_kind: dict[str, list[Verdict]] = defaultdict(list)
    for each in rows:
        by_truth[true_ratio(each.cell)].append(each)
        by_kind[kind_of(each.cell)].append(each)
    return same_table(by_kind) if set(by_truth) == {SAME} else injected_table(by_truth)


def tables(worlds: Sequence[Simulated], records: Iterable[PairRecord], others: Sequence[Other]) -> dict[str, str]:
    """Name -> text of every generated part of the page."""
    found = judged(records)
    goals = goals_of(measured(found))
    return {
        "summary": summary(goals),
        "goals": goals_table(goals),
        "simulated": simulated_table(worlds),
        "real": real_tables(found),
        "others": f"{others_table(others)}\n\n{_sittings(found)}" if others else ABSENT,
    }


def _sittings(found: Judged) -> str:
    """Where and when the other harnesses were tried."""
    return "\n".join(_where(batches[-1][0]) for (_, part), batches in sorted(found.items()) if part == OTHERS)


def write_page(path: Path, worlds: Sequence[Simulated], records: Iterable[PairRecord], others: Sequence[Other]) -> None:
    """The page with its generated parts anew."""
    parts = tables(worlds, records, others)
    text = path.read_text(encoding="utf-8")
    write_text(path, BLOCK.sub(lambda found: f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}", text))
