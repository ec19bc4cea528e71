"""What a product too slow to be measured whole would take, from a few of its rows.

Rows of C are computed alike, each from one row of A and all of B. So the time of the first m rows of an n x n product
is proportional to m, and the time of a row carries everything that depends on n: above all whether B still fits in a
cache, which a fit over smaller n can't know. What the call itself costs, a microsecond, is lost in a row's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, median

from matbench.analyse.rows import Interval
from matbench.analyse.statistics import CONFIDENCE

__all__ = ["DRIFT", "predict_whole"]

# Standard deviation of the logarithm: how far minutes of a machine's time lie from seconds of it, beyond what the rows
# themselves show. On a shared 2-CPU guest the same rows of python_lists at n = 1000 predicted 92, 100, 140, 150 and
# 198 s within an hour, and the whole took 149 and 172 s: neighbours take the last cache and the processor in turns.
DRIFT = 0.25


def predict_whole(points: Sequence[tuple[int, float]], rows: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Time of all rows with its prediction interval, from times of few.

    Parameters
    ----------
    points
        ``(rows, seconds)``, one a sample.
    rows
        How many rows the whole has.
    confidence
        Of the prediction interval, two-sided.

    Returns
    -------
    Interval or None
        Seconds; None unless there are at least four samples over two numbers of rows.

    Notes
    -----
    The interval reaches from the fastest to the slowest row that was measured, each moved outwards by what a machine
    does over minutes: a factor of ``exp(z DRIFT)`` with z the normal quantile.
    """
    if len(points) < 4 or len({m for m, _ in points}) < 2:
        return None
    row_s = [seconds / m for m, seconds in points]
    drift = math.exp(NormalDist().inv_cdf(0.5 + confidence / 2) * DRIFT)
    return Interval(rows * median(row_s), rows * min(row_s) / drift, rows * max(row_s) * drift)
