"""The lessons' site in a real browser, from the files as they lie, with nothing asked of the network."""

import pytest
from offline import PAPER, PHONE, THEMES, violations

from matbench.record.lessons import read_lessons

pytestmark = pytest.mark.xdist_group("measure")  # where the lessons are executed, once for all

NAMES = ["index", *(lesson.name for lesson in read_lessons())]


@pytest.fixture
def opened(visit, lessons_built):
    """Opens a page of the site."""
    return lambda name, **settings: visit(lessons_built.folder / "site" / f"{name}.html", **settings)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_with_its_heading_and_every_image(opened, name):
    page = opened(name)
    assert page.locator("h1").count() == 1
    images = page.locator("main img")
    assert images.count() >= (0 if name == "index" else 2)
    for place in range(images.count()):
        image = images.nth(place)
        image.scroll_into_view_if_needed()
        assert len(image.get_attribute("alt")) > 40
        assert image.evaluate("image => image.complete && image.naturalWidth > 100")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("screen", "theme"), [(PHONE, "light"), (PAPER, "print")], ids=["phone", "paper"])
def test_nothing_is_wider_than_phone_or_paper(opened, name, screen, theme):
    page = opened(name, viewport=screen, media=THEMES[theme])
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_violation(opened, name):
    for theme in THEMES.values():
        assert violations(opened(name, media=theme)) == []


def test_every_lesson_is_reached_from_the_first_page_and_leads_to_the_next(browser, lessons_built):
    context, asked = browser.new_context(), []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((lessons_built.folder / "site" / "index.html").as_uri())
    page.locator("h2 a").first.click()
    for name in NAMES[2:]:
        page.locator("nav").get_by_text("Next:").locator("a").click()
        assert page.url.endswith(f"/{name}.html")
    assert page.locator("nav").get_by_text("Next:").count() == 0
    context.close()
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_the_keyboard_reaches_what_a_mouse_does(opened):
    page = opened(NAMES[1])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    solution = page.locator("details").first
    for _ in range(20):  # what stands before it: at most some links
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    assert solution.locator("pre").is_visible()


def test_solutions_are_folded_until_they_are_asked_for(opened):
    solution = opened(NAMES[1]).locator("details").first
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").is_visible()


def test_with_scripts_off_all_is_there(opened):
    page = opened(NAMES[2], scripts=False)
    assert page.locator("main img").count() >= 2
    page.locator("summary").first.click()
    assert page.locator("details pre").first.is_visible()
