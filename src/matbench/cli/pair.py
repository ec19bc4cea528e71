"""``matbench pair A B``: say how long, compare, store process by process, give one verdict a problem.

Exit codes: 0 whatever the verdict is; 1 where an arm is wrong (it raises, computes no product, changes its operands,
prints, starts processes); 2 where it can't be tried or the request is off; 3 where one never returned or took its
process down; 130 interrupted. The other rows are measured all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matbench.analyse.doctor import diagnose
from matbench.analyse.pairs import enough
from matbench.cli import console
from matbench.cli.interrupts import interruptible
from matbench.cli.reading import parse_dtype
from matbench.cli.running import LARGEST_SEED, parse_threads
from matbench.cli.verdicts import tell_verdicts
from matbench.errors import IncompleteError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.pairs import PairEvent, PairProgress, PairSession, PairsTold
from matbench.measure.pairs_arms import Source, parse_arms
from matbench.measure.pairs_plan import process_seconds, time_for_cells
from matbench.model import Problem
from matbench.pairing import Cell, PairEnd, PairHeader, PairRecord, Settings
from matbench.record.alone import alone
from matbench.record.differences import differences
from matbench.record.files import read_bytes
from matbench.record.here import Machine
from matbench.record.host import machine_label, read_conditions, safe_label
from matbench.record.journal import Journal
from matbench.record.names import new_record_id
from matbench.record.noise import known_noise
from matbench.record.pairs import incomplete_pairs, read_pairs
from matbench.record.pressure import read_pressure
from matbench.record.reading import PAIRS
from matbench.sizes import parse_sizes
from matbench.units import format_seconds, parse_duration

__all__ = ["Options", "compare", "parse_claim"]

MORE_S = 30.0  # s, of one comparison: no process is added later, however wide the interval is
MOST_PROCESSES = 1000  # that a record can hold
LARGEST_CLAIM = 10.0  # a difference of 1000 %
CODES = {"wrong": 1, "ended": 3, "skipped": 2}  # exit codes of what could not be compared, the first that applies


@dataclass(frozen=True)
class Options:
    """The options of ``matbench pair`` as they were typed."""

    a: str | None = None
    b: str | None = None
    aa: bool = False
    sizes: str = "256"
    dtype: str = "float64"
    threads: str = "1"
    claim: str | None = None
    budget: str | None = None
    processes: int | None = None
    seed: int = 1
    blas: tuple[str, ...] = ()
    machine: str | None = None
    output: Path = Path("results")
    resume: bool = False
    json: bool = False


@dataclass(frozen=True)
class _Work:
    """What is to be compared, and where it is stored."""

    header: PairHeader
    sources: dict[str, str]  # where the reader's own functions are
    so_far: PairRecord | None = None
    path: Path | None = None  # of the record that is continued


def parse_claim(text: str) -> float:
    """The relative difference that a claim states: ``2%``, or ``1.5x`` for half as fast again.

    Raises
    ------
    UsageError
        If it is neither, or states no difference.

    Examples
    --------
    >>> parse_claim("2%"), parse_claim("1.5x")
    (0.02, 0.5)
    """
    found = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,9})?)\s*([%x])\s*", text)
    if not found:
        raise UsageError(f"{text!r} is no claim; write for example --claim 2% or --claim 1.5x")
    margin = float(found[1]) / 100 if found[2] == "%" else float(found[1]) - 1
    if margin <= 0:
        raise UsageError(f"a claim of {text.strip()} claims nothing; leave out --claim to ask for any difference")
    if margin >= LARGEST_CLAIM:
        raise UsageError(f"a claim of {text.strip()} is too large; state less than {100 * LARGEST_CLAIM:.0f}%")
    return round(margin, 12)


def compare(options: Options) -> int:
    """Compare two arms; the exit code says how it went."""
    start_ns = time.perf_counter_ns()
    _check(options)
    with console.strangers():
        registry = Registry(default_registry())
    machine = Machine()
    add_blas_kernels(registry, options.blas)
    arms = _arms(options, registry)
    work = _resumed(options, arms, machine) if options.resume else _begun(options, arms, machine)
    budget_s = work.header.settings.budget_s or None
    cell_s = time_for_cells(work.header.cells, registry, work.header.settings, budget_s)
    with alone(), tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as compiled:
        session = PairSession(
            header=work.header,
            sources=work.sources,
            caches=machine.host.caches,
            memory_bytes=machine.memory_bytes,
            threads=max(cell.threads for cell in work.header.cells),
            enough=enough,
            pressure=read_pressure,
            cell_s=cell_s,
            expected_s=process_seconds(work.header.cells, registry, work.header.settings, cell_s),
            deadline_ns=None if budget_s is None else start_ns + int(budget_s * 1e9),
            more_until_ns=start_ns + int(1e9 * (budget_s or _patience_s(work.header.cells))),
            compiled=compiled,
            blas=options.blas,
            so_far=work.so_far,
        )
        with _journal(options, work) as journal:
            _announce(work, registry, cell_s)
            interrupts = _measured(session, journal, start_ns)
            path = journal.path
    return _told(options, path, interrupts)


# -- before ------------------------------------------------------------------------------------------------------------


def _check(options: Options) -> None:
    for name in ("sizes", "dtype", "threads", "claim", "budget", "machine"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name} is empty; give it a value or leave it out")
    if not 0 <= options.seed <= LARGEST_SEED:
        raise UsageError(f"seed {options.seed} is out of range; give one from 0 to {LARGEST_SEED}")
    if options.processes is not None and not 1 <= options.processes <= MOST_PROCESSES:
        raise UsageError(f"--processes {options.processes} is out of range; give one from 1 to {MOST_PROCESSES}")
    if options.aa and options.b is not None:
        raise UsageError("--aa compares one kernel with its own clone; name one, not two")
    if options.a is None or (options.b is None and not options.aa):
        raise UsageError("two things to compare are needed; write for example: matbench pair numba_ikj numba_ikj_fma")
    if options.a == options.b:
        raise UsageError(f"{options.a} can't be compared with itself; say matbench pair {options.a} --aa for its clone")


def _arms(options: Options, registry: Registry) -> tuple[Source, Source]:
    typed = [options.a or "", options.b or options.a or ""]
    a, b = parse_arms(typed, registry)
    if a.place is not None and a == b and not options.aa:
        raise UsageError(f"{a.label} can't be compared with itself; compare it with its clone by --aa")
    return a, b


def _begun(options: Options, arms: tuple[Source, Source], machine: Machine) -> _Work:
    now = datetime.now(UTC)
    budget_s = parse_duration(options.budget) if options.budget else 0.0
    noise = known_noise(machine.host.host_id)
    header = PairHeader(
        id=new_record_id(now, secrets.token_hex(3)),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=safe_label(options.machine) if options.machine else machine_label(machine.host),
        host=machine.host,
        environment=machine.environment,
        conditions=machine.conditions,
        command=_command(options, arms),
        seed=options.seed,
        settings=_settings(options, budget_s),
        cells=_cells(options, arms, machine.processors),
        floor=None if noise is None else noise.floor,
        digests=_digests(arms),
    )
    return _Work(header, _sources(arms))


def _settings(options: Options, budget_s: float) -> Settings:
    claim = parse_claim(options.claim) if options.claim is not None else 0.0
    if options.processes is None:
        return Settings(claim=claim, budget_s=budget_s)
    # So many were asked for, and so many it is: neither fewer nor, for a wide interval, more.
    return Settings(processes=options.processes, most_processes=options.processes, claim=claim, budget_s=budget_s)


def _cells(options: Options, arms: tuple[Source, Source], processors: int) -> tuple[Cell, ...]:
    dtype, counts = parse_dtype(options.dtype), parse_threads(options.threads)
    if counts[-1] > processors:
        raise UsageError(
            f"{counts[-1]} threads are more than the {processors} processors of this process; ask for fewer"
        )
    a, b = arms
    return tuple(
        Cell(Problem(m, n, k, dtype, seed=1), threads, a.label, b.label)
        for m, n, k in parse_sizes(options.sizes)
        for threads in counts
    )


def _sources(arms: tuple[Source, Source]) -> dict[str, str]:
    return {arm.label: arm.place for arm in arms if arm.place is not None}


def _digests(arms: tuple[Source, Source]) -> dict[str, str]:
    """What tells whether the files of the reader's own functions are still the same; those of modules are not read."""
    files = {arm.label: arm.place.rpartition(":")[0] for arm in arms if arm.place is not None}
    return {
        label: hashlib.sha256(read_bytes(Path(path))).hexdigest()[:16]
        for label, path in files.items()
        if path.endswith(".py")
    }


