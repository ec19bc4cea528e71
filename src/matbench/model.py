"""The values that every stage exchanges: frozen, typed, closed, each field with its unit.

Nothing here computes a statistic: derived figures are functions of these values (see ``matbench.analyse``).
Every class is a closed `msgspec` schema, so that an unknown field in a file is an error and not a leak.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from matbench.operations import OPERATIONS, Operation, OperationName

__all__ = [
    "DTYPES",
    "FEWEST_PROCESSES",
    "SCHEMA",
    "Block",
    "Caches",
    "Case",
    "Ceiling",
    "Census",
    "Conditions",
    "Cpu",
    "Dtype",
    "End",
    "Environment",
    "Header",
    "Host",
    "KernelCard",
    "Library",
    "MachineCode",
    "Measurement",
    "Outcome",
    "Plan",
    "Problem",
    "Record",
    "Samples",
    "Value",
]

SCHEMA = 1  # version of the record files; a reader refuses a higher one

Dtype = Literal["float64", "float32", "int64"]
DTYPES: tuple[Dtype, ...] = ("float64", "float32", "int64")
ITEMSIZE: dict[Dtype, int] = {"float64": 8, "float32": 4, "int64": 8}  # bytes

FEWEST_PROCESSES = 3  # in which a case has to be sampled for any interval: from there on their scatter tells something
Outcome = Literal["measured", "skipped", "wrong", "ended"]

# Limits of what a file may claim: wide enough for any machine of this decade, narrow enough that no stranger's
# file makes us allocate or draw without end.
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Text = Annotated[str, Meta(max_length=2000)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Extent = Annotated[int, Meta(ge=1, le=2**20)]
Threads = Annotated[int, Meta(ge=1, le=2**16)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base of all exchanged values: frozen, with no field beyond those declared, and in no reference cycle."""


class Problem(Value, frozen=True, omit_defaults=True):
    """One matrix product C = A B with A of m x k, B of k x n and C of m x n elements; or another operation of size n.

    Only an operation other than the product is written into files: records of products are what they always were.
    """

    m: Extent
    n: Extent
    k: Extent
    dtype: Dtype = field(default_factory=lambda: "float64")  # what a function makes is written, be it the default
    layout: Literal["C", "F"] = field(default_factory=lambda: "C")  # order of all matrices in memory
    seed: Count = field(default_factory=int)  # of the random operands
    operation: OperationName = "matmul"  # all others have m = n = k

    @property
    def definition(self) -> Operation:
        """The operation, with its shapes and counts."""
        return OPERATIONS[self.operation]

    @property
    def flops(self) -> int:
        """Floating-point operations of the textbook algorithm, for a product 2 m n k, whatever the kernel does."""
        return self.definition.flops(self.m, self.n, self.k)

    @property
    def elements(self) -> int:
        """Elements of the operands and the result together."""
        return self.definition.elements(self.m, self.n, self.k)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return ITEMSIZE[self.dtype]

    @property
    def operand_bytes(self) -> int:
        """Bytes of the operands and the result together, A, B and C: what has to be moved at least."""
        return self.itemsize * self.elements

    @property
    def is_square(self) -> bool:
        """Whether m = n = k."""
        return self.m == self.n == self.k

    @property
    def is_slab(self) -> bool:
        """Whether it is a hundredth or less of the rows of a square one, which it stands for.

        Examples
        --------
        >>> Problem(4, 1000, 1000).is_slab, Problem(16, 1000, 1000).is_slab
        (True, False)
        """
        return self.n == self.k and 100 * self.m <= self.n

    @property
    def shape_label(self) -> str:
        """``1000`` for a square problem, ``8x1000x1000`` (m x n x k) otherwise."""
        return str(self.n) if self.is_square else f"{self.m}x{self.n}x{self.k}"


class Case(Value, frozen=True):
    """What is timed: one kernel on one problem with one thread count."""

    kernel: Name
    problem: Problem
    threads: Threads = 1


class Samples(Value, frozen=True):
    """Raw times exactly as measured: parallel tuples, one entry a sample.

    A sample is `loops` calls in a row that took `elapsed_ns` altogether. Samples of different cases that share
    `process` and `round` were taken within moments of each other, in random order: they pair.
    """

    loops: tuple[Annotated[int, Meta(ge=1, le=2**40)], ...] = ()  # calls in the sample
    elapsed_ns: tuple[Annotated[int, Meta(ge=1, le=2**62)], ...] = ()  # ns of all its calls together
    process: tuple[Count, ...] = ()  # index of the sampling process within the run
    round: tuple[Count, ...] = ()  # index of the round within process and block

    def __post_init__(self) -> None:
        if not len(self.loops) == len(self.elapsed_ns) == len(self.process) == len(self.round):
            raise ValueError("loops, elapsed_ns, process and round must be equally long")

    def __len__(self) -> int:
        return len(self.loops)

    def joined(self, later: Samples) -> Samples:
        """These samples followed by `later`."""
        return Samples(
            loops=self.loops + later.loops,
            elapsed_ns=self.elapsed_ns + later.elapsed_ns,
            process=self.process + later.process,
            round=self.round + later.round,
        )


