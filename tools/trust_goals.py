"""What verdicts have to keep, and whether what was measured says that they do: no figure here is typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

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

Word = Literal["met", "met; the bound is not yet", "missed", "open"]
Known = tuple[float, Verdict]  # true ratio, and what was made of it


class Goal(NamedTuple):
    """What is asked for, what came, and whether that is it.

    A goal is met by the rate that was seen, and where it asks for the bound, by that; 'met; the bound is not yet' where
    it does not ask, and the bound does not keep it. 'open' where there are too few comparisons to say.
    """

    title: str
    asked: str
    seen: str
    bound: str  # of 95 %; empty where there is none to tell
    word: Word

    @property
    def came(self) -> str:
        """What was seen, and its bound."""
        return f"{self.seen} (95 % bound: {self.bound})" if self.bound else self.seen


class Measured(NamedTuple):
    """Comparisons whose truth is known, by what the machine suffered meanwhile."""

    same: Sequence[Verdict]
    injected: Sequence[Known]
    disturbed: Sequence[Verdict]


def _seen(hits: int, trials: int) -> str:
    """Counts and rate: ``168 of 170, 98.8 %``."""
    return f"{hits} of {trials}, {100 * hits / trials:.3g} %" if trials else NOTHING


def _at_least(hits: int, trials: int) -> float:
    return 1 - upper_bound(trials - hits, trials)


def _told_at_least(hits: int, trials: int) -> str:
    return f"at least {100 * _at_least(hits, trials):.1f} %" if trials else ""


def _said(found: Tally) -> int:
    """Comparisons that said something: of an INVALID one nothing can be wrong."""
    return found.comparisons - found.invalid


def _at_most(wrong: int, trials: int) -> str:
    return f"at most {format_percent(upper_bound(wrong, trials))}" if trials else ""


def _seen_alarms(found: Tally) -> str:
    invalid = f"; {found.invalid} of {found.comparisons} INVALID" if found.invalid else ""
    return f"{_seen(found.wrong, _said(found))}{invalid}" if found.comparisons else NOTHING


def _by_rate(count: int, *, rate_met: bool, bound_met: bool) -> Word:
    """The word on a goal that asks for the rate alone."""
    if count < DECIDED_NEEDED:
        return "open"
    if not rate_met:
        return "missed"
    return "met" if bound_met else "met; the bound is not yet"


def _alarms(found: Tally) -> Goal:
    """Bounded from above; missed where even a clean rest would not bring the bound down."""
    wrong, count = found.wrong, found.comparisons
    asked = f"at most {format_percent(FALSE_ALARMS)} with 95 % confidence, of {SAME_NEEDED} or more"
    word: Word = "met" if count >= SAME_NEEDED else "open"
    if word == "met" and upper_bound(wrong, _said(found)) > FALSE_ALARMS:
        word = "open"
    if upper_bound(wrong, max(count, SAME_NEEDED)) > FALSE_ALARMS:
        word = "missed"
    bound = _at_most(wrong, _said(found))
    return Goal("identical code called different", asked, _seen_alarms(found), bound, word)


def _disturbed(found: Tally) -> Goal:
    wrong, count = found.wrong, _said(found)
    is_bound = count > 0 and upper_bound(wrong, count) <= FALSE_ALARMS
    word = _by_rate(count, rate_met=wrong <= FALSE_ALARMS * count, bound_met=is_bound)
    title = "identical code called different on a disturbed machine"
    asked = f"at most {format_percent(FALSE_ALARMS)} of them"
    return Goal(title, asked, _seen_alarms(found), _at_most(wrong, count), word)


def _power(found: Sequence[Tally]) -> Goal:
    """Of the decided; how many are not stands beside it."""
    hits, decided = sum(each.found for each in found), sum(each.decided for each in found)
    every = sum(each.comparisons for each in found)
    parts = [_seen(hits, decided)] if decided or not every else []
    parts += [f"{every - decided} of {every} undecided"] if every else []
    is_bound = decided > 0 and _at_least(hits, decided) >= POWER
    word = _by_rate(decided, rate_met=hits >= POWER * decided, bound_met=is_bound)
    title = f"a change of {100 * (CHANGE - 1):.0f} % found where decided"
    asked = f"{format_percent(POWER)} or more of the decided"
    return Goal(title, asked, "; ".join(parts), _told_at_least(hits, decided), word)


def _signs(found: Sequence[Tally]) -> Goal:
    """None at all: a rate, whose bound can say how rare it is and never that there is none."""
    wrong, signs = sum(each.wrong for each in found), sum(each.claims for each in found)
    every = sum(each.comparisons for each in found)
    word = _by_rate(signs, rate_met=not wrong, bound_met=True)
    without = f"; {every - signs} of {every} told without a sign" if signs < every else ""
    seen = f"{_seen(wrong, signs)}{without}" if every else NOTHING
    return Goal("a change of 1 to 5 % told with the wrong sign", "none seen", seen, _at_most(wrong, signs), word)


def _coverage(found: Sequence[Tally]) -> Goal:
    held, count = sum(each.covered for each in found), sum(each.intervals for each in found)
    is_bound = count > 0 and _at_least(held, count) >= COVERAGE
    word = _by_rate(count, rate_met=held >= COVERAGE * count, bound_met=is_bound)
    asked = f"{format_percent(COVERAGE)} or more"
    return Goal("intervals that hold the known ratio", asked, _seen(held, count), _told_at_least(held, count), word)


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
    return render_markdown(("what", "asked for", "seen", "bound (95 %)", ""), [tuple(each) for each in goals])


def summary(goals: Sequence[Goal]) -> str:
    """What is kept, what is kept by the rate and not yet by its bound, what is not, and what can't be said yet."""
    told = {word: "; ".join(_told(each) for each in goals if each.word == word) for word in get_args(Word)}
    rated = told["met; the bound is not yet"]
    whole = "All that is asked for is kept" if all(each.word.startswith("met") for each in goals) else "Kept"
    lines = [f"{whole}: {told['met']}."] if told["met"] else []
    kept = "Kept by the rate that was seen, as is asked for, though not yet by its bound"
    lines += [f"{kept}: {rated}."] if rated else []
    lines += [f"Missed: {told['missed']}."] if told["missed"] else []
    lines += [f"Too few comparisons to say: {told['open']}."] if told["open"] else []
    return " ".join(lines)


def _told(goal: Goal) -> str:
    asked = f", where {goal.asked} is asked for" if goal.word == "missed" else ""
    return f"{goal.title}: {goal.came}{asked}"
