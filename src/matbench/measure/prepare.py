"""What the adapters for other runners share: which cases there are, and a case made ready to be timed.

asv and pytest-benchmark bring loops and statistics of their own. Kernels, sizes, operands, verification, thread
limits and calibration come from here, so that a cell means the same under every runner.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from matbench.collector import collector_off
from matbench.errors import KernelError, UsageError
from matbench.kernels.checks import check_kernel, check_result, resulting
from matbench.kernels.installed import default_registry
from matbench.kernels.oracle import operands
from matbench.kernels.registry import Kernel, Registry
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.plan import Request, make_plan
from matbench.measure.presets import Preset, preset
from matbench.measure.sampler import Sample, calibrate, time_loops
from matbench.measure.threads import ThreadControl, drain
from matbench.model import Caches, Case, Dtype, Problem, Samples
from matbench.operations import OPERATIONS, PRODUCT, OperationName, select_operations
from matbench.units import format_bytes

__all__ = [
    "LEAST_SAMPLES",
    "PROFILES",
    "VARIABLE",
    "Profile",
    "Ready",
    "Suite",
    "asked_profile",
    "grid",
    "prepared",
    "runnable",
]

VARIABLE = "MATBENCH_PROFILE"  # environment variable that chooses a profile
LEAST_SAMPLES = 3  # of a case in one process: the median of fewer is at the mercy of a single interruption
BATCH_NS = 20_000  # a hundred times what asv adds to each call that it times
NO_TRIAL = Sample(1, 0)
LONG_NS = 100_000_000  # a call as long as that is not made twice more to calibrate: it fills any sample


@dataclass(frozen=True)
class Profile:
    """What a runner that starts a process for each case takes of a preset.

    Such a runner pays about a second a case, skipped ones included: a profile narrows the preset to what is worth it.

    Attributes
    ----------
    preset
        Name of the preset that says what is sensible: longest call, shortest sample, most samples, thread counts.
    sizes
        Square sizes in the size grammar. All kernels are taken at each, but for calls longer than the preset likes.
    dtypes
        Element types.
    processes
        Processes that each case is sampled in.
    budget_s
        Time for the samples of one case in one process, s.
    further
        Square sizes for the operations beside the product, by what their speed is told in.
    beside
        Names or globs of those operations, separated by commas.
    """

    preset: str
    sizes: str
    dtypes: tuple[Dtype, ...]
    processes: int
    budget_s: float
    further: Mapping[str, str] = field(default_factory=lambda: {"byte/s": "64", "flop/s": "16"})
    beside: str = "*"

    @property
    def limits(self) -> Preset:
        """The preset it is taken from."""
        return preset(self.preset)

    @property
    def timeout_s(self) -> float:
        """Time after which a case hangs, s: the start, and its calls on a machine five times slower than expected."""
        return 60.0 + 5 * (LEAST_SAMPLES + 2) * self.limits.longest_call_s + self.budget_s

    @property
    def operations(self) -> tuple[OperationName, ...]:
        """The operations beside the product that it takes."""
        return tuple(each for each in select_operations(self.beside) if each != PRODUCT)

    def sizes_of(self, operation: OperationName) -> str:
        """Square sizes for an operation, in the size grammar."""
        return self.sizes if operation == PRODUCT else self.further[OPERATIONS[operation].told]

    def dtypes_of(self, operation: OperationName) -> tuple[Dtype, ...]:
        """Element types for an operation: of all but the product the first alone."""
        return self.dtypes if operation == PRODUCT else self.dtypes[:1]

    def rounds(self, trial: Sample) -> int:
        """Samples that the time for a case is enough for: at least `LEAST_SAMPLES`, at most what the preset wants."""
        return max(LEAST_SAMPLES, min(self.limits.rounds, int(self.budget_s * 1e9 / trial.elapsed_ns)))


PROFILES: dict[str, Profile] = {
    # One operation that memory sets the pace of and one that arithmetic does: all would cost asv a minute of its two.
    "small": Profile("quick", "64,512", ("float64",), processes=1, budget_s=0.1, beside="matvec,inverse"),
    "standard": Profile(
        "standard",
        "16,64,128,256,512,1000",
        ("float64", "float32"),
        processes=2,
        budget_s=0.3,
        further={"byte/s": "1000", "flop/s": "128"},
    ),
    # Integers and calls of up to 5 s would more than double its half hour under asv, which pays for skipped cases, too.
    "full": Profile(
        "standard",
        "8-1024*2,100,1000,2048",
        ("float64", "float32"),
        processes=2,
        budget_s=0.5,
        further={"byte/s": "64,1000,4000", "flop/s": "32,256"},
    ),
    # What `make agreement` compares runners on.
    "agreement": Profile("standard", "8-512*2", ("float64",), processes=1, budget_s=0.3),
}


def asked_profile(environ: Mapping[str, str]) -> Profile:
    """The profile that the environment names, ``standard`` by default.

    Raises
    ------
    UsageError
        If there is no such profile.
    """
    name = environ.get(VARIABLE) or "standard"
    if name not in PROFILES:
        raise UsageError(f"{VARIABLE} is {name!r}; set it to one of {', '.join(PROFILES)}")
    return PROFILES[name]


@dataclass(frozen=True)
class Suite:
    """The cases of a profile on this machine, as the parameters of one benchmark.

    Attributes
    ----------
    profile
        What it was made from.
    registry
        The kernels, loaded BLAS libraries included.
    base
        Name of the kernel that speed-ups are told over, with one thread.
    cases
        What is to be measured, in the order of the plan.
    sizes
        Sides of the square problems, ascending.
    threads
        Thread counts, ascending.
    reasons
        Why the plan left out what it left out.
    operation
        What all of them compute.
    """

    profile: Profile
    registry: Registry
    base: str
    cases: tuple[Case, ...]
    sizes: tuple[int, ...]
    threads: tuple[int, ...]
    reasons: Mapping[Case, str] = field(default_factory=dict)
    operation: OperationName = PRODUCT

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of all kernels in the order of the ladder, those that can't run here included."""
        return self.registry.names

    @property
    def common_size(self) -> int:
        """The largest size at which every kernel is measured, or the smallest size if there is none."""
        runs = {case.kernel for case in self.cases}
        shared = [n for n in self.sizes if {case.kernel for case in self.cases if case.problem.n == n} == runs]
        return max(shared, default=self.sizes[0])

    def case(self, kernel: str, n: int, dtype: Dtype, threads: int) -> Case:
        """The case with these coordinates, whether or not it is to be measured."""
        problem = Problem(m=n, n=n, k=n, dtype=dtype, seed=Request().seed, operation=self.operation)
        return Case(kernel=kernel, problem=problem, threads=threads)

    def why_not(self, case: Case, memory_bytes: int | None = None) -> str | None:
        """The reason why a case is not measured, or None.

        Parameters
        ----------
        case
            Any combination of this suite's parameters.
        memory_bytes
            Memory that a case may take, bytes; any amount by default.
        """
        made = self.registry.get(case.kernel)
        reason = made.why_not(case.problem.dtype, case.threads) or self.reasons.get(case)
        if reason is not None:
            return reason
        if case not in self.cases:
            return "the profile does not take it"
        needed = made.needed_bytes(case.problem)
        if memory_bytes is not None and needed > memory_bytes:
            return f"needs {format_bytes(needed)} of memory, {format_bytes(memory_bytes)} may be used"
        return None


