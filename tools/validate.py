"""Measure how far verdicts can be trusted, and write docs/trust.md's tables; what `make validate` calls.

Everything is kept under results/trust/: the simulation's counts, and the raw samples of every comparison, compressed.
Interrupted, it goes on where it stopped; what is complete is not measured again.
"""

from __future__ import annotations

import argparse
import lzma
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from others import HARNESSES, Other, Pair, cell_of, ours, pairs, taken
from repository import ROOT
from trust_pages import CHANGES, SIMULATED, Simulated, each_alone, write_page
from trust_plan import PARTS, Batch, batches, usual_parts

from matbench.analyse.pairs import enough, hopeless
from matbench.analyse.worlds import WORLDS, Harness, simulate
from matbench.errors import MatbenchError
from matbench.measure.order import orders
from matbench.measure.pairs import PairSession, PairsTold
from matbench.pairing import PairEnd, PairHeader, PairRecord
from matbench.record.alone import alone
from matbench.record.here import Machine
from matbench.record.host import machine_label, read_conditions
from matbench.record.journal import Journal, record_path
from matbench.record.pairs import pairs_from_lines, read_pairs
from matbench.record.pressure import read_pressure
from matbench.record.reading import PAIRS
from matbench.record.store import write_bytes
from matbench.units import format_seconds, parse_duration

RESULTS = ROOT / "results" / "trust"
CELL_S = 1.0  # of one comparison in one process, at most
OTHERS = "others.json"
PROCESS_S = 1.5  # start of a process
SAMPLED_S = 0.65  # of one comparison in one process, usually
SAME, CHANGED = 1000, 250  # simulated comparisons of a world: of identical code, and of a change in each direction


CHOICES = ("simulated", "tables", *PARTS, "others")  # 'tables': from what is there, measuring nothing


def note(text: str) -> None:
    """Say how it goes, beside the results."""
    print(text, file=sys.stderr, flush=True)


def simulated() -> tuple[Simulated, ...]:
    """Every world's counts."""
    harness = Harness(orders)
    found = []
    for number, (name, world) in enumerate(WORLDS.items()):
        note(f"simulating {number + 1} of {len(WORLDS)}: {name}")
        tallies = [simulate(harness, world, SAME, seed=number)]
        truths = [ratio for change in CHANGES for ratio in (1 + change / 100, 1 / (1 + change / 100))]
        tallies += [
            simulate(harness, world, CHANGED, truth, seed=100 * turn + number) for turn, truth in enumerate(truths, 1)
        ]
        found.append(Simulated(name, " ".join((world.__doc__ or "").split()), tuple(tallies)))
    return tuple(found)


def stored(results: Path) -> Iterator[PairRecord]:
    """All complete batches of all machines."""
    return (unpacked(path) for path in sorted(results.glob("*/*.jsonl.xz")))


def unpacked(path: Path) -> PairRecord:
    """A complete batch's record."""
    with lzma.open(path) as stream:
        return pairs_from_lines(stream, path.name)


def header_of(batch: Batch, machine: Machine) -> PairHeader:
    """What a batch's file begins with."""
    return PairHeader(
        id=batch.name,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=machine_label(machine.host),
        host=machine.host,
        environment=machine.environment,
        conditions=read_conditions(),
        command="make validate",
        seed=batch.cells[0].problem.seed,
        settings=batch.settings,
        cells=batch.cells,
    )


def measure(batch: Batch, machine: Machine, compiled: str, results: Path) -> Path:
    """A batch's comparisons, begun or gone on with, and compressed when they are complete."""
    header = header_of(batch, machine)
    path = record_path(results, header)
    so_far = read_pairs(path) if path.exists() else None
    if so_far is not None and so_far.header.cells != header.cells:
        path.unlink()  # of another version of the plan
        so_far = None
    session = PairSession(
        header=so_far.header if so_far is not None else header,
        sources=batch.sources,
        caches=machine.host.caches,
        memory_bytes=machine.memory_bytes,
        threads=max(cell.threads for cell in batch.cells),
        enough=enough,
        hopeless=hopeless,
        pressure=read_pressure,
        cell_s=CELL_S,
        compiled=compiled,
        so_far=so_far,
    )
    start = time.monotonic()
    with Journal.reopen(path, PAIRS) if so_far else Journal.create(results, header) as journal, batch.disturbed():
        for event in session.run():
            if isinstance(event, PairsTold):
                journal.append(*event.values)
        finished = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        journal.finish(PairEnd(finished, time.monotonic() - start, read_conditions(), session.libraries or ()))
    packed = kept_path(batch, machine, results)
    write_bytes(packed, lzma.compress(path.read_bytes()))
    path.unlink()
    return packed


