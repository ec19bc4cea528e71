"""V1: what holds exactly, whatever the noise: sizes by enumeration, symmetries, balance, label-blind dropping."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import msgspec
import numpy as np
import pytest
import trust_checks
from scipy.stats import binomtest

from matbench.analyse.pair_blocks import disturbances, reduce_cells
from matbench.analyse.pairs import verdicts
from matbench.analyse.statistics import median_interval, rank_of_bound, sign_test
from matbench.analyse.worlds import WORLDS, Harness, compare, one_process
from matbench.measure.order import orders

HARNESS = Harness(orders)


@pytest.mark.parametrize("check", [trust_checks.check_balance, trust_checks.check_chance])
def test_the_schedule_is_balanced_and_random(check):
    check(orders)


@pytest.mark.parametrize("check", trust_checks.HARNESS_CHECKS)
def test_reduction_passes(check):
    check(HARNESS)


def test_a_mirrored_block_gives_every_arm_the_same_mean_place():
    for row in orders(3, 24, random.Random(1)):
        places = {arm: [place for place, each in enumerate(row) if each == arm] for arm in range(3)}
        assert {sum(each) for each in places.values()} == {5}


def test_steady_drift_within_a_block_cancels():
    arms = HARNESS.schedules[:12]
    slope = np.linspace(0, 0.3, arms[0].size).reshape(arms[0].shape)
    for process, row in enumerate(arms):
        elapsed = np.rint(3e9 * np.exp(slope)).astype(np.int64)
        record = one_process(HARNESS.settings, process, row, elapsed, elapsed)
        [value] = reduce_cells(record)[0].values
        assert abs(value.ratio) < 1e-8
        assert abs(value.control) < 1e-8


@pytest.mark.parametrize("count", range(6, 13))
def test_the_interval_misses_the_median_in_exactly_as_many_sign_patterns_as_the_rank_says(count):
    """Every pattern of signs is equally likely for identical code: all of them are tried."""
    missed = 0
    for signs in itertools.product((-1, 1), repeat=count):
        found = median_interval([sign * (place + 1.0) for place, sign in enumerate(signs)], 0.99)
        missed += found.low is not None and not found.low <= 0 <= found.high
    rank = rank_of_bound(count, 0.99)
    allowed = sum(Fraction(math.comb(count, below), 2**count) for below in range(rank or 0)) * 2
    assert Fraction(missed, 2**count) == allowed
    assert allowed <= Fraction(1, 100)


def test_twelve_processes_allow_one_dissenter_at_99_percent():
    assert sign_test([1.0] * 11 + [-1.0]) == pytest.approx(1 - 0.99365, abs=1e-5)
    assert sign_test([1.0] * 10 + [-1.0] * 2) > 0.01


@pytest.mark.parametrize("count", [1, 7, 12, 13, 32])
def test_the_sign_test_is_scipys(count):
    for above in range(count + 1):
        values = [1.0] * above + [-1.0] * (count - above)
        assert sign_test(values) == pytest.approx(binomtest(above, count).pvalue)


def test_dropping_never_looks_at_labels():
    for seed in range(40):
        record = trust_checks.noisy_record(seed, HARNESS)
        shuffled = random.Random(seed)
        replace = msgspec.structs.replace
        blocks = []
        for block in record.blocks:
            labels = [each.arm for each in block.samples]
            shuffled.shuffle(labels)
            samples = (replace(each, arm=arm) for each, arm in zip(block.samples, labels, strict=True))
            blocks.append(replace(block, samples=tuple(samples)))
        assert disturbances(blocks, 1) == disturbances(record.blocks, 1)


def test_some_blocks_of_the_world_of_spikes_are_dropped_and_most_are_kept():
    why = [each for seed in range(20) for each in disturbances(trust_checks.noisy_record(seed, HARNESS).blocks, 1)]
    assert 0.05 < sum(each is not None for each in why) / len(why) < 0.25


def test_processes_are_reduced_apart_from_each_other():
    """What the simulation relies on: reducing processes together or one by one is the same."""
    records = [trust_checks.noisy_record(seed, HARNESS) for seed in range(5)]
    replace = msgspec.structs.replace
    blocks, processes = [], []
    for index, record in enumerate(records):
        blocks += [replace(block, process=index) for block in record.blocks]
        processes.append(replace(record.processes[0], process=index))
    together = reduce_cells(replace(records[0], processes=tuple(processes), blocks=tuple(blocks)))[0]
    apart = [reduce_cells(record)[0] for record in records]
    assert [value.ratio for value in together.values] == [each.values[0].ratio for each in apart]
    assert together.blocks == sum(each.blocks for each in apart)


def test_order_of_lines_in_the_file_does_not_matter_and_bits_repeat():
    record = trust_checks.noisy_record(3, HARNESS)
    backwards = msgspec.structs.replace(record, blocks=record.blocks[::-1])
    assert msgspec.json.encode(verdicts(record)) == msgspec.json.encode(verdicts(backwards))


def test_the_same_seed_gives_the_same_comparison():
    once, again = (compare(HARNESS, WORLDS["iid"], 1.0, np.random.default_rng(5)) for _ in range(2))
    assert once == again
