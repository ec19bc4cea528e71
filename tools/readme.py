"""Write the generated parts of README.md and its pictures anew; ``--check`` only tells whether they are out of date.

What stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` comes from the registry, from the newest complete
records under results/ of the presets 'standard' and 'full' as they come, from the newest attributions there, and from
the newest results of asv.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from matbench.analyse.attribution import Attribution, attribute, attributions
from matbench.analyse.compare_facts import cpus_of
from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Table
from matbench.kept import kept_records
from matbench.kernels import Kernel, default_registry
from matbench.measure.plan import BASE
from matbench.model import Header, Problem, Record
from matbench.present import figures
from matbench.present.attribution import HOW, attributions_table, rests_on
from matbench.present.choose import credit_at, headline_problem
from matbench.present.sentences import closing_sentence, extrapolated_sentence
from matbench.present.tables import ladder_table, render_markdown
from matbench.record.asv_reading import asv_files, read_asv
from matbench.record.store import find_records, read_record, write_bytes, write_text

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURES = ROOT / "results" / "figures" / "readme"
LESSON = Problem(m=1000, n=1000, k=1000)
SIZES = (64, 256, 1024)  # at which the credit for the ideas is told
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def newest_path(preset: str, results: Path = ROOT / "results") -> Path:
    """The newest complete record of a preset as it comes: nothing left out or added, on all CPUs of its machine."""
    command = f"matbench run --preset {preset}"
    for path in reversed(find_records(results)):
        record = read_record(path)
        header = record.header
        is_usual = header.plan.command == command and cpus_of(header) == str(header.host.logical_cpus)
        if record.is_complete and is_usual:
            return path
    raise SystemExit(
        f"no complete record of the preset {preset} on all CPUs of a machine under results/; make one: {command}"
    )


def newest(preset: str, results: Path = ROOT / "results") -> Record:
    """The record that `newest_path` finds."""
    return read_record(newest_path(preset, results))


def newest_of_asv(results: Path = ROOT / "results") -> Record:
    """What `asv run` measured last with all CPUs, in an environment of its own."""
    for path in asv_files(results / "asv"):
        if "-virtualenv-" in path.name and "-on-" not in path.parent.name:
            return read_asv(path, BASE)
    raise SystemExit("no results of asv under results/asv/; make them: MATBENCH_PROFILE=full make asv")


def newest_credits(results: Path = ROOT / "results") -> dict[int, Record]:
    """The newest complete attribution in float64 of each size that is told, all of the newest's machine, by size."""
    found: dict[int, Record] = {}
    for record in (each for each in reversed(kept_records(results)) if each.is_complete):
        header = next(iter(found.values()), record).header
        for each in attributions([record]):
            if each.dtype == "float64" and each.n in SIZES and each.host_id == header.host.host_id:
                found.setdefault(each.n, record)
    return dict(sorted(found.items()))


def source(header: Header) -> str:
    """Machine, date, command and id of a record: what stands beside every figure."""
    cpu = header.host.cpu.brand
    where = f"{cpu}, {cpus_of(header)} CPUs" + (", a virtual machine" if header.host.hypervisor else "")
    python, numpy = header.environment.python, header.environment.packages.get("numpy", "unknown")
    software = f"Python {python}, NumPy {numpy}"
    made = f"`{header.plan.command}`, record {header.id}"
    return f"Measured on {header.machine} ({where}; {software}), {header.created[:10]}: {made}"


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


def pictures(table: Table, credit: Attribution | None = None) -> dict[str, bytes]:
    """File name -> image, for light and dark pages."""
    made: dict[str, bytes] = {}
    for kind, digest in drawn(table, credit).items():
        told = figures.About(dtype="float64", problem=None, record=None, attribution=credit)
        title, alt = figures.finding(kind, table, **told), figures.alt_text(kind, table, **told)
        for dark in (False, True):
            figure = figures.draw(kind, table, **told, dark=dark)
            name = f"{kind}{'-dark' if dark else ''}.png"
            made[name] = figures.render(figure, "png", title=title, description=alt, digest=digest)
    return made


