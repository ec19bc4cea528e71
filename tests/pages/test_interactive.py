"""The interactive picture of a report in a real browser, under the page's own policy: no eval, no network."""

import base64
import hashlib
import json
import re

import pytest

from matbench.analyse.rows import Interval, Row, SpeedUp, Table
from matbench.model import Case, KernelCard, Problem
from matbench.present.report.interactive import interactive

pytestmark = pytest.mark.xdist_group("pages")
HOSTILE = "<script>document.title='run'</script>"
SIZES = (64, 128, 256)
KERNELS = (("slow", 1.0), ("fast", 0.01), (HOSTILE, 0.1))


def made():
    rows = []
    for n in SIZES:
        for name, factor in KERNELS:
            problem, seconds = Problem(n, n, n), factor * n**3 * 1e-9
            rate, card = problem.flops / seconds, KernelCard(name, "any", "any")
            ratio = SpeedUp("slow", 1 / factor, 0.9 / factor, 1.1 / factor)
            around = Interval(seconds, 0.9 * seconds, 1.1 * seconds)
            guess = name == "slow" and n == max(SIZES)
            rows.append(
                Row(
                    Case(name, problem),
                    card,
                    around,
                    Interval(rate, 0.9 * rate, 1.1 * rate),
                    0.5,
                    ratio,
                    extrapolated=guess,
                )
            )
    return Table("m", "c", "slow", tuple(rows), {"float64/1": Interval(300e9)})


@pytest.fixture(scope="module")
def page_text():
    pytest.importorskip("vl_convert", reason="needs the extra report")
    block = interactive(made())
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in block.scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}"
    inks = (
        ":root { --paper: #ffffff; --text: #1b1f24; --muted: #59636e; --grid: #e6e8eb; --roof: #8a2b2b; --card: #fff }"
    )
    dark = ":root[data-theme=dark] { --paper: #14181d; --text: #e8ebee }"
    scripts = "".join(f"<script>{text}</script>" for text in block.scripts)
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}"><title>t</title>'
    return (
        f"<!doctype html><html><head>{head}<style>{inks}{dark}</style></head><body>{block.html}{scripts}</body></html>"
    )


@pytest.fixture
def page(browser, page_text, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_text, "utf-8")
    opened = browser.new_page()
    opened.faults, opened.asked = [], []
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))
    opened.on("console", lambda said: opened.faults.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(path.as_uri())
    opened.wait_for_selector(".plot svg")
    yield opened
    assert opened.faults == []
    assert [url for url in opened.asked if not url.startswith("file:")] == []
    opened.close()


def points(page):
    """How many dots there are."""
    return page.locator(".plot svg .mark-symbol path").count()


def words(page):
    return page.locator(".plot svg text").all_text_contents()


def settled(page, count):
    page.wait_for_function(
        "want => document.querySelectorAll('.plot svg .mark-symbol path').length === want", arg=count
    )


def test_all_points_are_drawn_without_eval_and_without_the_network(page):
    settled(page, len(SIZES) * len(KERNELS))
    assert "speed-up over slow" in words(page)


def test_a_rung_can_be_hidden_and_shown_again(page):
    box = page.get_by_role("checkbox", name="fast")
    box.uncheck()
    settled(page, len(SIZES) * (len(KERNELS) - 1))
    box.check()
    settled(page, len(SIZES) * len(KERNELS))


def test_the_base_can_be_another(page):
    page.get_by_label("Base").select_option("fast")
    page.wait_for_function("document.querySelector('.plot svg').textContent.includes('speed-up over fast')")
    assert "without an interval" in page.locator("[data-note]").inner_text()


def test_rates_are_shown_with_the_peak_and_on_a_linear_scale(page):
    page.get_by_label("Show").select_option("rate")
    page.wait_for_function("document.querySelector('.plot svg').textContent.includes('peak, 1 thread')")
    page.get_by_label("Scale").select_option("linear")
    page.wait_for_function("[...document.querySelectorAll('.plot svg text')].some(t => t.textContent === '0')")


def test_what_is_pointed_at_tells_its_figures(page):
    settled(page, len(SIZES) * len(KERNELS))
    page.locator(".plot svg .mark-symbol path").last.hover(force=True)
    page.wait_for_selector("#vg-tooltip-element.visible")
    told = page.locator("#vg-tooltip-element").inner_text()
    assert "rung" in told
    assert "interval" in told


def test_predictions_are_hollow(page):
    hollow = "document.querySelectorAll('.plot svg .mark-symbol path[fill=\"#ffffff\"]').length"
    settled(page, len(SIZES) * len(KERNELS))
    assert page.evaluate(hollow) == len(KERNELS)  # speed-ups over a base whose time is a prediction
    page.get_by_label("Show").select_option("time")
    page.wait_for_function(f"{hollow} === 1")


def test_another_theme_draws_it_anew(page):
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function("!!document.querySelector('.plot svg .mark-symbol path[fill=\"#14181d\"]')")


def test_a_hostile_name_is_text(page):
    assert page.title() == "t"
    assert page.get_by_role("checkbox", name=HOSTILE).count() == 1


def test_the_block_holds_its_numbers_as_data(page_text):
    told = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page_text)[1])
    assert len(told["points"]) == len(SIZES) * len(KERNELS)
    assert [one["kernel"] for one in told["series"]] == [name for name, _ in KERNELS]
