"""A run as a stream of events: the parent plans, sampling processes sample, the caller stores and talks.

The parent never times anything. It waits, ends what hangs or grows too large, and lets the sampling process go on
only when the caller is ready for it. Processes follow one another, each a fresh one: where code and data lie in memory
is drawn anew for each, and moves a figure by more than the rounds within one show. The first compiles, checks and
calibrates; the others load what it compiled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from matbench.errors import IncompleteError, InternalError, StartError, without_paths
from matbench.measure.child import OWN_BYTES, STARTS_WITHIN_S, Child, OverrunError, await_greeting
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.findings import Findings
from matbench.measure.plan import cases_of
from matbench.measure.protocol import Finished, Go, Job, Pause, Started
from matbench.model import Block, Caches, Case, Ceiling, Library, Measurement, Plan, Problem
from matbench.tuning import TunedBlocks

__all__ = ["Event", "Progress", "Session", "Software"]


@dataclass(frozen=True)
class Progress:
    """Nothing is being timed now: the moment to write and to draw.

    Attributes
    ----------
    block
        Blocks that are finished, of all.
    blocks
        All blocks of the run, each as often as there are processes.
    left_s
        Expected time left, s.
    problem
        What comes next; None at the end of a process.
    turn, turns
        Which process is under way, from 1, of how many.
    """

    block: int
    blocks: int
    left_s: float
    problem: Problem | None = None
    turn: int = 1
    turns: int = 1


@dataclass(frozen=True)
class Software:
    """What the sampling process says of its libraries once they are all loaded."""

    libraries: tuple[Library, ...]
    threading_layer: str | None


Event = Measurement | Ceiling | Progress | Software


@dataclass
class Session:
    """One run, from a plan to its last sample.

    Attributes
    ----------
    plan
        What to measure.
    blocks
        Those of its blocks that are still to be measured, each at least once.
    caches
        The machine's cache sizes.
    memory_bytes
        Memory that one case may take.
    deadline_ns
        When the last sample should be taken, on `clock`.
    threads
        Largest number of threads.
    blas
        Paths of further BLAS libraries.
    process
        Index of the first sampling process.
    processes
        That measure each block, one after another.
    so_far
        What was measured before, where a run is continued: sample by sample, in the order in which it was told.
    ceilings, chains
        Whether memory bandwidth and the peak are to be measured, by the first process.
    compiled
        Folder in which processes share what they compile, with those of other sessions, too; then no first call may
        be one that compiles. By default an empty one.
    tuned
        Where kernels cut their loops, as it was tuned on this machine.
    child
        Starts a sampling process; an argument for the tests' sake.
    """

    plan: Plan
    blocks: tuple[Block, ...]
    caches: Caches
    memory_bytes: int
    deadline_ns: int
    threads: int
    blas: tuple[str, ...] = ()
    process: int = 0
    processes: int = 1
    so_far: tuple[Measurement, ...] = ()
    ceilings: bool = True
    chains: bool = True
    compiled: str | None = None
    tuned: tuple[TunedBlocks, ...] = ()
    clock: Clock = field(default_factory=SystemClock)
    child: Callable[[int, Sequence[str]], Any] = Child
    stopping: bool = False

    def stop(self) -> None:
        """Come to an end at the next pause; what was measured by then has been told."""
        self.stopping = True

    def run(self) -> Iterator[Event]:
        """Everything that is measured, as soon as it is.

        Raises
        ------
        InternalError
            If the first sampling process can't be started, or is of another version, and nothing was sampled before.
        IncompleteError
            If something was, or if a later one can't be started or ends before its first block. What was measured has
            been told by then.
        """
        found = Findings(self.plan, self.blocks, self.processes, self.so_far)
        process, ceilings, chains, software = self.process, self.ceilings, self.chains, Software((), None)
        # The parent's folder: a process that is killed would leave its own behind.
        with tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as folder:
            compiled = self.compiled or tempfile.mkdtemp(dir=folder)
            while (blocks := found.wanted()) and not self.stopping and self._in_time(process, found):
                if found.checked:  # not the first: in an order of its own
                    blocks = _shuffled(blocks, found, Random(f"{self.plan.seed}/{process}"))  # noqa: S311  repeatable
                attempt = _Attempt(self, found, blocks, process, compiled, ceilings=ceilings, chains=chains)
                for event in attempt.run():
                    software = _joined(software, event) if isinstance(event, Software) else software
                    yield software if isinstance(event, Software) else event
                if attempt.failure is not None:
                    yield from attempt.lost()
                    if attempt.compiles:  # what it told nobody is not known to be right, nor how long it compiled
                        found.checked.clear()
                        compiled = self.compiled or tempfile.mkdtemp(dir=folder)
                process, ceilings = process + 1, False
                chains = chains and attempt.failure is not None and not (attempt.failed_before_blocks or found.chains)

    def _in_time(self, process: int, found: Findings) -> bool:
        """Whether another process would still come to its samples; the first one is always tried."""
        return process == self.process or self.clock.wall_ns() + found.start_ns < self.deadline_ns


def _joined(before: Software, later: Software) -> Software:
    """The libraries of all processes: one that loads what another has compiled does not load the compiler's."""
    libraries = tuple(dict.fromkeys((*before.libraries, *later.libraries)))
    return Software(libraries, later.threading_layer or before.threading_layer)


