"""The pictures of the lessons: by their data, by their words, and by comparison with pictures that were looked at."""

import functools
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.testing.compare import compare_images

from matbench.analyse.rows import Interval
from matbench.errors import UsageError
from matbench.present import lesson_figures as draw
from matbench.present.lesson_figures.plane import factors

KNOWN = Path(__file__).parent / "pictures"
A = np.array([[1.6, 0.6], [0.2, 0.9]])
TIMES = [0.0021, 0.0012, 0.0011, 0.0013, 0.0011, 0.0012, 0.0014, 0.0011]
NAMES = ["one", "two", "three"]


def bowl(x, y):
    return 0.5 * (x**2 + 8 * y**2)


PATH = np.array([[-2.5, 1.2], [-2.0, -0.7], [-1.6, 0.4], [-1.3, -0.2]])
PICTURES = {
    "arrays": lambda: draw.arrays(v=[1, 2, 3], A=[[1, 2, 3], [4, 5, 6]]),
    "broadcasting": lambda: draw.broadcasting([[1], [2], [3]], [10, 20, 30, 40]),
    "misfit": lambda: draw.broadcasting([[1, 2, 3], [4, 5, 6]], [10, 20]),
    "product": lambda: draw.product([[1, 2, 3], [4, 5, 6]], [[1, 0], [0, 1], [2, 1]], row=1, column=0),
    "arrows": lambda: draw.arrows(v=[2, 1], w=[-0.5, 1.5]),
    "circle_to_ellipse": lambda: draw.circle_to_ellipse(A),
    "ellipse_stages": lambda: draw.ellipse_movie(A)[1],
    "eigen_directions": lambda: draw.eigen_directions([[2.0, 1.0], [0.5, 1.5]]),
    "svd_stages": lambda: draw.svd_stages(A),
    "inverse": lambda: draw.inverse([[1.0, 0.9], [0.9, 0.85]], 0.01),
    "sphere_to_ellipsoid": lambda: draw.sphere_to_ellipsoid([[1.0, 0.4, 0.0], [0.0, 0.8, 0.3], [0.2, 0.0, 1.5]]),
    "curve_and_points": lambda: draw.curve_and_points([0, 1, 2], [1, 3, 2], lambda x: 1 + 0.5 * x, "a line"),
    "descent": lambda: draw.descent(bowl, PATH),
    "heat_map": lambda: draw.heat_map(np.arange(9.0).reshape(3, 3) / 8, NAMES, NAMES, "nine numbers"),
    "timeline": lambda: draw.timeline(TIMES),
    "strips": lambda: draw.strips({"n = 1000": TIMES, "n = 1024": [2 * each for each in TIMES]}),
    "intervals": lambda: draw.intervals([Interval(1.0, 0.9, 1.2), Interval(1.3, 1.1, 1.4)], 1.0),
    "roof": lambda: draw.roof(60e9, 12e9, {"A @ v": (0.25, 2.8e9), "A @ B": (125.0, 57e9)}),
    "race": lambda: draw.race(
        {"loops": Interval(120.0, 60.0, 300.0), "A @ B": Interval(0.02, 0.018, 0.025)}, ("loops",)
    ),
}
EACH = pytest.mark.parametrize("name", PICTURES)


@functools.cache
def made_once(name):
    """A picture that several tests look at."""
    return PICTURES[name]()


def words(picture):
    return [text.get_text() for text in picture.figure.findobj(lambda a: hasattr(a, "get_text")) if text.get_text()]


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


@EACH
def test_a_picture_looks_as_it_did_when_it_was_looked_at(name, tmp_path):
    actual = tmp_path / f"{name}.png"
    made_once(name).figure.savefig(actual, dpi=50)
    assert compare_images(str(KNOWN / f"{name}.png"), str(actual), tol=12) is None


@EACH
def test_a_picture_tells_what_it_shows_in_sentences(name):
    made = made_once(name)
    assert made.title
    assert 40 <= len(made.alt) <= 1000
    assert made.alt.endswith(".")
    assert "nan" not in made.alt


