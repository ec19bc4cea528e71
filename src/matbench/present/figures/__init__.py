"""The pictures: values in, matplotlib figures and bytes out; no window, no global state, no file."""

from __future__ import annotations

from matbench.present.figures.image import digest, digest_of, render
from matbench.present.figures.kinds import KINDS, Kind, alt_text, draw, finding, numbers
from matbench.present.figures.ladder import ladder_figure
from matbench.present.figures.rate import rate_figure
from matbench.present.figures.speedup import speedup_figure
from matbench.present.figures.threads import thread_figure

__all__ = [
    "KINDS",
    "Kind",
    "alt_text",
    "digest",
    "digest_of",
    "draw",
    "finding",
    "ladder_figure",
    "numbers",
    "rate_figure",
    "render",
    "speedup_figure",
    "thread_figure",
]
