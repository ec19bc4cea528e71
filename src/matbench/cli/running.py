"""``matbench run``: plan, say how long, measure, store as it goes, tell the story."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from matbench.analyse.attribution import Attribution
from matbench.analyse.doctor import steal_share
from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.cli.asv import share_with_asv
from matbench.cli.credits import kept
from matbench.cli.interrupts import interruptible
from matbench.cli.operations import tables_of
from matbench.cli.options import results_option
from matbench.cli.reading import chosen_dtype, draw_figures, figure_folder, run_json, sections_of, told
from matbench.cli.report import NAME, write_report
from matbench.cli.run_options import Options, request_of
from matbench.cli.run_work import FINISH_S, Work, announce, fitting, new_work, plan_text, resumed_work
from matbench.errors import IncompleteError
from matbench.kernels import Registry, default_registry
from matbench.measure.child import Child
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.plan import cases_of
from matbench.measure.session import Event, Progress, Session, Software
from matbench.model import Ceiling, End, Measurement, Plan, Record
from matbench.operations import OPERATIONS, PRODUCT
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.host import read_conditions
from matbench.record.journal import Journal
from matbench.record.store import read_record

__all__ = ["Runner", "early_text", "run_ladder"]

STARTED_S = 0.5  # s, gone before this module is imported
STEAL_WARNS = 0.05  # of the processors' time, taken by the hypervisor
OTHERS_WARN = 0.05  # the same, taken by other programs


def run_ladder(options: Options) -> int:
    """Measure the ladder; the exit code says how it went."""
    start_ns = time.perf_counter_ns() - int(STARTED_S * 1e9)
    request = request_of(options)
    with console.strangers():
        # A run that is continued may be of any operation.
        registry = Registry(default_registry(*(OPERATIONS if options.resume else request.operations)))
    machine = Machine()
    if options.resume or PRODUCT in request.operations:
        add_blas_kernels(registry, options.blas)
    if options.resume:
        work = fitting(resumed_work(options, registry, machine), registry, machine.memory_bytes)
    else:
        work = new_work(request, registry, machine, options.machine)
    if options.dry_run:
        announce(work, registry)
        console.data(plan_text(work))
        return 0
    with alone():
        runner = Runner(options, work, start_ns)
        try:
            runner.measure(machine, registry)
        except IncompleteError as reason:
            record, _ = runner.tell_table()
            raise IncompleteError(early_text(reason, record, "--resume")) from None
    return runner.tell()


def early_text(reason: IncompleteError, record: Record, way_on: str) -> str:
    """Why a run ended early, what is kept of it, and which command goes on with it, in a sentence."""
    kept = "what was measured is kept in its record" if _has_samples(record) else "its record holds no sample yet"
    return f"the run {reason}; {kept}, and {way_on} goes on with it"


def _has_samples(record: Record) -> bool:
    return any(len(each.samples) for each in record.measurements)


def _others_seconds() -> float:
    """CPU time of all programs but this one and its processes that have ended, since the machine was started, s."""
    spent, own = psutil.cpu_times(), os.times()
    all_s = float(spent.user + spent.system + getattr(spent, "nice", 0.0))
    return all_s - (own.user + own.system + own.children_user + own.children_system)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _doing(progress: Progress) -> str:
    """What comes next, in words."""
    of = f"process {progress.turn} of {progress.turns}"
    turn = f", {of}" if progress.turns > 1 else ""
    if progress.problem is None:
        return f"{of} done" if progress.turn < progress.turns else "done"
    return f"{progress.problem.dtype} n = {progress.problem.shape_label}{turn}"


@dataclass
class Runner:
    """One run under way: stores what comes, shows how far it is, ends tidily when it is interrupted."""

    options: Options
    work: Work
    start_ns: int
    child: Callable[[int, Sequence[str]], Any] = Child  # starts a sampling process: (threads, libraries)
    interrupted: bool = False
    others_s: float = 0.0  # CPU time of other programs until this run began, s
    software: Software | None = None
    path: Path = field(default_factory=Path)

    @cached_property
    def kept(self) -> tuple[Attribution, ...]:
        """The attributions among the results."""
        return kept(self.options.output)

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
            child=self.child,
            process=work.process,
            processes=work.processes,
            so_far=work.so_far,
            ceilings=work.process == 0,
            tuned=machine.tuned,
        )
        self.others_s = _others_seconds()
        with self._journal() as journal:
            self.path = journal.path
            announce(work, registry)  # once it is sure that the record can be written
            with interruptible(session.stop, "round") as interrupts:
                self._follow(session.run(), journal)
            self.interrupted = interrupts.count > 0
            if not self.interrupted:
                journal.finish(self._end())

    def _journal(self) -> Journal:
        path = self.work.path
        journal = Journal.create(self.options.output, self.work.header) if path is None else Journal.reopen(path)
        if self.work.skipped:
            journal.append(*self.work.skipped)
        return journal

    def _follow(self, events: Iterator[Event], journal: Journal) -> None:
        waiting: list[Measurement | Ceiling] = []
        with console.progress(len(self.work.blocks) * self.work.processes) as bar:
            try:
                for event in events:
                    if isinstance(event, Progress):
                        journal.append(*waiting)
                        waiting.clear()
                        bar(event.block, _doing(event), self._left_s(event))
                    elif isinstance(event, Software):
                        self.software = event
                    else:
                        waiting.append(event)
            finally:
                if waiting:
                    journal.append(*waiting)

    def _left_s(self, progress: Progress) -> float:
        """The time left that is shown, s: of what is expected, where that is known, or until the time is up."""
        if self.work.expected_s is None:
            return progress.left_s
        return max(0.0, self.work.expected_s - (time.perf_counter_ns() - self.start_ns) * 1e-9)

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

    def tell_table(self) -> tuple[Record, Table]:
        """Print what was found, and return it."""
        record = read_record(self.path)
        table = tabulate(record)
        if self.options.json:
            console.data(run_json(record.header, *tables_of(record, table)))
        else:
            console.data(told(record.header, sections_of(record, table), self.kept))
        return record, table

    def tell(self) -> int:
        """Print what was found, draw it, name the next commands; returns the exit code."""
        record, table = self.tell_table()
        if self.interrupted:
            console.note(f"interrupted; what was measured is kept in {self.path}")
            console.hint(f"continue: matbench run --resume{results_option(self.options.output)}")
            return 130
        self._draw(record, table)
        code = self._verdict(record)
        self._hint(table)
        return code

    def _draw(self, record: Record, table: Table) -> None:
        folder = figure_folder(self.options.output, record.header)
        dtype = chosen_dtype(table)
        kinds = ("speedup", "rate", "threads", "ladder", "credit")
        draw_figures(table, folder, kinds, dtype, dark=False, record=record, attributions=self.kept)
        console.note(f"record:  {self.path}\nfigures: {folder}")
        write_report([(record, table)], folder / NAME, dtype, attributions=self.kept)
        console.note(f"report:  {folder / NAME}")
        share_with_asv(record, table, self.options.output)

    def _hint(self, table: Table) -> None:
        """Name the next commands: the last line of a run."""
        dtype = chosen_dtype(table)
        read = results_option(self.options.output)
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
        if not _has_samples(record):
            raise IncompleteError(f"nothing could be measured; see the reasons above, and try {_remedy(record)}")
        return 1 if wrong or findings else 0


def _remedy(record: Record) -> str:
    """What to ask for where nothing of a run could be measured."""
    planned = {case for block in record.header.plan.blocks for case in cases_of(block)}
    for_memory = {each.bytes_allowed is not None for each in record.measurements if each.case in planned}
    told = {True: "smaller --sizes", False: "a longer --budget"}
    return " or ".join(told[each] for each in sorted(for_memory)) or told[False]
