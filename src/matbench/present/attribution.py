"""Whose merit the speed is, in words: the climb as it is told, and beside it what each idea is worth in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from matbench.analyse.attribution import COMMAND
from matbench.model import Problem
from matbench.present.choose import has_bounds
from matbench.present.shares import beside_words, share_text
from matbench.present.tables import NO_INTERVAL, ONE_PROCESS, bullets, render_markdown, speedup_text
from matbench.present.words import clean, count_threads, listed, shape_words, where
from matbench.units import format_factor, format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.attribution import Attribution, Credit, Step
    from matbench.analyse.rows import Interval

__all__ = [
    "HOW",
    "at_size",
    "attribution_object",
    "attribution_sentence",
    "attribution_table",
    "attributions_table",
    "credit_words",
    "is_nothing",
    "rests_on",
]

HOW = COMMAND  # that measures one
NOTHING = "–"  # a cell that has no value
ANY_ORDER = "whatever the order"
UNCHANGED = format_factor(1.0)


def at_size(attribution: Attribution) -> str:
    """Where it was measured: ``n = 1024 (float64)``."""
    n = attribution.n
    return where(Problem(n, n, n, dtype=attribution.dtype))


def attribution_table(attribution: Attribution) -> str:
    """The climb in the told order, step by step, and beside each idea its credit; a Markdown table with notes.

    Parameters
    ----------
    attribution
        Of one size on one machine.

    Returns
    -------
    str
        A row for the foot, one for each idea, one for all of them together; then what the figures are, on how many
        combinations they rest, and what the marks mean.
    """
    foot, *steps = attribution.steps
    lines: list[tuple[str, ...]] = [(clean(foot.words), _rate(foot), "", "")]
    lines += [
        (clean(credit.words), _rate(step), _mark(foot, place) + speedup_text(credit.told), speedup_text(credit.factor))
        for place, (credit, step) in enumerate(zip(attribution.credits, steps, strict=True))
    ]
    last = attribution.steps[-1]
    lines.append(("all of it", _rate(last), *[_mark(foot) + speedup_text(attribution.total)] * 2))
    columns = ("idea", "GFLOP/s with it", "step in this order", f"credit, {ANY_ORDER}")
    return f"{render_markdown(columns, lines)}\n\n{bullets(_notes(attribution))}"


def _rate(step: Step) -> str:
    mark = "" if step.predicted or has_bounds(step.rate) else NO_INTERVAL
    return f"{'~' if step.predicted else ''}{format_rate(step.rate.estimate)}{mark}"


def _mark(foot: Step, place: int = 0) -> str:
    """The mark of a factor over a foot that was not measured but predicted."""
    return "~" if foot.predicted and place == 0 else ""


def _notes(attribution: Attribution) -> list[str]:
    threads = f"; cores: {count_threads(attribution.threads)}" if attribution.threads > 1 else ""
    notes = [f"At {at_size(attribution)}; GFLOP/s are 2 m n k over the time{threads}."]
    notes.append(
        f"Credit: what an idea adds to those that are there already, on average over the {attribution.orders:,} orders "
        "in which the ideas can be added (Shapley value of the logarithm of speed); the product of all is the whole."
    )
    notes.append(f"It rests on {rests_on(attribution)}.")
    if attribution.processes == 1 and has_bounds(attribution.total):
        notes.append(ONE_PROCESS)
    if attribution.steps[0].predicted:
        notes.append("~ extrapolated: where the whole takes too long, a few rows were measured; credit rests on them.")
    if any(map(_lacks_interval, attribution.credits)):
        notes.append(f"{NO_INTERVAL} no interval.")
    if attribution.peak_share is not None:
        share = attribution.peak_share
        notes.append(f"All of it reaches {share_text(share)} of {beside_words(share.beside)}.")
    source = f"{clean(attribution.machine)}, {clean(attribution.cpu)}, {clean(attribution.created[:10])}"
    return [*notes, f"Record {clean(attribution.record)}: {source}."]


def _lacks_interval(credit: Credit) -> bool:
    return not (has_bounds(credit.factor) and has_bounds(credit.told))


def rests_on(attribution: Attribution) -> str:
    """On how many combinations of the ideas the figures rest."""
    told = f"{attribution.measured} combinations of the ideas, measured in {attribution.rounds} interleaved rounds"
    told += " of one process" if attribution.processes == 1 else ""
    if not attribution.predicted:
        return told
    return f"{told}, and {attribution.predicted} more, predicted from a few rows of the product"


def attributions_table(attributions: Sequence[Attribution]) -> str:
    """Several sizes side by side: for each the step in the told order and the credit; a Markdown table.

    Parameters
    ----------
    attributions
        Of one machine and element type, at least one, in the order of the columns.
    """
    ideas = dict.fromkeys(clean(credit.words) for each in attributions for credit in each.credits)
    columns, cells = ["idea"], [[idea] for idea in ideas]
    for each in attributions:
        columns += [f"{shape_words(Problem(each.n, each.n, each.n))}: in this order", ANY_ORDER]
        known = {clean(credit.words): (place, credit) for place, credit in enumerate(each.credits)}
        for line, idea in zip(cells, ideas, strict=True):
            if idea in known:
                place, credit = known[idea]
                line += [_mark(each.steps[0], place) + speedup_text(credit.told), speedup_text(credit.factor)]
            else:
                line += [NOTHING, NOTHING]
    totals = [[_mark(each.steps[0]) + speedup_text(each.total)] * 2 for each in attributions]
    return render_markdown(columns, [*cells, ["all of it", *(cell for pair in totals for cell in pair)]])


def attribution_sentence(attribution: Attribution) -> str:
    """How much all ideas are worth together, and what each is worth, whatever the order; one sentence."""
    total = f"{_mark(attribution.steps[0])}{_bounded(attribution.total)}"
    return (
        f"At {at_size(attribution)}, all ideas together make the product {total} faster than "
        f"{clean(attribution.base)}{_own_rate(attribution)}; of that, {ANY_ORDER} in which they are added, "
        f"{_worths(attribution, bounds=True)}."
    )


def _own_rate(attribution: Attribution) -> str:
    """The foot's absolute rate and threads, as every ratio must name them."""
    foot = attribution.steps[0]
    word = ", extrapolated," if foot.predicted else ""
    return f" ({format_rate(foot.rate.estimate)} GFLOP/s{word} on {count_threads(foot.threads)})"


