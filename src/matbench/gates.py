"""A gate from what it is to check to what it makes of it: what the command and the pytest plugin share."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import packages_distributions
from pathlib import Path

from matbench.analyse.claims import LARGEST, Claim, is_claim, parse_claimed
from matbench.analyse.gate import Ruling, rulings
from matbench.comparison import LARGEST_CLAIM, Asked, cells_of, comparing, measured, pair_header, settings_for
from matbench.errors import BusyError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.pairs_sources import Source, in_baseline, operation_of, parse_arms, told_apart
from matbench.model import Dtype
from matbench.operations import OPERATIONS, PRODUCT, OperationName
from matbench.paired import Arm, arm_sources
from matbench.pairing import Cell
from matbench.record.baseline import Baseline, baseline_at, other_libraries, work_tree
from matbench.record.files import printable
from matbench.record.here import Machine
from matbench.sizes import Shape, parse_sizes
from matbench.units import format_percent

__all__ = [
    "MARGIN",
    "Demand",
    "Question",
    "against",
    "asked_of",
    "claimed",
    "distribution_of",
    "expanded",
    "parse_margin",
    "remark_on",
    "ruled",
    "undecided",
]

MARGIN = 0.05  # by which code may be slower, relative, where nothing is stated
OF_MARGIN = 5  # times narrower than the margin is narrow enough: what is not at its edge is decided
MOST_NAMED = 3  # libraries in one sentence
OWN = ("matbench", "matbench-vectorization")  # origin of our own kernels, and the distribution they come with


@dataclass(frozen=True)
class Demand:
    """Two arms, on which problems, and how many times as fast A has to be.

    Attributes
    ----------
    a, b
        The arms.
    shapes
        m, n, k of each problem.
    dtype, threads
        Of all of them.
    factor
        Time of B over time of A, at least.
    identity
        What tells a baseline from others; None where B is none.
    operation
        What both compute.
    """

    a: Source
    b: Source
    shapes: tuple[Shape, ...]
    dtype: Dtype
    threads: tuple[int, ...]
    factor: float = 1.0
    identity: str | None = None
    operation: OperationName = PRODUCT


def claimed(claim: Claim, registry: Registry) -> Demand:
    """The demand that a claim makes.

    Raises
    ------
    UsageError
        If its arms are neither kernels nor functions' places, or its sizes are none.
    """
    a, b = parse_arms([claim.a, claim.b], registry)
    operation = operation_of((a.label, b.label), registry)
    return Demand(a, b, parse_sizes(claim.sizes), claim.dtype, (claim.threads,), claim.factor, operation=operation)


def against(
    arm: str,
    baseline: Baseline,
    registry: Registry,
    *,
    shapes: tuple[Shape, ...],
    dtype: Dtype,
    threads: tuple[int, ...],
) -> Demand:
    """The demand that an arm is no slower than it is in a baseline.

    Raises
    ------
    UsageError
        If there is no such arm, here or there.
    """
    [now] = parse_arms([arm], registry)
    here = work_tree() or Path()
    then = in_baseline(now, baseline.name, registry=registry, roots=baseline.roots, tree=baseline.tree, here=here)
    operation = operation_of([now.label], registry)
    return Demand(now, then, shapes, dtype, threads, identity=baseline.identity, operation=operation)


def expanded(arms: Sequence[str], registry: Registry) -> tuple[str, ...]:
    """The arms that are meant, each once: globs stand for kernels of the product.

    Raises
    ------
    UsageError
        If a glob matches none.
    """
    found: list[str] = []
    for arm in arms:
        is_glob = ":" not in arm and any(sign in arm for sign in "*?[")
        found += [each.name for each in registry.of(PRODUCT).select(arm)] if is_glob else [arm]
    return tuple(dict.fromkeys(found))


def distribution_of(arm: str, registry: Registry) -> str:
    """The distribution that an arm comes with: what a bare version is one of.

    Raises
    ------
    UsageError
        If it comes with none.
    """
    if arm in registry.names:
        origin = registry.get(arm).origin
        return OWN[1] if origin == OWN[0] else origin
    top = arm.partition(":")[0].partition(".")[0]
    found = packages_distributions().get(top)
    if arm.partition(":")[0].endswith(".py") or not found:
        raise UsageError(f"{arm} comes with no installed package; name a requirement (name==1.2), not a version alone")
    return found[0]


def remark_on(baseline: Baseline, arm: str, registry: Registry) -> str | None:
    """What has to be said of a baseline before it is measured, a sentence without its full stop; None for nothing.

    Parameters
    ----------
    baseline
        Another version: of an environment the arm's own package is taken, and no library that is installed here.
    arm
        What is compared with itself there.
    registry
        Kernels by name.
    """
    package = None
    with contextlib.suppress(UsageError):  # a function of a file, or of a folder that is on the path
        package = distribution_of(arm, registry)
    others = other_libraries(baseline, package)
    if not others:
        return None
    named = [f"{printable(name)} {printable(there)} there, {here or 'none'} here" for name, there, here in others]
    more = [f"and {len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
    return (
        f"{baseline.name} has other versions of libraries ({'; '.join([*named[:MOST_NAMED], *more])}); "
        "what is installed here serves both sides, so that the code alone differs"
    )


def asked_of(
    demands: Sequence[Demand],
    *,
    processors: int,
    margin: float,
    stated: bool,
    command: str,
    processes: int | None = None,
    budget_s: float = 0.0,
    seed: int = 1,
    label: str | None = None,
) -> tuple[Asked, tuple[float, ...]]:
    """What is to be measured, and for each of its cells the factor that is demanded.

    Parameters
    ----------
    demands
        At least one.
    processors
        Of this process.
    margin
        By which a demand may be missed, relative: the intervals need be no narrower than a part of it.
    stated
        Whether that margin was asked for: one that was not is no part of a demand that states a factor.
    command
        What repeats it, without paths.
    processes, budget_s, seed, label
        As of `matbench.comparison.settings_for` and `Asked`.

    Raises
    ------
    UsageError
        If there are fewer processors than threads.
    """
    cells: list[Cell] = []
    factors: list[float] = []
    named = _named(demands)
    for each in named:
        made = cells_of(
            each.a.label,
            each.b.label,
            each.shapes,
            dtype=each.dtype,
            threads=each.threads,
            processors=processors,
            operation=each.operation,
        )
        cells += made
        factors += [each.factor] * len(made)
    settings = settings_for(
        len(cells),
        processes=processes,
        claim=margin if stated or 1.0 in factors else 0.0,  # of the verdicts in the record, as of `rulings`
        budget_s=budget_s,
        half_width=max(settings_for(1).half_width, margin / OF_MARGIN),
    )
    sources = tuple(dict.fromkeys(source for each in named for source in (each.a, each.b)))
    identities = {each.b.label: each.identity for each in named if each.identity is not None}
    return Asked(tuple(cells), sources, settings, command, seed, label, identities), tuple(factors)


def _named(demands: Sequence[Demand]) -> list[Demand]:
    """The demands with arms of one name and another place told apart."""
    every = list(dict.fromkeys(source for each in demands for source in (each.a, each.b)))
    names = dict(zip(every, told_apart(every), strict=True))
    return [replace(each, a=names[each.a], b=names[each.b]) for each in demands]


# -- at once -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """One question to a gate, as it is put from Python.

    Attributes
    ----------
    a, b
        The arms, or a claim alone.
    n
        Sizes, as `parse_sizes` takes them.
    at_least
        Time of B over time of A that is demanded.
    baseline
        Another version in which `a` is compared with itself, in place of `b`.
    dtype, threads
        Of the operands; for each arm.
    margin
        By which the demand may be missed: relative, or as it is typed; if None, `MARGIN` against equality and nothing
        against a factor.
    processes, budget_s
        Exactly so many; time that it may take, s.
    """

    a: Arm
    b: Arm | None = None
    n: str = "256"
    at_least: float = 1.0
    baseline: str | None = None
    dtype: Dtype = "float64"
    threads: int = 1
    margin: float | str | None = None
    processes: int | None = None
    budget_s: float = 0.0


def ruled(
    question: Question, *, patience_s: float = 0.0, remark: Callable[[str], None] = lambda _: None
) -> tuple[Ruling, ...]:
    """Measure what a question needs, and what the gate makes of it; nothing is stored.

    Parameters
    ----------
    question
        The question.
    patience_s
        How long to wait for the end of another one's measurement, s.
    remark
        Is told what has to be said before anything is measured.

    Raises
    ------
    BusyError
        If another one still measures when the patience has come to its end.
    UsageError
        If the question is off.
    """
    registry, machine = Registry(default_registry(*OPERATIONS)), Machine()
    add_blas_kernels(registry)
    margin = parse_margin(question.margin)
    with contextlib.ExitStack() as stack:
        demand = _demanded(question, registry, stack, remark)
        asked, factors = asked_of(
            [demand],
            processors=machine.processors,
            margin=margin,
            stated=question.margin is not None,
            command=f"matbench_gate({demand.a.label}, {demand.b.label})",
            processes=question.processes,
            budget_s=question.budget_s,
        )
        header = pair_header(asked, machine)
        session = stack.enter_context(comparing(header, asked.sources, registry, machine, patience_s=patience_s))
        return rulings(measured(session), factors, margin, stated=question.margin is not None)


def _demanded(
    question: Question, registry: Registry, stack: contextlib.ExitStack, remark: Callable[[str], None]
) -> Demand:
    a, b = question.a, question.b
    if isinstance(a, str) and is_claim(a):
        if b is not None:
            raise UsageError("a claim names both arms; give nothing but the claim")
        return claimed(parse_claimed(a), registry)
    if not 0 < question.at_least <= LARGEST:
        raise UsageError(f"at_least={question.at_least} demands nothing; give a factor above 0")
    shapes, threads = parse_sizes(question.n), (question.threads,)
    if question.baseline is not None:
        if b is not None or not isinstance(a, str):
            raise UsageError("a baseline takes one arm, by its name; leave out the second")
        baseline = stack.enter_context(baseline_at(question.baseline, lambda: distribution_of(a, registry)))
        if (said := remark_on(baseline, a, registry)) is not None:
            remark(said)
        found = against(a, baseline, registry, shapes=shapes, dtype=question.dtype, threads=threads)
        return replace(found, factor=question.at_least)
    if b is None or a is b or a == b:
        raise UsageError("two things to compare are needed; give another arm, or a baseline")
    one, other = arm_sources((a, b), registry)
    operation = operation_of((one.label, other.label), registry)
    return Demand(one, other, shapes, question.dtype, threads, question.at_least, operation=operation)


def undecided(reason: BusyError) -> str:
    """What is said where nothing could be measured because another matbench does: that is noise, and so a doubt."""
    return f"nothing was compared, so that all is in doubt: {reason}"


def parse_margin(margin: float | str | None) -> float:
    """By which a demand may be missed, relative.

    Raises
    ------
    UsageError
        If it is no margin.

    Examples
    --------
    >>> parse_margin("2%"), parse_margin(0.1), parse_margin(None)
    (0.02, 0.1, 0.05)
    """
    if margin is None:
        return MARGIN
    if isinstance(margin, str):
        found = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*", margin)
        if not found:
            raise UsageError(f"{margin!r} is no margin; write for example 5%")
        margin = float(found[1]) / 100
    if not 0 <= margin < LARGEST_CLAIM:
        raise UsageError(f"a margin of {format_percent(margin)} is out of range; give one below 1000 %")
    return round(margin, 12)