@EACH
def test_jupyter_shows_one_image_with_its_description(name):
    html = made_once(name)._repr_html_()
    assert html.count("<img") == 1
    assert re.search(r'alt="[^"]{40,}"', html)
    assert "http" not in html


def test_a_svg_carries_title_and_description():
    svg = made_once("arrows").svg().decode()
    assert "<title" in svg
    assert "Arrows from the origin: v to (2, 1)" in svg


def test_a_description_can_hold_any_sign():
    figure = made_once("arrows").figure
    made = draw.picture(figure, "<b>", 'a "quoted" <script> & more')
    assert "<script>" not in made._repr_html_()
    assert "&quot;quoted&quot;" in made._repr_html_()


@pytest.mark.parametrize("title", ["", "  "])
def test_a_picture_without_words_is_refused(title):
    with pytest.raises(UsageError, match="title and a description"):
        draw.picture(made_once("arrows").figure, title, "what it shows")


def test_what_is_no_figure_is_refused():
    with pytest.raises(UsageError, match="a str is no figure"):
        draw.picture("figure", "title", "what it shows")


# -- shapes ------------------------------------------------------------------------------------------------------------


def filled(picture):
    """How many cells are drawn as own elements, and how many as copies."""
    cells = [patch for patch in picture.figure.axes[0].patches if patch.get_fill()]
    own = sum(patch.get_alpha() > 0.2 for patch in cells)
    return own, len(cells) - own


def test_broadcasting_draws_each_element_once_and_all_else_as_copies():
    made = draw.broadcasting([[1], [2], [3]], [10, 20, 30, 40])
    assert filled(made) == (3 + 4 + 12, 9 + 8)
    assert "(3, 1) + (4,) gives (3, 4)" in made.title


@pytest.mark.parametrize("one", [(), (1,), (3,), (2, 3)])
@pytest.mark.parametrize("other", [(), (1, 3), (2, 1)])
def test_the_numbers_of_the_result_are_those_of_numpy(one, other):
    a, b = np.arange(math.prod(one)).reshape(one), 10 * np.arange(math.prod(other)).reshape(other)
    made = draw.broadcasting(a, b)
    result = a + b
    own, copies = filled(made)
    assert own == a.size + b.size + result.size
    assert own + copies == 3 * result.size
    assert {f"{each:g}" for each in np.ravel(result)} <= set(words(made))


def test_shapes_that_do_not_fit_name_the_axis_at_fault():
    made = draw.broadcasting([[1, 2, 3], [4, 5, 6]], [10, 20])
    assert "axis -1, counted from the end, is 3 against 2" in made.alt
    assert "does not fit" in made.title


def test_a_product_writes_out_the_sum_of_one_element():
    made = draw.product([[1, 2], [3, 4]], [[5, 6], [7, 8]], row=1, column=0)
    assert "3·5 + 4·7 = 43" in made.alt
    assert filled(made) == (2 + 2 + 1, 2 + 2 + 3)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda: draw.product(np.ones((2, 3)), np.ones((2, 3))), "have no product"),
        (lambda: draw.product(np.eye(2), np.eye(2), row=2), "there is no"),
        (draw.arrays, "nothing to draw"),
        (lambda: draw.arrays(v=np.ones(9)), "can't be drawn"),
        (lambda: draw.arrays(v=["a", "b"]), "can't be drawn"),
        (lambda: draw.broadcasting(np.ones((2, 2, 2)), 1), "can't be drawn"),
        (lambda: draw.circle_to_ellipse(np.eye(3)), r"matrix of 2 x 2 numbers, not shape \(3, 3\)"),
        (lambda: draw.circle_to_ellipse([[1, 2], [3]]), "rows of equal length"),
        (lambda: draw.circle_to_ellipse([[1, 2], [3, np.nan]]), "infinite or NaN"),
        (lambda: draw.svd_stages([[1, 2], [3, 4j]]), "complex"),
        (lambda: draw.sphere_to_ellipsoid(np.eye(2)), "3 x 3"),
        (draw.arrows, "nothing to draw"),
        (lambda: draw.arrows(v=[1, 2, 3]), r"vectors of shape \(2,\)"),
        (lambda: draw.inverse([[1, 2], [2, 4]]), "no inverse"),
        (lambda: draw.ellipse_movie(A, seconds=20), "at most 5 seconds"),
        (lambda: draw.descent(bowl, [1, 2, 3]), "matrix of any x 2"),
        (lambda: draw.descent(lambda *_: 1.0, PATH), "81 x 81"),
        (lambda: draw.heat_map(np.eye(2), ["a"]), "1 names for 2 rows"),
        (lambda: draw.heat_map([]), "any x any"),
        (lambda: draw.curve_and_points([1, 2], [1], np.sin, "sine"), "rows of equal length"),
        (lambda: draw.timeline([]), "at least 1 times"),
        (lambda: draw.timeline([0.1, -1.0]), "above 0"),
        (lambda: draw.strips({}), "nothing to draw"),
        (lambda: draw.intervals([Interval(1.0)], 1.0), "intervals with bounds"),
        (lambda: draw.race({}), "at least 1 times"),
        (lambda: draw.roof(1e9, 1e9, {}), "needs a peak, a bandwidth and a point"),
        (lambda: draw.roof(0.0, 1e9, {"a": (1.0, 1e8)}), "all above 0"),
    ],
)
def test_what_can_not_be_drawn_is_one_sentence(function, sentence):
    with pytest.raises(UsageError, match=sentence) as caught:
        function()
    assert "\n" not in str(caught.value)


