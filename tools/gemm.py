"""Write the generated part of docs/gemm.md anew; ``--check`` only tells whether it is old.

Its verdicts are those of the newest complete comparisons of `numba_gemm` with `numpy_matmul` under results/pairs that
have the sizes below, one for each machine, number of threads and element type; all is computed from the raw samples.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from readme import filled
from repository import ROOT

from matbench.analyse.pairs import Verdict, verdicts
from matbench.pairing import PairRecord
from matbench.present.pairs import verdicts_table
from matbench.present.words import count_threads
from matbench.record.pairs import find_pairs, read_pairs
from matbench.record.store import write_text

DOCUMENT = ROOT / "docs" / "gemm.md"
ARMS = ("numba_gemm", "numpy_matmul")
SIZES = (32, 48, 64, 96, 100, 128, 200, 256, 384, 500, 512, 768, 1000, 1024, 1500, 2048)
ABSENT = "Not measured yet."
Series = tuple[str, int, str]  # machine, threads, element type


def newest(results: Path = ROOT / "results") -> dict[Series, PairRecord]:
    """The newest complete comparison at all sizes, by machine, number of threads and element type."""
    found: dict[Series, PairRecord] = {}
    for path in find_pairs(results):
        record = read_pairs(path)
        cells = record.header.cells
        series = {(record.header.machine, cell.threads, cell.problem.dtype) for cell in cells}
        sizes = tuple(cell.problem.n for cell in cells)
        if (
            record.is_complete
            and sizes == SIZES
            and len(series) == 1
            and {(each.a, each.b) for each in cells} == {ARMS}
        ):
            found[series.pop()] = record
    return dict(sorted(found.items(), key=lambda item: (*item[0][:2], item[0][2] != "float64")))


def chapter(series: Series, record: PairRecord) -> str:
    """One series: what it came to, the verdict on every size, and where and when."""
    machine, threads, dtype = series
    found = verdicts(record)
    header = record.header
    virtual = ", a virtual machine" if header.host.hypervisor else ""
    where = f"{machine} ({header.host.cpu.brand}, {header.host.logical_cpus} CPUs{virtual}), {header.created[:10]}"
    title = f"### {dtype}, {count_threads(threads)}, {machine}"
    made = f"Measured on {where}: `{header.command}`, record {header.id}."
    if not any(map(is_sound, found)):
        return f"{title}\n\n{told(found)} At n = {found[0].cell.problem.n}: {found[0].reason}.\n\n{made}"
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
        return f"Of {len(found)} sizes: {count}."
    mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    of_all = f"Geometric mean of {len(ratios)} ratios: {mean:.2f}; the least of them: {min(ratios):.2f}."
    return f"Of {len(found)} sizes: {count}. {of_all}"


def main() -> int:
    """Write, or with ``--check`` tell."""
    text = DOCUMENT.read_text(encoding="utf-8")
    chapters = [chapter(*item) for item in newest().items()]
    made = filled(text, {"pairs": "\n\n".join(chapters) or ABSENT})
    if "--check" in sys.argv[1:]:
        if made != text:
            print("out of date: docs/gemm.md; run make readme")
        return int(made != text)
    write_text(DOCUMENT, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
