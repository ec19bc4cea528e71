"""Comparisons from what was asked for to a session: what the command line, the API, the gate and the doctor share."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from matbench.analyse.pairs import enough, fewest_processes, for_table, hopeless
from matbench.errors import RecordError, UsageError
from matbench.kernels import Registry
from matbench.measure.pairs import PairSession, PairsTold
from matbench.measure.pairs_plan import FINISH_S, process_seconds, promised_seconds, time_for_cells
from matbench.measure.pairs_sources import Source, source_file
from matbench.model import DTYPES, Dtype, Problem
from matbench.operations import PRODUCT, OperationName, check_extents
from matbench.pairing import Cell, PairHeader, PairRecord, Settings
from matbench.record.alone import alone
from matbench.record.files import read_bytes
from matbench.record.here import Machine
from matbench.record.host import machine_label, safe_label
from matbench.record.names import new_record_id
from matbench.record.noise import known_noise
from matbench.record.pressure import read_pressure
from matbench.sizes import Shape
from matbench.spinning import spins_of

__all__ = [
    "LARGEST_CLAIM",
    "Asked",
    "cells_of",
    "comparing",
    "digests",
    "measured",
    "pair_header",
    "settings_for",
    "stamp",
]

MOST_PROCESSES = 1000  # that a record can hold
LARGEST_CLAIM = 10.0  # a difference of 1000 %
LONGEST_BUDGET_S = 1e9  # that a record can hold


@dataclass(frozen=True)
class Asked:
    """What is to be compared, and how.

    Attributes
    ----------
    cells
        The comparisons.
    sources
        All arms of the cells.
    settings
        Of the comparison, see `settings_for`.
    command
        What repeats it, without paths.
    seed
        Of everything that is drawn at random.
    label
        The machine's name in the record; made up from what it is by default.
    identities
        What tells baselines apart: a commit, a version; by label.
    """

    cells: tuple[Cell, ...]
    sources: tuple[Source, ...]
    settings: Settings
    command: str
    seed: int = 1
    label: str | None = None
    identities: Mapping[str, str] = field(default_factory=dict)


def stamp() -> str:
    """The present time as records have it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def settings_for(
    rows: int,
    *,
    processes: int | None = None,
    claim: float = 0.0,
    budget_s: float = 0.0,
    half_width: float | None = None,
) -> Settings:
    """The settings of a table of so many comparisons.

    Parameters
    ----------
    rows
        Comparisons.
    processes
        Exactly so many; by default as many as a verdict takes, and more while the intervals are wide.
    claim
        Margin that a verdict has to exceed, relative.
    budget_s
        Time it may take, s; 0 for as long as is usual.
    half_width
        Of the interval of a ratio's logarithm, to stop at; the usual one by default.

    Raises
    ------
    UsageError
        If there can't be so many processes, such a margin or such a budget.
    """
    if not 0 <= claim < LARGEST_CLAIM:
        raise UsageError(f"a claim of {claim:g} is out of range; state a relative difference, 0.02 for 2 %")
    if not 0 <= budget_s < LONGEST_BUDGET_S:
        raise UsageError(f"a budget of {budget_s:g} s is out of range; give a number of seconds, or none")
    settings = Settings(claim=claim, budget_s=budget_s)
    if half_width is not None:
        settings = msgspec.structs.replace(settings, half_width=half_width)
    if processes is None:
        return for_table(settings, rows)
    if not 1 <= processes <= MOST_PROCESSES:
        raise UsageError(f"--processes {processes} is out of range; give one from 1 to {MOST_PROCESSES}")
    # So many were asked for, and so many it is: neither fewer nor, for a wide interval, more.
    return msgspec.structs.replace(settings, processes=processes, most_processes=processes)


def cells_of(
    a: str,
    b: str,
    shapes: Sequence[Shape],
    *,
    dtype: Dtype,
    threads: Sequence[int],
    processors: int,
    operation: OperationName = PRODUCT,
) -> tuple[Cell, ...]:
    """Two arms on each problem with each number of threads.

    Raises
    ------
    UsageError
        If there is no such dtype, the operation has no such size, or there are fewer processors than threads.
    """
    if dtype not in DTYPES:
        raise UsageError(f"no dtype {dtype!r}; there are: {', '.join(DTYPES)}")
    if min(threads) < 1:
        raise UsageError(f"{min(threads)} threads are none; ask for at least 1")
    if max(threads) > processors:
        raise UsageError(
            f"{max(threads)} threads are more than the {processors} processors of this process; ask for fewer"
        )
    for m, n, k in shapes:
        check_extents(operation, m, n, k)
    problems = [Problem(m, n, k, dtype, seed=1, operation=operation) for m, n, k in shapes]
    return tuple(Cell(problem, count, a, b) for problem in problems for count in threads)


