"""A record in asv's format, written through asv's own classes, so that asv's commands and pages show it.

A cell that `asv run` measured is never touched: results of `matbench run` go under an environment of their own.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

from matbench.errors import UsageError
from matbench.record.asv_format import (
    BENCHMARKS,
    BENCHMARKS_VERSION,
    EXACT,
    FURTHER,
    JSON_LIMIT,
    MACHINE,
    MACHINE_VERSION,
    PARAMETERS,
    RATED,
    RUNNER,
    TIMED,
    UNIT,
    VERSION,
)
from matbench.record.asv_project import asv_module, translated
from matbench.record.asv_values import (
    MARKUP,
    MOST_CASES,
    Axes,
    Key,
    axes_of,
    call_seconds,
    cells_of,
    count_cases,
    exact,
    has_time,
    result_of,
    union,
    usual_loops,
)
from matbench.record.files import os_error, printable, read_bytes, replace_file
from matbench.record.journal import held
from matbench.record.names import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matbench.model import Host, Measurement, Record
    from matbench.record.asv_project import Project

__all__ = ["Filed", "machine_facts", "write_asv"]

Parts: TypeAlias = "Mapping[str, Mapping[Key, Measurement]]"  # cells by benchmark and parameters

TOOL = "matbench"  # stands where asv names the tool that made an environment
PACKAGES = ("numba", "numpy")  # the two that the suite's settings have as selectors


@dataclass(frozen=True)
class Filed:
    """What came of an export.

    Attributes
    ----------
    path
        The file with the results.
    commit
        The commit they are filed under.
    left_out
        What asv has no place for, a phrase each.
    changed
        What it means that the work tree is changed, in a sentence; None where it is as the commit has it.
    """

    path: Path
    commit: str
    left_out: tuple[str, ...] = ()
    changed: str | None = None


def write_asv(record: Record, project: Project, facts: Mapping[str, str] | None = None) -> Filed:
    """File the square problems of `record` under the commit that `project` is at.

    Results of the same commit, machine and software that an earlier export left are kept but for the cells that
    `record` measures; where the work tree is changed, these are kept too. ``benchmarks.json`` gains the parameters
    that it lacks. Nothing is written before everything that is there was understood.

    Parameters
    ----------
    record
        One run.
    project
        Where it goes.
    facts
        More that asv's pages are to show of the machine, such as its measured peaks.

    Raises
    ------
    UsageError
        If asv is missing or not one that was tried, or can't use a file that is there.
    RecordError
        If the machine label is no safe file name, or a file can't be read or written.
    """
    check_name(record.header.machine, "machine label")
    cells, left_out = cells_of(record)
    if not cells:
        raise UsageError("nothing in this record has a place in asv's benchmark, which takes square problems alone")
    parts = {TIMED: cells[TIMED], RATED: cells[TIMED], **cells} if TIMED in cells else cells
    try:
        draft = _filed(record, project, parts, facts or {})
    except OSError as error:
        raise os_error(error, project.results, "written") from error
    return Filed(draft.path, project.commit, left_out, _told(project, draft.kept))


def _told(project: Project, kept: int) -> str | None:
    """What becomes of results under a commit that the work tree differs from."""
    if not project.is_changed:
        return None
    told = f"the work tree differs from commit {project.commit[:8]}, which the results are filed under"
    return f"{told}; {count_cases(kept)} stay as they were there until the changes are committed" if kept else told


def _filed(record: Record, project: Project, parts: Parts, facts: Mapping[str, str]) -> _Draft:
    """The draft, once its files are in their places."""
    with held(project.results / BENCHMARKS), tempfile.TemporaryDirectory() as scratch, translated(project.results):
        draft = _Draft(record, project, parts, Path(scratch))
        files = {
            project.results / BENCHMARKS: draft.benchmarks(),
            project.results / record.header.machine / MACHINE: draft.machine(facts),
            draft.path: draft.results(),
        }
        for path, data in files.items():
            replace_file(path, data)
    return draft


class _Draft:
    """The files of one export, made by asv's classes in a folder of their own; the project's are only read."""

    def __init__(self, record: Record, project: Project, parts: Parts, scratch: Path) -> None:
        self.record = record
        self.project = project
        self.parts = parts  # cells by benchmark
        self.scratch = scratch
        self.axes = {name: axes_of(cells, record) for name, cells in parts.items()}
        self.kept = 0  # cells that an earlier export left and that stay, though the record has them too
        header, release = record.header, record.header.environment.system_release
        # Known for good once the machine's file has been read.
        self.facts = machine_facts(header.machine, header.host, release, header.host.logical_cpus)
        found = re.match(r"\d+\.\d+", record.header.environment.python)
        self.python = found[0] if found else "unknown"
        packages = record.header.environment.packages
        self.requirements = {name: _word(packages[name]) for name in PACKAGES if packages.get(name)}
        named = asv_module("environment").get_env_name(TOOL, self.python, self.requirements, {})
        self.environment = re.sub(r"[^A-Za-z0-9.+_-]", "_", named)
        name = asv_module("results").get_filename(record.header.machine, project.commit, self.environment)
        self.path = project.results / name

    def benchmarks(self) -> bytes:
        """``benchmarks.json`` with the parameters of the record, beside all that it described already."""
        path = self.project.results / BENCHMARKS
        with translated(path):
            there = _there(path, BENCHMARKS_VERSION)
            described = {**there, **{name: self._described(name, there.get(name)) for name in self.parts}}
            if any(math.prod(map(len, each["params"])) > MOST_CASES for each in described.values()):
                raise ValueError(f"more than {MOST_CASES:,} combinations of parameters")
            settings = SimpleNamespace(benchmark_dir="", results_dir=str(self.scratch))
            asv_module("benchmarks").Benchmarks(settings, list(described.values())).save()
        return read_bytes(self.scratch / BENCHMARKS)

    def _described(self, name: str, there: dict[str, Any] | None) -> dict[str, Any]:
        """What asv is told of a benchmark: as `there`, with our parameters added, if that is ours."""
        if there is not None and there.get("version") == VERSION and there.get("param_names") == list(PARAMETERS):
            return {**there, "params": union(there["params"], self.axes[name])}
        version = str(there.get("version")) if there is not None else ""
        if version.isdecimal() and int(version) > int(VERSION):
            raise ValueError(f"it describes version {printable(version, 20)} of {name}, this matbench has {VERSION}")
        return {
            "code": f"def {name.rpartition('.')[2]}(kernel, n, dtype, threads): ...  # as measured by `matbench run`",
            "name": name,
            "param_names": list(PARAMETERS),
            "params": self.axes[name],
            "type": "track" if name == RATED else "time",
            "unit": UNIT if name == RATED else "seconds",
            "version": VERSION,
        }

    def machine(self, more: Mapping[str, str]) -> bytes:
        """``machine.json``: what it says of the machine already, then what the record and its reader know of it."""
        path = self.project.results / self.record.header.machine / MACHINE
        machine = asv_module("machine").Machine()
        with translated(path):
            there = {str(key): value for key, value in _there(path, MACHINE_VERSION).items() if value}
            # What asv itself asks for stays: results of `asv run` carry it.
            self.facts |= {key: str(value) for key, value in there.items() if key in self.facts}
            self.facts["machine"] = self.record.header.machine
            vars(machine).update(there | self.facts | _selectors(self.record))
            vars(machine).update({_word(key): _word(value) for key, value in more.items()})
            machine.save(str(self.scratch))
        return read_bytes(self.scratch / self.record.header.machine / MACHINE)

    def results(self) -> bytes:
        """The results of the commit in our environment; call `machine` first."""
        header, asv = self.record.header, asv_module("results")
        own = {"python": self.python, RUNNER: "matbench run"}
        params = {**self.facts, **self.requirements, **_selectors(self.record), **own}
        with translated(self.path):
            if self.path.exists():
                read_bytes(self.path, JSON_LIMIT)
            made = asv.Results(
                params,
                self.requirements,
                self.project.commit,
                self.project.committed_ms,
                self.python,
                self.environment,
                {},
            )
            made.load_data(str(self.project.results))
            begun = _moment(header.created)
            for name in self.parts:
                self._add(made, name, begun)
            made.save(str(self.scratch))
            target = self.scratch / self.path.relative_to(self.project.results)
            target.write_bytes(_with_exact(target.read_bytes(), made))
            asv.Results.load(str(target), machine_name=header.machine)
            return read_bytes(target)

    def _add(self, made: Any, name: str, begun: datetime) -> None:
        """Add all cells to asv's `Results`, under the parameters of those that are there and our own."""
        is_same = name in made.get_all_result_keys() and made.benchmark_version.get(name) == VERSION
        old: Axes = made.get_result_params(name) if is_same else []
        cells, axes = self.parts[name], union(old, self.axes[name])
        keys = list(itertools.product(*axes))
        before = set(itertools.product(*old)) if old else set()
        values = made.get_result_value(name, axes) if is_same else [None] * len(keys)
        kept = {place for place, key in enumerate(keys) if key in before and self._stays(name, key, values[place])}
        if name != RATED:
            self.kept += len(kept & {place for place, key in enumerate(keys) if key in cells})
        made.add_result(
            {"name": name, "version": VERSION, "params": axes},
            self._taken(name, keys),
            started_at=begun,
            duration=sum(sum(each.samples.elapsed_ns) for each in cells.values()) * 1e-9,
            record_samples=True,
            selected_idx=set(range(len(keys))) - kept,
        )
        if name != RATED:
            for place, stats in enumerate(made.get_result_stats(name, axes)):
                each = cells.get(keys[place])
                if stats and each is not None and place not in kept:
                    stats.update(exact(each.samples))

    def _taken(self, name: str, keys: Sequence[Key]) -> Any:
        """Make asv's `BenchmarkResult` of a benchmark: parallel lists over `keys`."""
        cells = self.parts[name]
        timed = {key: each.samples for key, each in cells.items() if name != RATED and has_time(each)}
        return asv_module("runner").BenchmarkResult(
            result=[result_of(name, cells.get(key)) for key in keys],
            samples=[call_seconds(timed[key]) if key in timed else None for key in keys],
            number=[usual_loops(timed[key]) if key in timed else None for key in keys],
            errcode=0,
            stderr="",
            profile=None,
        )

    def _stays(self, name: str, key: Key, value: float | None) -> bool:
        """Whether the result of a benchmark that is there under `key` is not to be replaced."""
        is_result = value is not None and not math.isnan(value)
        return key not in self.parts[name] or (self.project.is_changed and is_result)


