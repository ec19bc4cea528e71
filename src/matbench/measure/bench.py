"""Measures one block: each kernel is called once and checked, then all are sampled in interleaved rounds."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from matbench.errors import InternalError
from matbench.kernels import ceilings
from matbench.kernels.checks import check_kernel, check_result, resulting
from matbench.kernels.machine_code import code_of
from matbench.kernels.oracle import Verdict, blank, check_bytes, operands
from matbench.kernels.registry import Array, Function, Kernel, Registry
from matbench.measure.clock import Clock
from matbench.measure.pairs_refusal import raised
from matbench.measure.peak import chain_ceiling, roof_arms
from matbench.measure.plan import (
    ONE_LOOP,
    SINGLE_SHOT_S,
    block_seconds,
    case_seconds,
    cases_of,
    preparing_seconds,
    sample_seconds,
    warming_seconds,
    with_start,
)
from matbench.measure.protocol import Known, Started
from matbench.measure.ready import Again, LongCall, Ready, wake
from matbench.measure.sampler import Arm, Sample, allot, calibrate, rounds, time_loops
from matbench.measure.threads import ThreadControl, drain
from matbench.measure.turns import ALONE, SHARE_OF_BASE, Turn, is_base, sure_here, sure_samples
from matbench.model import (
    FEWEST_PROCESSES,
    Block,
    Case,
    Ceiling,
    Dtype,
    MachineCode,
    Measurement,
    Plan,
    Problem,
    Samples,
)
from matbench.operations import PRODUCT
from matbench.units import format_bytes, format_seconds

__all__ = ["Bench", "Tell"]

Tell = Callable[[Started | Measurement | Ceiling], None]

HANGS_AFTER_S = 30.0  # s, nothing is said to hang before; then ten times what was expected
TELLS_S = 2e-4  # s, a shorter call is overhead rather than arithmetic: it says nothing of larger problems
SLOWER = 1.5  # than calibrated: where the processor is taken away now and then, the last rounds still come
SMALL_SHARE = 0.005  # of the whole budget: what costs less is measured even when its block's time is up
LATE = 0.8  # of its time is enough to begin a case: operands and checks took the rest
ENOUGH = 2**20  # processes, of a case that no further one is to sample
FIRST_ROWS = 256  # of the first product, told as the time to compile: so many need all that large ones need
SAVES = 0.97  # of a block's time goes to samples that are planned; the rest is for what planning can't see


@dataclass
class Bench:
    """One sampling process's workplace: what it has compiled, checked and learnt about speeds so far."""

    registry: Registry
    plan: Plan
    process: int
    memory_bytes: int
    clock: Clock
    control: ThreadControl
    tell: Tell
    bound: Callable[[Kernel, Dtype], Function]
    speeds: dict[tuple[str, int, Dtype], float] = field(default_factory=dict)  # measured / expected time of a call
    laws: dict[tuple[str, Dtype], Verdict] = field(default_factory=dict)
    first_calls: dict[tuple[str, Dtype], int] = field(default_factory=dict)  # ns, until they are told
    machine_codes: dict[tuple[str, Dtype], MachineCode | None] = field(default_factory=dict)  # until they are told
    ends_ns: float = 2.0**62  # when the whole job has to be done, on `clock`
    turn: Turn = ALONE
    known: Mapping[Case, Known] = field(default_factory=dict)  # what earlier processes have calibrated
    spared: frozenset[Case] = frozenset()  # of these, those that there is no time for in every process
    checked: frozenset[tuple[str, Dtype]] = frozenset()  # kernels that they have compiled and found right
    _again: Again = field(init=False, repr=False)  # of the block under way
    _spinning: bool = True  # whether threads of the last call may spin; before the first block, those of ceilings
    fma_steps: dict[tuple[Dtype, int], int] = field(default_factory=dict)  # of chains, that fill a sample

    # -- what a block will take -----------------------------------------------------------------------------------

    def expected(self, block: Block) -> list[float]:
        """Expected time of one call of each arm, s: the cost model, corrected by what was measured so far."""
        return [self.expected_call(case) for case in cases_of(block)]

    def expected_call(self, case: Case) -> float:
        """Expected time of one call, s: as measured, or by the cost model as far as that was right so far."""
        if case in self.known:
            return self.known[case].call_s
        model = self.registry.get(case.kernel).expected_seconds(case.problem, case.threads)
        return model * self.speeds.get((case.kernel, case.threads, case.problem.dtype), 1.0)

    def needs(self, block: Block, ahead: int = 0) -> tuple[float, float]:
        """Least and wanted time of a block, s, in this process or in one so many ahead."""
        turn = Turn(self.turn.processes, self.turn.later - ahead)
        before = [self.before(case) + ahead for case in cases_of(block)]
        return block_seconds(self.plan, block, self.expected(block), turn, before)

    def least(self, case: Case) -> float:
        """Least time of a case in this process, s."""
        return case_seconds(self.plan, case, self.expected_call(case), self.turn, self.before(case))[0]

    def before(self, case: Case) -> int:
        """Processes that have sampled a case; enough where no interval can come of further ones."""
        if case not in self.known:
            return 0
        before, turn = self.known[case].processes, self.turn
        is_late = before + turn.later + 1 < min(FEWEST_PROCESSES, turn.processes) and not case.problem.is_slab
        return ENOUGH if is_late or case in self.spared else before

    # -- before the first block -----------------------------------------------------------------------------------

    def learn_kernel(self, made: Kernel, case: Case) -> None:
        """Compile a kernel for the dtype of a case and hold it against the laws; `laws` keeps the verdict.

        What an earlier process has compiled and found right is loaded, and called once.
        """
        key = (made.name, case.problem.dtype)
        if key in self.laws or made.why_not(*key[1:], case.threads) is not None:
            return
        self.tell(Started(what=f"{made.name} compiles", case=case, allowed_s=2 * HANGS_AFTER_S, whole_kernel=True))
        try:
            function = self.bound(made, case.problem.dtype)
            with self.control.limited(case.threads):
                if made.compiled:
                    rows = FIRST_ROWS if made.operation == PRODUCT else 2
                    tiny = operands(Problem(rows, 2, 2, case.problem.dtype, operation=made.operation))
                    first = time_loops(functools.partial(function, *tiny), 1, self.clock)
                    if key not in self.checked:
                        self.first_calls[key] = first.elapsed_ns
                        # Before its checks compile it for operands of other layouts.
                        self.machine_codes[key] = code_of(function, key[1])
                is_right = key in self.checked
                self.laws[key] = Verdict(0.0) if is_right else check_kernel(made, function, case.problem.dtype)
        except InternalError:  # the threads could not be set: no fault of the kernel's; each case will say so
            self.laws[key] = Verdict(0.0)
        except Exception as error:  # noqa: BLE001  a kernel may be a stranger's: whatever it raises is told
            self.laws[key] = Verdict(math.inf, raised(error))
        self.control.refresh()  # a first parallel call loads Numba's threading layer

    # -- one block ------------------------------------------------------------------------------------------------

    def measure(self, block: Block, seconds: float) -> Iterator[None]:
        """Measure a block within about `seconds`, telling as it goes; yields where nothing is being timed."""
        problem = block.problem
        deadline = self.clock.wall_ns() + seconds * 1e9
        own = problem.operand_bytes + check_bytes(problem)
        if own > self.memory_bytes:
            for case in cases_of(block):
                self._too_big(case, own)
            return
        self.tell(Started(what=f"operands of {problem.shape_label}", allowed_s=HANGS_AFTER_S * 2))
        matrices = operands(problem)
        self._again = Again(problem, matrices[:-1])
        ready = []
        for place, case in enumerate(cases_of(block)):
            # What the arms after this one need at least is not this one's to take.
            rest = Block(problem=problem, arms=block.arms[place + 1 :])
            left_s = (deadline - self.clock.wall_ns()) * 1e-9 - self.needs(rest)[0]
            made = self._prepare(case, left_s, matrices)
            if made is not None:
                ready.append(made)
            yield
        yield from self._sample(problem, ready, deadline)

    def _too_big(self, case: Case, count: int) -> None:
        reason = f"needs {format_bytes(count)} of memory, {format_bytes(self.memory_bytes)} may be used"
        self.tell(Measurement(case=case, outcome="skipped", reason=reason, bytes_allowed=self.memory_bytes))

    def _skip(self, case: Case, reason: str) -> None:
        """Tell why a case is not measured; nothing of one that has samples of earlier processes."""
        if case not in self.known:
            self.tell(Measurement(case=case, outcome="skipped", reason=reason))

    def _hindrance(self, case: Case, call_s: float, left_s: float) -> str | None:
        """Why a case can't be measured, as far as one can know without running it."""
        made = self.registry.get(case.kernel)
        reason = made.why_not(case.problem.dtype, case.threads)
        if reason is not None:
            return reason
        if (case.kernel, case.problem.dtype) not in self.laws:
            return "the time budget was used up before it could be compiled"
        again = case in self.known
        cost_s = call_s + (warming_seconds(call_s) if again else preparing_seconds(self.plan, call_s))
        share = SMALL_SHARE
        if self.turn.later and is_base(self.plan, case.kernel, case.problem):
            share = SHARE_OF_BASE / self.turn.processes
        small = self.clock.wall_ns() < self.ends_ns and cost_s <= share * self.plan.budget_s
        if LATE * cost_s > left_s and not small:
            left = format_seconds(left_s) if left_s > 0 else "nothing"
            return f"takes about {format_seconds(cost_s)}, the time budget had {left} left for it"
        return None

    def _prepare(self, case: Case, left_s: float, matrices: tuple[Array, ...]) -> Ready | None:
        """Call once, check, calibrate; None, and told, if the case can't be measured."""
        call_s = self.expected_call(case)
        if case in self.known and not self._sure(case, sample_seconds(self.plan, case.threads, call_s)):
            return None
        reason = self._hindrance(case, call_s, left_s)
        if reason is not None:
            self._skip(case, reason)
            return None
        needed = self.registry.get(case.kernel).needed_bytes(case.problem) + check_bytes(case.problem)
        if needed > self.memory_bytes:
            self._too_big(case, needed)
            return None
        self.tell(Started(what=case.kernel, case=case, allowed_s=max(HANGS_AFTER_S, 10 * call_s)))
        is_timed = case not in self.known  # what is known is called only to be looked at
        if self._spinning and is_timed:
            drain(self.clock)
        self._spinning = case.threads > 1 or (self._spinning and not is_timed)
        try:
            with self.control.limited(case.threads):
                return self._try(case, call_s, matrices)
        except Exception as error:  # noqa: BLE001  a kernel may be a stranger's: whatever it raises is told
            self._failed(case, error)
        return None

    def _try(self, case: Case, call_s: float, matrices: tuple[Array, ...]) -> Ready | None:
        made, inputs, out = self.registry.get(case.kernel), matrices[:-1], matrices[-1]
        verdict = self.laws[case.kernel, case.problem.dtype]
        if not verdict.is_right:
            self._wrong(case, verdict)
            return None
        function = self.bound(made, case.problem.dtype)
        if call_s >= SINGLE_SHOT_S:
            wake(made, function, case)
            long = LongCall(made, function, inputs, blank(case.problem))
            return Ready(case, Arm(long, case.threads, 1, call_s), long=long)
        out.fill(0 if out.dtype.kind == "i" else np.nan)
        call = functools.partial(function, *matrices)
        once = time_loops(call, 1, self.clock)
        verdict = self._looked_at(case, inputs, resulting(made, call() if made.view else None, out))
        if not verdict.is_right:
            self._wrong(case, verdict)
            return None
        trial = self._trial(case, call, once, call_s)
        self._learn(case, trial.elapsed_ns * 1e-9 / trial.loops)
        arm = Arm(call, case.threads, trial.loops, trial.elapsed_ns * 1e-9)
        return Ready(case, arm, verdict.error)

    def _looked_at(self, case: Case, inputs: tuple[Array, ...], out: Array) -> Verdict:
        return self._again.look(out) if case in self.known else check_result(case.problem, inputs, out)

    def _trial(self, case: Case, call: Callable[[], object], once: Sample, call_s: float) -> Sample:
        """A sample with the loops to use: one call where that is long enough, what is known of it, or a new one."""
        if case in self.known:
            known = self.known[case]
            return Sample(known.loops, max(1, round(known.loops * known.call_s * 1e9)))
        # A short call that happened to be interrupted looks long, too: it has to be expected to be.
        if min(once.elapsed_ns, call_s * 1e9) > ONE_LOOP * self.plan.sample_ns:
            return once
        return calibrate(call, self.plan.sample_ns, self.clock, once)

    def _wrong(self, case: Case, verdict: Verdict) -> None:
        error = verdict.error if math.isfinite(verdict.error) else None
        self.tell(Measurement(case=case, outcome="wrong", reason=verdict.reason, error=error))

    def _failed(self, case: Case, error: Exception) -> None:
        if isinstance(error, InternalError):  # the threads could not be set
            self._skip(case, str(error))
        elif isinstance(error, MemoryError):
            self.tell(Measurement(case=case, outcome="ended", reason="ran out of memory in its first call"))
        else:
            self.tell(Measurement(case=case, outcome="wrong", reason=raised(error)))

    def _learn(self, case: Case, call_s: float) -> None:
        model = self.registry.get(case.kernel).expected_seconds(case.problem, case.threads)
        # A few rows of a large problem meet other caches than the squares that come after them.
        if model >= TELLS_S and not case.problem.is_slab:
            ratio = min(10.0, max(0.1, call_s / model))
            self.speeds[case.kernel, case.threads, case.problem.dtype] = ratio

    # -- rounds ---------------------------------------------------------------------------------------------------

    def _sample(self, problem: Problem, ready: Sequence[Ready], deadline: float) -> Iterator[None]:
        """Rounds of samples until every arm has its number or the time is up."""
        threads = {each.case.threads for each in ready}
        roofs = roof_arms(problem.dtype, threads, self.fma_steps, self.plan.sample_ns)
        arms = [each.arm for each in ready] + list(roofs.values())
        if self._spinning:
            drain(self.clock)
        self._spinning = any(arm.threads > 1 for arm in arms)
        costs = [with_start(arm.cost_s, arm.threads) for arm in arms]
        now = self.clock.wall_ns()
        counts = self._counts(ready, costs, SAVES * (deadline - now) * 1e-9)
        for each, count in zip(ready, counts, strict=False):
            if not count:
                self._skip(each.case, "the time budget was used up before it could be sampled")
        planned_s = sum(count * cost for count, cost in zip(counts, costs, strict=True))
        # The base's samples may take longer than the block's share; nothing may take longer than the whole job.
        deadline = min(self.ends_ns, max(deadline, now + SLOWER * planned_s * 1e9))
        costs_left_s = planned_s
        rng = np.random.default_rng([self.plan.seed, self.process, problem.m, problem.n, problem.k])
        taken = rounds(arms, counts, clock=self.clock, rng=rng, control=self.control, before=self._announcer(ready))
        right = dict.fromkeys(range(len(ready)), True)
        for number, samples in enumerate(taken):
            for index, sample in sorted(samples.items()):
                if index >= len(ready):
                    self._tell_roof(problem, arms[index].threads, sample, number)
                elif right[index]:
                    right[index] = self._tell_sample(ready[index], sample, number)
                costs_left_s -= costs[index]
            yield
            if not self._goes_on(now, deadline, costs_left_s):
                break

    def _goes_on(self, start_ns: int, deadline: float, left_s: float) -> bool:
        """Whether there is time for another round, where what is planned takes `left_s` more.

        A long call that took longer than expected must not cost the short ones their rounds: up to a quarter of the
        time that the block has taken is theirs all the same, as long as the job has it.
        """
        now = self.clock.wall_ns()
        if now <= deadline:
            return True
        return left_s * 1e9 <= (now - start_ns) / 4 and now + left_s * 1e9 < self.ends_ns

    def _counts(self, ready: Sequence[Ready], costs: Sequence[float], left_s: float) -> list[int]:
        """Samples of each arm: the base's first, then what is left for all."""
        whole_s, most = SAVES * max(0.0, (self.ends_ns - self.clock.wall_ns()) * 1e-9), self.turn.rounds(self.plan)
        sure = [self._sure(each.case, cost) for each, cost in zip(ready, costs, strict=False)]
        cases = (each.case for each in ready)
        bases = (place for place, case in enumerate(cases) if is_base(self.plan, case.kernel, case.problem))
        base = next(bases, None)
        if base is not None:
            sure[base] = min(sure[base], int(whole_s / costs[base]))
            left_s -= sure[base] * costs[base]
        sure += [max(sure, default=1)] * (len(costs) - len(ready))  # chains: each sample that there will be has its own
        counts = [max(pair) for pair in zip(sure, allot(costs, left_s, most), strict=True)]
        if sum(count * cost for count, cost in zip(counts, costs, strict=True)) <= whole_s:
            return counts
        # The whole job is about to end: the cheapest are served first, and what is dear goes without.
        return list(allot(costs, whole_s, most))

    def _sure(self, case: Case, cost_s: float) -> int:
        """Samples that a case gets in this process before any other gets more."""
        whole = sure_samples(self.plan, case.kernel, case.problem, cost_s, self.turn.processes)
        return sure_here(self.turn, case.problem, whole, self.before(case))

    def _announcer(self, ready: Sequence[Ready]) -> Callable[[int], None]:
        blamed = False  # whether the parent would blame a long case for what happens now

        def announce(index: int) -> None:
            nonlocal blamed
            if index < len(ready) and ready[index].long is not None:
                each, blamed = ready[index], True
                allowed = max(HANGS_AFTER_S, 10 * each.arm.cost_s)
                self.tell(Started(what=each.case.kernel, case=each.case, allowed_s=allowed))
            elif blamed:
                blamed = False
                self.tell(Started(what="a round", allowed_s=2 * HANGS_AFTER_S))

        return announce

    def _tell_sample(self, each: Ready, sample: Sample, number: int) -> bool:
        """Tell one sample; False if its own result turns out wrong."""
        if each.long is not None:
            if each.long.error is not None:
                self._failed(each.case, each.long.error)
                return False
            verdict = self._looked_at(each.case, each.long.inputs, each.long.out)
            if not verdict.is_right:
                self._wrong(each.case, verdict)
                return False
            each.error = verdict.error
            self._learn(each.case, sample.elapsed_ns * 1e-9 / sample.loops)
        told = Measurement(case=each.case, samples=one_sample(sample, self.process, number))
        if number == 0:
            key = each.case.kernel, each.case.problem.dtype
            compiled, code = self.first_calls.pop(key, None), self.machine_codes.pop(key, None)
            told = msgspec.structs.replace(told, first_call_ns=compiled, machine_code=code, error=each.error)
        self.tell(told)
        return True

    def _tell_roof(self, problem: Problem, threads: int, sample: Sample, number: int) -> None:
        """Tell a sample of the peak, with the block in whose rounds it was taken."""
        lanes = ceilings.vector_lanes(problem.dtype)[-1]
        steps = Sample(self.fma_steps[problem.dtype, lanes], sample.elapsed_ns)
        made = chain_ceiling(problem.dtype, lanes, threads)
        told = msgspec.structs.replace(made, problem=problem, samples=one_sample(steps, self.process, number))
        self.tell(told)


def one_sample(sample: Sample, process: int, number: int) -> Samples:
    """A sample as the record keeps it."""
    return Samples(loops=(sample.loops,), elapsed_ns=(sample.elapsed_ns,), process=(process,), round=(number,))
