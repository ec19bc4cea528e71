"""What the processes of a run have found so far, as the parent has heard it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from matbench.measure.plan import cases_of
from matbench.measure.protocol import Chain, Known
from matbench.measure.turns import Turn, whole_turns
from matbench.model import Block, Case, Ceiling, Dtype, Measurement, Plan, Problem

__all__ = ["Findings"]

HELD_UP = 4  # times the shortest sample: calibrated ones last up to twice as long on a machine of one speed


class Findings:
    """What the processes of a run have found so far: which cases are right, calibrated, settled, sampled often enough.

    Attributes
    ----------
    turns
        Processes that have measured each problem, as far as its blocks are concerned.
    checked
        Kernels that were compiled by this run and found right.
    chains
        Those of the widest vectors, calibrated to measure the peak with.
    start_ns
        Time that the slowest process took to start, ns.
    sample_ns
        What samples of several calls were calibrated to last at least, ns.
    """

    def __init__(self, plan: Plan, blocks: Sequence[Block], processes: int, so_far: Sequence[Measurement]) -> None:
        self.blocks, self.processes, self.sample_ns = blocks, processes, plan.sample_ns
        self.checked: set[tuple[str, Dtype]] = set()
        self.chains: dict[Dtype, Chain] = {}
        self._sound: dict[Dtype, Chain] = {}  # those that a process has come to its end with
        self.start_ns = 0
        self._known: dict[Case, Known] = {}
        self._sampled: dict[Case, set[int]] = {}
        self._settled: set[Case] = set()
        for each in so_far:
            self._keep(each, settled=each.outcome in {"wrong", "ended"})  # what was skipped may be tried again
        before = whole_turns(so_far, Turn(processes).rounds(plan))
        # What is asked for is measured once at least, however often it was.
        self.turns: Counter[Problem] = Counter()
        for block in blocks:
            self.turns[block.problem] = min(before[block.problem], processes - 1)

    def wanted(self) -> tuple[Block, ...]:
        """Blocks that need another process, with the arms that are still to be measured."""
        found = []
        for block in self.blocks:
            arms = tuple(
                arm for arm, case in zip(block.arms, cases_of(block), strict=True) if case not in self._settled
            )
            if arms and self.turns[block.problem] < self.processes:
                found.append(msgspec.structs.replace(block, arms=arms))
        return tuple(found)

    def told(self, one: Measurement | Ceiling) -> None:
        """Take in what a process has told of a case, or of the hardware."""
        if isinstance(one, Ceiling):
            if one.kind == "fma" and len(one.samples):  # told from the narrowest vectors to the widest
                self.chains[one.dtype] = Chain(dtype=one.dtype, lanes=one.lanes, steps=one.samples.loops[0])
            return
        self._keep(one, settled=one.outcome != "measured")
        if one.outcome == "measured":
            self.checked.add((one.case.kernel, one.case.problem.dtype))

    def came_through(self) -> None:
        """A process has come to its end: the chains that it ran are sound."""
        self._sound = dict(self.chains)

    def hung_before_blocks(self) -> None:
        """A process has not come to its blocks: chains that none has come through with are not run again.

        The others are, once: if the next process hangs as well, they are let go, too. If the very first one hangs,
        there are no others: each hang takes a minute, and a second one would leave nothing of a standard run's time.
        """
        self.chains, self._sound = self._sound, {}

    def _keep(self, told: Measurement, *, settled: bool) -> None:
        case, samples = told.case, told.samples
        if settled:
            self._settled.add(case)
        if len(samples):
            self._sampled.setdefault(case, set()).update(samples.process)
            call_s = min(map(self._call_s, samples.elapsed_ns, samples.loops))
            before = self._known.get(case)
            self._known[case] = Known(
                case=case,
                loops=before.loops if before else samples.loops[-1],
                call_s=min(call_s, before.call_s) if before else call_s,
                processes=len(self._sampled[case]),
            )

    def _call_s(self, elapsed_ns: int, loops: int) -> float:
        """Time of a call, s, for planning: a sample that was held up is no longer than it was calibrated to be."""
        return 1e-9 * (elapsed_ns if loops == 1 else min(elapsed_ns, HELD_UP * self.sample_ns)) / loops

    def known(self, blocks: Sequence[Block]) -> tuple[Known, ...]:
        """What is known of the cases of some blocks."""
        cases = (case for block in blocks for case in cases_of(block))
        return tuple(self._known[case] for case in cases if case in self._known)

    def has_samples(self, case: Case) -> bool:
        """Whether a case was sampled by any process."""
        return case in self._sampled

    def settle(self, case: Case) -> None:
        """Let no further process try a case."""
        self._settled.add(case)

    def give_up(self, block: Block) -> None:
        """Let no further process measure a block."""
        self.turns[block.problem] = self.processes

    @property
    def done(self) -> int:
        """Blocks that are finished, each as often as there are processes."""
        over = {each.problem for each in self.blocks} - {each.problem for each in self.wanted()}
        return sum(self.processes if each.problem in over else self.turns[each.problem] for each in self.blocks)

    @property
    def later(self) -> int:
        """Processes that are to follow the next one."""
        return max(0, *(self.processes - self.turns[block.problem] for block in self.wanted())) - 1
