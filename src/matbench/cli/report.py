"""``matbench report``: records as one page, and the page that a run leaves beside its figures."""

from __future__ import annotations

import shlex
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matbench.cli import console
from matbench.cli.credits import kept
from matbench.cli.operations import tables_of
from matbench.cli.reading import chosen_dtype, figure_folder, load_table
from matbench.errors import UsageError
from matbench.record.islands import island
from matbench.record.remembered import remembered
from matbench.record.store import write_text

if TYPE_CHECKING:
    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table
    from matbench.model import Record

__all__ = ["NAME", "report_records", "write_report"]

NAME = "report.html"
MOST = 50  # records on a page: a browser has to hold them


def write_report(
    loaded: Sequence[tuple[Record, Table]],
    path: Path,
    dtype: str | None = None,
    base: str | None = None,
    *,
    attributions: Sequence[Attribution] = (),
) -> None:
    """Write the page that tells of one or more records, with credit for the ideas where `attributions` have it.

    Raises
    ------
    UsageError
        If one of them has nothing in `dtype`.
    RecordError
        If it can't be written.
    """
    from matbench.present.report.assembly import Part, report_page  # Matplotlib takes half a second to import

    parts = [
        Part(record, tables_of(record, table, base), chosen_dtype(table, dtype), island(record), tuple(attributions))
        for record, table in loaded
    ]
    write_text(path, report_page(parts, path.name, remembered))


def report_records(
    arguments: Sequence[str],
    results: Path,
    *,
    target: Path | None,
    dtype: str | None,
    base: str | None,
    show: bool,
) -> int:
    """Write the page and tell where it is; open it in the reader's browser if that is wanted."""
    if target is not None and target.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(f"{target.name or str(target)!r} is no name of a page; give one that ends in .html")
    if len(arguments) > MOST:
        raise UsageError(f"{len(arguments)} records are more than a page can hold; name at most {MOST}")
    loaded = [load_table(each, results, base) for each in arguments or (None,)]
    path = target or _place(results, [record for record, _ in loaded])
    write_report(loaded, path, dtype, base, attributions=kept(results))
    console.data(str(path))
    if show and not webbrowser.open_new_tab(path.resolve().as_uri()):
        console.warn(f"no browser could be started; open {path} in one")
    console.hint(f"the page holds the raw samples: matbench import {shlex.quote(path.name)} takes them in elsewhere")
    return 0


def _place(results: Path, records: Sequence[Record]) -> Path:
    """Where a page goes by default: beside the figures of its record, that of several beside all figures."""
    return (figure_folder(results, records[0].header) if len(records) == 1 else results / "figures") / NAME
