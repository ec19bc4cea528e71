"""Records made fit to be handed over: what the schema can't rule out is looked for in every free text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from matbench.errors import without_paths
from matbench.model import Record
from matbench.pairing import PairRecord
from matbench.record.environment import redacted
from matbench.record.ids import machine_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from matbench.record.reading import Line

__all__ = ["anonymised"]

Kept = TypeVar("Kept", bound=Record | PairRecord)
Changed = TypeVar("Changed")

# Fields whose texts, and those of all below them, are anybody's; all others are words of ours, of hardware or of
# distributions, and a user who happens to be called 'numpy' must not rename them.
FREE = frozenset({"command", "filename", "origin", "reason", "system_release", "variables", "void", "warnings"})
ARMS = frozenset({"a", "b", "digests"})  # the reader's own functions among them are named after his files
LONGEST = {"origin": 80, "a": 80, "b": 80}  # characters; 2000 of other texts


def anonymised(record: Kept, private: frozenset[str]) -> Kept:
    """`record` without paths and without the words in `private` in its free texts.

    Nothing that was measured changes, nor do ids, times and the names of kernels. A label of the machine that holds
    such a word is replaced by the one that is made up from its facts.

    Parameters
    ----------
    record
        A run or comparisons.
    private
        Words in lower case, as `private_words` tells them.
    """

    def clean(text: str) -> str:
        return redacted(without_paths(text), private)

    header = _cleaned(record.header, clean)
    if clean(header.machine) != header.machine:
        header = msgspec.structs.replace(header, machine=machine_label(header.host))
    changed: dict[str, Any] = {"header": header, "end": None if record.end is None else _cleaned(record.end, clean)}
    parts = ("ceilings", "measurements") if isinstance(record, Record) else ("processes", "refusals")
    for name in parts:
        changed[name] = tuple(_reasoned(each, clean) for each in getattr(record, name))
    return msgspec.structs.replace(record, **changed)


def _reasoned(value: Line, clean: Callable[[str], str]) -> Line:
    """A line of a record with its one free text cleaned; most have none."""
    name = "void" if hasattr(value, "void") else "reason"
    text = getattr(value, name)
    return value if text is None else msgspec.structs.replace(value, **{name: clean(text)[:2000]})


def _cleaned(value: Changed, clean: Callable[[str], str]) -> Changed:
    return msgspec.convert(_walked(msgspec.to_builtins(value), clean), type(value))


def _walked(value: Any, clean: Callable[[str], str], key: str = "", *, is_free: bool = False) -> Any:
    """`value`, as builtin types, with its free texts cleaned."""
    if isinstance(value, dict):
        return {
            _name(name, clean) if key in ARMS else name: _walked(
                each, clean, name if key not in ARMS else key, is_free=is_free or name in FREE
            )
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walked(each, clean, key, is_free=is_free) for each in value]
    if not isinstance(value, str):
        return value
    if key in ARMS:
        return _name(value, clean)
    return clean(value)[: LONGEST.get(key, 2000)] if is_free else value


def _name(label: str, clean: Callable[[str], str]) -> str:
    """The label of an arm; only that of a function of the reader's own, which has a colon, is a free text."""
    return clean(label)[:80] if ":" in label else label
