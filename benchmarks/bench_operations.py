"""The operations beside the product under asv: a benchmark each, with the parameters that the product's has.

Which of them, and their grid, comes from the environment variable MATBENCH_PROFILE, as the grid of the product does.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import SUITE, TimedGate, declared, suite_of
from matbench.measure.prepare import LEAST_SAMPLES, prepared
from matbench.operations import OPERATIONS, OperationName
from matbench.record.asv_format import PARAMETERS, VERSION

__all__: list[str] = []  # asv finds benchmarks by their names: time_matvec, time_inverse, ..


def _timed(operation: OperationName) -> Callable[..., None]:
    """The benchmark of an operation: time of one call; compilation is not part of it, allocation is."""
    suite = suite_of(operation)
    gate, profile = TimedGate(prepared, suite), suite.profile

    @declared(
        version=VERSION,
        param_names=list(PARAMETERS),
        params=[list(suite.kernels), list(suite.sizes), list(profile.dtypes_of(operation)), list(suite.threads)],
        skip_params=gate,
        timer=gate.clock,
        sample_time=profile.limits.sample_ns * 1e-9,
        repeat=(LEAST_SAMPLES, profile.limits.rounds, profile.budget_s),
        rounds=profile.processes,
        timeout=profile.timeout_s,
    )
    def benchmark(*_: object) -> None:
        gate.call()

    benchmark.__name__ = benchmark.__qualname__ = f"time_{operation}"
    benchmark.__doc__ = f"Time of one {OPERATIONS[operation].formula}: {OPERATIONS[operation].title}."
    return benchmark


vars().update({f"time_{operation}": _timed(operation) for operation in SUITE.profile.operations})
