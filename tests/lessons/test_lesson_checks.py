"""What is said of a reader's answer."""

import numpy as np
import pytest

from matbench.present.checking import check, tried


@pytest.mark.parametrize("nothing", [..., None, [1.0, ...], (..., 2), {"a": 1, "b": ...}])
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
    assert repr(verdict).startswith("✗ Not yet: ")
    assert repr(verdict).endswith("look again")


def test_a_function_may_judge():
    assert check(4, lambda answer: answer % 2 == 0).right is True
    assert check(5, lambda answer: answer % 2 == 0).right is False


@pytest.mark.parametrize(
    ("answer", "expected", "sentence"),
    [
        (np.ones(3), np.ones((3, 1)), "its shape is (3,) and should be (3, 1)"),
        (np.ones(2), 1.0, "its shape is (2,) and should be ()"),
        ([[1, 2], [3]], np.ones(2), "its rows differ in length"),
        ("a text", 1.0, "it holds no numbers"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "look again at b"),
        (1, lambda answer: answer.shape == (1,), "it can't be judged, for \"'int' object has no attribute 'shape'\""),
        (tried(np.add, np.ones((2, 3)), np.ones(2)), 1.0, 'your function raises "operands could not be broadcast'),
        ([1.0, tried(np.linalg.inv, np.ones((2, 2)))], np.ones(2), 'your function raises "Singular matrix"'),
        (tried(lambda: {}[1]), 1.0, 'your function raises "1"'),
        (tried(lambda: next(iter([]), 1) / 0), 1.0, 'your function raises "'),
    ],
)
def test_a_fault_that_has_a_name_is_told_by_it_in_one_sentence(answer, expected, sentence):
    told = check(answer, expected, "a hint")
    assert told.right is False
    assert told.text.startswith(f"Not yet: {sentence}")
    assert told.text.endswith("; a hint")
    assert "\n" not in told.text


def test_an_answer_that_lacks_a_part_is_not_right():
    told = check({"a": 1}, {"a": 1, "b": 2})
    assert (told.right, told.text) == (False, "Not yet: look again at b")
    assert check({}, {"a": 1}).right is False
    assert check({"a": 1, "c": 3}, {"a": 1}).right is True
    assert check(5, {"a": 1}).right is False


def test_what_a_function_returns_is_judged_as_it_is():
    assert check(tried(np.mean, [1.0, 3.0]), 2.0).right is True
    assert check(tried(lambda: ...), 2.0).right is None
