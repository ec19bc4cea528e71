"""What the two processes say to each other arrives as it was said."""

from __future__ import annotations

import msgspec
import pytest
from measure_fakes import block_of, cases_of, plan_of
from pairs_fakes import cell_of, job_of

from matbench.kernels import default_registry
from matbench.measure.plan import Request, make_plan
from matbench.measure.protocol import (
    ENCODER,
    Finished,
    Go,
    Hello,
    Job,
    Message,
    Order,
    PairJob,
    Pause,
    Started,
    decode_message,
    decode_order,
)
from matbench.model import Caches, Ceiling, Library, Measurement, Samples
from matbench.pairing import PairBlock, PairProcess, Refusal, Sample

LIBRARIES = (Library(api="blas", name="openblas", version="0.3.29", filename="libopenblas.so"),)
(CASE,) = cases_of([block_of(8, ("par", 2), dtype="int64")])
SAMPLES = Samples(loops=(3,), elapsed_ns=(2_000_000,), process=(0,), round=(4,))
MESSAGES = (
    Hello(libraries=LIBRARIES),
    Started(what="par compiles", allowed_s=60.0, case=CASE, whole_kernel=True),
    Started(what="memory bandwidth", allowed_s=1.5),
    Pause(block=2, left_s=0.25),
    Finished(threading_layer=None, libraries=()),
    Finished(threading_layer="omp", libraries=LIBRARIES),
    Measurement(case=CASE, samples=SAMPLES, first_call_ns=7, error=0.5),
    Measurement(case=CASE, outcome="ended", reason="par was ended µ\n×"),
    Ceiling(kind="fma", dtype="float32", lanes=16, threads=2, work=768, samples=SAMPLES),
    Ceiling(kind="triad", dtype="float64", lanes=1, threads=1, work=1, reason="no room"),
    PairBlock(1, 2, 3, 4, (Sample("a", 5, 6, 7, 8, 9, 10), Sample("c", 5), Sample("b", 2**62)), 11),
    PairProcess(2, 3, cpu=1, padding=4, offset=64, errors=((1, "a", 0.5),)),
    PairProcess(2, 3, void="it took the sampling process down with it (signal 11)"),
    Refusal(1, "wrong", "mine.py:f raised ValueError: µ\n×"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_a_message_is_one_line_and_arrives_as_it_was_sent(message):
    line = ENCODER.encode(message)
    assert b"\n" not in line
    assert decode_message(line + b"\n") == message


def test_every_kind_of_message_is_tried():
    assert {type(each) for each in MESSAGES} == set(Message.__args__)
    assert {Job, PairJob, Go} == set(Order.__args__)


@pytest.mark.parametrize("order", [Go(), Go(stop=True)])
def test_leave_to_go_on_arrives_as_it_was_given(order):
    assert decode_order(ENCODER.encode(order)) == order


@pytest.mark.parametrize("preset", ["quick", "full"])
def test_a_whole_job_arrives_as_it_was_given(preset):
    plan = make_plan(Request(preset=preset), default_registry(), 4).plan
    job = Job(
        plan=plan,
        blocks=plan.blocks[1:],
        process=1,
        seconds=17.25,
        memory_bytes=2**33,
        caches=Caches(l1d=2**15, l2=None),
    )
    assert decode_order(ENCODER.encode(job)) == job


def test_the_job_of_a_comparison_arrives_as_it_was_given():
    job = job_of(cell_of(8), cell_of(16, threads=2), sources={"mine.py:f": "/a b/mine.py:f"}, compiled="/a b/x")
    assert decode_order(ENCODER.encode(job)) == job


def test_an_order_is_no_message_nor_the_reverse():
    with pytest.raises(msgspec.ValidationError):
        decode_message(ENCODER.encode(Go()))
    with pytest.raises(msgspec.ValidationError):
        decode_order(ENCODER.encode(Pause(block=0, left_s=1.0)))


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"hello", b'{"type":"pause"}', b'{"type":"go","stop":true,"more":1}', b"[]"]
)
def test_anything_else_is_refused(line):
    with pytest.raises(msgspec.DecodeError):
        decode_message(line)
    with pytest.raises(msgspec.DecodeError):
        decode_order(line)


def test_a_plan_of_a_job_keeps_the_limits_of_the_model():
    job = Job(plan=plan_of(rounds=0), blocks=(), process=0, seconds=1.0, memory_bytes=1, caches=Caches())
    with pytest.raises(msgspec.ValidationError, match="rounds"):
        decode_order(ENCODER.encode(job))
