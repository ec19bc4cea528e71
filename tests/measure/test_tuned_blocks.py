"""Blocks handed to kernels: used where they were found, by nobody else, and said to be."""

import msgspec
import pytest

from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, Rung, default_registry
from matbench.kernels.jit import numba_missing
from matbench.measure.tuning import CLONE, KERNEL, SIZES, Trial, candidates, tuned_here, tuning_plan, with_tuned
from matbench.model import Caches
from matbench.tuning import Tuned, TunedBlocks, Tuning

CACHES = Caches(l1d=32 * 1024, l2=1024 * 1024)
BLOCKS = TunedBlocks(KERNEL, "float64", 8, 384, 312)
needs_numba = pytest.mark.skipif(numba_missing() is not None, reason=str(numba_missing()))


def registry():
    """A kernel that tells with what it was made, and others around it."""

    def made(caches, dtype, cuts=None):
        return caches, dtype, cuts

    plain = Kernel(name="plain", rung=Rung.PYTHON, idea="loops", function=print)
    tunable = Kernel(name=KERNEL, rung=Rung.NUMBA, idea="tiles", function=made, from_caches=True, gflops=40.0)
    top = Kernel(name="top", rung=Rung.BLAS, idea="BLAS", function=print)
    return Registry((plain, tunable, top))


def test_without_blocks_nothing_changes():
    before = registry()
    assert with_tuned(before, ()) is before


def test_tuned_blocks_are_used_in_their_type_and_the_others_are_derived():
    before = registry()
    after = with_tuned(before, (BLOCKS,))
    assert after.names == before.names
    assert after.get(KERNEL).bind("float64", CACHES) == (CACHES, "float64", (8, 384, 312))
    assert after.get(KERNEL).bind("float32", CACHES) == (CACHES, "float32", None)
    assert before.get(KERNEL).bind("float64", CACHES) == (CACHES, "float64", None)


def test_a_kernel_with_tuned_blocks_says_so_on_its_card():
    assert with_tuned(registry(), (BLOCKS,)).get(KERNEL).card.idea == "tiles, tuned blocks"


def test_named_blocks_make_a_kernel_beside_the_one_that_derives_its_own():
    named = msgspec.structs.replace(BLOCKS, name="numba_gemm:8-384-312")
    after = with_tuned(registry(), (named,))
    assert after.get(KERNEL).bind("float64", CACHES) == (CACHES, "float64", None)
    assert after.get("numba_gemm:8-384-312").bind("float64", CACHES) == (CACHES, "float64", (8, 384, 312))
    assert after.names == ("plain", KERNEL, "numba_gemm:8-384-312", "top")


def test_blocks_of_a_kernel_that_is_not_here_are_passed_over():
    assert with_tuned(registry(), (msgspec.structs.replace(BLOCKS, kernel="gone"),)).names == registry().names


# -- what holds here ---------------------------------------------------------------------------------------------------


def found_for(dtype, caches=CACHES, **changes):
    tried = candidates(dtype, caches)
    blocks = msgspec.structs.replace(tried.others[0], name=None)
    rows, vectors, lanes = tried.tile
    tuned = Tuned(
        blocks=blocks,
        derived=tried.derived,
        rows=rows,
        vectors=vectors,
        lanes=lanes,
        threads=(1,),
        sizes=(512,),
        measured="",
    )
    return msgspec.structs.replace(tuned, **changes)


def known(*found):
    return Tuning(host_id="0123456789abcdef", found=found)


@needs_numba
def test_what_was_tuned_holds_as_long_as_caches_and_register_tile_are_the_same():
    ladder = default_registry()
    found = found_for("float64")
    assert tuned_here(known(found), ladder, CACHES) == (found.blocks,)
    assert tuned_here(known(found), ladder, Caches(l1d=48 * 1024, l2=1024 * 1024)) == ()
    assert tuned_here(known(msgspec.structs.replace(found, rows=found.rows + 1)), ladder, CACHES) == ()
    assert tuned_here(known(msgspec.structs.replace(found, blocks=found.derived)), ladder, CACHES) == ()
    assert tuned_here(None, ladder, CACHES) == ()


@needs_numba
def test_blocks_for_other_kernels_types_or_under_other_names_do_not_hold():
    ladder, found = default_registry(), found_for("float64")
    for changes in ({"kernel": "numpy_matmul"}, {"dtype": "int64"}, {"name": "numba_ikj"}):
        other = msgspec.structs.replace(found, blocks=msgspec.structs.replace(found.blocks, **changes))
        assert tuned_here(known(other), ladder, CACHES) == ()
    assert tuned_here(known(found), Registry(), CACHES) == ()


# -- what is tried -----------------------------------------------------------------------------------------------------


@needs_numba
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_candidate_has_a_name_of_its_own_and_blocks_that_nobody_else_has(dtype):
    tried = candidates(dtype, CACHES)
    names = [each.name for each in tried.arms]
    assert names[0] == CLONE
    assert len(set(names)) == len(names) == len(tried.others) + 1
    blocks = [(each.mc, each.kc, each.nc) for each in (tried.derived, *tried.others)]
    assert len(set(blocks)) == len(blocks)
    assert set(with_tuned(default_registry(), tried.arms).names) == set(default_registry().names) | set(names)


def test_a_trial_measures_all_its_arms_on_every_problem_side_by_side():
    trial = Trial({"float64": (KERNEL, "a"), "float32": (KERNEL, "b")}, (1, 2), 3, 8)
    plan = tuning_plan(trial, "matbench tune", 60.0)
    assert plan.rounds == 24
    assert [(each.problem.n, each.problem.dtype) for each in plan.blocks] == [
        (n, dtype) for n in SIZES for dtype in ("float64", "float32")
    ]
    assert plan.blocks[0].arms == ((KERNEL, 1), ("a", 1), (KERNEL, 2), ("a", 2))
    longer = Trial(trial.arms, trial.threads, 6, 8)
    assert 0 < trial.seconds(registry()) < longer.seconds(registry())


def test_nothing_to_tune_is_refused():
    with pytest.raises(UsageError, match="nothing is left to tune"):
        tuning_plan(Trial({}, (1,), 3), "matbench tune", 60.0)
