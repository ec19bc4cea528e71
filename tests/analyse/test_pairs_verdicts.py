"""Verdicts from the numbers of the processes: each word, each reason, and what may not decide."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.pair_blocks import ProcessValue, Reduction, Void
from matbench.analyse.pairs import fastest, is_narrow, judge
from matbench.analyse.statistics import holm
from matbench.analyse.trust import tally
from matbench.model import Problem
from matbench.pairing import Cell, Settings

CELL = Cell(Problem(m=64, n=64, k=64), 1, "left", "right")
SETTINGS = Settings()


def spread(middle, width, count=12):
    """Values around `middle`, as wide as `width` in all; their median is `middle`."""
    return [middle + width * (place / (count - 1) - 0.5) for place in range(count)]


def reduction(ratios, controls=None, void=0, cell=CELL):
    """Of as many processes as there are ratios."""
    controls = spread(0.0, 0.002, len(ratios)) if controls is None else controls
    values = tuple(
        ProcessValue(index, ratio, control, math.log(1e-3), math.log(1e-3) + ratio, 16)
        for index, (ratio, control) in enumerate(zip(ratios, controls, strict=True))
    )
    lost = tuple(Void(100 + index, "the processor was taken away") for index in range(void))
    return Reduction(cell, values, lost, 16 * len(ratios), ())


def verdict(*arguments, settings=SETTINGS, floor=None, **options):
    """On one comparison."""
    return judge([reduction(*arguments, **options)], settings, floor)[0]


@pytest.mark.parametrize(
    ("ratios", "word"),
    [
        (spread(0.02, 0.004), "FASTER"),
        (spread(-0.02, 0.004), "SLOWER"),
        (spread(0.0, 0.004), "EQUIVALENT"),
        (spread(0.004, 0.002), "EQUIVALENT"),
        (spread(0.0, 0.1), "INCONCLUSIVE"),
        (spread(0.02, 0.08), "INCONCLUSIVE"),
        (spread(4.6, 0.1), "FASTER"),
        (spread(0.02, 0.004, 7), "INCONCLUSIVE"),
    ],
)
def test_the_word_follows_from_interval_and_floor(ratios, word):
    found = verdict(ratios)
    assert found.word == word
    assert found.ratio.estimate == pytest.approx(math.exp(ratios[0] / 2 + ratios[-1] / 2))


def test_the_ratio_is_the_time_of_b_over_the_time_of_a_and_the_word_about_a():
    found = verdict(spread(math.log(2), 0.01))
    assert found.word == "FASTER"
    assert found.ratio.estimate == pytest.approx(2)
    assert found.seconds_b.estimate == pytest.approx(2 * found.seconds_a.estimate)


def test_one_dissenter_in_twelve_is_allowed_and_two_are_not():
    agreed = spread(0.02, 0.004)
    assert verdict([*agreed[:11], -0.02]).word == "FASTER"
    assert verdict([*agreed[:10], -0.02, -0.021]).word == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("ratios", "options", "words"),
    [
        (spread(0.012, 0.002), {"floor": 0.015}, "no more than the 1.5 % that identical code"),
        (spread(0.02, 0.004, 7), {}, "7 processes are too few for an interval of 99 %: it takes 8"),
        (spread(0.0, 0.1), {}, "leaves open"),
        (spread(0.02, 0.004), {}, "A is faster by 2.0 %"),
        (spread(-0.02, 0.004), {}, "A is slower by 2.0 %"),
        (spread(0.0, 0.004), {}, "within 1.0 % of equal"),
        (spread(0.02, 0.004), {"void": 5}, "5 of 17 processes had to be set aside, mostly because: the processor"),
        ([], {"void": 3}, "3 of 3 processes"),
        ([], {}, "no process"),
        (spread(0.02, 0.004), {"controls": spread(0.008, 0.004)}, "differs from its own clone by 0.80 %"),
        (spread(0.02, 0.004), {"controls": [None] * 12}, "not compared with its own clone"),
    ],
)
def test_the_reason_is_said_in_a_sentence(ratios, options, words):
    assert words in verdict(ratios, **options).reason


@pytest.mark.parametrize(
    ("control", "word"),
    [
        (spread(0.0, 0.01), "FASTER"),  # noisy, and around none
        (spread(0.003, 0.001), "FASTER"),  # off, but by less than what is ever claimed
        (spread(0.008, 0.004), "INVALID"),
        (spread(-0.008, 0.004), "INVALID"),
        (spread(0.0, 0.06), "INCONCLUSIVE"),  # so noisy that the difference may be its own
    ],
)
def test_the_control_can_take_a_verdict_away(control, word):
    assert verdict(spread(0.02, 0.004), control).word == word


def test_an_offset_of_the_control_does_not_matter_to_a_factor():
    assert verdict(spread(math.log(100), 0.05), spread(0.008, 0.004)).word == "FASTER"


def test_a_quarter_of_the_processes_may_be_void():
    assert verdict(spread(0.02, 0.004), void=4).word == "FASTER"
    assert verdict(spread(0.02, 0.004), void=5).word == "INVALID"


def test_the_machine_s_own_spread_is_a_floor():
    assert verdict(spread(0.02, 0.004), floor=0.019).word == "FASTER"
    assert verdict(spread(0.02, 0.004), floor=0.021).word == "INCONCLUSIVE"
    assert verdict(spread(0.02, 0.004), floor=0.021).floor == pytest.approx(math.expm1(0.021))


@pytest.mark.parametrize(
    ("estimate", "word"),
    [(0.05, "FASTER"), (0.0197, "INCONCLUSIVE"), (0.01, "EQUIVALENT"), (-0.01, "EQUIVALENT"), (-0.05, "SLOWER")],
)
def test_a_claim_is_a_margin_on_both_sides(estimate, word):
    settings = msgspec.structs.replace(SETTINGS, claim=0.02)
    assert verdict(spread(estimate, 0.004), settings=settings).word == word


def test_a_margin_has_to_be_exceeded_by_more_than_the_floor():
    settings = msgspec.structs.replace(SETTINGS, claim=0.02)
    assert verdict(spread(0.024, 0.004), settings=settings).word == "INCONCLUSIVE"
    assert verdict(spread(0.026, 0.004), settings=settings).word == "FASTER"


def test_holm_s_correction_asks_more_of_several_rows():
    dissent = [*spread(0.02, 0.004)[:11], -0.02]  # p = 0.0063
    assert judge([reduction(dissent)], SETTINGS)[0].word == "FASTER"
    two = judge([reduction(dissent), reduction(spread(0.0, 0.004))], SETTINGS)
    assert [each.word for each in two] == ["INCONCLUSIVE", "EQUIVALENT"]
    assert "among 2 comparisons" in two[0].reason


def test_refused_rows_are_invalid_and_do_not_count_for_the_correction():
    dissent = [*spread(0.02, 0.004)[:11], -0.02]
    found = judge([reduction(dissent), reduction(spread(0.0, 0.004))], SETTINGS, None, [None, "right raised an error"])
    assert [each.word for each in found] == ["FASTER", "INVALID"]
    assert found[1].reason == "right raised an error"
    assert found[1].ratio is None


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values):
    adjusted = holm(values)
    assert all(value <= each <= 1 for value, each in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[index] for index in order] == sorted(adjusted)


ratios = st.lists(st.floats(-0.1, 0.1), min_size=8, max_size=20)
WORDS = {"FASTER": "SLOWER", "SLOWER": "FASTER"}


@given(ratios)
def test_arms_swapped_give_the_opposite_word(values):
    still = [0.0] * len(values)
    there, back = verdict(values, still), verdict([-each for each in values], still)
    assert back.word == WORDS.get(there.word, there.word)
    assert back.ratio.estimate == pytest.approx(1 / there.ratio.estimate)


@given(ratios, st.randoms(use_true_random=False))
def test_the_order_of_processes_does_not_matter(values, random):
    still = [0.0] * len(values)
    assert verdict(random.sample(values, len(values)), still).word == verdict(values, still).word


def test_width_alone_tells_whether_it_is_enough():
    assert is_narrow(reduction(spread(0.0, 0.01)), SETTINGS)
    assert is_narrow(reduction(spread(0.03, 0.01)), SETTINGS)
    assert not is_narrow(reduction(spread(0.03, 0.02)), SETTINGS)  # significant, yet wide
    assert is_narrow(reduction(spread(4.6, 0.1)), SETTINGS)  # a fiftieth of the difference will do
    assert not is_narrow(reduction(spread(0.0, 0.01), spread(0.0, 0.02)), SETTINGS)
    assert not is_narrow(reduction([0.0] * 7, [0.0] * 7), SETTINGS)
    assert not is_narrow(reduction([]), SETTINGS)


def test_the_fastest_is_told_only_if_it_is_ahead_of_the_runner_up():
    def row(a, b, log):
        return verdict(spread(log, 0.004), cell=Cell(CELL.problem, 1, a, b))

    def placed(found, a, b):
        interval = type(found.ratio)
        return msgspec.structs.replace(found, seconds_a=interval(a), seconds_b=interval(b))

    slow = placed(row("first", "third", 1.0), 1.0, 2.7)
    ahead = placed(row("first", "second", 0.05), 1.0, 1.05)
    level = placed(row("first", "second", 0.0), 1.0, 1.0001)
    assert fastest([slow, ahead]) == "first"
    assert fastest([slow, placed(row("second", "first", -0.05), 1.05, 1.0)]) == "first"
    assert fastest([slow, level]) is None
    assert (
        fastest([placed(row("third", "first", -1.0), 2.7, 1.0), placed(row("third", "second", -1.0), 2.7, 1.1)]) is None
    )
    assert fastest([]) is None


def test_a_tally_counts_words_and_intervals_that_hold_the_truth():
    found = [verdict(spread(log, 0.004)) for log in (0.02, 0.021, -0.02, 0.0)] + [verdict([])]
    counted = tally(found, math.exp(0.02))
    assert (counted.comparisons, counted.found, counted.wrong, counted.equivalent, counted.invalid) == (5, 2, 1, 1, 1)
    assert (counted.intervals, counted.covered, counted.decided) == (4, 2, 4)
    assert counted.processes == 12
    assert tally(found).wrong == 3


def test_the_upper_bound_of_a_rate_never_seen_is_the_rule_of_three():
    assert tally([verdict(spread(0.0, 0.004))] * 300).wrong_at_most == pytest.approx(0.00994, abs=1e-5)