def grid(profile: Profile, cpus: int, registry: Registry | None = None, operation: OperationName = PRODUCT) -> Suite:
    """The suite of a profile on a machine, for one operation.

    Parameters
    ----------
    profile
        Which cases are wanted.
    cpus
        Processors this process may use.
    registry
        The kernels there are; by default those of this installation and of the BLAS libraries it has loaded.
    operation
        What they are to compute.
    """
    if registry is None:
        registry = Registry(default_registry(operation))  # a copy: the libraries are this process's own
        if operation == PRODUCT:
            add_blas_kernels(registry)
    wanted = Request(
        preset=profile.preset,
        sizes=profile.sizes_of(operation),
        dtypes=profile.dtypes_of(operation),
        operations=(operation,),
    )
    planned = make_plan(wanted, registry, cpus)
    cases = tuple(
        Case(kernel=name, problem=block.problem, threads=threads)
        for block in planned.plan.blocks
        for name, threads in block.arms
    )
    left_out = {each.case: str(each.reason) for each in planned.skipped}
    every = (*cases, *left_out)
    return Suite(
        profile=profile,
        registry=registry,
        base=planned.plan.base,
        cases=cases,
        sizes=tuple(sorted({case.problem.n for case in every})),
        threads=tuple(sorted({case.threads for case in every})),
        reasons=left_out,
        operation=operation,
    )


