"""The commands and their options: each parses, calls one function, and returns its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Why hardware accelerates matrix multiplication, measured on this machine. Begin with: matbench run",
)

Results = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")]
Read = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of the results.")]
Chosen = Annotated[
    str | None,
    typer.Argument(metavar="[RECORD]", help="File, id or machine, or asv's results; the latest record by default."),
]
Element = Annotated[
    str | None,
    typer.Option("--dtype", metavar="TYPE", help="float64, float32 or int64; else the record's first."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Base = Annotated[str | None, typer.Option("--base", metavar="KERNEL", help="Kernel that speed-ups are told over.")]
Blas = Annotated[
    list[str] | None, typer.Option("--blas", metavar="PATH", help="A further BLAS library to measure; repeatable.")
]
RESULTS = Path("results")


def _version(wanted: bool) -> None:
    if wanted:
        from matbench import __version__
        from matbench.cli import console

        console.data(f"matbench {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it.")] = False,
) -> None:
    pass


@app.command()
def run(
    preset: Annotated[str, typer.Option(help="quick (20 s), standard (90 s) or full (25 min).")] = "standard",
    kernels: Annotated[str | None, typer.Option(metavar="GLOB,..", help="Only these kernels.")] = None,
    sizes: Annotated[str | None, typer.Option(metavar="SIZES", help="64,100 or 64-1024*2 or 8x1000x1000.")] = None,
    dtypes: Annotated[str | None, typer.Option(metavar="TYPE,..", help="float64, float32, int64.")] = None,
    threads: Annotated[str | None, typer.Option(metavar="N,..", help="Thread counts, for example 1,2.")] = None,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time of the whole run: 60s, 5m.")] = None,
    base: Base = None,
    seed: Annotated[int, typer.Option(help="Of the operands and of the order of samples.")] = 1,
    blas: Blas = None,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Label of this machine; made up if absent.")
    ] = None,
    output: Results = RESULTS,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run that was interrupted.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be measured and how long it takes.")
    ] = False,
    json: Json = False,
) -> int:
    """Measure the ladder on this machine: from a triple loop to BLAS."""
    from matbench.cli.running import Options, run_ladder

    options = Options(
        preset=preset,
        kernels=kernels,
        sizes=sizes,
        dtypes=dtypes,
        threads=threads,
        budget=budget,
        base=base,
        seed=seed,
        blas=tuple(blas or ()),
        machine=machine,
        output=output,
        resume=resume,
        dry_run=dry_run,
        json=json,
    )
    return run_ladder(options)


@app.command()
def pair(
    a: Annotated[
        str | None, typer.Argument(metavar="A", help="Kernel, or a function of yours: module:name or file.py:name.")
    ] = None,
    b: Annotated[str | None, typer.Argument(metavar="B", help="What it is compared with.")] = None,
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


@app.command(name="list")
def list_(blas: Blas = None, json: Json = False) -> int:
    """List the kernels: the rungs of the ladder, and why one can't run here."""
    from matbench.cli.machine import list_kernels

    return list_kernels(tuple(blas or ()), as_json=json)


@app.command()
def show(
    record: Chosen = None,
    size: Annotated[str | None, typer.Option("--size", metavar="SIZES", help="Which n, for example 1000.")] = None,
    dtype: Element = None,
    base: Base = None,
    results: Read = RESULTS,
    verdicts: Annotated[
        bool, typer.Option("--verdicts", help="Of a comparison: all figures anew from the raw samples.")
    ] = False,
    json: Json = False,
) -> int:
    """Show a record: the ladder as a table, and what it says."""
    if verdicts:
        from matbench.cli.verdicts import show_verdicts

        return show_verdicts(record, results, as_json=json)
    from matbench.cli.reading import show_record

    return show_record(record, results, size=size, dtype=dtype, base=base, as_json=json)


@app.command()
def plot(
    record: Chosen = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND,..", help="speedup, rate, threads, ladder.")] = None,
    dtype: Element = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the pictures go.")] = None,
    base: Base = None,
    results: Read = RESULTS,
) -> int:
    """Draw a record's figures as PNG and SVG."""
    from matbench.cli.reading import plot_record

    return plot_record(record, results, kinds=kind, dtype=dtype, dark=dark, folder=output, base=base)


@app.command()
def export(
    record: Chosen = None,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="csv, samples, json, md, record or asv.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="A file, not the screen; for asv its results folder."),
    ] = None,
    base: Base = None,
    results: Read = RESULTS,
) -> int:
    """Write a record in another format: rows or raw samples as CSV, JSON, Markdown, or among asv's results."""
    from matbench.cli.reading import export_record

    return export_record(record, results, form=to, target=output, base=base)


@app.command(name="import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A record, raw samples, or results of asv.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="record, samples or asv; else as the file looks.")
    ] = None,
    base: Base = None,
    output: Results = RESULTS,
) -> int:
    """Take in a record, raw samples or anyone's asv results, once they are found well formed and plausible."""
    from matbench.cli.reading import import_file

    return import_file(path, output, form=from_, base=base)


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE..", help="Records, or folders of them.")],
) -> int:
    """Check that records are well formed and plausible: nothing above the roof."""
    from matbench.cli.reading import validate_files

    return validate_files(paths)


@app.command()
def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything is found.")] = False,
    json: Json = False,
) -> int:
    """Tell whether this machine is fit to measure on, and what to do about it."""
    from matbench.cli.machine import examine

    return examine(strict=strict, as_json=json)


@app.command()
def host(json: Json = False) -> int:
    """Show the machine card: processor, caches, software; nothing that names you."""
    from matbench.cli.machine import show_host

    return show_host(as_json=json)
