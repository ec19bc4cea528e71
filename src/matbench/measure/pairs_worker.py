"""A sampling process of a comparison: started afresh, it takes one job and does nothing else.

Run as ``python -m matbench.measure.pairs_worker [BLAS library ..]``; it speaks as ``matbench.measure.worker`` does.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import BinaryIO, TextIO, cast

from matbench.kernels import Registry, default_registry
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.libraries import add_blas_kernels
from matbench.measure.pairs_bench import PairBench
from matbench.measure.pairs_counters import SystemCounters
from matbench.measure.pairs_verify import Forks
from matbench.measure.protocol import Finished, Go, Hello, PairJob, Pause
from matbench.measure.threads import ThreadControl
from matbench.measure.worker import Channel, described_libraries

__all__ = ["compare", "main"]


def compare(job: PairJob, registry: Registry, channel: Channel, clock: Clock) -> None:
    """Do a job, asking for leave to go on wherever nothing is being timed."""
    gc.collect()
    gc.freeze()  # what is imported stays: no later collection has to look at it
    bench = PairBench(
        job=job,
        registry=registry,
        clock=clock,
        counters=SystemCounters(),
        control=ThreadControl(),
        tell=channel.tell,
        forks=Forks(),
    )
    for done in bench.run():
        channel.tell(Pause(block=done, left_s=0.0))
        answer = channel.order()
        if not isinstance(answer, Go) or answer.stop:
            return  # without a report: what it has told does not count
    channel.tell(bench.report())


def main() -> None:
    """Greet, take a job, do it, say goodbye."""
    outgoing = cast("BinaryIO", os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # prints of kernels must not look like messages
    sys.stdout = cast("TextIO", sys.stderr)
    registry = Registry(default_registry())
    add_blas_kernels(registry, sys.argv[1:])
    channel = Channel(sys.stdin.buffer, outgoing)
    channel.tell(Hello(libraries=described_libraries()))
    job = channel.order()
    if isinstance(job, PairJob):
        compare(job, registry, channel, SystemClock())
    channel.tell(Finished(threading_layer=None, libraries=described_libraries()))
    outgoing.close()
    os._exit(0)  # the listening thread still waits for input; there is nothing left to clean up


if __name__ == "__main__":
    main()
