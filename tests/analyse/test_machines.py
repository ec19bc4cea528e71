"""Runs side by side: only like cells, only common ones, each over one of them, and nothing mixed in silence."""

import msgspec
import numpy as np
import pytest
from compare_examples import SIZES, SPREAD, ladder, measured, other, pair, record, run, skipped, words

from matbench.analyse.machines import AXES, compare
from matbench.analyse.rows import Interval
from matbench.errors import UsageError
from matbench.model import KernelCard


def test_a_run_equals_itself_in_every_cell():
    found = pair(record(), record(mark="000001"))
    assert words(found) == {"EQUIVALENT"}
    assert found.is_one_machine
    assert found.ratios[1, 0] == pytest.approx(1.0)


def test_a_machine_that_is_slower_in_all_is_slower_in_each_cell_and_in_the_mean():
    found = pair()
    assert words(found) == {"SLOWER"}
    (group,) = found.groups()
    assert found.mean(1, group).ratio.estimate == pytest.approx(1 / 1.5, rel=1e-4)
    assert found.mean(1, group).word == "SLOWER"
    assert not found.is_one_machine


def test_the_other_way_round_every_ratio_is_the_reciprocal():
    there, back = pair(), pair(base=1)
    assert back.base == 1
    assert there.ratios[1, 0] == pytest.approx(1 / back.ratios[0, 0])
    assert there.ratios[1, 1] == pytest.approx(1 / back.ratios[0, 2])
    assert there.ratios[1, 2] == pytest.approx(1 / back.ratios[0, 1])


def test_rates_are_shares_of_each_ones_own_peak():
    found = pair()
    matmul = next(
        place for place, cell in enumerate(found.cells) if cell.kernel == "numpy_matmul" and cell.threads == 1
    )
    assert found.rates[:, matmul] == pytest.approx([50e9, 50e9 / 1.5], rel=1e-3)
    assert found.shares[:, matmul] == pytest.approx([50 / 60, 50 / 1.5 / 40], rel=2e-3)


def test_only_what_all_have_counts_and_the_rest_is_listed_with_its_reason():
    fewer = (*ladder(1.5, sizes=(16, 64)), skipped("python_lists", 256, "too slow"))
    found = pair(None, other(measurements=fewer))
    assert {cell.n for cell in found.cells} == {16, 64}
    assert {(each.cell.n, each.lacking) for each in found.excluded} == {(256, (1,)), (1000, (1,))}
    reasons = {each.reason for each in found.excluded if each.cell.kernel == "python_lists" and each.cell.n == 256}
    assert reasons == {"too slow"}


def same(*, dtype="float64", threads=1, layout="C"):
    seconds = 2 * 64**3 / 1e9
    return (measured("numba_ikj", 16, 1e-5), measured("numba_ikj", 64, seconds, threads, dtype, layout=layout))


@pytest.mark.parametrize("unlike", [{"dtype": "float32"}, {"threads": 2}, {"layout": "F"}])
def test_unlike_cells_are_never_compared(unlike):
    found = pair(record(measurements=same()), other(measurements=same(**unlike)))
    assert [cell.n for cell in found.cells] == [16]
    assert len(found.excluded) == 2


def test_namesakes_of_other_origin_are_other_kernels():
    theirs = other()
    cards = tuple(KernelCard(card.name, card.rung, card.idea, origin="elsewhere") for card in theirs.header.kernels)
    renamed = msgspec.structs.replace(theirs, header=msgspec.structs.replace(theirs.header, kernels=cards))
    with pytest.raises(UsageError, match="no cell in common"):
        pair(record(), renamed)


def test_the_seed_of_the_operands_does_not_matter():
    seeded = tuple(
        measured(each.case.kernel, each.case.problem.n, 1e-3, each.case.threads, seed=7) for each in ladder(sizes=(16,))
    )
    assert len(pair(record(), other(measurements=seeded)).cells) == len(seeded)


