"""What a run will measure and how long that should take, before anything is measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from matbench.errors import UsageError
from matbench.kernels.registry import FLOATS, Kernel, Registry
from matbench.measure.presets import BASE, OWN_S, PRESETS, Grid, Preset, further_seconds, further_sizes, preset
from matbench.measure.sampler import LONGEST_START_S
from matbench.measure.turns import ALONE, Turn, sure_here, sure_samples
from matbench.model import DTYPES, Block, Case, Dtype, Measurement, Plan, Problem
from matbench.operations import OPERATIONS, PRODUCT, OperationName, check_extents
from matbench.sizes import parse_sizes
from matbench.units import format_seconds

__all__ = [
    "BASE",
    "COMPILE_S",
    "DRAIN_S",
    "LOAD_S",
    "ONE_LOOP",
    "PRESETS",
    "SINGLE_SHOT_S",
    "Grid",
    "Planned",
    "Preset",
    "Request",
    "block_seconds",
    "case_seconds",
    "cases_of",
    "make_plan",
    "preparing_seconds",
    "preset",
    "run_processes",
    "run_seconds",
    "sample_seconds",
    "thread_counts",
    "warming_seconds",
]

START_S = 6.0  # s, order of magnitude: interpreter and imports, the peaks, and in the end the table and the figures
COMPILE_S = 0.6  # s, one compilation
FRESH_S = 1.5  # s, a further sampling process: interpreter and imports
LOAD_S = 0.06  # s, loading what an earlier process has compiled
DRAIN_S = 0.004  # s, until idle threads sleep: nearly twice what it takes as matbench.spinning has them
SINGLE_SHOT_S = 0.1  # s, a call longer than this is not made once more to verify: its first sample is verified
ONE_LOOP = 4  # shortest samples that fit into a call: from there on the call that verifies calibrates, too
SHARE_OF_ONE = 0.02  # of the budget that one arm may take for its samples
SLAB_ROWS = (1, 2)  # rows of C that stand for a product too slow to be measured whole


def thread_counts(most: int, *, every: bool) -> tuple[int, ...]:
    """Thread counts to measure on `most` processors: powers of two and `most`, or just the two ends.

    Examples
    --------
    >>> thread_counts(6, every=True), thread_counts(6, every=False)
    ((1, 2, 4, 6), (1, 6))
    """
    powers = [2**i for i in range(most.bit_length())] if every else [1]
    return tuple(sorted({*powers, most}))


@dataclass(frozen=True)
class Request:
    """What the user asked for; None means what the preset says.

    Attributes
    ----------
    threads
        Thread counts, each at least 1 and at most the processors there are.
    budget_s
        Time of the whole command, s.
    operations
        What is to be measured.
    """

    preset: str = "standard"
    kernels: str | None = None
    sizes: str | None = None
    dtypes: tuple[Dtype, ...] | None = None
    threads: tuple[int, ...] | None = None
    budget_s: float | None = None
    seed: int = 1
    base: str = BASE
    command: str = "matbench run"
    operations: tuple[OperationName, ...] = (PRODUCT,)


@dataclass(frozen=True)
class Planned:
    """A plan, and the cases that it leaves out with the reason of each."""

    plan: Plan
    skipped: tuple[Measurement, ...]


def _threads(request: Request, chosen: Preset, cpus: int) -> tuple[int, ...]:
    """The thread counts asked for, once they are known to be possible, or else the preset's."""
    threads = request.threads or thread_counts(cpus, every=chosen.all_threads)
    if min(threads) < 1:
        raise UsageError(f"{min(threads)} threads asked for; ask for at least 1")
    if max(threads) > cpus:
        raise UsageError(f"{max(threads)} threads asked for, but this process may use {cpus}; ask for at most {cpus}")
    return threads


