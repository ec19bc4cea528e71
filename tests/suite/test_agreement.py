"""`make agreement`: its arithmetic, its verdicts on simulated machines, how it reads each runner, its exit codes."""

import ast
import json
import sys

import msgspec
import numpy as np
import pytest

pytest.importorskip("asv", reason="needs asv; pip install asv")
pytest.importorskip("pytest_benchmark", reason="needs pytest-benchmark; pip install pytest-benchmark")

from matbench.analyse.rows import Interval
from matbench.errors import IncompleteError, MatbenchError, UsageError
from matbench.kernels import default_registry
from matbench.measure.prepare import PROFILES, grid
from matbench.model import Case, Environment, Host, Problem, Samples
from matbench.record.asv_project import Project

LONG, SHORT = Case("numpy_matmul", Problem(64, 64, 64, seed=1)), Case("numba_ikj", Problem(8, 8, 8, seed=1))


@pytest.fixture(scope="module")
def tools(root):
    """Both modules of the tool."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "tools"))
        import agreement
        import agreement_table

        yield agreement, agreement_table
        del sys.modules["agreement"], sys.modules["agreement_table"]


@pytest.fixture
def agreement(tools):
    return tools[0]


@pytest.fixture
def table(tools):
    return tools[1]


def samples(seconds, loops=10):
    count = len(seconds)
    elapsed = tuple(round(each * loops * 1e9) for each in seconds)
    return Samples((loops,) * count, elapsed, (0,) * count, tuple(range(count)))


def sitting(table, times, case=LONG):
    """A sitting of one cell: `times[runner][round]` are the times of its samples, s."""
    turns = tuple(
        table.Turn(number, runner, case, samples(each))
        for runner, rounds in times.items()
        for number, each in enumerate(rounds)
    )
    made = {"created": "2026-01-01T00:00:00Z", "machine": "box", "command": "x", "commit": 40 * "a", "profile": "p"}
    return table.Sitting(**made, host=Host(), environment=Environment(), rounds=6, turns=turns)


# -- arithmetic -------------------------------------------------------------------------------------------------------


def test_ratios_pair_rounds_so_that_a_machine_that_changes_its_speed_changes_nothing(table):
    speeds = (1.0, 1.3, 0.8, 1.1, 2.0, 0.9)
    factors = {"matbench run": 1.0, "asv": 1.1, "pytest-benchmark": 1.2}
    times = {runner: [[50e-6 * speed * factor] * 3 for speed in speeds] for runner, factor in factors.items()}
    (cell,) = table.cells(sitting(table, times))
    for pair, due in {"asv / matbench run": 1.1, "pytest-benchmark / matbench run": 1.2}.items():
        found = cell.compared[pair].rounds
        assert (found.estimate, found.low, found.high) == pytest.approx((due, due, due), rel=1e-4)
    assert {pair: each.verdict for pair, each in cell.compared.items()} == {
        "asv / matbench run": "agree",
        "pytest-benchmark / matbench run": "differ",
        "pytest-benchmark / asv": "agree",
    }
    assert cell.verdict == "differ"
    assert cell.seconds["matbench run"] == pytest.approx(52.5e-6, rel=1e-3)


def test_the_fastest_are_compared_with_and_without_any_one_round(table):
    one, other = [[12e-6, 10e-6], [11e-6, 30e-6], [40e-6, 41e-6]], [[20e-6, 9e-6], [10e-6, 99e-6], [50e-6, 51e-6]]
    times = {"matbench run": other, "asv": one}
    found = table.cells(sitting(table, times))[0].compared["asv / matbench run"].fastest
    assert (found.estimate, found.low, found.high) == pytest.approx((10 / 9, 10 / 10, 11 / 9), rel=1e-3)


def test_short_cells_are_allowed_more(table):
    times = {"matbench run": [[1e-6] * 3] * 6, "asv": [[1.2e-6] * 3] * 6}
    assert table.cells(sitting(table, times, SHORT))[0].verdict == "agree"
    slow = {runner: [[1e3 * each for each in rounds] for rounds in found] for runner, found in times.items()}
    assert table.cells(sitting(table, slow))[0].verdict == "differ"


@pytest.mark.parametrize(
    ("rounds", "fastest", "due"),
    [
        (Interval(1.0, 0.95, 1.1), Interval(3.0), "agree"),
        (Interval(1.3, 1.2, 1.4), Interval(1.0, 1.0, 1.0), "differ"),
        (Interval(0.7, 0.6, 0.75), Interval(1.0, 1.0, 1.0), "differ"),
        (Interval(1.1, 0.7, 1.9), Interval(1.0, 0.98, 1.03), "agree"),
        (Interval(1.1, 0.7, 1.9), Interval(1.5, 1.4, 1.6), "undecided"),
        (Interval(1.1, 0.7, 1.9), Interval(1.0, 0.7, 1.03), "undecided"),
        (Interval(2.0, 1.2, 4.0), Interval(2.0, 1.9, 2.1), "undecided"),
        (Interval(1.0), Interval(1.0), "undecided"),
    ],
)
def test_rounds_decide_and_where_they_scatter_the_fastest_samples_may_show_agreement(table, rounds, fastest, due):
    assert table.verdict(rounds, fastest, 0.15) == due


def simulated(table, rng, *, inflated=1.0, drift=0.03, slow=0.0, rounds=6, most=6):
    """A cell on a machine that drifts, and that is at times, for a whole turn, slowed down by up to three times.

    It gets up to `most` rounds, as long as it is undecided.
    """

    def turn(runner):
        mood = np.exp(rng.normal(0, drift)) * (rng.uniform(1.2, 3.0) if rng.uniform() < slow else 1.0)
        factor = inflated if runner == "asv" else 1.0
        return list(50e-6 * mood * factor * np.exp(abs(rng.normal(0, 0.03, 11))))

    times = {runner: [turn(runner) for _ in range(rounds)] for runner in table.RUNNERS}
    while (found := table.cells(sitting(table, times))[0].verdict) == "undecided" and rounds < most:
        rounds += 1
        for runner in table.RUNNERS:
            times[runner].append(turn(runner))
    return found


def tally(table, seed, count=60, **world):
    rng = np.random.default_rng(seed)
    found = [simulated(table, rng, **world) for _ in range(count)]
    return {each: found.count(each) / count for each in ("agree", "differ", "undecided")}


def test_on_a_quiet_machine_runners_that_agree_are_found_to_agree(table):
    assert tally(table, 1)["agree"] > 0.95


def test_on_a_quiet_machine_an_inflation_of_a_third_is_found(table):
    assert tally(table, 2, inflated=1.33)["differ"] > 0.9


@pytest.mark.parametrize(("drift", "slow"), [(0.03, 0.0), (0.1, 0.0), (0.03, 0.5), (0.3, 0.0), (0.3, 0.7), (1.0, 0.0)])
def test_noise_alone_never_makes_runners_differ(table, drift, slow):
    assert tally(table, 3, drift=drift, slow=slow)["differ"] == 0


@pytest.mark.parametrize("slow", [0.0, 0.4, 0.7])
@pytest.mark.parametrize("most", [6, 18])
def test_an_inflation_by_half_is_never_taken_for_agreement(table, slow, most):
    assert tally(table, 4, inflated=1.5, slow=slow, most=most)["agree"] <= 0.05


def test_half_a_busy_machine_is_quiet_enough(table):
    found = tally(table, 5, slow=0.4)
    assert found["agree"] > 0.7


def test_the_tables_name_every_cell_every_pair_and_what_is_undecided(table):
    times = {runner: [[50e-6] * 3] for runner in table.RUNNERS}
    found = table.cells(sitting(table, times))
    told = table.to_markdown(found)
    assert told.count("numpy_matmul") == 1 + len(table.PAIRS)
    assert all(runner in told for runner in table.RUNNERS)
    assert table.summary(found).startswith("0 of 1 cells agree within their limits, 1 are undecided")


# -- a whole sitting, with runners that only pretend ------------------------------------------------------------------


@pytest.fixture
def pretend(agreement, monkeypatch, root):
    """Replace the runners: `times[runner]` is its factor, or what it raises."""
    project = Project(root / "asv.conf.json", root / "results" / "asv", 40 * "a", 0, is_changed=False)
    monkeypatch.setattr(agreement, "read_project", lambda _: project)
    factors = dict.fromkeys(agreement.RUNNERS, 1.0)

    def runner(name):
        def measured(visit):
            if callable(factors[name]):
                factors[name](visit)
            for case in visit.cases:
                yield case, samples([factors[name] * 1e-9 * case.problem.n**3] * 3, loops=1000)

        return measured

    monkeypatch.setattr(agreement, "BY", {name: runner(name) for name in agreement.RUNNERS})
    return factors


@pytest.fixture
def few(agreement, monkeypatch):
    """Cells enough to tell."""
    monkeypatch.setattr(agreement, "chosen", lambda _: [LONG, SHORT])


def test_runners_that_agree_pass_and_leave_a_page_and_all_samples(agreement, pretend, tmp_path, capsys):
    del pretend
    assert agreement.main(["--output", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    stored = msgspec.json.decode(path.read_bytes(), type=agreement.Sitting)
    cases = {turn.case for turn in stored.turns}
    assert {case.problem.n for case in cases} == set(grid(PROFILES["agreement"], 1).sizes)
    assert {case.kernel for case in cases} == set(agreement.KERNELS.split(","))
    assert len(stored.turns) == len(cases) * 3 * agreement.ROUNDS
    page = path.with_suffix(".md").read_text()
    assert page in capsys.readouterr().out
    assert "28 of 28 cells agree" in page
    assert "/" not in page.replace(" / ", "").replace("GFLOP/s", "")  # no path


@pytest.mark.usefixtures("few")
def test_an_injected_disagreement_fails(agreement, pretend, tmp_path):
    pretend["asv"] = 1.4
    assert agreement.main(["--output", str(tmp_path)]) == 1


@pytest.mark.usefixtures("few")
def test_too_few_rounds_decide_nothing(agreement, pretend, tmp_path):
    pretend["asv"] = 1.4
    assert agreement.main(["--rounds", "1", "--most", "1", "--output", str(tmp_path)]) == 3


@pytest.mark.usefixtures("few")
def test_an_interrupted_sitting_keeps_its_turns_and_is_resumed(agreement, pretend, tmp_path, capsys):
    visits = []

    def interrupt(visit):
        visits.append(visit)
        pretend["asv"] = 1.0
        if len(visits) == 1:
            raise KeyboardInterrupt

    pretend["asv"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        agreement.main(["--rounds", "2", "--most", "2", "--output", str(tmp_path)])
    (path,) = tmp_path.glob("*.json")
    before = msgspec.json.decode(path.read_bytes(), type=agreement.Sitting)
    assert before.finished is None
    assert "It is not finished." in path.with_suffix(".md").read_text()
    capsys.readouterr()
    agreement.main(["--rounds", "2", "--most", "2", "--output", str(tmp_path), "--resume"])
    after = msgspec.json.decode(path.read_bytes(), type=agreement.Sitting)
    assert after.turns[: len(before.turns)] == before.turns
    assert len(after.turns) == 2 * 3 * 2
    assert after.finished is not None
    assert list(tmp_path.glob("*.json")) == [path]
    assert agreement.main(["--rounds", "6", "--output", str(tmp_path), "--resume"]) == 0  # adds rounds


def test_a_runner_that_leaves_a_cell_out_is_told_and_nothing_is_lost(agreement, pretend, tmp_path, monkeypatch):
    del pretend
    monkeypatch.setitem(agreement.BY, "pytest-benchmark", lambda _: iter(()))
    with pytest.raises(IncompleteError, match="pytest-benchmark has no time for numpy_einsum at n = 8"):
        agreement.main(["--output", str(tmp_path)])
    assert list(tmp_path.glob("*.md"))


def test_there_has_to_be_something_to_resume(agreement, pretend, tmp_path):
    del pretend
    with pytest.raises(UsageError, match="leave out --resume"):
        agreement.main(["--resume", "--output", str(tmp_path)])


def test_every_runner_is_first_equally_often_and_every_turn_is_taken_once(agreement, table):
    rounds = [list(agreement.planned(number, [LONG, SHORT])) for number in range(agreement.ROUNDS)]
    assert all(len(turns) == len(set(turns)) == 2 * 3 for turns in rounds)
    first = [turns[place][0] for turns in rounds for place in (0, 3)]
    assert {runner: first.count(runner) for runner in table.RUNNERS} == dict.fromkeys(table.RUNNERS, 4)


@pytest.mark.usefixtures("few", "pretend")
def test_cells_that_are_undecided_get_further_rounds_until_they_are_decided(agreement, tmp_path):
    asked = []

    def mood(visit):
        asked.extend(case.kernel for case in visit.cases)
        calm = asked.count(LONG.kernel) > 8
        for case in visit.cases:
            slow = 1.0 if calm or case == SHORT else 1.1 + 0.7 * (asked.count(case.kernel) % 4)
            yield case, samples([slow * 1e-9 * case.problem.n**3] * 3, loops=1000)

    agreement.BY["asv"] = mood
    assert agreement.main(["--output", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    turns = msgspec.json.decode(path.read_bytes(), type=agreement.Sitting).turns
    rounds = {
        case: [turn.round for turn in turns if (turn.runner, turn.case) == ("asv", case)] for case in (LONG, SHORT)
    }
    assert rounds[SHORT] == list(range(agreement.ROUNDS))
    assert agreement.ROUNDS < len(rounds[LONG]) < agreement.MOST_ROUNDS
    assert f"{len(rounds[LONG])} in all" in path.with_suffix(".md").read_text()


@pytest.mark.usefixtures("few")
def test_no_cell_gets_more_rounds_than_asked_for(agreement, pretend, tmp_path):
    pretend["asv"] = 1.4
    assert agreement.main(["--rounds", "1", "--most", "3", "--output", str(tmp_path)]) == 3
    (path,) = tmp_path.glob("*.json")
    turns = msgspec.json.decode(path.read_bytes(), type=agreement.Sitting).turns
    assert {turn.round for turn in turns} == {0, 1, 2}


# -- what each runner writes ------------------------------------------------------------------------------------------


@pytest.fixture
def visit(agreement, tmp_path):
    return agreement.Visit((LONG, replace_kernel("numba_ikj")), tmp_path)


def replace_kernel(name):
    return msgspec.structs.replace(LONG, kernel=name)


def test_a_runner_is_asked_for_the_cells_and_nothing_else(agreement, visit, monkeypatch):
    asked = []
    monkeypatch.setattr(agreement.Visit, "python", lambda _, *words, **environ: asked.append((words, environ)))
    for name in agreement.RUNNERS:
        with pytest.raises((MatbenchError, OSError)):  # nothing was written
            list(agreement.BY[name](visit))
    (matbench, _), (_, home), (asv, _), (speed, _) = asked
    assert matbench[matbench.index("--sizes") + 1] == "64"
    assert matbench[matbench.index("--kernels") + 1] == "numpy_matmul,numba_ikj"
    assert asv[-1] == r"time_matmul\('(numpy_matmul|numba_ikj)', (64), 'float64', 1\)"
    assert {"--record-samples", "--python=same"} <= set(asv)
    assert home == {"HOME": str(visit.folder)}  # the user's own list of machines stays as it is
    assert speed[-2:] == tuple(
        f"tests/speed/test_speed.py::test_matmul[{kernel}-64-float64-1]" for kernel in visit.kernels
    )


def test_what_pytest_benchmark_writes_is_read_sample_by_sample(agreement, tmp_path):
    written = {
        "benchmarks": [
            {
                "params": {"kernel": kernel, "n": 64, "dtype": "float64", "threads": 1},
                "stats": {"iterations": 100, "data": [7.5e-6, 8e-6]},
            }
            for kernel in ("numpy_matmul", "python_lists")
        ]
    }
    path = tmp_path / "speed.json"
    path.write_text(json.dumps(written))
    ((case, found),) = agreement.read_pytest(path, [LONG])
    assert case == LONG
    assert (found.loops, found.elapsed_ns) == ((100, 100), (750_000, 800_000))


def test_a_runner_that_fails_is_told_in_one_sentence(visit):
    with pytest.raises(IncompleteError, match=r"^timeit fails and says: .*resume$"):
        visit.python("timeit", "--no-such-option")
    with pytest.raises(IncompleteError, match=r"^timeit fails and says: another matbench is measuring; mend"):
        visit.python(
            "timeit", "-s", "from matbench.errors import UsageError as E; raise E('another matbench is measuring')"
        )


# -- one registry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["benchmarks", "tests/speed"])
def test_neither_adapter_holds_a_kernel_a_size_or_a_tolerance_of_its_own(root, folder):
    sizes = {n for profile in PROFILES.values() for n in grid(profile, 1).sizes}
    for path in (root / folder).glob("*.py"):
        tree = list(ast.walk(ast.parse(path.read_text())))
        constants = {each.value for each in tree if isinstance(each, ast.Constant)}
        assert not constants & set(default_registry().names), path
        assert not {each for each in constants if isinstance(each, int)} & sizes, path
        words = {each.id for each in tree if isinstance(each, ast.Name)} | {
            each.attr for each in tree if isinstance(each, ast.Attribute)
        }
        assert not {word for word in words if word in {"rtol", "atol", "allclose", "isclose", "approx"}}, path
        assert not [each for each in tree if isinstance(each, ast.MatMult)], path