def digests(sources: Sequence[Source]) -> dict[str, str]:
    """What tells whether the functions are still the same: the digest of the file, or of the function that was sent.

    Those that no file is found for have none, and neither have kernels: the environment names their versions.
    """
    found: dict[str, str] = {}
    for source in sources:
        data = source.pickled if source.pickled is not None else _source_bytes(source)
        if data is not None:
            found[source.label] = hashlib.sha256(data).hexdigest()[:16]
    return found


def _source_bytes(source: Source) -> bytes | None:
    path = source_file(source)
    if path is None:
        return None
    try:
        return read_bytes(path)
    except RecordError:
        if path.suffix == ".py":
            raise
        return None  # within an archive, or larger than anyone's source


def pair_header(asked: Asked, machine: Machine) -> PairHeader:
    """The first line of a new record of comparisons.

    Raises
    ------
    UsageError
        If the machine's label can't name a folder everywhere.
    RecordError
        If the file of a function can't be read.
    """
    noise = known_noise(machine.host.host_id, spins=spins_of(machine.environment.variables))
    return PairHeader(
        id=new_record_id(datetime.now(UTC), secrets.token_hex(3)),
        created=stamp(),
        machine=safe_label(asked.label) if asked.label else machine_label(machine.host),
        host=machine.host,
        environment=machine.environment,
        conditions=machine.conditions,
        command=asked.command,
        seed=asked.seed,
        settings=asked.settings,
        cells=asked.cells,
        floor=None if noise is None else noise.floor,
        digests=digests(asked.sources) | dict(asked.identities),
    )


@contextlib.contextmanager
def comparing(
    header: PairHeader,
    sources: Sequence[Source],
    registry: Registry,
    machine: Machine,
    *,
    blas: Sequence[str] = (),
    so_far: PairRecord | None = None,
    start_ns: int | None = None,
    patience_s: float = 0.0,
) -> Iterator[PairSession]:
    """Within, nobody else measures on this machine, and the session that is given can run.

    Parameters
    ----------
    header
        What is compared, and how.
    sources
        All arms of its cells.
    registry
        Kernels by name.
    machine
        The one at hand.
    blas
        Paths of further BLAS libraries.
    so_far
        What was measured before, where a comparison is resumed.
    start_ns
        When it was asked for, on `time.perf_counter_ns`; now by default. A budget begins then.
    patience_s
        How long to wait for the end of another one's measurement, s.

    Raises
    ------
    UsageError
        If the budget is too small for one process, or another matbench is measuring.
    """
    settings, cells = header.settings, header.cells
    budget_s = settings.budget_s or None
    cell_s = time_for_cells(cells, registry, settings, budget_s)
    exact = settings.processes == settings.most_processes
    with (
        alone(patience_s=patience_s),
        tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as compiled,
    ):
        begun_ns = time.perf_counter_ns() if start_ns is None or patience_s else start_ns
        yield PairSession(
            header=header,
            sources={each.label: each.place for each in sources if each.place is not None},
            roots={each.label: each.root for each in sources if each.root is not None},
            pickled={each.label: each.pickled for each in sources if each.pickled is not None},
            search=tuple(sys.path) if any(each.pickled is not None for each in sources) else (),
            caches=machine.host.caches,
            memory_bytes=machine.memory_bytes,
            threads=max(cell.threads for cell in cells),
            enough=enough,
            hopeless=hopeless,
            pressure=read_pressure,
            cell_s=cell_s,
            expected_s=process_seconds(cells, registry, settings, cell_s),
            deadline_ns=None if budget_s is None else begun_ns + int(budget_s * 1e9),
            fewest=settings.processes if exact or budget_s else fewest_processes(settings, len(cells)),
            more_until_ns=begun_ns + int(1e9 * (budget_s or promised_seconds(len(cells)) - FINISH_S)),
            compiled=compiled,
            tuned=machine.tuned,
            blas=tuple(blas),
            so_far=so_far,
        )


def measured(session: PairSession, show: Callable[[object], None] = lambda _: None) -> PairRecord:
    """Everything that a session measures, kept in memory.

    Parameters
    ----------
    session
        Of a comparison.
    show
        Called with every event but those that are kept.
    """
    for event in session.run():
        if not isinstance(event, PairsTold):
            show(event)
    return session.record
