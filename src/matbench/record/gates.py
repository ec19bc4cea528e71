"""What a project holds its code to: ``[tool.matbench.gate]`` of its pyproject.toml, or a file of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from matbench.errors import RecordError
from matbench.model import Name, Text, Value
from matbench.record.files import printable, read_text

__all__ = ["PROJECT", "GateTable", "OnDoubt", "read_gate"]

PROJECT = "pyproject.toml"
LIMIT = 2**20  # bytes
OnDoubt = Literal["warn", "fail", "pass"]


class GateTable(Value, frozen=True, rename={"on_doubt": "on-doubt"}):
    """What a gate is to check."""

    claims: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()
    arms: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()  # compared with the baseline that is named
    sizes: Name | None = None  # of these
    dtype: Name | None = None
    threads: Name | None = None
    margin: Name | None = None
    on_doubt: OnDoubt | None = None


def read_gate(path: Path) -> GateTable:
    """The table of a file: ``[tool.matbench.gate]`` of a pyproject.toml, the whole of any other.

    Raises
    ------
    RecordError
        If it can't be read, is no TOML, or has anything else in it.
    """
    text = read_text(path, LIMIT)
    try:
        table: object = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError as well
        raise RecordError(f"{printable(path.name)} is no TOML ({printable(error)}); mend it there") from error
    if path.name == PROJECT:
        table = _inner(table, ("tool", "matbench", "gate"))
    try:
        found: GateTable = msgspec.convert(table, type=GateTable)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RecordError(
            f"the gate of {printable(path.name)} has something else in it ({printable(error)}); "
            "it may have claims, arms, sizes, dtype, threads, margin and on-doubt"
        ) from error
    return found


def _inner(table: object, names: tuple[str, ...]) -> object:
    """The table within tables; an empty one where there is none."""
    for name in names:
        table = table.get(name, {}) if isinstance(table, dict) else {}
    return table
