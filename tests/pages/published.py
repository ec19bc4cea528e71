"""Results as asv writes them, made up: every time follows from the case, so that a curve on the pages can be checked.

The machines are called synthetic. Their results are those of two runs of the standard profile, on two CPUs and on one;
as asv leaves it, benchmarks.json knows the parameters of the later run only.
"""

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
TIME = "bench_matmul.time_matmul"
BOTH, ONE = "synthetic-2cpu", "synthetic-2cpu-on-1cpu"
HARDWARE = {"os": "Linux", "arch": "x86_64", "cpu": "made up", "ram": "8589934592"}


def git(folder, *arguments):
    own = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def discovered(folder):
    """Our benchmarks as asv finds them, with the parameters of a machine of two CPUs."""
    from asv.runner import BENCHMARK_RUN_SCRIPT

    path = folder / "discovered.json"
    environ = os.environ | {"MATBENCH_PROFILE": "standard"}
    command = [sys.executable, BENCHMARK_RUN_SCRIPT, "discover", str(ROOT / "benchmarks"), str(path)]
    subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
    return {each["name"]: with_threads(each, ["1", "2"]) for each in json.loads(path.read_text())}


def with_threads(benchmark, threads):
    """A benchmark whose parameter `threads`, if it has one, takes these values."""
    axes = zip(benchmark["param_names"], benchmark["params"], strict=True)
    return benchmark | {"params": [threads if name == "threads" else values for name, values in axes]}


def seconds(place, n, threads):
    """The made-up time of a kernel, s: each on the ladder twice as fast as the one before, and nothing is free."""
    return 2 * n**3 / (1e7 * 2**place * threads) + 1e-6


def values(benchmark):
    """The made-up results of a benchmark; only the upper half of the ladder takes more than one thread."""
    for place, *rest in product(*map(range, map(len, benchmark["params"]))):
        given = dict(zip(benchmark["param_names"][1:], map(at, benchmark["params"][1:], rest), strict=True))
        threads, n = int(given.get("threads", 1)), int(given.get("n", 64))
        serial = place < len(benchmark["params"][0]) // 2
        yield math.nan if threads > 1 and serial else seconds(place, n, threads)


def at(axis, place):
    return axis[place]


def write_results(folder, benchmarks, commit, machine, cpus):
    """A machine's folder and its results at a commit."""
    from asv.machine import Machine
    from asv.results import Results

    here = HARDWARE | {"machine": machine, "num_cpu": str(cpus)}
    made = Machine()
    vars(made).update(here)
    made.save(str(folder))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    results = Results(here | {"python": "3.11"}, {}, commit, int(now.timestamp() * 1000), "3.11", "made-up-py3.11", {})
    for benchmark in benchmarks.values():
        found = list(values(benchmark))
        outcome = SimpleNamespace(
            result=found,
            samples=[None if math.isnan(each) else [each] * 3 for each in found],
            number=[None if math.isnan(each) else 1 for each in found],
            stderr="",
            errcode=0,
            profile=None,
        )
        results.add_result(benchmark, outcome, started_at=now, record_samples=True)
    results.save(str(folder))


def make_repository(folder):
    """A repository of two commits with our settings and made-up results of two machines."""
    from asv.util import load_json, write_json

    folder.mkdir()
    git(folder, "init", "-q")
    commits = []
    for title in ("first", "second"):
        git(folder, "commit", "-q", "--allow-empty", "-m", title)
        commits.append(git(folder, "rev-parse", "HEAD"))
    write_json(str(folder / "asv.conf.json"), load_json(str(ROOT / "asv.conf.json"), js_comments=True), 1)
    two = discovered(folder)
    one = {name: with_threads(each, ["1"]) for name, each in two.items()}
    results = folder / "results" / "asv"
    for commit in commits:
        write_results(results, two, commit, BOTH, 2)
    write_results(results, one, commits[-1], ONE, 1)
    write_json(str(results / "benchmarks.json"), one, 2)
    return SimpleNamespace(folder=folder, results=results, benchmarks=two, commits=commits)
