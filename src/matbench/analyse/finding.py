"""One line of the doctor's report."""

from __future__ import annotations

from typing import Literal

from matbench.model import Value

__all__ = ["Finding", "Level", "fault", "fine", "warning"]

Level = Literal["ok", "warning", "fault"]


class Finding(Value, frozen=True):
    """What was looked at and seen, why it matters for timings, and what to type against it."""

    subject: str
    level: Level
    saw: str
    why: str
    remedy: str | None = None  # a command, or the plain words where there is none


def fine(subject: str, saw: str, why: str) -> Finding:
    """A finding that nothing has to be done about."""
    return Finding(subject, "ok", saw, why)


def warning(subject: str, saw: str, why: str, remedy: str | None = None) -> Finding:
    """A finding that makes figures less certain or less comparable."""
    return Finding(subject, "warning", saw, why, remedy)


def fault(subject: str, saw: str, why: str, remedy: str | None = None) -> Finding:
    """A finding that makes figures wrong or meaningless until it is mended."""
    return Finding(subject, "fault", saw, why, remedy)
