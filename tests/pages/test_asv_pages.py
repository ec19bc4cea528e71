"""asv's pages of our results in a real browser, with nothing asked of the network."""

import importlib.util
import math
import os
import re
import socket
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import libraries
import pytest
from browsers import find_chromium
from published import BOTH, ONE, ROOT, TIME, seconds

pytestmark = pytest.mark.xdist_group("pages")  # one repository, one browser for all


def lacking():
    """What these tests need and this machine lacks, or None."""
    if find_chromium() is None:
        return "there is no Chromium; install it (on Debian: chromium)"
    if not all(libraries.installed(name).is_file() for name in libraries.FILES):
        return "npm's packages are not in .browser; type: make browser"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed; type: make browser"
    return None


@pytest.fixture(scope="module")
def site(repository):
    """The address at which our tool, and asv's preview within it, serve the pages."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "tools" / "pages.py"), "--root", str(repository.folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Serving at" in line:
                break
        assert said, "the tool said nothing"
        assert "Serving at" in said[-1], "".join(said)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="module")
def browser():
    if reason := lacking():
        if os.environ.get("MATBENCH_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium())
        yield started
        started.close()


@pytest.fixture
def opened(browser, site, tmp_path):
    """A tab that knows what went wrong in it; at its end nothing must have."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    wrong = []

    def answer(route):
        address = route.request.url
        if address.startswith(f"{site}/"):
            if route.request.resource_type == "document":
                response = route.fetch()
                route.fulfill(response=response, body=libraries.relaxed(response.text()))
            else:
                route.continue_()
        elif name := libraries.ending(address):
            route.fulfill(path=libraries.installed(name), headers={"Access-Control-Allow-Origin": "*"})
        else:
            wrong.append(f"asked for {address}")
            route.abort()

    context.route("**/*", answer)
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda response: wrong.append(f"{response.status} {response.url}") if not response.ok else None)

    def go(fragment=""):
        page.goto(f"{site}/#{fragment}")
        page.wait_for_function("window.jQuery && jQuery.active === 0 && jQuery.asv.main_json.benchmarks")
        return page

    yield SimpleNamespace(page=page, go=go)
    page.screenshot(path=tmp_path / "page.png")
    context.close()
    assert not wrong


def graph_address(**chosen):
    """The fragment of `time_matmul`'s graph with these choices."""
    pairs = [(key.replace("_", "-"), each) for key, values in chosen.items() for each in values]
    return f"{TIME}?{urlencode(pairs, quote_via=quote)}"


def curves(page, count):
    """Label -> points of what is drawn, once that many curves are."""
    page.wait_for_function(
        "count => { const plot = jQuery('#main-graph').data('plot'); return plot && plot.getData().length === count; }",
        arg=count,
    )
    drawn = page.evaluate("jQuery('#main-graph').data('plot').getData().map(each => [each.label, each.data])")
    assert len(dict(drawn)) == count
    return {frozenset(label.split("; ")): points for label, points in drawn}


def panel(page, heading):
    """The buttons under a heading at the left."""
    return page.locator(".panel", has=page.locator(".panel-heading", has_text=re.compile(rf"^\s*{heading}\s*$")))


def ladder(repository):
    return [each.strip("'") for each in repository.benchmarks[TIME]["params"][0]]


def test_what_is_lacking_is_named(monkeypatch):
    for name in libraries.FILES:
        monkeypatch.setitem(libraries.FILES, name, "nowhere/" + name)
    monkeypatch.setitem(globals(), "find_chromium", lambda: "chromium")
    assert "make browser" in lacking()
    monkeypatch.setitem(globals(), "find_chromium", lambda: None)
    assert "no Chromium" in lacking()


def test_the_grid_shows_every_benchmark(opened, repository):
    page = opened.go()
    page.wait_for_selector(".benchmark-plot canvas")
    names = page.locator(".benchmark-text").all_inner_texts()
    assert sorted(names) == sorted(name.partition(".")[2] for name in repository.benchmarks)
    assert page.locator(".benchmark-plot canvas.flot-base").count() == len(repository.benchmarks)