class Census(Value, frozen=True):
    """How many instructions of which kind compiled code has, among those that compute elements of one type."""

    fused: Count  # that multiply and add in one
    packed: Count  # on all elements of a register, fused ones included
    scalar: Count  # on one element, fused ones included
    width: Annotated[int, Meta(ge=0, le=2**16)]  # bytes of the widest register that a packed one works on; 0 without
    stack: Count  # of any kind, that read or write the stack: in a loop, what did not fit into registers
    work: Count  # operations that all of them do: one for each element, a multiply-add two

    def __post_init__(self) -> None:
        if self.fused > self.packed + self.scalar or (self.width > 0) != (self.packed > 0):
            raise ValueError("more instructions are fused than there are, or vectors have no width")


class MachineCode(Value, frozen=True):
    """What a kernel was compiled to, counted in its own assembly."""

    loop: Census  # of the innermost loop that does most an iteration: where the time goes
    whole: Census

    def __post_init__(self) -> None:
        loop, whole = self.loop, self.whole
        if loop.fused > whole.fused or loop.packed > whole.packed or loop.scalar > whole.scalar:
            raise ValueError("a loop has more instructions than the code that it is part of")


def _written(value: Any) -> Any:
    """A default that is written into files all the same, as what a function makes is."""
    return field(default_factory=lambda: value)


class Measurement(Value, frozen=True, omit_defaults=True, tag="measurement", tag_field="type"):
    """What became of one case: its samples, or the reason why there are none.

    Machine code is written only where there is some: records without are what they always were.
    """

    case: Case
    outcome: Outcome = _written("measured")  # 'ended': stopped by us for time or memory
    reason: Text | None = _written(None)  # one sentence for every outcome but 'measured'
    samples: Samples = _written(Samples())
    first_call_ns: Count | None = _written(None)  # ns of the first call of kernel and dtype, compilation included
    error: Annotated[float, Meta(ge=0.0)] | None = _written(None)  # largest error / its bound; at most 1 is right
    bytes_allowed: Count | None = _written(None)  # memory limit that refused or ended the case, bytes
    machine_code: MachineCode | None = None  # of kernel and dtype, compiled here: told with the first sample


class Ceiling(Value, frozen=True, omit_defaults=True, tag="ceiling", tag_field="type"):
    """A measured hardware limit: chains of independent multiply-adds, or a stream through memory.

    A chain that was sampled in the rounds of a block pairs with the block's cases, by process and round. Records of
    before that was told have no problem here: of a chain's samples they tell the process, but not the block.
    """

    kind: Literal["fma", "read", "triad", "read_l1", "triad_l1", "read_l2", "triad_l2", "read_l3", "triad_l3"]
    dtype: Dtype
    lanes: Annotated[int, Meta(ge=1, le=64)]  # elements a vector operation works on (1 for streams: compiler's choice)
    threads: Threads
    work: Annotated[int, Meta(ge=1, le=2**62)]  # flops ('fma') or bytes (streams) of one loop
    fused: bool = _written(True)  # whether multiply and add are one instruction
    samples: Samples = _written(Samples())
    reason: Text | None = _written(None)  # why it was not measured
    problem: Problem | None = None  # of the block in whose rounds it was sampled; None for what came before the blocks


class KernelCard(Value, frozen=True, omit_defaults=True):
    """What a record says of a kernel, so that it can be read where the kernel is not installed."""

    name: Name
    rung: Name  # family on the ladder: 'pure Python', 'NumPy arrays', ..
    idea: Text  # the one idea it adds
    compiled: bool = field(default_factory=bool)  # whether its first call compiles
    threaded: bool = field(default_factory=bool)  # whether it can use more than one thread
    origin: Name = field(default_factory=lambda: "matbench")  # distribution that declares it
    view: bool = False  # whether it gives back a view: it moves nothing, and has no rate. Written only where it does


class Caches(Value, frozen=True):
    """Data-cache sizes in bytes as one core sees them; None where unknown."""

    l1d: Count | None = None
    l2: Count | None = None
    l3: Count | None = None

    @property
    def last(self) -> int | None:
        """Bytes of the last level known."""
        return self.l3 or self.l2 or self.l1d


class Cpu(Value, frozen=True):
    """The processor, by every name it goes by: on a virtual machine they disagree."""

    brand: Text = "unknown"
    vendor: Text = "unknown"
    family: Count | None = None
    model: Count | None = None
    stepping: Count | None = None
    microarchitecture: Text = "unknown"  # archspec's name
    generic: Text = "unknown"  # archspec's generic level, e.g. x86_64_v4
    features: tuple[Name, ...] = ()  # sorted instruction-set flags that matter to arithmetic


