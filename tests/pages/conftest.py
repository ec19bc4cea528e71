"""The repository that the tests of the pages publish, our tools as make calls them, and a browser for our own pages."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from browsers import find_chromium
from built_lessons import lessons_built
from offline import THEMES, lacking
from published import ROOT, make_repository

__all__ = ["browser", "lessons_built", "repository", "tool", "visit"]


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    pytest.importorskip("asv", reason="needs asv; pip install asv")
    return make_repository(tmp_path_factory.mktemp("pages") / "repository")


@pytest.fixture(scope="session")
def tool():
    """Run one of our tools; its exit code and what it said come back."""

    def run(name, *arguments, **environ):
        command = [sys.executable, str(ROOT / "tools" / name), *map(str, arguments)]
        environ = os.environ | environ
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=100)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window; where it is missing the tests are skipped, or fail if they are asked for."""
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
def visit(browser):
    """Opens a file in a tab of its own; at the end nothing must have gone wrong, and nothing been asked for."""
    tabs = []

    def go(path, *, scripts=True, media=THEMES["light"], **settings):
        context = browser.new_context(java_script_enabled=scripts, **settings)
        page = context.new_page()
        tab = SimpleNamespace(context=context, asked=[], wrong=[])
        tabs.append(tab)
        page.on("request", lambda request: tab.asked.append(request.url))
        page.on("console", lambda said: tab.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: tab.wrong.append(str(error)))
        page.on("dialog", lambda dialog: tab.wrong.append(dialog.message))
        page.emulate_media(**media)
        page.goto(path.as_uri())
        return page

    yield go
    for tab in tabs:
        assert tab.wrong == []
        assert [url for url in tab.asked if not url.startswith(("data:", "blob:"))] == tab.asked[:1]
        tab.context.close()
