"""Which cells of a comparison are still open when its time is over."""

from __future__ import annotations

import msgspec
import pytest
from pair_examples import record, spread

from matbench.analyse.pairs import undecided, verdicts
from matbench.pairing import Refusal, Settings


@pytest.mark.parametrize(
    ("logs", "word", "is_open"),
    [
        (spread(0.0, 0.1), "INCONCLUSIVE", True),
        (spread(0.02, 0.004), "FASTER", False),
        (spread(0.5, 0.2), "FASTER", False),  # wide, and decided all the same
        (spread(0.0, 0.004), "EQUIVALENT", False),
        (spread(0.0, 0.02, 7), "INCONCLUSIVE", True),  # too few processes for an interval
    ],
)
def test_open_is_what_more_time_may_decide(logs, word, is_open):
    made = record(logs)
    assert verdicts(made)[0].word == word
    assert undecided(made) == ((0,) if is_open else ())


def test_a_narrow_interval_about_a_difference_below_the_floor_stays_as_it_is():
    made = msgspec.structs.replace(record(spread(0.03, 0.004)), header=_with_floor(record(spread(0.03, 0.004)), 0.05))
    assert verdicts(made)[0].word == "INCONCLUSIVE"
    assert undecided(made) == ()
    cut = record(spread(0.03, 0.004), settings=Settings(processes=20))
    assert undecided(msgspec.structs.replace(cut, header=_with_floor(cut, 0.05))) == (0,)


def _with_floor(made, floor):
    return msgspec.structs.replace(made.header, floor=floor)


def test_each_cell_is_asked_for_itself_and_a_refused_one_is_not_open():
    made = record(spread(0.5, 0.004), spread(0.0, 0.2), spread(0.0, 0.2), refusals=(Refusal(2, "wrong", "it prints"),))
    assert undecided(made) == (1,)
