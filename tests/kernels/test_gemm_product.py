"""The generated product: every switch, every layout, every edge, to the last byte of the operands."""

import dataclasses
import functools
import itertools
import json
import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from gemm_driver import B_IS, NO_LIMIT, Guarded, compiled, host_recipe, numbers_of, outcome_of, product_of, small_blocks
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from matbench.errors import KernelError
from matbench.kernels import default_registry
from matbench.kernels.gemm import intrinsics, microkernel, packing
from matbench.kernels.gemm.intrinsics import enter, leave
from matbench.kernels.gemm.product import SHALLOW, SPLIT_PAYS, generation, product
from matbench.kernels.gemm.recipe import Recipe, blocks_of
from matbench.kernels.oracle import check_laws, largest_error, operands
from matbench.kernels.tiling import Blocks
from matbench.model import Caches, Problem

pytestmark = pytest.mark.xdist_group("numba_gemm")
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
WHOLE = Blocks(NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT)


def integers(m, n, dtype, seed=0):
    return np.random.default_rng(seed).integers(-8, 9, (m, n)).astype(dtype)


@pytest.fixture
def threads():
    """Sets Numba's number of threads; as before afterwards."""
    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)
    assert numba.get_num_threads() == before


# -- every switch ------------------------------------------------------------------------------------------------------

FULL = host_recipe("float64")
SWITCHES = tuple(
    itertools.product(
        [1, FULL.lanes],
        [False, True],
        [(1, 1), (FULL.rows, FULL.vectors)],
    )
)


@pytest.mark.parametrize("packed", [False, True], ids=["", "packed"])
@pytest.mark.parametrize("blocked", [False, True], ids=["", "blocked"])
@pytest.mark.parametrize(("lanes", "fused", "tile"), SWITCHES)
def test_every_combination_of_switches_gives_exact_integers(lanes, fused, tile, packed, blocked):
    recipe = dataclasses.replace(FULL, lanes=lanes, fused=fused, rows=tile[0], vectors=tile[1])
    whole = small_blocks(recipe, "packed" if packed else "in place")
    blocks = whole if blocked else Blocks(NO_LIMIT, NO_LIMIT, NO_LIMIT, whole.small, whole.few)
    wide = recipe.lanes * recipe.vectors
    for m, n, k in ((1, 1, 1), (recipe.rows + 1, wide + 1, 3), (19, 2 * wide + 5, 13), (4, 7, 0), (3, wide, 40)):
        a, b = integers(m, k, "float64"), integers(k, n, "float64", seed=1)
        np.testing.assert_array_equal(product_of(recipe, blocks, a, b), a @ b, err_msg=f"{m} x {n} x {k}")


@pytest.mark.parametrize("b_is", B_IS)
@pytest.mark.parametrize(("lanes", "fused", "tile"), SWITCHES)
def test_every_combination_of_switches_obeys_the_laws_of_the_product(lanes, fused, tile, b_is):
    recipe = dataclasses.replace(FULL, lanes=lanes, fused=fused, rows=tile[0], vectors=tile[1])
    verdict = check_laws(lambda a, b, out: product_of(recipe, small_blocks(recipe, b_is), a, b, out), "float64")
    assert verdict.is_right, verdict.reason


