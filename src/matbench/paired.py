"""``matbench.pair``: two functions compared, from Python or a notebook, with the verdict as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matbench.analyse.pairs import Verdict, Word, verdicts
from matbench.analyse.rows import Interval
from matbench.blocks import with_kept_blocks
from matbench.comparison import Asked, cells_of, comparing, measured, pair_header, settings_for
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.pairs_sources import Source, operation_of, parse_arms, sent, told_apart
from matbench.model import Dtype
from matbench.operations import OPERATIONS
from matbench.pairing import PairRecord
from matbench.present.pairs import verdict_text
from matbench.record.here import Machine
from matbench.sizes import parse_sizes

__all__ = ["Arm", "Comparison", "arm_sources", "pair"]

Arm = str | Callable[..., object]  # a kernel's name, a function's place, or a function


@dataclass(frozen=True)
class Comparison:
    """What comparing two functions came to; shown in a notebook, it tells itself.

    Attributes
    ----------
    row
        The verdict with all figures that it rests on.
    record
        The raw samples, from which every figure can be computed anew.
    """

    row: Verdict
    record: PairRecord

    @property
    def verdict(self) -> Word:
        """FASTER or SLOWER, said of the first function; EQUIVALENT, INCONCLUSIVE or INVALID."""
        return self.row.word

    @property
    def reason(self) -> str:
        """Why, in a sentence without its full stop."""
        return self.row.reason

    @property
    def ratio(self) -> Interval | None:
        """Time of the second function over time of the first, with its interval: above 1, the first is faster."""
        return self.row.ratio

    @property
    def control(self) -> Interval | None:
        """The same of the first function's clone and the first function: what is made of identical code."""
        return self.row.control

    def __str__(self) -> str:
        return verdict_text(self.row)

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_markdown_(self) -> str:
        """How a notebook shows it."""
        return f"**{self.verdict}**\n\n```text\n{self}\n```"


def pair(
    f: Arm,
    g: Arm | None = None,
    n: int | str = 256,
    *,
    dtype: Dtype = "float64",
    threads: int = 1,
    claim: float = 0.0,
    processes: int | None = None,
    budget_s: float | None = None,
    seed: int = 1,
) -> Comparison:
    """Compare two ways to multiply matrices, here and now: a ratio with its interval, and one verdict.

    Takes up to half a minute: both are sampled side by side in at least eight fresh processes. Nothing is stored.

    Parameters
    ----------
    f, g
        Each a kernel's name, ``module:function``, ``file.py:function``, or a function of ``(a, b, out)`` or ``(a, b)``,
        be it defined in a notebook. Without `g`, `f` is compared with its own clone: what can be told apart here.
    n
        Size of the square matrices, or a shape ``"8x1000x1000"`` (m x n x k).
    dtype, threads
        Of the operands; for each function.
    claim
        Only a difference beyond it counts, relative: 0.02 for 2 %.
    processes
        Exactly so many; by default 12, and more while the interval is wide.
    budget_s
        Time it may take, s.
    seed
        Of everything that is drawn at random.

    Returns
    -------
    Comparison
        Its ``verdict`` is about `f`. What can't be compared (it raises, or computes no product) is INVALID, and the
        ``reason`` says why.

    Raises
    ------
    UsageError
        If `f` and `g` are one function, a name or the size is none, or another matbench is measuring.

    Examples
    --------
    ::

        matbench.pair("numba_ikj", "numba_ijk", n=256).verdict
        'FASTER'
    """
    registry, machine = Registry(default_registry(*OPERATIONS)), Machine()
    add_blas_kernels(registry)
    one, other = arm_sources((f, f if g is None else g), registry)
    if g is not None and (f is g or one == other):
        raise UsageError(f"{one.label} can't be compared with itself; leave out the second for its clone")
    shapes = parse_sizes(str(n))
    if len(shapes) != 1:
        raise UsageError(f"{n!r} is more than one size; compare at one size a call, or say matbench pair --sizes {n}")
    cells = cells_of(
        one.label,
        other.label,
        shapes,
        dtype=dtype,
        threads=(threads,),
        processors=machine.processors,
        operation=operation_of((one.label, other.label), registry),
    )
    registry = with_kept_blocks(registry, machine, (one.label, other.label))
    settings = settings_for(1, processes=processes, claim=claim, budget_s=budget_s or 0.0)
    asked = Asked(cells, (one, other), settings, f"matbench.pair({one.label}, {other.label})", seed)
    header = pair_header(asked, machine)
    with comparing(header, asked.sources, registry, machine) as session:
        record = measured(session)
    return Comparison(verdicts(record)[0], record)


def arm_sources(arms: tuple[Arm, ...], registry: Registry) -> tuple[Source, ...]:
    """The arms as they were handed over: names, places or functions; one object is one arm.

    Raises
    ------
    UsageError
        If one of them is none of these.
    """
    found = {id(arm): _source(arm, registry) for arm in arms}
    return told_apart([found[id(arm)] for arm in arms])


def _source(arm: Arm, registry: Registry) -> Source:
    known = isinstance(arm, Kernel) and arm.name in registry.names and registry.get(arm.name) is arm
    name = arm.name if isinstance(arm, Kernel) and known else arm
    return parse_arms([name], registry)[0] if isinstance(name, str) else sent(name)
