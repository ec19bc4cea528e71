"""``matbench show --verdicts``: comparisons read back, every figure computed anew from the raw samples."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from matbench.analyse.pairs import verdicts
from matbench.cli import console
from matbench.cli.options import BEST, results_option, way_on
from matbench.pairing import PairRecord
from matbench.present.pairs import pairs_object, pairs_text
from matbench.present.words import clean
from matbench.record.pairs import read_pairs, resolve_pairs

__all__ = ["show_verdicts", "tell_verdicts"]

CONTINUED = "matbench pair"


def show_verdicts(argument: str | None, results: Path, *, as_json: bool) -> int:
    """Print the verdicts of a record of comparisons."""
    path = resolve_pairs(argument, results)
    record = read_pairs(path)
    for warning in (*record.warnings, *(record.end.warnings if record.end else ())):
        console.warn(warning)
    if not record.is_complete:
        console.warn(f"this comparison did not reach its end; {_way_on(record, path, results)}")
    tell_verdicts(record, as_json=as_json)
    return 0


def _way_on(record: PairRecord, path: Path, results: Path) -> str:
    """How it can be completed: what `pair` began goes on by the names of its arms, all else is begun anew."""
    command = clean(record.header.command, 400)
    if not record.header.cells or not command.startswith(CONTINUED):
        return f"it can only be begun anew: {command}"
    arms = [shlex.quote(clean(name, 80)) for name in _arms(record)]
    libraries = " with the same --blas" if " --blas " in record.header.command else ""  # whose paths are not stored
    return way_on(path, results, f"{CONTINUED} {' '.join(arms)} --resume{results_option(results)}{libraries}")


def _arms(record: PairRecord) -> tuple[str, str]:
    """The two that were typed; for several libraries, each the fastest at some size, the word that stands for them."""
    a, others = record.header.cells[0].a, list(dict.fromkeys(cell.b for cell in record.header.cells))
    if others == [a]:
        return a, "--aa"
    return a, others[0] if len(others) == 1 else BEST


def tell_verdicts(record: PairRecord, *, as_json: bool) -> None:
    """Print what a record of comparisons comes to."""
    found = verdicts(record)
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(pairs_object(record, found)), indent=1).decode()
        console.data(text)
    else:
        console.data(pairs_text(record, found))
