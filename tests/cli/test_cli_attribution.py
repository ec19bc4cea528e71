"""Which idea made it fast, as a user asks: shown from what is kept, or measured, or refused in a sentence."""

import contextlib
import json
import math

import msgspec
import pytest
from attribution_examples import TOLD, arm_of, invented
from cli_driver import complains
from cli_inside import inside

from matbench.cli import attribution as command
from matbench.cli.credits import FOLDER
from matbench.cli.run_work import Work
from matbench.kernels import Registry
from matbench.kernels.gemm.variants import variants
from matbench.kernels.jit import numba_missing
from matbench.measure import attribution as planning
from matbench.model import Host
from matbench.record.store import keep, read_record

needs_numba = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))
ASKED = ("explain", "--attribution")


@pytest.fixture
def reader(user, monkeypatch):
    """Somebody on the machine of the invented records; what would be measured is refused."""
    monkeypatch.setattr(command, "read_host", lambda: Host(host_id="here"))
    return inside(user)


@pytest.fixture
def owner(reader):
    """The same, with attributions at two sizes."""
    for each in (invented(noise=0.05), invented(n=1024, noise=0.05, slow=(frozenset(), frozenset({"order"})))):
        keep(each, reader.folder / "results" / FOLDER)
    return reader


def test_what_is_kept_of_this_machine_at_that_size_is_shown(owner):
    before = owner.files
    done = owner.does(*ASKED, "--n", "64")
    assert done.code == 0, done.err
    assert "| the foot" in done.out
    assert "the idea of simd" in done.out
    assert "51 combinations of the ideas, measured in 18 interleaved rounds" in done.out
    assert "measure anew: matbench explain --attribution --measure --n 64 --dtype float64" in done.err
    assert owner.files == before


def test_without_a_size_it_is_1024_where_the_foot_is_predicted(owner):
    told = json.loads(owner.does(*ASKED, "--json").out)
    assert (told["n"], told["predicted"], told["steps"][0]["predicted"]) == (1024, 2, True)


def test_programs_get_credits_that_multiply_to_the_total(owner):
    told = json.loads(owner.does(*ASKED, "--n", "64", "--json").out)
    assert [each["idea"] for each in told["credits"]] == list(TOLD)
    for way in ("factor", "told"):
        product = math.prod(each[way]["estimate"] for each in told["credits"])
        assert product == pytest.approx(told["total"]["estimate"])


def test_a_record_can_be_named_wherever_it_was_measured(reader):
    foreign = invented(host="elsewhere")
    keep(foreign, reader.folder / "results" / FOLDER)
    told = json.loads(reader.does(*ASKED, foreign.header.id, "--json").out)
    assert told["record"] == foreign.header.id


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), "no attribution is kept, so 'nothing' is none; measure one: matbench explain"),
        (("numba_gemm",), "about all ideas together, and numba_gemm is one rung; leave it out: matbench explain"),
        (("one", "two"), "--attribution takes one record at most; leave out 'two'"),
        (("some", "--measure"), "a record is shown as it is"),
        (("--dtype", "int64"), "no ideas can be told apart in int64; use float64 or float32"),
        (("--dtype", "float16"), "no dtype 'float16'"),
        (("--n", "99999999"), "out of range"),
        (("--n", "0"), "invalid value for '--n'"),
        (("--budget", "5s"), "give at least 45s"),
        (("--budget", "soon"), "'soon' is no duration"),
        (
            ("--resume",),
            "no attribution of this machine was interrupted; begin one with matbench explain --attribution",
        ),
        (("--resume", "--n", "64"), "leave out --n, --dtype and --budget"),
        (("--accuracy",), "ask one at a time"),
        (("--blas", "libother.so"), "--attribution is about the generated product alone; leave out --blas"),
    ],
)
def test_a_request_that_is_off_is_refused_in_one_sentence(reader, arguments, words):
    complains(reader.does(*ASKED, *arguments), words)
    assert reader.files == []


def test_what_belongs_to_an_attribution_is_refused_elsewhere(reader):
    complains(reader.does("explain"), "name one of the kernels that matbench list tells, or ask for --attribution")
    for more in (("--measure",), ("--budget", "2m"), ("--resume",)):
        for asked in (("numba_ijk",), ("--accuracy",), ()):
            complains(reader.does("explain", *asked, *more), "belong to --attribution; leave them out")


@needs_numba
def test_a_size_that_takes_more_than_an_hour_is_refused_before_anything_is_written(reader):
    done = reader.does(*ASKED, "--n", "16384", "--measure")
    assert done.code == 2
    assert "n = 16384 would take about" in done.err
    assert reader.files == []


@needs_numba
@pytest.mark.xdist_group("measure")
def test_where_nothing_is_kept_it_is_measured_stored_drawn_and_shown(user, monkeypatch):
    reader = inside(user)
    interpreted = Registry(each for each in variants() if not each.compiled)
    monkeypatch.setattr(command, "variants", lambda: interpreted)
    monkeypatch.setattr(command, "alone", contextlib.nullcontext)
    monkeypatch.setattr(planning, "PROCESSES", 1)
    done = reader.does(*ASKED, "--n", "8")
    assert done.code == 0, done.err
    assert "nothing is kept of this machine at n = 8 in float64: it is measured now" in done.err
    assert "loop order" in done.out
    (path,) = (reader.folder / "results" / FOLDER).glob("records/*/*.jsonl")
    record = read_record(path)
    assert record.is_complete
    assert {each.case.kernel for each in record.measurements} == {"ideas.none", "ideas.order"}
    assert record.header.plan.command == "matbench explain --attribution --measure --n 8 --dtype float64"
    assert len([name for name in reader.files if "credit-float64" in name]) == 4
    assert reader.does("validate", f"results/{FOLDER}").code == 0
    complains(reader.does("show"), "run `matbench run` first")  # what is kept apart is no run
    again = reader.does(*ASKED, "--n", "8")
    assert "it is measured now" not in again.err
    assert ("measure anew" in done.err, "measure anew" in again.err) == (False, True)
    assert again.out == done.out
    assert arm_of(frozenset())[0] == record.header.plan.base


def test_rounds_of_one_process_are_told_as_such(reader):
    keep(invented(processes=1, rounds=9, noise=0.05), reader.folder / "results" / FOLDER)
    told = reader.does(*ASKED, "--n", "64").out
    assert "measured in 9 interleaved rounds of one process" in told
    assert "another process may lie outside them" in told


@needs_numba
def test_a_budget_too_short_for_one_round_is_refused_before_anything_is_written(reader):
    complains(reader.does(*ASKED, "--budget", "45s"), "one round at n = 1024 takes about", "give a longer --budget")
    assert reader.files == []


def test_what_was_begun_with_a_budget_goes_on_without_one_and_says_so(reader, monkeypatch):
    record = invented()
    plan = msgspec.structs.replace(record.header.plan, command="matbench explain --attribution --budget 60s")
    work = Work(msgspec.structs.replace(record.header, plan=plan), plan.blocks)
    monkeypatch.setattr(command, "variants", lambda: Registry([]))
    monkeypatch.setattr(command, "incomplete_records", lambda *_: ["one"])
    monkeypatch.setattr(command, "resumed_work", lambda *_: work)
    monkeypatch.setattr(command, "_measured", lambda *_: 0)
    assert "what is left is measured without a time limit" in reader.does(*ASKED, "--resume").err
