"""A measurement from Python that ends early: what was measured by then is told, and a warning says what is missing."""

from __future__ import annotations

import contextlib

import pytest

from matbench import api, crediting
from matbench.errors import IncompleteError, RecordError
from matbench.kernels.jit import numba_missing
from matbench.measure.plan import cases_of
from matbench.measure.session import Session
from matbench.model import Measurement, Samples

REASON = "ended early: something in sampling process 3 of 6 could not be started before its first block; free memory"
needs_numba = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


@pytest.fixture
def ending(monkeypatch):
    """Make sessions end early: after so many processes that have sampled so many of the cases, the last one fewer."""

    def end(processes, cases=None, last=None):
        def run(session):
            for process in range(processes):
                most = last if last is not None and process == processes - 1 else cases
                for number, case in enumerate([each for block in session.blocks for each in cases_of(block)][:most]):
                    samples = Samples((1, 1), (1000 + number, 1100 + number), (process,) * 2, (0, 1))
                    yield Measurement(case=case, samples=samples)
            raise IncompleteError(REASON)

        monkeypatch.setattr(Session, "run", run)

    monkeypatch.setattr(api, "alone", contextlib.nullcontext)
    return end


def quick():
    return api.quick(n=8, kernels="python_lists,numpy_einsum,numpy_matmul", threads=[1], budget_s=4.0)


def test_a_quick_ladder_keeps_the_rows_that_it_has_and_names_the_others(ending):
    ending(1, cases=1)
    with pytest.warns(
        RuntimeWarning, match=r"^the run ended early: .*; what is told .* of numpy_einsum, numpy_matmul$"
    ):
        table = quick()
    assert {row.case.kernel: (row.seconds is not None, row.skipped) for row in table.rows} == {
        "python_lists": (True, None),
        "numpy_einsum": (False, "the run ended before it was measured"),
        "numpy_matmul": (False, "the run ended before it was measured"),
    }


def test_where_every_row_is_there_rounds_are_missing(ending):
    ending(1)
    with pytest.warns(RuntimeWarning, match=r"free memory; what is told rests on fewer rounds than planned$") as caught:
        assert all(row.seconds is not None for row in quick().rows)
    assert caught[0].filename == __file__  # it is about the call that was made here


def test_of_what_has_measured_nothing_nothing_is_told(ending):
    ending(0)
    with pytest.raises(IncompleteError, match=r"^the run ended early: something in sampling process 3 of 6 .* free"):
        quick()


@needs_numba
def test_an_attribution_keeps_the_processes_that_it_has(ending):
    ending(2)
    with pytest.warns(RuntimeWarning, match=r"what is told rests on 2 of 6 processes$") as caught:
        found = crediting.attribution(8)
    assert (found.processes, found.rounds) == (2, 4)
    assert found.total.low is None  # two processes have no interval
    assert caught[0].filename == __file__


@needs_numba
def test_where_a_process_was_cut_in_its_middle_the_fewest_are_told_as_well(ending):
    ending(3, last=20)
    with pytest.warns(RuntimeWarning, match=r"what is told rests on 2 to 3 of 6 processes$"):
        assert crediting.attribution(8).processes == 2


@needs_numba
def test_what_was_given_up_without_a_sample_does_not_count_among_the_fewest(ending, monkeypatch):
    ending(2, cases=40)
    sampled = Session.run

    def run(session):
        yield Measurement([each for block in session.blocks for each in cases_of(block)][-1], "ended", "it hung")
        yield from sampled(session)

    monkeypatch.setattr(Session, "run", run)
    with (
        pytest.warns(RuntimeWarning, match="what is told rests on 2 of 6 processes, and nothing is known of ideas"),
        pytest.raises(RecordError),
    ):
        crediting.attribution(8)


@needs_numba
def test_an_attribution_that_lacks_a_combination_says_so(ending):
    ending(1, cases=40)
    with (
        pytest.warns(RuntimeWarning, match="nothing is known of ideas"),
        pytest.raises(RecordError, match=r"no time of ideas\..* \(the run ended before it was measured\)"),
    ):
        crediting.attribution(8)