def _grids(request: Request, chosen: Preset) -> tuple[Grid, ...]:
    """The preset's grids narrowed to the dtypes asked for, or the sizes asked for instead of them."""
    if request.sizes is not None:
        kernels, dtypes = request.kernels or "*", request.dtypes or ("float64",)
        asked = ((dtype, each) for dtype in dtypes for each in request.operations)
        return tuple(Grid(dtype, request.sizes, kernels, operation=each) for dtype, each in asked)
    grids = list(chosen.grids if PRODUCT in request.operations else ())
    for each in request.operations:
        if each != PRODUCT:
            grids += [Grid(dtype, sizes, operation=each) for dtype, sizes in further_sizes(request.preset, each)]
    return tuple(each for each in grids if request.dtypes is None or each.dtype in request.dtypes)


def _arms(made: Kernel, dtype: Dtype, threads: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """A kernel with each thread count it can use; one thread where it can't use more."""
    counts = threads if dtype in made.threaded_dtypes else (1,)
    return tuple((made.name, count) for count in counts)


def _reason(made: Kernel, threads: int, problem: Problem, longest_call_s: float) -> str | None:
    """Why a plan leaves a case out, or None."""
    if problem.dtype not in made.dtypes:
        return made.why_not(problem.dtype)
    call_s = made.expected_seconds(problem, threads)
    if call_s > longest_call_s:
        dtype = "" if problem.dtype == "float64" else f" --dtypes {problem.dtype}"
        dtype += "" if problem.operation == PRODUCT else f" --operations {problem.operation}"
        hint = f"--kernels {made.name} --sizes {problem.shape_label}{dtype} --budget {math.ceil(60 + 3 * call_s)}s"
        return f"one call takes about {format_seconds(call_s)}, too long for this preset; ask for it with {hint}"
    return None


@dataclass
class _Draft:
    """Arms by problem, and the reasons of those left out; a later grid may take in what an earlier one left out."""

    arms: dict[Problem, dict[tuple[str, int], None]] = field(default_factory=dict)
    reasons: dict[Case, str] = field(default_factory=dict)

    def take(self, problem: Problem, arm: tuple[str, int], reason: str | None = None) -> None:
        case = Case(kernel=arm[0], problem=problem, threads=arm[1])
        if reason is None:
            self.arms.setdefault(problem, {})[arm] = None
            self.reasons.pop(case, None)
        elif arm not in self.arms.get(problem, {}):
            self.reasons[case] = reason


def make_plan(request: Request, registry: Registry, cpus: int) -> Planned:
    """The plan of a run.

    Parameters
    ----------
    request
        What was asked for.
    registry
        The kernels there are; plugins and libraries included.
    cpus
        Processors this process may use.

    Raises
    ------
    UsageError
        If the request names what there is not, or leaves nothing to measure.
    """
    chosen = preset(request.preset)
    threads = _threads(request, chosen, cpus)
    base = _base(request, registry)
    asked = registry.select(request.kernels) if request.kernels else tuple(registry)
    draft = _drafted(request, registry, asked, threads)
    is_whole = PRODUCT in request.operations and request.sizes is None
    if is_whole and (request.dtypes is None or "float64" in request.dtypes):
        _draft_slabs(draft, chosen, request.seed, [made.name for made in asked])
    if not draft.arms:
        raise UsageError("nothing is left to measure; ask for other kernels, sizes or dtypes")
    plan = Plan(
        preset=request.preset,
        command=request.command,
        seed=request.seed,
        budget_s=request.budget_s or _budget(request, chosen),
        rounds=chosen.rounds if request.budget_s is None else 10 * chosen.rounds,
        sample_ns=chosen.sample_ns,
        base=base.name,
        blocks=_blocks(draft, registry),
    )
    skipped = (Measurement(case=case, outcome="skipped", reason=reason) for case, reason in draft.reasons.items())
    return Planned(plan, tuple(skipped))


def _base(request: Request, registry: Registry) -> Kernel:
    """The kernel that speed-ups are told over; of the first operation, unless it was asked for."""
    if request.base == BASE and PRODUCT not in request.operations:
        return registry.get(OPERATIONS[request.operations[0]].base)
    return registry.get(request.base)


def _budget(request: Request, chosen: Preset) -> float:
    """Time of the whole command where none was asked for, s."""
    own_s = chosen.budget_s if PRODUCT in request.operations else OWN_S
    return own_s + further_seconds(request.preset) * sum(each != PRODUCT for each in request.operations)


def _drafted(request: Request, registry: Registry, asked: Sequence[Kernel], threads: Sequence[int]) -> _Draft:
    """What the grids take in, of the kernels asked for."""
    chosen = preset(request.preset)
    # A kernel that is asked for by its name at sizes of one's own is measured however long its calls take.
    named = {word.strip() for word in request.kernels.split(",")} if request.kernels and request.sizes else set()
    draft = _Draft()
    for grid in _grids(request, chosen):
        fitting = (each for each in registry.matching(grid.kernels) if each.operation == grid.operation)
        kernels = [each for each in fitting if each in asked]
        for problem in _problems(grid, request.seed):
            for made in kernels:
                longest_s = math.inf if grid.beyond or made.name in named else chosen.longest_call_s
                for arm in _arms(made, grid.dtype, threads):
                    draft.take(problem, arm, _reason(made, arm[1], problem, longest_s))
    return draft


def _problems(grid: Grid, seed: int) -> Iterator[Problem]:
    """The problems of a grid."""
    for m, n, k in parse_sizes(grid.sizes):
        check_extents(grid.operation, m, n, k)
        yield Problem(m=m, n=n, k=k, dtype=grid.dtype, seed=seed, operation=grid.operation)


def _draft_slabs(draft: _Draft, chosen: Preset, seed: int, names: Sequence[str]) -> None:
    """Take in a few rows of each product that is too slow to be measured whole."""
    for name, n in chosen.slabs:
        if name in names:
            for m in SLAB_ROWS:
                draft.take(Problem(m=m, n=n, k=n, seed=seed), (name, 1))


def _blocks(draft: _Draft, registry: Registry) -> tuple[Block, ...]:
    """The draft's problems, the cheapest first: if time runs out, little is lost; arms in the order of the ladder."""
    order = {name: place for place, name in enumerate(registry.names)}

    places = {name: place for place, name in enumerate(OPERATIONS)}

    def by_size(problem: Problem) -> tuple[int, int, bool, int]:
        work = problem.flops or problem.elements
        return work, DTYPES.index(problem.dtype), not problem.is_square, places[problem.operation]

    return tuple(
        Block(problem=problem, arms=tuple(sorted(draft.arms[problem], key=lambda arm: (order[arm[0]], arm[1]))))
        for problem in sorted(draft.arms, key=by_size)
    )


def case_seconds(plan: Plan, case: Case, call_s: float, turn: Turn = ALONE, before: int = 0) -> tuple[float, float]:
    """Least and wanted time of a case in one process, s; none where it has all the samples that it is sure of.

    Parameters
    ----------
    plan
        Rounds, shortest sample and budget.
    case
        What is measured.
    call_s
        Expected time of one call, s.
    turn
        The process's part of the run; by default all of it.
    before
        Processes in which it has been sampled.
    """
    sample = sample_seconds(plan, case.threads, call_s)
    sure = sure_here(turn, case.problem, sure_samples(plan, case.kernel, case.problem, sample, turn.processes), before)
    if not sure:  # time is for those that can have an interval
        return 0.0, 0.0
    prepare = warming_seconds(call_s) if before else preparing_seconds(plan, call_s)
    most = max(sure, min(turn.rounds(plan), int(SHARE_OF_ONE * plan.budget_s / turn.processes / sample)))
    return prepare + sure * sample, prepare + most * sample


def block_seconds(
    plan: Plan, block: Block, call_s: Sequence[float], turn: Turn = ALONE, before: Sequence[int] = ()
) -> tuple[float, float]:
    """Least and wanted time of a block in one process, s: the samples it is sure of, and all that the plan wants.

    Parameters
    ----------
    plan
        Rounds, shortest sample and budget.
    block
        What is measured together.
    call_s
        Expected time of one call of each arm, s.
    turn
        The process's part of the run; by default all of it.
    before
        Processes in which each arm has been sampled; none by default.
    """
    each = zip(cases_of(block), call_s, before or (0,) * len(block.arms), strict=True)
    costs = [case_seconds(plan, case, call, turn, times) for case, call, times in each]
    # The peak is sampled in the same rounds, once for each thread count.
    pairs = zip(block.arms, costs, strict=True) if block.problem.dtype in FLOATS else ()
    roofs = sum(sample_seconds(plan, count) for count in {threads for (_, threads), cost in pairs if any(cost)})
    return roofs + sum(least for least, _ in costs), roofs * turn.rounds(plan) + sum(wanted for _, wanted in costs)


def sample_seconds(plan: Plan, threads: int, call_s: float = 0.0) -> float:
    """Expected time of one sample, s, of what wakes its threads, and of the wait that follows it."""
    return with_start(max(1.2e-9 * plan.sample_ns, call_s), threads)


def with_start(sample_s: float, threads: int) -> float:
    """What a sample of that time costs, s: one of several threads starts on the run, and is waited for afterwards."""
    return sample_s if threads == 1 else (2 if sample_s <= LONGEST_START_S else 1) * sample_s + DRAIN_S


def cases_of(block: Block) -> list[Case]:
    """The cases of a block, in the order of its arms."""
    return [Case(kernel=name, problem=block.problem, threads=threads) for name, threads in block.arms]


def preparing_seconds(plan: Plan, call_s: float) -> float:
    """Expected time to verify and calibrate a case, s; a long call's first sample serves for both."""
    if call_s >= SINGLE_SHOT_S:
        return 0.0
    if call_s > 1e-9 * ONE_LOOP * plan.sample_ns:
        return call_s
    return 2 * call_s if call_s > 1e-9 * plan.sample_ns else call_s + 2.5e-9 * plan.sample_ns


def warming_seconds(call_s: float) -> float:
    """Expected time before the samples of a case that an earlier process has calibrated, s: a call, to be checked."""
    return 0.0 if call_s >= SINGLE_SHOT_S else call_s


def _known_blocks(plan: Plan, registry: Registry) -> list[Block]:
    """The blocks of a plan with the arms that are installed: a run that goes on may have been planned with others."""
    return [
        msgspec.structs.replace(block, arms=tuple(arm for arm in block.arms if arm[0] in registry.names))
        for block in plan.blocks
    ]


def _fixed_seconds(blocks: Sequence[Block], registry: Registry, before: int) -> float:
    """Expected time that a process takes to start, and to compile or to load, s."""
    arms = {(name, block.problem.dtype) for block in blocks for name, _ in block.arms}
    compiled = sum(registry.get(name).compiled for name, _ in arms)
    return FRESH_S + LOAD_S * compiled if before else START_S + COMPILE_S * compiled


def _turn_seconds(
    plan: Plan, registry: Registry, turn: Turn, before: int, shortest: float = 1.0
) -> tuple[float, float]:
    """Expected least and wanted time of one process, s, by the cost models; all calls `shortest` times as long."""
    blocks = _known_blocks(plan, registry)
    least = wanted = _fixed_seconds(blocks, registry, before)
    for block in blocks:
        calls = [shortest * registry.get(name).expected_seconds(block.problem, threads) for name, threads in block.arms]
        own = block_seconds(plan, block, calls, turn, [before] * len(calls))
        least, wanted = least + own[0], wanted + own[1]
    return least, wanted


def run_processes(plan: Plan, registry: Registry) -> int:
    """Sampling processes of a run: those of its preset, or one where its time is too short for so many.

    Fewer than an interval takes, six, would cost their start and give none. There is time for them if there is for
    the shortest sample of every case in each; dear cases may be in the first one alone.
    """
    wanted = PRESETS[plan.preset].processes if plan.preset in PRESETS else 1
    first = _turn_seconds(plan, registry, Turn(wanted, wanted - 1), 0)[0]
    each = _turn_seconds(plan, registry, Turn(wanted, 0), wanted - 1, shortest=0.0)[0]
    return wanted if first + (wanted - 1) * each <= plan.budget_s else 1


def run_seconds(plan: Plan, registry: Registry, processes: int = 1) -> float:
    """Expected time of a whole run, s, by the cost models that kernels declare; never above its budget."""
    turns = [Turn(processes, processes - 1 - before) for before in range(processes)]
    wanted = (_turn_seconds(plan, registry, turn, before)[1] for before, turn in enumerate(turns))
    return min(plan.budget_s, sum(wanted))