def _shuffled(blocks: Sequence[Block], found: Findings, draw: Random) -> tuple[Block, ...]:
    """Blocks that no process has measured, in the order of the plan; then the others in random order."""
    new = [block for block in blocks if not found.turns[block.problem]]
    again = [block for block in blocks if found.turns[block.problem]]
    return (*new, *draw.sample(again, len(again)))


@dataclass
class _Attempt:
    """One sampling process's share of a session."""

    session: Session
    found: Findings
    blocks: tuple[Block, ...]
    process: int
    compiled: str
    ceilings: bool = field(kw_only=True)
    chains: bool = field(kw_only=True)
    failure: str | None = None
    _begun: bool = False  # whether its first block was
    _done: int = 0
    _started: Started | None = None

    def __post_init__(self) -> None:
        self.compiles = not self.found.checked
        self._before, self._turn = self.found.done, self.session.processes - self.found.later

    def run(self) -> Iterator[Event]:
        """Its events; afterwards `failure` says why it ended before its time, or None."""
        begun_ns = self.session.clock.wall_ns()
        try:
            child = self._child()
            try:
                yield from self._sampled(child, begun_ns)
            finally:
                child.end()
        except OverrunError as reason:
            self.failure = str(reason)
            if self.failed_before_blocks:
                self.found.hung_before_blocks()
        else:
            self.found.came_through()
        finally:
            for block in self.blocks[: self._done if self.failure else None]:
                self.found.turns[block.problem] += 1

    def _child(self) -> Any:
        session = self.session
        try:
            return session.child(session.threads, session.blas)
        except OSError as reason:
            why = f"could not be started ({without_paths(str(reason))})"
            if self._has_nothing_before:
                raise StartError(f"the sampling process {why}; free memory, or allow more processes") from None
            raise OverrunError(why) from None

    def _sampled(self, child: Any, begun_ns: int) -> Iterator[Event]:
        clock = self.session.clock
        self._greet(child)
        self.found.start_ns = max(self.found.start_ns, clock.wall_ns() - begun_ns)
        child.order(self._job(clock.wall_ns() - begun_ns))
        yield from self._converse(child)

    def _greet(self, child: Any) -> None:
        if not self._is_first:  # it speaks the language of the first
            child.message(STARTS_WITHIN_S)
            return
        try:
            await_greeting(child)
        except InternalError as reason:
            if self._has_nothing_before:
                raise
            raise IncompleteError(f"ended early: {reason}") from None

    @property
    def _is_first(self) -> bool:
        return self.process == self.session.process

    @property
    def _has_nothing_before(self) -> bool:
        """Whether nothing was sampled before it: it is the first process, of a run that continues none with samples."""
        return self._is_first and not any(len(each.samples) for each in self.session.so_far)

    def _job(self, start_ns: int) -> Job:
        session = self.session
        return Job(
            plan=session.plan,
            blocks=self.blocks,
            process=self.process,
            seconds=(session.deadline_ns - session.clock.wall_ns()) * 1e-9,
            memory_bytes=session.memory_bytes,
            caches=session.caches,
            ceilings=self.ceilings,
            chains=self.chains,
            known_chains=tuple(self.found.chains.values()),
            compiled=self.compiled,
            checked=tuple(sorted(self.found.checked)),
            known=self.found.known(self.blocks),
            processes=session.processes,
            later=self.found.later,
            start_s=start_ns * 1e-9,
            tuned=session.tuned,
        )

    def _converse(self, child: Any) -> Iterator[Event]:
        session = self.session
        allowed = STARTS_WITHIN_S
        while True:
            message = child.message(allowed, session.memory_bytes + OWN_BYTES)
            if isinstance(message, Started):
                allowed, self._started = message.allowed_s, message
                self._begun = self._begun or not (message.before_blocks or message.whole_kernel)
            elif isinstance(message, Pause):
                self._done, self._started = message.block, None
                yield self._progress(message)
                child.order(Go(stop=session.stopping))
            elif isinstance(message, Finished):
                yield Software(message.libraries, message.threading_layer)
                return
            elif isinstance(message, Measurement | Ceiling):
                self.found.told(message)
                yield message

    def _progress(self, pause: Pause) -> Progress:
        session = self.session
        problem = self.blocks[pause.block].problem if pause.block < len(self.blocks) else None
        whole = len(session.blocks) * session.processes
        return Progress(
            self._before + pause.block, whole, pause.left_s, problem, turn=self._turn, turns=session.processes
        )

    @property
    def failed_before_blocks(self) -> bool:
        """Whether it ended while the hardware's limits were measured."""
        return self.failure is not None and self._started is not None and self._started.before_blocks

    def lost(self) -> Iterator[Measurement]:
        """After a failure, the cases that are to blame, as ended: no further process tries them.

        Raises
        ------
        IncompleteError
            If nothing of this process is to blame, and something was measured before: another would fare no better.
        """
        if self._done == len(self.blocks) or self.failed_before_blocks:  # no block is to blame
            return
        if not (self._begun or self._done or self._started or self._has_nothing_before):
            where = f"sampling process {self._turn} of {self.session.processes}"
            raise IncompleteError(
                f"ended early: something in {where} {self.failure} before its first block; "
                "free memory or stop other programs, and repeat it"
            )
        blamed = self._started.case if self._started is not None else None
        if blamed is None:  # no single case to blame: the block is given up, what it has told is kept
            first = self.blocks[self._done]
            self.found.give_up(first)
            reason = f"something in its block {self.failure}"
            cases = [case for case in cases_of(first) if not self.found.has_samples(case)]
        else:
            whole = self._started is not None and self._started.whole_kernel
            reason = f"{blamed.kernel} {self.failure}"
            tried = (case for block in self.found.wanted() for case in cases_of(block))
            cases = [case for case in tried if _is_blamed(case, blamed, whole)]
        for case in cases:
            self.found.settle(case)
            yield Measurement(case=case, outcome="ended", reason=reason)


def _is_blamed(case: Case, blamed: Case, whole: bool) -> bool:
    """Whether a case is given up with the one that is to blame: all of its kernel and dtype, if it is the kernel."""
    same = case.kernel == blamed.kernel and case.problem.dtype == blamed.problem.dtype
    return case == blamed or (whole and same)
