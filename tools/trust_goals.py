"""What verdicts have to keep, and whether what was measured says that they do: no figure here is typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from matbench.analyse.pairs import Verdict
from matbench.analyse.statistics import upper_bound
from matbench.analyse.trust import SAME, Tally, tally
from matbench.present.tables import render_markdown
from matbench.units import format_percent

__all__ = ["Goal", "Known", "Measured", "goals_of", "goals_table", "summary"]

FALSE_ALARMS = 0.016  # upper bound of their rate among identical code
POWER, CHANGE = 0.95, 1.02  # of decided comparisons find such a change
COVERAGE = 0.97  # of intervals hold the truth
SAME_NEEDED, DECIDED_NEEDED = 300, 40  # comparisons: fewer can't show what is asked for, or say little

NOTHING = "not yet measured"

Word = Literal["met", "missed", "open"]
Known = tuple[float, Verdict]  # true ratio, and what was made of it


class Goal(NamedTuple):
    """What is asked for, what came, and whether that is it; 'open' where there are too few comparisons to say."""

    title: str
    asked: str
    came: str
    word: Word


class Measured(NamedTuple):
    """Comparisons whose truth is known, by what the machine suffered meanwhile."""

    same: Sequence[Verdict]
    injected: Sequence[Known]
    disturbed: Sequence[Verdict]


def _rate(hits: int, trials: int) -> str:
    return f"{hits} of {trials}"


def _at_least(hits: int, trials: int) -> str:
    if not trials:
        return NOTHING
    return f"{_rate(hits, trials)}: at least {100 * (1 - upper_bound(trials - hits, trials)):.1f} %"


def _at_most(found: Tally) -> str:
    if not found.comparisons:
        return NOTHING
    return f"{_rate(found.wrong, found.comparisons)}: at most {format_percent(found.wrong_at_most)}"


def _alarms(found: Tally) -> Goal:
    """Bounded from above; missed where even a clean rest would not bring the bound down."""
    wrong, count = found.wrong, found.comparisons
    asked = f"at most {format_percent(FALSE_ALARMS)} with 95 % confidence, of {SAME_NEEDED} or more"
    came = _at_most(found)
    word: Word = "met" if count >= SAME_NEEDED else "open"
    if upper_bound(wrong, max(count, SAME_NEEDED)) > FALSE_ALARMS:
        word = "missed"
    return Goal("identical code called different", asked, came, word)


def _disturbed(found: Tally) -> Goal:
    """By its rate: the bound stands beside it."""
    came = _at_most(found)
    is_met = found.wrong <= FALSE_ALARMS * found.comparisons
    word: Word = ("met" if is_met else "missed") if found.comparisons >= DECIDED_NEEDED else "open"
    title = "identical code called different on a disturbed machine"
    return Goal(title, f"at most {format_percent(FALSE_ALARMS)} of them", came, word)


def _power(found: Sequence[Tally]) -> Goal:
    """By the decided; how many are not stands beside it."""
    hits, decided = sum(each.found for each in found), sum(each.decided for each in found)
    every = sum(each.comparisons for each in found)
    parts = [_at_least(hits, decided)] if decided or not every else []
    parts += [f"{every - decided} of {every} undecided"] if every else []
    word: Word = ("met" if hits >= POWER * decided else "missed") if decided >= DECIDED_NEEDED else "open"
    asked = f"{format_percent(POWER)} or more of the decided"
    return Goal(f"a change of {100 * (CHANGE - 1):.0f} % found where decided", asked, "; ".join(parts), word)


def _signs(found: Sequence[Tally]) -> Goal:
    wrong, count = sum(each.wrong for each in found), sum(each.comparisons for each in found)
    word: Word = "missed" if wrong else "met" if count >= DECIDED_NEEDED else "open"
    came = _rate(wrong, count) if count else NOTHING
    return Goal("a change of 1 to 5 % told with the wrong sign", "none", came, word)


def _coverage(found: Sequence[Tally]) -> Goal:
    held, count = sum(each.covered for each in found), sum(each.intervals for each in found)
    came = _at_least(held, count)
    word: Word = ("met" if held >= COVERAGE * count else "missed") if count >= DECIDED_NEEDED else "open"
    return Goal("intervals that hold the known ratio", f"{format_percent(COVERAGE)} or more", came, word)


def goals_of(measured: Measured) -> tuple[Goal, ...]:
    """Every goal, and what real comparisons say of it."""
    truths = sorted({truth for truth, _ in measured.injected})
    injected = [tally([each for known, each in measured.injected if known == truth], truth) for truth in truths]
    changed = [each for each in injected if math.isclose(max(each.truth, 1 / each.truth), CHANGE)]
    return (
        _alarms(tally(measured.same, SAME)),
        _power(changed),
        _signs(injected),
        _coverage(injected),
        _disturbed(tally(measured.disturbed, SAME)),
    )


def goals_table(goals: Iterable[Goal]) -> str:
    """One row a goal."""
    return render_markdown(("what", "asked for", "came", ""), [tuple(each) for each in goals])


def summary(goals: Sequence[Goal]) -> str:
    """What is kept, what is not, and what can't be said yet."""
    told = [f"{each.title}: {each.came}" for each in goals if each.word == "met"]
    missed = [f"{each.title}: {each.came}, where {each.asked} is asked for" for each in goals if each.word == "missed"]
    unknown = [f"{each.title}: {each.came}" for each in goals if each.word == "open"]
    whole = "All that is asked for is kept" if len(told) == len(goals) else "Kept"
    lines = [f"{whole}: {'; '.join(told)}."] if told else []
    lines += [f"Missed: {'; '.join(missed)}."] if missed else []
    lines += [f"Too few comparisons to say: {'; '.join(unknown)}."] if unknown else []
    return " ".join(lines)
