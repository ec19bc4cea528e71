"""``matbench pair A B``: say how long, compare, store process by process, give one verdict a problem.

Exit codes: 0 whatever the verdict is; 1 where an arm is wrong (it raises, computes no product, changes its operands,
prints, starts processes); 2 where it can't be tried or the request is off; 3 where one never returned or took its
process down; 130 interrupted. The other rows are measured all the same.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matbench.analyse.doctor import diagnose
from matbench.analyse.pairs import undecided
from matbench.blocks import with_kept_blocks
from matbench.cli import console
from matbench.cli.interrupts import interruptible
from matbench.cli.opponent import Trial, rivals, with_opponents
from matbench.cli.options import BEST, results_option
from matbench.cli.reading import parse_dtype
from matbench.cli.run_options import LARGEST_SEED, parse_threads
from matbench.cli.verdicts import tell_verdicts
from matbench.comparison import LARGEST_CLAIM, Asked, cells_of, comparing, digests, pair_header, settings_for, stamp
from matbench.errors import IncompleteError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.pairs import PairEvent, PairProgress, PairSession, PairsTold
from matbench.measure.pairs_plan import comparison_seconds, promised_seconds
from matbench.measure.pairs_sources import Source, operation_of, parse_arms
from matbench.operations import OPERATIONS
from matbench.pairing import Cell, PairEnd, PairHeader, PairRecord, Refusal, Settings
from matbench.present.pairs import time_over_text
from matbench.record.differences import differences
from matbench.record.here import Machine
from matbench.record.host import read_conditions
from matbench.record.journal import Journal
from matbench.record.pairs import drop_pairs, incomplete_pairs, read_pairs
from matbench.record.reading import PAIRS
from matbench.sizes import parse_sizes
from matbench.units import format_seconds, parse_duration

__all__ = ["Options", "Work", "check_seed", "code_of", "compare", "followed", "parse_claim", "tell_refusals", "untried"]

CODES = {"wrong": 1, "ended": 3, "skipped": 2}  # exit codes of what could not be compared, the first that applies
SHARE_OF_TRIAL = 0.2  # of a budget, that choosing the opponent may take


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
class Work:
    """What is to be compared, and where it is stored."""

    header: PairHeader
    sources: tuple[Source, ...]
    so_far: PairRecord | None = None
    path: Path | None = None  # of the record that is continued
    open_cells: Callable[[PairRecord], tuple[int, ...]] = undecided  # those that more time may decide


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
        raise UsageError(f"a claim of {found[1]}{found[2]} claims nothing; leave out --claim to ask for any difference")
    if margin >= LARGEST_CLAIM:
        raise UsageError(f"a claim of {found[1]}{found[2]} is too large; state less than {100 * LARGEST_CLAIM:.0f}%")
    return round(margin, 12)


def compare(options: Options) -> int:
    """Compare two arms; the exit code says how it went."""
    start_ns = time.perf_counter_ns()
    _check(options)
    with console.strangers():
        registry = Registry(default_registry(*OPERATIONS))
    machine = Machine()
    add_blas_kernels(registry, options.blas)
    arms = _arms(options, registry)
    registry = with_kept_blocks(registry, machine, [arm.label for arm in arms])
    work = _resumed(options, arms, registry, machine) if options.resume else _begun(options, arms, registry, machine)
    path, interrupts = followed(work, registry, machine, output=options.output, blas=options.blas, start_ns=start_ns)
    return _told(options, path, interrupts)


# -- what was asked for ------------------------------------------------------------------------------------------------


def _check(options: Options) -> None:
    for name in ("sizes", "dtype", "threads", "claim", "budget", "machine"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name} is empty; give it a value or leave it out")
    check_seed(options.seed)
    if options.aa and options.b is not None:
        raise UsageError("--aa compares one kernel with its own clone; name one, not two")
    if options.a is None or (options.b is None and not options.aa):
        raise UsageError("two things to compare are needed; write for example: matbench pair numba_ikj numba_ikj_fma")
    if options.a == options.b:
        raise UsageError(f"{options.a} can't be compared with itself; say matbench pair {options.a} --aa for its clone")


def check_seed(seed: int) -> None:
    """Refuse a seed that no record can hold.

    Raises
    ------
    UsageError
        If it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"seed {seed} is out of range; give one from 0 to {LARGEST_SEED}")


def _arms(options: Options, registry: Registry) -> tuple[Source, Source]:
    if _wants_best(options, registry):
        return parse_arms([options.a or ""], registry)[0], Source(BEST)
    typed = [options.a or "", options.b or options.a or ""]
    a, b = parse_arms(typed, registry)
    if a.place is not None and a == b and not options.aa:
        raise UsageError(f"{a.label} can't be compared with itself; compare it with its clone by --aa")
    return a, b


