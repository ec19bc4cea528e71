"""``matbench pair A blas``: the opponent is chosen by a trial of its own, and the comparison begins anew."""

from __future__ import annotations

import gc
import tempfile
import time

import numpy as np
import pytest
from cli_driver import lines_of

from matbench.cli import opponent
from matbench.cli.main import main
from matbench.cli.opponent import ROUNDS, fastest, rivals, times_of_calls
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, Rung, default_registry
from matbench.measure.clock import SimulatedClock
from matbench.measure.pairs import PairSession
from matbench.measure.protocol import Go, Job
from matbench.measure.session import Progress, Session
from matbench.measure.worker import work
from matbench.model import Caches, Case, Measurement, Problem, Samples
from matbench.operations import OPERATIONS
from matbench.pairing import Cell
from matbench.record.pairs import read_pairs
from matbench.record.reading import merge_measurements


def library(name, threaded=True):
    return Kernel(
        name=name,
        rung=Rung.BLAS,
        idea="a library",
        function=print,
        threaded_dtypes=("float64",) if threaded else (),
    )


ONE, OTHER, SERIAL = library("blas_one"), library("blas_other"), library("blas_serial", threaded=False)
NAMES = tuple(each.name for each in (ONE, OTHER, SERIAL))
REMEDIES = [((), "name the opponent"), (("--budget", "20s"), "give a longer --budget, or name the opponent")]


class Seen:
    """The trials and comparisons that were begun; a call in a trial takes what `elapsed` tells, ns, `taken` times."""

    def __init__(self):
        self.sessions, self.compared, self.paths = [], [], ()
        self.taken = lambda _: ROUNDS
        self.elapsed = lambda case: 1000 * (1 + (*NAMES, "numpy_matmul").index(case.kernel))

    def add(self, registry, paths):
        self.paths = tuple(paths)
        for each in (ONE, OTHER, SERIAL):
            registry.add(each)

    def trial(self, session):
        self.sessions.append(session)
        cases = [Case(name, block.problem, threads) for block in session.blocks for name, threads in block.arms]
        for case in cases:
            ns, count = self.elapsed(case), self.taken(case)
            if ns is None:
                yield Measurement(case, "wrong", "its result is wrong")
            elif not count:
                yield Measurement(case, "skipped", "takes about 3 s, the time budget had nothing left for it")
            else:
                elapsed = (ns, 9 * ns, ns, 9 * ns, ns)[:count]
                yield Measurement(case, samples=Samples((1,) * count, elapsed, (0,) * count, tuple(range(count))))
        yield Progress(len(session.blocks), len(session.blocks), 0.0)

    def comparison(self, session):
        self.compared.append(session)
        yield from ()


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A folder, three made-up libraries, and no sampling process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the lock of this machine lies there
    for name in ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    seen = Seen()
    monkeypatch.setattr("matbench.cli.pair.add_blas_kernels", seen.add)

    def trial(session):
        return seen.trial(session)

    def comparison(session):
        return seen.comparison(session)

    monkeypatch.setattr(Session, "run", trial)
    monkeypatch.setattr(PairSession, "run", comparison)
    return seen


def chosen(here):
    """(n, threads) -> the opponent of the comparison that began."""
    (session,) = here.compared
    return {(cell.problem.n, cell.threads): cell.b for cell in session.header.cells}


def test_the_fastest_at_each_size_is_the_opponent(here, capsys):
    best = {16: "numpy_matmul", 64: "blas_one"}
    here.elapsed = lambda case: 500 if best[case.problem.n] == case.kernel else 2000
    main(["pair", "python_lists", "blas", "--sizes", "16,64", "--processes", "1"])
    assert chosen(here) == {(16, 1): "numpy_matmul", (64, 1): "blas_one"}
    said = capsys.readouterr().err
    assert "choosing among numpy_matmul, blas_one, blas_other, blas_serial: about" in said
    assert "n = 64: against blas_one (a call in the trial: blas_one 500 ns, " in said


def test_only_those_that_can_use_so_many_threads_are_tried_with_them():
    problem, registry = Problem(16, 16, 16, seed=1), Registry([ONE, SERIAL])
    cells = [Cell(problem, threads, "mine", opponent.BEST) for threads in (1, 2)]
    plan = opponent._plan(cells, registry.names, registry, opponent.Trial())
    assert [block.arms for block in plan.blocks] == [(("blas_one", 1), ("blas_serial", 1), ("blas_one", 2))]


