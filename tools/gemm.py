"""Write the generated part of docs/gemm.md anew; ``--check`` only tells whether it is old.

Its verdicts are those of the newest complete comparisons of `numba_gemm` with `numpy_matmul` under results/pairs that
have the sizes below, one for each machine, number of threads, kind of shapes and element type; its shares of the peak
are those of the sittings under results/share. All is computed from the raw samples.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import gemm_share
from readme import filled
from repository import ROOT

from matbench.analyse.pairs import Verdict, verdicts
from matbench.errors import RecordError
from matbench.pairing import PairHeader, PairRecord
from matbench.present.pairs import verdicts_table
from matbench.present.words import count_threads
from matbench.record.listing import list_files
from matbench.record.pairs import find_pairs, read_pairs
from matbench.record.store import write_text

DOCUMENT = ROOT / "docs" / "gemm.md"
ARMS = ("numba_gemm", "numpy_matmul")
SIZES = (32, 48, 64, 96, 100, 128, 200, 256, 384, 500, 512, 768, 1000, 1024, 1500, 2048)
SHAPES = {  # m, n, k
    "squares": tuple((n, n, n) for n in SIZES),
    "rectangles": (
        *((10_000, 64, 64), (4000, 32, 1000), (2000, 1, 2000)),  # tall and skinny
        *((64, 10_000, 64), (32, 4000, 1000), (1, 2000, 2000)),  # short and wide
        *((2000, 2000, 8), (1000, 1000, 32)),  # of small k
    ),
}
ABSENT = "Not measured yet."
Series = tuple[str, int, str, str]  # machine, threads, kind of shapes, element type


def newest(results: Path = ROOT / "results") -> dict[Series, PairRecord]:
    """The newest complete comparison at all sizes, by machine, threads, kind of shapes and element type.

    Raises
    ------
    RecordError
        If a file of comparisons can't be read.
    """
    listed, refused = list_files(find_pairs(results))
    if refused:
        raise RecordError(refused[0])
    found: dict[Series, Path] = {}
    for each in listed:  # by their first and last lines: most are not shown, and have thousands of samples
        if each.end is not None and isinstance(each.header, PairHeader) and (series := series_of(each.header)):
            found[series] = each.path
    kinds = list(SHAPES)
    chosen = sorted(found, key=lambda series: (*series[:2], kinds.index(series[2]), series[3] != "float64"))
    return {series: read_pairs(found[series]) for series in chosen}


def series_of(header: PairHeader) -> Series | None:
    """The series that a record of comparisons is one of; None where it has other arms or shapes."""
    cells = header.cells
    common = {(header.machine, cell.threads, cell.problem.dtype) for cell in cells}
    shapes = tuple((cell.problem.m, cell.problem.n, cell.problem.k) for cell in cells)
    kind = next((kind for kind, every in SHAPES.items() if every == shapes), None)
    if kind is None or len(common) > 1 or {(each.a, each.b) for each in cells} != {ARMS}:
        return None
    machine, threads, dtype = common.pop()
    return machine, threads, kind, dtype


def chapter(series: Series, record: PairRecord) -> str:
    """One series: what it came to, the verdict on every size, and where and when."""
    machine, threads, kind, dtype = series
    found = verdicts(record)
    header = record.header
    virtual = ", a virtual machine" if header.host.hypervisor else ""
    where = f"{machine} ({header.host.cpu.brand}, {header.host.logical_cpus} CPUs{virtual}), {header.created[:10]}"
    title = f"### {kind.capitalize()}, {dtype}, {count_threads(threads)}, {machine}"
    made = f"Measured on {where}: `{header.command}`, record {header.id}."
    if not any(map(is_sound, found)):
        return f"{title}\n\n{told(found)} Problem {found[0].cell.problem.shape_label}: {found[0].reason}.\n\n{made}"
    table = verdicts_table(found).partition("\n\n- ")[0]  # the reasons of all rows would be as long again
    return f"{title}\n\n{told(found)}\n\n{table}\n\n{made}"


def is_sound(verdict: Verdict) -> bool:
    """Whether a ratio may be told."""
    return verdict.ratio is not None and verdict.word != "INVALID"


def told(found: Sequence[Verdict]) -> str:
    """How many of the sizes came to which verdict, and the geometric mean of the ratios that are sound."""
    words = Counter(each.word for each in found)
    count = ", ".join(f"{word} at {number}" for word, number in words.most_common())
    ratios = [each.ratio.estimate for each in found if each.ratio is not None and is_sound(each)]
    if not ratios:
        return f"Of {len(found)} problems: {count}."
    mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    of_all = f"Geometric mean of {len(ratios)} ratios: {mean:.2f}; the least of them: {min(ratios):.2f}."
    return f"Of {len(found)} problems: {count}. {of_all}"


def main() -> int:
    """Write, or with ``--check`` tell."""
    text = DOCUMENT.read_text(encoding="utf-8")
    chapters = [chapter(*item) for item in newest().items()]
    shares = [gemm_share.chapter(sitting) for sitting in gemm_share.kept()]
    made = filled(text, {"pairs": "\n\n".join(chapters) or ABSENT, "share": "\n\n".join(shares) or ABSENT})
    if "--check" in sys.argv[1:]:
        if made != text:
            print("out of date: docs/gemm.md; run make readme")
        return int(made != text)
    write_text(DOCUMENT, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
