"""What a run has before it: blocks of a new plan, or what is left of one that was interrupted; and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from matbench.analyse.doctor import diagnose
from matbench.api import new_header
from matbench.blocks import with_kept_blocks
from matbench.cli import console
from matbench.cli.run_options import Options
from matbench.errors import UsageError
from matbench.kernels import Registry
from matbench.kernels.oracle import check_bytes
from matbench.measure.plan import COMPILE_S, Request, block_seconds, cases_of, make_plan, run_processes, run_seconds
from matbench.measure.turns import Turn, whole_turns
from matbench.model import Block, Case, Header, Measurement, Plan, Record
from matbench.operations import PRODUCT
from matbench.present.left_out import LeftOut, left_out_lines
from matbench.present.words import clean
from matbench.record.differences import differences
from matbench.record.here import Machine
from matbench.record.reading import RUNS, split_data
from matbench.record.store import incomplete_records, read_bytes, read_record
from matbench.units import format_bytes, format_seconds

__all__ = ["FINISH_S", "Work", "announce", "as_told", "fitting", "new_work", "plan_text", "resumed_work", "unfinished"]

FINISH_S = 6.0  # s, of the budget: the last table, the figures and the page
UNLIMITED = 100  # times the expected time: a budget so large is none
RESUME_S = FINISH_S + 3.0  # s, of any run: its start, its ceilings and its end


@dataclass
class Work:
    """What is to be measured, and where it is stored."""

    header: Header
    blocks: tuple[Block, ...]
    share: float = 1.0  # of the plan's budget that is left for these blocks
    skipped: tuple[Measurement, ...] = ()
    process: int = 0  # index of the first sampling process
    processes: int = 1  # that measure each block
    so_far: tuple[Measurement, ...] = ()  # what is known of these blocks from before
    expected_s: float | None = None  # time that it should take, where cost models do not tell
    path: Path | None = None  # of the record that is continued


def new_work(request: Request, registry: Registry, machine: Machine, label: str | None = None) -> Work:
    """A run that is begun: of what was asked for as much as this machine's memory can hold.

    Raises
    ------
    UsageError
        If the request or the label is off, or nothing is left to measure.
    """
    planned = make_plan(request, registry, machine.processors)
    registry = with_kept_blocks(registry, machine, kernels_of(planned.plan))
    header = new_header(planned, registry, machine, label)
    work = fitting(Work(header, planned.plan.blocks, skipped=planned.skipped), registry, machine.memory_bytes)
    return replace(work, processes=run_processes(work.header.plan, registry))


def resumed_work(options: Options, registry: Registry, machine: Machine) -> Work:
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
    record = as_told(paths[-1])
    with_kept_blocks(registry, machine, kernels_of(record.header.plan))
    apart = differences(record.header, machine.host, machine.environment)
    if apart:
        anew = clean(record.header.plan.command)
        raise UsageError(f"{record.header.id} can't be continued: {'; '.join(apart)}; begin anew with {anew}")
    plan = record.header.plan
    wanted = run_processes(plan, registry)
    blocks = unfinished(record, wanted)
    missing = sorted({name for block in blocks for name, _ in block.arms} - set(registry.names))
    if missing:
        hint = "install its plugin, or name its library with --blas"
        raise UsageError(f"{record.header.id} can't be continued without {missing[0]}; {hint}")
    most = max((threads for block in blocks for _, threads in block.arms), default=1)
    if most > machine.processors:
        hint = f"this process may use {machine.processors}; widen its affinity or quota"
        raise UsageError(f"{record.header.id} can't be continued: it needs {most} processors, and {hint}")
    whole = whole_turns(record.measurements, Turn(wanted).rounds(plan))
    left_s = sum(_wanted(plan, registry, each) * max(1, wanted - whole[each.problem]) for each in blocks) / wanted
    share = left_s / max(1e-9, sum(_wanted(plan, registry, block) for block in plan.blocks))
    fixed_s = RESUME_S + COMPILE_S * len({name for block in blocks for name, _ in block.arms})
    share = min(1.0, share + fixed_s / plan.budget_s)  # starting and compiling take as long as at first
    processes = [process for each in record.measurements for process in each.samples.process]
    return Work(
        record.header,
        blocks,
        share,
        process=max(processes, default=-1) + 1,
        processes=wanted,
        so_far=record.measurements,
        path=paths[-1],
    )


def as_told(path: Path) -> Record:
    """The record in a file with its measurements line by line, in the order in which they were taken.

    Merged by case they do not say which block a process was in when it ended.

    Raises
    ------
    RecordError
        If it can't be read as one.
    """
    _, values, _ = split_data(read_bytes(path), path.name, RUNS)
    told = tuple(each for each in values if isinstance(each, Measurement))
    return msgspec.structs.replace(read_record(path), measurements=told)


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


def unfinished(record: Record, processes: int) -> tuple[Block, ...]:
    """Blocks of a record's plan that have to be measured, again or at all; the record is as it was told.

    Of several processes those that fewer have measured as a whole than are planned; of a single one all from the last
    block begun on, which may lack rounds. That one is measured again as a whole, so that its arms pair, and what it has
    is kept beside.
    """
    planned = record.header.plan.blocks
    begun = {each.case.problem for each in record.measurements if len(each.samples) or each.outcome != "skipped"}
    last = max((place for place, block in enumerate(planned) if block.problem in begun), default=0)
    settled = {each.case for each in record.measurements if each.outcome in {"wrong", "ended"}}
    whole = whole_turns(record.measurements, Turn(processes).rounds(record.header.plan))
    todo = []
    for place, block in enumerate(planned):
        is_due = place >= last if processes == 1 else whole[block.problem] < processes
        pairs = zip(block.arms, cases_of(block), strict=True)
        arms = tuple(arm for arm, case in pairs if case not in settled)
        if arms and is_due:
            todo.append(msgspec.structs.replace(block, arms=arms))
    return tuple(todo)


def kernels_of(plan: Plan) -> frozenset[str]:
    """The names of all kernels that a plan measures."""
    return frozenset(name for block in plan.blocks for name, _ in block.arms)


def fitting(work: Work, registry: Registry, memory_bytes: int) -> Work:
    """The work without what memory can't hold, which is left out for the reason that a sampling process would give.

    Raises
    ------
    UsageError
        If nothing is left.
    """
    allowed = format_bytes(memory_bytes)
    reasons: dict[Case, str] = {}
    for block in work.blocks:
        for case in cases_of(block):
            needed = registry.get(case.kernel).needed_bytes(case.problem) + check_bytes(case.problem)
            if needed > memory_bytes:
                reasons[case] = f"needs {format_bytes(needed)} of memory, {allowed} may be used"
    blocks = _without(work.blocks, reasons)
    if work.blocks and not blocks:
        case, reason = min(reasons.items(), key=lambda each: each[0].problem.elements)
        place = f"{case.kernel} at {case.problem.shape_label}"
        raise UsageError(f"nothing is left to measure: {place} {reason}; ask for smaller --sizes")
    plan = msgspec.structs.replace(work.header.plan, blocks=_without(work.header.plan.blocks, reasons))
    left_out = (Measurement(case, "skipped", reason, bytes_allowed=memory_bytes) for case, reason in reasons.items())
    header = msgspec.structs.replace(work.header, plan=plan)
    return replace(work, header=header, blocks=blocks, skipped=(*work.skipped, *left_out))


def _without(blocks: Sequence[Block], cases: Container[Case]) -> tuple[Block, ...]:
    """Blocks without some cases; those that have no others are left out."""
    kept = []
    for block in blocks:
        pairs = zip(block.arms, cases_of(block), strict=True)
        arms = tuple(arm for arm, case in pairs if case not in cases)
        if arms:
            kept.append(msgspec.structs.replace(block, arms=arms))
    return tuple(kept)


def announce(work: Work, registry: Registry) -> None:
    """Tell on stderr how much there is to measure, how long it takes, and what of this machine stands against it."""
    plan = work.header.plan
    cases = sum(len(block.arms) for block in work.blocks)
    turns = "" if work.processes == 1 else f", each in {work.processes} processes"
    expected, limit = work.expected_s, work.share * plan.budget_s
    if expected is None:
        expected = work.share * run_seconds(plan, registry, work.processes)
    at_most = f" of at most {format_seconds(limit)}" if limit <= UNLIMITED * expected else ""
    console.note(
        f"{plan.preset}: {cases} cases on {len(work.blocks)} problems{turns}, about {format_seconds(expected)}{at_most}"
    )
    for name, value in work.header.environment.variables.items():
        if name.endswith(" blocks"):
            console.note(f"tuned {name}: {value} (matbench tune --forget removes them)")
    for finding in diagnose(work.header.host, work.header.environment, work.header.conditions):
        if finding.level == "fault":
            console.warn(f"{finding.subject}: {finding.saw} (more: matbench doctor)")


def plan_text(work: Work) -> str:
    """A line a problem with its kernels; then what is left out, and why."""
    lines = []
    for block in work.blocks:
        arms = " ".join(name if threads == 1 else f"{name}/{threads}" for name, threads in block.arms)
        operation = "" if block.problem.operation == PRODUCT else f"{block.problem.operation} "
        lines.append(f"{operation}{block.problem.dtype} {block.problem.shape_label}: {arms}")
    total = Counter(name for block in work.blocks for name, _ in block.arms)
    total.update(each.case.kernel for each in work.skipped)
    found = [LeftOut(each.case, each.reason or each.outcome) for each in work.skipped]
    lines += [f"left out: {line}" for line in left_out_lines(found, total)]
    return "\n".join(lines)
