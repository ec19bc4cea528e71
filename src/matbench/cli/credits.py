"""Attributions that are kept beside the records that a command tells of."""

from __future__ import annotations

from pathlib import Path

from matbench.analyse.attribution import Attribution, attributions
from matbench.cli import console
from matbench.kept import FOLDER, kept_records

__all__ = ["FOLDER", "kept"]


def kept(results: Path) -> tuple[Attribution, ...]:
    """All attributions, newest first; a record that can't be read is left out with a warning."""
    return attributions(kept_records(results, console.warn))
