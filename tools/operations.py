"""Write the generated parts of docs/operations.md and its picture anew; ``--check`` only tells whether they are old.

The table of operations comes from `matbench.operations`; what they reach comes from the newest complete record under
results/ that has all of them: ``matbench run --operations '*'``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from readme import filled, source
from repository import ROOT

from matbench.analyse.ladder import operations_of, tabulate
from matbench.analyse.rows import Table
from matbench.model import Record
from matbench.operations import OPERATIONS
from matbench.present import figures
from matbench.present.choose import headline_problem
from matbench.present.operations import contrast, operations_table
from matbench.present.operations_roof import alt_operations, draw_operations, finding_operations
from matbench.record.store import find_records, read_record, write_bytes, write_text

DOCUMENT = ROOT / "docs" / "operations.md"
PICTURES = ROOT / "results" / "figures" / "operations"
NO_RECORD = "No record of all operations is kept yet; `matbench run --operations '*'` makes one."


def newest(results: Path = ROOT / "results") -> Record | None:
    """The newest complete record in which every operation was measured, or None."""
    for path in reversed(find_records(results)):
        record = read_record(path)
        if record.is_complete and set(operations_of(record)) >= set(OPERATIONS) and all(map(told, tables_of(record))):
            return record
    return None


def told(table: Table) -> bool:
    """Whether anything was measured of a table's operation."""
    return headline_problem(table) is not None


def tables_of(record: Record | None) -> tuple[Table, ...]:
    """The table of every operation; none without a record."""
    return () if record is None else tuple(tabulate(record, None, each) for each in operations_of(record))


def digest(tables: tuple[Table, ...]) -> str:
    """What the picture is told to be of."""
    return figures.digest(*tables)


def pictures(tables: tuple[Table, ...]) -> dict[str, bytes]:
    """File name -> image, for light and dark pages."""
    if not tables:
        return {}
    alt = alt_operations(tables)
    return {
        f"roof{'-dark' if dark else ''}.png": figures.render(
            draw_operations(tables, dark=dark), "png", title="All operations", description=alt, digest=digest(tables)
        )
        for dark in (False, True)
    }


def measured(record: Record | None, tables: tuple[Table, ...]) -> str:
    """The operations beside each other, as a table and as a picture, with their source."""
    if record is None:
        return NO_RECORD
    alt = alt_operations(tables).replace('"', "'")
    folder = f"../{PICTURES.relative_to(ROOT).as_posix()}"
    picture = (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" srcset="{folder}/roof-dark.png">\n'
        f'<img src="{folder}/roof.png" width="900" alt="{alt}">\n</picture>'
    )
    table = contrast(tables).partition("\n\n")[2]  # without its heading, which the document has
    return "\n\n".join([table, picture, finding_operations(tables), f"{source(record.header)}."])


def main() -> int:
    """Write, or with ``--check`` tell."""
    record = newest()
    tables = tables_of(record)
    text = DOCUMENT.read_text(encoding="utf-8")
    made = filled(text, {"operations": operations_table(), "measured": measured(record, tables)})
    if "--check" in sys.argv[1:]:
        paths = [PICTURES / f"roof{theme}.png" for theme in ("", "-dark")] if tables else []
        current = all(path.is_file() and figures.digest_of(path.read_bytes()) == digest(tables) for path in paths)
        if made == text and current:
            return 0
        print("out of date: docs/operations.md or its picture; run make readme")
        return 1
    for name, image in pictures(tables).items():
        write_bytes(PICTURES / name, image)
    write_text(DOCUMENT, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
