import cmath
import itertools
import math

import msgspec
import pytest
from credit_examples import attribution_at
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from matbench.analyse.rows import Interval, Row
from matbench.errors import UsageError
from matbench.model import Case, Problem
from matbench.present.figures import (
    KINDS,
    alt_text,
    draw,
    finding,
    ladder_figure,
    numbers,
    rate_figure,
    render,
    speedup_figure,
    thread_figure,
)
from matbench.present.figures.frame import foot, log_ticks, new_sheet, spread, wrapped
from matbench.present.figures.speedup import fitted_words
from matbench.present.style import DARK, LIGHT, looks, width_of

AT_256, AT_1000 = Problem(256, 256, 256), Problem(1000, 1000, 1000)
CREDIT = attribution_at(1024)


def drawn(kind, table, record, dark=False):
    return draw(kind, table, problem=AT_256, record=record, attribution=CREDIT, dark=dark)


ALL = pytest.mark.parametrize("kind", KINDS)


def points(ax, label):
    """{x: (y, face colour)} of all markers labelled `label`."""
    lines = [line for line in ax.lines if line.get_label() == label]
    return {x: (y, line.get_markerfacecolor()) for line in lines for x, y in zip(*line.get_data(), strict=True)}


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")) if text.get_text()]


def test_the_speed_up_figure_holds_the_speed_ups_of_the_table(table):
    ax = speedup_figure(table).axes[0]
    rows = [r for r in table.rows if (r.case.kernel, r.case.threads) == ("numpy_matmul", 2)]
    found = points(ax, "numpy_matmul, 2 threads") | points(ax, "numpy_matmul, 2 threads~")
    assert {x: y for x, (y, _) in found.items()} == {r.case.problem.n: r.speedup.estimate for r in rows}


@pytest.mark.parametrize(("dark", "ink"), [(False, LIGHT), (True, DARK)])
def test_extrapolated_speed_ups_are_hollow_and_measured_ones_are_not(table, dark, ink):
    ax = speedup_figure(table, dark=dark).axes[0]
    hollow, full = points(ax, "numpy_matmul, 1 thread~"), points(ax, "numpy_matmul, 1 thread")
    assert set(hollow) == {511, 512, 513, 1000, 1024}
    assert {face for _, face in hollow.values()} == {ink.paper}
    assert ink.paper not in {to_hex(face) for _, face in full.values()}


def test_interval_bars_run_from_low_to_high(made):
    row = made.row(made.card("fast"), 64, 0.1, base_s=1.0, by=0.25)
    ax = speedup_figure(made.table([made.row(made.card(made.base), 64, 1.0), row])).axes[0]
    (bar,) = [segment for collection in ax.collections for segment in collection.get_segments()]
    assert bar.tolist() == [[64.0, row.speedup.low], [64.0, row.speedup.high]]


def test_the_base_is_named_on_the_axis_with_its_rate(table):
    assert speedup_figure(table).axes[0].get_ylabel() == (
        "speed-up over python_lists\n(0.0265 to 0.0326 GFLOP/s on 1 thread)"
    )


def test_the_rate_axis_ends_at_the_measured_peak(table):
    figure = rate_figure(table)
    peaks = {key: peak.estimate / 1e9 for key, peak in table.peaks.items()}
    assert figure.axes[0].get_ylim()[1] == peaks["float64/2"]
    flat = [line.get_ydata() for line in figure.axes[0].lines if set(line.get_ydata()) <= set(peaks.values())]
    assert {y for ys in flat for y in ys} == set(peaks.values())
    assert {"peak, 1 thread: 60.0 GFLOP/s", "peak, 2 threads: 119 GFLOP/s"} <= set(texts(figure))


def test_a_point_above_the_peak_is_shown_and_called_a_fault(made):
    row = made.row(made.card("liar"), 64, 1e-6)
    figure = rate_figure(made.table([row]))
    assert figure.axes[0].get_ylim()[1] > row.rate.estimate / 1e9
    assert any("fault" in text for text in texts(figure))
    assert "fault" in finding("rate", made.table([row]))


def test_powers_of_two_have_another_edge(table):
    lines = [line for line in rate_figure(table).axes[0].lines if line.get_label() == "numba_ijk"]
    edges = {line.get_markeredgecolor(): set(line.get_xdata()) for line in lines}
    assert edges[LIGHT.text] == {16, 32, 64, 128, 256, 512, 1024}
    assert edges[LIGHT.paper] == {100, 255, 257, 511, 513, 1000}


