"""A comparison of runs for programs: one object, or one row a cell and run as comma-separated values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from matbench.analyse.shares import KINDS
from matbench.present.machines.told import limit_text, mixed_text
from matbench.present.tables import csv_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matbench.analyse.compare_cells import Array
    from matbench.analyse.compare_runs import Run
    from matbench.analyse.machines import Axis, Comparison
    from matbench.analyse.rows import Interval

__all__ = ["JUDGED", "SCHEMA", "comparison_csv", "comparison_object"]

SCHEMA = 1  # version of the object
JUDGED = 20  # runs up to which every cell gets its word: among more, no single cell is what is asked about
_BOUNDS = ("estimate", "low", "high")
_BESIDE = np.array([*KINDS, None], dtype=object)  # by their places; the last, -1, where there is no share

CSV_COLUMNS = (
    *("run", "record", "machine", "kernel", "operation", "m", "n", "k", "dtype", "layout", "threads"),
    *("time_s", "time_low_s", "time_high_s", "rate_flop_per_s", "peak_fraction"),
    *("base", "ratio", "ratio_low", "ratio_high", "verdict"),
    "peak_beside",
)


def comparison_object(found: Comparison, axis: Axis = "kernel") -> dict[str, object]:
    """The comparison as builtin types, ready for any JSON encoder; what has no value is None.

    Returns
    -------
    dict
        ``schema``, ``base`` (the name of the run that ratios are told over), ``runs``, ``differences``, ``remarks``,
        ``set_aside``, ``means`` (over all common cells, and by `axis`), ``cells`` (whose lists have one entry a run, in
        the order of ``runs``) and ``excluded``. A ratio is the time of the base over the time of the run: above 1 the
        run is faster; its bounds hold the drift, a logarithm. ``peak_beside`` is what chains a ``peak_fraction`` is
        over, as `Share` has it.
    """
    return {
        "schema": SCHEMA,
        "base": found.runs[found.base].name,
        "by": axis,
        "runs": [_run(found, place) for place in range(len(found.runs))],
        "differences": [{"group": fact.group, "what": fact.name, "values": list(fact.values)} for fact in found.facts],
        "remarks": [*filter(None, [limit_text(found), mixed_text(found)]), *found.remarks],
        "set_aside": [{"run": name, "reason": reason} for name, reason in found.aside],
        "means": [*_means(found, None), *_means(found, axis)],
        "cells": list(_cells(found)),
        "excluded": [
            {
                **_coordinates(each.cell),
                "lacking": [found.runs[place].name for place in each.lacking],
                "reason": each.reason,
            }
            for each in found.excluded
        ],
    }


def _coordinates(cell: object) -> dict[str, object]:
    fields = ("kernel", "operation", "m", "n", "k", "dtype", "layout", "threads")
    return {name: getattr(cell, name) for name in fields}


def _run(found: Comparison, place: int) -> dict[str, object]:
    run: Run = found.runs[place]
    header, drifts = run.header, found.drifts[place]
    return {
        "name": run.name,
        "record": header.id,
        "machine": header.machine,
        "created": header.created,
        "command": header.plan.command,
        "synthetic": run.is_synthetic,
        "complete": run.end is not None,
        "host": msgspec.to_builtins(header.host),
        "environment": msgspec.to_builtins(header.environment),
        "conditions": msgspec.to_builtins(header.conditions),
        "peaks_flop_per_s": run.peaks,
        "flags": list(run.flags),
        "doubt": run.doubt,
        "drifts": [
            {"threads": threads, "size": drift.size, "reason": drift.reason}
            for threads, drift in drifts.items()
            if place != found.base
        ],
    }


def _means(found: Comparison, axis: Axis | None) -> Iterator[dict[str, object]]:
    for group in found.groups(axis):
        cell = found.cells[group.places[0]]
        for place, run in enumerate(found.runs):
            mean = found.mean(place, group)
            yield {
                "run": run.name,
                "operation": cell.operation,
                "dtype": cell.dtype,
                "by": axis,
                "of": group.label or None,
                "cells": mean.cells,
                "ratio": _bounds(mean.ratio),
                "peak_fraction": mean.share,
                "verdict": None if place == found.base else mean.word,
            }


def _cells(found: Comparison) -> Iterator[dict[str, object]]:
    """The common cells; each list has one entry a run, in the order of ``runs``."""
    for place, cell in enumerate(found.cells):
        times, ratios = (_plain(each[:, :, place].T) for each in (found.seconds, found.ratios))
        yield {
            **_coordinates(cell),
            "seconds": dict(zip(_BOUNDS, times, strict=True)),
            "gflops": _plain(found.rates[:, place] / 1e9),
            "peak_fraction": _plain(found.shares[:, place]),
            "peak_beside": _BESIDE[found.besides[:, place]].tolist(),
            "ratio": dict(zip(_BOUNDS, ratios, strict=True)),
            "verdict": _words(found, place),
        }


def _plain(values: Array) -> Any:
    """Nested lists with None for NaN."""
    unknown = np.isnan(values)
    if not unknown.any():
        return values.tolist()
    plain = values.astype(object)
    plain[unknown] = None
    return plain.tolist()


def _word(found: Comparison, run: int, place: int) -> str | None:
    return None if run == found.base or len(found.runs) > JUDGED else found.word(run, place)


def _words(found: Comparison, place: int) -> list[str | None]:
    runs = len(found.runs)
    return [None] * runs if runs > JUDGED else [_word(found, run, place) for run in range(runs)]


def _bounds(value: Interval) -> dict[str, float | None]:
    return {"estimate": value.estimate, "low": value.low, "high": value.high}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def comparison_csv(found: Comparison) -> str:
    """Every common cell of every run, SI units in the column names, empty where unknown; no verdicts of many runs."""
    return csv_text(CSV_COLUMNS, _rows(found))


def _rows(found: Comparison) -> Iterator[tuple[object, ...]]:
    base = found.runs[found.base].name
    for place, cell in enumerate(found.cells):
        for each, run in enumerate(found.runs):
            time, ratio = found.time(each, place), found.ratio(each, place)
            yield (
                *(run.name, run.header.id, run.header.machine),
                *_coordinates(cell).values(),
                *(time.estimate, time.low, time.high),
                *(_finite(float(found.rates[each, place])), _finite(float(found.shares[each, place]))),
                *(base, ratio.estimate, ratio.low, ratio.high, _word(found, each, place)),
                _BESIDE[found.besides[each, place]],
            )
