"""Whose merit the speed is, as a picture: the climb in the told order, and beside it the credit in whatever order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matbench.present.attribution import HOW, at_size, is_nothing, rests_on
from matbench.present.choose import has_bounds
from matbench.present.figures.frame import (
    BOTTOM,
    TOP,
    WIDTH,
    foot,
    log_ticks,
    new_sheet,
    nothing,
    plain,
    subheading,
    tick_at,
)
from matbench.present.numbers import Cell, Numbers, bounds
from matbench.present.style import fitted, idea_colours, inks, looks
from matbench.present.tables import NO_INTERVAL, speedup_text
from matbench.present.words import clean, count_threads, listed
from matbench.units import format_factor, format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from matbench.analyse.attribution import Attribution, Credit
    from matbench.analyse.rows import Interval, Table
    from matbench.present.figures.frame import Sheet
    from matbench.present.style import Ink

__all__ = ["alt_credit", "draw_credit", "finding_credit", "rows_credit"]

GIGA = 1e9
NAMES, TEXTS, EDGE, GAP = 1.75, 1.4, 0.25, 0.3  # inches: ideas, figures on the right, margin, between the charts
PITCHES = 2.2  # distance of two ideas, in the pitch of labels that the sheet reckons with
THICK = 0.56  # of a bar, in distances of two ideas
NARROWEST = 0.5  # decades that a chart shows at least
NONE = "What each idea is worth, whatever the order, was not measured on this machine"


def draw_credit(attribution: Attribution | None, dark: bool = False, table: Table | None = None) -> Figure:
    """Left the told order as a waterfall over GFLOP/s, right what each idea is worth in whatever order.

    Both axes are logarithmic and of one scale: bars of one length are one factor, and those on the right, laid end to
    end, are as long as the climb on the left. Lines are intervals; what costs is hollow.

    Parameters
    ----------
    attribution
        Of one size on one machine; without it a sheet that says how to get it.
    dark
        Whether on dark paper.
    table
        Names the machine where there is no attribution.
    """
    ink = inks(dark=dark)
    with looks(ink):
        if attribution is None:
            below = HOW if table is None else subheading(table, HOW)
            return nothing(ink, "What made it fast", below, "not measured on this machine")
        heading = f"What made it fast at {at_size(attribution)}"
        guessed = "~" * attribution.steps[0].predicted  # the whole is over the foot, as in the tables
        together = guessed + speedup_text(attribution.total).rstrip(NO_INTERVAL)
        below = subheading(attribution, f"{count_threads(attribution.threads)}, all of it {together}")
        rows = len(attribution.steps)
        labels = round(rows * PITCHES)
        sheet = new_sheet(ink, heading, below, panels=2, labels=labels, left=NAMES, right=TEXTS)
        _axes(sheet, attribution)
        _climb(sheet, attribution)
        _credits(sheet, attribution)
        foot(sheet, _note(attribution))
        return sheet.figure


def _axes(sheet: Sheet, attribution: Attribution) -> None:
    """Two charts with a row for the foot and for each idea; an inch is as many decades in both."""
    rates = [step.rate.estimate / GIGA for step in attribution.steps]
    left = _decades(min(rates), max(rates))
    right = _decades(1.0, *(value for each in attribution.credits for value in _ends(each)))
    room = WIDTH - NAMES - GAP - TEXTS
    widths = [room * (end - start) / sum(b - a for a, b in (left, right)) for start, end in (left, right)]
    height = sheet.figure.get_figheight()
    down, tall = BOTTOM / height, (height - TOP - BOTTOM) / height
    starts = (NAMES, NAMES + widths[0] + GAP)
    titles = ("in the told order, step by step", "on average over all orders")
    labels = ("GFLOP/s, with all ideas down to here", "times faster")
    for ax, start, width, limits, title, label in zip(
        sheet.axes, starts, widths, (left, right), titles, labels, strict=True
    ):
        ax.set_position((start / WIDTH, down, width / WIDTH, tall))
        ax.set_xscale("log")
        ax.set_xlim(*(10**limit for limit in limits))
        ax.set_ylim(len(attribution.steps) - 0.5, -0.5)
        ax.set_title(fitted(title, max(width, 1.3), 9.5), size=9.5, loc="left", color=sheet.ink.muted)
        ax.set_xlabel(label)
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
    _ticks(sheet.axes[0], widths[0])
    _ticks(sheet.axes[1], widths[1], "×")
    names = ["before all of them", *(fitted(each.words, NAMES - 0.2, 9.5) for each in attribution.credits)]
    tick_at(sheet.axes[0].yaxis, [float(place) for place in range(len(names))], lambda at, _: names[round(at)])
    sheet.axes[1].yaxis.set_ticks([])


def _decades(*values: float) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds `values`, as powers of ten, with a little room."""
    low, high = math.log10(min(values)), math.log10(max(values))
    spare = max(0.12, (NARROWEST - (high - low)) / 2)
    return low - spare, high + spare


