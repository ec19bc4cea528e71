"""Measure what share of the multiply-add peak `numba_gemm` reaches, and where the rest of it goes.

    make share

On one thread, in fresh processes. Every sample lies between two chains of multiply-adds on registers, a fraction of a
millisecond each, so that a share compares what the processor did within moments; a run's own peak is the best of
minutes, in which a shared processor changes its pace. What is timed:

- register tiles whose rows of A, panel of B and tile of C lie in the first-level cache;
- the same with a deep panel of B, which streams from the second level;
- whole products, which pack B, read A and C from where they lie, and visit C once for each block along k;
- the first of these by NumPy's BLAS.

Stored in results/share/; docs/gemm.md shows all sittings, for they depend on the hour.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from repository import ROOT

from matbench.analyse.statistics import over_processes
from matbench.errors import MatbenchError, RecordError
from matbench.model import Dtype, Problem, Value
from matbench.present.tables import render_markdown
from matbench.record.files import read_bytes, write_bytes
from matbench.record.here import Machine
from matbench.record.ids import machine_label
from matbench.record.names import new_record_id

KEPT = ROOT / "results" / "share"
PROCESSES, ROUNDS = 7, 20
DTYPES: tuple[Dtype, ...] = ("float64", "float32")
SIZES = (1000, 1500, 2048)
ROWS = 2048  # of the register tiles: a single one, again and again
TRIES = 3  # a chain is as long as the least of so many measurements says
CHAIN_NS, SAMPLE_NS = 3e5, 1e6  # least length of a chain, and of a sample
TILES = {"register tiles, 128 deep, all in L1": 128, "register tiles, 512 deep, B from L2": 512}  # steps along k


class Samples(Value, frozen=True):
    """One thing that was timed in one process, round by round."""

    name: str
    dtype: str
    rates: tuple[float, ...]  # flop/s
    chains: tuple[float, ...]  # flop/s, the mean of the chain before and the chain after


class Share(Value, frozen=True, kw_only=True):
    """All samples of a sitting."""

    schema: int = 1
    created: str  # ISO 8601, UTC
    machine: str  # anonymous label
    processor: str
    processes: tuple[tuple[Samples, ...], ...]


class Case(NamedTuple):
    """One thing to time."""

    name: str
    dtype: Dtype
    call: Callable[[], object]
    flops: int  # of one call


# -- in a process of its own -------------------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """What is timed."""
    from matbench.kernels import default_registry  # noqa: PLC0415  the compiler is for the sampling processes
    from matbench.kernels.gemm.recipe import full_recipe  # noqa: PLC0415
    from matbench.kernels.oracle import operands  # noqa: PLC0415
    from matbench.kernels.vectors import host_unit  # noqa: PLC0415

    registry, caches = default_registry(), Machine().host.caches
    for dtype in DTYPES:
        gemm, matmul = (registry.get(name).bind(dtype, caches) for name in ("numba_gemm", "numpy_matmul"))
        tile = full_recipe(dtype, host_unit())
        width = tile.vectors * tile.lanes
        for name, depth in TILES.items():
            a, b, out = operands(Problem(tile.rows, width, depth, dtype))
            rows, tiles = (repeated_row(each, ROWS) for each in (a, out))
            yield Case(name, dtype, partial(gemm, rows, b, tiles), 2 * ROWS * depth * width)
        for n in SIZES:
            given = operands(Problem(n, n, n, dtype))
            yield Case(f"product, n = {n:,}", dtype, partial(gemm, *given), 2 * n**3)
            if n == SIZES[0]:
                yield Case(f"NumPy's product, n = {n:,}", dtype, partial(matmul, *given), 2 * n**3)


def repeated_row(matrix: NDArray[Any], rows: int) -> NDArray[Any]:
    """A matrix of so many rows, all of which are the first row of this one."""
    return np.lib.stride_tricks.as_strided(matrix, (rows, matrix.shape[1]), (0, matrix.itemsize))


class Chain:
    """Multiply-adds that wait for nothing but each other, with the widest vectors."""

    def __init__(self, dtype: Dtype) -> None:
        from matbench.kernels.ceilings import fma_chains, vector_lanes  # noqa: PLC0415

        self.run, self.flops = fma_chains(dtype, vector_lanes(dtype)[-1], kept=True)
        self.steps = 1000
        self.run(1, self.steps)  # compiles
        while min(elapsed(self._once) for _ in range(TRIES)) < CHAIN_NS:
            self.steps *= 2

    def _once(self) -> None:
        self.run(1, self.steps)

    def rate(self) -> float:
        """Its speed now, flop/s."""
        return 1e9 * self.flops * self.steps / elapsed(self._once)


def elapsed(call: Callable[[], object]) -> int:
    """Wall time of a call, ns."""
    start = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - start


def sampled(seed: int) -> tuple[Samples, ...]:
    """All cases, round by round in random order."""
    rng = np.random.default_rng(seed)
    made = list(cases())
    chains = {dtype: Chain(dtype) for dtype in DTYPES}
    repeats = [warm(each) for each in made]
    rates: list[list[float]] = [[] for _ in made]
    beside: list[list[float]] = [[] for _ in made]
    for _ in range(ROUNDS):
        for place in rng.permutation(len(made)).tolist():
            case, chain = made[place], chains[made[place].dtype]
            if repeats[place] > 1:
                case.call()  # its data go to the caches again
            before = chain.rate()
            taken = elapsed(partial(repeated, case.call, repeats[place]))
            rates[place].append(1e9 * case.flops * repeats[place] / taken)
            beside[place].append((before + chain.rate()) / 2)
    return tuple(
        Samples(case.name, case.dtype, tuple(own), tuple(other))
        for case, own, other in zip(made, rates, beside, strict=True)
    )


def repeated(call: Callable[[], object], times: int) -> None:
    """Call again and again."""
    for _ in range(times):
        call()


def warm(case: Case) -> int:
    """How many calls make a sample; the first one, which compiles, is made here."""
    case.call()
    return max(1, round(SAMPLE_NS / elapsed(case.call)))


# -- over processes ----------------------------------------------------------------------------------------------------


def measured() -> Share:
    """A sitting in fresh processes.

    Raises
    ------
    MatbenchError
        If a process fails.
    """
    found = []
    alone = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    for seed in range(PROCESSES):
        command = [sys.executable, __file__, "--sample", str(seed)]
        done = subprocess.run(command, env={**os.environ, **alone}, check=False, capture_output=True)
        if done.returncode:
            raise MatbenchError(f"a sampling process failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
        found.append(msgspec.json.decode(done.stdout, type=tuple[Samples, ...]))
        print(f"{seed + 1} of {PROCESSES} processes", file=sys.stderr)
    machine = Machine()
    return Share(
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=machine_label(machine.host),
        processor=machine.host.cpu.brand,
        processes=tuple(found),
    )


def shares(share: Share, name: str, dtype: str) -> dict[tuple[int, int], float]:
    """The share of the chain in each process and round."""
    return {
        (process, turn): rate / chain
        for process, every in enumerate(share.processes)
        for each in every
        if (each.name, each.dtype) == (name, dtype)
        for turn, (rate, chain) in enumerate(zip(each.rates, each.chains, strict=True))
    }


def chapter(share: Share) -> str:
    """Both element types as a table, and where and when."""
    names = list(dict.fromkeys(each.name for each in share.processes[0]))
    rows = [[name, *(told(shares(share, name, dtype)) for dtype in DTYPES)] for name in names]
    table = render_markdown(["share of the chain", *DTYPES], rows)
    where = f"{share.machine} ({share.processor}), {share.created[:10]} {share.created[11:16]} UTC"
    made = f"`make share`; medians over {len(share.processes)} processes, 95 %"
    return f"{table}\n\nMeasured on {where}: {made}."


def told(found: Mapping[tuple[int, int], float]) -> str:
    """A share with its interval: ``91 % [88, 93]``."""
    interval = over_processes(found)
    if interval is None:
        return "-"
    bounds = "" if interval.low is None else f" [{100 * interval.low:.0f}, {100 * (interval.high or 0):.0f}]"
    return f"{100 * interval.estimate:.0f} %{bounds}"


def kept(folder: Path = KEPT) -> list[Share]:
    """All sittings that are kept, in the order of time.

    Raises
    ------
    RecordError
        If the file of one can't be read.
    """
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Share:
    try:
        return msgspec.json.decode(read_bytes(path), type=Share)
    except (msgspec.MsgspecError, ValueError) as error:  # ValueError: bytes that are not UTF-8
        raise RecordError(f"{path.name} holds no shares ({error}); measure them anew") from error


def main(arguments: Sequence[str]) -> int:
    """Measure, or sample as one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sample", type=int, metavar="SEED", help="sample as one of the processes; for this tool's use"
    )
    seed = parser.parse_args(arguments).sample
    if seed is not None:
        sys.stdout.buffer.write(msgspec.json.encode(sampled(seed)))
        return 0
    print("about two minutes", file=sys.stderr)
    share = measured()
    place = KEPT / new_record_id(datetime.fromisoformat(share.created), os.urandom(3).hex())
    write_bytes(place.with_suffix(".json"), msgspec.json.encode(share) + b"\n")
    print(chapter(share))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)
