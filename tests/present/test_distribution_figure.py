import pytest

from matbench.model import Case, Measurement, Problem, Samples
from matbench.present.figures.distributions import (
    MOST_POINTS,
    alt_distributions,
    draw_distributions,
    finding_distributions,
    rows_distributions,
)

AT_64 = Problem(64, 64, 64)


def measured(kernel, elapsed, process=None):
    count = len(elapsed)
    samples = Samples((1,) * count, tuple(elapsed), tuple(process or [0] * count), tuple(range(count)))
    return Measurement(Case(kernel, AT_64), samples=samples)


@pytest.fixture
def small(made):
    return made.table([made.row(made.card(name), 64, 1e-3) for name in ("steady", "restless")])


@pytest.fixture
def record(record_of):
    steady = measured("steady", [1000, 1001, 999, 1000, 1002, 998, 1000, 1000])
    restless = measured("restless", [800, 1200, 1000, 4000, 900, 1100], process=[0, 0, 0, 1, 1, 1])
    return record_of(measurements=(steady, restless))


def marks(figure):
    return {line.get_label(): line for line in figure.axes[0].lines if line.get_label().count("/") == 2}


def test_every_sample_is_drawn_over_the_median_of_its_rung_in_order_downwards(small, record):
    found = marks(draw_distributions(small, problem=AT_64, record=record))
    steady = found["steady/1/0"]
    assert list(steady.get_xdata()) == pytest.approx(
        [each / 1000 for each in (1000, 1001, 999, 1000, 1002, 998, 1000, 1000)]
    )
    assert list(steady.get_ydata()) == sorted(steady.get_ydata())
    assert list(found["restless/1/0"].get_xdata()) == pytest.approx([each / 1050 for each in (800, 1200, 1000)])


def test_processes_have_marks_of_their_own(small, record):
    found = marks(draw_distributions(small, problem=AT_64, record=record))
    assert found["restless/1/0"].get_marker() != found["restless/1/1"].get_marker()


def test_the_finding_names_the_steadiest_the_least_steady_and_the_late(small, record):
    assert finding_distributions(small, problem=AT_64, record=record) == (
        "At n = 64 (float64), the middle half of the times spans 0.05 % of the median for steady on 1 thread (least) "
        "to 24 % of the median for restless on 1 thread (most); 1 of 14 samples took more than 1.5 times their median."
    )


def test_without_samples_it_says_so(small, record_of):
    assert finding_distributions(small, problem=AT_64) == "The samples are not at hand."
    assert finding_distributions(small, problem=AT_64, record=record_of()) == "Nothing was measured."
    assert alt_distributions(small, problem=AT_64).startswith("Empty chart.")
    assert rows_distributions(small, problem=AT_64).rows == ()


def test_a_picture_never_has_many_thousand_marks(small, record_of):
    many = record_of(measurements=(measured("steady", [1000 + i % 7 for i in range(9000)]),))
    figure = draw_distributions(small, problem=AT_64, record=many)
    assert len(marks(figure)["steady/1/0"].get_xdata()) <= MOST_POINTS
    assert any("not all are drawn" in text.get_text() for text in figure.texts)


def test_what_takes_more_than_twice_as_long_stands_at_the_edge(small, record_of):
    late = record_of(measurements=(measured("steady", [1000, 1001, 999, 1000, 90_000]),))
    figure = draw_distributions(small, problem=AT_64, record=late)
    assert len(marks(figure)["steady/1/0"].get_xdata()) == 4
    (edge,) = [line for line in figure.axes[0].lines if line.get_label() == "steady/1~"]
    assert list(edge.get_xdata()) == [figure.axes[0].get_xlim()[1]]
    assert any("At the right edge: 1 that took more than 2 times" in text.get_text() for text in figure.texts)


def test_the_numbers_tell_samples_processes_and_quartiles(small, record):
    told = rows_distributions(small, problem=AT_64, record=record)
    line = dict(zip(told.columns, told.rows[1], strict=True))
    assert (line["kernel"], line["samples"], line["processes"]) == ("restless", 6, 2)
    assert line["slowest over median"] == pytest.approx(4000 / 1050)
    assert line["slowest over fastest process"] == pytest.approx(1.1)
