"""The page of a comparison in a real browser: it sorts, finds, hides and draws, and is whole without scripts."""

import dataclasses

import msgspec
import pytest
from compare_examples import BLAS, PEAK, ladder, other, record, roof
from offline import PAPER, PHONE, THEMES, violations
from told_records import hostile_record, told_record

from matbench.analyse.compare_runs import distinct_names, reduce_record
from matbench.analyse.machines import compare
from matbench.present.machines.page import comparison_page

pytestmark = pytest.mark.xdist_group("pages")

HOSTILE = '<script>document.title="taken"</script><img src=x onerror=alert(1)>"\'`\u202e'
MANY = 60


def fleet():
    """Many runs, each a little slower than the one before; every second processor is another."""
    runs = []
    for place in range(MANY):
        made = record(host={"cpu": f"Processor {place % 2}"}, measurements=ladder(1 + 0.02 * place))
        runs.append(dataclasses.replace(reduce_record(made, f"machine-{place:02}")))
    return compare(runs)


def hostile():
    """Two runs, the second with hostile strings wherever a record has one."""
    made = other(
        host={"cpu": HOSTILE, "hypervisor": HOSTILE}, libraries=(msgspec.structs.replace(BLAS, name=HOSTILE[:80]),)
    )
    kernels = tuple(msgspec.structs.replace(card, idea=HOSTILE) for card in made.header.kernels)
    header = msgspec.structs.replace(made.header, kernels=kernels)
    return compare(
        [reduce_record(record(), "plain"), reduce_record(msgspec.structs.replace(made, header=header), HOSTILE)]
    )


def traps():
    """Two runs in which every text is a trap, and what is known of their set-up differs in everything."""
    first, second = hostile_record(), hostile_record()
    plain = told_record().header
    header = msgspec.structs.replace(second.header, id=plain.id, host=plain.host, environment=plain.environment)
    both = (first, msgspec.structs.replace(second, header=header))
    names = distinct_names([each.header for each in both])
    return compare([reduce_record(each, name) for each, name in zip(both, names, strict=True)])


def beside():
    """Two runs, in the first of which chains were timed in the rounds of the kernels, at nine tenths of the fastest."""
    chain = roof(0.9 * PEAK, wander=(1.0,))
    problems = dict.fromkeys(each.case.problem for each in ladder())
    told = (msgspec.structs.replace(chain, problem=problem) for problem in problems)
    made = record(ceilings=(roof(), roof(threads=2), *told))
    return compare([reduce_record(made, "quiet-heron"), reduce_record(other(), "loud-magpie")])


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparisons")
    two = compare([reduce_record(record(), "quiet-heron"), reduce_record(other(), "loud-magpie")])
    every = {"two": two, "many": fleet(), "hostile": hostile(), "traps": traps(), "beside": beside()}
    made = {}
    for name, found in every.items():
        made[name] = folder / f"{name}.html"
        made[name].write_text(comparison_page(found), encoding="utf-8")
    return made


@pytest.fixture
def opened(visit, pages):
    """Opens a page by its name."""

    def go(name, *, media=THEMES["light"], **settings):
        return visit(pages[name], media=media, **settings)

    return go


def names(page):
    """The runs of the ranking in their order, those that are shown."""
    return [each.strip() for each in page.locator("#ranked tbody tr:visible th").all_inner_texts()]


