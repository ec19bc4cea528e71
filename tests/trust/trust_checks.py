"""What any way of comparing has to pass: schedules, dropping, and verdicts in simulated worlds.

Each check raises AssertionError; the product's own parts pass them all, each mutant fails at least one.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from random import Random

import msgspec
import numpy as np

from matbench.analyse.trust import SAME
from matbench.analyse.worlds import CROOKED, WORLDS, one_process, simulate, times

FALSE_ALARMS = 0.01  # of comparisons of identical code
COVERAGE = 0.98  # of intervals hold the truth (99 % are meant to)
POWER = 0.95  # of the decided comparisons find a change of 2 %
DECIDED = 0.80  # of comparisons come to a word on the difference: the rest is INCONCLUSIVE where processes differ much
CHANGE = 1.02


def check_balance(orders):
    """Each arm stands at each place, and next after each other arm, equally often; nothing but chance decides more."""
    for arms in (2, 3, 4, 5):
        whole = 2 * arms if arms % 2 else arms
        for seed in range(5):
            drawn = orders(arms, 6 * whole, Random(seed))
            rows = [row[:arms] for row in drawn]
            assert all(sorted(row) == list(range(arms)) for row in rows)
            for start in range(0, len(rows), arms):
                part = rows[start : start + arms]
                assert all(len(set(column)) == arms for column in zip(*part, strict=True))
            after = Counter(pair for row in rows for pair in itertools.pairwise(row))
            assert len(set(after.values())) == 1
            assert len(after) == arms * (arms - 1)


def check_chance(orders):
    """A first block has every order equally often: no arm is favoured, whatever the places are worth."""
    drawn = Counter(orders(3, 16, Random(seed))[0][:3] for seed in range(1200))
    assert len(drawn) == 6
    # Each count is binomial (1200, 1/6): 200 with a standard deviation of 13.
    assert all(abs(count - 200) < 52 for count in drawn.values())


def noisy_record(seed, harness):
    """One process's samples in the world of spikes, as the product schedules them."""
    rng = np.random.default_rng(seed)
    arms = harness.schedules[rng.integers(len(harness.schedules), size=1)]
    elapsed, cpu = times(harness, WORLDS["spikes"](rng, arms), arms, SAME)
    return one_process(harness.settings, 0, arms[0], elapsed[0], cpu[0])


def relabelled(record, names):
    """The record with its arms called otherwise."""
    replace = msgspec.structs.replace
    blocks = tuple(
        replace(block, samples=tuple(replace(each, arm=names[each.arm]) for each in block.samples))
        for block in record.blocks
    )
    return replace(record, blocks=blocks)


def check_antisymmetry(harness):
    """With A and B called each other's names the ratio is the reciprocal, to the bit, from the same blocks."""
    for seed in range(40):
        record = noisy_record(seed, harness)
        there = harness.reduce(record)
        back = harness.reduce(relabelled(record, {"a": "b", "b": "a", "c": "c"}))
        assert [value.ratio for value in there.values] == [-value.ratio for value in back.values]
        assert there.dropped == back.dropped
        assert [value.kept for value in there.values] == [value.kept for value in back.values]


def check_scale(harness):
    """A machine half as fast gives the same ratios."""
    replace = msgspec.structs.replace
    for seed in range(10):
        record = noisy_record(seed, harness)
        slower = tuple(
            replace(
                block,
                samples=tuple(
                    replace(each, elapsed_ns=2 * each.elapsed_ns, cpu_ns=2 * each.cpu_ns) for each in block.samples
                ),
            )
            for block in record.blocks
        )
        once = harness.reduce(record).values
        twice = harness.reduce(replace(record, blocks=slower)).values
        assert len(once) == len(twice)
        for fast, slow in zip(once, twice, strict=True):
            assert math.isclose(fast.ratio, slow.ratio, abs_tol=1e-12)
            assert math.isclose(slow.log_a - fast.log_a, math.log(2), abs_tol=1e-12)


def check_unit(harness):
    """A process counts once, however many blocks it has."""
    assert len(harness.reduce(noisy_record(1, harness)).values) == 1


def check_same(harness, world, count, seed=1):
    """Identical code: hardly ever called different, not called INVALID for nothing, held by the interval."""
    found = simulate(harness, WORLDS[world], count, SAME, seed)
    assert found.wrong <= FALSE_ALARMS * count, found
    assert found.covered >= COVERAGE * found.intervals, found
    assert found.invalid <= 0.02 * count, found
    assert found.decided >= DECIDED * count, found
    return found


def check_change(harness, world, count, truth=CHANGE, seed=2):
    """A change of 2 %: found, with its sign, and its size held by the interval."""
    found = simulate(harness, WORLDS[world], count, truth, seed)
    assert found.wrong == 0, found
    assert found.found >= POWER * found.decided, found
    assert found.decided >= DECIDED * count, found
    assert found.covered >= COVERAGE * found.intervals - 1, found
    return found


def check_crooked(harness, count, seed=3):
    """A harness that favours one arm is found out by its control: nothing is claimed."""
    found = simulate(harness, CROOKED, count, SAME, seed)
    assert found.claims == 0, found
    assert found.invalid >= 0.95 * count, found


HARNESS_CHECKS = (check_antisymmetry, check_scale, check_unit)
