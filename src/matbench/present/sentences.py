"""What a run says in one sentence, computed from its rows and from nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from matbench.analyse.crossover import compile_seconds, overtakes
from matbench.analyse.roofline import MEMORY, roofs
from matbench.present.attribution import credit_words
from matbench.present.choose import BLAS, base_row, headline_problem, is_measured, row_of, rows_at, square_series
from matbench.present.words import bracket, clean, count_threads, listed, rate_text, time_text, where
from matbench.units import format_factor, format_rate, format_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Row, SpeedUp, Table
    from matbench.model import Problem

__all__ = [
    "Step",
    "Worth",
    "ceilings_sentence",
    "closing_sentence",
    "closing_sentences",
    "compile_sentence",
    "extrapolated_sentence",
    "steps",
    "worths",
]

PRODUCT = "NumPy's @"
# The base in words; any other kernel goes by its name alone.
_BASES = {
    "python_arrays": "the pure-Python triple loop over arrays",
    "python_lists": "the pure-Python triple loop",
}
# The told order of the rungs on one thread, each with what it adds to the rung before it.
_ORDER = (
    ("numba_ijk", "compiling"),
    ("numba_ikj", "loop order (which lets the compiler vectorise)"),
    ("numba_ikj_fma", "fused multiply-add"),
    ("numba_tiled", "cache blocking"),
)
GENERATED, CRAFT = "numba_gemm", "packed register tiles"  # what BLAS does, written in Python


class Step(NamedTuple):
    """One step of the climb: how many times faster a measured row is than the one before it."""

    name: str  # what the step adds, in words
    row: Row
    factor: float  # above 1: faster


def steps(table: Table, problem: Problem) -> tuple[Step, ...]:
    """The climb from the base to NumPy's matrix product at `problem`, by measured rows alone.

    Returns
    -------
    tuple of Step
        Ratios of consecutive rows, so that their product is the whole speed-up; empty where the base or NumPy's
        product was not measured, or where the base is NumPy's product.
    """
    rows = rows_at(table, problem)
    base = base_row(table, problem)
    product = sorted((r for r in rows if r.case.kernel == BLAS and is_measured(r)), key=lambda r: r.case.threads)
    if base is None or not is_measured(base) or not product or table.base == BLAS:
        return ()
    rungs = [("base", base), *_loops(table.base, rows), *_last_steps(table.base, rows, product)]
    gains = _gains([row for _, row in rungs], table.base)
    return tuple(
        Step(name=name, row=row, factor=gain / before)
        for (name, row), gain, before in zip(rungs[1:], gains[1:], gains, strict=False)
    )


class Worth(NamedTuple):
    """What one idea is worth: how many times faster."""

    name: str  # of the idea, in words
    factor: float  # above 1: faster


def worths(climb: Sequence[Step], attribution: Attribution | None = None) -> tuple[Worth, ...]:
    """What each idea is worth: whatever the order where that is known, else as a step of the climb, in the told order.

    Parameters
    ----------
    climb
        The steps of a table, as `steps` finds them.
    attribution
        Of the machine.
    """
    if attribution is None:
        return tuple(Worth(step.name, step.factor) for step in climb)
    return tuple(Worth(clean(each.words), each.factor.estimate) for each in attribution.credits)


def _loops(base: str, rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """The loops above the base that were measured on one thread."""
    names = [*(kernel for kernel, _ in _ORDER), GENERATED]
    first = names.index(base) + 1 if base in names else 0
    found = [(idea, row_of(rows, kernel, 1)) for kernel, idea in _ORDER[first:]]
    return [(idea, row) for idea, row in found if row is not None]


def _last_steps(base: str, rows: Sequence[Row], product: Sequence[Row]) -> list[tuple[str, Row]]:
    """From the loops to BLAS: the generated product, which does what BLAS does, then BLAS itself, then the threads.

    Where BLAS was not measured on one thread, the threads are told by the parallel loop, if there is one.
    """
    # More threads than help are no rung: the climb ends at the fastest.
    most = min(product, key=lambda row: row.seconds.estimate if row.seconds is not None else math.inf)
    if product[0].case.threads == 1:
        threads = [(count_threads(most.case.threads), most)] if most.case.threads > 1 else []
        return [*_craft(base, rows, product[0]), *threads]
    parallel = row_of(rows, "numba_parallel", most.case.threads)
    if parallel is not None:
        return [(count_threads(most.case.threads), parallel), *_craft(base, rows, most)]
    (words, first), *rest = _craft(base, rows, most)
    return [(f"{words} on {count_threads(most.case.threads)}", first), *rest]


def _craft(base: str, rows: Sequence[Row], product: Row) -> list[tuple[str, Row]]:
    """What BLAS does besides loops: as a rung of its own where `numba_gemm` was measured on as many threads."""
    own = row_of(rows, GENERATED, product.case.threads)
    if own is None or base == GENERATED:
        return [("the rest of what BLAS does", product)]
    return [(CRAFT, own), ("going over to BLAS", product)]


def _gains(rows: Sequence[Row], base: str) -> list[float]:
    """How many times faster each row is than the first.

    The rows' own speed-ups, which are paired and stand in the tables, where all have one; else the ratios of times.
    """
    told = [row.speedup.estimate for row in rows[1:] if row.speedup is not None and row.speedup.base == base]
    if len(told) == len(rows) - 1 and all(gain > 0 for gain in told):
        return [1.0, *told]
    times = [row.seconds.estimate for row in rows if row.seconds is not None]
    return [times[0] / time for time in times]


def closing_sentence(
    table: Table, problem: Problem | None = None, attribution: Attribution | None = None
) -> str | None:
    """How many times faster NumPy's product is than the base, and what each idea on the way is worth.

    Parameters
    ----------
    table
        Where the rows are.
    problem
        By default the square float64 problem that the run is told by.
    attribution
        Of this machine: its credits, which depend on no order, stand in the place of the steps of the climb.

    Returns
    -------
    str or None
        None where the base or NumPy's product was not measured there.
    """
    problem = problem or headline_problem(table)
    climb = steps(table, problem) if problem is not None else ()
    base = base_row(table, problem) if problem is not None else None
    if problem is None or base is None or not climb:
        return None
    last = climb[-1].row
    total = 1.0
    for step in climb:
        total *= step.factor
    faster = f"faster than {_base_words(base)}" if total >= 1 else f"the speed of {_base_words(base)}"
    text = f"At {where(problem)}, {_product_words(last)} is {_with_bounds(total, last.speedup)} {faster}"
    if attribution is not None:
        return f"{text}. {credit_words(attribution, problem.n)}"
    return f"{text}; of that, {listed(_worth(step) for step in climb)}." if len(climb) > 1 else f"{text}."


def closing_sentences(table: Table, credits_: Mapping[Problem, Attribution | None]) -> list[str | None]:
    """The closing sentence at each problem; of those with the same attribution the first tells it, others their steps.

    Parameters
    ----------
    table
        Where the rows are.
    credits_
        Problems, each with the attribution that belongs to it.

    Returns
    -------
    list of str or None
        One a problem, None where there is nothing to tell.
    """
    found: list[str | None] = []
    told: list[Attribution | None] = []
    for problem, credit in credits_.items():
        sentence = closing_sentence(table, problem, None if credit in told else credit)
        told += [credit] if sentence is not None else []
        found.append(sentence)
    return found


def _product_words(row: Row) -> str:
    return f"{PRODUCT} on {count_threads(row.case.threads)}"


def _base_words(row: Row) -> str:
    """The base by its idea, its name, its absolute rate and its threads."""
    name = clean(row.case.kernel, limit=80)
    rate = f"{rate_text(row)} GFLOP/s on {count_threads(row.case.threads)}"
    known = _BASES.get(row.case.kernel)
    return f"{known} ({name}, {rate})" if known else f"{name} ({rate})"


def _with_bounds(total: float, speedup: SpeedUp | None) -> str:
    if speedup is None or speedup.low is None or speedup.high is None:
        return f"{format_factor(total)} (no interval)"
    return format_factor(total) + bracket(format_factor(max(speedup.low, 0.0))[:-1], format_factor(speedup.high)[:-1])


def _worth(step: Step) -> str:
    """A gain as what it is worth, a loss as what it costs."""
    verb = "are" if step.name.endswith("threads") or step.name.startswith(CRAFT) else "is"
    if format_factor(step.factor) == format_factor(1.0):
        return f"{step.name} {'change' if verb == 'are' else 'changes'} nothing ({format_factor(1.0)})"
    if step.factor < 1:
        return f"{step.name} {'cost' if verb == 'are' else 'costs'} {format_factor(1 / step.factor)}"
    return f"{step.name} {verb} worth {format_factor(step.factor)}"


def extrapolated_sentence(table: Table) -> str | None:
    """The speed-up at the largest size where the base is only predicted, said to be so, with its interval.

    None where the largest square float64 problem with NumPy's product has a measured base, or none at all.
    """
    rows = [r for r in table.rows if r.case.kernel == BLAS and is_measured(r) and r.case.problem.is_square]
    rows = [r for r in rows if r.case.problem.dtype == "float64" and r.case.problem.layout == "C"]
    if not rows:
        return None
    row = max(rows, key=lambda row: (row.case.problem.n, row.case.threads))
    if row.speedup is None or not row.speedup.extrapolated:
        return None
    speedup, problem = row.speedup, row.case.problem
    base = base_row(table, problem)
    time = f" ({time_text(base.seconds)})" if base is not None and base.seconds is not None else ""
    fitted = base.fitted if base is not None and base.fitted else "an unknown range"
    return (
        f"At {where(problem)}, {_product_words(row)} is {_with_bounds(speedup.estimate, speedup)} faster than "
        f"{clean(speedup.base, limit=80)}: extrapolated, for the time of {clean(speedup.base, limit=80)}{time} "
        f"was not measured there but predicted from {clean(fitted)}."
    )


def ceilings_sentence(table: Table) -> str | None:
    """What the hardware was found able to do, by thread count: multiply-adds, caches, memory; None if not measured."""
    peaks = [_limit(key, f"{format_rate(each.estimate)} GFLOP/s") for key, each in sorted(table.peaks.items())]
    memory = [(key, each) for key, each in sorted(table.bandwidths.items()) if "_" not in key]
    streams = [_limit(key, f"{format_rate(each.estimate)} GB/s") for key, each in memory]
    told = (("peak", peaks), ("caches", _caches(table)), ("memory", streams))
    parts = [f"{what} {listed(found)}" for what, found in told if found]
    return f"Measured limits of the hardware: {'; '.join(parts)}." if parts else None


def _caches(table: Table) -> list[str]:
    """The bandwidths of the caches by thread count, each the higher of reading and triad."""
    counts = sorted({int(key.rpartition("/")[2]) for key in table.bandwidths if "_" in key})
    return [
        f"{roof.level} {format_rate(roof.bandwidth)} GB/s on {count_threads(threads)}"
        for threads in counts
        for roof in roofs(table, threads)
        if roof.level != MEMORY
    ]


def _limit(key: str, rate: str) -> str:
    """A ceiling's name and thread count, as the table keys them, with its rate."""
    what, threads = key.rsplit("/", 1)
    return f"{clean(what)} {rate} on {count_threads(int(threads))}"


