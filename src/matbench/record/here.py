"""The machine at hand, looked at once before a run: what it is, its software, its state, what a run may take."""

from __future__ import annotations

import os

from matbench.model import Conditions, Environment, Host
from matbench.record.environment import environment_given
from matbench.record.host import read_conditions, read_environment, read_host
from matbench.record.tuning import environment_with_blocks
from matbench.spinning import short_spins
from matbench.tuning import TunedBlocks

__all__ = ["Machine"]

SHARE_OF_MEMORY = 0.7  # of what is free that one case may take: the rest of the machine lives on


class Machine:
    """What is known of this machine before a run: host, environment, conditions."""

    def __init__(self) -> None:
        self.host: Host = read_host()
        # Of a sampling process, which is given more than is set here.
        self.environment: Environment = environment_given(read_environment(), short_spins(os.environ))
        self.conditions: Conditions = read_conditions()
        self.tuned: tuple[TunedBlocks, ...] = ()  # what kernels are handed

    def hand(self, blocks: tuple[TunedBlocks, ...]) -> None:
        """Take note of the blocks that kernels are handed: with others, a run is one in another environment."""
        self.tuned, self.environment = blocks, environment_with_blocks(self.environment, blocks)

    @property
    def processors(self) -> int:
        """Processors this process may use: by affinity and by the control group's quota."""
        allowed = self.conditions.affinity or self.host.logical_cpus
        quota = self.conditions.cpu_quota
        return max(1, min(allowed, -int(-quota // 1))) if quota else allowed

    @property
    def memory_bytes(self) -> int:
        """Memory that one case may take."""
        return int(SHARE_OF_MEMORY * (self.conditions.available_bytes or 2**32))
