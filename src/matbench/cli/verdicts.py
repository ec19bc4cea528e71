"""``matbench show --verdicts``: comparisons read back, every figure computed anew from the raw samples."""

from __future__ import annotations

from pathlib import Path

import msgspec

from matbench.analyse.pairs import verdicts
from matbench.cli import console
from matbench.cli.options import way_on
from matbench.pairing import PairRecord
from matbench.present.pairs import pairs_object, pairs_text
from matbench.record.pairs import read_pairs, resolve_pairs

__all__ = ["show_verdicts", "tell_verdicts"]


def show_verdicts(argument: str | None, results: Path, *, as_json: bool) -> int:
    """Print the verdicts of a record of comparisons."""
    path = resolve_pairs(argument, results)
    record = read_pairs(path)
    for warning in record.warnings:
        console.warn(warning)
    if not record.is_complete:
        remedy = way_on(path, results, "matbench pair A B --resume")
        console.warn(f"this comparison did not reach its end; {remedy}")
    tell_verdicts(record, as_json=as_json)
    return 0


def tell_verdicts(record: PairRecord, *, as_json: bool) -> None:
    """Print what a record of comparisons comes to."""
    found = verdicts(record)
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(pairs_object(record, found)), indent=1).decode()
        console.data(text)
    else:
        console.data(pairs_text(record, found))
