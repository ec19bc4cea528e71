"""How long a comparison should take, before anything is measured, and how much of it there is time for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matbench.errors import UsageError
from matbench.kernels.registry import FLOATS, Kernel, Registry
from matbench.measure.pairs_bench import LONGEST_BLOCK_NS, fewest_blocks
from matbench.measure.pairs_verify import ONCE_S
from matbench.measure.plan import COMPILE_S, with_start
from matbench.pairing import Cell, Settings
from matbench.units import format_seconds

__all__ = [
    "CELL_S",
    "FINISH_S",
    "PROMISE_S",
    "SHORTEST_CELL_S",
    "cell_seconds",
    "comparison_seconds",
    "process_seconds",
    "promised_seconds",
    "time_for_cells",
]

PROMISE_S = 30.0  # s, that a comparison at one size takes at most, unless its calls are too slow for that
FINISH_S = 1.0  # s, of the promise: before the first process and after the last one
START_S = 1.0  # s, interpreter and imports, order of magnitude
CELL_S = 1.2  # s, that the blocks of a cell may take in one process: twelve processes end within half a minute
SHORTEST_CELL_S = 0.1  # s, less is not worth starting a process for
LONGEST_CELL_S = 60.0  # s, even where the budget has more
WARM = 3  # blocks that are given away, as a rule
CALLS = 3  # of each arm before its blocks: verified by two calls each, A's clone as well
CALIBRATION = 8  # shortest samples that calibrating takes
UNKNOWN_GFLOPS = {True: 5.0, False: 1.0}  # of a function of the reader's own, floating point or not: nobody knows


def cell_seconds(
    cell: Cell, registry: Registry, settings: Settings, cell_s: float = CELL_S, *, first: bool = False
) -> float:
    """Expected time of one cell in one process, s: its calls beforehand, and as many blocks as it may have."""
    a, b = (_call_seconds(name, cell, registry) for name in (cell.a, cell.b))
    slowest = max(a, b)
    loops = max(1, math.ceil(settings.sample_ns * 1e-9 / slowest))
    row_s = loops * (2 * a + b)
    mirrored = 2e9 * row_s <= LONGEST_BLOCK_NS
    block_s = (2 if mirrored else 1) * 3 * with_start(row_s / 3, cell.threads)  # three samples a row
    blocks = max(fewest_blocks(1e9 * block_s, settings.blocks), min(settings.blocks, int(cell_s / block_s)))
    # A slow arm is called once beforehand, and by the first process alone.
    before_s = sum((call if first else 0.0) if call > ONCE_S else CALLS * call for call in (a, b))
    before_s += CALIBRATION * settings.sample_ns * 1e-9
    return before_s + (blocks + (WARM if mirrored else 0)) * block_s


def _call_seconds(name: str, cell: Cell, registry: Registry) -> float:
    known = name.partition("@")[0]  # a baseline is as fast as what it is compared with, as far as anybody knows
    if known in registry.names:
        return registry.get(known).expected_seconds(cell.problem, cell.threads)
    return 1e-6 + cell.problem.flops / (UNKNOWN_GFLOPS[cell.problem.dtype in FLOATS] * 1e9)


def process_seconds(
    cells: Sequence[Cell], registry: Registry, settings: Settings, cell_s: float = CELL_S, *, first: bool = False
) -> float:
    """Expected time of one process, s; the first one compiles what the others load."""
    compiled = {(name, cell.problem.dtype) for cell in cells for name in (cell.a, cell.b) if _compiles(name, registry)}
    each = COMPILE_S if first else COMPILE_S / 10
    blocks_s = sum(cell_seconds(cell, registry, settings, cell_s, first=first) for cell in cells)
    return START_S + each * len(compiled) + blocks_s


def _compiles(name: str, registry: Registry) -> bool:
    known = name.partition("@")[0]
    made: Kernel | None = registry.get(known) if known in registry.names else None
    return made is not None and made.compiled


def comparison_seconds(
    cells: Sequence[Cell], registry: Registry, settings: Settings, cell_s: float, processes: int
) -> float:
    """Expected time of so many processes, s, of which the first one compiles."""
    first = process_seconds(cells, registry, settings, cell_s, first=True)
    return first + (processes - 1) * process_seconds(cells, registry, settings, cell_s)


def promised_seconds(cells: int) -> float:
    """Time that comparisons may take where no budget was stated, s: half a minute, and 15 s for each further one."""
    return PROMISE_S * (1 + cells) / 2


def time_for_cells(cells: Sequence[Cell], registry: Registry, settings: Settings, budget_s: float | None) -> float:
    """Time that the blocks of one cell may take in one process, s, so that all processes fit into the budget.

    Without a budget it is what is usual, and less where that would take longer than is promised.

    Raises
    ------
    UsageError
        If the budget is too small even for one process.
    """
    if budget_s is None:
        return min(CELL_S, _fitting(cells, registry, settings, promised_seconds(len(cells)) - FINISH_S))
    least = process_seconds(cells, registry, settings, 0.0, first=True)
    if budget_s < least:
        raise UsageError(
            f"a budget of {format_seconds(budget_s)} is too small for one process, which takes about "
            f"{format_seconds(least)}; give more, or fewer or smaller sizes"
        )
    return _fitting(cells, registry, settings, budget_s)


def _fitting(cells: Sequence[Cell], registry: Registry, settings: Settings, within_s: float) -> float:
    """The largest time for the blocks of a cell with which all processes end in time; never less than the shortest."""
    low, high = SHORTEST_CELL_S, LONGEST_CELL_S
    for _ in range(30):  # the blocks are whole, so there is no formula
        middle = (low + high) / 2
        fits = comparison_seconds(cells, registry, settings, middle, settings.processes) <= within_s
        low, high = (middle, high) if fits else (low, middle)
    return low