# -- the plane ---------------------------------------------------------------------------------------------------------


def test_the_ellipse_is_the_image_of_the_circle_and_its_area_the_determinant():
    before, after = draw.circle_to_ellipse(A).figure.axes
    (circle,), (ellipse,) = lines(before, "circle"), lines(after, "circle")
    np.testing.assert_allclose(A @ np.array(circle.get_data()), ellipse.get_data())
    corners = after.patches[0].get_xy()[:-1]
    x, y = corners.T
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert area == pytest.approx(abs(np.linalg.det(A)))
    assert f"|det A| = {area:.3g}" in after.get_title()


def test_the_arrows_are_the_singular_vectors():
    before, after = draw.circle_to_ellipse(A).figure.axes

    def tips(ax):
        return [np.array([q.U[0], q.V[0]]) for q in ax.collections if hasattr(q, "U")]

    s = np.linalg.svd(A, compute_uv=False)
    for v, image, sigma in zip(tips(before), tips(after), s, strict=True):
        np.testing.assert_allclose(A @ v, image, atol=1e-12)
        assert np.linalg.norm(image) == pytest.approx(sigma)


def test_a_flip_is_told():
    assert "orientation is flipped" in draw.circle_to_ellipse([[0, 1], [1, 0]]).alt


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_the_factors_are_those_of_the_matrix_with_settled_signs(values):
    a = np.array(values).reshape(2, 2)
    f = factors(a)
    np.testing.assert_allclose(f.u @ np.diag(f.s) @ f.vt, a, atol=1e-12)
    assert all(row[np.abs(row).argmax()] > 0 for row in f.vt)


def test_eigenvectors_are_drawn_where_they_stay():
    matrix = np.array([[2.0, 1.0], [0.5, 1.5]])
    made = draw.eigen_directions(matrix)
    tips = [np.array([q.U[0], q.V[0]]) for q in made.figure.axes[0].collections if hasattr(q, "U")]
    for tip in tips:
        image = matrix @ tip
        assert abs(image[0] * tip[1] - image[1] * tip[0]) < 1e-9
    assert len(tips) == 2
    assert "No real direction" in draw.eigen_directions([[0, -1], [1, 0]]).alt


def test_there_and_back_ends_where_it_began():
    back = draw.inverse(A).figure.axes[2].lines
    np.testing.assert_allclose(back[-2].get_data(), back[-1].get_data(), atol=1e-12)


def test_an_error_is_magnified_by_the_smallest_singular_value_at_most():
    matrix = np.array([[1.0, 0.9], [0.9, 0.85]])
    circle, back = draw.inverse(matrix, 0.01).figure.axes[2].lines[-2:]
    off = np.linalg.norm(np.array(back.get_data()) - circle.get_data(), axis=0).max()
    most = 0.01 / np.linalg.svd(matrix, compute_uv=False)[1]
    assert 0.5 * most < off <= most * (1 + 1e-9)