def test_element_types_have_means_of_their_own():
    both = (*ladder(), *ladder(dtype="float32"))
    slower = (*ladder(1.5), *ladder(1.5, dtype="float32"))
    found = pair(record(measurements=both), other(measurements=slower))
    assert [group.family for group in found.groups()] == ["float64", "float32"]
    assert pair(record(measurements=both), other(measurements=slower), dtype="float32").families == ("float32",)


@pytest.mark.parametrize("axis", AXES)
def test_groups_hold_every_common_cell_once_in_the_order_of_their_axis(axis):
    found = pair()
    groups = found.groups(axis)
    assert sorted(place for group in groups for place in group.places) == list(range(len(found.cells)))
    expected = {
        "kernel": ["python_lists", "numba_ikj", "numpy_matmul"],
        "n": [str(n) for n in SIZES],
        "threads": ["1", "2"],
    }
    assert [group.label for group in groups] == expected[axis]


def test_other_operations_have_means_of_their_own_and_no_rate_where_nothing_is_computed():
    moved = (measured("numpy_transpose", 64, 1e-5, operation="transpose"), *ladder(sizes=(64,)))
    slower = (measured("numpy_transpose", 64, 2e-5, operation="transpose"), *ladder(1.5, sizes=(64,)))
    found = pair(record(measurements=moved), other(measurements=slower))
    assert [group.family for group in found.groups()] == ["float64", "transpose, float64"]
    *_, last = found.groups()
    assert found.mean(1, last).ratio.estimate == pytest.approx(0.5)
    assert found.mean(1, last).share is None
    assert np.isnan(found.rates[:, last.places[0]]).all()


def test_kernels_from_elsewhere_have_times_and_no_rates():
    found = pair(foreign="matbench")
    assert np.isnan(found.rates).all()
    assert not np.isnan(found.ratios).any()


def test_sizes_can_be_chosen():
    assert {cell.n for cell in pair(shapes=((64, 64, 64),)).cells} == {64}


def test_too_few_samples_leave_a_ratio_without_an_interval_and_a_cell_open():
    few = tuple(measured("numba_ikj", n, 1e-9 * n**3, spread=SPREAD[:5]) for n in SIZES)
    found = pair(record(measurements=few), other(measurements=few))
    assert found.ratio(1, 0) == Interval(1.0)
    assert words(found) == {"INCONCLUSIVE"}
    assert found.mean(1, found.groups()[0]).ratio.low is None


def test_means_leave_out_cells_without_an_interval_where_others_have_one():
    found = pair(
        record(measurements=(*ladder(), measured("numba_ikj", 2048, 1.0, spread=SPREAD[:1]))),
        other(measurements=(*ladder(1.5), measured("numba_ikj", 2048, 9.0, spread=SPREAD[:1]))),
    )
    mean = found.mean(1, found.groups()[0])
    assert mean.ratio.estimate == pytest.approx(1 / 1.5, rel=1e-4)
    assert mean.cells == len(ladder())


# -- what can't be compared --------------------------------------------------------------------------------------------


def test_one_run_alone_is_no_comparison():
    with pytest.raises(UsageError, match="one run alone"):
        compare([run(record())])


def test_an_invalid_run_is_set_aside_and_said():
    found = compare([run(record(), "a"), run(record(mark="000001"), "b", "INVALID: no"), run(other(), "c")])
    assert [each.name for each in found.runs] == ["a", "c"]
    assert found.aside == (("b", "INVALID: no"),)


def test_an_invalid_base_is_refused():
    with pytest.raises(UsageError, match="--baseline"):
        compare([run(record(), "a", "INVALID: no"), run(other(), "b")])


def test_one_run_and_an_invalid_one_are_no_comparison():
    with pytest.raises(UsageError, match="set aside"):
        compare([run(record(), "a"), run(other(), "b", "INVALID: no")])


def test_nothing_in_common_says_what_each_has():
    with pytest.raises(UsageError, match=r"float64.*float32|float32.*float64") as caught:
        pair(record(), other(measurements=ladder(dtype="float32")))
    assert "never mixed" in str(caught.value)


def test_what_nobody_has_is_said_with_what_there_is():
    with pytest.raises(UsageError, match="float64"):
        pair(dtype="int64")
