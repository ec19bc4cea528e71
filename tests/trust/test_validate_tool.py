"""`make validate`: its plan is what the page says, it resumes, and its tables come from raw samples."""

from __future__ import annotations

import importlib
import lzma
import math
from pathlib import Path

import msgspec
import pytest

from matbench.analyse.pairs import Verdict
from matbench.analyse.rows import Interval
from matbench.analyse.trust import Tally
from matbench.analyse.worlds import WORLDS as NOISES
from matbench.analyse.worlds import Harness, one_process, times
from matbench.errors import UsageError
from matbench.measure.order import orders
from matbench.model import Problem
from matbench.pairing import Cell, PairProcess

TOOLS = Path(__file__).parents[2] / "tools"
replace = msgspec.structs.replace


@pytest.fixture
def tool(monkeypatch):
    """A module of tools/ by name."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


def record(name, cells, ratio=1.0):
    """As many processes as are needed, the same samples for all cells."""
    import numpy as np

    harness = Harness(orders)
    rng = np.random.default_rng(3)
    arms = harness.schedules[:12]
    elapsed, cpu = times(harness, NOISES["iid"](rng, arms), arms, ratio)
    parts = [one_process(harness.settings, index, arms[index], elapsed[index], cpu[index]) for index in range(12)]
    blocks = [replace(block, cell=cell) for part in parts for cell in range(len(cells)) for block in part.blocks]
    header = replace(parts[0].header, id=name, cells=tuple(cells), machine="m")
    processes = tuple(PairProcess(index, seed=0) for index in range(12))
    return replace(parts[0], header=header, blocks=tuple(blocks), processes=processes)


def test_the_plan_has_at_least_300_comparisons_of_identical_code_over_five_kinds_of_work(tool):
    plan = tool("trust_plan")
    same = [cell for batch in plan.batches(("same",)) for cell in batch.cells]
    assert len(same) >= 300
    assert {plan.kind_of(cell) for cell in same} == {kind.title for kind in plan.KINDS}
    assert {plan.true_ratio(cell) for cell in same} == {1.0}
    assert any(":" in cell.a and cell.a != cell.b for cell in same)


def test_the_plan_injects_every_slow_down_in_both_directions_for_every_kind(tool):
    plan = tool("trust_plan")
    cells = [cell for batch in plan.batches(("injected",)) for cell in batch.cells]
    wanted = {ratio for percent in (1, 2, 3, 5) for ratio in (1 + percent / 100, 1 / (1 + percent / 100))}
    for kind in plan.KINDS:
        found = {plan.true_ratio(cell) for cell in cells if plan.kind_of(cell) == kind.title}
        assert sorted(found) == pytest.approx(sorted(wanted))


def test_batches_are_the_same_whenever_they_are_asked_for_and_parts_take_turns(tool):
    plan = tool("trust_plan")
    assert plan.batches() == plan.batches()
    assert [batch.part for batch in plan.batches()[:5]] == list(plan.PARTS)
    assert len({batch.name for batch in plan.batches()}) == sum(part.batches for part in plan.PARTS.values())


def test_a_quota_or_its_substitute_is_what_is_measured_unless_something_else_is_asked_for(tool, monkeypatch):
    plan = tool("trust_plan")
    for can, taken in ((True, "quota"), (False, "held")):
        monkeypatch.setattr(plan, "can_limit", lambda can=can: can)
        assert plan.usual_parts() == ("same", "injected", "co-runner", taken)


def groups(root, version):
    """A machine's root with one control group around this process; its files are nothing but files."""
    own = root / "sys/fs/cgroup/job"
    own.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    kind, options = ("cgroup2", "rw") if version == 2 else ("cgroup", "rw,cpu")
    (root / "proc/self/cgroup").write_text("0::/job\n" if version == 2 else "1:cpu:/job\n")
    (root / "proc/self/mountinfo").write_text(f"1 1 0:1 / /sys/fs/cgroup rw - {kind} {kind} {options}\n")
    return own


@pytest.mark.parametrize("version", [1, 2])
def test_a_quota_is_a_group_of_our_own_that_is_left_again(tool, tmp_path, monkeypatch, version):
    quota = tool("quota")
    own, made = groups(tmp_path, version), Path.mkdir
    monkeypatch.setattr(quota, "PATIENCE_S", 0.0)  # what is no control group keeps its files, and so its folder

    def mkdir(path, *arguments, **options):
        made(path, *arguments, **options)
        if version == 2:
            (path / "cpu.max").touch()

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with quota.limited(0.7, tmp_path):
        [group] = own.glob("matbench-*")
        pid = group.name.removeprefix("matbench-")
        said = {path.name: path.read_text() for path in group.iterdir()}
    limit = (
        {"cpu.max": "70000 100000"} if version == 2 else {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "70000"}
    )
    assert said == limit | {"cgroup.procs": pid}
    assert (own / "cgroup.procs").read_text() == pid