def test_the_trial_is_a_process_of_its_own_and_nothing_of_it_is_kept(here, tmp_path):
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1", "--seed", "7"])
    (trial,), (compared,) = here.sessions, here.compared
    assert trial.processes == 1
    assert not trial.ceilings
    assert not trial.chains
    assert {name for block in trial.blocks for name, _ in block.arms} == {
        "numpy_matmul",
        "blas_one",
        "blas_other",
        "blas_serial",
    }
    assert compared.so_far is None
    assert not list(tmp_path.glob("results/records/*/*"))
    (path,) = tmp_path.glob("results/pairs/*/*.jsonl")
    header, *others = lines_of(path)
    assert header["command"] == "matbench pair python_lists blas --sizes 16 --processes 1 --seed 7"
    assert [cell["b"] for cell in header["cells"]] == ["blas_one"]
    assert {line["type"] for line in others} <= {"pairs-end"}


def test_libraries_that_are_named_are_tried_and_loaded_in_the_comparison_too(here):
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1", "--blas", "one.so", "--blas", "two.so"])
    assert here.sessions[0].blas == here.compared[0].blas == here.paths == ("one.so", "two.so")


def test_what_is_wrong_is_told_and_never_the_opponent(here, capsys):
    here.elapsed = lambda case: None if case.kernel == "blas_one" else 1000 + len(case.kernel)
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1"])
    assert chosen(here) == {(16, 1): "blas_other"}
    assert "blas_one at n = 16: its result is wrong" in capsys.readouterr().err


@pytest.mark.parametrize(("budget", "remedy"), REMEDIES)
def test_where_nothing_can_be_timed_nothing_is_compared(here, capsys, budget, remedy):
    here.elapsed = lambda _: None
    assert main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1", *budget]) == 3
    assert capsys.readouterr().err.endswith(f"no BLAS library could be timed at n = 16; {remedy}\n")
    assert here.compared == []


def test_an_arm_does_not_meet_itself_and_a_budget_bounds_the_trial(here):
    main(["pair", "blas_one", "blas", "--sizes", "16", "--budget", "20s"])
    assert chosen(here) == {(16, 1): "blas_other"}
    assert here.sessions[0].deadline_ns < time.perf_counter_ns() + 0.2 * 20e9


@pytest.mark.parametrize(("budget", "remedy"), REMEDIES)
def test_fewer_samples_than_promised_are_told_with_the_remedy_and_others_are_not(here, capsys, budget, remedy):
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1", *budget])
    assert "fewer than" not in capsys.readouterr().err
    here.taken = lambda case: {"blas_other": 2, "blas_serial": 0}.get(case.kernel, ROUNDS)
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1", *budget])
    said = capsys.readouterr().err.splitlines()
    (short,) = [line for line in said if "fewer than" in line]
    assert "warning: blas_serial at n = 16: takes about 3 s, the time budget had nothing left for it" in said
    assert short.endswith(f"fewer than 5 samples (2 of blas_other at n = 16, 0 of blas_serial at n = 16); {remedy}")


@pytest.mark.parametrize(
    ("reason", "allowed", "is_lacking"), [("takes about 3 s", None, True), ("needs 3 GiB of memory", 2**30, False)]
)
def test_what_was_left_out_for_lack_of_time_lacks_samples_and_what_memory_can_not_hold_does_not(
    reason, allowed, is_lacking
):
    problem, registry = Problem(16, 16, 16, seed=1), Registry([ONE])
    plan = opponent._plan([Cell(problem, 1, "mine", opponent.BEST)], registry.names, registry, opponent.Trial())
    left_out = Measurement(Case("blas_one", problem), "skipped", reason, bytes_allowed=allowed)
    said = list(opponent._shortcomings(plan, [left_out], opponent.Trial()))
    assert said[0] == f"blas_one at n = 16: {reason}"
    assert any("0 of blas_one at n = 16" in text for text in said) == is_lacking


def test_of_many_that_were_cut_short_only_some_are_named(here, capsys):
    here.taken = lambda _: 1
    main(["pair", "python_lists", "blas", "--sizes", "16,32", "--processes", "1"])
    assert "(1 of numpy_matmul at n = 16, 1 of blas_one at n = 16, 1 of blas_other at n = 16 and 5 more)" in (
        capsys.readouterr().err
    )


class Child:
    """A sampling process within this one, whose time is simulated."""

    def __init__(self):
        self.clock, self.told = SimulatedClock(), []

    def library(self, name, call_ns):
        def function(a, b, out):
            self.clock.advance(call_ns)
            np.matmul(a, b, out=out)

        return Kernel(name=name, rung=Rung.BLAS, idea="a library", function=function, gflops=30.0)

    def tell(self, message):
        self.told.append(message)

    def order(self):
        return Go()

    def works(self, plan, registry, seconds):
        """What comes of a trial that has so many seconds left once its process has started."""
        job = Job(
            plan=plan,
            blocks=plan.blocks,
            process=0,
            seconds=seconds,
            memory_bytes=2**30,
            caches=Caches(),
            ceilings=False,
            chains=False,
        )
        work(job, registry, self, self.clock)
        gc.unfreeze()
        return merge_measurements(each for each in self.told if isinstance(each, Measurement))


