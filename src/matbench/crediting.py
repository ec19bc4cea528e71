"""Which idea made it fast, measured here and now: for those who ask from Python."""

from __future__ import annotations

import time

from matbench.analyse.attribution import Attribution, attribute
from matbench.api import measured_record, new_header
from matbench.errors import UsageError
from matbench.kernels.gemm.variants import variants
from matbench.measure.attribution import AttributionChild, attribution_plan, processes_of
from matbench.measure.plan import Planned
from matbench.measure.session import Session
from matbench.model import Dtype
from matbench.record.here import Machine

__all__ = ["SHORTEST_S", "attribution"]

SHORTEST_S = 45.0  # s, a shorter budget is gone before all combinations are compiled


def attribution(n: int = 64, dtype: Dtype = "float64", *, budget_s: float | None = None) -> Attribution:
    """The credit for each idea at one size, measured on this machine; nothing is stored.

    Parameters
    ----------
    n
        Size of the square matrices.
    dtype
        'float64' or 'float32'.
    budget_s
        Time it may take, s; by default what six processes take: about 40 s at n = 64, 2 min at 1024.

    Returns
    -------
    Attribution
        Without intervals where the time was too short for six rounds of all combinations.

    Raises
    ------
    UsageError
        If the budget is too short, `dtype` is none of the two, or another matbench is measuring.
    RecordError
        If not all combinations could be measured.
    IncompleteError
        If it ends before anything is measured.

    Warns
    -----
    RuntimeWarning
        If it ends early, which leaves fewer processes and wider intervals, or none; the warning names what is missing.
    """
    start_ns = time.perf_counter_ns()
    if budget_s is not None and budget_s < SHORTEST_S:
        raise UsageError(f"a budget of {budget_s} s is gone before everything is compiled; give at least {SHORTEST_S}")
    registry, machine = variants(), Machine()
    plan = attribution_plan(n, dtype, registry, machine.processors, budget_s=budget_s).plan
    session = Session(
        plan=plan,
        blocks=plan.blocks,
        caches=machine.host.caches,
        memory_bytes=machine.memory_bytes,
        deadline_ns=start_ns + int((budget_s or plan.budget_s) * 1e9),
        threads=machine.processors,
        child=AttributionChild,
        processes=processes_of(plan),
        ceilings=False,
    )
    return attribute(measured_record(session, new_header(Planned(plan, ()), registry, machine)))
