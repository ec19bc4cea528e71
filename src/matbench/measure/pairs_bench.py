"""One process of a comparison: every cell verified, calibrated, warmed up, and sampled in balanced blocks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from random import Random
from statistics import median
from typing import Literal

from matbench.collector import collector_off
from matbench.errors import InternalError
from matbench.kernels.oracle import PAGE, check_bytes
from matbench.kernels.registry import Registry
from matbench.measure.clock import Clock
from matbench.measure.order import orders
from matbench.measure.pairs_arms import Bound, bind_arm, cached, is_same, signatures
from matbench.measure.pairs_beside import unmixed
from matbench.measure.pairs_counters import Canary, Counters, allowed_cpus, pinned, tick_ns
from matbench.measure.pairs_loading import load_function, unpickled
from matbench.measure.pairs_refusal import RefusedError, raised
from matbench.measure.pairs_verify import ONCE_S, Checked, Forks, Operands, placed_operands, verified
from matbench.measure.placement import apart
from matbench.measure.plan import ONE_LOOP
from matbench.measure.protocol import Message, PairJob, Started
from matbench.measure.sampler import Arm as Timed
from matbench.measure.sampler import Sample as Trial
from matbench.measure.sampler import calibrate, on_the_run, time_loops
from matbench.measure.threads import ThreadControl, drain
from matbench.model import Case, Dtype
from matbench.pairing import Arm, Cell, PairBlock, PairProcess, Refusal, Sample
from matbench.units import format_bytes

__all__ = ["FEWEST_BLOCKS", "LONGEST_BLOCK_NS", "PairBench", "fewest_blocks"]

ARMS: tuple[Arm, ...] = ("a", "c", "b")  # what `orders` numbers
LINE = 64  # bytes of a cache line: operands begin with one, as those of the other runners do
TICKS = 1000  # of the clock that a sample lasts at least
LONGEST_BLOCK_NS = 250_000_000  # a longer block drifts within; fewer loops, as long as there are several
MOST_TRIES = 4  # at a block in which nothing is compiled
WARM_MOST = 6  # blocks that are given away to warm up
WARM_QUIET = 2  # of them in a row without page faults or compilation
FEWEST_BLOCKS = 2  # of a cell so slow that its time is up earlier
DEAR_BLOCK_NS = 500_000_000  # of blocks longer than that one does: a further process says more than a further block
SPINS = 1.2  # CPU time of the process over that of its one working thread: another one spins
LATE = 10  # times the expected time: then a cell is said to hang


@dataclass(frozen=True)
class _Ready:
    """A cell whose three arms were found right."""

    index: int
    cell: Cell
    matrices: Operands
    bound: dict[Arm, Bound]
    calls: tuple[Callable[[], object], ...]  # of `ARMS`
    found: dict[Arm, Checked]

    @property
    def functions(self) -> tuple[Callable[..., object], ...]:
        """The bare functions of all arms."""
        return tuple(each.function for each in self.bound.values())


@dataclass(frozen=True)
class _Shape:
    """How the blocks of a cell are made: loops in a sample, blocks, and whether a block's row is mirrored."""

    loops: int
    blocks: int
    mirrored: bool


