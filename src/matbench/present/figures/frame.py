"""What the pictures share: the sheet with its margins, logarithmic axes, dots with bars, labels at line ends.

Margins are told in inches and nothing is laid out by the renderer, so that a picture is the same every time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from matbench.present.choose import has_bounds
from matbench.present.style import drawable, fitted, width_of
from matbench.present.words import count_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Interval, Row, Table
    from matbench.present.choose import Series
    from matbench.present.style import Ink, Look

__all__ = [
    "BOTTOM",
    "LABEL",
    "PITCH",
    "TOP",
    "WIDTH",
    "Dot",
    "EndLabel",
    "Sheet",
    "bounds_of",
    "direct_labels",
    "draw_dots",
    "foot",
    "log_ticks",
    "new_sheet",
    "note_of",
    "nothing",
    "padded",
    "plain",
    "series_label",
    "size_axis",
    "spread",
    "subheading",
    "tick_at",
    "wrapped",
]

WIDTH, HEIGHT, TALLEST = 9.0, 5.9, 20.0  # inches
LEFT, RIGHT, TOP, BOTTOM = 0.95, 2.3, 0.85, 0.98  # margins, inches
LABEL = 1.78  # room for a label, inches: less than there is, for hinted letters are up to 6 % wider
PITCH = 0.19  # distance of labels, inches
SMALL = 8.5  # points, of notes
LINE = 0.14  # distance of the lines of a note, inches
LINES = 2  # that the margin has room for, below the axis
MOST_LINES = 5  # of a note
LONGEST = 1000  # characters of a sentence
NOTE = 8.0  # width of a note, inches: less than there is, for hinted letters are up to 6 % wider


class Sheet(NamedTuple):
    """A figure with its axes and its colours."""

    figure: Figure
    axes: tuple[Axes, ...]
    ink: Ink


class Dot(NamedTuple):
    """A point with the bounds of its interval; hollow where it is a prediction, ringed where that is told apart."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    hollow: bool = False
    ringed: bool = False


class EndLabel(NamedTuple):
    """The name of a line, to stand at its end (x, y)."""

    x: float
    y: float
    text: str
    look: Look


def new_sheet(
    ink: Ink, heading: str, below: str, *, panels: int = 1, labels: int = 0, left: float = LEFT, right: float = RIGHT
) -> Sheet:
    """An empty sheet, tall enough for `labels` labels one below the other; call it inside `looks`.

    Parameters
    ----------
    ink
        Colours.
    heading, below
        Title and the line under it.
    panels
        Axes side by side.
    labels
        How many labels the height has to hold.
    left, right
        Margins in inches.
    """
    height = min(TALLEST, max(HEIGHT, TOP + BOTTOM + PITCH * labels))
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.25 / WIDTH, 1 - 0.2 / height, fitted(heading, WIDTH - 0.5, 13.5), size=13, weight="bold", va="top")
    figure.text(0.25 / WIDTH, 1 - 0.46 / height, fitted(below, WIDTH - 0.5, 9.5), size=9.5, color=ink.muted, va="top")
    gap = 0.85  # inches between panels
    width = (WIDTH - left - right - gap * (panels - 1)) / panels
    tall = (height - TOP - BOTTOM) / height
    lefts = [(left + i * (width + gap)) / WIDTH for i in range(panels)]
    axes = tuple(figure.add_axes((x, BOTTOM / height, width / WIDTH, tall)) for x in lefts)
    return Sheet(figure, axes, ink)


def nothing(ink: Ink, heading: str, below: str, why: str = "nothing measured") -> Figure:
    """A sheet that says so: an empty picture must not look like a broken one."""
    sheet = new_sheet(ink, heading, below)
    sheet.axes[0].set_axis_off()
    sheet.axes[0].text(0.5, 0.5, why, ha="center", va="center", size=14, color=ink.muted)
    return sheet.figure


def subheading(table: Table | Attribution, rest: str) -> str:
    """Processor and machine, then what is particular to the picture."""
    return f"{drawable(table.cpu, 50)}, {drawable(table.machine, 24)}: {rest}"


def foot(sheet: Sheet, text: str) -> None:
    """A note under the axes, in as many lines as it takes; for those that the margin has no room for the sheet grows.

    Parameters
    ----------
    sheet
        Complete but for the note.
    text
        Sentences two blanks apart: a line breaks between them where it can.
    """
    figure, lines = sheet.figure, wrapped(text, NOTE)
    if len(lines) > LINES:
        _grow(figure, LINE * (len(lines) - LINES))
    place = (0.25 / WIDTH, 0.12 / figure.get_figheight())
    figure.text(*place, "\n".join(lines), size=SMALL, color=sheet.ink.muted, va="bottom")


