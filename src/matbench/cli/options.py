"""Options that several commands share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["RESULTS", "Blas", "Json", "Results", "results_option"]

RESULTS = Path("results")
# --results names that folder in every command. Where it is written to, --output does so as well: the command line is a
# contract, and `run --output DIR` is in it.
Results = Annotated[Path, typer.Option("--results", "--output", "-o", metavar="DIR", help="Folder of the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _libraries(typed: list[str] | None) -> list[str] | None:
    """What ``--blas`` names: paths as they are, ``all`` as those of all libraries that lie on this machine."""
    if not typed:
        return typed
    from matbench.cli.libraries import named_libraries

    return named_libraries(typed)


Blas = Annotated[
    list[str] | None,
    typer.Option(
        "--blas", metavar="PATH", callback=_libraries, help="A further BLAS library, or all that lie here; repeatable."
    ),
]


def results_option(folder: Path) -> str:
    """What a hint adds to a command so that it looks into the same folder; empty for the one it looks into anyway.

    Examples
    --------
    >>> results_option(RESULTS), results_option(Path("my results"))
    ('', " --results 'my results'")
    """
    return "" if folder == RESULTS else f" --results {shlex.quote(str(folder))}"
