"""The commands and their options: each parses, calls one function, and returns its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matbench.cli.app_explain import explain
from matbench.cli.app_pairs import gate, pair
from matbench.cli.options import RESULTS, Blas, Json, Results

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Why hardware accelerates matrix multiplication, measured on this machine. Begin with: matbench run",
)

Read = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of the results.")]
Chosen = Annotated[
    str | None,
    typer.Argument(metavar="[RECORD]", help="File, id or machine, or asv's results; the latest record by default."),
]
Element = Annotated[
    str | None,
    typer.Option("--dtype", metavar="TYPE", help="float64, float32 or int64; else the record's first."),
]
Operations = Annotated[
    str | None,
    typer.Option(metavar="NAME,..", help="matmul (if nothing is said), matvec, inverse, .. or all: '*'."),
]
Base = Annotated[str | None, typer.Option("--base", metavar="KERNEL", help="Kernel that speed-ups are told over.")]


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
    preset: Annotated[str, typer.Option(help="quick (25 s), standard (90 s) or full (20 min).")] = "standard",
    operations: Operations = None,
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
    from matbench.cli.run_options import Options
    from matbench.cli.running import run_ladder

    options = Options(
        preset=preset,
        operations=operations,
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


app.command()(pair)


app.command()(gate)


@app.command(name="list")
def list_(blas: Blas = None, operations: Operations = None, json: Json = False) -> int:
    """List the kernels: the rungs of every ladder, and why one can't run here."""
    from matbench.cli.operations import list_kernels

    return list_kernels(tuple(blas or ()), operations, as_json=json)


app.command()(explain)


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
    machine_code: Annotated[
        bool, typer.Option("--machine-code", help="What the hot loops were compiled to, and nothing else.")
    ] = False,
    json: Json = False,
) -> int:
    """Show a record: the ladder as a table, and what it says."""
    if machine_code:
        from matbench.cli.machine_code import show_machine_code

        beside = {"--verdicts": verdicts, "--size": size, "--base": base}
        return show_machine_code(record, results, dtype=dtype, beside=beside, as_json=json)
    if verdicts:
        from matbench.cli.verdicts import show_verdicts

        return show_verdicts(record, results, as_json=json)
    from matbench.cli.reading import show_record

    return show_record(record, results, size=size, dtype=dtype, base=base, as_json=json)


@app.command()
def plot(
    record: Chosen = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND,..", help="speedup, rate, threads, ladder, percore, roofline, heatmap, distributions, credit."
        ),
    ] = None,
    dtype: Element = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the pictures go.")] = None,
    base: Base = None,
    operations: Operations = None,
    results: Read = RESULTS,
) -> int:
    """Draw a record's figures as PNG and SVG."""
    from matbench.cli.reading import plot_record

    return plot_record(
        record, results, kinds=kind, dtype=dtype, dark=dark, folder=output, base=base, operations=operations
    )


@app.command()
def report(
    records: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECORD", help="Files, ids or machines, or asv's results; the latest by default."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page; beside the figures if absent.")
    ] = None,
    dtype: Element = None,
    base: Base = None,
    show_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    results: Read = RESULTS,
) -> int:
    """Write records as one HTML page: figures, tables, the machine, the raw samples; it needs no network."""
    from matbench.cli.report import report_records

    return report_records(records or (), results, target=output, dtype=dtype, base=base, show=show_it)


@app.command()
def compare(
    records: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECORD..]",
            help="Files, ids, machines, folders, bundles, pages, asv's results; else all in the results folder.",
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="RECORD", help="Run that ratios are told over; the first by default.")
    ] = None,
    by: Annotated[str, typer.Option(metavar="AXIS", help="Means by kernel, n or threads.")] = "kernel",
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="text, md, csv, json or html; else as --output ends."),
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="TYPE", help="Only float64, float32 or int64.")] = None,
    size: Annotated[str | None, typer.Option(metavar="SIZES", help="Only these n, for example 1000.")] = None,
    machine: Annotated[str | None, typer.Option(metavar="GLOB", help="Only machines whose label matches.")] = None,
    cpu: Annotated[str | None, typer.Option(metavar="TEXT", help="Only processors that are called so.")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Only the newest run of each machine.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything is slower or in doubt.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file, not the screen.")
    ] = None,
    results: Read = RESULTS,
) -> int:
    """Compare runs of several machines, or of one: the same cells side by side, and what differs."""
    from matbench.cli.compare import Options, compare_records

    options = Options(
        records=tuple(records or ()),
        baseline=baseline,
        by=by,
        form=form,
        dtype=dtype,
        size=size,
        machine=machine,
        cpu=cpu,
        latest=latest,
        strict=strict,
        results=results,
        output=output,
    )
    return compare_records(options)


