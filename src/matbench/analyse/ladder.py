"""The derived figures of a whole record: times, rates, shares of the peak, speed-ups, predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from matbench.analyse.predict import predict_whole
from matbench.analyse.roofline import MEMORY, roofs_of
from matbench.analyse.rows import Interval, Row, Share, SpeedUp, Table
from matbench.analyse.statistics import call_interval, call_seconds, paired_ratio, processes_of
from matbench.model import DTYPES, Case, Ceiling, KernelCard, Measurement, Problem, Record
from matbench.operations import OPERATIONS, PRODUCT, OperationName

INTERPRETED = (
    "pure Python"  # the family whose rows all take alike: no cache blocking, no threads, no matrix-vector path
)

__all__ = ["bandwidths", "fastest", "operations_of", "peaks", "share_of_run", "shares_in", "tabulate"]


def peaks(ceilings: Iterable[Ceiling]) -> dict[str, Interval]:
    """The measured FMA peak, flop/s, by ``'<dtype>/<threads>'``: the best sample of the best vector width.

    A limit is what was reached, were it once: interruptions only take away from it. What one thread reaches, two can
    reach as well, one of them idle: a peak is at least that of fewer threads.
    """
    found = _best((f"{each.dtype}/{each.threads}", each) for each in ceilings if each.kind == "fma")
    highest: dict[str, Interval] = {}
    for key in sorted(found, key=lambda key: int(key.rpartition("/")[2])):
        dtype = key.rpartition("/")[0]
        highest[dtype] = max(found[key], highest.get(dtype, found[key]), key=lambda each: each.estimate)
        found[key] = highest[dtype]
    return found


def bandwidths(ceilings: Iterable[Ceiling]) -> dict[str, Interval]:
    """The measured bandwidth, byte/s, by ``'read/1'`` for memory, ``'read_l2/1'`` for a cache: the best sample."""
    return _best((f"{each.kind}/{each.threads}", each) for each in ceilings if each.kind != "fma")


def _best(ceilings: Iterable[tuple[str, Ceiling]]) -> dict[str, Interval]:
    found: dict[str, Interval] = {}
    for key, each in ceilings:
        if len(each.samples):
            rate = each.work / min(call_seconds(each.samples))
            if key not in found or rate > found[key].estimate:
                found[key] = Interval(rate)
    return found


def fastest(streams: dict[str, Interval], threads: int) -> float | None:
    """The faster of memory's streams at a thread count, byte/s: what writes does not move more than what reads."""
    return next((roof.bandwidth for roof in roofs_of(streams, threads) if roof.level == MEMORY), None)


def rate_of(work: float, seconds: Interval) -> Interval:
    """Work over time, with the time's bounds the other way round."""
    return Interval(
        work / seconds.estimate,
        None if seconds.high is None else work / seconds.high,
        None if seconds.low is None else work / seconds.low,
    )


def shares_in(
    record: Record, measurements: Sequence[Measurement], roofs: Mapping[str, Interval]
) -> dict[Case, Share | None]:
    """The share of the peak of cases that a record has samples of, as `shares_of` finds it."""
    from matbench.analyse.shares import shares_of  # noqa: PLC0415  NumPy, which words do without

    cases, taken = [each.case for each in measurements], [each.samples for each in measurements]
    return dict(zip(cases, shares_of(cases, taken, record.ceilings, roofs), strict=True))


def share_of_run(rate: Interval, peak: Interval) -> Share:
    """A rate over the fastest chain of the run, both in flop/s: the share of what was predicted, not sampled."""
    low, high = (None if bound is None else bound / peak.estimate for bound in (rate.low, rate.high))
    return Share(rate.estimate / peak.estimate, low, high)


def _key(problem: Problem) -> tuple[Any, ...]:
    """Dtype by dtype, squares before rectangles, small before large."""
    return DTYPES.index(problem.dtype), not problem.is_square, problem.flops, problem.m, problem.n, problem.layout


