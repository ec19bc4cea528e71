"""What `make validate` measures: batches of comparisons whose true ratio is known."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil
from injected import count_of
from quota import can_limit, limited

from matbench.model import Problem
from matbench.pairing import Cell, Settings

__all__ = ["PARTS", "Batch", "batches", "kind_of", "true_ratio", "usual_parts"]

ARMS = Path(__file__).parent / "injected.py"
BASE = 100  # calls, so that each percent is one more
# As many processes as a comparison of one size has time for: what is promised has to hold with them.
SETTINGS = Settings(most_processes=12)
CO_RUNNER = """
import os, random, time
import numpy as np
a, parent = np.ones((600, 600)), os.getppid()
while os.getppid() == parent:  # it does not outlive who asked for it
    until = time.monotonic() + random.uniform(0.05, 0.5)
    while time.monotonic() < until:
        a @ a
    time.sleep(random.uniform(0.05, 0.5))
"""  # bursts on one processor, and in the caches of all
PERIOD_S, HELD_S = 0.1, 0.03  # of each period the measuring process is held
SHARE = 0.7  # of one CPU that a quota leaves


class Kind(NamedTuple):
    """A kind of work: which kernel, on which problems, with how many threads."""

    title: str
    kernel: str
    rows: int | None  # of A and C; None for square products
    sizes: tuple[int, ...]  # of whole comparisons
    small: tuple[int, ...]  # of products that are repeated a hundred times
    threads: int = 1


KINDS = (
    Kind("interpreted", "python_lists", None, (6, 7, 8, 9, 10, 11, 12), (4, 5)),
    Kind("compiled, bound by computing", "numba_ikj_fma", None, (24, 32, 40, 48, 56, 64, 80), (24, 28, 32)),
    Kind("compiled, bound by memory", "numba_ikj", 2, (440, 500, 560, 600, 640, 700), (440, 480)),
    Kind("BLAS, 1 thread", "numpy_matmul", None, (40, 56, 72, 96, 128, 160), (24, 32, 40)),
    Kind("BLAS, 2 threads", "numpy_matmul", None, (176, 192, 224, 256, 288), (144, 160), 2),
)


@dataclass(frozen=True)
class Batch:
    """Comparisons that share their processes.

    Attributes
    ----------
    name
        Of the file.
    part
        Which table it belongs to.
    cells
        What is compared.
    settings
        How.
    """

    name: str
    part: str
    cells: tuple[Cell, ...]
    settings: Settings = SETTINGS

    @property
    def sources(self) -> dict[str, str]:
        """Where the arms are that are no kernels."""
        labels = {label for cell in self.cells for label in (cell.a, cell.b) if ":" in label}
        return {label: str(ARMS.parent / label) for label in labels}

    def disturbed(self) -> AbstractContextManager[None]:
        """Within, the machine is as the part wants it."""
        return PARTS[self.part].disturbed() if self.part in PARTS else _undisturbed()


def kind_of(cell: Cell) -> str:
    """The title of a cell's kind of work."""
    kernel = cell.a.rpartition(":")[2].rpartition("_x")[0] if ":" in cell.a else cell.a
    return next(kind.title for kind in KINDS if (kind.kernel, kind.threads) == (kernel, cell.threads))


def true_ratio(cell: Cell) -> float:
    """Time of B over time of A, as it was made."""
    return count_of(cell.b) / count_of(cell.a)


def _problem(kind: Kind, size: int, seed: int) -> Problem:
    return Problem(m=kind.rows or size, n=size, k=size, seed=seed)


def _arm(kind: Kind, count: int, twin: str = "x") -> str:
    return f"{ARMS.name}:{kind.kernel}_{twin}{count}"


def _same(seed: int) -> tuple[Cell, ...]:
    """Identical code: for each kind three sizes against a clone, and one of two wrappers of one function."""
    rng = Random(seed)  # noqa: S311  an experiment's, to be repeatable
    cells: list[Cell] = []
    for kind in KINDS:
        problems = (_problem(kind, size, seed) for size in rng.sample(kind.sizes, 3))
        cells += [Cell(problem, kind.threads, kind.kernel, kind.kernel) for problem in problems]
        problem = _problem(kind, rng.choice(kind.small), seed)
        cells.append(Cell(problem, kind.threads, _arm(kind, BASE), _arm(kind, BASE, "y")))
    return tuple(cells)


