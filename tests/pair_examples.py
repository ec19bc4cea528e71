"""Comparisons that never ran: one process a log-ratio, whose only block says just that."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from matbench.analyse.worlds import one_process
from matbench.pairing import PairBlock, PairProcess, PairRecord, Sample, Settings


def record(*cells, settings=None, refusals=()):
    """A record of one cell for each list of log-ratios, one process a value."""
    header = one_process(Settings(), 0, *[np.zeros((0, 0), int)] * 3).header
    header = msgspec.structs.replace(header, settings=settings or Settings(), cells=header.cells * len(cells))
    blocks = tuple(
        PairBlock(
            cell=index,
            process=process,
            block=0,
            loops=1,
            samples=tuple(Sample(arm, round(1e8 * math.exp(log if arm == "b" else 0.0))) for arm in ("a", "c", "b")),
        )
        for index, logs in enumerate(cells)
        for process, log in enumerate(logs)
    )
    processes = tuple(PairProcess(each, seed=0) for each in range(max(map(len, cells))))
    return PairRecord(header, processes, blocks, tuple(refusals))


def spread(centre, width, count=12):
    """Log-ratios around a centre."""
    return [centre + width * (place / (count - 1) - 0.5) for place in range(count)]
