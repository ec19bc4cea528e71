"""Intervals of speed-ups in worlds of simulated noise, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from matbench.analyse.statistics import paired_ratio
from matbench.analyse.worlds import WORLDS, A, B
from matbench.model import Samples

TRIALS = 500
TRUTH = 10.0  # times faster than the base
PROCESSES, ROUNDS = 6, 3  # as `matbench run` has them


def samples_of(logs, call_ns):
    """One sample a process and round; the calls took `call_ns` but for the noise."""
    processes, rounds = logs.shape
    elapsed = np.rint(1000 * call_ns * np.exp(logs)).astype(int).ravel().tolist()
    places = [(process, turn) for process in range(processes) for turn in range(rounds)]
    return Samples((1000,) * len(elapsed), tuple(elapsed), *zip(*places, strict=True))


def coverage(world, processes, rounds, seed=1):
    """The share of simulated cells whose interval holds the truth."""
    rng, held = np.random.default_rng(seed), 0
    for _ in range(TRIALS):
        # In each round base and kernel stand in random order.
        arms = rng.permuted(np.broadcast_to(np.array([A, B]), (processes, rounds, 2)), axis=2)
        logs = WORLDS[world](rng, arms).logs
        base, other = (logs[arms == arm].reshape(processes, rounds) for arm in (A, B))
        found = paired_ratio(samples_of(base, 1e6 * TRUTH), samples_of(other, 1e6))
        held += found.low <= TRUTH <= found.high
    return held / TRIALS


@pytest.mark.parametrize("world", WORLDS)
def test_a_speed_up_s_interval_over_six_processes_holds_the_truth_in_every_world(world):
    assert coverage(world, PROCESSES, ROUNDS) >= 0.93


@pytest.mark.parametrize("processes", [3, 4, 5])
@pytest.mark.parametrize("world", WORLDS)
def test_that_over_three_to_five_does_so_too(world, processes):
    assert coverage(world, processes, ROUNDS) >= 0.93


def test_the_interval_of_one_process_fails_where_layout_differs_from_process_to_process():
    """As many samples, all of one process: its interval is of this process, and says nothing of another."""
    assert coverage("layout per process", 1, PROCESSES * ROUNDS) < 0.7
    assert coverage("iid", 1, PROCESSES * ROUNDS) >= 0.93
