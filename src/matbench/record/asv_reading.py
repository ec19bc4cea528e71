"""Results that asv wrote, whoever's, as records: times against a size, one kernel a combination of what else varies.

No asv is needed to read them. Where asv kept only its own statistics, which is its habit, the median is the one sample
of a case; no interval is made up for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from matbench.errors import RecordError
from matbench.model import Cpu, Environment, Host, KernelCard
from matbench.operations import PRODUCT
from matbench.record.asv_cases import LARGEST, Entry, Shape, labels, measurements, operation_of, shape_of
from matbench.record.asv_format import BENCHMARKS, JSON_LIMIT, MACHINE, RESULTS_VERSION, TIMED
from matbench.record.environment import private_words, redacted
from matbench.record.exchange import FOREIGN, Source, adopted
from matbench.record.files import printable, read_bytes
from matbench.record.names import is_safe_name
from matbench.record.reading import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matbench.model import Measurement, Record

__all__ = ["asv_files", "asv_place", "read_asv"]

MOST_CASES = 100_000  # of one file
TIMES = re.compile(r"(?:.*\.)?time(?:raw)?(?:_.*|[A-Z].*)?")  # names of benchmarks whose results are seconds
FIRST_MS, LAST_MS = 0.0, 4e12  # 1970 to 2096: a time stamp beyond is none
LONGEST_S = 1e8
# What JSON of a stranger makes json and msgspec raise; a ValidationError and a lone surrogate are ValueErrors.
MALFORMED = (ValueError, OverflowError, RecursionError)


class _File(msgspec.Struct):
    """As much of a result file as is needed; what else there is does not matter."""

    version: int
    commit_hash: str
    params: dict[str, Any]
    result_columns: list[str]
    results: dict[str, list[Any]]
    date: float | None = None  # of the commit, ms since 1970
    python: str | None = None
    requirements: dict[str, str | None] = msgspec.field(default_factory=dict)


class _Benchmark(msgspec.Struct):
    """What ``benchmarks.json`` says of one benchmark."""

    param_names: list[str] = msgspec.field(default_factory=list)
    type: str = "time"


def asv_place(argument: str) -> Path | None:
    """The path in `argument` if asv's results are there: a folder with its machines or of one, or a file of its own."""
    if not argument:
        return None
    path = Path(argument)
    try:
        if path.is_dir():
            return path if (path / MACHINE).is_file() or any(path.glob(f"*/{MACHINE}")) else None
        if path.suffix != ".json" or not path.is_file():
            return None
        read_header(path)
    except OSError:  # the name is too long, or a folder on the way may not be searched
        return None
    except RecordError:
        return path
    return None  # a record under another name


def asv_files(folder: Path, *, wholly: bool = False) -> tuple[Path, ...]:
    """The result files in a folder of asv's results, or of one machine's, the newest measured first.

    Files that are broken or of another version are left out, unless the folder is to be read `wholly`.

    Raises
    ------
    RecordError
        If none is left, or `wholly` if any was left out; it tells of the first of them.
    """
    dated, reasons = [], []
    for path in sorted({*folder.glob("*.json"), *folder.glob("*/*.json")}):
        if path.name not in {BENCHMARKS, MACHINE} and path.is_file():
            try:
                dated.append((_begun_ms(_decoded(path)), path.name, path))
            except RecordError as error:
                reasons.append(str(error))
    if not dated or (wholly and reasons):
        nothing = f"there are no results of asv under {printable(folder)}; name asv's results folder or a file in it"
        raise RecordError(reasons[0] if reasons else nothing)
    return tuple(path for *_, path in sorted(dated, reverse=True))


