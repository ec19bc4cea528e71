"""What is said of a reader's answer."""

import numpy as np
import pytest

from matbench.present.checking import check


@pytest.mark.parametrize("nothing", [..., None])
def test_without_an_answer_it_is_the_readers_turn(nothing):
    assert check(nothing, 3).right is None
    assert repr(check(nothing, 3)).startswith("…")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((3, 4), (3, 4)),
        ("median", "median"),
        (8, 8),
        (0.1 + 0.2, 0.3),
        (1, 1.0),
        ([1.0, 2.0], np.array([1.0, 2.0 + 1e-12])),
        ([[1, 2]], np.array([[1, 2]])),
    ],
)
def test_a_right_answer_is_right(answer, expected):
    assert check(answer, expected).right is True


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((4, 3), (3, 4)),
        ([3, 4], (3, 4)),
        (True, 1),
        (0.31, 0.3),
        ("a text", 1.0),
        ([[1, 2], [3]], np.array([1.0, 2.0])),
        (np.ones(3), np.ones((3, 1))),
        (1.0, np.ones(4)),
        ("median", "mean"),
        (np.array([True, False]), True),
    ],
)
def test_a_wrong_answer_is_not(answer, expected):
    verdict = check(answer, expected, "look again")
    assert verdict.right is False
    assert repr(verdict) == "✗ Not yet: look again"


def test_a_function_may_judge():
    assert check(4, lambda answer: answer % 2 == 0).right is True
    assert check(5, lambda answer: answer % 2 == 0).right is False
