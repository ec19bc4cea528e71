"""The lessons as pages of a static site: nothing is fetched, and nothing but the look of the page is scripted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from matbench.present.report.page import compose

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Entry", "index_page", "lesson_page"]

PACKAGE = "matbench.present.lesson_site"
STYLES = ("page.css", "lesson.css")


class Entry(NamedTuple):
    """One lesson as the site lists it."""

    number: int
    name: str  # of its page, without the ending
    title: str
    minutes: int
    before: str
    objectives: tuple[str, ...]


def lesson_page(entry: Entry, body: str, among: Sequence[Entry]) -> str:
    """The page of a lesson.

    Parameters
    ----------
    entry
        Which.
    body
        The executed notebook as HTML: of our own making, so that it is put into the page as it stands.
    among
        All lessons, in their order: the page leads to the one before and the one after.
    """
    place = among.index(entry)
    return compose(
        "lesson.html.j2",
        title=f"{entry.number}. {entry.title}",
        package=PACKAGE,
        styles=STYLES,
        body=Markup(body),  # noqa: S704  made from our own notebook
        entry=entry,
        before=among[place - 1] if place else None,
        after=among[place + 1] if place + 1 < len(among) else None,
    )


def index_page(among: Sequence[Entry]) -> str:
    """The page that lists all lessons."""
    return compose("lessons.html.j2", title="The lessons of matbench", package=PACKAGE, styles=STYLES, lessons=among)
