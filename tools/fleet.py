"""Write the results of many machines that do not exist, or measure how long matbench takes to read them.

    python tools/fleet.py FOLDER --machines 1000
    python tools/fleet.py --measure

All that is written is marked: labels begin with 'synthetic-', the preset is 'synthetic', the processors say so, and
the results of this repository are no place for it. What --measure finds is stored in results/scale/.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec
from repository import ROOT

from matbench.errors import MatbenchError, UsageError
from matbench.model import Value
from matbench.present.tables import render_markdown
from matbench.record.files import write_bytes, write_text
from matbench.record.here import Machine
from matbench.record.ids import machine_label
from matbench.record.names import new_record_id
from matbench.units import format_bytes, format_seconds

KEPT = ROOT / "results" / "scale"
COUNTS = (10, 100, 1000)  # machines
MEASUREMENTS = 500  # of each
MOST = 100_000  # machines
REPEATS = 3  # of every command; the first one finds the files in memory, for they have just been written
PROMISED, LIMIT_S, LIMIT_BYTES = 1000, 5.0, 2**30  # at so many machines a command takes no longer and holds no more


class Reading(Value, frozen=True):
    """One command on results of so many machines."""

    machines: int
    command: str  # without paths
    seconds: tuple[float, ...]  # wall time of each repetition, start of the interpreter included, s
    peak_bytes: int  # most memory that any one process of them held


class Growth(Value, frozen=True, kw_only=True):
    """How long the commands took, from few machines to many."""

    schema: int = 1
    created: str  # ISO 8601, UTC
    machine: str  # anonymous label of the machine that read them
    measurements: int  # of each synthetic machine
    bytes: dict[str, int]  # of all records, by the number of machines
    readings: tuple[Reading, ...]


def written(folder: Path, machines: int, measurements: int, seed: int) -> None:
    """Write the records of synthetic machines below a new results folder.

    Raises
    ------
    UsageError
        If it is in this repository's results, or there is something in it.
    """
    from fleet_records import records  # noqa: PLC0415  NumPy's memory would count for the commands that are measured

    from matbench.record.store import keep_record  # noqa: PLC0415

    if folder.resolve().is_relative_to(ROOT / "results"):
        raise UsageError("results/ is for machines that exist; name another folder")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"there is something in {folder.name} already; name a new folder")
    for record in records(machines, measurements, seed):
        keep_record(record, folder)


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """What is measured: its name, and its arguments."""
    where = ["--results", str(folder)]
    yield "records", ["records", *where]
    yield "records --json", ["records", "--json", *where]
    # A tenth of them, the first included.
    yield "records --machine 'synthetic-*0'", ["records", "--machine", "synthetic-*0", *where]
    yield "compare --format json", ["compare", str(folder), "--format", "json"]
    yield "compare --format html", ["compare", str(folder), "--format", "html", "-o", str(folder / "page.html")]


def timed(arguments: Sequence[str]) -> tuple[float, int]:
    """Wall time of one command, s, and the most memory that it or a process of its own held, bytes.

    Raises
    ------
    UsageError
        If it fails, or this system does not tell the memory.
    """
    if not hasattr(os, "wait4"):
        raise UsageError("this system does not tell how much memory a process held; measure on Linux or macOS")
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "matbench", *arguments], stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 1}:  # 1: there is a finding
            said.seek(0)
            raise UsageError(f"matbench {arguments[0]} fails: {said.read(300).strip()}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def growth(counts: Sequence[int], measurements: int, say: Callable[[str], None]) -> Growth:
    """Every command on results of each number of machines."""
    sizes: dict[str, int] = {}
    readings = []
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="matbench-fleet-") as made:
            folder = Path(made, "results")
            options = ["--machines", str(count), "--measurements", str(measurements)]
            subprocess.run([sys.executable, __file__, str(folder), *options], check=True)
            sizes[str(count)] = sum(path.stat().st_size for path in folder.rglob("*.jsonl"))
            say(f"{count} machines, {format_bytes(sizes[str(count)])}")
            for name, arguments in commands(folder):
                found = [timed(arguments) for _ in range(REPEATS)]
                reading = Reading(count, name, tuple(s for s, _ in found), max(held for _, held in found))
                readings.append(reading)
                say(f"  {name}: {format_seconds(median(reading.seconds))}, {format_bytes(reading.peak_bytes)}")
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    label = machine_label(Machine().host)
    return Growth(created=now, machine=label, measurements=measurements, bytes=sizes, readings=tuple(readings))


def kept(found: Growth) -> str:
    """Whether what was promised is so, a phrase."""
    there = [each for each in found.readings if each.machines == PROMISED]
    over = [each for each in there if median(each.seconds) > LIMIT_S or each.peak_bytes > LIMIT_BYTES]
    if not there:
        return "so many were not read here"
    if over:
        return f"more was taken by {', '.join(f'`{each.command}`' for each in over)}"
    return "no command took more"


def to_markdown(found: Growth) -> str:
    """The growth as a page."""
    names = list(dict.fromkeys(each.command for each in found.readings))
    counts = list(dict.fromkeys(each.machines for each in found.readings))
    cells = {(each.command, each.machines): each for each in found.readings}
    rows = []
    for name in names:
        of_name = [cells[name, count] for count in counts]
        rows.append([f"`{name}`", *(format_seconds(median(each.seconds)) for each in of_name)])
        rows[-1].append(format_bytes(max(each.peak_bytes for each in of_name)))
    columns = ["`matbench ..`", *(f"{count:,} machines" for count in counts), "most memory of a process"]
    read = ", ".join(f"{format_bytes(size)} for {int(count):,}" for count, size in found.bytes.items())
    return (
        f"# Reading many machines\n\nSynthetic machines with {found.measurements} measurements each ({read}), read on "
        f"{found.machine} on {found.created[:10]}; median wall time of {REPEATS} runs of each command, start of Python "
        f"included. Promised are {LIMIT_S:g} s and {format_bytes(LIMIT_BYTES)} at {PROMISED:,} machines: "
        f"{kept(found)}. Written by `python tools/fleet.py --measure`.\n\n"
        f"{render_markdown(columns, rows)}\n"
    )


def measured(counts: Sequence[int], measurements: int) -> Path:
    """Measure the growth and store it."""
    found = growth(counts, measurements, lambda text: print(text, file=sys.stderr))
    place = KEPT / new_record_id(datetime.fromisoformat(found.created), os.urandom(3).hex())
    write_bytes(place.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    write_text(place.with_suffix(".md"), to_markdown(found))
    return place.with_suffix(".md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where to write; it must not be there yet")
    parser.add_argument("--machines", default="", help="how many; with --measure a list, 10,100,1000 by default")
    parser.add_argument("--measurements", type=int, default=MEASUREMENTS, help="of each machine (500)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn at random")
    parser.add_argument("--measure", action="store_true", help="measure how the time to read them grows")
    asked = parser.parse_args(arguments)
    counts = [int(each) for each in asked.machines.split(",") if each.strip().isdecimal()] or list(COUNTS)
    if not all(0 < count <= MOST for count in counts) or not 0 < asked.measurements <= MEASUREMENTS:
        parser.error(f"give 1 to {MOST} machines and 1 to {MEASUREMENTS} measurements")
    if asked.measure:
        print(measured(counts, asked.measurements))
        return 0
    if asked.folder is None:
        parser.error("name a folder, or measure with --measure")
    written(asked.folder, counts[-1], asked.measurements, asked.seed)
    print(asked.folder)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)