def _command(options: Options, arms: tuple[Source, Source]) -> str:
    """The command that repeats the comparison, without paths."""
    words = ["matbench pair", arms[0].label, "--aa" if options.aa else arms[1].label]
    default = Options()
    for name in ("sizes", "dtype", "threads", "claim", "budget", "processes", "seed"):
        value = getattr(options, name)
        if value != getattr(default, name):
            words.append(f"--{name} {shlex.quote(str(value))}")
    words += [f"--blas {shlex.quote(Path(path).name)}" for path in options.blas]
    return " ".join(words)


def _resumed(options: Options, arms: tuple[Source, Source], machine: Machine) -> _Work:
    """The newest comparison of these two that did not reach its end.

    Raises
    ------
    UsageError
        If there is none, this is another machine or other software, or an option would change what is compared.
    """
    default = Options()
    for name in ("sizes", "dtype", "threads", "claim", "budget", "processes", "seed", "machine"):
        if getattr(options, name) != getattr(default, name):
            raise UsageError(f"--resume continues a comparison as it was begun; leave out --{name}")
    labels = (arms[0].label, arms[1].label)
    for path in reversed(incomplete_pairs(options.output, machine.host.host_id)):
        record = read_pairs(path)
        if all((cell.a, cell.b) == labels for cell in record.header.cells):
            apart = differences(record.header, machine.host, machine.environment)
            if apart:
                raise UsageError(f"{record.header.id} can't be continued: {'; '.join(apart)}; begin anew")
            if record.header.digests != _digests(arms):
                raise UsageError(
                    f"{record.header.id} can't be continued: a file of its functions has changed; begin anew"
                )
            return _Work(record.header, _sources(arms), record, path)
    raise UsageError(
        f"no interrupted comparison of {labels[0]} with {labels[1]} on this machine under {options.output.name}; "
        "begin one without --resume"
    )


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _patience_s(cells: Sequence[Cell]) -> float:
    """Time after which no process is added to the first ones, s; a budget takes its place."""
    return MORE_S * (1 + len(cells)) / 2


