"""The code that measures the roofs computes what it says it does."""

import inspect

import numpy as np
import pytest

from matbench.kernels.ceilings import (
    CHAINS,
    fma_chains,
    level_array,
    level_stream,
    read_stream,
    stream_arrays,
    triad_stream,
    vector_lanes,
    why_no_chains,
)
from matbench.kernels.machine_code import census, hot_loop
from matbench.model import ITEMSIZE

pytestmark = [
    pytest.mark.xdist_group("ceilings"),
    pytest.mark.skipif(why_no_chains() is not None, reason=str(why_no_chains())),
]
FLOATS = ("float64", "float32")


@pytest.mark.parametrize("dtype", FLOATS)
def test_vector_widths_double_from_one_element_to_a_register(dtype):
    lanes = vector_lanes(dtype)
    assert lanes == tuple(2**power for power in range(len(lanes)))
    assert lanes[-1] * ITEMSIZE[dtype] in {8, 16, 32, 64}


def test_single_precision_has_twice_the_lanes():
    assert vector_lanes("float32")[-1] == 2 * vector_lanes("float64")[-1]


@pytest.mark.parametrize(("dtype", "lanes"), [(dtype, lanes) for dtype in FLOATS for lanes in vector_lanes(dtype)])
def test_every_lane_of_every_chain_takes_part(dtype, lanes):
    run, flops = fma_chains(dtype, lanes)
    assert flops == 2 * CHAINS * lanes
    # Chain i starts at 2 + i; each step halves its distance from 1.
    starts = np.arange(2.0, 2.0 + CHAINS)
    for count in (1, 2, 3, 10):
        assert run(1, count) == pytest.approx(lanes * (1 + (starts - 1) / 2**count).sum(), rel=1e-6)
    assert run(1, 200) == CHAINS * lanes


def test_chains_are_kept_on_disk_only_where_they_are_asked_to_be_and_enclose_nothing_but_numbers(monkeypatch, tmp_path):
    config = pytest.importorskip("numba").config
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    lanes = vector_lanes("float64")[0]
    for kept in (False, True):
        run, _ = fma_chains("float64", lanes, kept=kept)
        assert run(1, 200) == run(2, 200) / 2 == CHAINS * lanes
        assert bool(list(tmp_path.rglob("*.nbi"))) is kept
    for function in ("alone", "parallel"):
        # By what is enclosed Numba knows a function again: another process has the same numbers, and no same object.
        enclosed = inspect.getclosurevars(inspect.getclosurevars(run).nonlocals[function].py_func).nonlocals
        assert {type(each) for each in enclosed.values()} == {int}


def test_every_thread_runs_the_chains():
    run, _ = fma_chains("float64", vector_lanes("float64")[-1])
    assert run(3, 200) == 3 * run(1, 200)


def test_the_streams_read_and_write_every_element():
    a, b, c = stream_arrays(10_001)
    assert read_stream(a) == 10_001
    b[:], c[:] = np.arange(b.size), -1
    triad_stream(a, b, c)
    np.testing.assert_array_equal(a, b - 3)
    assert read_stream(b) == b.sum()


def test_rows_of_a_level_begin_with_a_line_and_their_lengths_are_as_asked():
    for threads in (1, 3):
        arrays = level_array(threads, 7 * 768)
        assert arrays.shape == (threads, 7 * 96)
        assert arrays.ctypes.data % 64 == 0
        assert (arrays == 1).all()


def test_a_sweep_reads_every_element_of_each_row_and_a_triad_makes_its_first_third_of_the_others():
    stream, multiple = level_stream()
    lanes = multiple // CHAINS // 8
    arrays = level_array(2, 3 * multiple)
    numbers = np.arange(arrays.size).reshape(arrays.shape)
    arrays[:] = numbers
    # The sum of one lane comes back, so that no load may be left out.
    assert stream(arrays, 1, False) == numbers[:, ::lanes].sum()
    assert stream(arrays, 4, False) == 4 * numbers[:, ::lanes].sum()
    stream(arrays, 2, True)
    _, second, third = np.split(numbers, 3, axis=1)
    np.testing.assert_array_equal(arrays, np.concatenate([second + 3 * third, second, third], axis=1))


def test_a_sweep_is_made_of_whole_vectors_and_nothing_is_left_out_of_it():
    stream, multiple = level_stream()
    stream(level_array(1, 3 * multiple), 1, False)
    text = stream.inspect_asm(stream.signatures[0])
    loop = census(hot_loop(text, "float64"), "float64")
    assert loop.width == multiple // CHAINS
    assert (loop.packed % CHAINS, loop.scalar, loop.stack) == (0, 0, 0)
