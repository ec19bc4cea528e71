"""``matbench gate``: red where code has become slower than a baseline, or than was claimed of it; never red by noise.

Exit codes: 0 nothing is slower than allowed; 1 something is, or computes a wrong result (or is in doubt, with
``--on-doubt fail``; all is while another matbench measures on this machine); 2 the request is off, or something could
not be tried, as where the baseline is what is wrong; 3 something never returned; 130 interrupted. Every row is measured
and kept, whatever becomes of the others.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec

from matbench.analyse.claims import HINT, is_claim, parse_claimed
from matbench.analyse.gate import Ruling, doubtful, rulings
from matbench.cli import console
from matbench.cli.pair import Work, check_seed, code_of, followed, tell_refusals, untried
from matbench.cli.reading import parse_dtype
from matbench.cli.run_options import parse_threads
from matbench.comparison import pair_header
from matbench.errors import BusyError, IncompleteError, UsageError
from matbench.gates import (
    Demand,
    against,
    asked_of,
    claimed,
    distribution_of,
    expanded,
    parse_margin,
    remark_on,
    undecided,
)
from matbench.kernels import Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.operations import OPERATIONS
from matbench.pairing import PairRecord, Refusal
from matbench.present.gate import annotation, gate_object, gate_text
from matbench.record.baseline import baseline_at, may_be_baseline
from matbench.record.files import printable
from matbench.record.gates import PROJECT, GateTable, OnDoubt, read_gate
from matbench.record.here import Machine
from matbench.record.pairs import drop_pairs, read_pairs
from matbench.sizes import parse_sizes
from matbench.units import format_percent, parse_duration

__all__ = ["Options", "gate"]


@dataclass(frozen=True)
class Options:
    """The options of ``matbench gate`` as they were typed; None where the project's table may say something."""

    arms: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    margin: str | None = None
    on_doubt: str | None = None
    sizes: str | None = None
    dtype: str | None = None
    threads: str | None = None
    budget: str | None = None
    processes: int | None = None
    seed: int = 1
    blas: tuple[str, ...] = ()
    machine: str | None = None
    output: Path = Path("results")
    json: bool = False


@dataclass(frozen=True)
class _Rules:
    """What is to be checked, once the command and the project's table are joined."""

    arms: tuple[str, ...]
    claims: tuple[str, ...]
    baselines: tuple[str, ...]  # other versions of the code
    margin: float
    stated: bool  # whether anything was said about the margin
    on_doubt: OnDoubt
    sizes: str
    dtype: str
    threads: str


def gate(options: Options) -> int:
    """Check all demands; the exit code says whether they hold."""
    start_ns = time.perf_counter_ns()
    _check(options)
    rules = _rules(options)
    with console.strangers():
        registry = Registry(default_registry(*OPERATIONS))
    machine = Machine()
    add_blas_kernels(registry, options.blas)
    with contextlib.ExitStack() as stack:
        demands = _demands(rules, registry, stack)
        asked, factors = asked_of(
            demands,
            processors=machine.processors,
            margin=rules.margin,
            stated=rules.stated,
            command=_command(options, rules),
            processes=options.processes,
            budget_s=parse_duration(options.budget) if options.budget else 0.0,
            seed=options.seed,
            label=options.machine,
        )
        left_open = functools.partial(doubtful, factors=factors, margin=rules.margin, stated=rules.stated)
        work = Work(pair_header(asked, machine), asked.sources, open_cells=left_open)
        try:
            path, interrupts = followed(
                work, registry, machine, output=options.output, blas=options.blas, start_ns=start_ns
            )
        except BusyError as reason:
            return _undecided(options, rules, PairRecord(header=work.header), reason)
    return _told(options, rules, factors, path, interrupts)


# -- what was asked for ------------------------------------------------------------------------------------------------


def _check(options: Options) -> None:
    for name in ("margin", "on_doubt", "sizes", "dtype", "threads", "budget", "machine"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name.replace('_', '-')} is empty; give it a value or leave it out")
    if options.on_doubt is not None and options.on_doubt not in get_args(OnDoubt):
        raise UsageError(f"--on-doubt {options.on_doubt!r} is unknown; it is one of {', '.join(get_args(OnDoubt))}")
    check_seed(options.seed)


def _rules(options: Options) -> _Rules:
    """The command's words, and the project's table for what they leave open."""
    claims = tuple(each for each in options.baselines if is_claim(each))
    files = tuple(each for each in options.baselines if not is_claim(each) and each.endswith(".toml"))
    versions = tuple(each for each in options.baselines if each not in {*claims, *files})
    if len(files) > 1:
        raise UsageError(f"{len(files)} files of claims are too many; name one")
    own = Path(files[0] if files else PROJECT)
    table = read_gate(own) if files or own.is_file() else GateTable()
    if files or not options.baselines:
        claims += table.claims
    arms = options.arms or (table.arms if versions else ())
    _check_rules(arms, claims, versions)
    return _Rules(
        arms=arms,
        claims=claims,
        baselines=versions,
        margin=parse_margin(options.margin or table.margin),
        stated=(options.margin or table.margin) is not None,
        on_doubt=msgspec.convert(options.on_doubt or table.on_doubt or "warn", OnDoubt),
        sizes=options.sizes or table.sizes or "256",
        dtype=options.dtype or table.dtype or "float64",
        threads=options.threads or table.threads or "1",
    )