@dataclass
class PairBench:
    """One sampling process's workplace; its arguments are what it touches of the world.

    Attributes
    ----------
    job
        What is to be done.
    registry
        Kernels by name, loaded libraries included.
    clock, counters, control
        Time, the system's counts, and the libraries' threads.
    tell
        Sends a message to the parent.
    """

    job: PairJob
    registry: Registry
    clock: Clock
    counters: Counters
    control: ThreadControl
    tell: Callable[[Message], None]
    forks: Forks
    canary: Canary = field(default_factory=Canary)
    cpu: int | None = None
    offsets: tuple[int, int, int] = (0, 0, 0)
    errors: list[tuple[int, Arm, float]] = field(default_factory=list)
    _found: dict[str, object] = field(default_factory=dict)
    _bound: dict[tuple[str, Dtype, int], dict[str, Bound]] = field(default_factory=dict)
    _spins: bool = True  # whether threads may be spinning: libraries may have started some as they were loaded

    def __post_init__(self) -> None:
        self._random = Random(self.job.seed)  # noqa: S311  an experiment's, to be repeatable
        cpus = allowed_cpus()
        self.cpu = self._random.choice(cpus) if cpus else None
        first, second, third = (LINE * self._random.randrange(PAGE // LINE) for _ in range(3))
        self.offsets = first, second, third

    def run(self) -> Iterator[int]:
        """Take the job's cells in their order; yields how many are done, where nothing is being timed."""
        for done, (index, cell) in enumerate(self.job.cells, 1):
            blocks: list[PairBlock] = []
            try:
                blocks = self._cell(index, cell)
            except RefusedError as error:
                self.tell(Refusal(index, error.outcome, str(error)[:2000], error.arm))
            except InternalError as error:  # the threads could not be set
                self.tell(Refusal(index, "skipped", str(error)))
            except MemoryError:
                self.tell(Refusal(index, "ended", "ran out of memory"))
            for block in blocks:
                self.tell(block)
            yield done

    def report(self) -> PairProcess:
        """What this process says of itself in the end; the parent adds what it alone knows."""
        return PairProcess(
            process=self.job.process,
            seed=self.job.seed,
            cpu=self.cpu,
            offset=self.offsets[0],
            errors=tuple(self.errors),
        )

    # -- before the blocks ---------------------------------------------------------------------------------------------

    def _cell(self, index: int, cell: Cell) -> list[PairBlock]:
        with self.control.limited(cell.threads):
            ready = self._ready(index, cell)
        # First calls load libraries whose threads have to be limited, too: Numba's compiler brings SciPy's BLAS, a
        # parallel loop brings a threading layer.
        self.control.refresh()
        with self.control.limited(cell.threads):
            with pinned(self.cpu if cell.threads == 1 else None):
                blocks = self._blocks(ready)
            others = [(name, count) for name, count in self.control.counts().items() if count != cell.threads]
        if not ready.matrices.are_unchanged():
            raise RefusedError("one of the two changes its operands now and then; have it work on copies")
        if others:
            name, count = others[0]
            raise RefusedError(
                f"one of the two changes the number of threads ({name}: {count}, not {cell.threads}); "
                "leave it to --threads"
            )
        self.errors.extend((index, arm, each.error) for arm, each in ready.found.items() if each.error is not None)
        return blocks

    def _ready(self, index: int, cell: Cell) -> _Ready:
        needed = 2 * cell.problem.operand_bytes + check_bytes(cell.problem)
        if needed > self.job.memory_bytes:
            allowed = format_bytes(self.job.memory_bytes)
            raise RefusedError(f"needs {format_bytes(needed)} of memory, {allowed} may be used", "skipped")
        self._announce(f"operands of {cell.problem.shape_label}")
        matrices = placed_operands(cell.problem, self.offsets)
        bound = self._arms(cell)
        found: dict[Arm, Checked] = {}
        known = {arm: call_ns for place, arm, call_ns in self.job.known if place == index}
        for arm, each in bound.items():
            if arm in known and not hasattr(each.function, "signatures"):
                found[arm] = Checked(None, known[arm])
                continue
            # The clone of a slow arm is the same code and would cost as much again, but it has to be compiled.
            compiled = bool(signatures([bound["a"].function]))
            if arm != "c" or compiled or found["a"].call_ns < ONCE_S * 1e9:
                found[arm] = self._verified(cell, arm, each, matrices)
        calls = tuple(bound[arm].call(*matrices.inputs, matrices.out) for arm in ARMS)
        return _Ready(index, cell, matrices, bound, calls, found)

    def _arms(self, cell: Cell) -> dict[Arm, Bound]:
        """A, its clone and B; where A is compared with itself, B is a second clone."""
        a = self._twins(cell, "a")
        if cell.a == cell.b:
            return {"a": a["one"], "c": a["two"], "b": a["three"]}
        b = self._twins(cell, "b")
        if is_same(a["one"].function, b["one"].function):
            raise RefusedError(
                f"{cell.a} and {cell.b} are the same function; name two, or compare one with itself by --aa", "skipped"
            )
        return {"a": a["one"], "c": a["two"], "b": b["one"]}

    def _twins(self, cell: Cell, arm: Literal["a", "b"]) -> dict[str, Bound]:
        """An arm and two clones of it, bound once a process: what they compile serves all sizes."""
        label = cell.b if arm == "b" else cell.a
        key = (label, cell.problem.dtype, cell.threads)
        if key not in self._bound:
            self._announce(f"{label} is loaded", Case(label, cell.problem, cell.threads))
            try:
                self._load(label)
                one = bind_arm(
                    label,
                    self._found.get(label),
                    registry=self.registry,
                    dtype=cell.problem.dtype,
                    threads=cell.threads,
                    caches=self.job.caches,
                    operation=cell.problem.operation,
                )
                made = {"one": one, "two": one.twin(), "three": one.twin()}
            except RefusedError as error:
                raise RefusedError(f"{label} {error}", error.outcome, arm) from None
            except Exception as error:  # noqa: BLE001  a stranger's kernel: whatever it raises is told
                raise RefusedError(f"{label} {raised(error)}", arm=arm) from None
            self._share_compiled(label, made.values())
            self._bound[key] = made
        return self._bound[key]

    def _load(self, label: str) -> None:
        """Find a function of the reader's own, once a process."""
        if label in self._found:
            return
        if label in self.job.pickled:
            self._found[label] = unpickled(self.job.pickled[label])
        elif label in self.job.sources:
            self._found[label] = load_function(self.job.sources[label], self.job.roots.get(label))

    def _share_compiled(self, label: str, arms: Iterable[Bound]) -> None:
        if self.job.compiled is not None:
            name = f"{re.sub(r'[^a-zA-Z0-9]', '_', label)}-{zlib.crc32(label.encode()):08x}"
            folder = str(PurePath(self.job.compiled) / name)
            for each in arms:
                cached(each.function, folder)

    def _announce(self, what: str, case: Case | None = None, more_s: float = 0.0) -> None:
        self.tell(Started(what=what, allowed_s=self.job.patience_s + more_s, case=case))

    def _verified(self, cell: Cell, arm: Arm, bound: Bound, matrices: Operands) -> Checked:
        label = cell.b if arm == "b" else cell.a
        known = label in self.registry.names
        expected_s = self.registry.get(label).expected_seconds(cell.problem, cell.threads) if known else 0.0
        self._announce(label, Case(label, cell.problem, cell.threads), more_s=LATE * expected_s)
        self._settled()
        self._spins = cell.threads > 1
        try:
            return verified(
                bound,
                matrices,
                threads=cell.threads,
                clock=self.clock,
                forks=self.forks,
                around=self._around(label),
            )
        except RefusedError as error:
            raise RefusedError(f"{label} {error}", error.outcome, "b" if label != cell.a else "a") from None

    def _around(self, label: str) -> Callable[[], AbstractContextManager[None]]:
        """What a call to be looked at is made in: a baseline may not reach for what is here."""
        root = self.job.roots.get(label)
        return nullcontext if root is None else partial(unmixed, root, self.job.sources[label])

    # -- the blocks ----------------------------------------------------------------------------------------------------

    def _blocks(self, ready: _Ready) -> list[PairBlock]:
        """Calibrate, warm up, sample."""
        call_s = sum(each.call_ns for each in ready.found.values()) * 1e-9
        self._announce(f"{ready.cell.a} against {ready.cell.b}", more_s=LATE * call_s)
        shape = self._warmed(ready, self._shape(ready))
        rows = orders(len(ARMS), shape.blocks, self._random, mirrored=shape.mirrored)
        return [self._block(ready, row, shape.loops, number) for number, row in enumerate(rows)]

    def _shape(self, ready: _Ready) -> _Shape:
        """One loop count for all arms: that which fills a sample of the slowest."""
        shortest = max(self.job.settings.sample_ns, TICKS * tick_ns(self.clock))
        # Without a processor of their own, threads that take turns would make a sample look long enough.
        with collector_off(), apart(ready.cell.threads):
            trials = [
                self._trial(call, ready.found.get(arm, ready.found["a"]), shortest)
                for arm, call in zip(ARMS, ready.calls, strict=True)
            ]
        slowest = max(trials, key=_call_ns)
        row_ns = sum(_call_ns(trial) for trial in trials)  # each arm called once
        most = int(LONGEST_BLOCK_NS / (2 * row_ns))
        loops = max(1, min(slowest.loops, most))
        mirrored = 2 * row_ns * loops <= LONGEST_BLOCK_NS
        return _Shape(loops, self._affordable(loops * row_ns * (2 if mirrored else 1)), mirrored)

    def _trial(self, call: Callable[[], object], found: Checked, shortest: int) -> Trial:
        """A sample long enough; the call that was verified serves for one where it is much longer than that."""
        if found.call_ns > ONE_LOOP * shortest:
            return Trial(1, found.call_ns)
        return calibrate(call, shortest, self.clock)

    def _affordable(self, block_ns: float) -> int:
        """Blocks that there is time for: at least a few, at most as many as the settings say."""
        blocks = self.job.settings.blocks
        return max(fewest_blocks(block_ns, blocks), min(blocks, int(self.job.cell_s * 1e9 / max(1.0, block_ns))))

    def _warmed(self, ready: _Ready, shape: _Shape) -> _Shape:
        """Blocks that are given away until nothing is touched or compiled for the first time any more.

        The fastest one tells what a block costs, drains included, so that a slow cell takes as many as its time
        allows. Calls so long that a block is not mirrored are warm by having been verified.
        """
        if not shape.mirrored:
            return shape
        quiet, costs_ns = 0, list[int]()
        for row in orders(len(ARMS), WARM_MOST, self._random, mirrored=shape.mirrored):
            versions, start = signatures(ready.functions), self.clock.wall_ns()
            block = self._block(ready, row, shape.loops, 0)
            costs_ns.append(self.clock.wall_ns() - start)
            faults = sum(sample.faults or 0 for sample in block.samples)
            quiet = quiet + 1 if not faults and signatures(ready.functions) == versions else 0
            if quiet >= WARM_QUIET or sum(costs_ns) > self.job.cell_s * 1e9 / 2:
                break
        blocks = self._affordable(min(costs_ns))
        self._announce(f"{ready.cell.a} against {ready.cell.b}", more_s=LATE * blocks * max(costs_ns) * 1e-9)
        return _Shape(shape.loops, blocks, shape.mirrored)

    def _block(self, ready: _Ready, row: Sequence[int], loops: int, number: int) -> PairBlock:
        """All arms in the order of `row`; a block in which something was compiled is taken once more."""
        for _ in range(MOST_TRIES):
            versions, paces = signatures(ready.functions), []
            samples = []
            with collector_off():
                for place in row:
                    drain_ns = self._settled()
                    # Before each sample, for the pace of the whole block: one chain tells of its own moment only.
                    paces.append(self.canary.sing(self.clock))
                    samples.append(self._sample(ready, place, loops, drain_ns))
            if signatures(ready.functions) == versions:
                canary_ns = round(median(paces))
                return PairBlock(ready.index, self.job.process, number, loops, tuple(samples), canary_ns)
        raise RefusedError("one of the two compiles anew again and again; give it operands of one type inside")

    def _settled(self) -> int:
        """How long it took until no idle thread was spinning any more, ns."""
        drain_ns = drain(self.clock) if self._spins else 0
        self._spins = False
        return drain_ns

    def _sample(self, ready: _Ready, place: int, loops: int, drain_ns: int) -> Sample:
        threads = ready.cell.threads
        call_ns = max(each.call_ns for each in ready.found.values())  # one decision: all arms wake up, or none
        arm = Timed(ready.calls[place], threads, loops, call_ns * loops * 1e-9)
        with on_the_run(arm):
            process_ns = self.clock.cpu_ns()
            before = self.counters.read(threads)
            elapsed_ns = time_loops(arm.call, loops, self.clock).elapsed_ns
            counted = self.counters.read(threads).since(before)
            process_ns = self.clock.cpu_ns() - process_ns
        # Threads of an arm's own may spin even where one was asked for; then the next sample has to wait as well.
        self._spins = threads > 1 or (counted.cpu_ns is not None and process_ns > SPINS * counted.cpu_ns + 100_000)
        return Sample(
            arm=ARMS[place],
            elapsed_ns=elapsed_ns,
            cpu_ns=counted.cpu_ns,
            faults=counted.faults,
            switches=counted.switches,
            delay_ns=counted.delay_ns,
            drain_ns=drain_ns,
        )


def fewest_blocks(block_ns: float, wanted: int) -> int:
    """Blocks that a cell takes in one process, however slow it is.

    Parameters
    ----------
    block_ns
        Time of one, ns.
    wanted
        Blocks that the settings ask for.
    """
    return 1 if block_ns > DEAR_BLOCK_NS else min(FEWEST_BLOCKS, wanted)


def _call_ns(trial: Trial) -> float:
    return trial.elapsed_ns / trial.loops