@app.command()
def export(
    records: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECORD..]", help="File, id or machine, the latest by default; several in a bundle."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="csv, samples, json, md, record, asv or (machine) code.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="A file, not the screen; for asv its results folder."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="One anonymised file to hand over, of all records or of those (or machines) named."
        ),
    ] = None,
    base: Base = None,
    results: Read = RESULTS,
) -> int:
    """Write a record as CSV, JSON, Markdown or among asv's results; or many as one file to hand over."""
    from matbench.cli.bundles import Options, export_records

    return export_records(records or (), results, Options(to=to, output=output, bundle=bundle, base=base))


@app.command(name="import")
def import_(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A record, a bundle, a report, raw samples, or results of asv.")
    ],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="record, bundle, page, samples or asv; else as it looks."),
    ] = None,
    base: Base = None,
    output: Results = RESULTS,
) -> int:
    """Take in records, a bundle of them, or anyone's asv results, once they are found well formed and plausible."""
    from matbench.cli.importing import import_file

    return import_file(path, output, form=from_, base=base)


@app.command()
def records(
    results: Read = RESULTS,
    machine: Annotated[str | None, typer.Option(metavar="GLOB", help="Of machines like this: icelake-*.")] = None,
    cpu: Annotated[str | None, typer.Option(metavar="TEXT", help="Of processors that have these words.")] = None,
    kernel: Annotated[str | None, typer.Option(metavar="GLOB", help="With a kernel like this: numba_*.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="PRESET", help="Runs of this preset: full.")] = None,
    json: Json = False,
) -> int:
    """List the runs and comparisons that are stored, of however many machines, oldest first."""
    from matbench.cli.records import list_stored
    from matbench.record.listing import Wanted

    return list_stored(results, Wanted(machine, cpu, kernel, preset), as_json=json)


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE..", help="Records, bundles, or whole results folders.")],
) -> int:
    """Check that records are well formed, plausible (nothing above the roof) and where they belong."""
    from matbench.cli.validating import validate_files

    return validate_files(paths)


@app.command()
def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything is found.")] = False,
    noise: Annotated[
        bool, typer.Option("--noise", help="Measure what identical code differs by here (30 s), and keep it.")
    ] = False,
    json: Json = False,
) -> int:
    """Tell whether this machine is fit to measure on, and what to do about it."""
    from matbench.cli.machine import examine

    return examine(strict=strict, noise=noise, as_json=json)


@app.command()
def tune(
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="TYPE,..", help="float64, float32; both by default.")
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N,..", help="Thread counts to try with, for example 1,2.")
    ] = None,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time it may take, 60s by default.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Remove what is kept for this machine.")] = False,
    json: Json = False,
) -> int:
    """Try where numba_gemm cuts its loops on this machine, and keep what is faster beyond doubt."""
    from matbench.cli.tune import Options
    from matbench.cli.tune import tune as try_blocks

    return try_blocks(Options(dtype, threads, budget, forget, json))


@app.command()
def host(json: Json = False) -> int:
    """Show the machine card: processor, caches, software; nothing that names you."""
    from matbench.cli.machine import show_host

    return show_host(as_json=json)


lessons = typer.Typer(help="The lessons as notebooks: list them, copy one, open one in Jupyter.")
app.add_typer(lessons, name="lesson")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Which, as `matbench lesson list` tells.")]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the notebook goes.")]


@lessons.callback(invoke_without_command=True)
def _lessons(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        raise typer.Exit(lesson_list())


@lessons.command(name="list")
def lesson_list(json: Json = False) -> int:
    """List the lessons: what each is about, and how long it takes."""
    from matbench.cli.lesson import list_lessons

    return list_lessons(as_json=json)


@lessons.command(name="copy")
def lesson_copy(
    number: Number,
    folder: Folder = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a notebook that is there already.")] = False,
) -> int:
    """Write a lesson's notebook here."""
    from matbench.cli.lesson import copy_lesson

    return copy_lesson(number, folder, force=force)


@lessons.command(name="open")
def lesson_open(
    number: Number = 1,
    folder: Folder = Path(),
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print Jupyter's address instead.")] = False,
    further: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTION..]", help="Passed on to JupyterLab.")
    ] = None,
) -> int:
    """Start Jupyter on a lesson's notebook; notebooks that are not here yet are written first."""
    from matbench.cli.lesson import open_lesson

    return open_lesson(number, folder, browser=not no_browser, further=further or ())
