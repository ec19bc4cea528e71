"""What a lesson says of a reader's answer: right, not yet, or that it is the reader's turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matbench.present.words import clean, listed

__all__ = ["Verdict", "check", "tried"]

YOUR_TURN = "Your turn: put your answer in place of the three dots, run that cell, then this one."
# What operands of a wrong shape, type or size raise in an answer, or in the judging of it.
WRONG = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; a notebook shows its text.

    Attributes
    ----------
    right
        Whether it is right; None while there is no answer.
    text
        One line.
    """

    right: bool | None
    text: str

    def __repr__(self) -> str:
        """The text, with a mark that needs no colour."""
        return f"{ {None: '…', True: '✓', False: '✗'}[self.right] } {self.text}"


@dataclass(frozen=True)
class Raised:
    """The error that an answer ended in.

    Attributes
    ----------
    words
        What `check` says of it.
    """

    words: str


def tried(function: Callable[..., Any], *arguments: object) -> object:
    """What a reader's function makes of some arguments; an error that it raises comes back as a value for `check`.

    Examples
    --------
    >>> tried(abs, -2)
    2
    >>> check(tried(lambda M: M + np.ones(2), np.ones((2, 3))), np.ones((2, 3)), "which shape has the mean?")
    ✗ Not yet: your function raises "operands could not be broadcast together with shapes (2,3) (2,)"; which shape \
has the mean?
    """
    try:
        return function(*arguments)
    except WRONG as error:
        return Raised(f'your function raises "{_words(error)}"')


def check(answer: object, expected: Any, hint: str = "") -> Verdict:
    """Whether a reader's answer is the one expected.

    Parameters
    ----------
    answer
        The reader's; ``...`` or None while there is none, or a list, tuple or dict that still has one of them in it.
    expected
        A value (arrays and floats are compared with a tolerance, their shapes exactly), a dict of such values, or a
        function that is given the answer and says whether it is right.
    hint
        What to look at where it is not.

    Examples
    --------
    >>> check((3, 4), (3, 4))
    ✓ Right.
    >>> check((4, 3), (3, 4), "which matrix gives the rows?")
    ✗ Not yet: which matrix gives the rows?
    >>> check(np.ones(3), np.ones((3, 1)), "keep the axis")
    ✗ Not yet: its shape is (3,) and should be (3, 1); keep the axis
    >>> check({"a": 1, "b": 5}, {"a": 1, "b": 2})
    ✗ Not yet: look again at b
    >>> check(..., 1.0).right is None
    True
    """
    parts = _parts(answer)
    if any(part is ... or part is None for part in parts):
        return Verdict(None, YOUR_TURN)
    fault = next((part.words for part in parts if isinstance(part, Raised)), None)
    if fault is None:
        try:
            fault = _fault(answer, expected)
        except WRONG as error:
            fault = f'it can\'t be judged, for "{_words(error)}"'
    if fault is None:
        return Verdict(right=True, text="Right.")
    told = "; ".join(each for each in (fault, clean(hint, limit=300)) if each)
    return Verdict(right=False, text=f"Not yet: {told}" if told else "Not yet.")


def _parts(answer: object) -> list[object]:
    """An answer, and what it consists of where it is a collection."""
    if isinstance(answer, Mapping):
        return [answer, *answer.values()]
    return [answer, *answer] if isinstance(answer, list | tuple) else [answer]


def _fault(answer: Any, expected: Any) -> str | None:
    """What is wrong with an answer, in words that may be empty; None where nothing is."""
    if callable(expected) and not isinstance(expected, type):
        return None if expected(answer) else ""
    if isinstance(expected, Mapping):
        missed = [
            name for name, value in expected.items() if name not in answer or _fault(answer[name], value) is not None
        ]
        return f"look again at {listed(map(str, missed))}" if missed else None
    if isinstance(expected, np.ndarray | np.generic | float | complex):
        return _array_fault(answer, np.asarray(expected))
    return None if type(answer) is type(expected) and bool(answer == expected) else ""


def _array_fault(answer: Any, wanted: Any) -> str | None:
    """As `_fault`, with a tolerance for values and none for shapes."""
    try:
        given = np.asarray(answer)
    except ValueError:
        return "its rows differ in length"
    if given.shape != wanted.shape:
        return f"its shape is {given.shape} and should be {wanted.shape}"
    try:
        return None if np.allclose(given, wanted, rtol=1e-6, atol=1e-9) else ""
    except TypeError:
        return "it holds no numbers"


def _words(error: Exception) -> str:
    """What an error says, on one line; its name where it says nothing."""
    return clean(str(error), limit=200).strip() or type(error).__name__
