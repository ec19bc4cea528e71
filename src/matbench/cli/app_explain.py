"""``matbench explain`` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matbench.cli.options import RESULTS, Blas, Json
from matbench.errors import UsageError

__all__ = ["explain"]

Record = Annotated[
    str | None,
    typer.Argument(metavar="[RECORD]", help="File, id or machine, or asv's results; the latest record by default."),
]
Read = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of the results.")]


def explain(
    kernel: Annotated[
        str | None,
        typer.Argument(metavar="[KERNEL]", help="One of those that matbench list tells; none with --attribution."),
    ] = None,
    record: Record = None,
    attribution: Annotated[
        bool, typer.Option("--attribution", help="Which idea made it fast: each one's credit, whatever the order.")
    ] = False,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="How exact it is; of all rungs where none is named.")
    ] = False,
    n: Annotated[
        int | None,
        typer.Option("--n", min=1, help="Size: of the record, else the one it is told by; of the others, else 1024."),
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="float64, float32 or int64.")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the attribution anew, be one kept or not.")
    ] = False,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time to measure it in: 90s, 5m.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the attribution that was interrupted.")] = False,
    blas: Blas = None,
    results: Read = RESULTS,
    json: Json = False,
) -> int:
    """Explain a rung: its idea, source, machine code and ceiling; or which idea made it fast (--attribution)."""
    if attribution and accuracy:
        raise UsageError("--attribution and --accuracy are two questions; ask one at a time")
    if not attribution and (measure or resume or budget is not None):
        raise UsageError("--measure, --budget and --resume belong to --attribution; leave them out")
    if attribution and blas:
        raise UsageError("--attribution is about the generated product alone; leave out --blas")
    if attribution:
        from matbench.cli.attribution import Options as Asked
        from matbench.cli.attribution import explain_attribution

        # Without a rung, what is typed first is a record.
        return explain_attribution(Asked(kernel, record, n, dtype, budget, measure, resume, results, json))
    if accuracy:
        from matbench.cli.accuracy import Options as Wanted
        from matbench.cli.accuracy import explain_accuracy

        return explain_accuracy(Wanted(kernel, record, n, dtype, tuple(blas or ()), json))
    from matbench.cli.explain import Options
    from matbench.cli.explain import explain as tell

    return tell(Options(kernel, record, n, dtype, tuple(blas or ()), results, json))
