"""What Matplotlib draws, as elements of a page: what its own SVG says, in fewer words."""

import io
import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import msgspec
import numpy as np
import pytest
from credit_examples import attribution_at
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from matbench.analyse.ladder import tabulate
from matbench.present import figures
from matbench.present.report.drawings import Drawings
from matbench.present.report.shapes import Shapes
from matbench.present.style import LIGHT, looks

PLACE = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture
def axes():
    """An empty sheet of 4 x 3 inches with axes all over it, and no more."""
    with looks(LIGHT):
        made = Figure(figsize=(4, 3)).add_axes((0, 0, 1, 1))
    made.set_axis_off()
    made.set_xlim(0, 288)
    made.set_ylim(0, 216)
    return made


def drawn(axes):
    """Its elements, and their looks by class."""
    drawings = Drawings()
    root = ET.XML(drawings.add(axes.figure, "title", "description", {}))
    return root, dict(re.findall(r"\.(s\d+)\{(.*)\}", drawings.rules))


def matplotlibs_own(figure):
    """The same figure as Matplotlib has it, letters as text."""
    out = io.BytesIO()
    with looks(LIGHT), mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(out, format="svg", facecolor=figure.get_facecolor())
    return ET.XML(out.getvalue())


def plain(root, tag):
    return [each for each in root.iter() if each.tag.rpartition("}")[2] == tag]


def places_of_texts(root):
    """Words -> where they stand; those that are turned about the place that they are turned about."""
    found = []
    for each in plain(root, "text"):
        turned = re.findall(r"(?:rotate|translate)\(([^)]*)\)", each.get("transform", ""))
        numbers = [float(number) for number in PLACE.findall(" ".join(turned))]
        x, y = (each.get("x"), each.get("y")) if each.get("x") else numbers[:2]
        found.append((each.text, float(x), float(y)))
    return sorted(found)


@pytest.fixture
def about(sampled, streamed):
    """What every kind is drawn from: samples, ceilings, an attribution."""
    ceilings = {"peaks": streamed.peaks, "bandwidths": streamed.bandwidths}
    table = msgspec.structs.replace(tabulate(sampled), **ceilings)
    return {"table": table, "record": sampled, "attribution": attribution_at(256)}


@pytest.mark.parametrize("kind", figures.KINDS)
def test_every_text_stands_where_matplotlib_would_put_it(about, kind):
    def figure():
        return figures.draw(kind, **about)

    with_outlines = [text.get_text() for axes in figure().axes for text in axes.texts if text.get_path_effects()]
    ours = places_of_texts(ET.XML(Drawings().add(figure(), "a", "b", {})))
    ours = [each for each in ours if each[0] not in with_outlines]
    theirs = places_of_texts(matplotlibs_own(figure()))
    assert [text for text, *_ in ours] == [text for text, *_ in theirs]
    for text, x, y in ours:  # what lies beside labels moves with their widths
        assert any(text == each and abs(x - u) < 2 and abs(y - v) < 2 for each, u, v in theirs), (text, x, y)


@pytest.mark.parametrize("kind", ["rate", "ladder", "roofline", "distributions", "credit"])
def test_as_much_is_drawn_as_matplotlib_draws(about, kind):
    def figure():
        return figures.draw(kind, **about)

    ours, theirs = ET.XML(Drawings().add(figure(), "a", "b", {})), matplotlibs_own(figure())
    assert len(plain(ours, "use")) == len(plain(theirs, "use"))
    assert len(plain(ours, "path")) < len(plain(theirs, "path"))


def test_lines_of_one_look_are_one_element_and_those_of_another_are_not(axes):
    for y in (10, 20, 30):
        axes.plot([10, 100], [y, y], color="#112233", linewidth=2)
    axes.plot([10, 100], [40, 40], color="#445566", linewidth=2)
    root, rules = drawn(axes)
    lines = [each for each in plain(root, "path") if each.get("d").count("M") and "#" in rules[each.get("class")]]
    found = {rules[each.get("class")]: each.get("d") for each in lines if "stroke:" in rules[each.get("class")]}
    assert found["fill:none;stroke:#112233;stroke-width:2;stroke-linecap:square"] == (
        "M10 206 100 206M10 196 100 196M10 186 100 186"
    )
    assert found["fill:none;stroke:#445566;stroke-width:2;stroke-linecap:square"] == "M10 176 100 176"


def test_a_mark_is_drawn_once_and_used_at_every_place(axes):
    for color in ("#112233", "#445566"):
        axes.plot([10, 20, 30], [10, 20, 30], "s", color=color, markersize=4)
    root, _ = drawn(axes)
    (mark,) = [each for each in plain(root, "path") if (each.get("id") or "").startswith("d1-")]
    assert mark.get("d").startswith("M-2 2")
    assert [each.get("href") for each in plain(root, "use")] == [f"#{mark.get('id')}"] * 6
    assert [(each.get("x"), each.get("y")) for each in plain(root, "use")][:2] == [("10", "206"), ("20", "196")]


