"""What is measured to give every idea its credit: all combinations of the ideas at one size, interleaved."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from matbench.errors import UsageError
from matbench.kernels.gemm.variants import name_of
from matbench.kernels.registry import FLOATS, Kernel, Registry, Rung
from matbench.measure.child import Child
from matbench.measure.plan import run_seconds, with_start
from matbench.model import Block, Dtype, Plan, Problem
from matbench.units import format_seconds

__all__ = ["NO_LIMIT_S", "PRESET", "AttributionChild", "Scheme", "attribution_plan", "processes_of"]

PRESET = "attribution"
NO_LIMIT_S = 1e6  # s, a plan's budget: all that is planned is measured, in every process
WHOLE_S = 3.0  # s, what takes longer in Python is predicted from a few of its rows
USUAL_S = 80.0  # s, of samples, where no time was asked for
PROCESSES = 6  # sampling processes: the fewest with an interval
MOST = 3  # rounds in each
LEAST = 3  # rounds in one: of the slabs two are needed, and an odd number tells it from six processes
MARGIN = 1.1  # that a budget has to leave: estimates err
SAMPLE_NS = 2_000_000
LONGEST_S = 3600.0  # s


class AttributionChild(Child):
    """A sampling process that knows the combinations of the ideas."""

    module: ClassVar[str] = "matbench.measure.attribution_worker"


class Scheme(NamedTuple):
    """What an attribution will measure.

    Attributes
    ----------
    plan
        A few rows of what is too slow, and all combinations at once.
    expected_s
        Time that it should take, s.
    """

    plan: Plan
    expected_s: float


def attribution_plan(
    n: int, dtype: Dtype, registry: Registry, cpus: int, *, budget_s: float | None = None, command: str = ""
) -> Scheme:
    """The plan of an attribution.

    Parameters
    ----------
    n
        Size of the square matrices.
    dtype
        Element type.
    registry
        The combinations, as `matbench.kernels.gemm.variants.variants` makes them.
    cpus
        Processors this process may use: the threads of those combinations that use more than one.
    budget_s
        Time of the whole run, s; by default what it takes.
    command
        That repeats it.

    Raises
    ------
    UsageError
        If the generator has no such dtype, it would take longer than an hour and no budget was given, or a single round
        would take longer than the budget.
    """
    if dtype not in FLOATS:
        raise UsageError(f"no ideas can be told apart in {dtype}; use {' or '.join(FLOATS)}")
    blocks = _blocks(Problem(n, n, n, dtype), registry, cpus)

    def scheme(rounds: int) -> Scheme:
        plan = Plan(
            preset=PRESET,
            command=command,
            seed=1,
            budget_s=NO_LIMIT_S,
            rounds=rounds,
            sample_ns=SAMPLE_NS,
            base=name_of(frozenset()),
            blocks=blocks,
        )
        return Scheme(plan, run_seconds(plan, registry, processes_of(plan)))

    if budget_s is not None:
        return _within(scheme, n, budget_s)
    round_s = sum(_sample_s(registry.get(name), blocks[-1].problem, threads) for name, threads in blocks[-1].arms)
    each = max(1, min(MOST, int(USUAL_S / round_s) // PROCESSES))
    found = scheme(each * PROCESSES)
    if found.expected_s > LONGEST_S:
        about = format_seconds(found.expected_s)
        raise UsageError(f"n = {n} would take about {about}; ask for a smaller --n, or a --budget")
    return found


def _within(scheme: Callable[[int], Scheme], n: int, budget_s: float) -> Scheme:
    """What fits into a budget: six processes, or where there is no time for them as many rounds as there is for in one.

    Five of six would have begun a process each, and have less to tell than the rounds of one.
    """
    in_each = (PROCESSES * rounds for rounds in range(MOST, 0, -1))
    for found in map(scheme, (*in_each, *range(MOST * PROCESSES - 1, LEAST, -2))):
        if MARGIN * found.expected_s <= budget_s:
            return found
    least_s = MARGIN * scheme(1).expected_s
    if least_s > budget_s:
        about = format_seconds(least_s)
        raise UsageError(f"one round at n = {n} takes about {about} with all that it needs; give a longer --budget")
    return scheme(LEAST)  # as far as the time goes: each is sampled once before any is sampled again


def processes_of(plan: Plan) -> int:
    """The sampling processes of an attribution's plan: six for a multiple of six rounds, otherwise one."""
    return PROCESSES if plan.rounds % PROCESSES == 0 else 1


def _blocks(problem: Problem, registry: Registry, cpus: int) -> tuple[Block, ...]:
    """A few rows of what is too slow to be measured whole, then all that is not."""
    slow = [each for each in registry if _is_slow(each, problem)]
    arms = []
    for each in registry:
        counts = sorted({1, cpus}) if problem.dtype in each.threaded_dtypes else [1]
        arms += [(each.name, count) for count in counts if each not in slow]
    whole = Block(problem=problem, arms=tuple(arms))
    if not slow:
        return (whole,)
    n = problem.n
    # Some dozens of milliseconds of work: the conversion of B to lists, which a row has to bear, is little beside it.
    few = (Problem(rows, n, n, problem.dtype) for rows in sorted({max(1, n // 200), max(2, n // 100)}))
    return (*(Block(problem=each, arms=tuple((one.name, 1) for one in slow)) for each in few), whole)


def _is_slow(made: Kernel, problem: Problem) -> bool:
    return made.rung is Rung.PYTHON and made.expected_seconds(problem) > WHOLE_S


def _sample_s(made: Kernel, problem: Problem, threads: int) -> float:
    """Expected time of one sample, s."""
    return with_start(max(1.2e-9 * SAMPLE_NS, made.expected_seconds(problem, threads)), threads)
