"""The report in a real browser: all is there with scripts and without, nothing foreign runs, nothing is asked for."""

import importlib.util
from urllib.parse import unquote

import pytest
from offline import PAPER, PHONE, THEMES, violations
from told_records import KERNELS, hostile_credit, hostile_record, told_credit, told_record

from matbench.analyse.ladder import tabulate
from matbench.present.report.assembly import Part, report_page
from matbench.record.islands import island

pytestmark = pytest.mark.xdist_group("pages")

EXTRA = importlib.util.find_spec("vl_convert") is not None
PICTURES = 10  # ladder, credit, speed-up, rate, per core, threads, roofline, heat map, distributions, rate of float32


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages as files: of an ordinary record, of a hostile one, and of both."""
    folder = tmp_path_factory.mktemp("reports")
    plain, hostile = (
        Part(record, (tabulate(record),), "float64", island(record), (credit_of(record),))
        for record, credit_of in ((told_record(), told_credit), (hostile_record(), hostile_credit))
    )
    made = {}
    for name, parts in {"plain": [plain], "hostile": [hostile], "both": [plain, hostile]}.items():
        made[name] = folder / f"{name}.html"
        made[name].write_text(report_page(parts, "page.html"), encoding="utf-8")
    return made


@pytest.fixture
def opened(visit, pages):
    """Opens one of the pages."""
    return lambda name, **settings: visit(pages[name], **settings)


def drawn(page):
    """The size of each picture on the screen, and of what is drawn in it."""
    pictures = page.locator("figure.chart svg")
    return [pictures.nth(place).bounding_box() for place in range(pictures.count())]


@pytest.mark.parametrize("media", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_every_figure_appears(opened, scripts, media):
    page = opened("plain", scripts=scripts, media=media)
    boxes = drawn(page)
    assert len(boxes) == PICTURES
    assert all(box["width"] > 300 and box["height"] > 150 for box in boxes)
    assert page.locator("section .finding").count() >= PICTURES
    assert page.locator("details table tbody tr").count() > 20


def test_without_scripts_only_the_buttons_are_gone(opened):
    page = opened("plain", scripts=False)
    assert not page.locator("button").first.is_visible()
    page.locator("summary").first.click()
    assert page.locator("details table").first.is_visible()


def paper(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def ink_of_first_picture(page):
    """Colour of the paper of the first picture."""
    return page.evaluate("getComputedStyle(document.querySelector('figure.chart svg path')).fill")


def test_the_pictures_follow_the_theme_of_the_page(opened):
    light, dark = (opened("plain", media=THEMES[name]) for name in ("light", "dark"))
    assert paper(light) == ink_of_first_picture(light) == "rgb(255, 255, 255)"
    assert paper(dark) == ink_of_first_picture(dark) != paper(light)


def test_print_is_dark_on_light_whatever_the_theme(opened):
    page = opened("plain", media=THEMES["dark"])
    page.get_by_role("button", name="Dark").click()
    page.emulate_media(**THEMES["print"])
    assert paper(page) == ink_of_first_picture(page) == "rgb(255, 255, 255)"


def test_the_theme_can_be_switched_and_left_to_the_system_again(opened):
    page = opened("plain", media=THEMES["light"])
    before = paper(page)
    page.get_by_role("button", name="Dark").click()
    assert paper(page) != before
    page.get_by_role("button", name="As the system").click()
    assert paper(page) == before


def test_all_tables_open_at_a_click_and_close_at_another(opened):
    page = opened("plain")
    button = page.get_by_role("button", name="Open all tables")
    button.click()
    count = page.locator("details").count()
    assert page.locator("details[open]").count() == count > 0
    button.click()
    assert page.locator("details[open]").count() == 0


@pytest.mark.parametrize("name", ["plain", "hostile"])
@pytest.mark.parametrize(("screen", "theme"), [(PHONE, "light"), (PAPER, "print")], ids=["phone", "paper"])
def test_nothing_is_wider_than_phone_or_paper(opened, name, screen, theme):
    page = opened(name, viewport=screen, media=THEMES[theme])
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]


@pytest.mark.parametrize(("name", "theme"), [("both", "light"), ("plain", "dark"), ("plain", "print")])
def test_axe_finds_no_violation(opened, name, theme):
    page = opened(name, media=THEMES[theme])
    if EXTRA and theme != "print":
        page.wait_for_selector(".interactive .plot svg")
    assert violations(page) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_foreign_text_is_shown_as_text_and_nothing_runs(opened, scripts):
    page = opened("hostile", scripts=scripts)
    shown = page.locator("body").inner_text()
    assert "<script>window.ran=1</script>" in shown
    assert "onerror=window.ran=1>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert not {"\0", "\u202e", "\u200f", "\x1b"} & set(shown)
    assert page.locator("img, svg[onload], iframe, object").count() == 0
    assert page.locator("script:not([type])", has_text="window.ran").count() == 0
    assert len(drawn(page)) == PICTURES
    if scripts:
        assert page.evaluate("window.ran") is None


def test_every_picture_is_told_in_words_and_numbers(opened):
    page = opened("plain")
    for picture in page.locator("figure.chart svg").all():
        title, description = picture.get_attribute("aria-labelledby").split()
        assert page.locator(f"#{title}").evaluate("each => each.textContent")
        assert len(page.locator(f"#{description}").evaluate("each => each.textContent")) > 40
    links = page.get_by_role("link", name="As CSV")
    assert links.count() == PICTURES + 1  # and the crossover table


def test_a_csv_link_brings_the_table_as_a_file(opened):
    page = opened("plain")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="As CSV").first.click()
    text = waiting.value.path().read_text("utf-8")
    assert waiting.value.suggested_filename.endswith("-ladder.csv")
    assert all(name in text for name, *_ in KERNELS if name != "numpy_broadcast")
    address = page.get_by_role("link", name="As CSV").first.get_attribute("href")
    assert unquote(address.partition("charset=utf-8,")[2]) == text


def test_every_address_within_the_page_leads_somewhere(opened):
    page = opened("both")
    missing = page.evaluate(
        "[...document.querySelectorAll('[href^=\"#\"]')].map(each => each.getAttribute('href').slice(1))"
        ".filter(name => !document.getElementById(name))"
    )
    assert missing == []
    names = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(names) == len(set(names))


@pytest.mark.skipif(not EXTRA, reason="needs the extra report")
@pytest.mark.parametrize("name", ["plain", "both"])
def test_with_the_extra_there_is_a_picture_that_answers(opened, name):
    page = opened(name)
    page.wait_for_selector(".interactive .plot svg")
    block = page.locator(".interactive").first
    marks = block.locator(".mark-symbol path")
    before = marks.count()
    block.locator("input[data-series]").first.uncheck()
    page.wait_for_function(
        "before => document.querySelectorAll('.interactive .mark-symbol path').length < before",
        arg=before * page.locator(".interactive").count(),
    )


@pytest.mark.skipif(not EXTRA, reason="needs the extra report")
def test_without_scripts_and_in_print_the_picture_that_answers_is_not_missed(opened):
    for page in (opened("plain", scripts=False), opened("plain", media=THEMES["print"])):
        assert page.locator(".interactive").count() == 1
        assert not page.locator(".interactive").is_visible()
        assert not page.get_by_text("Try it").is_visible()