def test_dashes_and_transparency_are_told(axes):
    axes.plot([10, 100], [10, 20], color="#112233", linewidth=1, dashes=(4, 2), dash_capstyle="butt", alpha=0.5)
    _, rules = drawn(axes)
    assert "fill:none;stroke:#112233;stroke-width:1;stroke-opacity:0.5;stroke-dasharray:4,2" in rules.values()


def test_a_curve_stays_a_curve_and_a_closed_shape_closed(axes):
    axes.add_patch(mpl.patches.Circle((100, 100), 10, facecolor="#112233"))
    axes.add_patch(mpl.patches.Rectangle((10, 10), 20, 20, facecolor="#445566"))
    root, rules = drawn(axes)
    found = {rules[each.get("class")][:12]: each.get("d") for each in plain(root, "path") if each.get("class")}
    assert re.fullmatch(r"M100 126C[-\d. ]+z", found["fill:#112233"])
    assert found["fill:#445566"] == "M10 206 30 206 30 186 10 186z"


def test_what_is_beyond_the_axes_is_cut_at_them():
    with looks(LIGHT):
        axes = Figure(figsize=(4, 3)).add_axes((0.25, 0.25, 0.5, 0.5))
        axes.plot([0, 1], [0, 1])
        axes.set_xlim(0.2, 0.6)
    root, _ = drawn(axes)
    (bounds,) = plain(root, "clipPath")
    assert {key: bounds[0].get(key) for key in ("x", "y", "width", "height")} == {
        "x": "72",
        "y": "54",
        "width": "144",
        "height": "108",
    }
    assert f"url(#{bounds.get('id')})" in {each.get("clip-path") for each in plain(root, "path")}


def test_a_halo_is_no_outline_of_letters(axes):
    axes.text(10, 10, "on a line", path_effects=[withStroke(linewidth=2.5, foreground="#ffffff")])
    root, rules = drawn(axes)
    (text,) = plain(root, "text")
    assert text.text == "on a line"
    assert "paint-order:stroke;stroke:#ffffff" in rules[text.get("class")]


def test_a_text_with_markup_in_it_is_text(axes):
    with looks(LIGHT):
        axes.text(10, 10, "<b> & $x$")
    root, _ = drawn(axes)
    assert [each.text for each in plain(root, "text")] == ["<b> & $x$"]


def test_a_bar_of_colours_is_one_shape(axes):
    mesh = axes.pcolormesh([0, 10], np.arange(101.0), np.arange(100.0)[:, None], cmap="cividis")
    root, rules = drawn(axes)
    stops = plain(root, "stop")
    first, last = (rules[stops[place].get("class")] for place in (0, -1))
    ends = (mpl.colors.to_hex(mesh.get_cmap()(end)) for end in (0, 255))
    assert [first, last] == [f"stop-color:{each}" for each in ends]
    (bar,) = plain(root, "rect")[-1:]
    assert (bar.get("x"), bar.get("y"), bar.get("width"), bar.get("height")) == ("0", "116", "10", "100")


def test_a_mesh_of_several_columns_is_its_cells(axes):
    axes.pcolormesh([0, 10, 20], [0, 10, 20], [[0, 1], [2, 3]], cmap="cividis")
    root, rules = drawn(axes)
    cells = [each for each in plain(root, "path") if "stroke" not in rules.get(each.get("class"), "stroke")]
    assert len(cells) >= 4


def test_what_is_no_shape_is_refused(axes):
    axes.imshow(np.zeros((2, 2)))
    with pytest.raises(TypeError, match="made of shapes"):
        drawn(axes)


def test_a_formula_is_refused(axes):
    axes.text(10, 10, "$x$", parse_math=True)
    with pytest.raises(TypeError, match="no formulas"):
        drawn(axes)


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("text", ["numpy_matmul, 2 threads", "GFLOP/s", "n (matrices of n × n)", "1,234.5 [0.1, 9]"])
def test_letters_are_as_wide_as_matplotlib_has_them(text, bold):
    prop = mpl.font_manager.FontProperties(family="DejaVu Sans", size=9.5, weight="bold" if bold else "normal")
    shapes = Shapes((100, 100), "d1", lambda style: style, lambda _: None)
    width, height, descent = shapes.get_text_width_height_descent(text, prop, ismath=False)
    theirs, *_ = shapes._text2path.get_text_width_height_descent(text, prop, ismath=False)
    assert width == pytest.approx(theirs, rel=0.03)
    assert 0 < descent < height < 1.5 * 9.5
