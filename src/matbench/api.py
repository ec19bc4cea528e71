"""The public functions that join several stages; ``matbench.<name>`` is how they are reached."""

from __future__ import annotations

import os
import secrets
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Table
from matbench.blocks import with_kept_blocks
from matbench.errors import IncompleteError, UsageError
from matbench.kernels import Kernel, Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.plan import Planned, Request, cases_of, make_plan
from matbench.measure.session import Session
from matbench.model import Case, Ceiling, Header, Measurement, Record
from matbench.operations import OPERATIONS, PRODUCT, select_operations
from matbench.paired import pair
from matbench.present.choose import headline_problem
from matbench.present.left_out import skipped_list
from matbench.present.tables import ladder_table
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.host import machine_label, safe_label
from matbench.record.names import new_record_id
from matbench.record.reading import merge_ceilings, merge_measurements
from matbench.record.store import read_record

__all__ = ["get", "load", "measured_record", "new_header", "pair", "quick"]

SHORTEST_S = 4.0  # s, a shorter budget is gone before anything is measured


class QuickTable(Table, frozen=True):
    """A table of one size that a prompt or a notebook shows as ``matbench show`` does, and not row by row."""

    def __str__(self) -> str:
        timed = (row.case.problem for row in self.rows if row.seconds is not None)
        problem = headline_problem(self) or next(timed, None)
        parts = ["Nothing was measured." if problem is None else ladder_table(self, problem, narrow=True)]
        left_out = skipped_list(self)
        return "\n\n".join([*parts, *([f"Left out:\n\n{left_out}"] if left_out else [])])

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        """How a notebook shows it."""
        return str(self)


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
    measured = {block.problem.operation for block in planned.plan.blocks}
    now = datetime.now(UTC)
    return Header(
        id=new_record_id(now, secrets.token_hex(3)),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=safe_label(label) if label else machine_label(machine.host),
        host=machine.host,
        environment=machine.environment,
        conditions=machine.conditions,
        plan=planned.plan,
        kernels=tuple(each.card for each in registry if each.operation in measured),
    )


def measured_record(session: Session, header: Header, skipped: Sequence[Measurement] = ()) -> Record:
    """What a session measures, kept in memory: of one that ends early what it has, with a warning of what is missing.

    Parameters
    ----------
    session
        What is to be measured; it is run here.
    header
        Of the record.
    skipped
        What was left out of the plan.

    Raises
    ------
    IncompleteError
        If it ends before anything is measured.
    BusyError
        If another matbench is measuring.

    Warns
    -----
    RuntimeWarning
        If it ends early, on behalf of whoever called the caller.
    """
    measured: list[Measurement] = [*skipped]
    ceilings: list[Ceiling] = []
    reason = None
    with alone():
        try:
            for event in session.run():
                if isinstance(event, Measurement):
                    measured.append(event)
                elif isinstance(event, Ceiling):
                    ceilings.append(event)
        except IncompleteError as error:
            reason = f"the run {error}"
    told = merge_measurements(measured)
    if reason is not None:
        if not any(len(each.samples) for each in told):
            raise IncompleteError(reason)
        known = {each.case for each in told}
        missing = [case for block in session.blocks for case in cases_of(block) if case not in known]
        warnings.warn(f"{reason}; {_rest_text(session, told, missing)}", RuntimeWarning, stacklevel=3)
        told += tuple(Measurement(case, "skipped", "the run ended before it was measured") for case in missing)
    return Record(header=header, ceilings=merge_ceilings(ceilings), measurements=told)


def _rest_text(session: Session, told: Sequence[Measurement], missing: Sequence[Case]) -> str:
    """What a session that ended early has, and what is missing, in words."""
    counts = {len({*each.samples.process}) for each in told if len(each.samples)}
    have = " to ".join(map(str, sorted({min(counts), max(counts)})))
    rest = "fewer rounds than planned" if session.processes == 1 else f"{have} of {session.processes} processes"
    names = [case.kernel if case.threads == 1 else f"{case.kernel}/{case.threads}" for case in missing]
    return f"what is told rests on {rest}" + (f", and nothing is known of {', '.join(names)}" if names else "")


def get(name: str) -> Kernel:
    """The kernel of that name: callable as ``(a, b)`` or ``(a, b, out)``, or with the operands of its operation.

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
    every = default_registry(*OPERATIONS)
    if name in every.names:
        return every.get(name)
    registry = Registry(default_registry())
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


def quick(
    n: int = 128,
    kernels: str = "*",
    *,
    operation: str = PRODUCT,
    threads: Sequence[int] | None = None,
    budget_s: float = 10.0,
) -> Table:
    """Measure one ladder at one size, here and now; nothing is stored.

    Parameters
    ----------
    n
        Size of the square float64 matrices.
    kernels
        Names or globs, comma-separated.
    operation
        What is measured: the product, or matvec, inverse and so on.
    threads
        Thread counts; one and all processors by default.
    budget_s
        Time it may take, s. What does not fit is skipped by name.

    Returns
    -------
    Table
        One row a kernel and thread count; at a prompt it is shown as text.

    Raises
    ------
    UsageError
        If `kernels` names none, there is no such operation, `n` is no size, the budget is too short, or another
        matbench is measuring.
    IncompleteError
        If it ends before anything is measured.

    Warns
    -----
    RuntimeWarning
        If it ends early; the warning names what is missing.
    """
    start_ns = time.perf_counter_ns()
    if budget_s < SHORTEST_S:
        raise UsageError(f"a budget of {budget_s} s is gone before anything is measured; give at least {SHORTEST_S}")
    chosen = select_operations(operation)
    if len(chosen) > 1:
        raise UsageError(f"{operation!r} is more than one operation; measure one at a time")
    registry = Registry(default_registry(*chosen))
    machine = Machine()
    if PRODUCT in chosen:
        add_blas_kernels(registry)
    counts = tuple(threads) if threads else None
    asked = Request("quick", kernels, str(n), threads=counts, budget_s=budget_s, operations=chosen)
    planned = make_plan(asked, registry, machine.processors)
    registry = with_kept_blocks(registry, machine, {name for block in planned.plan.blocks for name, _ in block.arms})
    session = Session(
        plan=planned.plan,
        blocks=planned.plan.blocks,
        caches=machine.host.caches,
        memory_bytes=machine.memory_bytes,
        deadline_ns=start_ns + int(budget_s * 1e9),
        threads=machine.processors,
        tuned=machine.tuned,
    )
    table = tabulate(measured_record(session, new_header(planned, registry, machine), planned.skipped))
    return QuickTable(**msgspec.structs.asdict(table))