def test_the_ellipsoid_is_the_image_of_the_sphere():
    made = draw.sphere_to_ellipsoid(np.diag([3.0, 2.0, 1.0]))
    assert "half-axes 3, 2 and 1" in made.alt
    assert "factor 6" in made.alt


def test_a_movie_moves_once_from_the_circle_to_the_ellipse():
    from PIL import Image

    movie, stages = draw.ellipse_movie(A, seconds=2.0)
    image = Image.open(io.BytesIO(movie.png()))
    assert image.n_frames == len(movie.frames)
    assert image.info["loop"] == 1
    assert image.info["duration"] * image.n_frames == pytest.approx(2000, rel=0.05)
    first, last = (lines(movie.frames[i].axes[0], "circle")[0].get_data() for i in (0, -1))
    np.testing.assert_allclose(A @ np.array(first), last)
    assert len(stages.figure.axes) == 5
    assert 'alt="Animation' in movie._repr_html_()


# -- surfaces and samples ----------------------------------------------------------------------------------------------


def test_the_path_of_a_descent_is_drawn_as_it_was_given():
    made = draw.descent(bowl, PATH)
    (path,) = lines(made.figure.axes[0], "path")
    np.testing.assert_array_equal(path.get_xydata(), PATH)
    assert "3 steps" in made.alt
    assert f"where the loss is {bowl(*PATH[0]):.3g}" in made.alt


def test_a_heat_map_holds_the_matrix_and_writes_small_ones_out():
    values = np.array([[0.25, 0.5], [0.75, 1.0]])
    made = draw.heat_map(values, title="four")
    np.testing.assert_array_equal(made.figure.axes[0].images[0].get_array(), values)
    assert {"0.25", "1.00"} <= set(words(made))
    assert "row 1, column 1" in made.alt


def test_points_and_line_are_those_that_were_given():
    ax = draw.curve_and_points([0, 1, 2], [1, 3, 2], lambda x: 1 + 0.5 * x, "a line").figure.axes[0]
    np.testing.assert_array_equal(lines(ax, "points")[0].get_xydata(), [[0, 1], [1, 3], [2, 2]])
    x, y = lines(ax, "line")[0].get_data()
    np.testing.assert_allclose(y, 1 + 0.5 * x)


def test_a_timeline_has_every_sample_in_its_order_and_the_median():
    made = draw.timeline(TIMES)
    ax = made.figure.axes[0]
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [1000 * each for each in TIMES])
    assert lines(ax, "median")[0].get_ydata()[0] == pytest.approx(1000 * np.median(TIMES))
    assert "8 times in their order" in made.alt


def test_one_long_sample_does_not_press_all_others_to_the_floor():
    assert draw.timeline(TIMES).figure.axes[0].get_yscale() == "linear"
    assert draw.timeline([*TIMES, 1.0]).figure.axes[0].get_yscale() == "log"


def test_intervals_that_miss_are_counted():
    found = [Interval(1.0, 0.9, 1.2), Interval(1.3, 1.1, 1.4), Interval(0.8, 0.7, 0.9)]
    assert "2 miss" in draw.intervals(found, 1.0).alt


def test_a_race_tells_factors_and_draws_predictions_hollow():
    made = made_once("race")
    assert "6,000×" in words(made)
    assert "loops 120 s [60.0, 300] (predicted)" in made.alt
    (loops,), (product,) = (lines(made.figure.axes[0], name) for name in ("loops", "A @ B"))
    assert loops.get_markerfacecolor() == "#ffffff" != product.get_markerfacecolor()


def test_the_roof_is_the_lower_of_what_memory_and_arithmetic_allow():
    ax = made_once("roof").figure.axes[0]
    x, y = lines(ax, "roof")[0].get_data()
    np.testing.assert_allclose(y, np.minimum(60, 12 * x))
    assert 5.0 in x
    assert lines(ax, "A @ v")[0].get_xydata().tolist() == [[0.25, 2.8]]
