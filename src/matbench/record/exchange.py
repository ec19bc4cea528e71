"""Records in other forms: raw samples as CSV, one row each, and back; and measurements of elsewhere as records."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import statistics
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from matbench.errors import RecordError, UsageError
from matbench.model import (
    Block,
    Conditions,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.operations import PRODUCT
from matbench.record.files import printable, read_text
from matbench.record.names import id_time, is_safe_name, new_record_id
from matbench.record.reading import merge_measurements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["COLUMNS", "FOREIGN", "Source", "adopted", "read_samples", "record_from_csv", "samples_csv"]

FOREIGN = "asv"  # origin of a kernel that need not be a product of matrices: its flops are not known
_PROBLEM = ("m", "n", "k", "dtype", "layout", "seed")
_SAMPLE = ("process", "round", "loops", "elapsed_ns")
_INTEGERS = {"m", "n", "k", "seed", "threads", "first_call_ns", "allowed_bytes", *_SAMPLE}
COLUMNS = (
    *("record", "machine", "kernel"),
    *_PROBLEM,
    *("threads", "outcome", "reason", "first_call_ns", "error_over_bound", "allowed_bytes", "operation"),
    *_SAMPLE,
)
_OPTIONAL = {"record", "machine", "reason", "first_call_ns", "error_over_bound", "allowed_bytes", "operation"}

# A spreadsheet takes a text that begins so for a formula, whatever quotes surround it; full-width signs too.
_FORMULA = re.compile(r"\s*[=+\-@'＝＋－＠]|[\t\r\n]")


def samples_csv(record: Record) -> str:
    """All raw samples of `record`, one row each under the names in `COLUMNS`.

    A case without samples has one row whose last four cells are empty, so that what was skipped is not lost.
    `elapsed_ns` is the time of `loops` calls together, ns. A text that a spreadsheet would run as a formula
    begins with an apostrophe. Lines end in CR LF, as RFC 4180 has it.
    """
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)  # lines end in CR LF: only what is in the line end do all versions quote within a cell
    writer.writerow(COLUMNS)
    origin = (_text_cell(record.header.id), _text_cell(record.header.machine))
    for measurement in record.measurements:
        case_cells = (*origin, *_case_cells(measurement))
        writer.writerows((*case_cells, *sample_cells) for sample_cells in _sample_rows(measurement.samples))
    return sheet.getvalue()


def _case_cells(measurement: Measurement) -> tuple[object, ...]:
    case, problem = measurement.case, measurement.case.problem
    error = measurement.error
    return (
        _text_cell(case.kernel),
        *(problem.m, problem.n, problem.k, problem.dtype, problem.layout, problem.seed),
        case.threads,
        measurement.outcome,
        "" if measurement.reason is None else _text_cell(measurement.reason),
        measurement.first_call_ns,
        error if error is not None and math.isfinite(error) else None,  # as in the record itself
        measurement.bytes_allowed,
        problem.operation,
    )


def _sample_rows(samples: Samples) -> Iterator[tuple[object, ...]]:
    if not len(samples):
        return iter([("",) * len(_SAMPLE)])
    return zip(samples.process, samples.round, samples.loops, samples.elapsed_ns, strict=True)


def _text_cell(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def record_from_csv(text: str) -> tuple[Measurement, ...]:
    """The measurements in a table that `samples_csv` wrote, every sample in its order.

    Parameters
    ----------
    text
        The file's contents. The columns may stand in any order and others may stand beside them.

    Raises
    ------
    RecordError
        If a column is missing or a row does not hold what its column says.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        if missing := [name for name in COLUMNS if name not in names and name not in _OPTIONAL]:
            raise RecordError(f"the table lacks the column {missing[0]!r}; export it with `matbench export --to csv`")
        rows = (_measurement(_cells(row, names, reader.line_num), reader.line_num) for row in reader if row)
        return merge_measurements(rows)
    except csv.Error as error:
        raise RecordError(f"line {reader.line_num} of the table is no CSV ({error}); export it again") from error