def read_asv(path: Path, base: str | None = None) -> Record:
    """The record that one result file of asv amounts to.

    Parameters
    ----------
    path
        ``<commit>-<environment>.json``. What its parameters are called is looked up in the ``benchmarks.json`` of the
        folder above; without that the only parameter whose values are whole numbers counts as the size.
    base
        Kernel that speed-ups are told over; by default the slowest at the smallest size that all have in common.

    Raises
    ------
    RecordError
        If the file can't be read, is no result file of asv's or of another version, or nothing in it is a time
        against a size.
    UsageError
        If there is no kernel `base`.

    Notes
    -----
    Every benchmark of times that has a parameter for the size counts: one called n, size, length and so on, with whole
    numbers for values. A parameter whose values are element types of ours, or thread counts, is taken for what it is;
    all others, and the benchmark's name where there are several, make up the name of the kernel. Element types that
    are not told are filed as float64, thread counts as 1. Skipped cases are left out, for asv keeps no reason.
    """
    data = read_bytes(path, JSON_LIMIT)
    file, described = _decoded(path, data), _described(path)
    names = {name: described[name].param_names if name in described else [] for name in _timed(file, described)}
    shapes = [shape_of(name, _entry(file, name, path), names[name]) for name in names]
    sized = [shape for shape in shapes if shape.size is not None]
    if not sized:
        raise _no_size(path, shapes, is_named=bool(described))
    found: list[Measurement] = []
    cards: dict[str, KernelCard] = {}
    larger = offset = 0
    prefixes = labels(shape.name for shape in sized)
    for shape in sized:
        for each in measurements(shape, prefixes[shape.name], offset):
            if each is None:
                larger += 1
            else:
                found.append(each)
                cards.setdefault(each.case.kernel, _card(shape, each.case.kernel))
        offset += MOST_CASES
    if not any(len(each.samples) for each in found):
        raise RecordError(f"{printable(path.name)} holds no time at any size up to {LARGEST:,}; name another file")
    warnings = [f"{larger} results at sizes above {LARGEST:,} are left out"] if larger else []
    if any(shape.dtype is None and shape.name != TIMED for shape in sized):
        warnings.append("asv's parameters name no element type there: what has none is filed as float64")
    record = adopted(found, _source(path, file, sized, tuple(cards.values()), data), base)
    return msgspec.structs.replace(record, warnings=tuple(warnings))


def _card(shape: Shape, kernel: str) -> KernelCard:
    """What is known of a kernel: of ours the family that its name begins with, of others the benchmark."""
    if shape.name == TIMED or operation_of(shape.name) != PRODUCT:
        return KernelCard(kernel, rung=kernel.split("_", maxsplit=1)[0] or kernel, idea="")
    return KernelCard(kernel, rung=printable(shape.name, 80), idea="", origin=FOREIGN)


def _no_size(path: Path, shapes: Sequence[Shape], *, is_named: bool) -> RecordError:
    if not shapes:
        return RecordError(f"{printable(path.name)} holds no times; name a file of a suite that has time_ benchmarks")
    if is_named:
        return RecordError(
            f"no benchmark in {printable(path.name)} has a parameter for the size (n, size, length .. with whole "
            "numbers); give one such a parameter to see its times against it"
        )
    return RecordError(
        f"there is no {BENCHMARKS} above {printable(path.name)} that says which parameter is the size; "
        "name a file within asv's results folder"
    )


def _json(path: Path, data: bytes | None = None) -> Any:
    """What a JSON file of asv's holds; unlike the standard, asv writes NaN and Infinity."""
    try:
        return json.loads(read_bytes(path, JSON_LIMIT) if data is None else data)
    except MALFORMED as error:
        raise RecordError(
            f"{printable(path.name)} is no JSON ({printable(error, 80)}); name a result file of asv's or measure again"
        ) from error


def _decoded(path: Path, data: bytes | None = None) -> _File:
    found = _json(path, data)
    version = found.get("version") if isinstance(found, dict) and "results" in found else None
    if isinstance(version, int) and version != RESULTS_VERSION:
        remedy = "upgrade matbench" if version > RESULTS_VERSION else "run `asv update` in its project"
        raise RecordError(
            f"{printable(path.name)} is in version {printable(version, 20)} of asv's format, and matbench reads "
            f"version {RESULTS_VERSION}; {remedy}"
        )
    try:
        return msgspec.convert(found, _File)
    except MALFORMED as error:
        raise RecordError(
            f"{printable(path.name)} is no result file of asv's ({printable(error, 120)}); "
            "name one, <commit>-<environment>.json, or asv's results folder"
        ) from error


def _entry(file: _File, name: str, path: Path) -> Entry:
    values = dict(zip(file.result_columns, file.results[name], strict=False))
    try:
        entry = msgspec.convert({key: value for key, value in values.items() if value is not None}, Entry)
        cases = math.prod(map(len, entry.params))
        columns = (entry.result, entry.samples, entry.stats_number)
    except MALFORMED as error:
        raise _broken(name, path, printable(error, 120)) from error
    if any(column is not None and len(column) != cases for column in columns) or cases > MOST_CASES:
        raise _broken(name, path, f"its parameters combine to {printable(cases, 20)} cases, its results do not")
    return entry


