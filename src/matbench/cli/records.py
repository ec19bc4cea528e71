"""``matbench records``: what is in a results folder, listed and filtered without reading a sample."""

from __future__ import annotations

from pathlib import Path

import msgspec

from matbench.analyse.compare_facts import cpus_of
from matbench.cli import console
from matbench.errors import RecordError, UsageError
from matbench.model import Header
from matbench.present.tables import render_markdown
from matbench.record.files import printable
from matbench.record.listing import Listed, Wanted, chosen, everything, list_files

__all__ = ["list_stored"]

COLUMNS = ("record", "machine", "processor", "CPUs", "begun", "what", "cases", "state")
MOST_WARNINGS = 5


def list_stored(results: Path, wanted: Wanted, *, as_json: bool) -> int:
    """Print the runs and comparisons of a results folder that are wanted, oldest first."""
    listed, refused = list_files(everything(results))
    for each in refused[:MOST_WARNINGS]:
        console.warn(each)
    if len(refused) > MOST_WARNINGS:
        console.warn(f"{len(refused) - MOST_WARNINGS} more files can't be read; matbench validate names them")
    if not listed:
        raise RecordError(f"there is no record under {printable(results)}; run `matbench run` first")
    found = chosen(listed, wanted)
    if not found:
        machines = len({each.header.machine for each in listed})
        raise UsageError(f"none of {len(listed)} records of {machines} machines is like that; ask for less")
    if as_json:
        objects = [_object(each, results) for each in found]
        console.data(msgspec.json.format(msgspec.json.encode(objects), indent=1).decode())
        return 0
    console.data(render_markdown(COLUMNS, [_row(each) for each in found]))
    console.hint(f"{len(found)} of {len(listed)}; look at one: matbench show {found[-1].path.stem}")
    return 0


def _what(each: Listed) -> str:
    """The preset of a run, or what was compared."""
    header = each.header
    if isinstance(header, Header):
        return header.plan.preset
    return ", ".join(dict.fromkeys(f"{cell.a} / {cell.b}" for cell in header.cells))


def _row(each: Listed) -> list[str]:
    header = each.header
    return [
        header.id,
        header.machine,
        header.host.cpu.brand,
        cpus_of(header),
        header.created[:16].replace("T", " "),
        _what(each),
        str(each.cases),
        "complete" if each.end else "not complete",
    ]


def _object(each: Listed, results: Path) -> dict[str, object]:
    header = each.header
    is_run = isinstance(header, Header)
    return {
        "id": header.id,
        "kind": "run" if is_run else "comparison",
        "machine": header.machine,
        "created": header.created,
        "what": _what(each),
        "cases": each.cases,
        "complete": each.end is not None,
        "kernels": each.kernels,
        "cpu": header.host.cpu.brand,
        "microarchitecture": header.host.cpu.microarchitecture,
        "logical_cpus": header.host.logical_cpus,
        "hypervisor": header.host.hypervisor,
        "hw_id": header.host.hw_id,
        "host_id": header.host.host_id,
        "python": header.environment.python,
        "packages": header.environment.packages,
        "path": each.path.relative_to(results).as_posix(),
        "bytes": each.size_bytes,
    }
