"""The numbers behind a picture: a table of plain cells, for people and as comma-separated values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matbench.present.tables import csv_text
from matbench.present.words import clean

if TYPE_CHECKING:
    from matbench.analyse.rows import Interval, SpeedUp

__all__ = ["Cell", "Numbers", "bounds", "csv_of", "texts"]

Cell = str | int | float | None
NOTHING = "–"  # a cell that has no value


class Numbers(NamedTuple):
    """Headings, units in brackets, and one cell for each; what has no value is None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()


def bounds(value: Interval | SpeedUp | None, unit: float = 1.0) -> tuple[float | None, float | None, float | None]:
    """Estimate, low and high in `unit`."""
    if value is None:
        return None, None, None
    low, high = value.low, value.high
    return value.estimate / unit, None if low is None else low / unit, None if high is None else high / unit


def texts(numbers: Numbers) -> list[list[str]]:
    """The cells as people read them: four significant digits, a dash for nothing; foreign text on one line.

    Examples
    --------
    >>> texts(Numbers(("kernel", "time [s]"), (("one", 0.00123456), ("two", None))))
    [['one', '0.001235'], ['two', '–']]
    """
    return [[_text(cell) for cell in row] for row in numbers.rows]


def _text(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, float):
        return f"{cell:,.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
    return clean(cell) if isinstance(cell, str) else str(cell)


def csv_of(numbers: Numbers) -> str:
    """Comma-separated values with all digits; text that a spreadsheet would take for a formula is defused."""
    return csv_text(numbers.columns, numbers.rows)
