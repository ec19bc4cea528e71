"""What a run will measure and how long that should take, before anything is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matbench.errors import UsageError
from matbench.kernels.registry import FLOATS, Kernel, Registry
from matbench.model import DTYPES, Block, Case, Dtype, Measurement, Plan, Problem
from matbench.sizes import parse_sizes
from matbench.units import format_seconds

__all__ = [
    "COMPILE_S",
    "DRAIN_S",
    "ONE_LOOP",
    "PRESETS",
    "SINGLE_SHOT_S",
    "Grid",
    "Planned",
    "Preset",
    "Request",
    "block_seconds",
    "make_plan",
    "preparing_seconds",
    "preset",
    "run_seconds",
    "sure_samples",
    "thread_counts",
]

BASE = "python_lists"  # the faster of the two triple loops: the smaller headline
START_S = 6.0  # s, order of magnitude: interpreter and imports, the peaks, and in the end the table and the figures
COMPILE_S = 0.6  # s, one compilation
DRAIN_S = 0.03  # s, until idle BLAS threads have stopped spinning
SINGLE_SHOT_S = 0.1  # s, a call longer than this is not made once more to verify: its first sample is verified
ONE_LOOP = 4  # shortest samples that fit into a call: from there on the call that verifies calibrates, too
SHARE_OF_ONE = 0.02  # of the budget that one arm may take for its samples
SURE = 6  # samples: the fewest that bound a median, or a ratio, with 95 %
SHARE_OF_SURE = 0.003  # of the budget that one arm may take for those
SHARE_OF_BASE = 0.13  # the same for the kernel that all others are told over
SURE_OF_SLAB = 3  # samples: there are several slabs, and the interval of a prediction is mostly that of the drift
SLAB_ROWS = (1, 2)  # rows of C that stand for a product too slow to be measured whole


@dataclass(frozen=True)
class Grid:
    """Part of a preset: some kernels on some sizes in one dtype.

    Attributes
    ----------
    dtype
        Element type.
    sizes
        In the size grammar.
    kernels
        Names or globs, comma-separated.
    beyond
        Whether kernels are taken whose calls are longer than the preset likes.
    """

    dtype: Dtype
    sizes: str
    kernels: str = "*"
    beyond: bool = False


@dataclass(frozen=True)
class Preset:
    """A ready-made plan: how long it may take, how many samples, on which grids.

    Attributes
    ----------
    budget_s
        Time of the whole command, s.
    rounds
        Most samples a case.
    sample_ns
        Shortest sample, ns.
    longest_call_s
        Cases whose call is expected to take longer are left out, s.
    all_threads
        Whether all thread counts are taken (powers of two and the largest) or only one and the largest.
    slabs
        ``(kernel, n)`` whose product is too slow to be measured whole: a few of its rows are, for a prediction.
    """

    budget_s: float
    rounds: int
    sample_ns: int
    longest_call_s: float
    grids: tuple[Grid, ...]
    all_threads: bool = False
    slabs: tuple[tuple[str, int], ...] = ()


_INTEGER = "python_lists,numba_ikj,numpy_matmul"
_FAST = "numba_ikj*,numba_tiled,numba_parallel,numpy_matmul,blas_*"
PRESETS: dict[str, Preset] = {
    "quick": Preset(
        budget_s=18.5,
        rounds=7,
        sample_ns=2_000_000,
        longest_call_s=0.25,
        grids=(Grid("float64", "16,64,128"), Grid("float64", "256,512,1000", f"numba_ijk,{_FAST}")),
        slabs=((BASE, 1000),),
    ),
    "standard": Preset(
        budget_s=85.0,
        rounds=11,
        sample_ns=3_000_000,
        longest_call_s=1.5,
        grids=(
            Grid("float64", "16,64,100,128,256,512,1000"),
            Grid("float64", "1000", "numba_ijk", beyond=True),
            Grid("float64", "32", _FAST),
            Grid("float32", "64"),
            Grid("float32", "256,1000", _FAST),
            Grid("int64", "64,128", _INTEGER),
        ),
        slabs=((BASE, 512), (BASE, 1000), ("python_arrays", 1000)),
    ),
    "full": Preset(
        budget_s=1440.0,
        rounds=21,
        sample_ns=5_000_000,
        longest_call_s=5.0,
        all_threads=True,
        grids=(
            # Neighbours of powers of two are there on purpose: a stride of 1024 elements meets cache associativity.
            Grid("float64", "8,16,32,48,64,96,100,127,128,136,192,200,255,256,264,384,500,511,512,520,768"),
            Grid("float64", "1000", beyond=True),
            Grid("float64", "512", BASE, beyond=True),
            Grid("float64", "1023,1024,1032", f"numpy_outer,numpy_einsum,numba_ijk,{_FAST}"),
            Grid("float64", "1500,2048", _FAST),
            Grid("float64", "16x1000x1000,1000x16x1000,1000x1000x16,64x2048x64", f"numba_ijk,{_FAST}"),
            Grid("float32", "16,64,128,256,512,1000"),
            Grid("float32", "1024,2048", _FAST),
            Grid("int64", "64,256,512,1000", _INTEGER),
        ),
        slabs=((BASE, 500), (BASE, 768), (BASE, 1000), ("python_arrays", 1000), (BASE, 1024)),
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]


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
    if request.sizes is None:
        return tuple(each for each in chosen.grids if request.dtypes is None or each.dtype in request.dtypes)
    return tuple(Grid(dtype, request.sizes, request.kernels or "*") for dtype in request.dtypes or ("float64",))


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
    base = registry.get(request.base)
    asked = registry.select(request.kernels) if request.kernels else tuple(registry)
    # A kernel that is asked for by its name at sizes of one's own is measured however long its calls take.
    named = {word.strip() for word in request.kernels.split(",")} if request.kernels and request.sizes else set()
    draft = _Draft()
    for grid in _grids(request, chosen):
        for m, n, k in parse_sizes(grid.sizes):
            problem = Problem(m=m, n=n, k=k, dtype=grid.dtype, seed=request.seed)
            for made in registry.matching(grid.kernels):
                if made not in asked:
                    continue
                for name, count in _arms(made, grid.dtype, threads):
                    beyond = grid.beyond or made.name in named
                    reason = _reason(made, count, problem, math.inf if beyond else chosen.longest_call_s)
                    draft.take(problem, (name, count), reason)
    if request.sizes is None and (request.dtypes is None or "float64" in request.dtypes):
        _draft_slabs(draft, chosen, request.seed, [made.name for made in asked])
    if not draft.arms:
        raise UsageError("nothing is left to measure; ask for other kernels, sizes or dtypes")
    plan = Plan(
        preset=request.preset,
        command=request.command,
        seed=request.seed,
        budget_s=request.budget_s or chosen.budget_s,
        rounds=chosen.rounds if request.budget_s is None else 10 * chosen.rounds,
        sample_ns=chosen.sample_ns,
        base=base.name,
        blocks=_blocks(draft, registry),
    )
    skipped = (Measurement(case=case, outcome="skipped", reason=reason) for case, reason in draft.reasons.items())
    return Planned(plan, tuple(skipped))


def _draft_slabs(draft: _Draft, chosen: Preset, seed: int, names: Sequence[str]) -> None:
    """Take in a few rows of each product that is too slow to be measured whole."""
    for name, n in chosen.slabs:
        if name in names:
            for m in SLAB_ROWS:
                draft.take(Problem(m=m, n=n, k=n, seed=seed), (name, 1))


def _blocks(draft: _Draft, registry: Registry) -> tuple[Block, ...]:
    """The draft's problems, the cheapest first: if time runs out, little is lost; arms in the order of the ladder."""
    order = {name: place for place, name in enumerate(registry.names)}

    def by_size(problem: Problem) -> tuple[int, int, bool]:
        return problem.flops, DTYPES.index(problem.dtype), not problem.is_square

    return tuple(
        Block(problem=problem, arms=tuple(sorted(draft.arms[problem], key=lambda arm: (order[arm[0]], arm[1]))))
        for problem in sorted(draft.arms, key=by_size)
    )