def wrapped(text: str, inches: float) -> list[str]:
    """`text` in lines of a width at the size of notes, as our font can draw it; more than `MOST_LINES` are cut.

    Parameters
    ----------
    text
        Sentences two blanks apart.
    inches
        How wide a line may be.
    """
    lines: list[str] = []
    for sentence in filter(None, text.split("  ")):
        words = drawable(sentence, LONGEST)
        if lines and width_of(f"{lines[-1]}  {words}", SMALL) <= inches:
            lines[-1] = f"{lines[-1]}  {words}"
        else:
            lines += _broken(words.split(" "), inches)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], fitted(f"{lines[MOST_LINES - 1]} …", inches, SMALL)]
    return lines


def _broken(words: Sequence[str], inches: float) -> list[str]:
    """Words in lines of a width; one that is wider than a line is cut."""
    lines: list[str] = []
    for word in words:
        if lines and width_of(f"{lines[-1]} {word}", SMALL) <= inches:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(fitted(word, inches, SMALL))
    return lines


def _grow(figure: Figure, inches: float) -> None:
    """Make a sheet taller at its foot; everything on it keeps its size and its distance from the head."""
    before = figure.get_figheight()
    after = before + inches
    figure.set_figheight(after)
    for ax in figure.axes:
        left, bottom, width, height = ax.get_position().bounds
        ax.set_position((left, (bottom * before + inches) / after, width, height * before / after))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((x, (y * before + inches) / after))


MOST_NAMES = 4  # in one note


def note_of(rows: Iterable[Row], told: Callable[[Row], Interval | None], *, bars: str = "intervals") -> str:
    """What the marks mean, in sentences two blanks apart.

    Parameters
    ----------
    rows
        The rows drawn.
    told
        The interval that is drawn of a row.
    bars
        What the bars are.
    """
    rows = tuple(rows)
    lacking = [row.case.kernel for row in rows if not has_bounds(told(row))]
    names = sorted(set(lacking))
    first = f"Bars: {bars}." if len(lacking) < len(rows) else ""
    if not names:
        return first
    who = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(lacking)} of {len(rows)} points"
    return f"{first}  No interval: {who}.".strip()


def series_label(one: Series, among: Sequence[Series], room: float = LABEL, points: float = 9) -> str:
    """The kernel, with its threads where they are several or where it is drawn more than once.

    It fits into `room` inches at a font size.
    """
    twins = [other for other in among if other.card.name == one.card.name]
    order = f" {one.layout}" if len({other.layout for other in twins}) > 1 else ""
    several = one.threads > 1 or len({other.threads for other in twins}) > 1
    rest = f"{order}, {count_threads(one.threads)}" if several else order
    return fitted(one.card.name, room - width_of(rest, points), points) + rest