def _injected(seed: int) -> tuple[Cell, ...]:
    """Slow-downs of 1, 2, 3 and 5 % for each kind, of A or of B by turns; 2 % of either, for that is promised."""
    rng = Random(seed)  # noqa: S311  an experiment's, to be repeatable
    cells: list[Cell] = []
    for place, kind in enumerate(KINDS):
        for turn, percent in enumerate((1, 2, 2, 3, 5)):
            problem = _problem(kind, rng.choice(kind.small), seed)
            arms = _arm(kind, BASE), _arm(kind, BASE + percent)
            a, b = arms if (seed + place + turn) % 2 else arms[::-1]
            cells.append(Cell(problem, kind.threads, a, b))
    return tuple(cells)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    yield


@contextlib.contextmanager
def _beside_a_co_runner() -> Iterator[None]:
    """Another program computes in bursts."""
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    other = subprocess.Popen([sys.executable, "-c", CO_RUNNER], env={**os.environ, **single})
    try:
        yield
    finally:
        other.kill()
        other.wait()


@contextlib.contextmanager
def _under_a_quota() -> Iterator[None]:
    """A control group's quota holds the measuring process back once it has used its share of a period."""
    with limited(SHARE):
        yield


@contextlib.contextmanager
def _held() -> Iterator[None]:
    """The measuring process is held for 30 ms of every 100 ms, by signals: for where no quota can be set.

    It is a quota of 70 % for one thread, and harder for two: nothing but the times tells of it, for the kernel counts
    what a quota takes and does not count this.
    """
    done = threading.Event()

    def hold() -> None:
        while not done.wait(PERIOD_S - HELD_S):
            held = [child for child in psutil.Process().children() if _is_sampling(child)]
            with contextlib.suppress(psutil.Error):
                for child in held:
                    child.suspend()
            time.sleep(HELD_S)
            with contextlib.suppress(psutil.Error):
                for child in held:
                    child.resume()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _is_sampling(child: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("matbench.measure.worker" in word for word in child.cmdline())
    return False


class Part(NamedTuple):
    """One table: its title, how many batches it has, their cells, and what the machine suffers meanwhile."""

    title: str
    batches: int
    cells: Callable[[int], tuple[Cell, ...]]
    disturbed: Callable[[], AbstractContextManager[None]] = _undisturbed
    settings: Settings = SETTINGS


# As many as an hour and a quarter is enough for; more batches than these, once measured, count in the tables as well.
PARTS: dict[str, Part] = {
    "same": Part("V3: identical code", 15, _same),
    "injected": Part("V4: a known slow-down", 7, _injected),
    "co-runner": Part("V5: identical code beside a co-runner", 3, _same, _beside_a_co_runner),
    "quota": Part("V5: identical code under a CPU quota of 70 %", 3, _same, _under_a_quota),
    "held": Part("V5: identical code, held for 30 ms of every 100 ms", 3, _same, _held),
}


def usual_parts() -> tuple[str, ...]:
    """What is measured unless something else is asked for: of quota and its substitute the one that can be."""
    other = "held" if can_limit() else "quota"
    return tuple(part for part in PARTS if part != other)


def batches(parts: tuple[str, ...] = tuple(PARTS)) -> tuple[Batch, ...]:
    """All batches of these parts, the parts by turns: whoever stops early has some of each."""
    found = []
    for number in range(max(PARTS[part].batches for part in parts)):
        for part in parts:
            if number < PARTS[part].batches:
                seed = 1000 * (1 + list(PARTS).index(part)) + number
                cells = PARTS[part].cells(seed)
                found.append(Batch(f"{part}-{number + 1:02}", part, cells, PARTS[part].settings))
    return tuple(found)
