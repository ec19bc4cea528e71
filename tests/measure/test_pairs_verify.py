"""What an arm is looked at for before it is timed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest

from matbench.measure.clock import SimulatedClock, SystemClock
from matbench.measure.pairs_arms import Bound, style_of
from matbench.measure.pairs_refusal import RefusedError
from matbench.measure.pairs_verify import placed_operands, verified
from matbench.model import DTYPES, Problem


class Forks:
    """As many as it is told."""

    seen = 0


def check(function, dtype="float64", n=8, forks=None, clock=None):
    matrices = placed_operands(Problem(n, n, n, dtype, seed=1), (64, 128, 192))
    bound = Bound(function, style_of(function))
    return verified(bound, matrices, threads=1, clock=clock or SystemClock(), forks=forks or Forks())


def refused(function, **options):
    with pytest.raises(RefusedError) as caught:
        check(function, **options)
    return caught.value


def right(a, b, out):
    np.matmul(a, b, out=out)


def test_a_product_passes_with_its_error():
    assert 0 <= check(right).error <= 1
    assert 0 <= check(lambda a, b: a @ b).error <= 1


def raising(*_):
    raise ValueError("no")


def leaving(*_):
    sys.exit(1)


def printing(a, b, out):
    sys.stdout.write("hello")
    right(a, b, out)


def complaining(a, b, out):
    sys.stderr.write("hello")
    right(a, b, out)


def changing(a, b, out):
    right(a, b, out)
    a += 1


def lazy(*_):
    pass


def returning_beside(a, b, _out):
    return a @ b


def filling(_a, _b, out):
    out.fill(np.nan)


def interrupting(*_):
    raise KeyboardInterrupt


def off(a, b, out):
    right(a, b, out)
    out[0, 0] += 1e-3


def returning_none(_a, _b):
    pass


def returning_transposed(a, b):
    return (a @ b)[:-1]


def returning_operand(a, b):
    return a if b.size else b


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raising, "raised ValueError: no"),
        (leaving, "raised SystemExit: 1"),
        (printing, "prints ('hello')"),
        (complaining, "prints ('hello')"),
        (changing, "changes its operands"),
        (interrupting, "raised KeyboardInterrupt"),
        (lazy, "changes nothing in out; write the product there, or take (a, b) alone and return it"),
        (returning_beside, "changes nothing in out"),
        (filling, "computes a wrong result"),
        (off, "computes a wrong result"),
        (returning_none, "returns NoneType, no array"),
        (returning_transposed, "returns an array of shape (7, 8), not (8, 8)"),
        (returning_operand, "returns memory of its operands"),
    ],
)
def test_what_an_arm_must_not_do_is_told_in_a_sentence(function, said):
    error = refused(function)
    assert str(error).startswith(said)
    assert error.outcome == "wrong"


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_left_as_it_was_is_known_from_what_is_written_into_it(dtype):
    assert str(refused(lazy, dtype=dtype)).startswith("changes nothing in out")
    assert str(refused(lambda _a, _b, out: out.fill(0), dtype=dtype)).startswith("computes a wrong result")


def only_single(a, b, out):
    if a.dtype != np.float32:
        raise TypeError("float32 only")
    right(a, b, out)


def test_an_arm_that_wants_another_dtype_is_told_which():
    error = refused(only_single)
    assert (str(error), error.outcome) == ("computes in float32, not in float64; say --dtype float32", "skipped")
    assert check(only_single, dtype="float32").error <= 1


def only_small(a, b, out):
    if len(a) > 16:
        raise ValueError("too large")
    right(a, b, out)


def test_an_arm_that_fails_at_this_size_only_is_not_blamed_for_its_dtype():
    assert str(refused(only_small, n=24)) == "raised ValueError: too large"


def test_an_arm_that_computes_in_less_than_it_is_given_is_told():
    error = refused(lambda a, b: (a @ b).astype(np.float32))
    assert str(error) == "returns float32 for float64 operands; say --dtype float32"


@pytest.mark.skipif(os.name != "posix", reason="nothing forks there")
def test_an_arm_that_starts_a_process_is_refused():
    started = []

    def starting(a, b, out):
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]))
        right(a, b, out)

    try:
        assert str(refused(starting)).startswith("starts another process")
    finally:
        for process in started:
            process.kill()
            process.wait()


CALLS_S = pytest.mark.parametrize("seconds", [0, 1], ids=["short", "long"])


@CALLS_S
@pytest.mark.skipif(os.name != "posix", reason="what has ended leaves no trace there")
def test_an_arm_whose_process_has_ended_when_it_returns_is_refused_all_the_same(seconds):
    clock = SimulatedClock()

    def starting(a, b, out):
        clock.advance(seconds * 10**9)
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        right(a, b, out)

    assert str(refused(starting, clock=clock)).startswith("starts another process")


@CALLS_S
@pytest.mark.skipif(os.name != "posix", reason="what has ended leaves no trace there")
def test_what_a_first_call_starts_to_compile_is_no_fault_however_long_it_takes(seconds):
    clock, compiled = SimulatedClock(), []

    def compiling(a, b, out):
        if not compiled:
            clock.advance(seconds * 10**9)
            compiled.append(subprocess.run([sys.executable, "-S", "-c", ""], check=True))
        right(a, b, out)

    found = check(compiling, clock=clock)
    assert found.error <= 1
    assert found.call_ns == 0


def test_a_fork_that_has_ended_is_noticed_all_the_same():
    forks = Forks()

    def forking(a, b, out):
        forks.seen += 1
        right(a, b, out)

    assert str(refused(forking, forks=forks)).startswith("starts another process")


@pytest.mark.parametrize("offsets", [(0, 0, 0), (64, 1024, 4032)])
def test_operands_lie_where_they_are_placed(offsets):
    matrices = placed_operands(Problem(5, 7, 3), offsets)
    assert tuple(each.ctypes.data % 4096 for each in (*matrices.inputs, matrices.out)) == offsets
    assert matrices.are_unchanged()
    matrices.inputs[1][0, 0] += 1
    assert not matrices.are_unchanged()


@pytest.mark.skipif(os.name != "posix", reason="descriptors are POSIX's")
def test_what_is_printed_past_python_is_noticed():
    def loud(a, b, out):
        os.write(1, b"debug\n")
        np.matmul(a, b, out=out)

    assert refused(loud).args[0].startswith("prints ('debug')")


def test_calls_are_made_in_the_context_that_is_given_and_its_refusal_is_passed_on():
    entered = []

    @contextlib.contextmanager
    def around():
        entered.append(1)
        yield
        if len(entered) > 1:
            raise RefusedError("can't be a baseline", "skipped")

    matrices = placed_operands(Problem(4, 4, 4), (0, 0, 0))
    with pytest.raises(RefusedError, match=r"^can't be a baseline$"):
        verified(Bound(right, "writes"), matrices, threads=1, clock=SystemClock(), forks=Forks(), around=around)
    assert len(entered) == 2