def test_where_no_group_may_be_limited_the_substitute_is_named(tool, tmp_path):
    quota = tool("quota")
    with pytest.raises(UsageError, match="measure the part 'held'"), quota.limited(0.7, tmp_path):
        pass


def test_an_injected_arm_calls_its_kernel_so_often(tool):
    import numpy as np

    injected = tool("injected")
    arm = injected.numpy_matmul_x103
    a, out = np.eye(3), np.zeros((3, 3))
    arm(a, a, out)
    assert (out == a).all()
    assert injected.count_of("injected.py:numpy_matmul_x103") == 103
    with pytest.raises(AttributeError):
        _ = injected.nothing_x100
    with pytest.raises(AttributeError):
        _ = injected.numpy_matmul


def test_tables_are_derived_from_stored_samples(tool, tmp_path):
    pages, validate = tool("trust_pages"), tool("validate")
    small = Problem(m=32, n=32, k=32)
    same = record("same-01", [Cell(small, 1, "numpy_matmul", "numpy_matmul")])
    label = "injected.py:numpy_matmul_x{}".format
    slower = record("injected-01", [Cell(small, 1, label(100), label(102))], 1.02)
    from matbench.record.journal import encode_lines

    for each in (same, slower):
        lines = b"".join(encode_lines(value) for value in (each.header, *each.blocks, *each.processes))
        path = tmp_path / "m" / f"{each.header.id}.jsonl.xz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lzma.compress(lines))
    page = tmp_path / "page.md"
    page.write_text("# T\n<!-- generated: simulated -->\n<!-- end -->\n<!-- generated: real -->\nold\n<!-- end -->\n")
    assert validate.main(["tables", "--results", str(tmp_path), "--page", str(page)]) == 0
    text = page.read_text()
    assert pages.ABSENT in text  # nothing was simulated
    assert "V3: identical code" in text
    assert "| BLAS, 1 thread |" in text
    row = next(line for line in text.splitlines() if "1.0200" in line)
    assert "1 / 1" in row
    assert "old" not in text
    assert validate.main(["tables", "--results", str(tmp_path), "--page", str(page)]) == 0
    assert page.read_text() == text


def comparisons(word, count, truth=1.0, interval=(0.99, 1.01)):
    cell, ratio = Cell(Problem(8, 8, 8), 1, "a", "b"), Interval(math.prod(interval) ** 0.5, *interval)
    return [(truth, Verdict(cell, word, "", ratio=ratio))] * count


def words(goals):
    return [each.word for each in goals]


def test_goals_are_met_missed_or_open_by_what_was_measured(tool):
    goals = tool("trust_goals")

    def same(count, wrong=0):
        return [each for _, each in comparisons("EQUIVALENT", count) + comparisons("FASTER", wrong)]

    found = comparisons("FASTER", 100, 1.02, (1.01, 1.03))
    assert words(goals.goals_of(goals.Measured(same(300), found, same(200)))) == ["met"] * 5
    assert words(goals.goals_of(goals.Measured(same(299, 1), found, same(299, 1)))) == ["met"] * 5
    assert words(goals.goals_of(goals.Measured(same(100), found[:10], same(10)))) == ["open"] * 5
    assert words(goals.goals_of(goals.Measured([], [], []))) == ["open"] * 5
    off = comparisons("SLOWER", 10, 1.02, (0.98, 0.99))
    assert words(goals.goals_of(goals.Measured(same(298, 2), found + off, same(190, 10)))) == ["missed"] * 5


def test_beside_what_was_found_of_the_decided_stands_how_many_are_undecided(tool):
    goals = tool("trust_goals")

    def power(*found):
        return goals.goals_of(goals.Measured([], [each for some in found for each in some], []))[1]

    found, doubt = comparisons("FASTER", 42, 1.02, (1.01, 1.03)), comparisons("INCONCLUSIVE", 6, 1.02)
    assert power(found, doubt)[0] == "a change of 2 % found where decided"
    assert power(found, doubt).seen == "42 of 42, 100 %; 6 of 48 undecided"
    assert power(found, doubt).bound == "at least 93.1 %"
    assert "6 of 48 undecided" in goals.summary([power(found, doubt)])
    assert (power(doubt).seen, power(doubt).bound) == ("6 of 6 undecided", "")
    assert power([]).came == goals.NOTHING


def test_a_goal_that_asks_for_the_rate_is_met_by_it_and_says_where_its_bound_is_not_there_yet(tool):
    goals = tool("trust_goals")
    same = [each for _, each in comparisons("EQUIVALENT", 120)]
    found = comparisons("FASTER", 42, 1.02, (1.01, 1.03))
    alarms, power, signs, coverage, disturbed = goals.goals_of(goals.Measured(same, found, same))
    assert alarms.word == "open"  # it asks for the bound, and 120 can't show it
    assert {power.word, coverage.word, disturbed.word} == {"met; the bound is not yet"}
    assert (disturbed.seen, disturbed.bound) == ("0 of 120, 0 %", "at most 2.5 %")
    assert (signs.word, signs.asked, signs.bound) == ("met", "none seen", "at most 6.9 %")
    heading, _, *rows = goals.goals_table([disturbed]).splitlines()
    assert [cell.strip() for cell in heading.split("|")[1:-1]] == ["what", "asked for", "seen", "bound (95 %)", ""]
    assert "| 0 of 120, 0 % | at most 2.5 % | met; the bound is not yet |" in rows[0]