# -- measuring ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _journal(options: Options, work: _Work) -> Iterator[Journal]:
    made = Journal.reopen(work.path, PAIRS) if work.path else Journal.create(options.output, work.header)
    with made as journal:
        yield journal


def _announce(work: _Work, registry: Registry, cell_s: float) -> None:
    header, settings = work.header, work.header.settings
    ended = len(work.so_far.processes) if work.so_far else 0
    more = max(settings.more_processes if ended else 1, settings.processes - ended)
    expected = process_seconds(header.cells, registry, settings, cell_s, first=True)
    expected += (more - 1) * process_seconds(header.cells, registry, settings, cell_s)
    most = (
        "" if settings.most_processes == settings.processes else f", more (at most {settings.most_processes}) if needed"
    )
    limit = f" of at most {format_seconds(settings.budget_s)}" if settings.budget_s else ""
    number = "1 comparison" if len(header.cells) == 1 else f"{len(header.cells)} comparisons"
    console.note(f"{number} in {_processes(more)}, about {format_seconds(expected)}{limit}{most}")
    for finding in diagnose(header.host, header.environment, header.conditions):
        if finding.level == "fault":
            console.warn(f"{finding.subject}: {finding.saw} (more: matbench doctor)")


def _measured(session: PairSession, journal: Journal, start_ns: int) -> int:
    """Take all samples, each process on the disk before the next begins; how often it was interrupted."""
    with interruptible(session.stop, "cell") as interrupts:
        _follow(session.run(), journal, session)
    if not interrupts.count:
        journal.finish(
            PairEnd(
                finished=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                elapsed_s=(time.perf_counter_ns() - start_ns) * 1e-9,
                conditions=read_conditions(),
                libraries=session.libraries or (),
                warnings=("the budget was used up before the intervals were narrow enough",) * session.out_of_time,
            )
        )
    return interrupts.count


def _follow(events: Iterator[PairEvent], journal: Journal, session: PairSession) -> None:
    settings = session.header.settings
    with console.progress(settings.processes) as bar:
        for event in events:
            if isinstance(event, PairsTold):
                journal.append(*event.values)
            elif isinstance(event, PairProgress):
                text = f"process {event.process + 1} of {event.processes}"
                bar(min(event.process, settings.processes), text, event.left_s)


# -- after -------------------------------------------------------------------------------------------------------------


def _told(options: Options, path: Path, interrupts: int) -> int:
    record = read_pairs(path)
    if record.processes or record.refusals:
        tell_verdicts(record, as_json=options.json)
    for warning in record.end.warnings if record.end else ():
        console.warn(warning)
    for refusal in sorted(record.refusals, key=lambda each: each.cell):
        console.error(f"n = {record.header.cells[refusal.cell].problem.shape_label}: {refusal.reason}")
    if interrupts:
        console.note(f"interrupted; what was measured is kept in {path}")
        console.hint("continue: the same two names with --resume")
        return 130
    console.note(f"record: {path}")
    if not record.processes and not record.refusals:
        raise IncompleteError("no process came to its end; see the reasons above, and try a longer --budget")
    read = "" if options.output == Path("results") else f" --results {options.output}"
    console.hint(f"look again: matbench show --verdicts {record.header.id}{read}")
    outcomes = {refusal.outcome for refusal in record.refusals}
    return next((code for outcome, code in CODES.items() if outcome in outcomes), 0)
