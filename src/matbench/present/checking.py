"""What a lesson says of a reader's answer: right, not yet, or that it is the reader's turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from matbench.present.words import clean

__all__ = ["Verdict", "check"]

YOUR_TURN = "Your turn: put your answer in place of the three dots, run that cell, then this one."


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


def check(answer: object, expected: Any, hint: str = "") -> Verdict:
    """Whether a reader's answer is the one expected.

    Parameters
    ----------
    answer
        The reader's; ``...`` or None while there is none.
    expected
        A value (arrays and floats are compared with a tolerance, their shapes exactly), or a function that is given
        the answer and says whether it is right.
    hint
        What to look at where it is not.

    Examples
    --------
    >>> check((3, 4), (3, 4))
    ✓ Right.
    >>> check((4, 3), (3, 4), "which matrix gives the rows?")
    ✗ Not yet: which matrix gives the rows?
    >>> check(..., 1.0).right is None
    True
    """
    if answer is ... or answer is None:
        return Verdict(None, YOUR_TURN)
    judges = callable(expected) and not isinstance(expected, type)
    right = bool(expected(answer)) if judges else _same(answer, expected)
    if right:
        return Verdict(right=True, text="Right.")
    return Verdict(right=False, text=f"Not yet: {clean(hint, limit=300)}" if hint else "Not yet.")


def _same(answer: Any, expected: Any) -> bool:
    """Equality that suits the expected value."""
    if isinstance(expected, np.ndarray | np.generic | float | complex):
        wanted = np.asarray(expected)
        try:
            given = np.asarray(answer)
            return given.shape == wanted.shape and bool(np.allclose(given, wanted, rtol=1e-6, atol=1e-9))
        except (TypeError, ValueError):  # a ragged list, a text: no array of numbers
            return False
    return type(answer) is type(expected) and bool(answer == expected)
