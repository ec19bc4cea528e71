"""Attributions that are kept among results: which there are, and which is of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matbench.analyse.attribution import Attribution, attributions, nearest
from matbench.errors import RecordError
from matbench.model import Dtype, Record
from matbench.record.host import read_host
from matbench.record.store import find_records, read_record
from matbench.record.tree import ATTRIBUTION

__all__ = ["FOLDER", "kept_records", "own_attribution"]

FOLDER = ATTRIBUTION
ABOVE = 3  # folders above a notebook's own in which the results may lie beside it


def kept_records(results: Path, tell: Callable[[str], None] | None = None) -> tuple[Record, ...]:
    """All records of attributions, oldest first.

    Parameters
    ----------
    results
        The folder of all results.
    tell
        What is told of those that can't be read and are left out.
    """
    found = []
    for path in find_records(results / FOLDER):
        try:
            found.append(read_record(path))
        except RecordError as error:
            if tell is not None:
                tell(str(error))
    return tuple(found)


def own_attribution(n: int = 1024, dtype: Dtype = "float64", *, beside: Path | None = None) -> Attribution | None:
    """What each idea is worth on this machine, as ``matbench explain --attribution`` has measured it; nothing is timed.

    Parameters
    ----------
    n
        The size that is wanted; of those that are kept the nearest is taken.
    dtype
        Element type.
    beside
        A folder that has the results in it, or one of the folders above it has; the present one by default.

    Returns
    -------
    Attribution or None
        None where none is kept.
    """
    start, own = (beside or Path()).resolve(), read_host().host_id
    for folder in (start, *start.parents[:ABOVE]):
        found = nearest(attributions(kept_records(folder / "results")), own, dtype, n)
        if found is not None:
            return found
    return None
