"""What a product too slow to be measured whole would take, from a few of its rows.

Rows of C are computed alike, each from one row of A and all of B. So the time of the first m rows of an n x n product
is a straight line in m, whose slope carries everything that depends on n: above all whether B still fits in a cache,
which a fit over smaller n can't know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matbench.analyse.rows import Interval
from matbench.analyse.statistics import CONFIDENCE
from matbench.model import Problem

__all__ = ["DRIFT", "is_slab", "predict_whole"]

MOST_SHARE = 100  # a slab has at most a hundredth of the rows
# Relative: how far minutes of a machine's time may lie from seconds of it, beyond what the fit can see. On a shared
# 2-CPU guest the same rows of python_lists at n = 1000 predicted 92, 100, 140, 150 and 198 s within an hour, and the
# whole took 149 and 172 s: neighbours take the last cache and the processor in turns.
DRIFT = 0.35


def is_slab(problem: Problem) -> bool:
    """Whether a problem is a few rows of a square one.

    Examples
    --------
    >>> is_slab(Problem(4, 1000, 1000)), is_slab(Problem(16, 1000, 1000))
    (True, False)
    """
    return problem.n == problem.k and problem.m * MOST_SHARE <= problem.n


def predict_whole(points: Sequence[tuple[int, float]], rows: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Time of all rows with its prediction interval, from times of few.

    A straight line is fitted by least squares of the relative errors. Means are fitted and not medians: a call of
    minutes meets every interruption that seconds meet now and then.

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
        Seconds; None unless there are at least four samples over two numbers of rows, and rows take time.

    Notes
    -----
    The variance of a prediction is that of the fitted line at `rows`, plus the scatter of single samples, plus
    `DRIFT` for what a machine does over minutes; Student's t with the fit's degrees of freedom.
    """
    if len(points) < 4 or len({m for m, _ in points}) < 2:
        return None
    from scipy.special import stdtrit  # noqa: PLC0415  a quarter of a second that most readers never need

    m, seconds = np.array(points, dtype=float).T
    weights = 1.0 / seconds
    design = np.stack([np.ones_like(m), m], axis=1) * weights[:, None]
    solve = np.linalg.pinv(design)  # also of rows and times so far apart that the normal equations are singular
    line = solve.sum(axis=1)
    freedom = len(points) - 2
    scatter = float(np.sum((design @ line - 1.0) ** 2)) / freedom
    at = np.array([1.0, rows])
    whole = float(at @ line)
    if not line[1] > 0 or not whole > 0:
        return None
    spread = scatter * float(np.sum((at @ solve) ** 2)) + (scatter + DRIFT**2) * whole**2
    reach = float(stdtrit(freedom, 0.5 + confidence / 2)) * spread**0.5
    return Interval(whole, min(whole, max(whole - reach, float(min(seconds)))), whole + reach)