def _check_rules(arms: Sequence[str], claims: Sequence[str], versions: Sequence[str]) -> None:
    for each in versions:
        if not may_be_baseline(each):
            raise UsageError(f"{printable(each)!r} is neither a baseline nor a claim; {HINT}")
    if versions and not arms:
        raise UsageError(
            f"nothing is named that is to be compared with {versions[0]}; for example: "
            f"matbench gate numba_ikj --baseline {shlex.quote(versions[0])}"
        )
    if arms and not versions:
        raise UsageError(f"{arms[0]} has no baseline; name one: a checkout, a revision or a version, by --baseline")
    if not versions and not claims:
        raise UsageError(
            "there is nothing to check; name a --baseline, or write claims into [tool.matbench.gate] of pyproject.toml"
        )


def _demands(rules: _Rules, registry: Registry, stack: contextlib.ExitStack) -> tuple[Demand, ...]:
    demands = [claimed(parse_claimed(text), registry) for text in rules.claims]
    arms = expanded(rules.arms, registry)
    shapes, dtype, threads = parse_sizes(rules.sizes), parse_dtype(rules.dtype), parse_threads(rules.threads)
    for reference in rules.baselines:
        baseline = stack.enter_context(baseline_at(reference, lambda: distribution_of(arms[0], registry)))
        if (said := remark_on(baseline, arms[0], registry)) is not None:
            console.warn(said)
        demands += [against(arm, baseline, registry, shapes=shapes, dtype=dtype, threads=threads) for arm in arms]
    return tuple(demands)


def _command(options: Options, rules: _Rules) -> str:
    """The command that repeats it, without paths."""
    words = ["matbench gate", *(shlex.quote(Path(arm).name) for arm in rules.arms)]
    words += [f"--baseline {shlex.quote(text)}" for text in rules.claims]
    words += [f"--baseline {shlex.quote(_named(text))}" for text in rules.baselines]
    words += [f"--margin {100 * rules.margin:g}%"] if rules.stated else []
    if rules.baselines:
        stated = {"sizes": rules.sizes, "dtype": rules.dtype, "threads": rules.threads}
        words += [f"--{name} {shlex.quote(value)}" for name, value in stated.items()]
    for name in ("budget", "processes"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name} {shlex.quote(str(value))}"]
    words += [] if options.seed == 1 else [f"--seed {options.seed}"]
    return " ".join(words)[:2000]


def _named(baseline: str) -> str:
    """A path's last part; a revision or a version as it is, though it may have a slash."""
    return Path(baseline).resolve().name if Path(baseline).exists() else baseline


# -- after -------------------------------------------------------------------------------------------------------------


def _told(options: Options, rules: _Rules, factors: tuple[float, ...], path: Path, interrupts: int) -> int:
    record = read_pairs(path)
    found = rulings(record, factors, rules.margin, stated=rules.stated)
    red = {"fail", "doubt"} if rules.on_doubt == "fail" else {"fail"}
    passed = not any(each.outcome in {*red, "none"} for each in found) and not interrupts
    tried = not untried(record)
    if options.json and (record.processes or record.refusals):
        _tell_object(record, found, rules, passed=passed)
    elif tried and (record.processes or record.refusals):
        console.data(gate_text(record, found))
    tell_refusals(record)
    _annotate(found, rules.on_doubt, red)
    if tried:
        console.note(f"record: {path}")
    else:
        drop_pairs(path)
    if interrupts:
        console.note("interrupted; what was measured is kept, and nothing is decided")
        return 130
    if not record.processes and not record.refusals:
        raise IncompleteError("no process came to its end; see the reasons above, and try a longer --budget")
    return 1 if any(each.outcome in red for each in found) else code_of([_blamed(each) for each in record.refusals])


def _tell_object(record: PairRecord, found: Sequence[Ruling], rules: _Rules, *, passed: bool) -> None:
    built = gate_object(record, found, rules.on_doubt, passed=passed)
    console.data(msgspec.json.format(msgspec.json.encode(built), indent=1).decode())


def _undecided(options: Options, rules: _Rules, record: PairRecord, reason: BusyError) -> int:
    """The exit code where nothing could be measured because another matbench does: that is noise, and so a doubt."""
    red = rules.on_doubt == "fail"
    if options.json:
        _tell_object(record, (), rules, passed=not red)
    text = undecided(reason)
    if rules.on_doubt == "pass":  # a gate that has compared nothing must not look like one that has
        console.note(text)
        return 0
    if os.environ.get("GITHUB_ACTIONS") == "true":
        console.note(f"::{'error' if red else 'warning'} title=matbench gate::{text}")
    else:
        console.warn(text)
    return 1 if red else 0


def _blamed(refusal: Refusal) -> Refusal:
    """The refusal as the exit code has it: where the baseline is wrong, nothing is said against what is checked."""
    wrong = refusal.outcome == "wrong" and refusal.arm == "b"
    return msgspec.structs.replace(refusal, outcome="skipped") if wrong else refusal


def _annotate(found: Sequence[Ruling], on_doubt: OnDoubt, red: set[str]) -> None:
    """Say on standard error what failed, and what stayed in doubt unless that is to pass; to GitHub as annotations."""
    to_github = os.environ.get("GITHUB_ACTIONS") == "true"
    for each in found:
        if each.outcome == "pass" or (each.outcome == "doubt" and on_doubt == "pass"):
            continue
        if to_github:
            console.note(annotation(each, red=each.outcome in {*red, "none"}))
        else:
            cell = each.verdict.cell
            console.warn(f"{cell.a} against {cell.b} at n = {cell.problem.shape_label} {_said(each)}: {each.reason}")


def _said(ruling: Ruling) -> str:
    if ruling.outcome == "none":
        return "could not be compared"
    if ruling.outcome == "fail" and ruling.verdict.ratio is None:
        return "fails"
    said = "is too slow" if ruling.outcome == "fail" else "is in doubt"
    return f"{said}, with a margin of {format_percent(ruling.margin)}" if ruling.margin else said
