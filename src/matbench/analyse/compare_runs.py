"""A record as a comparison needs it: what it is of, its peaks, and one time with its interval for each cell.

Nothing is predicted here: a cell was measured, or it is missing with the reason.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from matbench.analyse.compare_cells import Array, Cell, Work, cell_of, medians, work_of
from matbench.analyse.compare_facts import cpus_of
from matbench.analyse.doctor import diagnose, steal_share
from matbench.analyse.ladder import peaks
from matbench.analyse.pair_blocks import STOLEN
from matbench.analyse.plausible import ROOF_MARGIN
from matbench.analyse.shares import Shares, many_shares, widest_chains
from matbench.analyse.statistics import call_seconds
from matbench.units import format_percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matbench.model import Case, Ceiling, Conditions, End, Header, Library, Measurement, Record, Samples

__all__ = ["Pace", "Run", "distinct_names", "reduce_record"]

LEAST_BLOCKS = 3  # from which a spread between blocks means something


class Pace(NamedTuple):
    """How fast the machine itself was, told by the multiply-add chain that is sampled in every block of a run."""

    seconds: float  # of one flop, the median over blocks
    wander: float  # half the middle 80 % of the blocks, as a logarithm; 0 where there are too few


@dataclass(frozen=True, eq=False)
class Run:
    """One run, reduced.

    Attributes
    ----------
    name
        What it is called in this comparison.
    header
        Everything but the figures; its plan has no blocks.
    end
        Last line of the record; None where the run did not reach it.
    cells
        What was measured.
    seconds
        3 x cells: median time of a call and its bounds, s; NaN for bounds that are not known.
    missing
        Cell -> why there is no time.
    peaks
        ``<dtype>/<threads>`` -> measured multiply-add peak, flop/s.
    shares
        Of each cell, the share of the multiply-add peak.
    paces
        ``<dtype>/<threads>`` -> how steady the machine was by that peak.
    fault
        Why nothing of it may be compared; None where it may.
    doubt
        Why no verdict may rest on it, though its figures are shown; None where one may.
    flags
        What makes its figures less certain, a sentence each, without full stops.
    """

    name: str
    header: Header
    end: End | None
    cells: tuple[Cell, ...]
    seconds: Array
    missing: dict[Cell, str] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    shares: Shares | None = None
    paces: dict[str, Pace] = field(default_factory=dict)
    fault: str | None = None
    doubt: str | None = None
    flags: tuple[str, ...] = ()

    @cached_property
    def medians(self) -> dict[Cell, float]:
        """Cell -> median time of a call, s."""
        return dict(zip(self.cells, self.seconds[0].tolist(), strict=True))

    @property
    def is_told_beside(self) -> bool:
        """Whether any of its shares is told over chains that were timed beside the kernels."""
        return self.shares is not None and bool(self.shares.kind.any())

    @property
    def libraries(self) -> tuple[Library, ...]:
        """BLAS and OpenMP libraries as they were loaded in the end, else at the beginning."""
        return (self.end.libraries if self.end else ()) or self.header.environment.libraries

    @property
    def is_synthetic(self) -> bool:
        """Whether it was generated, not measured."""
        return self.header.plan.preset == "synthetic"

    def is_same_machine(self, other: Run) -> bool:
        """Whether both were measured on one machine, as far as that is known."""
        here, there = self.header.host.host_id, other.header.host.host_id
        return here == there != "unknown"


def reduce_record(record: Record, name: str, fault: str | None = None) -> Run:
    """A record without its samples.

    Parameters
    ----------
    record
        As it was read.
    name
        What to call it.
    fault
        Why it may not be believed, where somebody has found out.

    Notes
    -----
    Beyond `fault`, a run is not compared if a cell lies above the measured roof of its machine. No verdict rests on one
    that the hypervisor took more than 5 % of the processor time from. A cell is left out if it has more threads than
    the control group allows CPUs.
    """
    origins = {card.name: card.origin for card in record.header.kernels}
    quota = record.header.conditions.cpu_quota
    allowed = math.inf if quota is None else max(1.0, quota)
    taken: dict[Cell, Samples] = {}
    timed: list[Case] = []
    missing: dict[Cell, str] = {}
    for each in record.measurements:
        case, samples = each.case, each.samples
        cell = cell_of(case, origins.get(case.kernel, "unknown"))
        if samples.loops and each.outcome != "wrong" and case.threads <= allowed:
            timed += [] if cell in taken else [case]
            taken.setdefault(cell, samples)
        else:
            missing.setdefault(cell, _why_missing(each, quota))
    work, seconds = work_of(tuple(taken)), medians(tuple(taken.values()))
    measured = peaks(record.ceilings)
    roofs = {key: peak.estimate for key, peak in measured.items()}
    return Run(
        name=name,
        header=msgspec.structs.replace(
            record.header, plan=msgspec.structs.replace(record.header.plan, blocks=())
        ),  # the plan of a full run is most of its header
        end=record.end,
        cells=work.cells,
        seconds=seconds,
        missing={cell: reason for cell, reason in missing.items() if cell not in taken},
        peaks=roofs,
        shares=many_shares(tuple(timed), tuple(taken.values()), record.ceilings, measured),
        paces=_paces(record.ceilings),
        fault=fault or _above_roof(work, seconds[0], roofs),
        doubt=_stolen(record),
        flags=tuple(_flags(record)),
    )


def _why_missing(each: Measurement, quota: float | None) -> str:
    if each.outcome == "wrong":
        return f"its result is wrong: {each.reason or 'beyond its rounding bound'}"
    if not each.samples.loops:
        return each.reason or each.outcome
    return f"throttled: {each.case.threads} threads where the control group allows {quota:g} CPUs"


def _above_roof(work: Work, seconds: Array, roofs: Mapping[str, float]) -> str | None:
    """The same rule as that of `implausible`."""
    most = np.array([ROOF_MARGIN * roofs.get(key, math.inf) for key in work.keys])
    places = np.flatnonzero(seconds < work.flops / most[work.key])
    if not len(places):
        return None
    cell = work.cells[int(places[0])]
    return f"INVALID: {cell.kernel} at {cell.shape} is faster than the measured peak of its machine"


def _stolen(record: Record) -> str | None:
    share = steal_share(record.header.conditions, record.end.conditions) if record.end else None
    if share is None or share <= STOLEN:
        return None
    return f"throttled: the hypervisor took {format_percent(share)} of the processor time meanwhile"


def _flags(record: Record) -> Iterable[str]:
    header = record.header
    if record.end is None:
        yield "the run did not reach its end"
    for finding in diagnose(header.host, header.environment, header.conditions):
        if finding.level == "fault":
            yield f"{finding.subject}: {finding.saw}; {finding.why}"
    later = record.end.conditions if record.end else None
    if _became_busy(header.conditions, later) and later is not None and later.load_1m is not None:
        yield f"other programs ran meanwhile: load {later.load_1m:.1f} on {header.host.logical_cpus} CPUs at the end"


def _became_busy(before: Conditions, after: Conditions | None) -> bool:
    """Whether the load in the end is more than this run itself can have made."""
    cpus = before.affinity or 1
    return after is not None and after.load_1m is not None and after.load_1m > 2.0 * cpus


def _paces(ceilings: Sequence[Ceiling]) -> dict[str, Pace]:
    """Of the multiply-add chain with the widest vectors in each element type and on each number of threads."""
    chains: dict[str, list[Ceiling]] = {}
    for each in widest_chains(ceilings):
        chains.setdefault(f"{each.dtype}/{each.threads}", []).append(each)
    return {key: _pace(found) for key, found in chains.items()}


def _pace(chains: Sequence[Ceiling]) -> Pace:
    middles = [median(block) / each.work for each in chains for block in _blocks(each.samples)]
    wander = 0.0
    if len(middles) >= LEAST_BLOCKS:
        tenths = quantiles(map(math.log, middles), n=10, method="inclusive")
        wander = (tenths[-1] - tenths[0]) / 2
    return Pace(median(middles), wander)


def _blocks(samples: Samples) -> list[list[float]]:
    """Times of one loop, s, by process and block: rounds are counted anew in each."""
    found: list[list[float]] = []
    before: tuple[int, int] | None = None
    for process, number, seconds in zip(samples.process, samples.round, call_seconds(samples), strict=True):
        if before is None or process != before[0] or number <= before[1]:
            found.append([])
        found[-1].append(seconds)
        before = (process, number)
    return found


def distinct_names(headers: Sequence[Header]) -> tuple[str, ...]:
    """A short name for each run that no other has: the machine's label, and what tells its runs apart.

    That is the version of Python and the CPUs that a run was limited to, where they tell all runs of the machine
    apart, else the token of the record's id.

    Examples
    --------
    Two runs of one machine read ``heron/3f9a1c`` and ``heron/77aa00``, or ``heron (Python 3.12.4)``, and one on some
    of its CPUs ``heron (1 of 2 CPUs)``.
    """
    of_machine: dict[str, list[Header]] = {}
    for header in headers:
        of_machine.setdefault(header.machine, []).append(header)
    names = []
    for header in headers:
        others = of_machine[header.machine]
        pythons = {other.environment.python for other in others}
        setups = {(other.environment.python, cpus_of(other)) for other in others}
        is_apart = len(setups) == len(others)
        name = header.machine if is_apart else f"{header.machine}/{header.id.rpartition('-')[2]}"
        notes = [f"Python {header.environment.python}"] if is_apart and len(pythons) > 1 else []
        if "of" in cpus_of(header):
            notes.append(f"{cpus_of(header)} CPUs")
        names.append(f"{name} ({', '.join(notes)})" if notes else name)
    counts, seen = Counter(names), Counter[str]()
    for place, name in enumerate(names):
        if counts[name] > 1:
            seen[name] += 1
            names[place] = f"{name} #{seen[name]}"
    return tuple(names)