def _ends(credit: Credit) -> tuple[float, ...]:
    told = (credit.factor.estimate, credit.factor.low, credit.factor.high)
    return tuple(value for value in told if value is not None and value > 0)


def _ticks(ax: Axes, inches: float, unit: str = "") -> None:
    ticks = log_ticks(*ax.get_xlim(), apart=min(0.4, 0.42 / inches))
    tick_at(ax.xaxis, ticks, lambda value, _: f"{plain(value)}{unit}")


def _climb(sheet: Sheet, attribution: Attribution) -> None:
    """The waterfall: each bar from what was reached before an idea to what is reached with it."""
    ax, ink, colours = sheet.axes[0], sheet.ink, idea_colours(sheet.ink)
    rates = [step.rate.estimate / GIGA for step in attribution.steps]
    first = attribution.steps[0]
    face = ink.paper if first.predicted else ink.muted
    ax.plot([rates[0]], [0], "o", color=ink.muted, markerfacecolor=face, markersize=7, zorder=4, label=first.kernel)
    _beside(sheet, 0, (rates[0], rates[0]), f"{'~' * first.predicted}{format_rate(first.rate.estimate)} GFLOP/s")
    for place, credit in enumerate(attribution.credits, 1):
        before, after = rates[place - 1], rates[place]
        _bar(ax, ink.paper, place, (before, after), colours.get(credit.idea, ink.muted))
        ax.plot([before, before], [place - 1, place + THICK / 2], color=ink.muted, linewidth=0.8, zorder=1)
        text = f"{'~' * (first.predicted and place == 1)}{format_factor(credit.told.estimate)}"
        _beside(sheet, place, (before, after), text, _colour(ink, credit.told))


def _bar(ax: Axes, paper: str, place: int, ends: tuple[float, float], colour: str) -> None:
    """A bar from the first end to the second; hollow where that leads down."""
    low, high = min(ends), max(ends)
    face = colour if ends[1] >= ends[0] else paper
    ax.barh(place, high - low, THICK, low, facecolor=face, edgecolor=colour, linewidth=1.2, zorder=3)


