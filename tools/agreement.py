"""Measure the same cells under `matbench run`, asv and pytest-benchmark, and fail where they disagree.

What `make agreement` calls; it takes about ten minutes. The runners take turns, size by size, each in processes of its
own, in an order that changes from round to round; every turn is stored in results/agreement/ as soon as it is over.
Cells that are undecided after all rounds get further ones.
Exit code: 0 all cells agree, 1 some differ, 3 the machine is too noisy for some, or rounds are missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from agreement_table import RUNNERS, Sitting, Turn, cells, summary, to_markdown

from matbench.errors import IncompleteError, MatbenchError, UsageError, without_paths
from matbench.measure.prepare import PROFILES, VARIABLE, grid
from matbench.model import Case, Samples
from matbench.record.asv_project import asv_module, read_project
from matbench.record.asv_reading import asv_files, read_asv
from matbench.record.files import printable, read_bytes, write_bytes, write_text
from matbench.record.here import Machine
from matbench.record.ids import machine_label
from matbench.record.names import new_record_id
from matbench.record.store import latest_record, read_record

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "asv.conf.json"
PROFILE = "agreement"
KERNELS = "numpy_einsum,numba_ikj,numba_tiled,numpy_matmul"  # NumPy and Numba, from overhead to arithmetic
ROUNDS = 6  # the fewest whose median has an interval of 95 %
MOST_ROUNDS = (
    18  # of cells that are undecided after those: the machine has two speeds, and a runner may miss the fast one
)
RESULTS = ROOT / "results" / "agreement"
DISTRIBUTIONS = ("asv", "asv_runner", "pytest", "pytest-benchmark")
TURN_S = 300.0  # s, after which a runner hangs

Measured = Iterator[tuple[Case, Samples]]


def case_key(case: Case) -> tuple[str, int, str, int]:
    """What a case is called under every runner: asv does not tell the seed."""
    return case.kernel, case.problem.n, case.problem.dtype, case.threads


# -- the runners ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    """One runner's turn: some cells, and a folder of its own to write into."""

    cases: tuple[Case, ...]
    folder: Path

    @property
    def kernels(self) -> list[str]:
        """Their kernels, each once."""
        return list(dict.fromkeys(case.kernel for case in self.cases))

    @property
    def sizes(self) -> list[str]:
        """Their sizes, each once."""
        return list(dict.fromkeys(str(case.problem.n) for case in self.cases))

    def python(self, *arguments: str, **environ: str) -> None:
        """Run a module of Python's, with some more variables in its environment.

        Raises
        ------
        IncompleteError
            If it fails: all cells are known to be right and to fit, but somebody else may be measuring.
        """
        command, variables = [sys.executable, "-m", *arguments], os.environ | {VARIABLE: PROFILE} | environ
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=variables, check=False, capture_output=True, text=True, timeout=TURN_S
            )
        except subprocess.TimeoutExpired:
            raise IncompleteError(f"{arguments[0]} hangs; see why and resume") from None
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["nothing"]
            last = [line for line in lines if "Error: " in line][-1:] or lines[-1:]
            said = printable(without_paths(last[0].rpartition("Error: ")[2].strip()))
            raise IncompleteError(f"{arguments[0]} fails and says: {said}; mend that and resume")


def by_matbench(visit: Visit) -> Measured:
    """The cells under `matbench run`."""
    options = {
        "preset": PROFILES[PROFILE].preset,
        "kernels": ",".join(visit.kernels),
        "sizes": ",".join(visit.sizes),
        "dtypes": visit.cases[0].problem.dtype,
        "threads": str(visit.cases[0].threads),
        "output": str(visit.folder),
    }
    visit.python("matbench", "run", *itertools.chain.from_iterable((f"--{k}", v) for k, v in options.items()))
    for each in read_record(latest_record(visit.folder)).measurements:
        yield each.case, each.samples


def by_asv(visit: Visit) -> Measured:
    """The cells under `asv run`, in this interpreter, with one process for each."""
    results, settings = visit.folder / "results", visit.folder / "asv.conf.json"
    own = {"repo": str(ROOT), "benchmark_dir": str(ROOT / "benchmarks"), "results_dir": str(results), "version": 1}
    ours = asv_module("util").load_json(str(SETTINGS), js_comments=True)
    write_text(settings, json.dumps(ours | own))
    config = ["--config", str(settings), "--machine", "here"]
    first = visit.cases[0]
    chosen = f"'({'|'.join(visit.kernels)})', ({'|'.join(visit.sizes)}), '{first.problem.dtype}', {first.threads}"
    home = str(visit.folder)  # asv keeps the names of its machines at home: the user's stay as they are
    visit.python("asv", "machine", "--yes", *config, HOME=home)
    visit.python(
        *("asv", "run", "--python=same", "--set-commit-hash", "HEAD", "--record-samples", *config),
        *("--bench", rf"time_matmul\({chosen}\)"),
        HOME=home,
    )
    for each in read_asv(asv_files(results)[0]).measurements:
        yield each.case, each.samples