@pytest.mark.parametrize("media", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
@pytest.mark.parametrize("name", ["two", "many"])
def test_ranking_and_panels_appear(opened, name, scripts, media):
    page = opened(name, scripts=scripts, media=media)
    assert len(names(page)) == {"two": 2, "many": MANY}[name]
    boxes = [each.bounding_box() for each in page.locator(".panels svg").all()]
    assert len(boxes) == 4
    assert all(box["width"] > 150 and box["height"] > 100 for box in boxes)
    answers = scripts and media != THEMES["print"]  # paper has no buttons
    assert page.locator("#tools").is_visible() == answers
    assert page.locator("#ranked button:visible").count() == (len(names(page)) if answers else 0)


def test_runs_are_found_by_words(opened):
    page = opened("many")
    page.fill("#find", "epyc nothing")
    assert names(page) == []
    page.fill("#find", "Processor MACHINE-1")
    assert names(page) == [f"machine-1{place}" for place in range(10)]
    page.fill("#find", "machine-07")
    assert names(page) == ["machine-07"]
    page.click("#all-again")
    assert len(names(page)) == MANY


def test_runs_are_filtered_by_processor(opened):
    page = opened("many")
    page.select_option("#processor", "Processor 0")
    assert len(names(page)) == MANY // 2


def test_the_ranking_follows_what_is_chosen(opened):
    page = opened("two")
    assert names(page) == ["quiet-heron", "loud-magpie"]
    page.select_option("#cells-of", "numpy_matmul, 1 thread, float64")
    page.select_option("#size", "1000")
    page.select_option("#measure", "rate")
    assert page.locator("#ranked tbody tr td:nth-child(5)").all_inner_texts() == ["50.0", "33.3"]
    page.select_option("#measure", "share")
    assert page.locator("#measured").inner_text() == "of own peak"
    assert page.locator("#ranked tbody tr td:nth-child(5)").all_inner_texts() == ["83.2 %", "83.2 %"]


def test_a_share_over_chains_beside_the_kernel_is_the_one_of_the_tables(opened):
    page, found = opened("beside"), beside()
    page.select_option("#cells-of", "numpy_matmul, 1 thread, float64")
    page.select_option("#size", "1000")
    page.select_option("#measure", "share")
    place = next(
        place
        for place, cell in enumerate(found.cells)
        if (cell.kernel, cell.threads, cell.n, cell.dtype) == ("numpy_matmul", 1, 1000, "float64")
    )
    first, second = 100 * found.shares[:, place]
    assert first == pytest.approx(83.2 / 0.9, abs=1.5)  # of four rounds only
    shown = page.locator("#ranked tbody tr td:nth-child(5)").all_inner_texts()
    assert [float(text.removesuffix(" %")) for text in shown] == pytest.approx([first, second], abs=0.1)


def test_the_shares_of_peak_follow_what_is_chosen(opened):
    page = opened("two")
    shares = page.locator("#ranked tbody tr td:nth-child(7)")
    first = shares.all_inner_texts()
    page.select_option("#cells-of", "python_lists, 1 thread, float64")
    assert shares.all_inner_texts() != first
    assert [text.startswith("0.") for text in shares.all_inner_texts()] == [True, True]
    page.click("#all-again")
    assert shares.all_inner_texts() == first


def test_a_run_is_hidden_and_shown_again(opened):
    page = opened("two")
    page.get_by_role("button", name="Hide quiet-heron").click()
    assert names(page) == ["loud-magpie"]
    page.click("#unhide")
    assert len(names(page)) == 2


def test_ticked_runs_are_drawn_on_every_panel_and_no_more_than_six(opened):
    page = opened("many")
    boxes = page.locator("#ranked input[type=checkbox]")
    for place in range(7):
        boxes.nth(place).click()
    assert page.locator(".panels figure").first.locator(".picked polyline").count() == 6
    assert "No more than 6" in page.inner_text("#said")
    assert page.locator("#legend li").count() == 2 + 6


def test_hostile_strings_are_text_and_nothing_runs(opened):
    page = opened("hostile")
    assert page.title() == "matbench: 2 runs compared"
    assert page.locator("img").count() == 0
    assert any("<script>" in name for name in names(page))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_foreign_text_is_shown_as_text_and_nothing_runs(opened, scripts):
    page = opened("traps", scripts=scripts)
    shown = page.locator("body").inner_text()
    assert "<script>window.ran=1</script>" in shown
    assert "onerror=window.ran=1>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert not {"\0", "\u202e", "\u200f", "\x1b"} & set(shown)
    assert page.locator("img, svg[onload], iframe, object").count() == 0
    assert page.locator("script:not([type])", has_text="window.ran").count() == 0
    assert page.locator(".panels svg").count() > 3
    if scripts:
        assert page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    ("name", "theme"), [("two", "light"), ("two", "dark"), ("many", "light"), ("many", "print"), ("traps", "dark")]
)
def test_axe_finds_no_violation(opened, name, theme):
    page = opened(name, media=THEMES[theme], bypass_csp=True)
    assert violations(page) == []


@pytest.mark.parametrize("name", ["two", "many", "traps"])
@pytest.mark.parametrize(("screen", "theme"), [(PHONE, "light"), (PAPER, "print")], ids=["phone", "paper"])
def test_nothing_is_wider_than_phone_or_paper(opened, name, screen, theme):
    page = opened(name, viewport=screen, media=THEMES[theme])
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]


def test_every_address_within_the_page_leads_somewhere(opened):
    page = opened("two")
    missing = page.evaluate(
        "[...document.querySelectorAll('[href^=\"#\"]')].map(each => each.getAttribute('href').slice(1))"
        ".filter(name => !document.getElementById(name))"
    )
    assert missing == []
    found = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(found) == len(set(found))