def _with_exact(data: bytes, made: Any) -> bytes:
    """The file that asv wrote with the columns of `EXACT`, which asv reads but does not write."""
    found = json.loads(data)
    width = len(found["result_columns"])
    ours = [name for name in found["results"] if name == TIMED or name.startswith(FURTHER)]
    for name in ours:
        row, stats = found["results"][name], made.get_result_stats(name, made.get_result_params(name))
        columns = [[(each or {}).get(column.removeprefix("stats_")) for each in stats] for column in EXACT]
        found["results"][name] = [*row, *[None] * (width - len(row)), *columns]
    found["result_columns"] += EXACT
    return json.dumps(found).encode()


def _there(path: Path, version: int) -> dict[str, Any]:
    """What a file of asv's holds that is there already; nothing if it is not."""
    if not path.exists():
        return {}
    read_bytes(path, JSON_LIMIT)
    found = asv_module("util").load_json(str(path), version)
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004  a ValueError is what asv's own parser raises
    return found


def machine_facts(label: str, host: Host, release: str, processors: int) -> dict[str, str]:
    """What asv itself asks of a machine, by the names it asks with.

    Parameters
    ----------
    label
        Its anonymous name.
    host
        What it is.
    release
        Of its operating system.
    processors
        How many a process may use.
    """
    return {
        "machine": label,
        "os": _word(f"{host.system} {release}"),
        "arch": _word(host.architecture),
        "cpu": _word(host.cpu.brand),
        "num_cpu": str(processors),
        "ram": "" if host.memory_bytes is None else str(host.memory_bytes),
    }


def _selectors(record: Record) -> dict[str, str]:
    """What else the times depend on. Each becomes a selector on asv's pages, so nothing that varies by itself is here.

    Measured peaks do, by a percent a run: as a selector each would begin a graph of its own.
    """
    libraries = (record.end.libraries if record.end else ()) or record.header.environment.libraries
    blas = dict.fromkeys(f"{each.name} {each.version} {each.architecture}" for each in libraries if each.api == "blas")
    found = {"BLAS": " + ".join(blas), "governor": record.header.conditions.governor or ""}
    return {name: _word(value) for name, value in found.items() if value}


def _word(text: str) -> str:
    """`text` as it may stand in asv's pages, which show it as HTML, and in the file names that they are made of."""
    return MARKUP.sub("?", printable(text, 80))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
