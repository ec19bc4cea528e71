"""Why an arm can't be compared, as a value on its way to the record."""

from __future__ import annotations

from typing import Literal

from matbench.errors import KernelError, without_paths

__all__ = ["RefusedError", "raised"]


class RefusedError(KernelError):
    """An arm that can't be compared; the message is the reason, one sentence about it.

    Attributes
    ----------
    outcome
        'skipped': it can't be tried; 'wrong': it was tried, and does not do what a product has to do.
    arm
        Which of the two it is, where that is known.
    """

    def __init__(
        self, reason: str, outcome: Literal["skipped", "wrong"] = "wrong", arm: Literal["a", "b"] | None = None
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.arm = arm


def raised(error: BaseException) -> str:
    """What was raised, in one line that fits a record.

    Examples
    --------
    >>> raised(ValueError("not square")), raised(KeyboardInterrupt())
    ('raised ValueError: not square', 'raised KeyboardInterrupt')
    """
    return " ".join(f"raised {type(error).__name__}: {without_paths(str(error))}".split()).removesuffix(":")[:500]
