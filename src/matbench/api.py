"""The public functions that join several stages; ``matbench.<name>`` is how they are reached."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Table
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.plan import Planned, Request, make_plan
from matbench.measure.session import Session
from matbench.model import Ceiling, Header, Measurement, Record
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.host import machine_label, safe_label
from matbench.record.names import new_record_id
from matbench.record.reading import merge_ceilings, merge_measurements
from matbench.record.store import read_record

__all__ = ["get", "load", "new_header", "quick"]

SHORTEST_S = 4.0  # s, a shorter budget is gone before anything is measured


def new_header(planned: Planned, registry: Registry, machine: Machine, label: str | None = None) -> Header:
    """The first line of a new record.

    Parameters
    ----------
    planned
        What is to be measured.
    registry
        Whose kernels the record describes.
    machine
        Where it is measured.
    label
        The machine's name in the record; made up from what it is by default.

    Raises
    ------
    UsageError
        If `label` can't name a folder everywhere.
    """
    now = datetime.now(UTC)
    return Header(
        id=new_record_id(now, secrets.token_hex(3)),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=safe_label(label) if label else machine_label(machine.host),
        host=machine.host,
        environment=machine.environment,
        conditions=machine.conditions,
        plan=planned.plan,
        kernels=tuple(each.card for each in registry),
    )


def get(name: str) -> Kernel:
    """The kernel of that name: callable as ``(a, b)`` or ``(a, b, out)``.

    ``blas_<library>`` is found among the BLAS libraries that this process has loaded.

    Raises
    ------
    UsageError
        If there is none; the sentence suggests the nearest name.

    Examples
    --------
    >>> import numpy as np
    >>> get("numpy_outer")(np.eye(2), np.ones((2, 2)))
    array([[1., 1.],
           [1., 1.]])
    """
    registry = Registry(default_registry())
    if name not in registry.names:
        add_blas_kernels(registry)
    return registry.get(name)


def load(path: str | os.PathLike[str]) -> Record:
    """A record as it was measured.

    Parameters
    ----------
    path
        Of a record file.

    Raises
    ------
    RecordError
        If it is none; the sentence says why.
    """
    return read_record(Path(path))


def quick(n: int = 128, kernels: str = "*", *, threads: Sequence[int] | None = None, budget_s: float = 10.0) -> Table:
    """Measure the ladder at one size, here and now; nothing is stored.

    Parameters
    ----------
    n
        Size of the square float64 matrices.
    kernels
        Names or globs, comma-separated.
    threads
        Thread counts; one and all processors by default.
    budget_s
        Time it may take, s. What does not fit is skipped by name.

    Returns
    -------
    Table
        One row a kernel and thread count.

    Raises
    ------
    UsageError
        If `kernels` names none, `n` is no size, the budget is too short, or another matbench is measuring.
    """
    start_ns = time.perf_counter_ns()
    if budget_s < SHORTEST_S:
        raise UsageError(f"a budget of {budget_s} s is gone before anything is measured; give at least {SHORTEST_S}")
    registry = Registry(default_registry())
    machine = Machine()
    add_blas_kernels(registry)
    asked = Request("quick", kernels, str(n), threads=tuple(threads) if threads else None, budget_s=budget_s)
    planned = make_plan(asked, registry, machine.processors)
    session = Session(
        plan=planned.plan,
        blocks=planned.plan.blocks,
        caches=machine.host.caches,
        memory_bytes=machine.memory_bytes,
        deadline_ns=start_ns + int(budget_s * 1e9),
        threads=machine.processors,
    )
    with alone():
        events = list(session.run())
    record = Record(
        header=new_header(planned, registry, machine),
        ceilings=merge_ceilings(each for each in events if isinstance(each, Ceiling)),
        measurements=merge_measurements(
            (*planned.skipped, *(each for each in events if isinstance(each, Measurement)))
        ),
    )
    return tabulate(record)
