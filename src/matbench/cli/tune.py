"""``matbench tune``: the blocks of `numba_gemm` tried on this machine, and the better ones kept for it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from matbench.analyse.statistics import processes_needed
from matbench.analyse.tuning import Judged, Times, best, complete, decidable, judged, ranked, times_of
from matbench.blocks import known_blocks
from matbench.cli import console
from matbench.cli.interrupts import interruptible
from matbench.cli.reading import parse_dtype
from matbench.cli.run_options import parse_threads
from matbench.comparison import stamp
from matbench.errors import IncompleteError, StartError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.kernels.registry import FLOATS
from matbench.measure.session import Progress, Session
from matbench.measure.tuning import CLONE, KERNEL, SIZES, START_S, Candidates, Trial, candidates, tuning_plan
from matbench.model import Dtype, Host, Measurement
from matbench.pairing import Settings
from matbench.present.tables import render_markdown
from matbench.present.words import clean
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.noise import known_noise
from matbench.record.reading import merge_measurements
from matbench.record.tuning import forget_tuning, keep_tuning, known_tuning
from matbench.spinning import spins_of
from matbench.tuning import Tuned, Tuning
from matbench.units import format_seconds, parse_duration

__all__ = ["Options", "blocks_object", "blocks_said", "tune"]

USUAL_S = 60.0  # s, that it takes at most
SHORTEST_S = 15.0  # s, less is gone before anything is decided
SCREEN_ROUNDS, PROVE_ROUNDS = 4, 3  # samples of each arm in a process
SCREEN_SHARE = 0.4  # of the budget, that choosing whom to look at again may take
FINALISTS = 2  # of each element type, that are compared with the derived blocks anew
PROCESSES = processes_needed(FINALISTS, Settings().confidence)  # fresh ones: 9, if all of them agree
FEWEST = processes_needed(1, Settings().confidence)  # with which one of them alone can be told from the derived blocks


@dataclass(frozen=True)
class Options:
    """The options of ``matbench tune`` as they were typed."""

    dtype: str | None = None
    threads: str | None = None
    budget: str | None = None
    forget: bool = False
    json: bool = False


def tune(options: Options) -> int:
    """Try blocks around the derived ones, and keep those that are faster beyond doubt."""
    machine = Machine()
    if machine.host.host_id == "unknown":
        raise UsageError("this machine can't be told from others, so nothing can be kept for it; see matbench host")
    if options.forget:
        return _forget(options, machine.host.host_id)
    work = _asked(options, machine)
    console.note(
        f"{KERNEL}: {work.tried} blocks tried in {' and '.join(work.found)}, about {format_seconds(work.expected_s)} "
        f"of at most {format_seconds(work.budget_s)}"
    )
    with alone(), tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as compiled:
        found = work.results(compiled)
    if work.interrupted:
        console.note("interrupted; nothing was kept")
        return 130
    if found:
        before = known_tuning(machine.host.host_id) or Tuning(host_id=machine.host.host_id)
        path = keep_tuning(before.joined(found))
        console.data(_json(found) if options.json else _table(found))
        console.note(f"kept for this machine: {path.name}")
    if work.undecided:
        raise IncompleteError(work.undecided_text)
    console.hint(f"next: matbench run | matbench explain {KERNEL} | matbench tune --forget")
    return 0


def _forget(options: Options, host_id: str) -> int:
    if options != Options(forget=True, json=options.json):
        raise UsageError("--forget removes all that is kept for this machine; leave out the other options")
    forgotten = forget_tuning(host_id)
    if options.json:
        console.data(msgspec.json.encode({"forgotten": forgotten}).decode())
    else:
        console.note("forgotten: blocks are derived from the caches' sizes again" if forgotten else "nothing was kept")
    return 0


def _asked(options: Options, machine: Machine) -> _Work:
    """What is to be tried.

    Raises
    ------
    UsageError
        If it can't be, or not in the time given.
    """
    dtypes = tuple(parse_dtype(each) for each in options.dtype.split(",")) if options.dtype is not None else FLOATS
    threads = parse_threads(options.threads) if options.threads is not None else (1,)
    if max(threads) > machine.processors:
        raise UsageError(f"this process may use {machine.processors} processors; ask for at most as many threads")
    with console.strangers():
        registry = Registry(default_registry())
    for dtype in dtypes:
        reason = registry.get(KERNEL).why_not(dtype, max(threads))
        if reason is not None:
            hint = f"; ask for --dtype {' or '.join(FLOATS)}" if dtype not in FLOATS else ""
            raise UsageError(f"{KERNEL} can't be tuned: {reason}{hint}")
    budget_s = USUAL_S if options.budget is None else parse_duration(options.budget)
    if budget_s < SHORTEST_S:
        raise UsageError(f"{options.budget} is gone before anything is decided; give --budget {SHORTEST_S:.0f}s")
    found = {dtype: candidates(dtype, machine.host.caches) for dtype in dict.fromkeys(dtypes)}
    return _Work(machine, registry, found, threads, budget_s)


@dataclass
class _Work:
    """One tuning under way: all candidates in one process first, the best of them in several fresh ones then."""

    machine: Machine
    registry: Registry
    found: dict[Dtype, Candidates]
    threads: tuple[int, ...]
    budget_s: float
    interrupted: bool = False
    failure: IncompleteError | StartError | None = None  # why the latest session ended before its time
    undecided: dict[Dtype, int] = field(default_factory=dict)  # processes that were too few to decide
    start_ns: int = field(default_factory=time.perf_counter_ns)

    @property
    def tried(self) -> int:
        """How many blocks are tried, the derived ones apart."""
        return sum(len(each.others) for each in self.found.values())

    @property
    def screening(self) -> Trial:
        """All candidates beside the derived blocks."""
        names = {dtype: (KERNEL, *(str(arm.name) for arm in each.others)) for dtype, each in self.found.items()}
        return Trial(names, self.threads, SCREEN_ROUNDS)

    def proving(self, finalists: dict[Dtype, tuple[str, ...]]) -> Trial:
        """Those that looked best beside the derived blocks and their clone."""
        names = {dtype: (KERNEL, CLONE, *each) for dtype, each in finalists.items()}
        return Trial(names, self.threads, PROVE_ROUNDS, PROCESSES)

    @property
    def expected_s(self) -> float:
        """Expected time of both, s."""
        finalists = {dtype: tuple(names[1 : 1 + FINALISTS]) for dtype, names in self.screening.arms.items()}
        both = self.screening.seconds(self.registry), self.proving(finalists).seconds(self.registry)
        return min(self.budget_s, sum(both))

    def results(self, compiled: str) -> tuple[Tuned, ...]:
        """What was found, one an element type; nothing where it was interrupted, or of what is undecided.

        Parameters
        ----------
        compiled
            Folder in which all processes share what they compile.

        Raises
        ------
        IncompleteError
            If the derived blocks could not be timed.
        """
        screened = self._screened(compiled)
        finalists = {dtype: ranked(times, KERNEL)[:FINALISTS] for dtype, times in screened.items()}
        promising = {dtype: names for dtype, names in finalists.items() if names and not self.interrupted}
        proved = self._proved(self.proving(promising), compiled) if promising else {}
        if self.interrupted:
            return ()
        verdicts = {dtype: self._verdicts(dtype, times, promising[dtype]) for dtype, times in proved.items()}
        return tuple(self._tuned(each, verdicts.get(each, ())) for each in self.found if each not in self.undecided)

    @property
    def undecided_text(self) -> str:
        """What was left undecided, with how many processes, and what to do about it, in a sentence."""
        remedy = (
            "free memory or stop other programs" if self._has_time else f"give more than --budget {self.budget_s:.0f}s"
        )
        why = f"; {remedy}, and repeat it" if self.failure is None else f", for {self._why}"
        return (
            f"{' and '.join(self.undecided)} undecided: {min(self.undecided.values())} of {PROCESSES} processes "
            f"have measured everything, and it takes {FEWEST} at least{why}"
        )

    @property
    def _why(self) -> str:
        return f"the run {self.failure}" if isinstance(self.failure, IncompleteError) else str(self.failure)

    def _verdicts(self, dtype: Dtype, times: Times, names: tuple[str, ...]) -> tuple[Judged, ...]:
        """What becomes of those that looked faster, the fastest first; of the first alone, where processes are few."""
        noise = known_noise(self.machine.host.host_id, spins=spins_of(self.machine.environment.variables))
        floor = None if noise is None else noise.floor
        counts = {name: complete(times, KERNEL, (CLONE, name)) for name in names}
        enough = tuple(name for name in names if counts[name] >= FEWEST)
        some = decidable(times, KERNEL, CLONE, enough)
        if not some and (any(counts.values()) or not complete(times, KERNEL, (CLONE,))):
            self.undecided[dtype] = max(counts.values())
            return ()
        if len(some) < len(enough):
            console.note(f"{dtype}: {counts[names[0]]} processes are enough to decide on {some[0]}, not on another one")
        verdicts = judged({name: times[name] for name in (KERNEL, CLONE, *some)}, KERNEL, CLONE, floor=floor)
        if best(verdicts) is None:
            console.note(f"{dtype}: {names[0]} looked faster, but is not so beyond doubt")
        return verdicts

    def _tuned(self, dtype: Dtype, verdicts: Sequence[Judged]) -> Tuned:
        tried, chosen = self.found[dtype], best(verdicts)
        blocks = next((each for each in tried.others if chosen is not None and each.name == chosen.name), tried.derived)
        return Tuned(
            blocks=msgspec.structs.replace(blocks, name=None),
            derived=tried.derived,
            rows=tried.tile.rows,
            vectors=tried.tile.vectors,
            lanes=tried.tile.lanes,
            threads=self.threads,
            sizes=SIZES,
            factor=None if chosen is None else chosen.factor.estimate,
            low=None if chosen is None else chosen.factor.low,
            high=None if chosen is None else chosen.factor.high,
            processes=max((each.processes for each in verdicts), default=0) if chosen is None else chosen.processes,
            candidates=len(tried.others),
            measured=stamp(),
        )

    def _screened(self, compiled: str) -> dict[Dtype, Times]:
        """The samples of all candidates by element type."""
        told = merge_measurements(self._told(self.screening, compiled, SCREEN_SHARE))
        found = _by_dtype(self.screening, told)
        if not self.interrupted and not any(KERNEL in times for times in found.values()):
            if isinstance(self.failure, StartError):
                raise self.failure
            if self.failure is not None:
                raise IncompleteError(f"{KERNEL} could not be timed, for {self._why}")
            reason = next((each.reason for each in told if each.reason is not None), "no sample was taken")
            raise IncompleteError(f"{KERNEL} could not be timed ({reason}); try a longer --budget")
        return found

    def _proved(self, trial: Trial, compiled: str) -> dict[Dtype, Times]:
        """The samples of those that looked best, by element type.

        A process that could not be started, or died, is made up for by another one, once: what went wrong with it says
        nothing of how fast anything is.
        """
        told = self._told(trial, compiled, 1.0)
        found = _by_dtype(trial, _measured(told))
        wrong = {(each.case.kernel, each.case.problem.dtype) for each in told if each.outcome == "wrong"}
        arms = {dtype: tuple(each for each in trial.arms[dtype] if (each, dtype) not in wrong) for dtype in trial.arms}
        counts = {dtype: complete(found[dtype], KERNEL, names) for dtype, names in arms.items()}
        missing = PROCESSES - min(counts.values())
        if not missing or self.interrupted or not self._has_time:
            return _by_dtype(trial, _standing(told))
        lacking = {dtype: arms[dtype] for dtype in arms if counts[dtype] < PROCESSES}
        process = max((each for one in told for each in one.samples.process), default=-1) + 1
        again = replace(trial, arms=lacking, processes=missing)
        return _by_dtype(trial, (*_measured(told), *_standing(self._told(again, compiled, 1.0, process))))

    @property
    def _has_time(self) -> bool:
        """Whether there is time for another process: one that is missing has not ended for want of it."""
        return self._deadline_ns(1.0) - time.perf_counter_ns() > 2e9 * START_S

    def _deadline_ns(self, share: float) -> int:
        return self.start_ns + int(1e9 * share * self.budget_s)

    def _told(self, trial: Trial, compiled: str, share: float, process: int = 0) -> list[Measurement]:
        """What a trial tells; it has to end when that share of the budget is gone. `failure` says if it ended early."""
        machine, handed = self.machine, tuple(arm for each in self.found.values() for arm in each.arms)
        plan = tuning_plan(trial, "matbench tune", self.budget_s)
        session = Session(
            plan=plan,
            blocks=plan.blocks,
            caches=machine.host.caches,
            memory_bytes=machine.memory_bytes,
            deadline_ns=self._deadline_ns(share),
            threads=machine.processors,
            ceilings=False,
            chains=False,
            compiled=compiled,
            process=process,
            processes=trial.processes,
            tuned=handed,
        )
        told: list[Measurement] = []
        self.failure = None
        with (
            console.progress(len(plan.blocks) * trial.processes) as bar,
            interruptible(session.stop, "round") as interrupts,
        ):
            try:
                for event in session.run():
                    if isinstance(event, Progress):
                        bar(event.block, "trying" if share < 1 else "proving", event.left_s)
                    elif isinstance(event, Measurement):
                        told.append(event)
            except (IncompleteError, StartError) as reason:  # what was measured stays measured
                self.failure = reason
        self.interrupted = self.interrupted or interrupts.count > 0
        ended = next((each.reason for each in told if each.outcome == "ended"), None)
        if self.failure is None and ended is not None:
            self.failure = IncompleteError(f"ended early: {ended}; free memory or stop other programs, and repeat it")
        return told


def _by_dtype(trial: Trial, told: Iterable[Measurement]) -> dict[Dtype, Times]:
    """Samples by element type."""
    measured = merge_measurements(told)
    return {dtype: times_of(each for each in measured if each.case.problem.dtype == dtype) for dtype in trial.arms}


def _measured(told: Iterable[Measurement]) -> list[Measurement]:
    """What was measured until something ended it."""
    return [each for each in told if each.outcome != "ended"]


def _standing(told: Iterable[Measurement]) -> list[Measurement]:
    """The same, but for candidates: one that takes its process down is out. What it is compared with stays."""
    return [each for each in told if each.outcome != "ended" or each.case.kernel not in {KERNEL, CLONE}]


# -- what is said ------------------------------------------------------------------------------------------------------


def _table(found: Sequence[Tuned]) -> str:
    rows = [(each.blocks.dtype, each.derived.words, _blocks_text(each), _gain_text(each)) for each in found]
    return render_markdown(("dtype", "derived", "tuned", "faster by"), rows)


def _blocks_text(found: Tuned) -> str:
    return found.blocks.words if found.is_better else "none better"


def _gain_text(found: Tuned) -> str:
    """How much faster than the derived blocks, in percent, with the interval."""
    if found.factor is None or found.low is None or found.high is None:
        return "–"
    estimate, low, high = (100 * (each - 1) for each in (found.factor, found.low, found.high))
    return f"{estimate:.1f} % [{low:.1f}, {high:.1f}]"


def blocks_said(dtype: Dtype, host: Host, registry: Registry) -> str:
    """A sentence on the blocks of `KERNEL` for an element type: derived, tuned, and which of them runs use."""
    derived, tuned, used = known_blocks(dtype, host, registry)
    said = f"Blocks ({dtype}), derived from the sizes of the caches: {derived.words}."
    if tuned is None:
        return f"{said} Not tuned on this machine (matbench tune)."
    if not tuned.is_better:
        return f"{said} Tuning found none faster among {tuned.candidates} others ({clean(tuned.measured)[:10]})."
    if not used:
        return f"{said} Tuned ones are kept, but for other caches or another register tile (matbench tune)."
    gain = f"faster by {_gain_text(tuned)} ({clean(tuned.measured)[:10]})"
    return f"{said} Tuned: {tuned.blocks.words}, {gain}; runs use these."


def blocks_object(dtype: Dtype, host: Host, registry: Registry) -> dict[str, object]:
    """The same for a program: what has no value is None."""
    derived, tuned, used = known_blocks(dtype, host, registry)
    return {"derived": derived, "tuned": tuned, "used": "tuned" if used else "derived"}


def _json(found: Sequence[Tuned]) -> str:
    return msgspec.json.format(msgspec.json.encode({"found": found}), indent=2).decode()