def _broken(name: str, path: Path, reason: str) -> RecordError:
    return RecordError(
        f"the results of {printable(name, 80)} in {printable(path.name)} are broken ({reason}); measure it again"
    )


def _described(path: Path) -> dict[str, _Benchmark]:
    """The benchmarks as the ``benchmarks.json`` nearest to a result file describes them; none without one."""
    place = next((each for each in (path.parent.parent, path.parent) if (each / BENCHMARKS).is_file()), None)
    found = {} if place is None else _json(place / BENCHMARKS)
    try:
        entries = found.items() if isinstance(found, dict) else ()
        return {name: msgspec.convert(each, _Benchmark) for name, each in entries if isinstance(each, dict)}
    except MALFORMED as error:
        raise RecordError(
            f"the {BENCHMARKS} of {printable(path.name)} is broken ({printable(error, 120)}); "
            "write it anew with `asv run --bench just-discover`"
        ) from error


def _timed(file: _File, described: Mapping[str, _Benchmark]) -> Iterator[str]:
    """The benchmarks whose results are times."""
    for name in file.results:
        if described[name].type == "time" if name in described else TIMES.fullmatch(name):
            yield name


# -- where and when it was measured ------------------------------------------------------------------------------------


def _begun_ms(file: _File) -> float:
    """When the first of the results was measured, else when the commit was made, ms since 1970."""
    place = file.result_columns.index("started_at") if "started_at" in file.result_columns else None
    cells = [row[place] for row in file.results.values() if place is not None and len(row) > place]
    moments = [each for each in cells if isinstance(each, int | float) and FIRST_MS <= each <= LAST_MS]
    made = file.date if file.date is not None and FIRST_MS <= file.date <= LAST_MS else 0.0
    return float(min(moments, default=made))


def _source(path: Path, file: _File, shapes: Iterable[Shape], cards: tuple[KernelCard, ...], data: bytes) -> Source:
    facts = {**_machine_facts(path), **file.params}
    lasted = sum(each.entry.duration or 0.0 for each in shapes if 0 <= (each.entry.duration or 0.0) < LONGEST_S)
    return Source(
        form="asv",
        begun=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=_begun_ms(file)),
        lasted_s=lasted,
        token=hashlib.sha256(data).hexdigest()[:6],
        machine=_label(facts),
        host=_host(facts),
        environment=_environment(file),
        cards=cards,
    )


def _machine_facts(path: Path) -> dict[str, Any]:
    beside = path.parent / MACHINE
    found = _json(beside) if beside.is_file() else {}
    return found if isinstance(found, dict) else {}


def _text(value: object, limit: int = 200) -> str:
    """A fact as it may be stored: printable, without the names of this host, its user and its paths."""
    text = redacted(printable(value, limit), private_words())
    return "unknown" if not text or re.search(r"[/\\]", text) else text


def _label(facts: Mapping[str, Any]) -> str:
    """The machine's name where it can name a folder and is not this host's own, else one made up from its facts."""
    name = str(facts.get("machine", ""))
    if is_safe_name(name) and _text(name) == name:
        return name
    known = json.dumps([str(facts.get(key)) for key in ("arch", "cpu", "num_cpu", "ram", "os")])
    return f"asv-{_host(facts).logical_cpus}cpu-{hashlib.sha256(known.encode()).hexdigest()[:6]}"


def _host(facts: Mapping[str, Any]) -> Host:
    cpus, ram = (re.fullmatch(r"[1-9]\d{0,14}", str(facts.get(key, "")).strip()) for key in ("num_cpu", "ram"))
    return Host(
        system=_text(str(facts.get("os") or "unknown").split(" ", maxsplit=1)[0]),
        architecture=_text(facts.get("arch") or "unknown"),
        cpu=Cpu(brand=_text(facts.get("cpu") or "unknown")),
        logical_cpus=min(int(cpus[0]), 2**16) if cpus else 1,
        memory_bytes=int(ram[0]) if ram else None,
    )


def _environment(file: _File) -> Environment:
    """Python and the versions that the suite's settings ask for; where Python is a path, it is none of our business."""
    packages = {printable(name, 80): _text(value) for name, value in file.requirements.items() if name and value}
    return Environment(python=_text(file.python or "unknown", 40), packages=packages)