def test_rectangular_problems_are_not_on_the_axis_of_n(made):
    square = made.row(made.card("one"), 64, 0.01)
    flat = Row(case=Case("flat", Problem(8, 64, 64)), card=made.card("flat"), seconds=square.seconds, rate=square.rate)
    assert "flat" not in texts(rate_figure(made.table([square, flat])))


def test_the_thread_figure_holds_rate_per_thread_and_efficiency(table):
    left, right = thread_figure(table).axes
    rows = {r.case.threads: r.rate.estimate for r in table.rows if r.case.kernel == "numpy_matmul" and _n(r) == 1024}
    assert {x: y for x, (y, _) in points(left, "numpy_matmul").items()} == {t: r / t / 1e9 for t, r in rows.items()}
    shares = {x: y for x, (y, _) in points(right, "numpy_matmul").items()}
    assert shares == pytest.approx({1: 1.0, 2: rows[2] / rows[1] / 2})


def _n(row):
    return row.case.problem.n


def test_the_thread_figure_takes_the_largest_size_that_the_kernels_share(made):
    rows = [made.row(made.card("a"), n, 1 / t, threads=t) for n in (64, 128) for t in (1, 4)]
    rows += [made.row(made.card("b"), 64, 1 / t, threads=t) for t in (1, 4)]
    assert any("n = 64" in text for text in texts(thread_figure(made.table(rows))))


def test_the_ladder_holds_the_times_in_order_and_the_factors_between(table):
    figure = ladder_figure(table, AT_256)
    rows = [r for r in table.rows if r.case.problem == AT_256 and r.seconds]
    lines = {line.get_label(): line.get_data() for line in figure.axes[0].lines}
    for place, row in enumerate(rows):
        (x,), (y,) = lines[f"{row.case.kernel}/{row.case.threads}"]
        assert (x, y) == (row.seconds.estimate, place)
    assert {"17.9× faster", "2.34× slower", "1.82× faster"} <= set(texts(figure))


def test_a_step_never_goes_from_more_threads_to_fewer(made):
    rows = [made.row(made.card("a"), 64, 1.0), made.row(made.card("a"), 64, 0.1, threads=8)]
    rows.append(made.row(made.card("b"), 64, 0.5))
    table = made.table(rows)
    assert {"10.0× faster", "2.00× faster"} <= set(texts(ladder_figure(table, rows[0].case.problem)))
    assert "from a on 1 thread to a on 8 threads: 10.0×" in finding("ladder", table)


def test_predictions_are_hollow_on_the_ladder_and_their_range_is_told(table):
    figure = ladder_figure(table, AT_1000)
    labels = {line.get_label() for line in figure.axes[0].lines}
    assert "python_lists/1~" in labels
    assert "~52.9× faster" in texts(figure)
    assert any("python_lists from n = 16 to 257" in text for text in texts(figure))


def test_what_has_no_interval_is_named(made):
    bare = Row(
        case=Case("bare", Problem(8, 8, 8)), card=made.card("bare"), seconds=Interval(1.0), rate=Interval(1024.0)
    )
    assert any("No interval: bare." in text for text in texts(rate_figure(made.table([bare]))))


def _degenerate(made):
    lone = made.row(made.card("lone"), 100, 0.01)
    base = made.row(made.card(made.base), 100, 1.0)
    fast = made.row(made.card("$f_{ast}$ \N{CJK UNIFIED IDEOGRAPH-4E00}\n" + "x" * 60), 100, 1e-3, base_s=1.0)
    bare = Row(case=fast.case, card=fast.card, seconds=Interval(1.0), rate=Interval(2e6), speedup=made.over(3.0))
    zero = Row(case=fast.case, card=fast.card, seconds=Interval(1.0, -1.0, 2.0), rate=Interval(2e6, -1.0, 4e6))
    absurd = Row(case=fast.case, card=fast.card, seconds=Interval(float("inf")), rate=Interval(0.0))
    crowd = [made.row(made.card(f"kernel_{i}"), 100, 1 / (i + 1), base_s=1.0) for i in range(70)]
    return {
        "no rows": made.table([]),
        "only skipped": made.table([made.skipped("gone", 100, "needs avx2")]),
        "one row": made.table([lone]),
        "only the base": made.table([base]),
        "no base, no peaks": made.table([lone, made.row(made.card("b"), 200, 0.1)], peaks=()),
        "no intervals": made.table([bare], peaks=()),
        "a bound below zero": made.table([zero]),
        "an infinite time": made.table([absurd]),
        "a hostile name": made.table([base, fast], machine="<script>", cpu="$" * 300),
        "a crowd": made.table([base, *crowd]),
        "only many threads": made.table([made.row(made.card("w"), 100, 0.01, threads=64)]),
        "a huge size": made.table([made.row(made.card("h"), 2**20, 1e6), made.row(made.card("h"), 1, 1e-9)]),
    }


