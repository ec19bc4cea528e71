"""What is shown while something is measured: how far it is, of as much as is known beforehand."""

from __future__ import annotations

from matbench.cli.console import _Lines
from matbench.cli.pair import _doing as doing_of_a_pair
from matbench.cli.running import _doing as doing_of_a_run
from matbench.measure.pairs import PairProgress
from matbench.measure.session import Progress
from matbench.model import Problem
from matbench.pairing import Settings


def test_processes_beyond_the_first_round_are_not_counted_of_a_number_that_grows():
    settings = Settings(processes=12, most_processes=32)

    def doing(ended, expected):
        return doing_of_a_pair(PairProgress(ended, expected, 0, 1, 1.0), settings)

    assert (doing(0, 12), doing(11, 12)) == ("process 1 of 12", "process 12 of 12")
    assert doing(12, 16) == "process 13, for narrower intervals (at most 32)"
    assert doing(26, 28) == "process 27, for narrower intervals (at most 32)"


def test_a_run_is_done_when_its_last_process_is():
    assert doing_of_a_run(Progress(3, 9, 1.0, Problem(8, 8, 8), 2, 3)) == "float64 n = 8, process 2 of 3"
    assert doing_of_a_run(Progress(6, 9, 1.0, None, 2, 3)) == "process 2 of 3 done"
    assert doing_of_a_run(Progress(9, 9, 0.0, None, 3, 3)) == "done"
    assert doing_of_a_run(Progress(2, 2, 0.0)) == "done"


def test_each_step_is_a_line_and_no_more_than_all_are_counted(capsys):
    lines = _Lines(2)
    for done in (0, 0, 1, 2, 3):
        lines(done, f"step {done}", 61.0)
    assert capsys.readouterr().err.splitlines() == [
        "[0/2] step 0  1:01 left",
        "[1/2] step 1  1:01 left",
        "[2/2] step 2  1:01 left",
        "[2/2] step 3  1:01 left",
    ]