def credit_words(attribution: Attribution, n: int | None = None) -> str:
    """What each idea is worth, whatever the order, as a sentence that follows another about a run at size `n`."""
    apart = "" if n == attribution.n else f" at n = {attribution.n}"
    total = f"{_mark(attribution.steps[0])}{_bounded(attribution.total)}"
    own = attribution.steps[-1]
    return (
        f"Whatever the order in which the ideas are added, {_worths(attribution)}. Together that is the {total} from "
        f"{clean(attribution.base)} to {_own(own)}, measured apart{apart} (record {clean(attribution.record, 80)})."
    )


def _own(step: Step) -> str:
    """What all ideas together are: the generated product."""
    return f"numba_gemm on {count_threads(step.threads)}"


def _worths(attribution: Attribution, *, bounds: bool = False) -> str:
    """What each idea is worth, the verb told once; then what costs, and what makes no difference that can be told."""
    shown = _bounded if bounds else _estimate
    idle = [each for each in attribution.credits if is_nothing(each.factor)]
    moving = [each for each in attribution.credits if each not in idle]
    gains = [f"{clean(each.words)} {shown(each.factor)}" for each in moving if each.factor.estimate > 1]
    if gains:
        first = next(each for each in moving if each.factor.estimate > 1)
        gains[0] = f"{clean(first.words)} {'are' if _is_plural(first) else 'is'} worth {shown(first.factor)}"
    losses = [each for each in moving if each.factor.estimate <= 1]
    costs = [f"{clean(each.words)} costs {format_factor(1 / each.factor.estimate)}" for each in losses]
    told = [listed([*gains, *costs])] if moving else []
    if idle:
        verb = "make" if len(idle) > 1 or _is_plural(idle[0]) else "makes"
        told.append(f"{listed(clean(each.words) for each in idle)} {verb} no difference that can be told")
    return "; ".join(told)


def _is_plural(credit: Credit) -> bool:
    return credit.idea == "threads"  # 'cores'


def is_nothing(value: Interval) -> bool:
    """Whether a factor can't be told from 1: its interval holds it."""
    if value.low is None or value.high is None:
        return format_factor(value.estimate) == UNCHANGED
    return value.low <= 1 <= value.high


def _estimate(value: Interval) -> str:
    return format_factor(value.estimate)


def _bounded(value: Interval) -> str:
    """A factor with its bounds, or with the words that it has none."""
    return speedup_text(value).replace(NO_INTERVAL, " (no interval)")


def attribution_object(attribution: Attribution) -> dict[str, object]:
    """The attribution as builtin types, ready for any JSON encoder; rates in GFLOP/s, times in s."""
    told = msgspec.to_builtins(attribution)
    steps = []
    for step in told["steps"]:
        rate = step.pop("rate")
        steps.append({**step, "gflops": {key: _giga(value) for key, value in rate.items()}})
    return {**told, "steps": steps}


def _giga(value: float | None) -> float | None:
    return None if value is None else value / 1e9
