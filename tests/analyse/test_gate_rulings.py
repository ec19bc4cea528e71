"""What a gate makes of intervals: it fails for what is slower, passes what is not, and is in doubt otherwise."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pair_examples
import pytest
from pair_examples import spread

from matbench.analyse.gate import doubtful, rulings
from matbench.analyse.pairs import for_table, verdicts
from matbench.analyse.worlds import WORLDS, Harness, one_process, times
from matbench.measure.order import orders
from matbench.pairing import Refusal, Settings

HARNESS = Harness(orders)
replace = msgspec.structs.replace


def record(*cells, settings=None, refusals=()):
    """A record of one cell for each list of log-ratios, one process a value, compared with a claim of 5 %."""
    return pair_examples.record(*cells, settings=settings or Settings(claim=0.05), refusals=refusals)


def outcome(logs, factor=1.0, margin=0.05):
    return rulings(record(logs), [factor], margin)[0].outcome


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (spread(0.0, 0.004), "pass"),  # EQUIVALENT
        (spread(0.5, 0.004), "pass"),  # FASTER
        (spread(-0.03, 0.02), "pass"),  # slower, within the margin
        (spread(-0.10, 0.02), "fail"),  # SLOWER
        (spread(-0.05, 0.06), "doubt"),  # astride the margin
        (spread(-0.0495, 0.001), "doubt"),  # beyond the margin by less than the floor
        (spread(0.0, 0.4), "doubt"),  # as wide as that
        (spread(0.2, 0.4), "pass"),  # wide, and all of it fast enough
        (spread(-0.10, 0.02, 7), "doubt"),  # too few for an interval
    ],
)
def test_only_what_is_surely_slower_than_the_margin_fails(logs, expected):
    assert outcome(logs) == expected


@pytest.mark.parametrize(
    ("factor", "expected"), [(90, "pass"), (100, "pass"), (104, "pass"), (105.5, "doubt"), (120, "fail")]
)
def test_a_claimed_factor_is_missed_only_by_more_than_the_margin(factor, expected):
    assert outcome(spread(math.log(100), 0.02), factor) == expected


@pytest.mark.parametrize("centre", [-0.2, -0.08, -0.05, -0.02, 0.0, 0.02, 0.05, 0.08, 0.2])
@pytest.mark.parametrize("width", [0.001, 0.02, 0.2])
def test_against_a_baseline_it_agrees_with_the_verdict_of_the_same_margin(centre, width):
    made = record(spread(centre, width))
    [verdict], [ruling] = verdicts(made), rulings(made, [1.0], 0.05)
    expected = {"SLOWER": {"fail"}, "FASTER": {"pass"}, "EQUIVALENT": {"pass"}, "INCONCLUSIVE": {"pass", "doubt"}}
    assert ruling.outcome in expected[verdict.word]


@pytest.mark.parametrize(
    ("logs", "factor", "word", "made_of_it", "is_open"),
    [
        (spread(0.0232, 0.131), 1.0, "INCONCLUSIVE", "pass", False),  # 0.97 to 1.08: open for a verdict alone
        (spread(0.425, 0.4), 1.5, "FASTER", "doubt", True),  # 1.3 to 1.8: open for the gate alone
        (spread(0.0, 0.4), 1.0, "INCONCLUSIVE", "doubt", True),
        (spread(math.log(1.5), 0.004), 1.5, "FASTER", "doubt", False),  # no narrower interval would be taken
    ],
)
def test_more_time_may_decide_what_is_in_doubt_whatever_the_verdict_is(logs, factor, word, made_of_it, is_open):
    made = record(logs)
    [ruling] = rulings(made, [factor], 0.05, stated=False)
    assert (ruling.verdict.word, ruling.outcome) == (word, made_of_it)
    assert doubtful(made, [factor], 0.05, stated=False) == ((0,) if is_open else ())


def test_a_round_that_was_cut_short_leaves_what_is_in_doubt_open_however_narrow_it_is():
    made = record(spread(math.log(1.5), 0.004), settings=Settings(claim=0.05, processes=20))
    assert doubtful(made, [1.5], 0.05, stated=False) == (0,)


def test_an_invalid_comparison_is_in_doubt():
    lost = replace(record(spread(0.0, 0.004)), processes=())
    [ruling] = rulings(lost, [1.0], 0.05)
    assert ruling.verdict.word == "INVALID"
    assert ruling.outcome == "doubt"
    assert doubtful(lost, [1.0], 0.05) == ()  # more of the same does not mend it


def test_code_that_computes_a_wrong_result_fails_and_what_can_not_run_is_not_compared():
    refusals = [Refusal(0, "wrong", "f computes a wrong result"), Refusal(1, "skipped", "f needs avx2")]
    found = rulings(record([0.0], [0.0], spread(0.0, 0.004), refusals=refusals), [1.0] * 3, 0.05)
    assert [each.outcome for each in found] == ["fail", "none", "pass"]
    assert found[0].reason == "f computes a wrong result"


def test_a_wrong_result_of_the_baseline_is_no_failure_of_the_code_that_is_checked():
    refusals = [Refusal(place, "wrong", "f is wrong", arm) for place, arm in enumerate(("a", "b", None))]
    found = rulings(record([0.0], [0.0], [0.0], refusals=refusals), [1.0] * 3, 0.05)
    assert [each.outcome for each in found] == ["fail", "none", "fail"]


def test_a_margin_that_nobody_stated_is_not_added_to_a_claim():
    made = record(spread(math.log(97), 0.004), spread(-0.03, 0.004))
    stated, silent = (rulings(made, [100.0, 1.0], 0.05, stated=each) for each in (True, False))
    assert [(each.outcome, each.margin) for each in stated] == [("pass", 0.05), ("pass", 0.05)]
    assert [(each.outcome, each.margin) for each in silent] == [("fail", 0.0), ("pass", 0.05)]
    assert "margin" not in silent[0].reason


def test_among_many_rows_one_dissenter_is_too_many_until_there_are_more_processes():
    slow = [*spread(-0.10, 0.02, 11), 0.0]
    alone, among = record(slow), record(slow, *[spread(0.0, 0.004)] * 7)
    assert rulings(alone, [1.0], 0.05)[0].outcome == "fail"
    assert rulings(among, [1.0] * 8, 0.05)[0].outcome == "doubt"
    count = for_table(Settings(claim=0.05), 8).processes
    slow = [*spread(-0.10, 0.02, count - 1), 0.0]
    wider = record(slow, *[spread(0.0, 0.004, count)] * 7)
    assert rulings(wider, [1.0] * 8, 0.05)[0].outcome == "fail"


def test_reasons_name_what_was_demanded():
    [passed] = rulings(record(spread(0.0, 0.004)), [1.0], 0.05)
    assert "no slower than B" in passed.reason
    [failed] = rulings(record(spread(math.log(50), 0.004)), [100.0], 0.05)
    assert "at least 100×" in failed.reason
    assert "beyond the margin of 5.0 %" in failed.reason
    [doubtful] = rulings(record(spread(-0.05, 0.06)), [1.0], 0.05)
    assert "leaves open" in doubtful.reason


@pytest.mark.parametrize("world", WORLDS)
def test_identical_code_never_fails_a_gate_in(world):
    rng = np.random.default_rng(7)
    for _ in range(20):
        arms = HARNESS.schedules[rng.integers(len(HARNESS.schedules), size=12)]
        elapsed, cpu = times(HARNESS, WORLDS[world](rng, arms), arms, 1.0)
        parts = [one_process(HARNESS.settings, index, arms[index], elapsed[index], cpu[index]) for index in range(12)]
        whole = replace(
            parts[0],
            processes=tuple(each for part in parts for each in part.processes),
            blocks=tuple(each for part in parts for each in part.blocks),
        )
        assert rulings(whole, [1.0], 0.02)[0].outcome != "fail"