def test_prefetching_and_whole_or_masked_vectors_change_nothing_but_time():
    recipe = host_recipe("float32")
    other = dataclasses.replace(recipe, prefetch=not recipe.prefetch, masks=not recipe.masks, unroll=3)
    for m, n, k in ((37, 61, 29), (8, 48, 16)):
        a, b, _ = operands(Problem(m=m, n=n, k=k, dtype="float32"))
        one, two = (product_of(each, small_blocks(each), a, b) for each in (recipe, other))
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"dtype": "int64"}, "use float64 or float32"),
        ({"lanes": 3}, "use a power of two"),
        ({"rows": 0}, "from 1 to"),
        ({"unroll": 1000}, "from 1 to"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_with_the_remedy(changes, remedy):
    with pytest.raises(KernelError, match=remedy):
        dataclasses.replace(FULL, **changes)


def test_a_switch_that_is_off_leaves_its_loop_uncut_or_its_operand_where_it_lies():
    caches = Caches(l1d=32 * 1024, l2=1024 * 1024)
    recipe = Recipe(dtype="float32", lanes=8, rows=4, vectors=3)
    blocks = blocks_of(recipe, caches)
    assert blocks.mc < blocks.kc < 2**20
    uncut = blocks_of(dataclasses.replace(recipe, blocked=False), caches)
    assert min(uncut[:3]) >= 2**40
    assert uncut[3:] == blocks[3:]
    unpacked = blocks_of(dataclasses.replace(recipe, packed=False), caches)
    assert min(unpacked[3:]) >= 2**40
    assert unpacked[:3] == blocks[:3]


# -- every shape and layout --------------------------------------------------------------------------------------------

extents = st.integers(0, 70)
distances = st.sampled_from([1, 2, 3, -1, -2])


@st.composite
def placed(draw, rows, columns, dtype):
    """A matrix anywhere in memory: any order, any distances, beginning at any byte."""
    swap = draw(st.booleans())
    down, across = draw(distances), draw(distances)
    shape = (columns, rows) if swap else (rows, columns)
    raw = np.full(
        (shape[0] * abs(down) + 1) * (shape[1] * abs(across) + 1) * np.dtype(dtype).itemsize + 8, 77, np.uint8
    )
    offset = draw(st.integers(0, 7))
    size = shape[0] * abs(down) * shape[1] * abs(across)
    base = raw[offset : offset + size * np.dtype(dtype).itemsize].view(dtype)
    view = base.reshape(shape[0] * abs(down), shape[1] * abs(across))[::down, ::across]
    return raw, (view.T if swap else view)


@dtypes
@given(data=st.data(), m=extents, n=extents, k=extents)
@settings(max_examples=150, deadline=None)
def test_any_shape_layout_and_alignment_gives_exact_integers_and_writes_nothing_else(dtype, data, m, n, k):
    recipe = host_recipe(dtype)
    (_, a), (_, b) = data.draw(placed(m, k, dtype)), data.draw(placed(k, n, dtype))
    raw, out = data.draw(placed(m, n, dtype))
    a[...], b[...] = integers(m, k, dtype), integers(k, n, dtype, seed=1)
    due = raw.copy()
    offset = out.__array_interface__["data"][0] - raw.__array_interface__["data"][0] if out.size else 0
    np.ndarray(out.shape, dtype, due, offset, out.strides)[...] = a @ b
    b_is = data.draw(st.sampled_from(B_IS))
    product_of(recipe, small_blocks(recipe, b_is), a, b, out)
    np.testing.assert_array_equal(raw, due)


@dtypes
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_numbers_stay_within_the_rounding_bound(dtype, data):
    recipe = host_recipe(dtype)
    m, n, k = (data.draw(st.integers(1, 40)) for _ in range(3))
    numbers = st.floats(-(2.0**15), 2.0**15, width=16)
    a = data.draw(hnp.arrays(dtype, (m, k), elements=numbers))
    b = data.draw(hnp.arrays(dtype, (k, n), elements=numbers))
    assert largest_error(a, b, product_of(recipe, small_blocks(recipe), a, b)) <= 1


@dtypes
@given(data=st.data(), m=extents, n=extents, k=extents)
@settings(max_examples=100, deadline=None)
def test_whatever_blocks_are_handed_over_the_result_is_right(dtype, data, m, n, k):
    recipe = host_recipe(dtype)
    cut, limit = st.integers(1, 70) | st.just(2**20), st.sampled_from([0, NO_LIMIT])
    blocks = Blocks(*(data.draw(each) for each in (cut, cut, cut, limit, limit)))
    orders = st.sampled_from("CF")
    a = np.asarray(integers(m, k, dtype), order=data.draw(orders))
    b = np.asarray(integers(k, n, dtype, seed=1), order=data.draw(orders))
    np.testing.assert_array_equal(product_of(recipe, blocks, a, b), a @ b)


# -- to the last byte --------------------------------------------------------------------------------------------------


def check_within(areas, recipe, blocks, extents, *, at_end):
    """The product of matrices that begin, or end, at pages that must not be touched."""
    m, n, k = extents
    a, b, out = (
        area.matrix(*shape, recipe.dtype, at_end=at_end)
        for area, shape in zip(areas, ((m, k), (k, n), (m, n)), strict=True)
    )
    a[...], b[...] = integers(m, k, recipe.dtype), integers(k, n, recipe.dtype, seed=1)
    np.testing.assert_array_equal(product_of(recipe, blocks, a, b, out), a @ b, err_msg=f"{m} x {n} x {k}")


@pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by a call that Windows does not have")
@pytest.mark.parametrize("b_is", B_IS)
@pytest.mark.parametrize("at_end", [False, True], ids=["first", "last"])
@dtypes
def test_nothing_beyond_the_operands_is_read_or_written_at_any_edge(dtype, at_end, b_is):
    recipe = host_recipe(dtype)
    blocks = small_blocks(recipe, b_is)
    areas = [Guarded(8) for _ in range(3)]
    wide = recipe.lanes * recipe.vectors
    rows = (*range(1, recipe.rows + 2), 2 * recipe.rows + 1)
    columns = sorted({1, 2, recipe.lanes - 1, recipe.lanes, recipe.lanes + 1, wide - 1, wide, wide + 1, 2 * wide + 1})
    for m, n, k in itertools.product(rows, columns, (1, recipe.unroll + 1)):
        if 0 not in {m, n}:
            check_within(areas, recipe, blocks, (m, n, k), at_end=at_end)


@pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by a call that Windows does not have")
@pytest.mark.parametrize("at_end", [False, True], ids=["first", "last"])
@dtypes
def test_a_b_that_is_packed_because_it_is_not_aligned_is_read_to_its_last_byte_and_no_further(dtype, at_end):
    recipe = host_recipe(dtype)
    blocks = blocks_of(recipe, Caches(l1d=48 * 1024, l2=2 * 1024 * 1024))
    areas = [Guarded(64) for _ in range(3)]
    wide, begins = recipe.lanes * recipe.vectors, SPLIT_PAYS * recipe.rows
    for m, n in itertools.product((begins - 1, begins, begins + 1), (wide + 1, 2 * wide - 1, 3 * wide + 2)):
        check_within(areas, recipe, blocks, (m, n, 2 * recipe.unroll + 1), at_end=at_end)


@pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by a call that Windows does not have")
@pytest.mark.parametrize("at_end", [False, True], ids=["first", "last"])
@dtypes
def test_flat_blocks_of_b_are_read_to_their_last_byte_and_no_further(dtype, at_end):
    recipe = host_recipe(dtype)
    wide = recipe.lanes * recipe.vectors
    blocks = Blocks(mc=recipe.rows, kc=4 * SHALLOW, nc=wide, small=0, few=0)
    areas = [Guarded(64) for _ in range(3)]
    for m, n, k in itertools.product((1, recipe.rows + 1), (wide + 1, 4 * wide, 5 * wide - 1), (SHALLOW + 1, 129, 200)):
        check_within(areas, recipe, blocks, (m, n, k), at_end=at_end)


# -- several threads ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two processors")
@dtypes
@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("extents", [(300, 200, 150), (2000, 9, 200), (3, 5000, 201)])
def test_two_threads_compute_what_one_does(dtype, layout, extents, threads):
    m, n, k = extents
    recipe = host_recipe(dtype)
    blocks = blocks_of(recipe, Caches(l1d=8 * 1024, l2=64 * 1024))
    a, b, out = operands(Problem(m=m, n=n, k=k, dtype=dtype, layout=layout))
    threads(1)
    alone = product_of(recipe, blocks, a, b, np.full_like(out, np.nan)).copy()
    threads(2)
    np.testing.assert_array_equal(product_of(recipe, blocks, a, b, out), alone)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two processors")
def test_a_product_within_a_parallel_product_is_computed_by_its_own_thread(threads):
    numbers = compiled(FULL)

    @numba.njit
    def while_another_is_at_work(given, limits):
        if not enter():
            return -1
        outcome = numbers(given, limits)
        leave()
        return outcome

    a, b, out = operands(Problem(m=200, n=200, k=200))
    for count in (2, 1):
        threads(count)
        out.fill(np.nan)
        assert while_another_is_at_work(numbers_of(a, b, out), WHOLE) == 0
        assert largest_error(a, b, out) <= 1
    assert outcome_of(FULL, WHOLE, a, b, out) == 0


THREADED = """
import json
import numba
import numpy as np
from matbench.kernels import default_registry
from matbench.model import Caches

numba.set_num_threads(2)
a = np.random.default_rng(0).integers(-8, 9, (200, 200)).astype(float)
right = []
for caches in (Caches(), Caches(l1d=4096, l2=32768)):
    out = np.full((200, 200), np.nan)
    default_registry().get("numba_gemm").bind("float64", caches)(a, a, out)
    right.append(bool(np.array_equal(out, a @ a)))
print(json.dumps(right))
"""


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two processors")
def test_what_only_some_products_take_is_compiled_when_one_does_and_found_again_whatever_the_blocks_are(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def fresh(text):
        done = subprocess.run([sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True)
        assert done.stderr == ""
        return json.loads(done.stdout)

    assert fresh(THREADED.replace("(200, 200)", "(20, 20)")) == [True, True]
    assert not any(".general-" in name or ".team-" in name for name in files_in(tmp_path))
    assert fresh(THREADED.replace("num_threads(2)", "num_threads(1)")) == [True, True]
    alone = files_in(tmp_path)
    assert any(".general-" in name for name in alone)
    assert not any(".team-" in name for name in alone)
    assert fresh(THREADED) == [True, True]
    together = files_in(tmp_path)
    assert {name for name in together - alone if name.endswith(".nbc")} == {
        name for name in together if ".team-" in name and name.endswith(".nbc")
    }
    assert fresh(THREADED) == [True, True]
    assert files_in(tmp_path) == together


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two processors")
@pytest.mark.parametrize(
    ("late", "told"), [("general", "what this product takes"), ("team", "what several threads run")]
)
def test_where_what_is_compiled_late_can_not_be_nothing_is_computed_in_silence(late, told):
    broken = f"lambda function: 1 / 0 if function.__name__ == {late!r} else kept(function)"
    setup = f"import matbench.kernels.gemm.product as made\nkept = made.address_of\nmade.address_of = {broken}\n"
    done = subprocess.run([sys.executable, "-c", setup + THREADED], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr
    assert f"{told} could not be compiled" in done.stderr


# -- what is kept on disk ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "name", "other"),
    [
        (microkernel._TileBody, "write_c", lambda _tile, _sums: None),
        (microkernel.Emitter, "vector_bytes", property(lambda _emit: 1)),
        (microkernel, "LINE", 128),
        (packing, "STRIPE", 8),
        (microkernel._TileBody.__init__, "__kwdefaults__", {"partial": True}),
        (intrinsics, "inner", functools.partial(numba.njit, nogil=True)),
        (sys.modules[generation.__module__], "_general", functools.cache(lambda: 0)),
    ],
    ids=["method", "property", "constant", "packing", "default", "options", "general"],
)
def test_machine_code_is_not_found_again_once_what_makes_it_has_changed(place, name, other, monkeypatch):
    before = generation.__wrapped__()
    monkeypatch.setattr(place, name, other)
    assert generation.__wrapped__() != before
    monkeypatch.undo()
    assert generation.__wrapped__() == before


def test_unchanged_code_has_the_same_generation_in_every_process():
    asked = "from matbench.kernels.gemm.product import generation; print(generation())"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", asked], env=environment, check=True, capture_output=True, text=True
        )
        assert int(done.stdout) == generation()


def test_where_nothing_can_be_kept_on_disk_it_multiplies_all_the_same(monkeypatch):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    matmul = product(FULL, WHOLE)
    a = integers(3, 3, "float64")
    out = np.empty_like(a)
    matmul(a, a, out)
    np.testing.assert_array_equal(out, a @ a)


def test_an_output_that_is_read_only_is_refused_and_left_alone():
    out = np.zeros((2, 2))
    out.flags.writeable = False
    with pytest.raises(KernelError, match="out is read-only; give an array that may be written"):
        default_registry().get("numba_gemm")(np.eye(2), np.eye(2), out)
    np.testing.assert_array_equal(out, np.zeros((2, 2)))


# -- other processors, other processes ---------------------------------------------------------------------------------

FRESH = """
import json
import numpy as np
from matbench.kernels import default_registry
from matbench.kernels.vectors import host_unit
from matbench.model import Caches

rng = np.random.default_rng(0)
right, hits, misses = True, 0, 0
for dtype in ("float64", "float32"):
    matmul = default_registry().get("numba_gemm").bind(dtype, Caches(l1d=4096, l2=32768))
    for m, n, k in ((1, 1, 1), (33, 47, 65), (100, 100, 100)):
        a, b = rng.integers(-8, 9, (m, k)).astype(dtype), rng.integers(-8, 9, (k, n)).astype(dtype)
        out = np.full((m, n), np.nan, dtype)
        matmul(a, b, out)
        right = right and np.array_equal(out, a @ b)
    stats = matmul.func.stats
    hits, misses = hits + sum(stats.cache_hits.values()), misses + sum(stats.cache_misses.values())
print(json.dumps([right, hits, misses, host_unit().vector_bytes]))
"""


def test_without_any_extension_it_is_right_and_compiled_code_is_found_again_by_another_process(tmp_path):
    environment = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)}

    def fresh():
        done = subprocess.run(
            [sys.executable, "-c", FRESH], env=environment, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)

    right, hits, misses, vector_bytes = fresh()
    assert right
    assert vector_bytes == 16
    assert (hits, misses) == (0, 2)
    assert fresh()[:3] == [True, 2, 0]
