"""Worlds of simulated noise, in which the truth is known: how comparisons fare in each.

A world draws the logarithm of every sample's time; the comparison is scheduled, reduced, stopped and judged by the
very functions that real ones are. Each of these can be replaced, to show that a faulty one is found out.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray

from matbench.analyse.pair_blocks import Reduction, reduce_cells
from matbench.analyse.pairs import Verdict, is_narrow, judge
from matbench.analyse.trust import SAME, Tally, tally
from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Arm, Cell, PairBlock, PairHeader, PairProcess, PairRecord, Sample, Settings

__all__ = ["ARMS", "CROOKED", "WORLDS", "Harness", "Noise", "World", "compare", "one_process", "simulate", "times"]

ARMS: tuple[Arm, ...] = ("a", "c", "b")  # by the index that a schedule gives them
A, B = ARMS.index("a"), ARMS.index("b")
SAMPLE_NS = 3_000_000
COLD = 0.02  # by which the first sample of a block is slower: caches that the pause has emptied
OVERHEAD = 0.03  # of a sample of usual length: what each sample costs once, however many calls it makes
SCHEDULES = 256  # drawn once; each simulated process takes one of them

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Orders = Callable[[int, int, Random], tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class Noise:
    """What a world does to the samples of some processes: arrays of processes x blocks x samples.

    Attributes
    ----------
    logs
        Added to the logarithm of each sample's time.
    taken
        Share of each sample's time in which it did not have the processor, as its counters tell.
    """

    logs: Floats
    taken: Floats


World = Callable[[np.random.Generator, Indices], Noise]


def _quiet(logs: Floats) -> Noise:
    return Noise(logs, np.zeros_like(logs))


def iid(rng: np.random.Generator, arms: Indices) -> Noise:
    """Independent noise of 1.5 %."""
    return _quiet(rng.normal(0, 0.015, arms.shape))


def ar1(rng: np.random.Generator, arms: Indices) -> Noise:
    """Noise of 3 % that remembers: neighbouring samples are correlated by 0.9."""
    processes, blocks, samples = arms.shape
    steps = rng.normal(0, 0.03, (processes, blocks * samples))
    steps[:, 1:] *= np.sqrt(1 - 0.9**2)
    for index in range(1, blocks * samples):
        steps[:, index] += 0.9 * steps[:, index - 1]
    return _quiet(steps.reshape(arms.shape))


def drift(rng: np.random.Generator, arms: Indices) -> Noise:
    """Up to 10 % of steady drift within a process, on top of up to 10 % between processes and noise of 1.2 %."""
    processes, blocks, samples = arms.shape
    time = np.linspace(0, 1, blocks * samples).reshape(1, blocks, samples)
    slope, level = rng.uniform(-0.1, 0.1, (2, processes, 1, 1))
    return _quiet(level + slope * time + rng.normal(0, 0.012, arms.shape))


def spikes(rng: np.random.Generator, arms: Indices) -> Noise:
    """One sample in twenty is interrupted, for half its length on average; the counters tell half of it."""
    hit = rng.random(arms.shape) < 0.05
    extra = np.where(hit, np.log1p(rng.exponential(0.5, arms.shape)), 0.0)
    told = hit & (rng.random(arms.shape) < 0.5)
    return Noise(extra + rng.normal(0, 0.01, arms.shape), np.where(told, -np.expm1(-extra), 0.0))


def bimodal(rng: np.random.Generator, arms: Indices) -> Noise:
    """The clock switches between two speeds 8 % apart, on average every 20 samples, under noise of 1 %."""
    processes, blocks, samples = arms.shape
    switches = rng.random((processes, blocks * samples)) < 0.05
    switches[:, 0] = rng.random(processes) < 0.5
    modes = np.cumsum(switches, axis=1) % 2
    return _quiet(0.08 * modes.reshape(arms.shape) + rng.normal(0, 0.01, arms.shape))


def layout(rng: np.random.Generator, arms: Indices) -> Noise:
    """Each arm of each process lies well or badly in memory: 0.7 % that no repetition within the process averages."""
    offsets = rng.normal(0, 0.007, (len(arms), len(ARMS)))
    placed = np.take_along_axis(offsets, arms.reshape(len(arms), -1), axis=1).reshape(arms.shape)
    return _quiet(placed + rng.normal(0, 0.007, arms.shape))


def heavier_tail(rng: np.random.Generator, arms: Indices) -> Noise:
    """B's noise has far heavier tails than A's of 1 %, and the same middle: Student's t of two degrees of freedom."""
    tails = 0.01 * rng.standard_t(2, arms.shape)
    return _quiet(np.where(arms == B, np.clip(tails, -0.5, 0.5), rng.normal(0, 0.01, arms.shape)))


def crooked(rng: np.random.Generator, arms: Indices) -> Noise:
    """Whatever is measured as A runs 2 % faster: a bias of the harness that only the control can show."""
    return _quiet(np.where(arms == A, -0.02, 0.0) + rng.normal(0, 0.01, arms.shape))


