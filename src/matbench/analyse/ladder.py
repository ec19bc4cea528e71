"""The derived figures of a whole record: times, rates, shares of the peak, speed-ups, predictions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from matbench.analyse.predict import predict_whole
from matbench.analyse.rows import Interval, Row, SpeedUp, Table
from matbench.analyse.statistics import call_seconds, median_interval, paired_ratio
from matbench.model import DTYPES, Case, Ceiling, KernelCard, Measurement, Problem, Record

INTERPRETED = (
    "pure Python"  # the family whose rows all take alike: no cache blocking, no threads, no matrix-vector path
)

__all__ = ["bandwidths", "peaks", "tabulate"]


def peaks(ceilings: Iterable[Ceiling]) -> dict[str, Interval]:
    """The measured FMA peak, flop/s, by ``'<dtype>/<threads>'``: the best sample of the best vector width.

    A limit is what was reached, were it once: interruptions only take away from it.
    """
    return _best((f"{each.dtype}/{each.threads}", each) for each in ceilings if each.kind == "fma")


def bandwidths(ceilings: Iterable[Ceiling]) -> dict[str, Interval]:
    """The measured memory bandwidth, byte/s, by ``'<read|triad>/<threads>'``: the best sample, as STREAM has it."""
    return _best((f"{each.kind}/{each.threads}", each) for each in ceilings if each.kind != "fma")


def _best(ceilings: Iterable[tuple[str, Ceiling]]) -> dict[str, Interval]:
    found: dict[str, Interval] = {}
    for key, each in ceilings:
        if len(each.samples):
            rate = each.work / min(call_seconds(each.samples))
            if key not in found or rate > found[key].estimate:
                found[key] = Interval(rate)
    return found


def _rate(work: float, seconds: Interval) -> Interval:
    """Work over time, with the time's bounds the other way round."""
    return Interval(
        work / seconds.estimate,
        None if seconds.high is None else work / seconds.high,
        None if seconds.low is None else work / seconds.low,
    )


def _key(problem: Problem) -> tuple[Any, ...]:
    """Dtype by dtype, squares before rectangles, small before large."""
    return DTYPES.index(problem.dtype), not problem.is_square, problem.flops, problem.m, problem.n, problem.layout


@dataclass
class _Reader:
    """A record's measurements by case, with what every row needs to be read against."""

    record: Record
    base: str
    peaks: dict[str, Interval]

    def __post_init__(self) -> None:
        self.cards = {card.name: card for card in self.record.header.kernels}
        self.order = {name: place for place, name in enumerate(self.cards)}
        self.found = {each.case: each for each in self.record.measurements}
        self.predicted = dict(self._predictions())

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
        return self._filled(case, median_interval(call_seconds(each.samples)), each)

    def _filled(self, case: Case, seconds: Interval, each: Measurement | None, fitted: str | None = None) -> Row:
        rate = _rate(case.problem.flops, seconds)
        peak = self.peaks.get(f"{case.problem.dtype}/{case.threads}")
        first_call_ns = each.first_call_ns if each is not None else None
        return Row(
            case=case,
            card=self.card(case.kernel),
            seconds=seconds,
            rate=rate,
            peak_fraction=rate.estimate / peak.estimate if peak else None,
            speedup=self._speedup(case, seconds, each),
            first_call_s=None if first_call_ns is None else first_call_ns * 1e-9,
            extrapolated=each is None,
            ended=each.reason if each is not None and each.outcome == "ended" else None,
            fitted=fitted,
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
            of_base, of_case = median_interval(call_seconds(measured.samples)), seconds
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


def tabulate(record: Record, base: str | None = None) -> Table:
    """All rows of a record.

    Parameters
    ----------
    record
        What was measured, complete or not.
    base
        Kernel that speed-ups are told over; the plan's by default.

    Returns
    -------
    Table
        Rows by dtype and size, in the order of the ladder within each problem.
    """
    name = base or record.header.plan.base
    roofs = peaks(record.ceilings)
    return Table(
        machine=record.header.machine,
        cpu=record.header.host.cpu.brand,
        base=name,
        rows=tuple(_Reader(record, name, roofs).rows()),
        peaks=roofs,
        bandwidths=bandwidths(record.ceilings),
    )