def _cells(row: list[str], names: list[str], line: int) -> dict[str, str]:
    if len(row) != len(names):
        raise RecordError(f"line {line} of the table has {len(row)} cells, not {len(names)}; export it again")
    return dict(zip(names, row, strict=True))


def _measurement(cells: dict[str, str], line: int) -> Measurement:
    """The measurement with at most one sample that a row stands for."""
    try:
        found = {name: _value(name, cells.get(name, "")) for name in COLUMNS}
        return msgspec.convert(_nested(found), Measurement)
    except (ValueError, msgspec.ValidationError) as error:
        raise RecordError(f"line {line} of the table: {printable(error)}; correct it or export it again") from error


def _value(name: str, cell: str) -> Any:
    """What the cell of the column `name` holds; None where it is empty."""
    if not cell:
        return None
    if name in _INTEGERS:
        if not re.fullmatch(r"[0-9]{1,19}", cell):
            raise ValueError(f"{name} {printable(cell, 40)!r} is no whole number")
        return int(cell)
    if name == "error_over_bound":
        return _finite(cell)
    return cell.removeprefix("'")


def _finite(cell: str) -> float:
    value = float(cell) if re.fullmatch(r"[0-9.eE+-]{1,40}", cell) else math.nan
    if math.isfinite(value):
        return value
    raise ValueError(f"error_over_bound {printable(cell, 40)!r} is no finite number")