def by_pytest(visit: Visit) -> Measured:
    """The cells under `pytest --benchmark-only`."""
    path = visit.folder / "speed.json"
    ids = ["-".join(map(str, case_key(case))) for case in visit.cases]
    visit.python(
        *("pytest", "-p", "no:cacheprovider", "--benchmark-only", f"--benchmark-json={path}"),
        # As an error it would hide why nothing was measured.
        *("-W", "default::pytest_benchmark.logger.PytestBenchmarkWarning"),
        *(f"tests/speed/test_speed.py::test_matmul[{each}]" for each in ids),
    )
    yield from read_pytest(path, visit.cases)


def read_pytest(path: Path, cases: Sequence[Case]) -> Measured:
    """What pytest-benchmark wrote of the cases."""
    known = {case_key(case): case for case in cases}
    for each in json.loads(read_bytes(path))["benchmarks"]:
        wanted = each["params"]
        case = known.get((wanted["kernel"], wanted["n"], wanted["dtype"], wanted["threads"]))
        if case is not None:
            loops, seconds = each["stats"]["iterations"], each["stats"]["data"]
            count = len(seconds)
            elapsed_ns = tuple(max(1, round(1e9 * loops * value)) for value in seconds)
            yield case, Samples((loops,) * count, elapsed_ns, (0,) * count, tuple(range(count)))


BY: dict[str, Callable[[Visit], Measured]] = dict(zip(RUNNERS, (by_matbench, by_asv, by_pytest), strict=True))


# -- the sitting ------------------------------------------------------------------------------------------------------


def planned(number: int, cases: Sequence[Case]) -> Iterator[tuple[str, tuple[Case, ...]]]:
    """Runner and cells of every turn of a round: a size under one runner after the other, who is first going round."""
    for place, n in enumerate(dict.fromkeys(case.problem.n for case in cases)):
        here = tuple(case for case in cases if case.problem.n == n)
        yield from ((runner, here) for runner in list(itertools.permutations(RUNNERS))[(number + place) % 6])


def wanted(sitting: Sitting, number: int, cases: Sequence[Case]) -> list[Case]:
    """The cells of a round: all, and once every cell has had its rounds those that are undecided by then."""
    if number < sitting.rounds:
        return list(cases)
    before = tuple(turn for turn in sitting.turns if turn.round < number)
    found = {cell.case: cell.verdict for cell in cells(msgspec.structs.replace(sitting, turns=before))}
    return [case for case in cases if found.get(case) == "undecided"]


def taken(sitting: Sitting, number: int, runner: str, cases: Sequence[Case], folder: Path) -> Sitting:
    """The sitting with one more turn.

    Raises
    ------
    IncompleteError
        If the runner fails or leaves a cell out.
    """
    visit = Visit(tuple(cases), folder)
    found = {case_key(case): samples for case, samples in BY[runner](visit) if len(samples)}
    missing = [case for case in cases if case_key(case) not in found]
    if missing:
        raise IncompleteError(
            f"{runner} has no time for {missing[0].kernel} at n = {missing[0].problem.n}; report this"
        )
    turns = tuple(Turn(number, runner, case, found[case_key(case)]) for case in cases)
    return msgspec.structs.replace(sitting, turns=sitting.turns + turns)


def now() -> str:
    """The time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def begun(machine: Machine, rounds: int, most: int) -> Sitting:
    """A sitting without turns.

    Raises
    ------
    UsageError
        If asv or pytest-benchmark is missing, or there is no commit: asv files results under commits.
    """
    project = read_project(SETTINGS)
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise UsageError("pytest-benchmark is not installed here; install it with `make tools`")
    return Sitting(
        created=now(),
        machine=machine_label(machine.host),
        command=f"make agreement ARGS='--rounds {rounds} --most {most}'",
        commit=project.commit,
        changed=project.is_changed,
        profile=PROFILE,
        host=machine.host,
        environment=machine.environment,
        runners={name: version(name) for name in DISTRIBUTIONS},
        rounds=rounds,
        most=most,
    )


def resumed(machine: Machine, rounds: int, most: int, results: Path) -> tuple[Sitting, Path]:
    """The newest sitting of this machine and software, and its file, to be continued up to a number of rounds.

    Raises
    ------
    UsageError
        If there is none.
    """
    new = begun(machine, rounds, most)
    for path in sorted(results.glob("*.json"), reverse=True):
        old = msgspec.json.decode(read_bytes(path), type=Sitting)
        same = ("machine", "commit", "profile", "host", "environment", "runners")
        if all(getattr(old, name) == getattr(new, name) for name in same):
            more = max(rounds, old.rounds)
            return msgspec.structs.replace(old, rounds=more, most=max(most, old.most), finished=None), path
    raise UsageError("there is no sitting of this machine, software and commit to resume; leave out --resume")


def told(sitting: Sitting) -> str:
    """The page about a sitting."""
    found, cpu = cells(sitting), sitting.host.cpu.brand
    packages = {**sitting.environment.packages, **sitting.runners}
    names = ("numpy", "numba", *sitting.runners)
    software = ", ".join(f"{name} {packages[name]}" for name in names if name in packages)
    state = "" if sitting.finished else " It is not finished."
    where = f"{sitting.machine} ({cpu}, {sitting.host.logical_cpus} CPUs)"
    return f"""# The same cells under three runners

