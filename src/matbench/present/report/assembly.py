"""The report: records told on one page."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from matbench.collector import collector_off
from matbench.present.report.drawings import Drawings
from matbench.present.report.interactive import interactive, made_anew, prepare
from matbench.present.report.page import compose
from matbench.present.report.published import PUBLISHED
from matbench.present.report.story import story_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table
    from matbench.model import Dtype, Record
    from matbench.present.report.interactive import Keep
    from matbench.present.report.story import Story

__all__ = ["Part", "report_page"]


class Part(NamedTuple):
    """One record of a page."""

    record: Record
    tables: tuple[Table, ...]  # one for each operation, that which most is told of first
    dtype: Dtype  # element type that its figures are about
    island: str  # the record as an element of the page, so that it can be had back
    attributions: tuple[Attribution, ...] = ()  # of any machine: the one that belongs to the record is told


def report_page(parts: Sequence[Part], name: str = "report.html", keep: Keep = made_anew) -> str:
    """The page that tells of one record, or of several one after the other.

    Parameters
    ----------
    parts
        At least one.
    name
        Of the file that it will be, as it stands in the command that reads it back.
    keep
        Where the scripts of pictures that answer may be kept from one page to the next.

    Returns
    -------
    str
        HTML. It is complete without its scripts, asks the network for nothing, and follows the reader's theme. Where
        the extra ``report`` is installed there are pictures that answer, besides.
    """
    prepare(keep)
    drawings = Drawings()
    stories = [_told(part, drawings) for part in parts]
    blocks = [interactive(part.tables[0], part.dtype, f"lively-{place}", keep) for place, part in enumerate(parts, 1)]
    title = f"{stories[0].machine}, {stories[0].date}" if len(stories) == 1 else f"{len(stories)} records"
    scripts = next((block.scripts for block in blocks if block is not None), ())
    return compose(
        "report.html.j2",
        title=f"matbench: {title}",
        styles=("page.css", "interactive.css") if scripts else ("page.css",),
        packed=scripts,
        stories=stories,
        lively=[None if block is None else block.html for block in blocks],
        drawings=drawings,
        published=PUBLISHED,
        page_name=shlex.quote(name),
    )


def _told(part: Part, drawings: Drawings) -> Story:
    with collector_off():  # drawing makes so many objects that the search took a fifth of the time
        return story_of(*part, drawings=drawings)
