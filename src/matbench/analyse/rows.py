"""The derived figures of a record, one row a case: what tables, figures and ``--json`` are drawn from."""

from __future__ import annotations

from msgspec import field

from matbench.model import Case, KernelCard, Value
from matbench.operations import OperationName

__all__ = ["Interval", "Row", "SpeedUp", "Table"]


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


class Row(Value, frozen=True):
    """One case with its derived figures; what has no value is None."""

    case: Case
    card: KernelCard
    seconds: Interval | None = None  # time of one call, s
    rate: Interval | None = None  # operations, 2 m n k for a product, over the time, flop/s
    peak_fraction: float | None = None  # rate over the measured peak of the same dtype and thread count
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


class Table(Value, frozen=True):
    """All rows of one operation in a record and what they are read against."""

    machine: str  # anonymous label
    cpu: str  # brand string
    base: str  # kernel that speed-ups are told over
    rows: tuple[Row, ...] = ()  # in ladder order within each problem, problems by dtype and size
    peaks: dict[str, Interval] = field(default_factory=dict)  # '<dtype>/<threads>' -> measured FMA peak, flop/s
    bandwidths: dict[str, Interval] = field(default_factory=dict)  # '<read|triad>[_<cache>]/<threads>' -> byte/s
    operation: OperationName = "matmul"  # that the rows are of
