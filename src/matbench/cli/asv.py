"""asv from the command line: a record filed among asv's results, when it is asked for and after every run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from matbench.analyse.rows import Table
from matbench.cli import console
from matbench.errors import MatbenchError, UsageError
from matbench.model import Record
from matbench.record.asv_project import Project, find_settings, holds_suite, read_project
from matbench.record.asv_writing import Filed, write_asv
from matbench.units import format_rate

__all__ = ["file_for_asv", "share_with_asv"]


def file_for_asv(record: Record, table: Table, results: Path, folder: Path | None) -> int:
    """Write a record among asv's results, those of the project in or above the results folder, else the current one.

    Parameters
    ----------
    record, table
        What was measured, and its derived figures.
    results
        Folder of our results.
    folder
        Folder of asv's results; by default the one that the project's settings name.

    Raises
    ------
    MatbenchError
        If there is no such project, or the record can't be filed there.
    """
    settings = find_settings(results) or find_settings(Path())
    if settings is None:
        raise UsageError("there is no asv.conf.json here or in a folder above; repeat it in a clone of the project")
    project = read_project(settings)
    if folder is not None:
        project = dataclasses.replace(project, results=folder.absolute())
    filed = _filed(record, table, project)
    for each in filed.left_out:
        console.note(f"left out, for asv has no place for it: {each}")
    if filed.changed:
        console.warn(filed.changed)
    console.data(_shown(filed.path))
    commit = filed.commit[:8]
    console.hint(f"look at it: asv show {commit} --machine {record.header.machine} | asv publish | asv preview")
    return 0


def share_with_asv(record: Record, table: Table, results: Path) -> None:
    """After a run, file its record among asv's results too, if the results folder lies in a checkout of our suite.

    Never fails: where there is a checkout but the record can't be filed, one dim line says why.
    """
    settings = find_settings(results)
    if settings is None or not holds_suite(settings):
        return
    try:
        project = read_project(settings)
        filed = _filed(record, table, project)
        console.note(f"asv:     {_shown(filed.path)}")
        if filed.changed:
            console.hint(f"asv: {filed.changed}")
    except MatbenchError as error:
        console.hint(f"not filed for asv: {error}")


def _filed(record: Record, table: Table, project: Project) -> Filed:
    peaks = {f"peak {key}": f"{format_rate(each.estimate)} GFLOP/s" for key, each in sorted(table.peaks.items())}
    return write_asv(record, project, peaks)


def _shown(path: Path) -> str:
    """`path` from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
