"""The commands that compare: each parses, calls one function, and returns its exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from matbench.cli.options import RESULTS, Blas, Json, Results

__all__ = ["gate", "pair"]


def pair(
    a: Annotated[
        str | None, typer.Argument(metavar="A", help="Kernel, or a function of yours: module:name or file.py:name.")
    ] = None,
    b: Annotated[
        str | None, typer.Argument(metavar="B", help="What it is compared with; blas: the fastest library there is.")
    ] = None,
    aa: Annotated[
        bool, typer.Option("--aa", help="Compare A with its own clone: what this machine can tell apart.")
    ] = False,
    sizes: Annotated[str, typer.Option(metavar="SIZES", help="64,100 or 64-1024*2 or 8x1000x1000.")] = "256",
    dtype: Annotated[str, typer.Option(metavar="TYPE", help="float64, float32 or int64.")] = "float64",
    threads: Annotated[str, typer.Option(metavar="N,..", help="Thread counts, for example 1,2.")] = "1",
    claim: Annotated[
        str | None, typer.Option(metavar="MARGIN", help="Only a difference beyond it counts: 2% or 1.5x.")
    ] = None,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time of the whole comparison: 60s, 5m.")] = None,
    processes: Annotated[
        int | None, typer.Option(metavar="N", help="Exactly so many; else 12, and more while the interval is wide.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn at random.")] = 1,
    blas: Blas = None,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Label of this machine; made up if absent.")
    ] = None,
    output: Results = RESULTS,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the comparison that was interrupted.")] = False,
    json: Json = False,
) -> int:
    """Compare two kernels, or functions of yours: a ratio with its interval, and one verdict."""
    from matbench.cli.pair import Options, compare

    options = Options(
        a=a,
        b=b,
        aa=aa,
        sizes=sizes,
        dtype=dtype,
        threads=threads,
        claim=claim,
        budget=budget,
        processes=processes,
        seed=seed,
        blas=tuple(blas or ()),
        machine=machine,
        output=output,
        resume=resume,
        json=json,
    )
    return compare(options)


def gate(
    arms: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARM..]", help="Kernels, globs of them, or functions of yours, for a baseline."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REF",
            help="A checkout, revision, version or environment; or claims: a text, a TOML file; repeatable.",
        ),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(metavar="MARGIN", help="By which it may be slower; else 5%, and none for a claimed factor."),
    ] = None,
    on_doubt: Annotated[
        str | None, typer.Option(metavar="HOW", help="What is undecided is to warn (else), fail or pass.")
    ] = None,
    sizes: Annotated[str | None, typer.Option(metavar="SIZES", help="Against a baseline; 256 if absent.")] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="Against a baseline; else float64.")] = None,
    threads: Annotated[str | None, typer.Option(metavar="N,..", help="Against a baseline; 1 if absent.")] = None,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time of all comparisons: 60s, 5m.")] = None,
    processes: Annotated[
        int | None, typer.Option(metavar="N", help="Exactly so many; else 12, and more while intervals are wide.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn at random.")] = 1,
    blas: Blas = None,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Label of this machine; made up if absent.")
    ] = None,
    output: Results = RESULTS,
    json: Json = False,
) -> int:
    """Fail where code became slower than a baseline or than was claimed: for CI, and never red by noise."""
    from matbench.cli.gate import Options
    from matbench.cli.gate import gate as check

    options = Options(
        arms=tuple(arms or ()),
        baselines=tuple(baseline or ()),
        margin=margin,
        on_doubt=on_doubt,
        sizes=sizes,
        dtype=dtype,
        threads=threads,
        budget=budget,
        processes=processes,
        seed=seed,
        blas=tuple(blas or ()),
        machine=machine,
        output=output,
        json=json,
    )
    return check(options)
