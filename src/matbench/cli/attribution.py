"""``matbench explain --attribution``: which idea made it fast, by how much, measured on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from matbench.analyse.attribution import COMMAND, Attribution, attribute, nearest
from matbench.analyse.plausible import implausible
from matbench.api import new_header
from matbench.cli import console
from matbench.cli.credits import FOLDER, kept
from matbench.cli.options import RESULTS, results_option
from matbench.cli.reading import figure_folder, parse_dtype
from matbench.cli.run_options import Options as RunOptions
from matbench.cli.run_work import Work, as_told, resumed_work, unfinished
from matbench.cli.running import Runner, early_text
from matbench.crediting import SHORTEST_S
from matbench.errors import IncompleteError, RecordError, UsageError
from matbench.kernels import default_registry
from matbench.kernels.gemm.variants import variants
from matbench.kernels.registry import FLOATS, Registry
from matbench.measure.attribution import PRESET, AttributionChild, Scheme, attribution_plan, processes_of
from matbench.measure.plan import Planned, run_seconds
from matbench.model import Dtype, Header, Record
from matbench.operations import OPERATIONS
from matbench.present.attribution import attribution_object, attribution_sentence, attribution_table
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.host import read_host
from matbench.record.store import find_records, incomplete_records, read_record, resolve_record, write_bytes
from matbench.sizes import parse_sizes
from matbench.units import parse_duration

__all__ = ["Options", "explain_attribution"]

USUAL_N = 1024


@dataclass(frozen=True)
class Options:
    """The options of ``matbench explain --attribution`` as they were typed."""

    record: str | None = None
    more: str | None = None  # a second word, which means nothing here
    n: int | None = None
    dtype: str | None = None
    budget: str | None = None
    measure: bool = False
    resume: bool = False
    results: Path = RESULTS
    json: bool = False


def explain_attribution(options: Options) -> int:
    """Print the credit for each idea: what is kept of this machine at that size, or what is measured now."""
    start_ns = time.perf_counter_ns()
    n, dtype, budget_s = _asked(options)
    if options.record is not None:
        return _tell(attribute(_recorded(options.record, options.results / FOLDER)), options, anew=True)
    if not (options.measure or options.resume or budget_s is not None):
        found = nearest(kept(options.results), read_host().host_id, dtype, n)
        if found is not None and found.n == n:
            return _tell(found, options, anew=True)
        console.note(f"nothing is kept of this machine at n = {n} in {dtype}: it is measured now")
    registry, machine = variants(), Machine()
    if options.resume:
        work = _resumed(options, registry, machine)
    else:
        command = f"{COMMAND} --n {n} --dtype {dtype}" + (f" --budget {options.budget}" if options.budget else "")
        scheme = attribution_plan(n, dtype, registry, machine.processors, budget_s=budget_s, command=command)
        work = _planned(scheme, registry, machine, budget_s)
    return _measured(work, registry, machine, options, start_ns)


def _asked(options: Options) -> tuple[int, Dtype, float | None]:
    """Size, element type and time of the whole run, s, once they are known to make sense."""
    if options.more is not None:
        raise UsageError(f"--attribution takes one record at most; leave out {options.more!r}")
    if options.record is not None and (options.measure or options.resume or options.budget is not None):
        raise UsageError(
            "a record is shown as it is; leave it out to measure, or leave out what asks for a measurement"
        )
    if options.resume and (options.n is not None or options.dtype is not None or options.budget is not None):
        raise UsageError("--resume continues a run as it was planned; leave out --n, --dtype and --budget")
    n = USUAL_N if options.n is None else options.n
    parse_sizes(str(n))  # refuses what no matrix has
    dtype = parse_dtype(options.dtype or "float64")
    if dtype not in FLOATS:
        raise UsageError(f"no ideas can be told apart in {dtype}; use {' or '.join(FLOATS)}")
    budget_s = None if options.budget is None else parse_duration(options.budget)
    if budget_s is not None and budget_s < SHORTEST_S:
        raise UsageError(
            f"a budget of {options.budget} is gone before everything is compiled; give at least {SHORTEST_S:.0f}s"
        )
    return n, dtype, budget_s


def _recorded(argument: str, folder: Path) -> Record:
    """The attribution that is meant: a file, an id, a machine.

    Raises
    ------
    UsageError
        If there is none of the kind, with what can be typed instead.
    """
    try:
        return read_record(resolve_record(argument, folder))
    except RecordError as reason:
        with console.strangers():
            kernels = default_registry(*OPERATIONS)
        if argument in kernels.names:
            raise UsageError(
                f"--attribution is about all ideas together, and {argument} is one rung; leave it out: {COMMAND}"
            ) from reason
        if find_records(folder):
            raise
        raise UsageError(f"no attribution is kept, so {argument!r} is none; measure one: {COMMAND}") from reason


def _planned(scheme: Scheme, registry: Registry, machine: Machine, budget_s: float | None) -> Work:
    """A new run."""
    header = new_header(Planned(scheme.plan, ()), registry, machine)
    share = 1.0 if budget_s is None else budget_s / scheme.plan.budget_s
    expected_s = scheme.expected_s if budget_s is None else min(budget_s, scheme.expected_s)
    return Work(header, scheme.plan.blocks, share, processes=processes_of(scheme.plan), expected_s=expected_s)


def _resumed(options: Options, registry: Registry, machine: Machine) -> Work:
    """What is left of the newest run that was interrupted."""
    folder = options.results / FOLDER
    if not incomplete_records(folder, machine.host.host_id):
        raise UsageError(f"no attribution of this machine was interrupted; begin one with {COMMAND}")
    work = resumed_work(RunOptions(output=folder), registry, machine)
    plan = work.header.plan
    if "--budget" in plan.command:
        console.note("it was begun with a --budget; what is left is measured without a time limit")
    work.processes = processes_of(plan)
    left = max(1, work.processes - work.process) / work.processes
    work.expected_s = left * run_seconds(plan, registry, work.processes)
    if work.path is not None:
        work.blocks = unfinished(as_told(work.path), work.processes)
    return work


def _measured(work: Work, registry: Registry, machine: Machine, options: Options, start_ns: int) -> int:
    """Measure, store as it goes, tell what came of it."""
    asked = RunOptions(preset=PRESET, output=options.results / FOLDER)
    with alone():
        runner = Runner(asked, work, start_ns, child=AttributionChild)
        try:
            runner.measure(machine, registry)
        except IncompleteError as reason:
            record = read_record(runner.path)
            found = _attributed(record)
            if found is not None:
                _tell(found, options, anew=False)
            raise IncompleteError(early_text(reason, record, _way_on(options))) from None
    record = read_record(runner.path)
    for warning in record.end.warnings if record.end else ():
        console.warn(warning)
    if runner.interrupted:
        console.note(f"interrupted; what was measured is kept in {runner.path}")
        console.hint(f"continue: {_way_on(options)}")
        return 130
    if _wrong(record):
        return 1
    try:
        found = attribute(record)
    except RecordError as reason:
        raise IncompleteError(f"{reason}, with more time") from None
    code = _tell(found, options, anew=False)
    _draw(found, record.header, options.results)
    console.note(f"record:  {runner.path}")
    return max(code, _judged(record))


def _attributed(record: Record) -> Attribution | None:
    """What came of a run that ended early; None where it lacks a combination."""
    try:
        return attribute(record)
    except RecordError:
        return None


def _way_on(options: Options) -> str:
    """The command that goes on with what did not reach its end."""
    return f"matbench explain --attribution --resume{results_option(options.results)}"


def _wrong(record: Record) -> bool:
    """Say which combinations came out wrong, and whether any did."""
    wrong = [each for each in record.measurements if each.outcome == "wrong"]
    for each in wrong:
        console.error(f"{each.case.kernel} at n = {each.case.problem.shape_label}: {each.reason}; it was not timed")
    return bool(wrong)


def _judged(record: Record) -> int:
    """Say what can't be true of a record; 1 if there is anything."""
    findings = implausible(record)
    for finding in findings:
        console.error(finding)
    return 1 if findings else 0


def _tell(found: Attribution, options: Options, *, anew: bool) -> int:
    """Print an attribution; with `anew`, of what is kept, the command that measures it anew."""
    if options.json:
        console.data(msgspec.json.format(msgspec.json.encode(attribution_object(found)), indent=1).decode())
        return 0
    console.data(f"{attribution_table(found)}\n\n{attribution_sentence(found)}")
    if anew:
        console.hint(f"measure anew: {COMMAND} --n {found.n} --dtype {found.dtype}{results_option(options.results)}")
    return 0


def _draw(found: Attribution, header: Header, results: Path) -> None:
    """Write the picture as PNG and SVG, light and dark."""
    from matbench.present import figures  # Matplotlib takes half a second to import
    from matbench.present.figures.credit import alt_credit, draw_credit, finding_credit

    folder = figure_folder(results / FOLDER, header)
    words = {"title": finding_credit(found), "description": alt_credit(found), "digest": figures.digest(found)}
    for dark in (False, True):
        for form in ("png", "svg"):
            picture = figures.render(draw_credit(found, dark=dark), form, **words)
            write_bytes(folder / f"credit-{found.dtype}{'-dark' if dark else ''}.{form}", picture)
    console.note(f"figures: {folder}")