def kept_path(batch: Batch, machine: Machine, results: Path) -> Path:
    """Where a complete batch lies."""
    return results / machine_label(machine.host) / f"{batch.name}.jsonl.xz"


def expected_s(batch: Batch) -> float:
    """Time that a batch takes where nothing disturbs."""
    return batch.settings.processes * (PROCESS_S + SAMPLED_S * len(batch.cells))


def measure_all(wanted: Sequence[Batch], budget_s: float, results: Path) -> int:
    """Batch after batch until all are there or time is up; how many are missing."""
    machine = Machine()
    left = [batch for batch in wanted if not kept_path(batch, machine, results).exists()]
    expected = sum(map(expected_s, left))
    note(f"{len(left)} batches, about {format_seconds(min(budget_s, expected))}; what is complete is kept")
    start, took = time.monotonic(), 1.0  # relative to what was expected
    with alone(), tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as compiled:
        for done, batch in enumerate(left):
            passed = time.monotonic() - start
            if done and passed + took * expected_s(batch) > budget_s:
                return len(left) - done
            ahead = took * sum(map(expected_s, left[done:]))
            note(f"{batch.name}, {done + 1} of {len(left)}; about {format_seconds(max(1.0, ahead))} left")
            measure(batch, machine, compiled, results)
            took = (time.monotonic() - start) / sum(map(expected_s, left[: done + 1]))
    return 0


def measure_others(results: Path) -> None:
    """Pair after pair under matbench and under each other harness, in the same seconds; what is there is kept."""
    machine = Machine()
    kept = results / machine_label(machine.host) / OTHERS
    found = list(read_others(kept))
    wanted = list(pairs())
    left = [(index, pair) for index, pair in enumerate(wanted) if len([e for e in found if _is_of(e, pair)]) == 0]
    with alone(), tempfile.TemporaryDirectory(prefix="matbench-", ignore_cleanup_errors=True) as folder:
        for index, pair in left:
            note(f"other harnesses, pair {index + 1} of {len(wanted)}")
            start = time.monotonic()
            batch = Batch(f"others-{index + 1:02}", "others", (cell_of(pair),))
            record = unpacked(measure(batch, machine, folder, results))
            made = [ours(pair, each_alone(record)[0], time.monotonic() - start)]
            made += [each for name in HARNESSES if (each := taken(name, pair, Path(folder))) is not None]
            found += made
            write_bytes(kept, msgspec.json.format(msgspec.json.encode(found), indent=1))


def _is_of(each: Other, pair: Pair) -> bool:
    return (each.n, each.repeat, each.truth) == (pair.n, pair.repeat, pair.truth)


def read_others(path: Path) -> tuple[Other, ...]:
    """What was kept of other harnesses; nothing where nothing was."""
    return msgspec.json.decode(path.read_bytes(), type=tuple[Other, ...]) if path.exists() else ()


def kept_others(results: Path) -> tuple[Other, ...]:
    """What was kept of other harnesses on all machines."""
    return tuple(each for path in sorted(results.glob(f"*/{OTHERS}")) for each in read_others(path))


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 3 if there is something left to measure, 2 for a request that is off."""
    parser = argparse.ArgumentParser(prog="make validate", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of: {' '.join(CHOICES)} (default: all that can be measured here)"
    )
    parser.add_argument("--budget", default="78m", help="time for our own measurements (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help=argparse.SUPPRESS)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "trust.md", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    wanted = options.parts or ["simulated", *usual_parts(), "others"]
    unknown = set(wanted) - set(CHOICES)
    if unknown:
        parser.error(f"there is no part {min(unknown)!r}; there are: {' '.join(CHOICES)}")
    kept = options.results / SIMULATED
    if "simulated" in wanted:
        write_bytes(kept, msgspec.json.format(msgspec.json.encode(simulated()), indent=1))
    parts = tuple(part for part in PARTS if part in wanted)
    missing = measure_all(batches(parts), parse_duration(options.budget), options.results) if parts else 0
    if "others" in wanted:
        measure_others(options.results)
    counts = msgspec.json.decode(kept.read_bytes(), type=tuple[Simulated, ...]) if kept.exists() else ()
    write_page(options.page, counts, stored(options.results), kept_others(options.results))
    if missing:
        note(f"{missing} batches are missing; go on: make validate")
    return 3 if missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        note("interrupted; what was measured is kept, go on: make validate")
        sys.exit(130)
    except MatbenchError as error:
        note(str(error))
        sys.exit(error.exit_code)