def _wants_best(options: Options, registry: Registry) -> bool:
    """Whether the opponent is the fastest BLAS library, whichever that is."""
    return options.b == BEST and BEST not in registry.names


def _sources(arms: tuple[Source, Source], cells: Sequence[Cell]) -> tuple[Source, ...]:
    """All arms of some cells: in place of `BEST` the libraries that were chosen."""
    if arms[1].label != BEST:
        return arms
    return (arms[0], *(Source(name) for name in dict.fromkeys(cell.b for cell in cells)))


def _begun(options: Options, arms: tuple[Source, Source], registry: Registry, machine: Machine) -> Work:
    operation = operation_of((arms[0].label, arms[1].label), registry)
    dtype = parse_dtype(options.dtype)
    names = rivals(registry, arms[0].label, operation, dtype) if _wants_best(options, registry) else ()
    cells = cells_of(
        arms[0].label,
        arms[1].label,
        parse_sizes(options.sizes),
        dtype=dtype,
        threads=parse_threads(options.threads),
        processors=machine.processors,
        operation=operation,
    )
    settings = settings_for(
        len(cells),
        processes=options.processes,
        claim=parse_claim(options.claim) if options.claim is not None else 0.0,
        budget_s=parse_duration(options.budget) if options.budget else 0.0,
    )
    if names:
        limit_s = SHARE_OF_TRIAL * settings.budget_s if settings.budget_s else None
        cells = with_opponents(cells, names, registry, machine, Trial(options.blas, options.seed, limit_s))
    sources = _sources(arms, cells)
    asked = Asked(cells, sources, settings, _command(options, arms), options.seed, options.machine)
    return Work(pair_header(asked, machine), sources)


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


def _resumed(options: Options, arms: tuple[Source, Source], registry: Registry, machine: Machine) -> Work:
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
    a, b = arms[0].label, arms[1].label
    opponents = rivals(registry, a) if _wants_best(options, registry) else (b,)
    for path in reversed(incomplete_pairs(options.output, machine.host.host_id)):
        record = read_pairs(path)
        if all(cell.a == a and cell.b in opponents for cell in record.header.cells):
            apart = differences(record.header, machine.host, machine.environment)
            if apart:
                raise UsageError(f"{record.header.id} can't be continued: {'; '.join(apart)}; begin anew")
            sources = _sources(arms, record.header.cells)
            if record.header.digests != digests(sources):
                raise UsageError(
                    f"{record.header.id} can't be continued: a file of its functions has changed; begin anew"
                )
            return Work(record.header, sources, record, path)
    raise UsageError(
        f"no interrupted comparison of {a} with {b} on this machine under {options.output.name}; "
        "begin one without --resume"
    )


# -- measuring ---------------------------------------------------------------------------------------------------------


def followed(
    work: Work, registry: Registry, machine: Machine, *, output: Path, blas: Sequence[str], start_ns: int
) -> tuple[Path, int]:
    """Measure, each process on the disk before the next begins; the record's path, and how often it was interrupted.

    Parameters
    ----------
    work
        What is compared.
    registry
        Kernels by name.
    machine
        The one at hand.
    output
        Folder of the results.
    blas
        Paths of further BLAS libraries.
    start_ns
        When it was asked for, on `time.perf_counter_ns`.
    """
    asked = comparing(work.header, work.sources, registry, machine, blas=blas, so_far=work.so_far, start_ns=start_ns)
    with asked as session, _journal(output, work) as journal:
        _announce(work, registry, session)
        interrupts = _measured(work, session, journal, start_ns)
        return journal.path, interrupts


@contextlib.contextmanager
def _journal(output: Path, work: Work) -> Iterator[Journal]:
    made = Journal.reopen(work.path, PAIRS) if work.path else Journal.create(output, work.header)
    with made as journal:
        yield journal