{summary(found)}{state}

{to_markdown(found)}
Times are medians over {len({turn.round for turn in sitting.turns if turn.round < sitting.rounds})} rounds of the
median of each runner's samples; cells that were undecided after those had further rounds, {rounds_of(sitting)} in all;
one thread, {found[0].case.problem.dtype if found else "float64"}. Ratios are given by rounds, the median over rounds
of the ratio of medians with its interval of 95 %, and of the fastest samples, with what the ratio would be without any
one round. Two runners agree where a whole interval is within the limit, and differ where none of the interval by
rounds is; intervals wider than the limits decide nothing.

Measured on {where}, {sitting.created}: `{sitting.command}`, Python {sitting.environment.python}, {software},
commit {sitting.commit[:8]}{" with changes" if sitting.changed else ""}. All samples are in the JSON file
beside this page.
"""


def rounds_of(sitting: Sitting) -> int:
    """The most rounds that any cell has had."""
    return max((turn.round + 1 for turn in sitting.turns), default=0)


def sit(sitting: Sitting, cases: Sequence[Case], path: Path) -> Sitting:
    """Take the turns that are missing, storing each; the page is written at the end, however that comes."""
    done = {(turn.round, turn.runner, turn.case) for turn in sitting.turns}
    try:
        for number in range(max(sitting.rounds, sitting.most)):
            for runner, here in planned(number, wanted(sitting, number, cases)):
                if (number, runner, here[0]) in done:
                    continue
                most = sitting.rounds if number < sitting.rounds else f"at most {sitting.most}"
                n, count = here[0].problem.n, len(here)
                print(f"round {number + 1} of {most}: n = {n} under {runner}, {count} cells", file=sys.stderr)
                with tempfile.TemporaryDirectory() as folder:
                    sitting = taken(sitting, number, runner, here, Path(folder))
                write_bytes(path, msgspec.json.encode(sitting) + b"\n")
        sitting = msgspec.structs.replace(sitting, finished=now())
        write_bytes(path, msgspec.json.encode(sitting) + b"\n")
    finally:
        if sitting.turns:
            write_text(path.with_suffix(".md"), told(sitting))
    return sitting


def chosen(machine: Machine) -> list[Case]:
    """The cells: those of the profile, for some of its kernels, on one thread."""
    suite = grid(PROFILES[PROFILE], machine.processors)
    names = [each.name for each in suite.registry.select(KERNELS)]
    return [case for case in suite.cases if case.kernel in names and case.threads == 1]


def exit_code(sitting: Sitting) -> int:
    """0 all agree, 1 some differ, 3 some are undecided or rounds are missing."""
    verdicts = {cell.verdict for cell in cells(sitting)}
    if "differ" in verdicts:
        return 1
    return 3 if "undecided" in verdicts or sitting.finished is None else 0


def main(arguments: Sequence[str]) -> int:
    """Sit, or go on with a sitting; print the table."""
    parser = argparse.ArgumentParser(prog="make agreement", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at least {ROUNDS} for a verdict")
    parser.add_argument("--most", type=int, default=MOST_ROUNDS, help="rounds of cells that are undecided after those")
    parser.add_argument("--resume", action="store_true", help="go on with the newest sitting, or add rounds to it")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        raise UsageError(f"{options.rounds} rounds asked for; ask for at least 1")
    machine = Machine()
    if options.resume:
        sitting, path = resumed(machine, options.rounds, options.most, options.output)
    else:
        sitting = begun(machine, options.rounds, options.most)
        path = options.output / f"{new_record_id(datetime.now(UTC), os.urandom(3).hex())}.json"
    sitting = sit(sitting, chosen(machine), path)
    print(told(sitting))
    return exit_code(sitting)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)
    except KeyboardInterrupt:
        print("\nstopped; `make agreement ARGS=--resume` goes on", file=sys.stderr)
        sys.exit(130)
