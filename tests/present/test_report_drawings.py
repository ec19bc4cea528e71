"""Pictures within a page: the same picture, smaller, that changes its colours with the theme."""

import re
from xml.etree import ElementTree as ET

import pytest
from credit_examples import attribution_at

from matbench.analyse.ladder import tabulate
from matbench.present import figures
from matbench.present.choose import cards
from matbench.present.report.drawings import Drawings, dark_colours
from matbench.present.style import DARK, LIGHT, contrast, palette

COLOUR = re.compile(r"#[0-9a-f]{6}")


@pytest.fixture(scope="module")
def table_of_it(sampled):
    return tabulate(sampled)


@pytest.fixture(scope="module")
def drawn(sampled, table_of_it):
    """Each kind of picture, in either theme."""
    return lambda kind, dark=False: figures.draw(
        kind, table_of_it, record=sampled, attribution=attribution_at(256), dark=dark
    )


@pytest.fixture(scope="module")
def dark(table_of_it):
    return dark_colours(cards(table_of_it))


def colours_of(drawings, svg, *, dark):
    """All colours of a picture in a theme."""
    values = dict(re.findall(r"(--k\d+):(#\w+);", drawings.colours(dark=dark)))
    variables = re.findall(r"var\((--k\d+)\)", drawings.rules)
    return {values[name] for name in variables} | set(COLOUR.findall(drawings.rules + svg))


@pytest.mark.parametrize("kind", figures.KINDS)
def test_in_the_dark_a_picture_has_the_colours_of_the_dark_picture(drawn, table_of_it, dark, kind):
    page, whole = Drawings(), Drawings()
    svg = page.add(drawn(kind), "title", "description", dark)
    expected = whole.add(drawn(kind, dark=True), "title", "description", {})
    found = colours_of(page, svg, dark=True)
    labels = {look.label for look in palette(cards(table_of_it), DARK).values()}  # may stand for their lines' colours
    assert found <= colours_of(whole, expected, dark=False) | labels
    assert DARK.paper in found
    assert LIGHT.paper not in found


def test_every_colour_stands_out_from_its_paper_in_both_themes(dark):
    for light, other in dark.items():
        if light not in {LIGHT.paper, LIGHT.grid}:
            assert contrast(light, LIGHT.paper) >= 3
            assert contrast(other, DARK.paper) >= 3


@pytest.mark.parametrize("kind", figures.KINDS)
def test_a_picture_is_whole_and_small(drawn, dark, kind):
    drawings = Drawings()
    svg = drawings.add(drawn(kind), "What it is", "What it shows.", dark)
    root = ET.XML(svg)
    names = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(names) == len(set(names))
    assert set(re.findall(r"#(d[\w-]+)", svg)) <= set(names)
    assert set(re.findall(r'class="(\w+)"', svg)) <= set(re.findall(r"\.(\w+)\{", drawings.rules))
    assert [element.text for element in root if element.tag in {"title", "desc"}] == ["What it is", "What it shows."]
    assert len(svg) < 0.6 * len(figures.render(drawn(kind), "svg", title="x", description="x"))
    assert not re.search(r"<\?|<!|xmlns|<metadata|<style|style=", svg)


def test_no_two_pictures_of_a_page_share_a_name(drawn, dark):
    drawings = Drawings()
    svg = drawings.add(drawn("rate"), "a", "b", dark) + drawings.add(drawn("rate"), "a", "b", dark)
    names = re.findall(r' id="([^"]+)"', svg)
    assert len(names) == len(set(names)) > 4


def test_letters_are_text_that_can_be_searched(drawn, dark):
    svg = Drawings().add(drawn("ladder"), "a", "b", dark)
    assert ">numpy_matmul, 2 threads</text>" in svg


def test_what_a_title_says_is_no_markup(drawn, dark):
    svg = Drawings().add(drawn("ladder"), "<script>", "a\x00b</desc><script>", dark)
    assert "<script" not in svg
    assert "\x00" not in svg


def test_the_same_picture_is_the_same_text(drawn, dark):
    one, other = (Drawings().add(drawn("rate"), "a", "b", dark) for _ in range(2))
    assert one == other
