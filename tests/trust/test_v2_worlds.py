"""V2: false alarms, coverage and power in seven worlds of simulated noise, within the tolerances of `trust_checks`."""

from __future__ import annotations

import pytest
import trust_checks

from matbench.analyse.worlds import WORLDS, Harness
from matbench.measure.order import orders

HARNESS = Harness(orders)


@pytest.mark.parametrize("world", WORLDS)
def test_identical_code_is_not_called_different_in(world):
    trust_checks.check_same(HARNESS, world, 400)


@pytest.mark.parametrize("truth", [1.02, 1 / 1.02], ids=["faster", "slower"])
@pytest.mark.parametrize("world", WORLDS)
def test_a_change_of_two_percent_is_found_in(world, truth):
    trust_checks.check_change(HARNESS, world, 100, truth)


def test_a_harness_that_favours_an_arm_is_found_out():
    trust_checks.check_crooked(HARNESS, 60)