def _announce(work: Work, registry: Registry, session: PairSession) -> None:
    header, settings = work.header, work.header.settings
    ended = len(work.so_far.processes) if work.so_far else 0
    more = max(settings.more_processes if ended else 1, settings.processes - ended)
    expected = comparison_seconds(header.cells, registry, settings, session.cell_s, more)
    promised = promised_seconds(len(header.cells))
    bound, tail = "", f", more (at most {settings.most_processes}) if needed"
    if 0 < settings.budget_s < expected:
        bound, tail, expected = "at most ", "", settings.budget_s
    elif not settings.budget_s and expected > promised:  # fewer may have to do, though not too few for a verdict
        bound, more = "at least ", min(more, session.fewest or more)
        expected = max(promised, comparison_seconds(header.cells, registry, settings, session.cell_s, more))
    if settings.most_processes == settings.processes:
        tail = ""
    limit = f" of at most {format_seconds(settings.budget_s)}" if settings.budget_s else ""
    number = "1 comparison" if len(header.cells) == 1 else f"{len(header.cells)} comparisons"
    processes = "1 process" if more == 1 else f"{bound}{more} processes"
    console.note(f"{number} in {processes}, about {format_seconds(expected)}{limit}{tail}")
    if expected > promised and not settings.budget_s:
        console.note(
            f"that is longer than the usual {format_seconds(promised)}: a call takes long, and no verdict can do with "
            "fewer processes; smaller sizes are faster"
        )
    for finding in diagnose(header.host, header.environment, header.conditions):
        if finding.level == "fault":
            console.warn(f"{finding.subject}: {finding.saw} (more: matbench doctor)")


def _measured(work: Work, session: PairSession, journal: Journal, start_ns: int) -> int:
    with interruptible(session.stop, "cell") as interrupts:
        _follow(session.run(), journal, session)
    if not interrupts.count:
        journal.finish(
            PairEnd(
                finished=stamp(),
                elapsed_s=(time.perf_counter_ns() - start_ns) * 1e-9,
                conditions=read_conditions(),
                libraries=session.libraries or (),
                warnings=_left_open(work, session),
            )
        )
    return interrupts.count


def _left_open(work: Work, session: PairSession) -> tuple[str, ...]:
    """That time ended it before all was decided, in a sentence; nothing where more time is not what it takes."""
    cells, limit_s = work.header.cells, work.header.settings.budget_s
    left = work.open_cells(session.record) if session.out_of_time else ()
    return (time_over_text(len(left), len(cells), limit_s or promised_seconds(len(cells))),) if left else ()


def _follow(events: Iterator[PairEvent], journal: Journal, session: PairSession) -> None:
    settings = session.header.settings
    with console.progress(settings.processes) as bar:
        for event in events:
            if isinstance(event, PairsTold):
                journal.append(*event.values)
            elif isinstance(event, PairProgress):
                bar(event.process, _doing(event, settings), event.left_s)


def _doing(event: PairProgress, settings: Settings) -> str:
    """Which process comes next; those beyond the first round are as many as the intervals take."""
    if event.process < settings.processes:
        return f"process {event.process + 1} of {settings.processes}"
    return f"process {event.process + 1}, for narrower intervals (at most {settings.most_processes})"


# -- after -------------------------------------------------------------------------------------------------------------


def _told(options: Options, path: Path, interrupts: int) -> int:
    record = read_pairs(path)
    tried = not untried(record)
    if (record.processes or record.refusals) and (tried or options.json):
        tell_verdicts(record, as_json=options.json)
    tell_refusals(record)
    if interrupts:
        console.note(f"interrupted; what was measured is kept in {path}")
        console.hint(f"continue: {_continued(options)}")
        return 130
    if not tried:
        drop_pairs(path)
        return code_of(record.refusals)
    console.note(f"record: {path}")
    if not record.processes and not record.refusals:
        raise IncompleteError("no process came to its end; see the reasons above, and try a longer --budget")
    read = results_option(options.output)
    console.hint(f"look again: matbench show --verdicts {record.header.id}{read}")
    return code_of(record.refusals)


def _continued(options: Options) -> str:
    """The command that goes on with what was interrupted."""
    libraries = (f"--blas {shlex.quote(path)}" for path in options.blas)
    arms = shlex.quote(options.a or ""), "--aa" if options.aa else shlex.quote(options.b or "")
    return " ".join(("matbench pair", *arms, *libraries, "--resume")) + results_option(options.output)


def untried(record: PairRecord) -> bool:
    """Whether none of the comparisons could be tried: then the request is off, and there is nothing to keep."""
    refused = {refusal.cell for refusal in record.refusals if refusal.outcome == "skipped"}
    return not record.blocks and len(refused) == len(record.header.cells)


def tell_refusals(record: PairRecord) -> None:
    """Say what was noticed in the end, and why what could not be compared."""
    for warning in record.end.warnings if record.end else ():
        console.warn(warning)
    for refusal in sorted(record.refusals, key=lambda each: each.cell):
        console.error(f"n = {record.header.cells[refusal.cell].problem.shape_label}: {refusal.reason}")


def code_of(refusals: Sequence[Refusal]) -> int:
    """The exit code for what could not be compared; 0 where all could."""
    outcomes = {refusal.outcome for refusal in refusals}
    return next((code for outcome, code in CODES.items() if outcome in outcomes), 0)
