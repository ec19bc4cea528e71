"""Small records to test the store with; random ones come from hypothesis."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from hypothesis import strategies as st

from matbench.model import (
    Block,
    Case,
    Ceiling,
    Conditions,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.record.journal import Journal

ID = "20261122T161203Z-3f9a1c"
PROBLEM = Problem(64, 64, 64)
FAST = Case("numpy_matmul", PROBLEM, threads=2)
SLOW = Case("python_lists", PROBLEM)
END = End(finished="2026-11-22T16:20:00Z", elapsed_s=477.0, conditions=Conditions(load_1m=0.5))


HERE = Path(__file__).parent
PREAMBLE = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from store_examples import END, FAST, SLOW, header, samples
from matbench.errors import RecordError
from matbench.model import Measurement
from matbench.record.journal import Journal
results = Path(sys.argv[1])
"""


def started(script: str, results: Path) -> subprocess.Popen[str]:
    """A second process that runs `script`, which knows `results`."""
    code = PREAMBLE + textwrap.dedent(script)
    return subprocess.Popen([sys.executable, "-c", code, str(results)], stdout=subprocess.PIPE, text=True)


def header(record_id: str = ID, machine: str = "icelake-2cpu-3f9a1c", **fields) -> Header:
    plan = Plan(
        preset="quick",
        command="matbench run --preset quick",
        seed=1,
        budget_s=60.0,
        rounds=30,
        sample_ns=10**7,
        base="python_lists",
        blocks=(Block(PROBLEM, (("numpy_matmul", 2), ("python_lists", 1))),),
    )
    values = {
        "created": "2026-11-22T16:12:03Z",
        "host": Host(system="Linux", logical_cpus=2, host_id="3f9a1c77aa00bb11"),
        "environment": Environment(python="3.11.7", packages={"numpy": "2.3.1"}, env_id="e1"),
        "conditions": Conditions(),
        "plan": plan,
        "kernels": (
            KernelCard("numpy_matmul", "BLAS", "all of it", threaded=True),
            KernelCard("python_lists", "pure Python", "three loops"),
        ),
    }
    return Header(id=record_id, machine=machine, **{**values, **fields})


def samples(*elapsed_ns: int, process: int = 0, first_round: int = 0) -> Samples:
    count = len(elapsed_ns)
    rounds = tuple(range(first_round, first_round + count))
    return Samples((4,) * count, elapsed_ns, (process,) * count, rounds)


def record(**fields) -> Record:
    """A complete record of two cases, one of them skipped, and one ceiling."""
    values = {
        "header": header(),
        "ceilings": (Ceiling("fma", "float64", 8, 2, 10**6, samples=samples(9000, 8000)),),
        "measurements": (
            Measurement(FAST, samples=samples(40_000, 41_000, 39_000), first_call_ns=90_000, error=0.1),
            Measurement(SLOW, outcome="skipped", reason="the budget is used up"),
        ),
        "end": END,
    }
    return Record(**{**values, **fields})


def placed(results: Path, data: bytes, record_id: str = ID, machine: str = "icelake-2cpu-3f9a1c") -> Path:
    """A file with `data` where the record of that id belongs."""
    path = results / "records" / machine / f"{record_id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def written(results: Path) -> Path:
    """The file of an incomplete record with one case."""
    with Journal.create(results, header()) as journal:
        journal.append(Measurement(FAST, samples=samples(10, 11)))
    return journal.path


_count = st.integers(0, 2**62)
_text = st.text(st.characters(codec="utf-8"), max_size=30)
_name = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_sample = st.tuples(st.integers(1, 2**40), st.integers(1, 2**62), _count, _count)
_extent = st.integers(1, 2**20)


def _columns(rows: list[tuple[int, int, int, int]]) -> Samples:
    return Samples(*zip(*rows, strict=True)) if rows else Samples()


many_samples = st.lists(_sample, max_size=6).map(_columns)
problems = st.builds(
    Problem,
    m=_extent,
    n=_extent,
    k=_extent,
    dtype=st.sampled_from(["float64", "float32", "int64"]),
    layout=st.sampled_from("CF"),
    seed=_count,
)
cases = st.builds(Case, kernel=_name, problem=problems, threads=st.integers(1, 2**16))
measurements = st.builds(
    Measurement,
    case=cases,
    outcome=st.sampled_from(["measured", "skipped", "wrong", "ended"]),
    reason=st.none() | _text,
    samples=many_samples,
    first_call_ns=st.none() | _count,
    error=st.none() | st.floats(0, allow_infinity=False, allow_nan=False),
    bytes_allowed=st.none() | _count,
)
distinct_measurements = st.lists(measurements, max_size=5, unique_by=lambda each: each.case).map(tuple)
