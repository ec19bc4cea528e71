"""A comparison as a stream of events: fresh processes, one after another, until the intervals are narrow enough.

The process is the unit of the experiment: where code and data lie in memory is drawn anew for each. The parent times
nothing; it starts processes, ends those that hang, and asks after each round of them whether more are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from matbench.measure.child import OWN_BYTES, STARTS_WITHIN_S, Child, OverrunError, await_greeting
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.pairs_plan import SHORTEST_CELL_S
from matbench.measure.pairs_verify import ONCE_S
from matbench.measure.protocol import Finished, Go, PairJob, Pause, Started
from matbench.model import Caches, Library
from matbench.pairing import Arm, PairBlock, PairHeader, PairProcess, PairRecord, Pressure, Refusal
from matbench.tuning import TunedBlocks

__all__ = ["PADDING", "PairEvent", "PairProgress", "PairSession", "PairsTold"]

PADDING = "MATBENCH_PADDING"  # environment variable; its length moves the stack, and with it all that is on it
MOST_PADDING = 4096  # bytes
PATIENCE_S = 30.0  # s, after which a call is said to hang
MOST_VOID = 3  # processes lost to a cell that had been measured before: then the cell is given up

Value = PairBlock | PairProcess | Refusal


@dataclass(frozen=True)
class PairProgress:
    """Nothing is being timed now: the moment to draw.

    Attributes
    ----------
    process, processes
        Processes that have ended, of those expected at this time.
    done, cells
        Cells done in the process under way, of its cells.
    left_s
        Expected time left, s; 0 where nothing is known of it yet.
    """

    process: int
    processes: int
    done: int
    cells: int
    left_s: float


@dataclass(frozen=True)
class PairsTold:
    """What a process has come to: to be stored at once, all or nothing."""

    values: tuple[Value, ...]
    libraries: tuple[Library, ...] = ()


PairEvent = PairProgress | PairsTold


@dataclass
class PairSession:
    """One comparison of all its cells.

    Attributes
    ----------
    header
        What is compared, and how.
    sources, roots, pickled
        Where the reader's own functions are, which folders those of a baseline are imported from, and the functions
        that are sent as they are: by label.
    search
        Further folders that sampling processes import from.
    caches, memory_bytes, threads
        The machine's cache sizes; memory that one cell may take, bytes; largest number of threads.
    enough
        Whether no further process is needed; looked at after the first round of processes and after each later one.
    hopeless
        Whether no further process can help; looked at before each.
    pressure
        What others have taken from this process so far.
    cell_s
        Time that the blocks of one cell may take in one process, s.
    expected_s
        Expected time of one process, s, until one has ended.
    deadline_ns
        When the last process should have ended, on `clock`; None for as long as it takes.
    fewest
        Processes that are taken however long they take; by default all of the first round.
    more_until_ns
        When no process is added to those any more, however wide the intervals are; None for no such time.
    compiled
        Folder in which the processes share what Numba has compiled.
    tuned
        Where kernels cut their loops, as it was tuned on this machine.
    so_far
        What was measured before, where a comparison is resumed.
    child
        Starts a sampling process; an argument for the tests' sake.
    """

    header: PairHeader
    sources: Mapping[str, str]
    caches: Caches
    memory_bytes: int
    threads: int
    enough: Callable[[PairRecord], bool]
    hopeless: Callable[[PairRecord], bool] = lambda _: False
    roots: Mapping[str, str] = field(default_factory=dict)
    pickled: Mapping[str, bytes] = field(default_factory=dict)
    search: tuple[str, ...] = ()
    pressure: Callable[[], Pressure] = Pressure
    cell_s: float = 2.0
    expected_s: float = 0.0
    deadline_ns: int | None = None
    fewest: int | None = None
    more_until_ns: int | None = None
    compiled: str | None = None
    tuned: tuple[TunedBlocks, ...] = ()
    blas: tuple[str, ...] = ()
    patience_s: float = PATIENCE_S
    so_far: PairRecord | None = None
    clock: Clock = field(default_factory=SystemClock)
    child: Callable[[int, Sequence[str], Mapping[str, str]], Any] = Child
    out_of_time: bool = False  # whether time ended it: the deadline, or that no process is added so late
    libraries: tuple[Library, ...] | None = None  # of the first process
    took_ns: list[int] = field(default_factory=list)  # by each process so far
    stopping: bool = False
    _open: set[int] = field(default_factory=set)  # cells that are not known well enough yet
    _hopeless: set[int] = field(default_factory=set)  # cells that never will be

    def __post_init__(self) -> None:
        self.record = self.so_far or PairRecord(header=self.header)
        self._next = max((each.process for each in self.record.processes), default=-1) + 1
        self._lost: dict[int, int] = {}

    def stop(self) -> None:
        """Come to an end at the next pause; the process under way counts for nothing."""
        self.stopping = True

    def run(self) -> Iterator[PairEvent]:
        """Process after process, until every cell has enough of them or time is up.

        Raises
        ------
        InternalError
            If a sampling process can't be started.
        """
        while (cells := self._wanted()) and not self.stopping:
            if self.deadline_ns is not None and self._too_late():
                self.out_of_time = True
                return
            attempt = _Attempt(self, self._next, cells)
            yield from attempt.run()
            self._next += 1
            if attempt.values:
                self._keep(attempt.values)
                yield PairsTold(attempt.values, attempt.libraries)

    # -- what is still wanted ------------------------------------------------------------------------------------------

    @property
    def expected(self) -> int:
        """Processes expected at this time: the first round, then a few more at a time."""
        settings, ended = self.header.settings, len(self.record.processes)
        if ended < settings.processes:
            return settings.processes
        rounds = (ended - settings.processes) // settings.more_processes + 1
        return min(settings.most_processes, settings.processes + rounds * settings.more_processes)

    def _wanted(self) -> tuple[int, ...]:
        """Indices of the cells that the next process has to sample; each cell stops when it has enough."""
        cells = self._living()
        settings, ended = self.header.settings, len(self.record.processes)
        if ended >= max(settings.processes, settings.most_processes):
            return ()
        if ended >= self._fewest() and self._no_more():
            self.out_of_time = bool(cells)
            return ()
        if ended < settings.processes:
            return cells
        if (ended - settings.processes) % settings.more_processes and self._open:
            return tuple(index for index in cells if index in self._open)
        self._open = {index for index in cells if not self.enough(self._only(index))}
        return tuple(sorted(self._open))

    def _living(self) -> tuple[int, ...]:
        """Indices of the cells that were neither refused nor are past help."""
        refused = {each.cell for each in self.record.refusals}
        cells = [index for index in range(len(self.header.cells)) if index not in refused | self._hopeless]
        if self.record.processes:
            self._hopeless |= {index for index in cells if self.hopeless(self._only(index))}
        return tuple(index for index in cells if index not in self._hopeless)

    def _fewest(self) -> int:
        return self.header.settings.processes if self.fewest is None else self.fewest

    def _only(self, index: int) -> PairRecord:
        """The record as if only one of its cells had been asked for."""
        others = (Refusal(each, "skipped", "") for each in range(len(self.header.cells)) if each != index)
        own = (block for block in self.record.blocks if block.cell == index)
        return msgspec.structs.replace(self.record, blocks=tuple(own), refusals=tuple(others))

    def _no_more(self) -> bool:
        """Whether the time for further processes is up, or would be before the end of the next one."""
        next_ns = self.took_ns[-1] if self.took_ns else 0
        return self.more_until_ns is not None and self.clock.wall_ns() + next_ns > self.more_until_ns

    def _too_late(self) -> bool:
        """Whether another process would end after the deadline; the first is always tried."""
        if not self.took_ns or self.deadline_ns is None:
            return False
        return self.clock.wall_ns() + max(self.took_ns[-4:]) > self.deadline_ns

    def _keep(self, values: Sequence[Value]) -> None:
        self.record = msgspec.structs.replace(
            self.record,
            processes=(*self.record.processes, *(each for each in values if isinstance(each, PairProcess))),
            blocks=(*self.record.blocks, *(each for each in values if isinstance(each, PairBlock))),
            refusals=(*self.record.refusals, *(each for each in values if isinstance(each, Refusal))),
        )

    def share_s(self, cells: int) -> float:
        """Time that the blocks of one cell may take in the next process, s: less once processes outlast their share."""
        limits = [each for each in (self.deadline_ns, self.more_until_ns) if each is not None]
        left = self.header.settings.processes - len(self.record.processes)
        if limits and left > 0 and len(self.took_ns) > 1:  # the first one compiles what the others load
            each_ns = (min(limits) - self.clock.wall_ns()) / left
            over_s = 1e-9 * (self.took_ns[-1] - each_ns)
            if over_s > 0:
                self.cell_s = max(min(SHORTEST_CELL_S, self.cell_s), self.cell_s - over_s / cells)
        return self.cell_s

    def known(self) -> tuple[tuple[int, Arm, int], ...]:
        """Arms so slow that looking at one product of theirs is enough, with the time of a call, ns."""
        calls: dict[tuple[int, Arm], int] = {}
        for block in self.record.blocks:
            for sample in block.samples if block.loops == 1 else ():
                place = block.cell, sample.arm
                calls[place] = min(sample.elapsed_ns, calls.get(place, sample.elapsed_ns))
        return tuple((cell, arm, ns) for (cell, arm), ns in calls.items() if ns > ONCE_S * 1e9)

    # -- what becomes of a failure -------------------------------------------------------------------------------------

    def blamed(self, index: int, started: Started | None, failure: str) -> tuple[Refusal, ...]:
        """The cells that are given up because a process ended before its time; none where one process is given up.

        Parameters
        ----------
        index
            The cell that was being taken.
        started
            What had begun; where it names an arm, that arm is not tried at larger problems either.
        failure
            What happened, to follow a name.
        """
        if any(block.cell == index for block in self.record.blocks):
            self._lost[index] = self._lost.get(index, 0) + 1
            if self._lost[index] <= MOST_VOID:
                return ()
        case = started.case if started is not None else None
        if case is None:
            cell = self.header.cells[index]
            return (Refusal(index, "ended", f"comparing {cell.a} with {cell.b} {failure}"),)
        refused = {each.cell for each in self.record.refusals}
        at = f"{case.kernel} {failure} at n = {case.problem.shape_label}"
        return tuple(
            Refusal(place, "ended", at)
            for place, cell in enumerate(self.header.cells)
            if place not in refused
            and case.kernel in {cell.a, cell.b}
            and cell.problem.dtype == case.problem.dtype
            and (place == index or cell.problem.flops >= case.problem.flops)
        )


@dataclass
class _Attempt:
    """One sampling process; afterwards `values` is what it has come to."""

    session: PairSession
    process: int
    wanted: tuple[int, ...]
    values: tuple[Value, ...] = ()
    libraries: tuple[Library, ...] = ()
    _told: list[Value] = field(default_factory=list)
    _done: int = 0
    _started: Started | None = None

    def __post_init__(self) -> None:
        draw = Random(f"{self.session.header.seed}/{self.process}")  # noqa: S311  an experiment's, to be repeatable
        self.seed, self.padding = draw.getrandbits(48), draw.randrange(MOST_PADDING)
        self.order = draw.sample(self.wanted, len(self.wanted))

    def run(self) -> Iterator[PairEvent]:
        """Its events."""
        session = self.session
        before, start_ns = session.pressure(), session.clock.wall_ns()
        child = session.child(session.threads, session.blas, {PADDING: "." * self.padding})
        failure: str | None = None
        try:
            self._greet(child)
            yield from self._converse(child)
        except OverrunError as reason:
            failure = str(reason)
        finally:
            child.end()
        took_ns = session.clock.wall_ns() - start_ns
        session.took_ns.append(took_ns)
        if failure is not None:
            self.values = self._after(failure, took_ns)
        elif any(isinstance(each, PairProcess) for each in self._told):
            since = session.pressure().since(before)
            self.values = tuple(self._completed(each, since, took_ns) for each in self._told)

    def _after(self, failure: str, took_ns: int) -> tuple[Value, ...]:
        """What a process that failed leaves behind: cells that are given up, or itself as void."""
        index = self.order[min(self._done, len(self.order) - 1)]
        given_up = self.session.blamed(index, self._started, failure)
        void = PairProcess(self.process, self.seed, void=f"it {failure}", elapsed_ns=took_ns)
        refused = (each for each in self._told if isinstance(each, Refusal))
        return (*refused, *(given_up or (void,)))

    def _completed(self, value: Value, since: Pressure, took_ns: int) -> Value:
        """What the child told of its process, with what only the parent knows."""
        if not isinstance(value, PairProcess):
            return value
        return msgspec.structs.replace(
            value,
            void=self._strange(),
            padding=self.padding,
            elapsed_ns=took_ns,
            steal_ticks=since.steal_ticks,
            total_ticks=since.total_ticks,
            throttled_ns=since.throttled_ns,
        )

    def _strange(self) -> str | None:
        """Why this process is not like the first one, which compiles: it has loaded a library that that has not."""
        first = self.session.libraries
        if first is None:
            self.session.libraries = self.libraries
            return None
        apart = {each.name for each in set(self.libraries) - set(first)}
        return f"it had loaded another {min(apart)} than the first process" if apart else None

    def _greet(self, child: Any) -> None:
        session = self.session
        await_greeting(child)
        child.order(
            PairJob(
                settings=session.header.settings,
                cells=tuple((index, session.header.cells[index]) for index in self.order),
                sources=dict(session.sources),
                roots=dict(session.roots),
                pickled=dict(session.pickled),
                search=session.search,
                process=self.process,
                seed=self.seed,
                cell_s=session.share_s(len(self.order)),
                patience_s=session.patience_s,
                memory_bytes=session.memory_bytes,
                caches=session.caches,
                known=session.known(),
                compiled=session.compiled,
                tuned=session.tuned,
            )
        )

    def _converse(self, child: Any) -> Iterator[PairEvent]:
        session, allowed = self.session, STARTS_WITHIN_S
        while True:
            message = child.message(allowed, session.memory_bytes + OWN_BYTES)
            if isinstance(message, Started):
                allowed, self._started = message.allowed_s, message
            elif isinstance(message, Pause):
                self._done, self._started = message.block, None
                yield self._progress(message.block)
                child.order(Go(stop=session.stopping))
            elif isinstance(message, Finished):
                self.libraries = message.libraries
                return
            elif isinstance(message, PairBlock | PairProcess | Refusal):
                self._told.append(message)

    def _progress(self, done: int) -> PairProgress:
        session = self.session
        ended, expected = len(session.record.processes), session.expected
        took = session.took_ns
        each_s = 1e-9 * sum(took) / len(took) if took else session.expected_s
        left = max(0.0, expected - ended - done / len(self.order))
        return PairProgress(ended, expected, done, len(self.order), left * each_s)
