"""Blocks handed to kernels: what was tuned in place of what is derived, and candidates beside it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matbench.errors import UsageError
from matbench.kernels.gemm.recipe import full_recipe
from matbench.kernels.registry import FLOATS, Function, Kernel, Registry
from matbench.kernels.tiling import Blocks, RegisterTile, gemm_candidates
from matbench.kernels.vectors import host_unit
from matbench.model import Block, Caches, Dtype, Plan, Problem
from matbench.tuning import Tuned, TunedBlocks, Tuning

__all__ = [
    "CLONE",
    "KERNEL",
    "SIZES",
    "START_S",
    "Candidates",
    "Trial",
    "candidates",
    "tuned_here",
    "tuning_plan",
    "with_tuned",
]

KERNEL = "numba_gemm"  # the one whose blocks can be tuned
CLONE = f"{KERNEL}:again"  # the derived blocks once more: whatever differs between the two is noise
SIZES = (384, 640, 1000)  # n at which blocks are tried: B fits half of the second cache, or not, or not by far
SAMPLE_NS = 5_000_000  # shortest sample
START_S, COMPILE_S = 1.5, 3.0  # s, of a process, and of the first call in each element type; orders of magnitude
CALLS = 2  # of each arm before its samples: the result is checked, the loops are calibrated


# -- what kernels are handed -------------------------------------------------------------------------------------------


def with_tuned(registry: Registry, tuned: Sequence[TunedBlocks]) -> Registry:
    """The kernels of a registry, with blocks handed to those that they were found for.

    Parameters
    ----------
    registry
        Kernels by name.
    tuned
        Blocks; those with a name make a kernel of that name beside the one that derives its blocks, the others are
        used in its place. Of kernels that are not in the registry nothing is said.
    """
    if not tuned:
        return registry
    made = {each.name: each for each in registry}
    by_name: dict[str, dict[Dtype, TunedBlocks]] = {}
    for each in tuned:
        if each.kernel in made:
            by_name.setdefault(each.name or each.kernel, {})[each.dtype] = each
    changed = {name: _handed(made[next(iter(found.values())).kernel], name, found) for name, found in by_name.items()}
    return Registry((made | changed).values())


def _handed(made: Kernel, name: str, found: Mapping[Dtype, TunedBlocks]) -> Kernel:
    """A kernel that uses the blocks found for a dtype, and derives those of the others."""

    @functools.cache
    def bind(caches: Caches, dtype: Dtype) -> Function:
        blocks = found.get(dtype)
        function: Function = (
            made.function(caches, dtype)
            if blocks is None
            else made.function(caches, dtype, (blocks.mc, blocks.kc, blocks.nc))
        )
        return function

    return replace(made, name=name, function=bind, idea=f"{made.idea}, tuned blocks")


def tuned_here(tuning: Tuning | None, registry: Registry, caches: Caches) -> tuple[TunedBlocks, ...]:
    """The blocks that hold here and now: better than those that are derived today, for today's register tile.

    Parameters
    ----------
    tuning
        What is known of this machine.
    registry
        Kernels by name: blocks of others, or of those that can't run here, are left out.
    caches
        Sizes in bytes.
    """
    if tuning is None:
        return ()
    return tuple(each.blocks for each in tuning.found if each.is_better and _holds(each, registry, caches))


def _holds(found: Tuned, registry: Registry, caches: Caches) -> bool:
    blocks = found.blocks
    if blocks.kernel != KERNEL or blocks.name is not None or blocks.dtype not in FLOATS:
        return False
    if KERNEL not in registry.names or registry.get(KERNEL).why_not(blocks.dtype) is not None:
        return False
    tried = candidates(blocks.dtype, caches)
    return tried.tile == (found.rows, found.vectors, found.lanes) and found.derived == tried.derived


# -- what is tried -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidates:
    """The blocks that are tried for one element type.

    Attributes
    ----------
    tile
        The register tile they are for.
    derived
        The blocks that are derived from the caches' sizes.
    others
        Those that may be better, each under a name of its own.
    """

    tile: RegisterTile
    derived: TunedBlocks
    others: tuple[TunedBlocks, ...]

    @property
    def arms(self) -> tuple[TunedBlocks, ...]:
        """What is handed to the sampling process: all under names of their own, the derived ones once more."""
        again = TunedBlocks(KERNEL, self.derived.dtype, self.derived.mc, self.derived.kc, self.derived.nc, CLONE)
        return (again, *self.others)


def candidates(dtype: Dtype, caches: Caches) -> Candidates:
    """What is tried for an element type on this machine."""
    recipe = full_recipe(dtype, host_unit())

    def told(blocks: Blocks, *, named: bool) -> TunedBlocks:
        cuts = blocks[:3]
        return TunedBlocks(KERNEL, dtype, *cuts, f"{KERNEL}:{'-'.join(map(str, cuts))}" if named else None)

    derived, *others = gemm_candidates(caches, recipe.tile, recipe.itemsize)
    return Candidates(recipe.tile, told(derived, named=False), tuple(told(each, named=True) for each in others))


@dataclass(frozen=True)
class Trial:
    """What one round of tuning measures.

    Attributes
    ----------
    arms
        Names of the kernels to be compared, by element type.
    threads
        Thread counts.
    rounds
        Samples of each arm in each process.
    processes
        Fresh processes.
    """

    arms: Mapping[Dtype, tuple[str, ...]]
    threads: tuple[int, ...]
    rounds: int
    processes: int = 1

    @property
    def problems(self) -> Iterator[tuple[Problem, tuple[str, ...]]]:
        """Each problem with the arms that are compared on it, the smallest first."""
        for n in SIZES:
            for dtype, names in self.arms.items():
                yield Problem(n, n, n, dtype, seed=1), names

    def seconds(self, registry: Registry) -> float:
        """Expected time, s, by the cost model that the kernel declares."""
        made = registry.get(KERNEL)
        samples_s = sum(
            len(names) * sum(max(1e-9 * SAMPLE_NS, made.expected_seconds(problem, count)) for count in self.threads)
            for problem, names in self.problems
        )
        each_s = START_S + (self.rounds + CALLS) * samples_s
        return self.processes * each_s + COMPILE_S * len(self.arms)


def tuning_plan(trial: Trial, command: str, budget_s: float) -> Plan:
    """The plan of a trial: all arms of a problem are one block, so that they are sampled in interleaved rounds.

    Raises
    ------
    UsageError
        If there is nothing to compare.
    """
    blocks = tuple(
        Block(problem, tuple((name, count) for count in trial.threads for name in names))
        for problem, names in trial.problems
    )
    if not blocks:
        raise UsageError("nothing is left to tune; ask for float64 or float32")
    return Plan(
        preset="tune",
        command=command,
        seed=1,
        budget_s=budget_s,
        rounds=trial.rounds * trial.processes,
        sample_ns=SAMPLE_NS,
        base=KERNEL,
        blocks=blocks,
    )