def test_of_what_is_invalid_nothing_can_be_wrong_and_it_counts_for_no_bound(tool):
    goals = tool("trust_goals")
    same = [each for _, each in comparisons("EQUIVALENT", 290) + comparisons("INVALID", 150)]
    changed = comparisons("FASTER", 42, 1.02, (1.01, 1.03)) + comparisons("INCONCLUSIVE", 8, 1.02)
    alarms, _, signs, _, disturbed = goals.goals_of(goals.Measured(same, changed, same[140:]))
    assert (alarms.seen, alarms.bound, alarms.word) == (
        "0 of 290, 0 %; 150 of 440 INVALID",
        "at most 1.0 %",
        "met",
    )
    assert (disturbed.seen, disturbed.bound) == ("0 of 150, 0 %; 150 of 300 INVALID", "at most 2.0 %")
    assert (signs.seen, signs.bound) == ("0 of 42, 0 %; 8 of 50 told without a sign", "at most 6.9 %")
    invalid = [each for _, each in comparisons("EQUIVALENT", 100) + comparisons("INVALID", 300)]
    assert goals.goals_of(goals.Measured(invalid, [], []))[0].word == "open"  # 100 can't show it


def test_the_summary_says_what_is_kept_what_is_missed_and_what_is_open(tool):
    goals = tool("trust_goals")
    made = [goals.Goal("alarms", "at most 1", "0 of 300", "at most 1 %", word) for word in ("met", "met")]
    told = "alarms: 0 of 300 (95 % bound: at most 1 %)"
    assert goals.summary(made) == f"All that is asked for is kept: {told}; {told}."
    words = ("met", "met; the bound is not yet", "missed", "open")
    mixed = [goals.Goal("a", "b", "c", "", word) for word in words]
    assert goals.summary(mixed) == (
        "Kept: a: c. Kept by the rate that was seen, as is asked for, though not yet by its bound: a: c. "
        "Missed: a: c, where b is asked for. Too few comparisons to say: a: c."
    )


def test_the_table_of_other_harnesses_counts_what_each_calls_different(tool):
    others = tool("others")
    found = [
        others.Other("asv", 32, 0, 1.0, 1.05, True, 4.0),
        others.Other("asv", 32, 0, 1.02, 1.02, False, 4.0),
        others.Other("pytest-benchmark", 32, 0, 1.0, 1.0, None, 4.0),
        others.Other("pytest-benchmark", 32, 0, 1.02, 1.03, None, 4.0),
    ]
    asv, pytest_benchmark = others.others_table(found).splitlines()[2:]
    assert "1 / 1" in asv
    assert "0 / 1" in asv
    assert "4.9 %" in asv
    assert "no rule" in pytest_benchmark


def test_all_harnesses_are_given_identical_code_and_two_percent(tool):
    others = tool("others")
    assert {pair.truth for pair in others.pairs()} == {1.0, 1.02}
    arms = importlib.import_module("others_arms")
    for pair in others.pairs():
        assert callable(getattr(arms, pair.a))
        assert callable(getattr(arms, pair.b))
        arms.prepared(pair.b, 4)()


def test_the_simulated_table_sums_its_worlds(tool):
    pages = tool("trust_pages")
    same = Tally(1.0, 10, equivalent=9, faster=1, intervals=10, covered=9, width=0.004)
    changed = [Tally(truth, 5, faster=5, intervals=5, covered=5, width=0.004) for truth in (1.02, 1.01)]
    tallies = (same, changed[0], changed[0], changed[1], changed[1])
    table = pages.simulated_table([pages.Simulated(name, "noise.", tallies) for name in ("one", "two")])
    last = next(line for line in table.splitlines() if line.startswith("| all"))
    assert "2 / 20" in last
    assert "58 / 60" in last


def test_an_unknown_part_is_refused(tool, capsys):
    with pytest.raises(SystemExit) as error:
        tool("validate").main(["speed"])
    assert error.value.code == 2
    assert "no part 'speed'" in capsys.readouterr().err


def test_the_page_s_tables_are_those_of_the_kept_results(tool):
    """docs/trust.md is generated: nobody has typed a figure."""
    pages, validate = tool("trust_pages"), tool("validate")
    text = (TOOLS.parent / "docs" / "trust.md").read_text(encoding="utf-8")
    kept = msgspec.json.decode((validate.RESULTS / pages.SIMULATED).read_bytes(), type=tuple[pages.Simulated, ...])
    assert pages.simulated_table(kept) in text
    parts = pages.tables(kept, validate.stored(validate.RESULTS), validate.kept_others(validate.RESULTS))
    assert all(part in text for part in parts.values())
