"""``matbench run``: plan, say how long, measure, store as it goes, tell the story."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil

from matbench.analyse.doctor import diagnose, steal_share
from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.rows import Table
from matbench.api import new_header
from matbench.cli import console
from matbench.cli.asv import share_with_asv
from matbench.cli.interrupts import interruptible
from matbench.cli.operations import asked_operations, tables_of
from matbench.cli.reading import chosen_dtype, draw_figures, figure_folder, parse_dtype, run_json, sections_of, told
from matbench.cli.report import NAME, write_report
from matbench.errors import IncompleteError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.plan import BASE, COMPILE_S, Request, block_seconds, make_plan, run_seconds
from matbench.measure.session import Event, Progress, Session, Software
from matbench.model import Block, Case, Ceiling, End, Header, Measurement, Plan, Record
from matbench.operations import OPERATIONS, PRODUCT
from matbench.record.alone import alone
from matbench.record.differences import differences
from matbench.record.here import Machine
from matbench.record.host import read_conditions
from matbench.record.journal import Journal
from matbench.record.store import incomplete_records, read_record
from matbench.units import format_seconds, parse_duration

__all__ = ["Options", "parse_threads", "run_ladder"]

FINISH_S = 6.0  # s, of the budget: the last table, the figures and the page
STARTED_S = 0.5  # s, gone before this module is imported
STEAL_WARNS = 0.05  # of the processors' time, taken by the hypervisor
OTHERS_WARN = 0.05  # the same, taken by other programs
LARGEST_SEED = 2**62  # that a record can hold
RESUME_S = FINISH_S + 3.0  # s, of any run: its start, its ceilings and its end
SHORTEST_S = 10.0  # s, a shorter budget is gone before anything is measured


@dataclass(frozen=True)
class Options:
    """The options of ``matbench run`` as they were typed."""

    preset: str = "standard"
    operations: str | None = None
    kernels: str | None = None
    sizes: str | None = None
    dtypes: str | None = None
    threads: str | None = None
    budget: str | None = None
    base: str | None = None
    seed: int = 1
    blas: tuple[str, ...] = ()
    machine: str | None = None
    output: Path = Path("results")
    resume: bool = False
    dry_run: bool = False
    json: bool = False


def parse_threads(text: str) -> tuple[int, ...]:
    """The thread counts of ``1,2``, each once, ascending.

    Raises
    ------
    UsageError
        If one of them is no positive number.
    """
    counts = []
    for item in text.split(","):
        if not item.strip().isascii() or not item.strip().isdigit() or int(item) < 1:
            raise UsageError(f"{item.strip()!r} is no thread count; write for example --threads 1,2")
        counts.append(int(item))
    return tuple(sorted(set(counts)))


def _command(options: Options) -> str:
    """The command that repeats the run: what was asked for, without paths."""
    words = ["matbench run", f"--preset {options.preset}"]
    for name in ("operations", "kernels", "sizes", "dtypes", "threads", "budget", "base"):
        value = getattr(options, name)
        if value is not None:
            words.append(f"--{name} {shlex.quote(value)}")
    if options.seed != 1:
        words.append(f"--seed {options.seed}")
    words += [f"--blas {shlex.quote(Path(path).name)}" for path in options.blas]
    return " ".join(words)


def _request(options: Options) -> Request:
    for name in ("operations", "kernels", "sizes", "dtypes", "threads", "budget", "base", "machine"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name} is empty; give it a value or leave it out")
    budget_s = parse_duration(options.budget) if options.budget else None
    if budget_s is not None and budget_s < SHORTEST_S:
        raise UsageError(
            f"a budget of {options.budget} is gone before anything is measured; give at least {SHORTEST_S:.0f}s"
        )
    if not 0 <= options.seed <= LARGEST_SEED:
        raise UsageError(f"seed {options.seed} is out of range; give one from 0 to {LARGEST_SEED}")
    return Request(
        preset=options.preset,
        kernels=options.kernels,
        sizes=options.sizes,
        dtypes=tuple(parse_dtype(each) for each in options.dtypes.split(",")) if options.dtypes else None,
        threads=parse_threads(options.threads) if options.threads else None,
        budget_s=budget_s,
        seed=options.seed,
        base=options.base or BASE,
        command=_command(options),
        operations=asked_operations(options.operations, options.kernels),
    )


@dataclass
class _Work:
    """What is to be measured, and where it is stored."""

    header: Header
    blocks: tuple[Block, ...]
    share: float = 1.0  # of the plan's budget that is left for these blocks
    skipped: tuple[Measurement, ...] = ()
    process: int = 0
    path: Path | None = None  # of the record that is continued


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _resumed_work(options: Options, registry: Registry, machine: Machine) -> _Work:
    """What is left of the newest run that did not reach its end.

    Raises
    ------
    UsageError
        If there is none, this is another machine or other software, or the request would change the plan.
    """
    _refuse_new_plan(options)
    paths = incomplete_records(options.output, machine.host.host_id)
    if not paths:
        raise UsageError(f"no interrupted run of this machine under {options.output.name}; begin one with matbench run")
    record = read_record(paths[-1])
    apart = differences(record.header, machine.host, machine.environment)
    if apart:
        raise UsageError(f"{record.header.id} can't be continued: {'; '.join(apart)}; begin anew with matbench run")
    plan = record.header.plan
    blocks = unfinished(record)
    missing = sorted({name for block in blocks for name, _ in block.arms} - set(registry.names))
    if missing:
        hint = "install its plugin, or name its library with --blas"
        raise UsageError(f"{record.header.id} can't be continued without {missing[0]}; {hint}")
    most = max((threads for block in blocks for _, threads in block.arms), default=1)
    if most > machine.processors:
        hint = f"this process may use {machine.processors}; widen its affinity or quota"
        raise UsageError(f"{record.header.id} can't be continued: it needs {most} processors, and {hint}")
    left_s = sum(_wanted(plan, registry, block) for block in blocks)
    share = left_s / max(1e-9, sum(_wanted(plan, registry, block) for block in plan.blocks))
    fixed_s = RESUME_S + COMPILE_S * len({name for block in blocks for name, _ in block.arms})
    share = min(1.0, share + fixed_s / plan.budget_s)  # starting and compiling take as long as at first
    processes = [process for each in record.measurements for process in each.samples.process]
    return _Work(record.header, blocks, share, process=max(processes, default=-1) + 1, path=paths[-1])


def _refuse_new_plan(options: Options) -> None:
    """A run that goes on keeps its plan: no option may seem to change it."""
    default = Options()
    for name in ("preset", "operations", "kernels", "sizes", "dtypes", "threads", "budget", "base", "seed", "machine"):
        if getattr(options, name) != getattr(default, name):
            raise UsageError(f"--resume continues a run as it was planned; leave out --{name}")


def _wanted(plan: Plan, registry: Registry, block: Block) -> float:
    """Time that all samples of a block take, s, by the cost models; what is not installed counts nothing."""
    arms = tuple(arm for arm in block.arms if arm[0] in registry.names)
    calls = [registry.get(name).expected_seconds(block.problem, threads) for name, threads in arms]
    return block_seconds(plan, msgspec.structs.replace(block, arms=arms), calls)[1]


def unfinished(record: Record) -> tuple[Block, ...]:
    """Blocks of a record's plan that have to be measured, again or at all: from the last one begun on.

    The last one begun may lack rounds; it is measured again as a whole, so that its arms pair, and what it has is
    kept beside.
    """
    planned = record.header.plan.blocks
    begun = {each.case.problem for each in record.measurements if len(each.samples) or each.outcome != "skipped"}
    last = max((place for place, block in enumerate(planned) if block.problem in begun), default=0)
    settled = {each.case for each in record.measurements if each.outcome in {"wrong", "ended"}}
    todo = []
    for block in planned[last:]:
        arms = tuple(arm for arm in block.arms if Case(arm[0], block.problem, arm[1]) not in settled)
        if arms:
            todo.append(msgspec.structs.replace(block, arms=arms))
    return tuple(todo)


def run_ladder(options: Options) -> int:
    """Measure the ladder; the exit code says how it went."""
    start_ns = time.perf_counter_ns() - int(STARTED_S * 1e9)
    request = _request(options)
    with console.strangers():
        # A run that is continued may be of any operation.
        registry = Registry(default_registry(*(OPERATIONS if options.resume else request.operations)))
    machine = Machine()
    if options.resume or PRODUCT in request.operations:
        add_blas_kernels(registry, options.blas)
    if options.resume:
        work = _resumed_work(options, registry, machine)
    else:
        planned = make_plan(request, registry, machine.processors)
        header = new_header(planned, registry, machine, options.machine)
        work = _Work(header, planned.plan.blocks, skipped=planned.skipped)
    if options.dry_run:
        _announce(work, registry)
        console.data(_plan_text(work))
        return 0
    with alone():
        runner = _Runner(options, work, start_ns)
        runner.measure(machine, registry)
    return runner.tell()


def _announce(work: _Work, registry: Registry) -> None:
    plan = work.header.plan
    cases = sum(len(block.arms) for block in work.blocks)
    expected = work.share * run_seconds(plan, registry)
    console.note(
        f"{plan.preset}: {cases} cases on {len(work.blocks)} problems, about {format_seconds(expected)} "
        f"of at most {format_seconds(work.share * plan.budget_s)}"
    )
    for finding in diagnose(work.header.host, work.header.environment, work.header.conditions):
        if finding.level == "fault":
            console.warn(f"{finding.subject}: {finding.saw} (more: matbench doctor)")


def _plan_text(work: _Work) -> str:
    lines = []
    for block in work.blocks:
        arms = " ".join(name if threads == 1 else f"{name}/{threads}" for name, threads in block.arms)
        operation = "" if block.problem.operation == PRODUCT else f"{block.problem.operation} "
        lines.append(f"{operation}{block.problem.dtype} {block.problem.shape_label}: {arms}")
    lines += [
        f"left out: {each.case.kernel} at {each.case.problem.shape_label}: {each.reason}" for each in work.skipped
    ]
    return "\n".join(lines)


def _others_seconds() -> float:
    """CPU time of all programs but this one and its processes that have ended, since the machine was started, s."""
    spent, own = psutil.cpu_times(), os.times()
    all_s = float(spent.user + spent.system + getattr(spent, "nice", 0.0))
    return all_s - (own.user + own.system + own.children_user + own.children_system)


@dataclass
class _Runner:
    """One run under way: stores what comes, shows how far it is, ends tidily when it is interrupted."""

    options: Options
    work: _Work
    start_ns: int
    interrupted: bool = False
    others_s: float = 0.0  # CPU time of other programs until this run began, s
    software: Software | None = None
    path: Path = field(default_factory=Path)

    @property
    def plan(self) -> Plan:
        """The plan that is followed."""
        return self.work.header.plan

    def measure(self, machine: Machine, registry: Registry) -> None:
        """Take all samples; every one is on the disk before the next round begins."""
        work = self.work
        budget_s = work.share * self.plan.budget_s - FINISH_S
        session = Session(
            plan=self.plan,
            blocks=work.blocks,
            caches=work.header.host.caches,
            memory_bytes=machine.memory_bytes,
            deadline_ns=self.start_ns + int(max(budget_s, STARTED_S) * 1e9),
            threads=machine.processors,
            blas=self.options.blas,
            process=work.process,
            ceilings=work.process == 0,
        )
        self.others_s = _others_seconds()
        with self._journal() as journal:
            self.path = journal.path
            _announce(work, registry)  # once it is sure that the record can be written
            with interruptible(session.stop, "round") as interrupts:
                self._follow(session.run(), journal)
            self.interrupted = interrupts.count > 0
            if not self.interrupted:
                journal.finish(self._end())

    def _journal(self) -> Journal:
        if self.work.path is not None:
            return Journal.reopen(self.work.path)
        journal = Journal.create(self.options.output, self.work.header)
        if self.work.skipped:
            journal.append(*self.work.skipped)
        return journal

    def _follow(self, events: Iterator[Event], journal: Journal) -> None:
        waiting: list[Measurement | Ceiling] = []
        with console.progress(len(self.work.blocks)) as bar:
            try:
                for event in events:
                    if isinstance(event, Progress):
                        journal.append(*waiting)
                        waiting.clear()
                        bar(event.block, self._doing(event.block), event.left_s)
                    elif isinstance(event, Software):
                        self.software = event
                    else:
                        waiting.append(event)
            finally:
                if waiting:
                    journal.append(*waiting)

    def _doing(self, block: int) -> str:
        if block >= len(self.work.blocks):
            return "done"
        problem = self.work.blocks[block].problem
        return f"{problem.dtype} n = {problem.shape_label}"

    def _end(self) -> End:
        software = self.software or Software((), None)
        after = read_conditions()
        warnings = []
        stolen = steal_share(self.work.header.conditions, after)
        if stolen is not None and stolen > STEAL_WARNS:
            warnings.append(f"the hypervisor took {100 * stolen:.0f} % of the processors' time during this run")
        elapsed_s = (time.perf_counter_ns() - self.start_ns) * 1e-9
        others = (_others_seconds() - self.others_s) / (elapsed_s * self.work.header.host.logical_cpus)
        if others > OTHERS_WARN:
            warnings.append(
                f"other programs took {100 * others:.0f} % of the processors' time during this run; "
                "stop them and measure again"
            )
        return End(
            finished=_now(),
            elapsed_s=elapsed_s,
            conditions=after,
            libraries=software.libraries,
            numba_threading_layer=software.threading_layer,
            warnings=tuple(warnings),
        )

    def tell(self) -> int:
        """Print what was found, draw it, name the next commands; returns the exit code."""
        record = read_record(self.path)
        table = tabulate(record)
        if self.options.json:
            console.data(run_json(record.header, *tables_of(record, table)))
        else:
            console.data(told(record.header, sections_of(record, table)))
        if self.interrupted:
            output = "" if self.options.output == Path("results") else f" --output {self.options.output}"
            console.note(f"interrupted; what was measured is kept in {self.path}")
            console.hint(f"continue: matbench run --resume{output}")
            return 130
        self._draw(record, table)
        code = self._verdict(record)
        self._hint(table)
        return code

    def _draw(self, record: Record, table: Table) -> None:
        folder = figure_folder(self.options.output, record.header)
        dtype = chosen_dtype(table)
        draw_figures(table, folder, ("speedup", "rate", "threads", "ladder"), dtype, dark=False)
        console.note(f"record:  {self.path}\nfigures: {folder}")
        write_report([(record, table)], folder / NAME, dtype)
        console.note(f"report:  {folder / NAME}")
        share_with_asv(record, table, self.options.output)

    def _hint(self, table: Table) -> None:
        """Name the next commands: the last line of a run."""
        dtype = chosen_dtype(table)
        read = "" if self.options.output == Path("results") else f" --results {self.options.output}"
        timed = [row.case.problem for row in table.rows if row.seconds is not None]
        sides = [problem.n for problem in timed if problem.is_square and problem.dtype == dtype]
        size = f" --size {max(sides)}" if sides else ""
        console.hint(f"next: matbench show{size}{read} | matbench plot{read} | matbench doctor")

    def _verdict(self, record: Record) -> int:
        for warning in record.end.warnings if record.end else ():
            console.warn(warning)
        wrong = [each for each in record.measurements if each.outcome == "wrong"]
        for each in wrong:
            console.error(f"{each.case.kernel} at n = {each.case.problem.shape_label}: {each.reason}; it was not timed")
        for each in record.measurements:
            if each.outcome == "ended":
                console.warn(f"{each.case.kernel} at n = {each.case.problem.shape_label}: {each.reason}")
        findings = implausible(record)
        for finding in findings:
            console.error(finding)
        if not any(len(each.samples) for each in record.measurements):
            raise IncompleteError("nothing could be measured; see the reasons above, and try a longer --budget")
        return 1 if wrong or findings else 0
