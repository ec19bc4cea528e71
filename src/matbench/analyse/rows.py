"""The derived figures of a record, one row a case: what tables, figures and ``--json`` are drawn from."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from matbench.model import Case, KernelCard, Value
from matbench.operations import OperationName

__all__ = ["Beside", "Interval", "Row", "Share", "SpeedUp", "Table"]

Beside = Literal["round", "process", "run"]  # which chains of multiply-adds a rate is told over: nearest first


class Interval(Value, frozen=True):
    """An estimate with the bounds of its confidence or prediction interval; bounds are None where there is none."""

    estimate: float
    low: float | None = None
    high: float | None = None


class SpeedUp(Value, frozen=True):
    """How many times faster than the base kernel at the same problem: time of the base over time of the kernel."""

    base: str  # kernel name; the base runs with one thread
    estimate: float
    low: float | None = None
    high: float | None = None
    extrapolated: bool = False  # whether the base's time is a prediction


class Share(Value, frozen=True):
    """The rate of a case over that of chains of multiply-adds of the same dtype and thread count."""

    estimate: float
    low: float | None = None
    high: float | None = None
    beside: Beside = "run"  # the chain of the same round, the middle one of the same process, the fastest of the run


class Row(Value, frozen=True):
    """One case with its derived figures; what has no value is None."""

    case: Case
    card: KernelCard
    seconds: Interval | None = None  # time of one call, s
    rate: Interval | None = None  # operations, 2 m n k for a product, over the time, flop/s
    peak_share: Share | None = None  # of the multiply-add peak
    speedup: SpeedUp | None = None
    processes: int = 0  # sampling processes that took its samples: what its intervals are over
    first_call_s: float | None = None  # first call, compilation included, s
    extrapolated: bool = False  # whether `seconds` is a prediction, its bounds a prediction interval
    fitted: str | None = None  # for a prediction: the range it was fitted on, in words
    skipped: str | None = None  # the reason why there is no time
    ended: str | None = None  # the reason why there are fewer samples than planned: it was stopped
    wrong: bool = False  # the result failed the oracle: never timed
    traffic: Interval | None = None  # bytes that have to be moved over the time, byte/s: of what is told in them
    bandwidth_fraction: float | None = None  # traffic over the measured memory bandwidth; above 1 within the caches

    @property
    def peak_fraction(self) -> float | None:
        """The share of the peak without its interval."""
        return None if self.peak_share is None else self.peak_share.estimate


class Table(Value, frozen=True):
    """All rows of one operation in a record and what they are read against."""

    machine: str  # anonymous label
    cpu: str  # brand string
    base: str  # kernel that speed-ups are told over
    rows: tuple[Row, ...] = ()  # in ladder order within each problem, problems by dtype and size
    peaks: dict[str, Interval] = field(default_factory=dict)  # '<dtype>/<threads>' -> measured FMA peak, flop/s
    bandwidths: dict[str, Interval] = field(default_factory=dict)  # '<read|triad>[_<cache>]/<threads>' -> byte/s
    operation: OperationName = "matmul"  # that the rows are of