def test_the_list_shows_every_case_of_a_machine(opened, repository):
    page = opened.go("summarylist")
    page.wait_for_selector("#summarylist-body tbody tr")
    assert page.locator("#summarylist-body tbody tr").count() >= math.prod(
        len(values) for values in repository.benchmarks[TIME]["params"]
    )
    assert "numpy_matmul" in page.inner_text("#summarylist-body")


def test_the_page_of_regressions_opens(opened):
    page = opened.go("regressions")
    page.wait_for_selector("#regressions-body *", state="attached")


def test_kernels_are_drawn_against_n_on_one_chart(opened, repository):
    page = opened.go(
        graph_address(
            x_axis=["n"],
            y_axis_scale=["log"],
            machine=[BOTH],
            p_kernel=["'python_lists'", "'numba_ikj'", "'numpy_matmul'"],
            p_dtype=["'float64'"],
            p_threads=["1"],
        )
    )
    drawn = curves(page, 3)
    places = {name: place for place, name in enumerate(ladder(repository))}
    for name in ("python_lists", "numba_ikj", "numpy_matmul"):
        (points,) = (points for label, points in drawn.items() if f"kernel-{name}" in label)
        assert [n for n, _ in points] == [int(n) for n in repository.benchmarks[TIME]["params"][1]]
        assert [time for _, time in points] == pytest.approx([seconds(places[name], n, 1) for n, _ in points])


def test_what_the_read_me_says_to_click_shows_speed_ups(opened):
    page = opened.go()
    page.click(f"a[href='#{TIME}']")
    panel(page, "x-axis").get_by_text("n", exact=True).click()
    panel(page, "machine").get_by_text(ONE, exact=True).click()
    first = curves(page, 8)  # asv begins with eight
    for count, kernel in ((7, "python_arrays"), (6, "python_sumprod"), (7, "numpy_matmul")):
        panel(page, "kernel").get_by_text(kernel, exact=True).click()
        drawn = curves(page, count)
    assert {"threads-1", "dtype-float64"} <= frozenset.intersection(*drawn)
    page.click("#reference")
    (base,) = (points for label, points in first.items() if "kernel-python_lists" in label)
    place = page.evaluate(
        "([x, y]) => { const plot = jQuery('#main-graph').data('plot'), at = plot.pointOffset({x, y});"
        " const box = plot.getPlaceholder().offset(); return {x: box.left + at.left, y: box.top + at.top}; }",
        base[-1],
    )
    page.mouse.click(**place)
    page.wait_for_function("jQuery('#main-graph').data('plot').getOptions().yaxis.ticks !== null")
    ticks = page.evaluate("jQuery('#main-graph').data('plot').getAxes().yaxis.ticks.map(each => [each.label, each.v])")
    told = dict(ticks)
    assert told["10<sup>0</sup>"] == pytest.approx(base[-1][1])  # the axis counts from the point that was clicked
    assert told["10<sup>-1</sup>"] == pytest.approx(base[-1][1] / 10)


def test_the_thread_selector_lays_two_threads_over_one(opened):
    page = opened.go(
        graph_address(x_axis=["n"], machine=[BOTH], p_kernel=["'numpy_matmul'"], p_dtype=["'float64'"], p_threads=["1"])
    )
    (alone,) = curves(page, 1).values()
    selector = panel(page, "threads")
    assert selector.locator("a.btn").all_inner_texts() == ["1", "2"]
    selector.get_by_text("2", exact=True).click()
    (both,) = (points for label, points in curves(page, 2).items() if "threads-2" in label)
    assert all(two < one for (_, one), (_, two) in zip(alone, both, strict=True))


def test_the_machine_limited_to_one_cpu_lies_over_the_whole_one(opened):
    page = opened.go(
        graph_address(x_axis=["n"], p_kernel=["'numpy_matmul'"], p_dtype=["'float64'"], p_threads=["1", "2"])
    )
    drawn = curves(page, 4)
    (missing,) = (points for label, points in drawn.items() if {f"machine-{ONE}", "threads-2"} <= label)
    assert {value for _, value in missing} == {None}
    selector = panel(page, "machine")
    assert selector.locator("a.btn").all_inner_texts() == [BOTH, ONE]
    selector.get_by_text(ONE, exact=True).click()
    assert all(f"machine-{ONE}" not in label for label in curves(page, 2))
