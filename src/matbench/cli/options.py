"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["RESULTS", "Blas", "Json", "Results"]

RESULTS = Path("results")
Results = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Blas = Annotated[
    list[str] | None, typer.Option("--blas", metavar="PATH", help="A further BLAS library to measure; repeatable.")
]
