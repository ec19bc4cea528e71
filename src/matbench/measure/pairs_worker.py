"""What a sampling process does whose job is a comparison; `matbench.measure.worker` is how it is started and speaks."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from matbench.kernels import Registry
from matbench.measure.clock import Clock
from matbench.measure.pairs_bench import PairBench
from matbench.measure.pairs_beside import search
from matbench.measure.pairs_counters import SystemCounters
from matbench.measure.pairs_verify import Forks
from matbench.measure.protocol import Go, PairJob, Pause
from matbench.measure.threads import ThreadControl

if TYPE_CHECKING:
    from matbench.measure.worker import Channel

__all__ = ["compare"]


def compare(job: PairJob, registry: Registry, channel: Channel, clock: Clock) -> None:
    """Do a job, asking for leave to go on wherever nothing is being timed."""
    gc.collect()
    gc.freeze()  # what is imported stays: no later collection has to look at it
    search(job.search)
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