class Host(Value, frozen=True):
    """What the machine is. No host name, user, path or serial number."""

    system: Text = "unknown"  # 'Linux', 'Darwin', 'Windows'
    architecture: Text = "unknown"  # 'x86_64', 'arm64'
    cpu: Cpu = Cpu()
    caches: Caches = Caches()
    logical_cpus: Threads = 1
    physical_cores: Threads | None = None
    sockets: Threads | None = None
    numa_nodes: Threads | None = None
    smt: bool | None = None  # whether two logical CPUs share a core
    memory_bytes: Count | None = None
    hypervisor: Text | None = None  # its name, or 'unknown' where one is seen; None where none is seen
    hw_id: Name = "unknown"  # hash of the stable facts above: equal for equal machines
    host_id: Name = "unknown"  # keyed hash with a secret of this installation: this very machine


class Library(Value, frozen=True):
    """A BLAS or OpenMP library loaded in the sampling process."""

    api: Name  # 'blas' or 'openmp'
    name: Name  # 'openblas', 'mkl', 'blis', 'accelerate', ..
    version: Text = "unknown"
    architecture: Text = "unknown"  # the kernel family it chose for this CPU
    threading_layer: Text = "unknown"
    filename: Text = "unknown"  # base name only


class Environment(Value, frozen=True):
    """The software: what would have to be equal for a run to continue another."""

    python: Text = "unknown"
    implementation: Text = "unknown"
    system_release: Text = "unknown"  # kernel or OS version
    packages: dict[Name, Text] = field(default_factory=dict)  # distribution -> version
    libraries: tuple[Library, ...] = ()
    numpy_simd: tuple[Name, ...] = ()  # SIMD extensions that NumPy found
    numba_threading_layer: Text | None = None
    variables: dict[Name, Text] = field(default_factory=dict)  # those set: OMP_NUM_THREADS, ..
    env_id: Name = "unknown"  # hash of the above


class Conditions(Value, frozen=True):
    """The state of the machine when it was looked at: stored and flagged, never part of an id."""

    governor: Text | None = None
    turbo: bool | None = None
    cpu_quota: Annotated[float, Meta(ge=0.0)] | None = None  # CPUs allowed by the control group
    affinity: Threads | None = None  # logical CPUs this process may run on
    load_1m: Annotated[float, Meta(ge=0.0)] | None = None
    available_bytes: Count | None = None  # memory that can be had without swapping
    swap_used_bytes: Count | None = None
    huge_pages: Text | None = None  # transparent huge pages: 'always', 'madvise', 'never'
    clock_source: Text | None = None
    on_battery: bool | None = None
    temperature_c: float | None = None
    steal_ticks: Count | None = None  # CPU time taken by the hypervisor since boot, clock ticks
    total_ticks: Count | None = None  # all CPU time since boot, clock ticks


class Block(Value, frozen=True):
    """Cases that are measured together, interleaved: one problem, several kernels and thread counts."""

    problem: Problem
    arms: tuple[tuple[Name, Threads], ...]  # (kernel, threads)


class Plan(Value, frozen=True):
    """What a run set out to measure, and how."""

    preset: Name
    command: Text  # the command that repeats it, without paths
    seed: Count
    budget_s: Seconds
    rounds: Annotated[int, Meta(ge=1, le=100_000)]  # most samples a case
    sample_ns: Annotated[int, Meta(ge=1, le=10**12)]  # shortest sample, ns
    base: Name  # kernel that speed-ups are told over
    blocks: tuple[Block, ...]


class Header(Value, frozen=True, kw_only=True, tag="header", tag_field="type"):
    """First line of a record: everything but the figures."""

    schema: Annotated[int, Meta(ge=1)] = SCHEMA
    id: Name
    created: Text  # ISO 8601, UTC
    machine: Name  # folder name: an anonymous label
    host: Host
    environment: Environment
    conditions: Conditions
    plan: Plan
    kernels: tuple[KernelCard, ...] = ()


class End(Value, frozen=True, tag="end", tag_field="type"):
    """Last line of a complete record."""

    finished: Text  # ISO 8601, UTC
    elapsed_s: Seconds
    conditions: Conditions
    libraries: tuple[Library, ...] = ()  # as the sampling process had them loaded in the end
    numba_threading_layer: Text | None = None  # known only once a parallel kernel has run
    warnings: tuple[Text, ...] = ()


class Record(Value, frozen=True):
    """One run as read back: header, ceilings, measurements, and the end if it was reached."""

    header: Header
    ceilings: tuple[Ceiling, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    end: End | None = None
    warnings: tuple[Text, ...] = ()  # what the reader had to set aside

    @property
    def is_complete(self) -> bool:
        """Whether the run reached its end."""
        return self.end is not None