def compile_sentence(table: Table) -> str | None:
    """How long each kernel took to compile, and from which size one single call pays for it; None if none did.

    A call pays where compiling and calling together take less than one call of the base, of the sizes with no larger
    one at which they clearly take more. Where no measured time of the base says so, a predicted one may, and is named.
    """
    parts = [
        f"{clean(kernel)} {format_seconds(seconds)} ({_pays(table, kernel, seconds)})"
        for kernel, seconds in compile_seconds(table, "float64").items()
    ]
    return f"Compiling is apart from all times: {'; '.join(parts)}." if parts else None


def _pays(table: Table, kernel: str, seconds: float) -> str:
    """From which square size on compiling and one call on the fewest threads take less than one call of the base."""
    series = [one for one in square_series(table, "float64") if one.card.name == kernel and one.layout == "C"]
    rows = [row for one in series[:1] for row in one.rows if is_measured(row)]
    base = [found for row in rows if (found := base_row(table, row.case.problem)) is not None]
    size = overtakes(rows, [row for row in base if is_measured(row)], seconds)
    if size is not None:
        return f"one call pays from n = {size} on"
    size = overtakes(rows, base, seconds)
    return (
        "pays at no size measured here"
        if size is None
        else f"one call pays from n = {size} on, where {clean(table.base, limit=80)} is predicted"
    )
