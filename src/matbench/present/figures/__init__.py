"""The pictures: values in, matplotlib figures and bytes out; no window, no global state, no file."""

from __future__ import annotations

from matbench.present.figures.image import digest, digest_of, render
from matbench.present.figures.ladder import ladder_figure
from matbench.present.figures.rate import rate_figure
from matbench.present.figures.speedup import speedup_figure
from matbench.present.figures.threads import thread_figure
from matbench.present.figures.told import KINDS, Kind, alt_text, finding

__all__ = [
    "KINDS",
    "Kind",
    "alt_text",
    "digest",
    "digest_of",
    "finding",
    "ladder_figure",
    "rate_figure",
    "render",
    "speedup_figure",
    "thread_figure",
]
