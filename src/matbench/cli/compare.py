"""The command that compares: runs, machines, versions of Python; from records, folders, bundles and asv's results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from matbench.analyse.compare_runs import Run
from matbench.analyse.machines import AXES, Axis, Comparison, compare
from matbench.cli import console
from matbench.cli.compare_sources import Processes, named_sources, reduced
from matbench.cli.reading import parse_dtype
from matbench.collector import collector_off
from matbench.errors import UsageError
from matbench.record.exchange import FOREIGN
from matbench.record.listing import Wanted
from matbench.record.noise import every_noise
from matbench.record.store import write_bytes
from matbench.sizes import parse_sizes
from matbench.spinning import spins_of

__all__ = ["FORMATS", "Options", "compare_records"]

FORMATS = ("text", "md", "csv", "json", "html")
SUFFIXES = {".md": "md", ".csv": "csv", ".json": "json", ".html": "html", ".htm": "html"}
PAGE = Path("comparison.html")
NAMED = 3  # runs that a sentence names


@dataclass(frozen=True)
class Options:
    """What was typed."""

    records: tuple[str, ...] = ()
    baseline: str | None = None
    by: str = "kernel"
    form: str | None = None
    dtype: str | None = None
    size: str | None = None
    machine: str | None = None
    cpu: str | None = None
    latest: bool = False
    strict: bool = False
    results: Path = Path("results")
    output: Path | None = None


def compare_records(options: Options) -> int:
    """Compare the runs that were named, or all in the results folder; 1 with ``--strict`` if anything is slower."""
    form, axis = _form(options), _axis(options.by)
    dtype = None if options.dtype is None else parse_dtype(options.dtype)
    shapes = () if options.size is None else parse_sizes(options.size)
    with collector_off():
        runs = _runs(options)
        base, floors = _baseline(runs, options.baseline), _floors(runs)
        found = compare(runs, base, dtype=dtype, shapes=shapes, floors=floors, foreign=FOREIGN)
        data = _rendered(found, form, axis, every=bool(shapes))
    for name, reason in found.aside:
        console.warn(f"{name} is set aside: {reason}")
    target = options.output or (PAGE if form == "html" else None)
    if target is None:
        console.data(data.decode())
    else:
        write_bytes(target, data)
        console.data(str(target))
    if form == "text":
        console.hint("all of it in a page: --format html; to tell less apart: matbench pair")
    return 1 if options.strict and _has_findings(found) else 0


def _runs(options: Options) -> list[Run]:
    """The runs that were named; no process that reads them outlives the reading."""
    named, wanted = options.records or (str(options.results),), Wanted(machine=options.machine, cpu=options.cpu)
    with closing(Processes()) as processes:
        sources = named_sources(named, options.results, wanted, processes, latest=options.latest)
        return reduced(sources, processes)


def _form(options: Options) -> str:
    """The format asked for, or the one that the name of the file asks for."""
    suffix = options.output.suffix.lower() if options.output else ""
    form = options.form or SUFFIXES.get(suffix, "text")
    if form not in FORMATS:
        raise UsageError(f"no format {form!r}; there are: {', '.join(FORMATS)}")
    return form


def _axis(text: str) -> Axis:
    for axis in AXES:
        if text == axis:
            return axis
    raise UsageError(f"runs can't be compared by {text!r}; there are: {', '.join(AXES)}")


def _baseline(runs: Sequence[Run], asked: str | None) -> int:
    """The index of the run that ratios are told over: by name, record id or its beginning, or machine (its latest)."""
    if asked is None:
        sound = next((place for place, run in enumerate(runs) if run.fault is None and run.doubt is None), 0)
        if sound:
            console.note(
                f"the base is {runs[sound].name}, the first that nothing speaks against; --baseline takes another"
            )
        return sound
    ways = (
        [place for place, run in enumerate(runs) if asked in {run.name, run.header.id, f"{run.header.id}.jsonl"}],
        [place for place, run in enumerate(runs) if asked == run.header.machine],
        [place for place, run in enumerate(runs) if asked and run.header.id.startswith(asked)],
    )
    places = next(filter(None, ways), [])
    if not places or (places is ways[2] and len(places) > 1):
        names = ", ".join(run.name for run in runs[:8]) + (f" and {len(runs) - 8} more" if len(runs) > 8 else "")
        what = f"{asked!r} begins several records" if places else f"no run {asked!r} among those that are compared"
        raise UsageError(f"{what}; there are: {names}")
    return max(places, key=lambda place: runs[place].header.created)


def _floors(runs: Sequence[Run]) -> dict[str, float]:
    """The noise floors that this installation knows, by the runs that were made as these floors were measured."""
    known = every_noise()
    found: dict[str, float] = {}
    others: list[str] = []
    for run in runs:
        noise = known.get(run.header.host.host_id)
        if noise is None:
            continue
        if noise.holds_for(spins_of(run.header.environment.variables)):
            found[run.name] = noise.floor
        else:
            others.append(run.name)
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        console.warn(
            f"the stored noise floor is not used for {', '.join(others[:NAMED])}{more}: idle threads spun otherwise "
            "when it was measured; measure it anew with matbench doctor --noise"
        )
    return found


# -- what is told ------------------------------------------------------------------------------------------------------


def _rendered(found: Comparison, form: str, axis: Axis, *, every: bool) -> bytes:
    if form == "json":
        from matbench.present.machines.data import JUDGED, comparison_object

        data = msgspec.json.encode(comparison_object(found, axis))
        return msgspec.json.format(data, indent=1) if len(found.runs) <= JUDGED else data
    return _text(found, form, axis, every=every).encode()


def _text(found: Comparison, form: str, axis: Axis, *, every: bool) -> str:
    if form == "csv":
        from matbench.present.machines.data import comparison_csv

        return comparison_csv(found)
    if form == "html":
        from matbench.present.machines.page import comparison_page

        return comparison_page(found, axis)
    from matbench.present.machines.text import comparison_text

    return comparison_text(found, axis, every=every or form == "md", markdown=form == "md")


def _has_findings(found: Comparison) -> bool:
    """Whether anything is slower than in the base, or can't be believed."""
    if found.aside or any(run.doubt for run in found.runs):
        return True
    groups = [*found.groups(), *found.groups("kernel")]
    return any(found.mean(place, group).word == "SLOWER" for place in range(len(found.runs)) for group in groups)