@pytest.mark.parametrize(("start_s", "is_short"), [(2.0, False), (15.0, False), (59.9, True)])
def test_a_library_far_slower_than_expected_in_a_process_that_starts_late_is_sampled_five_times(start_s, is_short):
    child, problem = Child(), Problem(16, 16, 16, seed=1)
    registry = Registry([child.library("blas_fast", 10_000), child.library("blas_slow", 20_000_000)])
    plan = opponent._plan([Cell(problem, 1, "mine", opponent.BEST)], registry.names, registry, opponent.Trial())
    measured = child.works(plan, registry, opponent._limit_s(plan) - start_s)
    assert any(opponent._shortcomings(plan, measured, opponent.Trial())) == is_short
    if not is_short:
        assert {each.case.kernel: len(each.samples) for each in measured} == {"blas_fast": ROUNDS, "blas_slow": ROUNDS}


def test_an_interrupted_comparison_with_the_fastest_goes_on_with_whom_it_was_begun(here, tmp_path):
    main(["pair", "python_lists", "blas", "--sizes", "16,32", "--processes", "1"])
    (path,) = tmp_path.glob("results/pairs/*/*.jsonl")
    lines = path.read_text("utf-8").splitlines()
    path.write_text("".join(line + "\n" for line in lines if '"pairs-end"' not in line), encoding="utf-8")
    here.elapsed = lambda case: 1 if case.kernel == "numpy_matmul" else 1000  # would be chosen today
    main(["pair", "python_lists", "blas", "--resume"])
    first, again = here.compared
    assert again.header == first.header
    assert len(here.sessions) == 1
    assert {cell.b for cell in read_pairs(path).header.cells} == {"blas_one"}


def test_another_operation_has_no_such_opponent(here, capsys):
    assert main(["pair", "python_svd", "blas"]) == 2
    assert "blas is the matrix product of a library, python_svd computes" in capsys.readouterr().err
    assert here.sessions == []


@pytest.mark.parametrize("arm", ["python_lists", "numpy_matmul"])
def test_blas_has_no_integers_and_that_is_said_before_anything_is_tried(here, capsys, arm):
    assert main(["pair", arm, "blas", "--sizes", "16", "--dtype", "int64"]) == 2
    said = "BLAS has no integers; use --dtype float64 or float32, or name a kernel in place of blas"
    assert capsys.readouterr().err == f"matbench: {said}\n"
    assert here.sessions == []


def test_where_no_library_can_use_so_many_threads_a_longer_budget_is_not_the_remedy():
    cell = Cell(Problem(16, 16, 16, seed=1), 2, "numpy_matmul", opponent.BEST)
    said = r"at n = 16 on 2 threads \(blas_serial runs on one thread only\); name another with --blas"
    with pytest.raises(UsageError, match=said):
        opponent.with_opponents([cell], ["blas_serial"], Registry([SERIAL]), None, opponent.Trial())


def test_a_kernel_of_that_name_comes_first(here, monkeypatch):
    def add(registry, _):
        registry.add(library("blas"))

    monkeypatch.setattr("matbench.cli.pair.add_blas_kernels", add)
    main(["pair", "python_lists", "blas", "--sizes", "16", "--processes", "1"])
    assert chosen(here) == {(16, 1): "blas"}
    assert here.sessions == []


def test_where_there_is_no_library_that_is_said():
    with pytest.raises(UsageError, match="no BLAS library is here beside numpy_matmul; name one with --blas"):
        rivals(Registry([default_registry().get("numpy_matmul")]), "numpy_matmul")
    assert rivals(Registry(default_registry(*OPERATIONS)), "numba_gemm") == ("numpy_matmul",)


def test_the_median_decides_and_only_at_the_same_problem_and_thread_count():
    problem = Problem(16, 16, 16, seed=1)

    def measured(name, *elapsed, threads=1, outcome="measured"):
        number = len(elapsed)
        samples = Samples((2,) * number, elapsed, (0,) * number, tuple(range(number)))
        return Measurement(Case(name, problem, threads), outcome, samples=samples)

    times = times_of_calls(
        [
            measured("steady", 1000, 1000, 1000),
            measured("lucky", 10, 3000, 3000),
            measured("two", 1, threads=2),
            measured("wrong", 1, outcome="wrong"),
            measured("none"),
        ]
    )
    cell = Cell(problem, 1, "mine", opponent.BEST)
    assert fastest(cell, times) == [("steady", pytest.approx(5e-7)), ("lucky", pytest.approx(1.5e-6))]