def plain(value: float, _position: object = None) -> str:
    """A tick without an exponent, up to six digits on either side of the point."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.6f}".rstrip("0") if value >= 1e-6 else f"{value:g}"


def padded(low: float, high: float, by: float = 1.4) -> tuple[float, float]:
    """Limits of a logarithmic axis around positive `low` and `high`, never empty."""
    return low / by, high * by


def log_ticks(low: float, high: float, apart: float = 0.05) -> list[float]:
    """Decades within the limits, with round numbers between them where there would be fewer than three.

    Neighbours are at least `apart`, a share of the axis.
    """
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps]
        inside = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
        if len(inside) >= 3:
            break
    kept: list[float] = []
    for tick in inside:
        if not kept or math.log(tick / kept[-1]) >= apart * math.log(high / low):
            kept.append(tick)
    return kept


def tick_at(axis: Axis, ticks: Sequence[float], form: Callable[[float, object], str] = plain) -> None:
    """Labels at `ticks` and nowhere else; to be called after the scale is set, which would undo it."""
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(form))


def size_axis(ax: Axes, sizes: Sequence[int], low: float, high: float) -> None:
    """The horizontal axis over n: labels at powers of two, a small tick at each measured size."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    powers = [2**e for e in range(21) if low <= 2**e <= high]
    shown: Sequence[int] = powers if len(powers) > 1 else sizes
    shown = shown[:: max(1, -(-len(shown) // 11))]  # eleven labels fit
    ax.xaxis.set_major_locator(FixedLocator(list(shown)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    ax.xaxis.set_minor_locator(FixedLocator([n for n in sizes if n not in shown]))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("n (matrices of n × n)")


def bounds_of(dots: Iterable[Dot]) -> tuple[float, float]:
    """Smallest and largest value with bounds, of at least one dot; bounds at or below 0 don't count."""
    values = [v for dot in dots for v in (dot.y, dot.low, dot.high) if v is not None and v > 0 and math.isfinite(v)]
    return min(values), max(values)


def draw_dots(ax: Axes, dots: Sequence[Dot], look: Look, ink: Ink, *, label: str, dashed: bool = False) -> None:
    """Dots with interval bars on a thin light line; predictions hollow, on dots of their own and a dotted line.

    The markers are `Line2D` objects labelled `label`, those of predictions `label` followed by ``~``.
    """
    xs, ys = [dot.x for dot in dots], [dot.y for dot in dots]
    first = next((i for i, dot in enumerate(dots) if dot.hollow), len(dots))
    style = "--" if dashed else "-"
    ax.plot(xs[:first], ys[:first], style, color=look.color, linewidth=0.9, alpha=0.55, zorder=2)
    ax.plot(xs[max(0, first - 1) :], ys[max(0, first - 1) :], ":", color=look.color, linewidth=0.9, alpha=0.7, zorder=2)
    barred = [(d.x, d.low, d.high) for d in dots if d.low is not None and d.high is not None]
    if barred:
        # A bound at or below 0 has no place on a logarithmic axis: its bar runs to the edge.
        lows = [max(low, 1e-12) for _, low, _ in barred]
        ax.vlines([b[0] for b in barred], lows, [b[2] for b in barred], color=look.color, linewidth=1.3, zorder=3)
    for hollow, ringed in ((False, False), (False, True), (True, False), (True, True)):
        some = [dot for dot in dots if (dot.hollow, dot.ringed) == (hollow, ringed)]
        if some:
            edge = look.color if hollow else ink.text if ringed else ink.paper
            _markers(ax, some, look, face=ink.paper if hollow else look.color, edge=edge, label=label + "~" * hollow)


def _markers(ax: Axes, dots: Sequence[Dot], look: Look, *, face: str, edge: str, label: str) -> None:
    ax.plot(
        [dot.x for dot in dots],
        [dot.y for dot in dots],
        linestyle="none",
        marker=look.marker,
        markersize=5.5,
        markerfacecolor=face,
        markeredgecolor=edge,
        markeredgewidth=0.9,
        clip_on=False,
        zorder=4,
        label=label,
    )


def spread(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Positions as near as can be to those `wanted`, in their order, at least `distance` apart within the limits.

    Least squares under the order: adjacent positions that would be too near are pooled and share their mean. Where
    the space is too small for all, they are set evenly.

    Examples
    --------
    >>> spread([0.5, 0.5, 0.875], 0.125, 0.0, 1.0)
    [0.4375, 0.5625, 0.875]
    """
    if not wanted:
        return []
    room = high - low
    distance = min(distance, room / max(1, len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    pools: list[tuple[float, int]] = []  # mean, members
    for place, i in enumerate(order):
        mean, count = wanted[i] - place * distance, 1
        while pools and pools[-1][0] > mean:
            before, members = pools.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    top = high - (len(wanted) - 1) * distance
    placed = [0.0] * len(wanted)
    for place, i in enumerate(order):
        placed[i] = min(max(flat[place], low), top) + place * distance
    return placed


def direct_labels(sheet: Sheet, ax: Axes, labels: Sequence[EndLabel]) -> None:
    """Names in a column right of `ax`, each led to from the end of its line; the limits must be set before."""
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = [to_axes.transform((label.x, label.y)) for label in labels]
    box = ax.get_position()
    inch_x, inch_y = 1 / (box.width * WIDTH), 1 / (box.height * sheet.figure.get_figheight())
    places = spread([float(y) for _, y in ends], PITCH * inch_y, 0.0, 1.0)
    for label, (x, y), place in zip(labels, ends, places, strict=True):
        # Inside the axes a leader must not be taken for a line of data: grey and dotted, whatever it leads to.
        inside, outside = ([x, max(x, 1.0)], [y, y]), ([max(x, 1.0), 1 + 0.16 * inch_x], [y, place])
        for path, color, gaps in ((inside, sheet.ink.muted, 4.0), (outside, label.look.color, 0.0)):
            leader = Line2D(*path, transform=ax.transAxes, color=color, linewidth=0.6, alpha=0.6, zorder=1)
            leader.set_linestyle((0, (1.0, gaps)) if gaps else "-")
            leader.set_clip_on(False)
            ax.add_line(leader)
        mark = ([1 + 0.22 * inch_x], [place])
        ax.plot(*mark, label.look.marker, transform=ax.transAxes, color=label.look.color, markersize=5, clip_on=False)
        ax.text(
            1 + 0.32 * inch_x,
            place,
            label.text,
            transform=ax.transAxes,
            size=9,
            va="center_baseline",
            color=label.look.label,
        )