def _nested(found: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a row in the shape of a `Measurement`; a sample must be there wholly or not at all."""
    sample = [found[name] for name in _SAMPLE]
    if None in sample and any(value is not None for value in sample):
        raise ValueError(f"{_SAMPLE[sample.index(None)]} is empty")
    return {
        "type": "measurement",
        "case": {
            "kernel": found["kernel"],
            "problem": {**{name: found[name] for name in _PROBLEM}, "operation": found["operation"] or PRODUCT},
            "threads": found["threads"],
        },
        "outcome": found["outcome"],
        "reason": found["reason"],
        "samples": {} if None in sample else {name: (found[name],) for name in _SAMPLE},
        "first_call_ns": found["first_call_ns"],
        "error": found["error_over_bound"],
        "bytes_allowed": found["allowed_bytes"],
    }


# -- measurements of elsewhere -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """What is known of measurements that come in another format than the record's.

    Attributes
    ----------
    form
        The format, as ``matbench import --from`` calls it.
    begun
        When the first was taken, with a time zone.
    lasted_s
        How long all of them took, s; 0 where nobody knows.
    token
        A few letters and digits that follow from the contents, so that what comes twice gets one id.
    machine
        Label of the machine, a safe file name.
    host, environment
        Where they were taken.
    cards
        Their kernels, in ladder order.
    """

    form: str
    begun: datetime
    lasted_s: float
    token: str
    machine: str
    host: Host = field(default_factory=Host)
    environment: Environment = field(default_factory=Environment)
    cards: tuple[KernelCard, ...] = ()


def adopted(measurements: Iterable[Measurement], source: Source, base: str | None = None) -> Record:
    """A complete record of measurements that come in another format; what nobody knows keeps its default.

    Parameters
    ----------
    measurements
        Those of one case are merged.
    source
        What else is known.
    base
        Kernel that speed-ups are told over; by default the slowest on one thread at the smallest size in common.

    Raises
    ------
    UsageError
        If there is no kernel `base`.
    """
    found = merge_measurements(measurements)
    kernels = dict.fromkeys(each.case.kernel for each in found)
    known = {card.name: card for card in source.cards}
    if base is not None and base not in kernels:
        shown = [printable(name, 80) for name in kernels][:8]
        raise UsageError(f"no kernel {printable(base, 80)!r} among them; there are: {', '.join(shown)}")
    arms: dict[Problem, dict[tuple[str, int], None]] = {}
    for each in found:
        arms.setdefault(each.case.problem, {})[each.case.kernel, each.case.threads] = None
    rounds = max((max(Counter(each.samples.process).values(), default=1) for each in found), default=1)
    seconds = max(source.lasted_s, sum(sum(each.samples.elapsed_ns) for each in found) * 1e-9)
    end = source.begun + timedelta(seconds=min(seconds, 1e9))
    cpus = max([source.host.logical_cpus, *(each.case.threads for each in found)])
    header = Header(
        id=new_record_id(source.begun, source.token if base is None else _token(f"{source.token} {base}")),
        created=_iso(source.begun),
        machine=source.machine,
        host=msgspec.structs.replace(source.host, logical_cpus=cpus),
        environment=source.environment,
        conditions=Conditions(),
        plan=Plan(
            preset=source.form,
            command=f"matbench import --from {source.form}",
            seed=0,
            budget_s=0.0,
            rounds=min(rounds, 100_000),
            sample_ns=1,
            base=base or slowest(found),
            blocks=tuple(Block(problem, tuple(own)) for problem, own in arms.items()),
        ),
        kernels=tuple(known.get(name) or KernelCard(name, rung="unknown", idea="") for name in kernels),
    )
    ended = End(finished=_iso(end), elapsed_s=min(seconds, 1e9), conditions=Conditions())
    return Record(header=header, measurements=found, end=ended)


def slowest(found: Sequence[Measurement]) -> str:
    """The slowest kernel on one thread at the smallest size that all have in common, else at the most common one.

    The dtype with the most cases tells, of the product or, where there is none, of the first operation; the first
    kernel of all where nothing was measured on one thread.
    """
    timed = [each for each in found if len(each.samples) and each.case.threads == 1]
    if not timed:
        return found[0].case.kernel
    operations = [each.case.problem.operation for each in timed]
    operation = PRODUCT if PRODUCT in operations else operations[0]
    timed = [each for each in timed if each.case.problem.operation == operation]
    dtype = statistics.mode(each.case.problem.dtype for each in timed)
    at: dict[int, dict[str, float]] = {}
    for each in timed:
        if each.case.problem.dtype == dtype and each.case.problem.is_square:
            calls = zip(each.samples.elapsed_ns, each.samples.loops, strict=True)
            time = statistics.median(elapsed / loops for elapsed, loops in calls)
            at.setdefault(each.case.problem.n, {})[each.case.kernel] = time
    if not at:
        return timed[0].case.kernel
    _, times = min(at.items(), key=lambda item: (-len(item[1]), item[0]))
    return max(times, key=lambda kernel: times[kernel])


def _token(text: str) -> str:
    """Six letters and digits that follow from `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def read_samples(path: Path, base: str | None = None) -> Record:
    """The record that a table of raw samples amounts to, as `samples_csv` writes it.

    Host and environment are not in the table; machine and time of the first row count for all.

    Raises
    ------
    RecordError
        If the file can't be read, is no such table, or an empty one.
    UsageError
        If there is no kernel `base`.
    """
    text = read_text(path)
    found = record_from_csv(text)
    if not found:
        raise RecordError(f"{printable(path.name)} holds no row; export it with `matbench export --to samples`")
    first = next(csv.DictReader(io.StringIO(text, newline="")))
    machine = first.get("machine") or ""
    source = Source(
        form="samples",
        begun=_begun(id_time(first.get("record") or ""), datetime.now(UTC)),
        lasted_s=0.0,
        token=_token(text),
        machine=machine if is_safe_name(machine) else "unknown",
    )
    return adopted(found, source, base)


def _begun(stamp: str | None, now: datetime) -> datetime:
    """The moment that the stamp of an id names; `now` where it names none, or one that has not come yet."""
    with suppress(ValueError):
        found = datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%S%z")
        return min(found, now)
    return now
