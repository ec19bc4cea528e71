"""The same pairs under asv, pyperf and pytest-benchmark, each used as its manual says: one arm, then the other."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matbench.analyse.pairs import Verdict
from matbench.analyse.trust import SAME
from matbench.model import Problem, Value
from matbench.pairing import Cell
from matbench.present.tables import render_markdown
from matbench.units import format_percent, format_seconds

__all__ = ["ARMS", "HARNESSES", "Other", "cell_of", "others_table", "ours", "pairs", "taken"]

ARMS = Path(__file__).parent / "others_arms.py"
SIZES = (32, 48, 64, 96)
REPEATS = 1
ASV_FACTOR = 1.1  # `asv compare` shows what differs by more, and significantly
WITHOUT_RULE = {"pytest-benchmark"}
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ASV = """
import json, sys
from asv_runner.benchmarks.time import TimeBenchmark
from others_arms import prepared
benchmark = TimeBenchmark("time_arm", prepared(sys.argv[1], int(sys.argv[2])), [])
benchmark.do_setup()
print(json.dumps(benchmark.run()))
"""
PYTEST = """
from others_arms import prepared
def test_arm(benchmark):
    benchmark(prepared({name!r}, {n}))
"""


class Other(Value, frozen=True):
    """What one harness made of one pair."""

    harness: str
    n: int
    repeat: int
    truth: float  # time of B over time of A
    ratio: float | None  # as the harness has it; None where it has none
    different: bool | None  # by the harness's own rule; None where it has none, or says that it can't tell
    seconds: float  # that both arms took, start included


@dataclass(frozen=True)
class Pair:
    """Two arms at one size."""

    n: int
    a: str
    b: str
    truth: float
    repeat: int


def pairs() -> Iterator[Pair]:
    """Identical code and 2 % by turns."""
    for repeat in range(REPEATS):
        for n in SIZES:
            yield Pair(n, "hundred", "hundred_too", SAME, repeat)
            yield Pair(n, "hundred", "hundred_and_two", 1.02, repeat)


def cell_of(pair: Pair) -> Cell:
    """The pair as a comparison of ours."""
    problem = Problem(m=pair.n, n=pair.n, k=pair.n, seed=pair.repeat)
    return Cell(problem, 1, f"{ARMS.name}:{pair.a}", f"{ARMS.name}:{pair.b}")


def ours(pair: Pair, verdict: Verdict, seconds: float) -> Other:
    """What matbench made of a pair."""
    ratio = None if verdict.ratio is None else verdict.ratio.estimate
    told = {"FASTER": True, "SLOWER": True, "EQUIVALENT": False}.get(verdict.word)
    return Other("matbench", pair.n, pair.repeat, pair.truth, ratio, told, seconds)


def _said(*command: str) -> str:
    found = subprocess.run(
        [sys.executable, *command],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join((str(ARMS.parent), *sys.path[1:]))},
    )
    return found.stdout


def _asv(pair: Pair, _: Path) -> tuple[float, bool | None]:
    """Two rounds of the first arm, then two of the second; Mann and Whitney's test, and a factor."""
    from asv._stats import is_different  # noqa: PLC0415  not needed to read what was measured

    compute_stats = importlib.import_module("asv_runner.statistics").compute_stats
    found = []
    for name in (pair.a, pair.b):
        runs = [json.loads(_said("-c", ASV, name, str(pair.n))) for _ in range(2)]
        samples = [sample for run in runs for sample in run["samples"]]
        found.append((samples, compute_stats(samples, runs[0]["number"])[1]))
    (a, stats_a), (b, stats_b) = found
    ratio = statistics.median(b) / statistics.median(a)
    is_large = abs(math.log(ratio)) > math.log(ASV_FACTOR)
    return ratio, bool(is_large and is_different(a, b, stats_a, stats_b))


def _pyperf(pair: Pair, folder: Path) -> tuple[float, bool | None]:
    """``pyperf timeit`` of the first arm, then of the second; Student's t-test."""
    files = []
    for name in (pair.a, pair.b):
        file = folder / f"{name}.json"
        file.unlink(missing_ok=True)
        setup = f"from others_arms import prepared; call = prepared({name!r}, {pair.n})"
        inherit = ",".join((*ENVIRONMENT, "PYTHONPATH"))
        _said("-m", "pyperf", "timeit", "--quiet", "--inherit-environ", inherit, "-s", setup, "-o", str(file), "call()")
        files.append(file)
    means = [_pyperf_mean(file) for file in files]
    said = _said("-m", "pyperf", "compare_to", "--verbose", *map(str, files))
    return means[1] / means[0], "not significant" not in said.lower()


def _pyperf_mean(file: Path) -> float:
    runs = json.loads(file.read_text())["benchmarks"][0]["runs"]
    return statistics.fmean(value for run in runs for value in run.get("values", ()))


def _pytest_benchmark(pair: Pair, folder: Path) -> tuple[float, bool | None]:
    """One session an arm; it has no rule of its own, but a threshold to be chosen (``--benchmark-compare-fail``)."""
    medians = []
    for name in (pair.a, pair.b):
        test, file = folder / f"test_{name}.py", folder / f"{name}-pytest.json"
        test.write_text(PYTEST.format(name=name, n=pair.n))
        _said("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--benchmark-json={file}", str(test))
        medians.append(json.loads(file.read_text())["benchmarks"][0]["stats"]["median"])
    return medians[1] / medians[0], None


HARNESSES: dict[str, tuple[str, Callable[[Pair, Path], tuple[float, bool | None]]]] = {
    "asv": ("asv", _asv),
    "pyperf": ("pyperf", _pyperf),
    "pytest-benchmark": ("pytest_benchmark", _pytest_benchmark),
}


def taken(harness: str, pair: Pair, folder: Path) -> Other | None:
    """What another harness makes of a pair; None where it is not installed.

    Parameters
    ----------
    harness
        Its name.
    pair
        What it compares.
    folder
        For its files.
    """
    module, measure = HARNESSES[harness]
    if importlib.util.find_spec(module) is None:
        return None
    start = time.monotonic()
    ratio, different = measure(pair, folder)
    return Other(harness, pair.n, pair.repeat, pair.truth, ratio, different, time.monotonic() - start)


def _rate(found: Sequence[Other]) -> str:
    if all(each.harness in WITHOUT_RULE for each in found):
        return "no rule"
    return f"{sum(each.different is True for each in found)} / {len(found)}"


def _off(found: Sequence[Other]) -> list[float]:
    return [abs(math.log(each.ratio / each.truth)) for each in found if each.ratio is not None]


def others_table(found: Sequence[Other]) -> str:
    """How often each harness called a pair different, how far its ratios were off, and what it took."""
    by_harness: dict[str, list[Other]] = defaultdict(list)
    for each in found:
        by_harness[each.harness].append(each)
    rows = []
    for harness, own in by_harness.items():
        same, changed = [each for each in own if each.truth == SAME], [each for each in own if each.truth != SAME]
        off = _off(own)
        middle, worst = (format_percent(statistics.median(off)), format_percent(max(off))) if off else ("", "")
        cost = format_seconds(statistics.fmean(each.seconds for each in own))
        rows.append((harness, _rate(same), _rate(changed), middle, worst, cost))
    titles = (
        "harness",
        "identical, called different",
        "2 %, called different",
        "ratio off, median",
        "worst",
        "a pair takes",
    )
    return render_markdown(titles, rows)
