"""``matbench export --bundle FILE`` and ``matbench import`` of such a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matbench.cli import console
from matbench.cli.validating import Judge
from matbench.errors import RecordError, UsageError
from matbench.model import Record
from matbench.record.anonymous import anonymised
from matbench.record.bundles import Manifest, take_in, write_bundle
from matbench.record.environment import private_words
from matbench.record.files import printable
from matbench.record.listing import everything
from matbench.record.pairs import resolve_pairs
from matbench.record.reading import AnyRecord
from matbench.record.store import Kept, read_either, resolve_record
from matbench.units import format_bytes

__all__ = ["Options", "export_bundle", "export_records", "import_bundle", "tell_kept"]


@dataclass(frozen=True)
class Options:
    """The options of ``matbench export`` as they were typed."""

    to: str | None = None
    output: Path | None = None
    bundle: Path | None = None
    base: str | None = None


def export_records(arguments: Sequence[str], results: Path, options: Options) -> int:
    """Write one record in another format, or any number as a bundle."""
    if options.bundle is not None:
        for name in ("to", "output", "base"):
            if getattr(options, name) is not None:
                raise UsageError(f"a bundle holds records as they are, and --bundle names it; leave out --{name}")
        return export_bundle(arguments, results, options.bundle)
    if len(arguments) > 1:
        raise UsageError("one record at a time is written so; write several with --bundle FILE")
    from matbench.cli.reading import export_record

    argument = arguments[0] if arguments else None
    form = "csv" if options.to is None else options.to
    return export_record(argument, results, form=form, target=options.output, base=options.base)


def export_bundle(arguments: Sequence[str], results: Path, target: Path) -> int:
    """Write records, all there are by default, as one anonymised file to hand over."""
    paths = _meant(arguments, results)
    private = private_words()
    fit = _fit(paths)
    if not fit:
        raise RecordError("there is nothing to hand over; measure again with `matbench run`")

    def records() -> Iterator[AnyRecord]:
        """One at a time: together they may be more than memory holds."""
        for path in fit:
            yield anonymised(read_either(path), private)

    runs = sum(fit.values())
    write_bundle(target, records(), Manifest(runs=runs, comparisons=len(fit) - runs))
    console.data(str(target))
    told = f"{_number(runs, 'run')} and {_number(len(fit) - runs, 'comparison')}"
    command = f"matbench import {shlex.quote(target.name)}"
    console.note(f"{told}, {format_bytes(target.stat().st_size)}; whoever gets it types: {command}")
    return 0


def _meant(arguments: Sequence[str], results: Path) -> list[Path]:
    """The files that are meant, each once: all of the store by default, all of a machine by its label."""
    there = everything(results)
    if not arguments:
        if there:
            return there
        raise RecordError(f"there is no record under {printable(results)}; run `matbench run` first")
    found: dict[Path, None] = {}
    for argument in arguments:
        of_machine = [path for path in there if path.parent.name == argument]
        found.update(dict.fromkeys(of_machine or [_one(argument, results)]))
    return list(found)


def _one(argument: str, results: Path) -> Path:
    try:
        return resolve_record(argument, results)
    except RecordError as error:
        try:
            return resolve_pairs(argument, results)
        except RecordError:
            raise error from None


def _fit(paths: Sequence[Path]) -> dict[Path, bool]:
    """Those that nobody would have to refuse, each id once, and whether it is a run."""
    fit: dict[Path, bool] = {}
    ids: dict[tuple[type, str], Path] = {}
    judge = Judge(datetime.now(UTC))  # as whoever takes them in will
    for path in paths:
        try:
            record = read_either(path)
        except RecordError as error:
            console.warn(f"left out: {error}")
            continue
        if findings := (*record.warnings, *judge(record)):
            console.warn(f"{printable(path.name)} is left out: {findings[0].rstrip('.')}")
            continue
        there = ids.setdefault((type(record), record.header.id.casefold()), path)
        if there != path:
            console.warn(f"{printable(path)} is left out: it has the id of {printable(there)}")
        else:
            fit[path] = isinstance(record, Record)
    return fit


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def import_bundle(source: Path, results: Path) -> int:
    """Take a bundle in, wholly or not at all."""
    tell_kept(take_in(source, results, Judge(datetime.now(UTC))))
    console.hint("look at them: matbench records")
    return 0


def tell_kept(kept: Sequence[Kept]) -> None:
    """Print where records from elsewhere lie now; of those that were there already, say so."""
    for each in kept:
        console.data(str(each.path))
        if not each.is_new:
            console.note(f"{printable(each.path.stem)} is there already; it stays as it is")
