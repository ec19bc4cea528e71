"""What this machine makes of identical code: a short series of A/A comparisons; its largest difference is the floor."""

from __future__ import annotations

from collections.abc import Callable

from matbench.analyse.pairs import seen_apart
from matbench.comparison import Asked, comparing, measured, pair_header, stamp
from matbench.errors import IncompleteError
from matbench.kernels import Registry
from matbench.measure.pairs_sources import Source
from matbench.model import Problem
from matbench.pairing import Cell, NoiseFloor, Settings
from matbench.record.here import Machine
from matbench.spinning import spins_of

__all__ = ["SERIES_S", "measured_noise"]

SERIES_S = 30.0  # s, that the series may take
# Interpreted, compiled and BLAS, each within its caches.
SERIES = (("python_lists", 8), ("numba_ikj_fma", 48), ("numpy_matmul", 96))
SMALLEST = 1e-6  # a spread of nothing at all is a clock that is too coarse


def measured_noise(machine: Machine, registry: Registry, show: Callable[[object], None] = lambda _: None) -> NoiseFloor:
    """Compare kernels with their own clones; the largest difference is the floor.

    Parameters
    ----------
    machine
        The one at hand.
    registry
        Kernels by name; those of the series that can't run here are left out.
    show
        Called with the progress.

    Raises
    ------
    IncompleteError
        If too much was disturbed for a single valid comparison.
    UsageError
        If another matbench is measuring.
    """
    names = [(name, n) for name, n in SERIES if name in registry.names and registry.get(name).why_not() is None]
    cells = tuple(Cell(Problem(n, n, n, seed=1), 1, name, name) for name, n in names)
    # As many processes as a comparison has: with more, what is left of chance would be smaller than it is there.
    settings = Settings(most_processes=Settings().processes, budget_s=SERIES_S)
    asked = Asked(cells, tuple(Source(name) for name, _ in names), settings, "matbench doctor --noise")
    header = pair_header(asked, machine)
    with comparing(header, asked.sources, registry, machine) as session:
        found = seen_apart(measured(session, show))
    if not found:
        raise IncompleteError(
            "no comparison of identical code was left undisturbed; repeat matbench doctor --noise at a quieter hour"
        )
    return NoiseFloor(
        host_id=machine.host.host_id,
        floor=min(0.99, max(SMALLEST, *found)),
        comparisons=len(found),
        measured=stamp(),
        spins=spins_of(machine.environment.variables),
    )
