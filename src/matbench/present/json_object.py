"""A run as the one object that ``matbench run --json`` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from matbench.analyse.rows import Interval, Row, Share, SpeedUp, Table
    from matbench.model import Header

__all__ = ["row_object", "run_object"]


def run_object(record_header: Header, *tables: Table) -> dict[str, object]:
    """The run as builtin types, ready for any JSON encoder; what has no value is None.

    Parameters
    ----------
    record_header
        Says what the machine and its software are.
    *tables
        The derived figures, one row a case: a table an operation.

    Returns
    -------
    dict
        ``schema``, ``host``, ``environment`` and ``measurements``. In each measurement ``seconds`` is the time of one
        call in s, ``gflops`` its rate and ``gbytes_per_s`` that of operations told in bytes; ``extrapolated`` is
        true where any of its figures rests on a prediction: its own time, or the time of the base that its speed-up is
        told over. ``peak_fraction`` is the estimate of ``peak_share``, whose ``beside`` says what it is over: the
        chain of the same ``round``, the middle one of the same ``process``, or the fastest one of the ``run``.
    """
    return {
        "schema": record_header.schema,
        "host": _plain(record_header.host),
        "environment": _plain(record_header.environment),
        "measurements": [row_object(row) for table in tables for row in table.rows],
    }


def row_object(row: Row) -> dict[str, object]:
    """One measurement of that object."""
    problem, speedup, share = row.case.problem, row.speedup, row.peak_share
    return {
        "kernel": row.case.kernel,
        "m": problem.m,
        "n": problem.n,
        "k": problem.k,
        "dtype": problem.dtype,
        "threads": row.case.threads,
        "seconds": None if row.seconds is None else _bounds(row.seconds),
        "gflops": None if row.rate is None else _finite(row.rate.estimate / 1e9),
        "peak_fraction": _finite(row.peak_fraction),
        "speedup": None if speedup is None else {"base": speedup.base, **_bounds(speedup)},
        "extrapolated": row.extrapolated or (speedup is not None and speedup.extrapolated),
        "skipped": row.skipped,
        "operation": problem.operation,
        "gbytes_per_s": None if row.traffic is None else _finite(row.traffic.estimate / 1e9),
        "bandwidth_fraction": _finite(row.bandwidth_fraction),
        "peak_share": None if share is None else {**_bounds(share), "beside": share.beside},
    }


def _bounds(value: Interval | SpeedUp | Share) -> dict[str, float | None]:
    return {"estimate": _finite(value.estimate), "low": _finite(value.low), "high": _finite(value.high)}


def _finite(value: float | None) -> float | None:
    """`value`, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None


def _plain(value: object) -> object:
    """`value` as builtin types with every field present: `msgspec.to_builtins` would leave out the defaults."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return _finite(value) if isinstance(value, float) else value
