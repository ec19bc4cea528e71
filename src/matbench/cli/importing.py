"""``matbench import``: what was measured elsewhere is taken in, wholly or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from matbench.cli import console
from matbench.cli.bundles import import_bundle, tell_kept
from matbench.cli.reading import asv_records, extent_of
from matbench.cli.validating import Judge
from matbench.errors import RecordError, UsageError
from matbench.model import Record
from matbench.record.asv_reading import asv_place
from matbench.record.bundles import is_bundle
from matbench.record.exchange import read_samples
from matbench.record.files import printable
from matbench.record.islands import is_page, read_page
from matbench.record.reading import AnyRecord
from matbench.record.store import keep_all, read_either

__all__ = ["import_file"]

FORMS = ("record", "page", "samples", "asv", "bundle")  # that can be imported


def import_file(source: Path, results: Path, *, form: str | None, base: str | None) -> int:
    """Take in what was measured elsewhere, wholly or not at all: records, a page, a bundle, samples, asv's results."""
    form = form or _form_of(source)
    if form not in FORMS:
        raise UsageError(f"no format {form!r} to import from; there are: {', '.join(FORMS)}")
    if form in {"record", "page", "bundle"} and base is not None:
        raise UsageError("a record has its base; give --base to matbench show or matbench plot")
    if form == "bundle":
        return import_bundle(source, results)
    found = _foreign_records(source, form, base)
    _check(found)
    kept = keep_all([record for _, record in found], results)
    tell_kept(kept)
    for name, record in found:
        if not record.is_complete:  # as an interrupted run leaves it, and a file that was cut between two lines
            extent = extent_of(record)
            console.warn(f"{printable(name)} is not complete: {extent}; ask for the whole file if there is one")
    first = kept[0].path.stem
    if isinstance(found[0][1], Record):
        console.hint(f"look at it: matbench show {first} | matbench plot {first}")
    else:
        console.hint(f"look at it: matbench show {first} --verdicts")
    return 0


def _check(found: Sequence[tuple[str, AnyRecord]]) -> None:
    """Tell what readers had to set aside; RecordError at the first record that can't be true."""
    judge = Judge(datetime.now(UTC))
    for name, record in found:
        for warning in record.warnings:
            console.warn(warning)
        if findings := judge(record):
            reason = findings[0].rstrip(".")
            raise RecordError(f"{printable(name)} is not plausible: {reason}; ask its author to measure again")


def _form_of(source: Path) -> str:
    if source.suffix == ".csv":
        return "samples"
    if is_page(source):
        return "page"
    if is_bundle(source):
        return "bundle"
    return "record" if asv_place(str(source)) is None else "asv"


def _foreign_records(source: Path, form: str, base: str | None) -> Sequence[tuple[str, AnyRecord]]:
    """What is to be taken in, with the name of its file."""
    if form == "record":
        return [(source.name, read_either(source, whole=True))]
    if form == "page":
        return [(source.name, record) for record in read_page(source)]
    if form == "samples":
        return [(source.name, read_samples(source, base))]
    return [(path.name, record) for path, record in asv_records(source, base, wholly=True)]