def block_seconds(plan: Plan, block: Block, call_s: Sequence[float]) -> tuple[float, float]:
    """Least and wanted time of a block, s: one sample of each arm, and all samples that the plan wants.

    Parameters
    ----------
    plan
        Rounds, shortest sample and budget.
    block
        What is measured together.
    call_s
        Expected time of one call of each arm, s.
    """
    # The peak is sampled in the same rounds, once for each thread count.
    counts = {threads for _, threads in block.arms} if block.problem.dtype in FLOATS else set()
    roofs = sum(1.2e-9 * plan.sample_ns + (DRAIN_S if threads > 1 else 0.0) for threads in counts)
    least, wanted = roofs, roofs * plan.rounds
    for (name, threads), call in zip(block.arms, call_s, strict=True):
        sample = max(1.2e-9 * plan.sample_ns, call) + (DRAIN_S if threads > 1 else 0.0)
        before = preparing_seconds(plan, call)
        sure = sure_samples(plan, name, block.problem, sample)
        most = max(sure, min(plan.rounds, int(SHARE_OF_ONE * plan.budget_s / sample)))
        least, wanted = least + before + sure * sample, wanted + before + most * sample
    return least, wanted


def sure_samples(plan: Plan, kernel: str, problem: Problem, sample_s: float) -> int:
    """Samples that a case gets before any other gets more: six if they can be had, which is what an interval takes.

    For the base they may cost more than for the rest, as every speed-up's interval needs them.
    """
    if problem.is_slab:
        return min(plan.rounds, SURE_OF_SLAB)
    share = SHARE_OF_BASE if kernel == plan.base else SHARE_OF_SURE
    return max(1, min(plan.rounds, SURE, int(share * plan.budget_s / sample_s)))


def preparing_seconds(plan: Plan, call_s: float) -> float:
    """Expected time to verify and calibrate a case, s; a long call's first sample serves for both."""
    if call_s >= SINGLE_SHOT_S:
        return 0.0
    if call_s > 1e-9 * ONE_LOOP * plan.sample_ns:
        return call_s
    return 2 * call_s if call_s > 1e-9 * plan.sample_ns else call_s + 2.5e-9 * plan.sample_ns


def run_seconds(plan: Plan, registry: Registry) -> float:
    """Expected time of a whole run, s, by the cost models that kernels declare; never above its budget."""
    total = START_S
    compiled = set()
    for block in plan.blocks:
        calls = [registry.get(name).expected_seconds(block.problem, threads) for name, threads in block.arms]
        total += block_seconds(plan, block, calls)[1]
        compiled |= {(name, block.problem.dtype) for name, _ in block.arms if registry.get(name).compiled}
    return min(plan.budget_s, total + COMPILE_S * len(compiled))