WORLDS: dict[str, World] = {
    "iid": iid,
    "AR(1)": ar1,
    "drift": drift,
    "spikes": spikes,
    "bimodal": bimodal,
    "layout per process": layout,
    "heavier tail in one arm": heavier_tail,
}
CROOKED: World = crooked  # no honest verdict is possible in it


def _reduced(record: PairRecord) -> Reduction:
    return reduce_cells(record)[0]


def _judged(reduction: Reduction, settings: Settings) -> Verdict:
    return judge([reduction], settings)[0]


@dataclass(frozen=True)
class Harness:
    """The parts that a comparison goes through.

    Attributes
    ----------
    orders
        Schedules the arms: `matbench.measure.order.orders`, which this stage does not know.
    settings
        Of the comparison.
    loops
        Calls in a sample of A, A' and B, relative to the usual number.
    reduce
        From the record of one process to its numbers.
    narrow
        Whether to stop.
    judge
        From all numbers to the verdict.
    """

    orders: Orders
    settings: Settings = field(default_factory=Settings)
    loops: tuple[float, float, float] = (1.0, 1.0, 1.0)
    reduce: Callable[[PairRecord], Reduction] = _reduced
    narrow: Callable[[Reduction, Settings], bool] = is_narrow
    judge: Callable[[Reduction, Settings], Verdict] = _judged

    @functools.cached_property
    def schedules(self) -> Indices:
        """Schedules x blocks x samples: the arm's index."""
        rng = Random(0)  # noqa: S311  an experiment's, to be repeatable
        return np.array([self.orders(len(ARMS), self.settings.blocks, rng) for _ in range(SCHEDULES)])


def compare(harness: Harness, world: World, truth: float, rng: np.random.Generator) -> Verdict:
    """One comparison in `world`, from its samples to its verdict.

    Parameters
    ----------
    harness
        How it is made.
    world
        The noise.
    truth
        Time of B over time of A.
    rng
        Decides everything.
    """
    settings = harness.settings
    most = settings.most_processes
    arms = harness.schedules[rng.integers(SCHEDULES, size=most)]
    elapsed, cpu = times(harness, world(rng, arms), arms, truth)
    found: list[Reduction] = []
    for process in range(most):
        record = one_process(settings, process, arms[process], elapsed[process], cpu[process])
        found.append(harness.reduce(record))
        extra = process + 1 - settings.processes
        if extra >= 0 and extra % settings.more_processes == 0 and harness.narrow(_joined(found), settings):
            break
    return harness.judge(_joined(found), settings)


def simulate(harness: Harness, world: World, count: int, truth: float = SAME, seed: int = 0) -> Tally:
    """`count` independent comparisons in `world`; the same seed gives the same counts."""
    streams = np.random.SeedSequence(seed).spawn(count)
    return tally((compare(harness, world, truth, np.random.default_rng(stream)) for stream in streams), truth)


def times(harness: Harness, noise: Noise, arms: Indices, truth: float) -> tuple[Indices, Indices]:
    """Elapsed and CPU time of every sample, ns: arrays of the shape of `arms`.

    Parameters
    ----------
    harness
        Whose loops.
    noise
        Of the world.
    arms
        Processes x blocks x samples: the arm's index.
    truth
        Time of B over time of A.
    """
    loops = np.array(harness.loops)
    logs = noise.logs + np.where(arms == B, math.log(truth), 0.0) + np.log((OVERHEAD + loops) / loops)[arms]
    logs[..., 0] += math.log1p(COLD)
    elapsed = np.rint(SAMPLE_NS * np.exp(logs)).astype(np.int64)
    return elapsed, np.rint(elapsed * (1 - noise.taken)).astype(np.int64)


def one_process(settings: Settings, process: int, arms: Indices, elapsed: Indices, cpu: Indices) -> PairRecord:
    """What one process would have stored.

    Parameters
    ----------
    settings
        Of the comparison.
    process
        Its index.
    arms, elapsed, cpu
        Blocks x samples: the arm's index, time and CPU time in ns.
    """
    blocks = tuple(
        PairBlock(
            cell=0,
            process=process,
            block=index,
            loops=1,
            samples=tuple(Sample(ARMS[arm], *times) for arm, *times in zip(*columns, strict=True)),
        )
        for index, columns in enumerate(zip(arms.tolist(), elapsed.tolist(), cpu.tolist(), strict=True))
    )
    return PairRecord(_header(settings), (PairProcess(process, seed=0),), blocks)


@functools.cache
def _header(settings: Settings) -> PairHeader:
    return PairHeader(
        id="simulated",
        created="",
        machine="simulated",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        command="",
        seed=0,
        settings=settings,
        cells=(Cell(Problem(m=1, n=1, k=1), 1, "a", "b"),),
    )


def _joined(reductions: Sequence[Reduction]) -> Reduction:
    """All processes of one cell: what reducing them together gives."""
    dropped: Counter[str] = Counter()
    for each in reductions:
        dropped.update(dict(each.dropped))
    return Reduction(
        cell=reductions[0].cell,
        values=tuple(value for each in reductions for value in each.values),
        void=tuple(void for each in reductions for void in each.void),
        blocks=sum(each.blocks for each in reductions),
        dropped=tuple(sorted(dropped.items(), key=lambda item: (-item[1], item[0]))),
    )
