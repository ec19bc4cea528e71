"""The lessons' site in a real browser, from the files as they lie, with nothing asked of the network."""

import pytest

from matbench.record.lessons import read_lessons

pytestmark = pytest.mark.xdist_group("measure")  # where the lessons are executed, once for all

NAMES = ["index", *(lesson.name for lesson in read_lessons())]


@pytest.fixture(params=["light", "dark"])
def page(request, browser):
    """A tab that knows what went wrong in it and what it asked for; at its end nothing must have."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1000, "height": 900})
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    yield page
    context.close()
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_with_its_heading_and_every_image(page, lessons_built, name):
    page.goto((lessons_built.folder / "site" / f"{name}.html").as_uri())
    assert page.locator("h1").count() == 1
    images = page.locator("main img")
    assert images.count() >= (0 if name == "index" else 2)
    for place in range(images.count()):
        image = images.nth(place)
        image.scroll_into_view_if_needed()
        assert len(image.get_attribute("alt")) > 40
        assert image.evaluate("image => image.complete && image.naturalWidth > 100")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_phone(browser, lessons_built, name):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto((lessons_built.folder / "site" / f"{name}.html").as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 360


def test_every_lesson_is_reached_from_the_first_page_and_leads_to_the_next(page, lessons_built):
    page.goto((lessons_built.folder / "site" / "index.html").as_uri())
    page.locator("h2 a").first.click()
    for name in NAMES[2:]:
        page.locator("nav").get_by_text("Next:").locator("a").click()
        assert page.url.endswith(f"/{name}.html")
    assert page.locator("nav").get_by_text("Next:").count() == 0


def test_solutions_are_folded_until_they_are_asked_for(page, lessons_built):
    page.goto((lessons_built.folder / "site" / f"{NAMES[1]}.html").as_uri())
    solution = page.locator("details").first
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").is_visible()
