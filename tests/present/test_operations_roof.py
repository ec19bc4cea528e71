"""All operations under one roof: where each stands, what threads are worth to it, and what is said of it."""

import io

import numpy as np
import pytest

from matbench.analyse.rows import Interval, Row, Table
from matbench.model import Case, KernelCard, Problem
from matbench.present.figures import render
from matbench.present.operations_roof import alt_operations, draw_operations, finding_operations

PEAKS = {"float64/1": Interval(40e9), "float64/2": Interval(80e9)}
STREAMS = {"read/1": Interval(10e9), "read/2": Interval(12e9)}
FASTEST_MS = {  # by operation, n and threads
    ("matmul", 1000, 1): 100.0,
    ("matmul", 1000, 2): 50.0,
    ("matvec", 2000, 1): 4.0,
    ("matvec", 2000, 2): 3.2,
    ("transpose", 2000, 1): 9.0,
    ("broadcast_scalar", 2000, 1): 7.0,
}


def row(operation, n, threads, milliseconds, *, kernel=None, **fields):
    problem = Problem(n, n, n, operation=operation)
    seconds = milliseconds / 1000
    flops = problem.definition.flops(n, n, n)
    card = KernelCard(kernel or f"numpy_{operation}", "BLAS", "all of it", threaded=True)
    rate = Interval(flops / seconds) if flops else None
    return Row(Case(card.name, problem, threads), card, Interval(seconds), rate, **fields)


def tables(times=FASTEST_MS, peaks=PEAKS, streams=STREAMS, more=()):
    found = {}
    for (operation, n, threads), ms in times.items():
        slow = row(operation, n, threads, 50 * ms, kernel=f"numba_{operation}")
        small = row(operation, 64, threads, ms / 1000)
        found.setdefault(operation, []).extend([small, slow, row(operation, n, threads, ms), *more])
    return tuple(
        Table("a-machine", "a processor", rows[-1].card.name, tuple(rows), peaks, streams, operation)
        for operation, rows in found.items()
    )


def dots(figure, name):
    lines = [line for line in figure.axes[0].lines if line.get_label() == name]
    return [tuple(point) for line in lines for point in line.get_xydata()]


def test_each_operation_stands_at_its_intensity_with_its_fastest_kernel_at_its_largest_size():
    figure = draw_operations(tables())
    (one, two) = dots(figure, "matmul")
    np.testing.assert_allclose(one, (1000 / 12, 20.0))
    np.testing.assert_allclose(two, (1000 / 12, 40.0))
    one, two = dots(figure, "matvec")
    np.testing.assert_allclose(one, (0.25, 2.0), rtol=2e-3)
    np.testing.assert_allclose(two, (0.25, 2.5), rtol=2e-3)
    assert len(dots(figure, "broadcast_scalar")) == 1  # one thread is all it has


def test_what_has_no_arithmetic_is_named_and_has_no_place():
    figure = draw_operations(tables())
    assert not dots(figure, "transpose")
    assert any("for want of arithmetic or of a time: transpose." in text.get_text() for text in figure.texts)


def test_the_roof_is_the_lower_of_what_memory_and_arithmetic_allow():
    figure = draw_operations(tables())
    roofs = [line for line in figure.axes[0].lines if line.get_color() == "#8a2b2b"]
    assert len(roofs) == 2
    for line, peak, stream in zip(roofs, (40, 80), (10, 12), strict=True):
        x, y = line.get_data()
        np.testing.assert_allclose(y, np.minimum(peak, stream * np.array(x)))
        assert peak / stream in x


def test_the_finding_tells_what_threads_are_worth_on_either_side():
    assert finding_operations(tables()) == (
        "One core does 4 flop while a byte comes from memory. Of 2 threads: with fewer for each byte, where memory "
        "sets the pace, they are worth 1.25× (A @ v); with more, where arithmetic does, 2.00× (A @ B)."
    )


def test_of_several_operations_the_least_and_the_most_are_told():
    times = FASTEST_MS | {("norm", 2000, 1): 3.0, ("norm", 2000, 2): 2.0}
    assert "they are worth 1.25× (A @ v) to 1.50× (np.linalg.norm(v)); with" in finding_operations(tables(times))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"times": {key: ms for key, ms in FASTEST_MS.items() if key[2] == 1}}, "comes from memory."),
        ({"streams": {}}, "Nothing was measured that has a place under a roof."),
        ({"peaks": {}}, "Nothing was measured that has a place under a roof."),
        ({"times": {("transpose", 100, 1): 1.0}}, "Nothing was measured that has a place under a roof."),
        ({"times": {("matvec", 100, 1): 1.0, ("matvec", 100, 2): 1.0}}, "they are worth 1.00× (A @ v)."),
    ],
)
def test_whatever_is_missing_there_is_a_picture_and_a_sentence(changed, sentence):
    made = tables(**changed)
    assert finding_operations(made).endswith(sentence)
    assert alt_operations(made).endswith(sentence)
    assert draw_operations(made).axes


def test_what_is_skipped_predicted_or_a_view_has_no_place():
    unmeasured = row("matvec", 4000, 1, 1.0, extrapolated=True)
    figure = draw_operations(tables({("matvec", 2000, 1): 4.0}, more=[unmeasured]))
    assert len(dots(figure, "matvec")) == 1


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_can_be_rendered_in_both_themes(dark):
    image = render(draw_operations(tables(), dark=dark), "svg", title="t", description=alt_operations(tables()))
    assert b"<svg" in io.BytesIO(image).read()


def test_no_tables_are_an_empty_picture():
    assert draw_operations(()).axes
    assert alt_operations(()).startswith("Empty chart.")