NAMES = (
    *("no rows", "only skipped", "one row", "only the base", "no base, no peaks", "no intervals", "a bound below zero"),
    *("an infinite time", "a hostile name", "a crowd", "only many threads", "a huge size"),
)


@pytest.mark.parametrize("name", NAMES)
def test_degenerate_tables_are_drawn_and_told(made, name):
    table = _degenerate(made)[name]
    for kind in KINDS:
        assert_legible(draw(kind, table, problem=Problem(100, 100, 100)))
        assert finding(kind, table).endswith(".")
        assert finding(kind, table) in alt_text(kind, table)


@pytest.mark.parametrize("name", ["no rows", "only skipped"])
def test_without_times_every_figure_says_that_nothing_was_measured(made, name):
    table = _degenerate(made)[name]
    for figure in (speedup_figure(table), rate_figure(table), ladder_figure(table, AT_256)):
        assert "nothing measured" in texts(figure)
    assert finding("speedup", table) == finding("rate", table) == finding("ladder", table) == "Nothing was measured."


def assert_legible(figure):
    """No words outside the sheet, none over others."""
    with looks(LIGHT):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        found = [text for text in figure.findobj(_is_shown) if text.get_text().strip()]
        boxes = [(text.get_text(), *outline(text, canvas.get_renderer())) for text in found]
    for words, box, _ in boxes:
        assert box.x0 >= 0, words
        assert box.y0 >= 0, words
        assert box.x1 <= figure.bbox.x1, words
        assert box.y1 <= figure.bbox.y1, words
    for (one, box, corners), (other, second, others) in itertools.combinations(boxes, 2):
        wide = min(box.x1, second.x1) - max(box.x0, second.x0)
        tall = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert wide <= 1 or tall <= 2 or apart(corners, others), (
            one,
            other,
        )  # pixels; a box is taller than its letters


def outline(text, renderer):
    """The upright box around a text, and the four corners of the text itself, which may be slanted."""
    box = text.get_window_extent(renderer)
    angle = text.get_rotation()
    text.set_rotation(0)
    size = text.get_window_extent(renderer)
    text.set_rotation(angle)
    turn = cmath.exp(1j * math.radians(angle))
    centre = complex(box.x0 + box.x1, box.y0 + box.y1) / 2
    return box, [centre + turn * complex(x * size.width, y * size.height) / 2 for x, y in CORNERS]


CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def apart(one, other):
    """Whether a line along a side of one of two rectangles separates them, but for two pixels."""
    sides = [each[i + 1] - each[i] for each in (one, other) for i in (0, 1)]
    for axis in (side / abs(side) for side in sides):
        spans = [sorted((corner * axis.conjugate()).real for corner in each) for each in (one, other)]
        if min(spans[0][-1], spans[1][-1]) - max(spans[0][0], spans[1][0]) <= 2:
            return True
    return False


def _is_shown(artist):
    return hasattr(artist, "get_text") and hasattr(artist, "get_window_extent") and artist.get_visible()


@ALL
@pytest.mark.parametrize("dark", [False, True])
def test_no_words_are_cut_off_or_overlap(streamed, sampled, kind, dark):
    assert_legible(drawn(kind, streamed, sampled, dark=dark))


@ALL
def test_every_figure_renders(streamed, sampled, kind):
    told = alt_text(kind, streamed, record=sampled, attribution=CREDIT)
    assert render(drawn(kind, streamed, sampled), "svg", title=kind, description=told).startswith(b"<?xml")


@ALL
def test_the_alternative_text_ends_in_the_finding(streamed, sampled, kind):
    told = finding(kind, streamed, record=sampled, attribution=CREDIT)
    assert alt_text(kind, streamed, record=sampled, attribution=CREDIT).endswith(told)
    assert not alt_text(kind, streamed, record=sampled, attribution=CREDIT).startswith("Empty")


@ALL
def test_every_figure_has_numbers_behind_it_a_cell_for_each_column(streamed, sampled, kind):
    told = numbers(kind, streamed, problem=AT_256, record=sampled, attribution=CREDIT)
    assert told.rows
    assert len(set(told.columns)) == len(told.columns)
    assert {len(row) for row in told.rows} == {len(told.columns)}


