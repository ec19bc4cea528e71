import matplotlib as mpl
import pytest

from matbench.present.style import DARK, LIGHT, contrast, drawable, looks, palette

THEMES = pytest.mark.parametrize("ink", [LIGHT, DARK], ids=["light", "dark"])


def many(made, rungs=("pure Python", "NumPy arrays", "compiled loops", "BLAS", "CUDA", "odd"), each=9):
    return [made.card(f"{rung}-{i}", rung) for rung in rungs for i in range(each)]


@THEMES
def test_lines_and_labels_stand_out_from_the_paper(made, ink):
    for look in palette(many(made), ink).values():
        assert contrast(look.color, ink.paper) >= 3.0
        assert contrast(look.label, ink.paper) >= 4.5


@THEMES
def test_words_and_roofs_stand_out_from_the_paper(ink):
    assert all(contrast(color, ink.paper) >= 4.5 for color in (ink.text, ink.muted, ink.roof))


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@THEMES
def test_members_of_a_family_differ_in_marker_and_up_to_five_in_colour(made, ink):
    for rung in ("pure Python", "NumPy arrays", "compiled loops", "BLAS"):
        found = list(palette(many(made, (rung,), 5), ink).values())
        assert len({look.marker for look in found}) == 5
        assert len({look.color for look in found}) >= 4


def test_the_same_kernels_look_the_same_each_time(made):
    assert palette(many(made)) == palette(many(made))


def test_a_plugin_changes_the_look_of_no_other_kernel(made):
    own = many(made)
    plugin = made.card("mine", "compiled loops", origin="other")
    with_plugin = palette([plugin, *own])
    assert {name: with_plugin[name] for name in (card.name for card in own)} == palette(own)


def test_the_readers_settings_are_put_back():
    with mpl.rc_context({"lines.linewidth": 7.0, "font.size": 31.0}):
        before = dict(mpl.rcParams)
        with looks(LIGHT):
            assert mpl.rcParams["lines.linewidth"] != 7.0
            assert mpl.rcParams["text.parse_math"] is False
        assert dict(mpl.rcParams) == before


def test_letters_that_the_font_lacks_are_replaced():
    assert drawable("n × µ") == "n × µ"
    assert drawable("\N{CJK UNIFIED IDEOGRAPH-4E00}a") == "?a"
