"""The values of a paired comparison: what the engine measures, the store keeps and the statistics read.

A comparison is made of cells (a problem, a thread count, two arms). Each of several fresh processes samples every
cell in blocks; in a block all arms are sampled side by side in a random order (`matbench.measure.order.orders`).
Ratios are the time of B over the time of A: above 1, A is faster. B is the base, and a verdict is about A.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, field

from matbench.model import Conditions, Count, Environment, Host, Library, Name, Problem, Seconds, Text, Threads, Value

__all__ = [
    "PAIR_SCHEMA",
    "Arm",
    "Cell",
    "NoiseFloor",
    "PairBlock",
    "PairEnd",
    "PairHeader",
    "PairProcess",
    "PairRecord",
    "Pressure",
    "Refusal",
    "Sample",
    "Settings",
]

PAIR_SCHEMA = 1  # version of the files; a reader refuses a higher one

# 'a' and its clone 'c' (the control: whatever differs between them is not the code), and 'b'.
Arm = Literal["a", "c", "b"]


class Cell(Value, frozen=True):
    """One comparison: two ways to compute one problem with one thread count."""

    problem: Problem
    threads: Threads
    a: Name  # kernel name, or the reader's own 'module:function' / 'file.py:function' (base name of the file)
    b: Name


class Settings(Value, frozen=True):
    """How a comparison is made; everything the verdict depends on besides the samples."""

    processes: Annotated[int, Meta(ge=1, le=1000)] = 12  # at first
    most_processes: Annotated[int, Meta(ge=1, le=1000)] = 32
    more_processes: Annotated[int, Meta(ge=1, le=100)] = 4  # at a time, while the interval is too wide
    blocks: Annotated[int, Meta(ge=1, le=10_000)] = 16  # of each cell in each process
    sample_ns: Annotated[int, Meta(ge=1, le=10**12)] = 3_000_000  # shortest sample
    half_width: Annotated[float, Meta(gt=0.0, lt=1.0)] = 0.005  # of the log-ratio's interval, to stop at
    equivalence: Annotated[float, Meta(gt=0.0, lt=1.0)] = 0.01  # the whole interval within this is EQUIVALENT
    least_floor: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.005  # no smaller difference is claimed
    confidence: Annotated[float, Meta(gt=0.5, lt=1.0)] = 0.99
    claim: Annotated[float, Meta(ge=0.0, lt=10.0)] = 0.0  # margin that a verdict has to exceed, relative
    budget_s: Seconds = 0.0  # 0: as long as it takes


class Sample(Value, frozen=True, array_like=True):
    """One timed stretch of `loops` calls (the block's) of one arm. None where the system does not tell."""

    arm: Arm
    elapsed_ns: Annotated[int, Meta(ge=1, le=2**62)]  # wall time
    cpu_ns: Count | None = None  # CPU time of the thread (one thread) or of the process (several)
    faults: Count | None = None  # page faults
    switches: Count | None = None  # involuntary context switches
    delay_ns: Count | None = None  # time runnable but not running
    drain_ns: Count = 0  # waited before it for idle threads to stop spinning


class PairBlock(Value, frozen=True, tag="block", tag_field="type"):
    """All arms of one cell, sampled one after the other in the order that `samples` tells."""

    cell: Count  # index into the header's cells
    process: Count
    block: Count  # index within process and cell
    loops: Annotated[int, Meta(ge=1, le=2**40)]
    samples: tuple[Sample, ...]
    canary_ns: Count | None = None  # a chain of dependent additions of fixed length: the processor's pace


class PairProcess(Value, frozen=True, tag="process", tag_field="type"):
    """One sampling process, told when it has ended; its blocks were told before."""

    process: Count
    seed: Count
    void: Text | None = None  # why nothing of it may be used
    cpu: Count | None = None  # it was pinned to
    padding: Count = 0  # bytes added to its environment
    offset: Count = 0  # bytes that its operands were shifted by
    elapsed_ns: Count = 0
    steal_ticks: Count | None = None  # taken by the hypervisor meanwhile, all processors, clock ticks
    total_ticks: Count | None = None
    throttled_ns: Count | None = None  # held back by the control group's quota meanwhile
    errors: tuple[tuple[Count, Arm, Annotated[float, Meta(ge=0.0)]], ...] = ()  # of each cell's arm, over its bound


class Refusal(Value, frozen=True, omit_defaults=True, tag="refusal", tag_field="type"):
    """A cell that can't be compared, and why in one sentence."""

    cell: Count
    outcome: Literal["skipped", "wrong", "ended"]
    reason: Text
    arm: Literal["a", "b"] | None = None  # whose fault it is; None: of neither alone, or not told


class Pressure(Value, frozen=True):
    """What others have taken from this process since boot: looked at before and after each sampling process."""

    steal_ticks: Count | None = None  # by the hypervisor, all processors, clock ticks
    total_ticks: Count | None = None
    throttled_ns: Count | None = None  # by the control group's quota

    def since(self, before: Pressure) -> Pressure:
        """What was taken since `before`."""

        def grown(now: int | None, then: int | None) -> int | None:
            return None if now is None or then is None else max(0, now - then)

        return Pressure(
            steal_ticks=grown(self.steal_ticks, before.steal_ticks),
            total_ticks=grown(self.total_ticks, before.total_ticks),
            throttled_ns=grown(self.throttled_ns, before.throttled_ns),
        )


class NoiseFloor(Value, frozen=True, kw_only=True):
    """What this machine makes of identical code: kept with the machine, and no smaller difference is claimed on it."""

    schema: Annotated[int, Meta(ge=1)] = PAIR_SCHEMA
    host_id: Name  # this very machine
    floor: Annotated[float, Meta(ge=0.0, lt=1.0)]  # largest difference seen, as a logarithm of a ratio
    comparisons: Annotated[int, Meta(ge=1)]  # it was seen in
    measured: Text  # ISO 8601, UTC
    spins: dict[Name, Text] | None = None  # how long idle threads spun meanwhile: variables; None: not told

    def holds_for(self, spins: Mapping[str, str]) -> bool:
        """Whether idle threads spun as long as these variables say; of a floor that does not tell, nobody knows."""
        return self.spins == spins


class PairHeader(Value, frozen=True, kw_only=True, tag="pairs", tag_field="type"):
    """First line of a file of comparisons."""

    schema: Annotated[int, Meta(ge=1)] = PAIR_SCHEMA
    id: Name
    created: Text  # ISO 8601, UTC
    machine: Name
    host: Host
    environment: Environment
    conditions: Conditions
    command: Text
    seed: Count
    settings: Settings
    cells: tuple[Cell, ...]
    floor: Annotated[float, Meta(ge=0.0, lt=1.0)] | None = None  # this machine's own A/A spread, where it is known
    digests: dict[Name, Name] = field(default_factory=dict)  # of the files of the reader's own functions, by label


class PairEnd(Value, frozen=True, tag="pairs-end", tag_field="type"):
    """Last line of a complete file."""

    finished: Text
    elapsed_s: Seconds
    conditions: Conditions
    libraries: tuple[Library, ...] = ()
    warnings: tuple[Text, ...] = ()


class PairRecord(Value, frozen=True):
    """A file of comparisons as read back."""

    header: PairHeader
    processes: tuple[PairProcess, ...] = ()
    blocks: tuple[PairBlock, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    end: PairEnd | None = None
    warnings: tuple[Text, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the comparison reached its end."""
        return self.end is not None