def test_a_long_note_is_wrapped_between_words_and_the_sheet_grows_for_it():
    heights = {}
    for count in (3, 60):
        with looks(LIGHT):
            sheet = new_sheet(LIGHT, "heading", "below")
            before = sheet.axes[0].get_window_extent()
            foot(sheet, "Bars: intervals.  " + " ".join(f"word{i}" for i in range(count)) + ".")
        assert_legible(sheet.figure)
        after = sheet.axes[0].get_window_extent()
        assert (after.width, after.height) == pytest.approx((before.width, before.height))
        assert f"word{count - 1}." in texts(sheet.figure)[-1]
        heights[count] = sheet.figure.get_figheight()
    assert heights[60] > heights[3]


def test_a_note_without_end_is_cut_after_five_lines():
    lines = wrapped("x" * 5000 + "  " + "many words " * 1000, 8.0)
    assert len(lines) == 5
    assert lines[0].endswith("…")
    assert lines[-1].endswith("…")
    assert all(width_of(line, 8.5) <= 8.0 for line in lines)


def test_the_note_on_predictions_tells_every_range_once_with_its_kernels(made):
    def predicted(name, n, fitted):
        return made.row(made.card(name), n, 1.0, extrapolated=True, fitted=fitted)

    rows = [predicted(name, 1000, "a few rows") for name in (made.base, "python_arrays")]
    rows.append(predicted(made.base, 512, "other rows"))
    told = fitted_words(made.table(rows), rows)
    assert (
        told == "Hollow: extrapolated (python_lists and python_arrays from a few rows; python_lists from other rows)."
    )


def test_the_findings_are_those_of_the_table(table):
    assert finding("speedup", table) == (
        "At n = 257 (float64), blas_openblas on 2 threads is 2,820× [2,780, 2,860] faster than "
        "python_lists (0.0326 GFLOP/s on 1 thread)."
    )
    assert finding("rate", table) == (
        "The highest rate is 108 GFLOP/s, by blas_openblas on 2 threads at n = 1024 (float64): "
        "90 % of chains of multiply-adds timed in the same rounds. The measured peak is 119 GFLOP/s."
    )
    assert finding("threads", table).startswith("At n = 1024 (float64), the efficiency")
    assert finding("ladder", table, problem=AT_256).endswith(
        "from numba_ijk on 1 thread to numba_ikj on 1 thread: 20.8×."
    )


def test_an_unknown_picture_is_refused_with_the_known_ones(table):
    with pytest.raises(UsageError, match="speedup, rate, threads, ladder"):
        finding("pie", table)


@given(st.lists(st.floats(-2, 3), max_size=40), st.floats(0.001, 0.3))
def test_spread_labels_keep_their_order_their_distance_and_their_limits(wanted, distance):
    placed = spread(wanted, distance, 0.0, 1.0)
    apart = min(distance, 1.0 / max(1, len(wanted) - 1))
    ordered = sorted(zip(wanted, placed, strict=True))
    assert all(0.0 - 1e-9 <= place <= 1.0 + 1e-9 for place in placed)
    steps = [after - before for (_, before), (_, after) in itertools.pairwise(sorted(ordered, key=lambda p: p[1]))]
    assert all(step >= apart - 1e-9 for step in steps)
    assert all(a <= b for (x, a), (y, b) in itertools.pairwise(ordered) if x < y)


@given(st.floats(0.01, 0.2), st.lists(st.integers(0, 4), unique=True, max_size=5))
def test_labels_that_are_far_apart_stay_where_they_are(distance, places):
    wanted = [place / 4 for place in places]
    assert spread(wanted, distance, 0.0, 1.0) == pytest.approx(wanted)


@given(st.floats(1e-9, 1e9), st.floats(1.2, 1e9))
def test_an_axis_has_at_least_one_label_and_none_outside(low, factor):
    ticks = log_ticks(low, low * factor)
    assert all(low * 0.99 <= tick <= low * factor * 1.01 for tick in ticks)
    assert ticks or factor < 1.5


def test_times_without_a_rate_are_of_a_size_and_not_of_matrices(made):
    rows = [
        msgspec.structs.replace(made.row(made.card(name), n, s * n, base_s=1.0 * n), rate=None)
        for name, s in (("python_lists", 1.0), ("other", 0.5))
        for n in (10, 100)
    ]
    figure = speedup_figure(made.table(rows))
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("size", "speed-up over python_lists")
    assert not any("matrices" in text.get_text() for text in figure.texts)