@dataclass(frozen=True)
class Ready:
    """A case that may be timed: its operands are in memory, its kernel is compiled, its product was found right.

    Attributes
    ----------
    case
        What it is.
    call
        One product, without arguments; to be called within `limited`.
    error
        Largest error over its rounding bound; at most 1. None where the product was not looked at.
    first
        The call whose product was looked at.
    is_long
        Whether that call is long enough to be a sample, and was expected to be: one may just have been interrupted.
    """

    case: Case
    call: Callable[[], object]
    error: float | None
    _control: ThreadControl = field(repr=False)
    first: Sample = NO_TRIAL
    is_long: bool = False

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """Within, every library uses the threads of the case, as read back from each; afterwards as before."""
        with self._control.limited(self.case.threads):
            yield

    def trial(self, profile: Profile, clock: Clock | None = None) -> Sample:
        """A first sample, whose loop count fills the shortest sample of the profile."""
        if self.is_long:
            return self.first
        with self.limited(), collector_off():
            return calibrate(self.call, profile.limits.sample_ns, clock or SystemClock(), self.first)

    def batched(self, profile: Profile, clock: Clock | None = None) -> tuple[Callable[[], object], int]:
        """Some products as one call, and how many they are: enough that what a runner adds to a call is lost in them.

        They are made in a loop like that of `time_loops`, so that a product costs what matbench's own sampler sees.
        """
        trial = self.trial(profile, clock)
        count = max(1, round(BATCH_NS * trial.loops / trial.elapsed_ns))
        if count == 1:
            return self.call, 1
        call = self.call

        def products() -> None:
            for _ in itertools.repeat(None, count):
                call()

        return products, count

    def sampled(self, profile: Profile, clock: Clock | None = None) -> Samples:
        """Samples by matbench's own sampler, as many as the profile has time for."""
        clock = clock or SystemClock()
        trial = self.trial(profile, clock)
        with self.limited(), collector_off():
            turns = [time_loops(self.call, trial.loops, clock) for _ in range(profile.rounds(trial))]
        return Samples(
            loops=tuple(each.loops for each in turns),
            elapsed_ns=tuple(each.elapsed_ns for each in turns),
            process=(0,) * len(turns),
            round=tuple(range(len(turns))),
        )


def _bound(made: Kernel, case: Case, caches: Caches, control: ThreadControl) -> Callable[..., object]:
    """The kernel's bare function, compiled for the dtype and found right on small operands."""
    reason = made.why_not(case.problem.dtype, case.threads)
    if reason is not None:
        raise KernelError(f"{case.kernel} can't be timed: {reason}; leave it out with a narrower profile or -k")
    function = made.bind(case.problem.dtype, caches)
    with control.limited(case.threads):
        verdict = check_kernel(made, function, case.problem.dtype)
    if not verdict.is_right:
        raise KernelError(f"{case.kernel} is not timed: {verdict.reason}; mend the kernel")
    control.refresh()  # a first parallel call loads Numba's threading layer
    return function


def runnable(made: Kernel, case: Case, caches: Caches) -> Ready:
    """A case whose kernel obeys the laws on small operands; its own product is not computed beforehand.

    For what looks at the call itself rather than at its time, such as its peak of memory.

    Raises
    ------
    KernelError
        If the kernel can't run here or breaks a law.
    """
    control = ThreadControl()
    function = _bound(made, case, caches, control)
    return Ready(case, functools.partial(function, *operands(case.problem)), None, control)


@functools.lru_cache(maxsize=2)  # a case and the base that it is compared with; more would keep their operands alive
def prepared(made: Kernel, case: Case, caches: Caches) -> Ready:
    """A case ready to be timed. It is kept: asking again costs nothing.

    Parameters
    ----------
    made
        The kernel that the case names.
    case
        Problem and threads.
    caches
        Cache sizes of this machine, bytes, for kernels that suit their tiles to them.

    Raises
    ------
    KernelError
        If the kernel can't run here, or its product is wrong: then it must not be timed.
    """
    control = ThreadControl()
    function = _bound(made, case, caches, control)
    *inputs, out = operands(case.problem)
    call = functools.partial(function, *inputs, out)
    with control.limited(case.threads):
        first = time_loops(call, 1, SystemClock())
        verdict = check_result(case.problem, inputs, resulting(made, call() if made.view else None, out))
    if not verdict.is_right:
        raise KernelError(f"{case.kernel} is not timed: {verdict.reason}; mend the kernel")
    drain(SystemClock())  # what the check or the kernel left spinning
    expected_ns = made.expected_seconds(case.problem, case.threads) * 1e9
    is_long = min(first.elapsed_ns, expected_ns) > LONG_NS
    return Ready(case, call, verdict.error, control, first, is_long)
