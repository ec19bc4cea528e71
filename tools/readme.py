"""Write the generated parts of README.md and its pictures anew; ``--check`` only tells whether they are out of date.

What stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` comes from the registry and from the newest
complete records under results/ of the presets 'standard' and 'full', and from the newest results of asv.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Table
from matbench.kernels import Kernel, default_registry
from matbench.measure.plan import BASE
from matbench.model import Header, Problem, Record
from matbench.present import figures
from matbench.present.choose import headline_problem
from matbench.present.sentences import closing_sentence, extrapolated_sentence
from matbench.present.tables import ladder_table, render_markdown
from matbench.record.asv_reading import asv_files, read_asv
from matbench.record.store import find_records, read_record, write_bytes, write_text

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURES = ROOT / "results" / "figures" / "readme"
LESSON = Problem(m=1000, n=1000, k=1000)
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def newest(preset: str, results: Path = ROOT / "results") -> Record:
    """The newest complete record of a preset."""
    for path in reversed(find_records(results)):
        record = read_record(path)
        if record.is_complete and record.header.plan.preset == preset:
            return record
    raise SystemExit(
        f"no complete record of the preset {preset} under results/; make one: matbench run --preset {preset}"
    )


def newest_of_asv(results: Path = ROOT / "results") -> Record:
    """What `asv run` measured last with all CPUs, in an environment of its own."""
    for path in asv_files(results / "asv"):
        if "-virtualenv-" in path.name and "-on-" not in path.parent.name:
            return read_asv(path, BASE)
    raise SystemExit("no results of asv under results/asv/; make them: MATBENCH_PROFILE=full make asv")


def source(header: Header) -> str:
    """Machine, date and command of a record: what stands beside every figure."""
    cpu, count = header.host.cpu.brand, header.host.logical_cpus
    where = f"{cpu}, {count} CPUs" + (", a virtual machine" if header.host.hypervisor else "")
    python, numpy = header.environment.python, header.environment.packages.get("numpy", "unknown")
    software = f"Python {python}, NumPy {numpy}"
    return f"Measured on {header.machine} ({where}; {software}), {header.created[:10]}: `{header.plan.command}`"


def lesson_problem(table: Table) -> Problem:
    """The lesson's 1000 x 1000 problem as the table has it."""
    shape = (LESSON.m, LESSON.n, LESSON.k)
    return next(
        row.case.problem
        for row in table.rows
        if (row.case.problem.m, row.case.problem.n, row.case.problem.k) == shape and row.case.problem.dtype == "float64"
    )


def kernel_table(kernels: tuple[Kernel, ...]) -> str:
    """The rungs of the ladder."""
    lines = [(each.rung.title, f"`{each.name}`", each.idea) for each in kernels]
    return render_markdown(("family", "kernel", "the idea it adds"), lines)


def pictures(table: Table) -> dict[str, bytes]:
    """File name -> image, for light and dark pages."""
    digest = figures.digest(table)
    made: dict[str, bytes] = {}
    kinds: tuple[figures.Kind, ...] = ("speedup", "rate")
    draw: dict[str, Callable[[bool], Figure]] = {
        "speedup": lambda dark: figures.speedup_figure(table, "float64", dark),
        "rate": lambda dark: figures.rate_figure(table, "float64", dark),
    }
    for kind in kinds:
        title, alt = figures.finding(kind, table), figures.alt_text(kind, table)
        for dark in (False, True):
            name = f"{kind}{'-dark' if dark else ''}.png"
            made[name] = figures.render(draw[kind](dark), "png", title=title, description=alt, digest=digest)
    return made


def picture_tag(kind: figures.Kind, table: Table) -> str:
    """The picture with its dark twin, its finding and its alternative text."""
    alt = figures.alt_text(kind, table).replace('"', "'")
    folder = PICTURES.relative_to(ROOT).as_posix()
    return (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" srcset="{folder}/{kind}-dark.png">\n'
        f'<img src="{folder}/{kind}.png" width="900" alt="{alt}">\n</picture>\n\n{figures.finding(kind, table)}'
    )


def suite_table(record: Record) -> str:
    """What asv measured, at the size that a run would be told by."""
    table = tabulate(record)
    problem = headline_problem(table)
    if problem is None:
        raise SystemExit("asv has not measured numpy_matmul; make its results anew: MATBENCH_PROFILE=full make asv")
    header = record.header
    made = f"Measured on {header.machine} ({header.host.cpu.brand}), {header.created[:10]}"
    return f"{ladder_table(table, problem, narrow=True)}\n\n{made}: `MATBENCH_PROFILE=full make asv`."


def blocks(standard: Record, full: Record, suite: Record) -> dict[str, str]:
    """Name -> text of every generated part."""
    small, large = tabulate(standard), tabulate(full)
    lesson = lesson_problem(large)
    sentences = [closing_sentence(small), extrapolated_sentence(small)]
    return {
        "kernels": kernel_table(tuple(each for each in default_registry() if each.origin == "matbench")),
        "speedup": f"{picture_tag('speedup', large)}\n\n{source(full.header)}.",
        "rate": f"{picture_tag('rate', large)}\n\n{source(full.header)}.",
        "sentence": f"> {sentences[0]}\n\n{source(standard.header)}.",
        "lesson": f"{ladder_table(large, lesson)}\n\n{source(full.header)}.",
        "prediction": f"> {sentences[1]}\n\n{source(standard.header)}.",
        "suite": suite_table(suite),
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """README's text with its generated parts anew."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}"

    return BLOCK.sub(part, text)


def stale(text: str, parts: dict[str, str], table: Table) -> list[str]:
    """What is out of date."""
    found = [] if filled(text, parts) == text else ["README.md"]
    digest = figures.digest(table)
    for name in ("speedup.png", "speedup-dark.png", "rate.png", "rate-dark.png"):
        path = PICTURES / name
        if not path.is_file() or figures.digest_of(path.read_bytes()) != digest:
            found.append(path.relative_to(ROOT).as_posix())
    return found


def main() -> int:
    """Write, or with ``--check`` tell."""
    standard, full = newest("standard"), newest("full")
    parts, table = blocks(standard, full, newest_of_asv()), tabulate(full)
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        out_of_date = stale(text, parts, table)
        if out_of_date:
            print(f"out of date: {', '.join(out_of_date)}; run make readme")
        return 1 if out_of_date else 0
    for name, image in pictures(table).items():
        write_bytes(PICTURES / name, image)
    write_text(README, filled(text, parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
