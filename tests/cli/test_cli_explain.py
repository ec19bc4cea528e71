"""A rung explained: idea, source, machine code, ceiling; for people and for programs."""

import json
import platform

import pytest
from cli_driver import complains
from cli_inside import inside

from matbench.kernels import default_registry
from matbench.kernels.jit import numba_missing
from matbench.operations import OPERATIONS

needs_numba = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


@pytest.fixture
def reader(user):
    """Somebody without any record."""
    return inside(user)


def test_without_a_record_the_command_that_makes_one_is_named(reader):
    done = reader.does("explain", "python_lists")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# python_lists: ")
    assert "there is none yet: matbench run --kernels python_lists" in done.out


@needs_numba
def test_a_compiled_rung_shows_its_source_and_the_census_of_its_own_machine_code(reader):
    done = reader.does("explain", "numba_ikj")
    assert done.code == 0
    assert "for j in range(n):\n                out[i, j] += scale * b[p, j]" in done.out
    assert "| arithmetic instructions" in done.out
    assert "Its hot loop, the innermost that does most an iteration, works on" in done.out


@needs_numba
@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="what is expected is expected of x86-64")
def test_programs_get_the_counts_of_the_hot_loop(reader):
    told = json.loads(reader.does("explain", "numba_ijk", "--dtype", "float32", "--json").out)
    loop = told["machine_code"]["hot_loop"]
    assert loop["scalar"] > 0
    assert (loop["packed"], loop["fused"], loop["width_bits"], loop["stack"]) == (0, 0, 0, 0)
    assert told["machine_code"]["widest_bits"] >= 128
    assert (told["name"], told["dtype"], told["operation"]) == ("numba_ijk", "float32", "matmul")
    assert (told["record"], told["measurements"]) == (None, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("python_lists",), "It has none of its own: "),
        (("numpy_rows",), "It is not ours: what runs are the compiled loops of NumPy"),
        (("numpy_matmul",), "It is not ours: NumPy "),
        (("numpy_matmul", "--dtype", "int64"), "for no BLAS has any for integers"),
        (("numpy_svd",), "It is not ours: NumPy "),
    ],
)
def test_a_rung_that_is_not_compiled_says_whose_machine_code_runs(reader, arguments, words):
    done = reader.does("explain", *arguments)
    assert done.code == 0
    assert words in done.out


def test_a_library_that_is_called_directly_is_named(reader):
    names = [row["name"] for row in json.loads(reader.does("list", "--operations", "matmul", "--json").out)]
    (name, *_) = [name for name in names if name.startswith("blas_")] or pytest.skip("no BLAS is loaded that can be")
    done = reader.does("explain", name)
    assert "called directly, past NumPy." in done.out
    assert "def matmul(a: Array, b: Array, out: Array) -> None:" in done.out


@pytest.mark.parametrize("made", list(default_registry(*OPERATIONS)), ids=lambda made: made.name)
def test_every_rung_has_an_idea_a_text_and_a_source(made):
    from matbench.cli.explain import source_of, text_of

    assert text_of(made)
    assert made.name in (source_of(made, made.dtypes[0]) or "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nope",), ["no kernel 'nope'; there are: ", "which matbench list tells"]),
        (("numba_ikj_fma", "--dtype", "int64"), ["numba_ikj_fma does not compute in int64; it does in float64"]),
        (("numba_ikj", "--dtype", "float16"), ["no dtype 'float16'"]),
        (("python_lists", "nowhere"), ["there is no record under results"]),
    ],
)
def test_a_request_that_is_off_is_refused_in_one_sentence(reader, arguments, words):
    complains(reader.does("explain", *arguments), *words)


@pytest.mark.xdist_group("measure")
def test_a_record_tells_which_ceiling_the_rung_runs_into(tiny):
    reader = inside(tiny.user)
    done = reader.does("explain", "numpy_matmul", "--n", "16")
    assert done.code == 0, done.err
    assert "n = 16 (float64), 1 thread: " in done.out
    assert "numpy_matmul on 1 thread at n = 16 (float64) " in done.out
    told = json.loads(reader.does("explain", "numpy_matmul", "--n", "16", "--json").out)
    assert told["record"] == tiny.path.stem
    assert {each["n"] for each in told["measurements"]} == {16}
    assert told["measurements"][0]["ceiling"]["name"] == "FMA peak"
    complains(reader.does("explain", "numpy_matmul", "--n", "17"), "was not measured at n = 17", "there are: 8, 16")
    absent = reader.does("explain", "python_arrays")
    assert "has no time of python_arrays in float64; measure it: matbench run --kernels python_arrays" in absent.out