def _beside(sheet: Sheet, place: int, ends: tuple[float, float], text: str, colour: str | None = None) -> None:
    """Words beside a bar of the climb, where there is more room."""
    ax = sheet.axes[0]
    low, high = ax.get_xlim()
    right = high / max(ends) >= min(ends) / low
    ax.annotate(
        text,
        (max(ends) if right else min(ends), place),
        (6 if right else -6, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center_baseline",
        size=9,
        color=colour or sheet.ink.text,
        zorder=5,
    )


def _colour(ink: Ink, factor: Interval) -> str:
    """Of the words for a factor: what costs stands out, what can't be told from 1 steps back."""
    return ink.muted if is_nothing(factor) else ink.roof if factor.estimate < 1 else ink.text


def _credits(sheet: Sheet, attribution: Attribution) -> None:
    """What each idea is worth on the average over all orders, with its interval, and in figures beside it."""
    ax, ink, colours = sheet.axes[1], sheet.ink, idea_colours(sheet.ink)
    ax.axvline(1.0, color=ink.muted, linewidth=1.0, zorder=2)
    for place, credit in enumerate(attribution.credits, 1):
        value = credit.factor
        _bar(ax, ink.paper, place, (1.0, value.estimate), colours.get(credit.idea, ink.muted))
        if value.low is not None and value.high is not None:
            lows = max(value.low, 1e-12)
            ax.hlines(place, lows, value.high, color=ink.text, linewidth=1.3, zorder=4)
            ax.plot([lows, value.high], [place, place], "|", color=ink.text, markersize=6, zorder=4)
        ax.text(
            1 + (TEXTS - EDGE) / (ax.get_position().width * WIDTH),
            place,
            speedup_text(value).rstrip(NO_INTERVAL),
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center_baseline",
            size=9,
            color=_colour(ink, value),
        )


def _note(attribution: Attribution) -> str:
    bare = [clean(each.words, 30) for each in attribution.credits if not has_bounds(each.factor)]
    costs = any(value < 1 for each in attribution.credits for value in (each.told.estimate, each.factor.estimate))
    parts = [
        f"Before all of them: {clean(attribution.steps[0].words)}.",
        "Left: what an idea adds to those above it.",
        f"Right: what it adds on average over all {attribution.orders:,} orders in which the ideas can be added.",
        "Bars of one length are one factor, left and right.",
        "Lines: 95 % intervals." if len(bare) < len(attribution.credits) else "",
        f"No interval: {listed(bare)}." if bare else "",
        "Hollow bar: it costs." if costs else "",
        "Pale: can't be told from 1." if any(is_nothing(each.factor) for each in attribution.credits) else "",
        "~ extrapolated." if attribution.steps[0].predicted else "",
        f"{rests_on(attribution)}.",
    ]
    return "  ".join(part for part in parts if part)


def finding_credit(attribution: Attribution | None) -> str:
    """Which idea is worth most, whatever the order, and which in the told order."""
    if attribution is None:
        return f"{NONE}; {HOW} measures it."
    most = max(attribution.credits, key=lambda each: each.factor.estimate)
    first = max(attribution.credits, key=lambda each: each.told.estimate)
    text = f"At {at_size(attribution)}, {clean(most.words)} is worth most, {_told(most)} whatever the order"
    if first is most:
        return f"{text}, and {format_factor(most.told.estimate)} in the told order."
    return f"{text}; in the told order it is {clean(first.words)}, {format_factor(first.told.estimate)}."


def _told(credit: Credit) -> str:
    return speedup_text(credit.factor).replace(NO_INTERVAL, " (no interval)")


def alt_credit(attribution: Attribution | None) -> str:
    """What the picture shows, every credit, then its finding."""
    told = finding_credit(attribution)
    if attribution is None:
        return f"Empty chart. {told}"
    foot_, last = attribution.steps[0], attribution.steps[-1]
    worth = "; ".join(f"{clean(each.words)} {_told(each)}" for each in attribution.credits)
    rates = f"{'~' * foot_.predicted}{format_rate(foot_.rate.estimate)} to {format_rate(last.rate.estimate)} GFLOP/s"
    return (
        f"Two charts with a row for each idea, both logarithmic. Left a waterfall from {rates} in the told order. "
        f"Right what each is worth whatever the order: {worth}. {told}"
    )


def rows_credit(attribution: Attribution | None) -> Numbers:
    """A row for the foot and for each idea in the told order: what is reached with it, its step, its credit."""
    columns = (
        *("idea", "threads", "GFLOP/s with it", "GFLOP/s, low", "GFLOP/s, high"),
        *("step in the told order", "step, low", "step, high"),
        *("credit in whatever order", "credit, low", "credit, high", "extrapolated"),
    )
    if attribution is None:
        return Numbers(columns)
    empty: tuple[Cell, ...] = (None, None, None)
    lines: list[tuple[Cell, ...]] = []
    factors: Sequence[Credit | None] = (None, *attribution.credits)
    for step, credit in zip(attribution.steps, factors, strict=True):
        told = empty if credit is None else bounds(credit.told)
        worth = empty if credit is None else bounds(credit.factor)
        word = "yes" if step.predicted else "no"
        lines.append((step.words, step.threads, *bounds(step.rate, GIGA), *told, *worth, word))
    return Numbers(columns, tuple(lines))
