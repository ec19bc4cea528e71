"""C = A B under asv: every kernel of the registry against size, element type and threads.

The grid comes from the environment variable MATBENCH_PROFILE: small, standard (the default) or full. A case that is
skipped says why under ``asv run --show-stderr``.
"""

from __future__ import annotations

from benchmarks import SUITE, Gate, TimedGate, declared
from matbench.analyse.statistics import call_seconds, median_interval
from matbench.measure.prepare import LEAST_SAMPLES, prepared, runnable
from matbench.record.asv_format import PARAMETERS, UNIT, VERSION

_NAMES = list(PARAMETERS)
_KERNELS, _DTYPES, _THREADS = list(SUITE.kernels), list(SUITE.profile.dtypes), list(SUITE.threads)
_PROFILE = SUITE.profile

_TIMED, _RATED, _WEIGHED = TimedGate(prepared), Gate(prepared), Gate(runnable)


@declared(
    version=VERSION,
    param_names=_NAMES,
    params=[_KERNELS, list(SUITE.sizes), _DTYPES, _THREADS],
    skip_params=_TIMED,
    timer=_TIMED.clock,
    sample_time=_PROFILE.limits.sample_ns * 1e-9,
    repeat=(LEAST_SAMPLES, _PROFILE.limits.rounds, _PROFILE.budget_s),
    rounds=_PROFILE.processes,
    timeout=_PROFILE.timeout_s,
)
def time_matmul(*_: object) -> None:
    """Time of one product; compilation is not part of it, packing and allocation are."""
    _TIMED.call()


@declared(
    version=VERSION,
    unit=UNIT,
    param_names=_NAMES,
    params=[_KERNELS, [SUITE.sizes[-1]], _DTYPES, _THREADS],
    skip_params=_RATED,
    timeout=_PROFILE.timeout_s,
)
def track_gflops(*_: object) -> float:
    """2 m n k over the median time of one product, at the largest size of the profile.

    Taken by matbench's own sampler, as asv can't derive one benchmark from another; to four digits, as asv prints all.
    """
    seconds = median_interval(call_seconds(_RATED.ready.sampled(_PROFILE))).estimate
    return float(f"{_RATED.ready.case.problem.flops / seconds * 1e-9:.4g}")


@declared(
    version="1",
    param_names=_NAMES,
    params=[_KERNELS, [SUITE.common_size], _DTYPES[:1], [1]],
    skip_params=_WEIGHED,
    timeout=_PROFILE.timeout_s,
)
def peakmem_matmul(*_: object) -> None:
    """Peak memory of a process that computes one product: interpreter, libraries, compiler and operands included."""
    _WEIGHED.call()


@declared(
    version="1",
    param_names=["module"],
    params=[["numpy", "matbench", "matbench.record", "matbench.present", "matbench.kernels", "matbench.cli"]],
    repeat=(3, 5, 5.0),
    rounds=1,
    warmup_time=0.0,
)
def timeraw_import(module: str) -> str:
    """Time to import a part of the package in a fresh process; NumPy alone is there for comparison."""
    return f"import {module}"
