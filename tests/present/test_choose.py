"""Which problem a run is told by."""

from __future__ import annotations

import msgspec
import pytest

from matbench.analyse.rows import SpeedUp
from matbench.present.choose import headline_problem, headline_problems


def pair(made, n, *, bounds):
    """Base and NumPy's product at `n`, the speed-up of which has bounds or not."""
    base, product = (
        made.row(made.card("python_lists"), n, 1.0),
        made.row(made.card("numpy_matmul"), n, 0.01, base_s=1.0),
    )
    if not bounds:
        product = msgspec.structs.replace(product, speedup=SpeedUp("python_lists", 100.0))
    return base, product


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({64: True, 128: True}, [128]),
        ({64: True, 128: False}, [64, 128]),
        ({64: False, 128: False}, [128]),
    ],
    ids=["all have intervals", "the largest has none", "none has"],
)
def test_a_run_is_told_by_the_largest_size_with_an_interval_and_by_the_largest_of_all(made, sizes, told):
    table = made.table([row for n, bounds in sizes.items() for row in pair(made, n, bounds=bounds)])
    assert [problem.n for problem in headline_problems(table)] == told
    assert headline_problem(table).n == told[0]


def test_a_predicted_base_makes_no_headline(made):
    predicted = made.row(made.card("python_lists"), 512, 9.0, extrapolated=True, fitted="1 to 2 rows")
    over = made.row(made.card("numpy_matmul"), 512, 0.01, base_s=9.0, base_extrapolated=True)
    table = made.table([*pair(made, 64, bounds=True), predicted, over])
    assert [problem.n for problem in headline_problems(table)] == [64]


def test_where_nothing_was_measured_there_is_no_headline(made):
    assert headline_problems(made.table([])) == ()
