"""V7: the suite can fail: each faulty way of comparing turns a check of V1 or V2 red."""

from __future__ import annotations

import dataclasses
import functools
import statistics

import msgspec
import pytest
import trust_checks

from matbench.analyse.pair_blocks import reduce_cells
from matbench.analyse.pair_rules import bounds
from matbench.analyse.statistics import median_interval
from matbench.analyse.worlds import Harness
from matbench.measure.order import orders

HONEST = Harness(orders)
replace = msgspec.structs.replace


def fixed_order(arms, blocks, _):
    """A A' B B A' A in every block."""
    row = tuple(range(arms))
    return (row + row[::-1],) * blocks


def pooled(record):
    """Every block counts, as if blocks of one process were independent."""
    values = []
    for index, block in enumerate(record.blocks):
        alone = replace(record, blocks=(replace(block, block=index),))
        values += [replace(value, process=index) for value in reduce_cells(alone)[0].values]
    return replace(reduce_cells(record)[0], values=tuple(values))


def without_control(record):
    """The control is never looked at."""
    reduction = reduce_cells(record)[0]
    return replace(reduction, values=tuple(replace(value, control=0.0) for value in reduction.values))


def dropping_slow_b(record):
    """Blocks in which B was slow are taken for disturbed."""

    def time_of_b(block):
        return sum(each.elapsed_ns for each in block.samples if each.arm == "b")

    limit = statistics.median(time_of_b(block) for block in record.blocks)
    return reduce_cells(replace(record, blocks=tuple(each for each in record.blocks if time_of_b(each) <= limit)))[0]


def significant(reduction, settings):
    """Stop as soon as the interval excludes equality."""
    low, high = bounds(median_interval([value.ratio for value in reduction.values], settings.confidence))
    return low > 0 or high < 0


PEEKING = replace(HONEST.settings, processes=8, more_processes=1)
MUTANTS = {
    "fixed order": dataclasses.replace(HONEST, orders=fixed_order),
    "pooled processes": dataclasses.replace(HONEST, reduce=pooled),
    "peeking": dataclasses.replace(HONEST, settings=PEEKING, narrow=significant),
    "no control": dataclasses.replace(HONEST, reduce=without_control),
    "unequal loops": dataclasses.replace(HONEST, loops=(1.0, 1.0, 2.0)),
    "arm-dependent dropping": dataclasses.replace(HONEST, reduce=dropping_slow_b),
}


def identical_code(world):
    """V2: false alarms, coverage, and not INVALID for nothing."""
    return functools.partial(trust_checks.check_same, world=world, count=200)


CHECKS = {
    "V1 balance": lambda harness: trust_checks.check_balance(harness.orders),
    "V1 labels": trust_checks.check_antisymmetry,
    "V1 unit": trust_checks.check_unit,
    "V2 iid": identical_code("iid"),
    "V2 layout": identical_code("layout per process"),
    "V2 crooked": functools.partial(trust_checks.check_crooked, count=20),
}
FOUND_OUT = [
    ("fixed order", "V1 balance"),
    ("fixed order", "V2 iid"),
    ("pooled processes", "V1 unit"),
    ("pooled processes", "V2 layout"),
    ("peeking", "V2 iid"),
    ("no control", "V2 crooked"),
    ("unequal loops", "V2 iid"),
    ("arm-dependent dropping", "V1 labels"),
    ("arm-dependent dropping", "V2 iid"),
]


@pytest.mark.parametrize(("mutant", "check"), FOUND_OUT)
def test_a_mutant_is_found_out(mutant, check):
    with pytest.raises(AssertionError):
        CHECKS[check](MUTANTS[mutant])


def test_every_mutant_is_tried():
    assert {mutant for mutant, _ in FOUND_OUT} == set(MUTANTS)


@pytest.mark.parametrize("check", CHECKS)
def test_the_honest_harness_passes_what_finds_mutants_out(check):
    CHECKS[check](HONEST)