@dataclass
class _Reader:
    """A record's measurements of one operation by case, with what every row needs to be read against."""

    record: Record
    operation: OperationName
    base: str
    peaks: dict[str, Interval]
    bandwidths: dict[str, Interval]

    def __post_init__(self) -> None:
        self.cards = {card.name: card for card in self.record.header.kernels}
        self.order = {name: place for place, name in enumerate(self.cards)}
        of_operation = (each for each in self.record.measurements if each.case.problem.operation == self.operation)
        self.found = {each.case: each for each in of_operation}
        self.predicted = dict(self._predictions())
        sampled = [each for each in self.found.values() if len(each.samples) and each.outcome != "wrong"]
        self.shares = shares_in(self.record, sampled, self.peaks)

    def _share(self, case: Case, rate: Interval) -> Share | None:
        peak = self.peaks.get(f"{case.problem.dtype}/{case.threads}")
        if case not in self.predicted:
            return self.shares.get(case)
        return share_of_run(rate, peak) if peak else None

    def _predictions(self) -> Iterable[tuple[Case, tuple[Interval, str]]]:
        """Whole products that were not measured, from the slabs that were: seconds, and the range fitted.

        There is none where the whole or one of its slabs came out wrong: a wrong result has no time.
        """
        slabs: dict[Case, list[tuple[int, float]]] = {}
        wrong = set()
        for case, each in self.found.items():
            if case.problem.is_slab and self.card(case.kernel).rung == INTERPRETED:
                whole = Case(case.kernel, msgspec.structs.replace(case.problem, m=case.problem.n), case.threads)
                points = slabs.setdefault(whole, [])
                points.extend((case.problem.m, seconds) for seconds in call_seconds(each.samples))
                wrong |= {whole} if each.outcome == "wrong" else set()
        for case, points in slabs.items():
            measured = self.found.get(case)
            seconds = predict_whole(points, case.problem.m)
            known = measured is not None and (len(measured.samples) > 0 or measured.outcome == "wrong")
            if seconds is not None and not known and case not in wrong:
                rows = sorted({m for m, _ in points})
                n = case.problem.n
                yield case, (seconds, f"{rows[0]} to {rows[-1]} rows of the {n} x {n} product")

    def card(self, name: str) -> KernelCard:
        return self.cards.get(name) or KernelCard(name=name, rung="unknown", idea="")

    def rows(self) -> list[Row]:
        cases = dict.fromkeys([*self.found, *self.predicted])
        last = len(self.order)
        ordered = sorted(cases, key=lambda case: (_key(case.problem), self.order.get(case.kernel, last), case.threads))
        return [self._row(case) for case in ordered]

    def _row(self, case: Case) -> Row:
        card = self.card(case.kernel)
        if case in self.predicted:
            seconds, fitted = self.predicted[case]
            return self._filled(case, seconds, None, fitted=fitted)
        each = self.found[case]
        if not len(each.samples) or each.outcome == "wrong":
            return Row(case, card, skipped=each.reason or each.outcome, wrong=each.outcome == "wrong")
        return self._filled(case, call_interval(each.samples), each)

    def _filled(self, case: Case, seconds: Interval, each: Measurement | None, fitted: str | None = None) -> Row:
        card, problem = self.card(case.kernel), case.problem
        rate = rate_of(problem.flops, seconds) if problem.flops and not card.view else None
        is_moving = problem.definition.told == "byte/s" and not card.view
        traffic = rate_of(problem.operand_bytes, seconds) if is_moving else None
        bandwidth = fastest(self.bandwidths, case.threads)
        first_call_ns = each.first_call_ns if each is not None else None
        return Row(
            case=case,
            card=card,
            seconds=seconds,
            rate=rate,
            peak_share=self._share(case, rate) if rate else None,
            speedup=self._speedup(case, seconds, each),
            processes=processes_of(each.samples) if each is not None else 0,
            first_call_s=None if first_call_ns is None else first_call_ns * 1e-9,
            extrapolated=each is None,
            ended=each.reason if each is not None and each.outcome == "ended" else None,
            fitted=fitted,
            traffic=traffic,
            bandwidth_fraction=traffic.estimate / bandwidth if traffic and bandwidth else None,
        )

    def _speedup(self, case: Case, seconds: Interval, each: Measurement | None) -> SpeedUp | None:
        base = Case(self.base, case.problem, 1)
        measured = self.found.get(base)
        if base in self.predicted and case == base:
            return SpeedUp(self.base, 1.0, 1.0, 1.0, extrapolated=True)  # a time over itself, whatever it is
        if base in self.predicted:
            of_base, of_case = self.predicted[base][0], seconds
        elif measured is None or not len(measured.samples) or measured.outcome == "wrong":
            return None
        elif each is not None:
            ratio = paired_ratio(measured.samples, each.samples)
            return None if ratio is None else SpeedUp(self.base, ratio.estimate, ratio.low, ratio.high)
        else:
            of_base, of_case = call_interval(measured.samples), seconds
        ratio = _ratio(of_base, of_case)
        return SpeedUp(self.base, ratio.estimate, ratio.low, ratio.high, extrapolated=True)


def _ratio(over: Interval, under: Interval) -> Interval:
    """The ratio of two independent estimates, with the widest bounds that theirs allow."""
    low, high = over.low, over.high
    if low is None or high is None:
        return Interval(over.estimate / under.estimate)
    return Interval(
        over.estimate / under.estimate, low / (under.high or under.estimate), high / (under.low or under.estimate)
    )


def operations_of(record: Record) -> tuple[OperationName, ...]:
    """The operations that a record has measurements of, the product first."""
    there = {each.case.problem.operation for each in record.measurements}
    return tuple(each for each in OPERATIONS if each in there)


def _base(record: Record, operation: OperationName, asked: str | None) -> str:
    """The kernel that speed-ups of an operation are told over: that of the plan may be another one's."""
    known = {each.case.kernel: each.case.problem.operation for each in record.measurements}
    wanted = (name for name in (asked, record.header.plan.base) if name is not None)
    return next((name for name in wanted if known.get(name, PRODUCT) == operation), OPERATIONS[operation].base)


def tabulate(record: Record, base: str | None = None, operation: OperationName | None = None) -> Table:
    """All rows of a record, or of one operation in it.

    Parameters
    ----------
    record
        What was measured, complete or not.
    base
        Kernel that speed-ups are told over; the plan's by default.
    operation
        Whose rows; by default the product's or, where there is none, those of the first operation there is.

    Returns
    -------
    Table
        Rows by dtype and size, in the order of the ladder within each problem.
    """
    there = operations_of(record)
    chosen = operation or (there[0] if there else PRODUCT)
    name = _base(record, chosen, base)
    roofs, streams = peaks(record.ceilings), bandwidths(record.ceilings)
    return Table(
        machine=record.header.machine,
        cpu=record.header.host.cpu.brand,
        base=name,
        rows=tuple(_Reader(record, chosen, name, roofs, streams).rows()),
        peaks=roofs,
        bandwidths=streams,
        operation=chosen,
    )
