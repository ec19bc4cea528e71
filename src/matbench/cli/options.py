"""Options that several commands share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BEST", "RESULTS", "Blas", "Json", "Results", "results_option", "way_on"]

RESULTS = Path("results")
BEST = "blas"  # as the opponent of `pair`: the fastest library, whichever that is; a kernel of that name comes first
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


def way_on(path: Path, results: Path, command: str) -> str:
    """How what did not reach its end can be completed: only what lies among the results goes on by `command`.

    Examples
    --------
    >>> way_on(Path("results/records/m/a.jsonl"), RESULTS, "matbench run --resume")
    'matbench run --resume continues it'
    >>> way_on(Path("a.jsonl"), RESULTS, "matbench run --resume")
    'ask for the whole file if there is one'
    """
    lies_there = path.resolve().is_relative_to(results.resolve())
    return f"{command} continues it" if lies_there else "ask for the whole file if there is one"