def drawn(table: Table, credit: Attribution | None) -> dict[figures.Kind, str]:
    """The kinds of pictures, each with the fingerprint of what it shows."""
    told: dict[figures.Kind, str] = dict.fromkeys(("speedup", "rate"), figures.digest(table))
    return told if credit is None else {**told, "credit": figures.digest(credit)}


def picture_tag(kind: figures.Kind, table: Table, credit: Attribution | None = None) -> str:
    """The picture with its dark twin, its finding and its alternative text."""
    alt = figures.alt_text(kind, table, attribution=credit).replace('"', "'")
    finding = figures.finding(kind, table, attribution=credit)
    folder = PICTURES.relative_to(ROOT).as_posix()
    return (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" srcset="{folder}/{kind}-dark.png">\n'
        f'<img src="{folder}/{kind}.png" width="900" alt="{alt}">\n</picture>\n\n{finding}'
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


def credit_block(table: Table, kept: dict[int, Record]) -> str:
    """What each idea is worth whatever the order: the picture of the largest size, the table of all."""
    if not kept:
        return f"Not recorded yet: `{HOW}` measures it."
    told = [attribute(record) for record in kept.values()]
    *others, last = told
    note = (
        f"At n = {last.n} the credit is the average over {last.orders:,} orders in which the ideas can be added; "
        f"it rests on {rests_on(last)}. Square brackets hold 95 % intervals; ~ rests on a prediction."
    )
    made = source(kept[last.n].header) + ("; the other sizes likewise" if others else "")
    return f"{picture_tag('credit', table, last)}\n\n{attributions_table(told)}\n\n{note}\n\n{made}."


def trusted(name: str, page: Path = ROOT / "docs" / "trust.md") -> str:
    """A generated part of the page on trust; `make validate` writes that."""
    return next(
        found[0].removeprefix(found[1]).removesuffix(found[3]).strip()
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
        if found[2] == name
    )


def blocks(standard: Record, full: Record, suite: Record, kept: dict[int, Record]) -> dict[str, str]:
    """Name -> text of every generated part."""
    small, large = tabulate(standard), tabulate(full)
    lesson = lesson_problem(large)
    credit = credit_at(standard.header, headline_problem(small), attributions(kept.values()))
    apart = "" if credit is None else " What each idea is worth is of the other record, which the sentence names."
    sentences = [closing_sentence(small, None, credit), extrapolated_sentence(small)]
    return {
        "kernels": kernel_table(tuple(each for each in default_registry() if each.origin == "matbench")),
        "speedup": f"{picture_tag('speedup', large)}\n\n{source(full.header)}.",
        "rate": f"{picture_tag('rate', large)}\n\n{source(full.header)}.",
        "sentence": f"> {sentences[0]}\n\n{source(standard.header)}.{apart}",
        "lesson": f"{ladder_table(large, lesson)}\n\n{source(full.header)}.",
        "prediction": f"> {sentences[1]}\n\n{source(standard.header)}.",
        "suite": suite_table(suite),
        "trust": trusted("goals"),
        "others": trusted("others"),
        "credit": credit_block(large, kept),
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """README's text with its generated parts anew."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}"

    return BLOCK.sub(part, text)


def stale(text: str, parts: dict[str, str], table: Table, credit: Attribution | None = None) -> list[str]:
    """What is out of date."""
    found = [] if filled(text, parts) == text else ["README.md"]
    for kind, digest in drawn(table, credit).items():
        paths = (PICTURES / f"{kind}.png", PICTURES / f"{kind}-dark.png")
        old = [path for path in paths if not path.is_file() or figures.digest_of(path.read_bytes()) != digest]
        found += [path.relative_to(ROOT).as_posix() for path in old]
    return found


def main() -> int:
    """Write, or with ``--check`` tell."""
    standard, full = newest("standard"), newest("full")
    kept = newest_credits()
    parts, table = blocks(standard, full, newest_of_asv(), kept), tabulate(full)
    credit = attribute(kept[max(kept)]) if kept else None
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        out_of_date = stale(text, parts, table, credit)
        if out_of_date:
            print(f"out of date: {', '.join(out_of_date)}; run make readme")
        return 1 if out_of_date else 0
    for name, image in pictures(table, credit).items():
        write_bytes(PICTURES / name, image)
    write_text(README, filled(text, parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
