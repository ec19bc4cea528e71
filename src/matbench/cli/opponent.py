"""``matbench pair A blas``: which of the BLAS libraries at hand is the opponent, found by a trial of its own.

The best of several, chosen by the samples that are then to decide, looks better than it is, and the other arm worse. So
the trial runs before, in a process of its own; what it measured is thrown away, and the comparison begins anew.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from matbench.analyse.statistics import call_seconds
from matbench.cli import console
from matbench.cli.interrupts import interruptible
from matbench.cli.options import BEST
from matbench.errors import IncompleteError, UsageError
from matbench.kernels import Registry, Rung
from matbench.kernels.registry import FLOATS
from matbench.measure.plan import cases_of
from matbench.measure.session import Progress, Session
from matbench.model import Block, Case, Dtype, Measurement, Plan, Problem
from matbench.operations import OPERATIONS, PRODUCT, OperationName
from matbench.pairing import Cell
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.reading import merge_measurements
from matbench.units import format_seconds

__all__ = ["ROUNDS", "Trial", "fastest", "rivals", "times_of_calls", "with_opponents"]

ROUNDS = 5  # samples of each library at each problem
SAMPLE_NS = 5_000_000  # shortest sample
START_S, CALLS = 2.0, 2  # s, of the process; calls of each library before its samples: an order of magnitude
# Times the expected time, and s at the least, after which a trial without a budget makes do with what it has: a library
# may be many times slower than is expected of any, and its process starts late on a busy machine.
PATIENCE, LEAST_PATIENCE_S = 20.0, 60.0
NAMED = 3  # libraries that a sentence names


@dataclass(frozen=True)
class Trial:
    """What the trial takes.

    Attributes
    ----------
    blas
        Paths of further BLAS libraries.
    seed
        Of the operands.
    limit_s
        Time it may take at most, s; None for as long as five samples of each take, within reason.
    """

    blas: tuple[str, ...] = ()
    seed: int = 1
    limit_s: float | None = None

    @property
    def remedy(self) -> str:
        """What to do where its time was too short."""
        # A budget where there was none gives the trial less, unless it is a long one.
        return "name the opponent" if self.limit_s is None else "give a longer --budget, or name the opponent"


def rivals(
    registry: Registry, beside: str, operation: OperationName = PRODUCT, dtype: Dtype = "float64"
) -> tuple[str, ...]:
    """The kernels that call a BLAS library for the product, by name, but for the one that they are to be compared with.

    Raises
    ------
    UsageError
        If it is another operation or an element type of no library that is compared, or there is no such kernel.
    """
    if operation != PRODUCT:
        formula = OPERATIONS[operation].formula
        raise UsageError(f"{BEST} is the matrix product of a library, {beside} computes {formula}; name two kernels")
    if dtype not in FLOATS:
        floats = " or ".join(FLOATS)
        raise UsageError(f"BLAS has no integers; use --dtype {floats}, or name a kernel in place of {BEST}")
    found = tuple(each.name for each in registry.of(PRODUCT) if each.rung is Rung.BLAS and each.name != beside)
    if not found:
        raise UsageError(f"no BLAS library is here beside {beside}; name one with --blas (matbench list finds them)")
    return found


def with_opponents(
    cells: Sequence[Cell], names: Sequence[str], registry: Registry, machine: Machine, trial: Trial
) -> tuple[Cell, ...]:
    """The cells with, in place of `BEST`, the library that a trial finds the fastest at each.

    Parameters
    ----------
    cells
        What is to be compared.
    names
        Kernels to choose from, see `rivals`.
    registry
        Kernels by name.
    machine
        The one at hand.
    trial
        What it takes.

    Raises
    ------
    UsageError
        If no library can compute one of the problems on so many threads.
    IncompleteError
        If nothing could be timed at one of the problems.
    KeyboardInterrupt
        If Ctrl-C ended the trial.
    """
    for cell in cells:
        _check_able(cell, names, registry)
    plan = _plan(cells, names, registry, trial)
    times = _times(plan, registry, machine, trial)
    return tuple(msgspec.structs.replace(cell, b=_told(cell, times, trial)) for cell in cells)


def _check_able(cell: Cell, names: Sequence[str], registry: Registry) -> None:
    """Refuse a cell that no library can compute: no time would help there."""
    reasons = {name: registry.get(name).why_not(cell.problem.dtype, cell.threads) for name in names}
    if None not in reasons.values():
        said = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
        raise UsageError(f"no BLAS library can be the opponent at {_where(cell)} ({said}); name another with --blas")


def _plan(cells: Sequence[Cell], names: Sequence[str], registry: Registry, trial: Trial) -> Plan:
    """All libraries at each problem and thread count that they can use, those of a problem side by side."""
    arms: dict[Problem, dict[tuple[str, int], None]] = {}
    for cell in cells:
        able = (name for name in names if registry.get(name).why_not(cell.problem.dtype, cell.threads) is None)
        arms.setdefault(cell.problem, {}).update(dict.fromkeys((name, cell.threads) for name in able))
    blocks = tuple(Block(problem, tuple(each)) for problem, each in arms.items())
    return Plan(
        preset="trial",
        command="matbench pair",
        seed=trial.seed,
        budget_s=_expected_s(blocks, registry),
        rounds=ROUNDS,
        sample_ns=SAMPLE_NS,
        base=names[0],
        blocks=blocks,
    )


def _expected_s(blocks: Sequence[Block], registry: Registry) -> float:
    """Expected time, s, by the orders of magnitude that kernels declare."""
    calls = (
        registry.get(name).expected_seconds(block.problem, count) for block in blocks for name, count in block.arms
    )
    return START_S + (ROUNDS + CALLS) * sum(max(1e-9 * SAMPLE_NS, call_s) for call_s in calls)


def _times(plan: Plan, registry: Registry, machine: Machine, trial: Trial) -> Mapping[Case, float]:
    """The median time of a call by case, s, of what could be timed."""
    names = sorted({name for block in plan.blocks for name, _ in block.arms}, key=registry.names.index)
    console.note(f"choosing among {', '.join(names)}: about {format_seconds(plan.budget_s)}")
    limit_s = _limit_s(plan) if trial.limit_s is None else trial.limit_s
    session = Session(
        plan=plan,
        blocks=plan.blocks,
        caches=machine.host.caches,
        memory_bytes=machine.memory_bytes,
        deadline_ns=time.perf_counter_ns() + int(1e9 * limit_s),
        threads=machine.processors,
        blas=trial.blas,
        ceilings=False,
        chains=False,
    )
    told: list[Measurement] = []
    with (
        alone(),
        console.progress(len(plan.blocks)) as bar,
        interruptible(session.stop, "round") as interrupts,
    ):
        for event in session.run():
            if isinstance(event, Progress):
                # The limit is far away as a rule: what is told is what is expected.
                bar(event.block, "trying", min(event.left_s, plan.budget_s * (1 - event.block / event.blocks)))
            elif isinstance(event, Measurement):
                told.append(event)
    if interrupts.count:
        raise KeyboardInterrupt
    measured = merge_measurements(told)
    for text in _shortcomings(plan, measured, trial):
        console.warn(text)
    return times_of_calls(measured)


def _limit_s(plan: Plan) -> float:
    """Time that a trial may take where no budget bounds it, s."""
    return max(LEAST_PATIENCE_S, PATIENCE * plan.budget_s)


def _shortcomings(plan: Plan, measured: Sequence[Measurement], trial: Trial) -> Iterator[str]:
    """What has to be said of a trial: which libraries failed, and which have fewer samples than promised."""
    for each in measured:
        if each.outcome != "measured":
            yield f"{each.case.kernel} at n = {each.case.problem.shape_label}: {each.reason}"
    short = _lacking(plan, measured)
    few = [f"{count} of {case.kernel} at n = {case.problem.shape_label}" for case, count in short.items()]
    if few:
        more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
        yield (f"the trial was cut short: fewer than {ROUNDS} samples ({', '.join(few[:NAMED])}{more}); {trial.remedy}")


def _lacking(plan: Plan, measured: Sequence[Measurement]) -> dict[Case, int]:
    """The cases with fewer samples than each was to have, and how many; none that more time would not help.

    More time helps neither what failed nor what memory can't hold.
    """
    counts = {each.case: len(each.samples) for each in measured}
    failed = {each.case for each in measured if each.outcome in {"wrong", "ended"} or each.bytes_allowed is not None}
    every = (case for block in plan.blocks for case in cases_of(block))
    return {case: counts.get(case, 0) for case in every if case not in failed and counts.get(case, 0) < plan.rounds}


def times_of_calls(measured: Sequence[Measurement]) -> dict[Case, float]:
    """The median time of a call by case, s; what is wrong has none."""
    sound = (each for each in measured if len(each.samples) and each.outcome != "wrong")
    return {each.case: statistics.median(call_seconds(each.samples)) for each in sound}


def fastest(cell: Cell, times: Mapping[Case, float]) -> list[tuple[str, float]]:
    """The libraries that were timed at a cell, the fastest first, each with the time of a call, s."""
    there = [
        (case.kernel, seconds)
        for case, seconds in times.items()
        if case.problem == cell.problem and case.threads == cell.threads
    ]
    return sorted(there, key=lambda each: each[1])


def _where(cell: Cell) -> str:
    return f"n = {cell.problem.shape_label}" + (f" on {cell.threads} threads" if cell.threads > 1 else "")


def _told(cell: Cell, times: Mapping[Case, float], trial: Trial) -> str:
    """The fastest library at a cell, once it has been said."""
    there, where = fastest(cell, times), _where(cell)
    if not there:
        raise IncompleteError(f"no BLAS library could be timed at {where}; {trial.remedy}")
    told = ", ".join(f"{name} {format_seconds(seconds)}" for name, seconds in there)
    console.note(f"{where}: against {there[0][0]} (a call in the trial: {told})")
    return there[0][0]
