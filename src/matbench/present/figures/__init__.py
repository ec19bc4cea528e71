"""The pictures: values in, matplotlib figures and bytes out; no window, no global state, no file."""

from __future__ import annotations

from matbench.present.figures.credit import alt_credit, draw_credit, finding_credit, rows_credit
from matbench.present.figures.image import digest, digest_of, render
from matbench.present.figures.kinds import KINDS, About, Kind, alt_text, draw, finding, numbers
from matbench.present.figures.ladder import ladder_figure
from matbench.present.figures.rate import rate_figure
from matbench.present.figures.speedup import speedup_figure
from matbench.present.figures.threads import thread_figure

__all__ = [
    "KINDS",
    "About",
    "Kind",
    "alt_credit",
    "alt_text",
    "digest",
    "digest_of",
    "draw",
    "draw_credit",
    "finding",
    "finding_credit",
    "ladder_figure",
    "numbers",
    "rate_figure",
    "render",
    "rows_credit",
    "speedup_figure",
    "thread_figure",
]
