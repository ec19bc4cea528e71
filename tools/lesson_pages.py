"""A lesson's executed notebook as a page of the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from matbench.present.lesson_site import Entry
from matbench.present.lesson_site import index_page as compose_index
from matbench.present.lesson_site import lesson_page as compose_lesson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.record.lessons import Lesson

LINK = re.compile(r'href="(\d\d-[a-z0-9-]+)\.ipynb"')


def entry_of(lesson: Lesson) -> Entry:
    """A lesson as the site lists it."""
    return Entry(lesson.number, lesson.name, lesson.title, lesson.minutes, lesson.before, lesson.objectives)


def body_of(notebook: Any) -> str:
    """The cells of a notebook as HTML; the cell that installs is left out, links lead to pages."""
    settings = Config()
    settings.HTMLExporter.template_name = "basic"
    settings.HTMLExporter.exclude_anchor_links = True
    settings.TemplateExporter.exclude_input_prompt = True
    settings.TemplateExporter.exclude_output_prompt = True
    settings.TagRemovePreprocessor.enabled = True
    settings.TagRemovePreprocessor.remove_cell_tags = {"setup"}
    html: str = HTMLExporter(config=settings).from_notebook_node(notebook)[0]
    return LINK.sub(r'href="\1.html"', html)


def lesson_page(notebook: Any, lesson: Lesson, among: Sequence[Lesson]) -> str:
    """The page of a lesson."""
    return compose_lesson(entry_of(lesson), body_of(notebook), [entry_of(each) for each in among])


def index_page(among: Sequence[Lesson]) -> str:
    """The page that lists all lessons."""
    return compose_index([entry_of(each) for each in among])
