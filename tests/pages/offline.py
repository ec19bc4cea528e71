"""What the tests of our own pages share: how a page is looked at, and what it takes to open one."""

import importlib.util

import libraries
from browsers import find_chromium

AXE = libraries.FOLDER / "axe-core" / "axe.min.js"
THEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "print": {"media": "print", "color_scheme": "dark"},
}
PHONE = {"width": 390, "height": 800}
PAPER = {"width": 688, "height": 1017}  # A4 within its margins


def lacking():
    """What these tests need and this machine lacks, or None."""
    if find_chromium() is None:
        return "there is no Chromium; install it (on Debian: chromium)"
    if not AXE.is_file():
        return "axe-core is not in .browser; type: make browser"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed; type: make browser"
    return None


def violations(page):
    """What axe-core finds in a page with all its tables open: rule and first place."""
    page.evaluate(f"{AXE.read_text(encoding='utf-8')}\nnull")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]]
