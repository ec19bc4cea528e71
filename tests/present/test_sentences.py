import math
import re

import pytest
from credit_examples import attribution_at

from matbench.model import Problem
from matbench.present.sentences import closing_sentence, closing_sentences, extrapolated_sentence, steps, worths

AT_256 = Problem(256, 256, 256)


def only(table, kernels, threads=(1, 2)):
    """The table without the rows of other kernels and thread counts."""
    rows = tuple(r for r in table.rows if r.case.kernel in kernels and r.case.threads in threads)
    return type(table)(machine=table.machine, cpu=table.cpu, base=table.base, rows=rows, peaks=table.peaks)


def at(table, n):
    return type(table)(
        machine=table.machine,
        cpu=table.cpu,
        base=table.base,
        rows=tuple(r for r in table.rows if r.case.problem.n == n),
        peaks=table.peaks,
    )


def test_the_whole_sentence_is_true_of_the_table(table):
    assert closing_sentence(at(table, 256)) == (
        "At n = 256 (float64), NumPy's @ on 2 threads is 2,680× [2,640, 2,720] faster than the pure-Python triple loop "
        "(python_lists, 0.0326 GFLOP/s on 1 thread); of that, compiling is worth 19.8×, "
        "loop order (which lets the compiler vectorise) is worth 20.8×, fused multiply-add is worth 1.07×, "
        "cache blocking is worth 1.35×, the rest of what BLAS does is worth 2.47× and 2 threads are worth 1.82×."
    )


def test_it_is_told_of_the_largest_size_where_both_ends_were_measured(table):
    assert closing_sentence(table).startswith("At n = 257 ")


@pytest.mark.parametrize("n", [16, 64, 256, 257])
def test_the_product_of_the_steps_is_the_whole_speed_up(table, n):
    climb = steps(table, Problem(n, n, n))
    assert math.isclose(math.prod(step.factor for step in climb), climb[-1].row.speedup.estimate, rel_tol=1e-12)


def test_without_paired_speed_ups_the_steps_are_ratios_of_times(made):
    rows = [made.row(made.card(name), 64, s) for name, s in ((made.base, 8.0), ("numba_ijk", 2.0), ("numpy_matmul", 1))]
    table = made.table(rows)
    assert [step.factor for step in steps(table, rows[0].case.problem)] == [4.0, 2.0]
    assert "is 8.00× (no interval) faster" in closing_sentence(table)


def test_a_slow_down_is_told_as_a_cost(made):
    pairs = ((made.base, 8.0), ("numba_ijk", 2.0), ("numba_ikj", 2.4), ("numba_ikj_fma", 2.4), ("numpy_matmul", 1.0))
    text = closing_sentence(made.table([made.row(made.card(name), 64, s) for name, s in pairs]))
    assert "vectorise) costs 1.20×" in text
    assert "fused multiply-add changes nothing (1.00×)" in text


def test_a_product_slower_than_the_base_is_not_called_faster(made):
    rows = [made.row(made.card(made.base), 4, 1.0), made.row(made.card("numpy_matmul"), 4, 2.0)]
    assert "is 0.500× (no interval) the speed of" in closing_sentence(made.table(rows))


def test_only_the_ends_make_a_sentence_without_steps(table):
    text = closing_sentence(only(table, {"python_lists", "numpy_matmul"}, threads=(1,)))
    assert "of that" not in text
    assert text.endswith("on 1 thread).")


def test_where_the_product_has_no_single_thread_the_parallel_loop_tells_the_threads(table):
    rows = [r for r in at(table, 256).rows if (r.case.kernel, r.case.threads) != ("numpy_matmul", 1)]
    cut = type(table)(machine="m", cpu="c", base=table.base, rows=tuple(rows))
    names = [step.name for step in steps(cut, AT_256)]
    assert names[-2:] == ["2 threads", "the rest of what BLAS does"]


def test_kernels_of_plugins_change_nothing(table, made):
    plugin = made.row(made.card("x|<b>\n", origin="other"), 257, 1e-6, base_s=1.0)
    more = type(table)(machine="m", cpu="c", base=table.base, rows=(plugin, *table.rows))
    assert closing_sentence(more) == closing_sentence(table)


def test_a_base_of_a_plugin_is_named_and_nothing_more(made):
    base = made.card("my loop", origin="other")
    rows = [
        made.row(base, 64, 1.0),
        made.row(made.card("numba_ijk"), 64, 0.1),
        made.row(made.card("numpy_matmul"), 64, 0.01),
    ]
    text = closing_sentence(made.table(rows, base="my loop"))
    assert "faster than my loop (0.000524 GFLOP/s on 1 thread)" in text
    assert "compiling is worth 10.0×" in text


def test_a_base_among_the_loops_starts_the_climb_above_itself(table):
    cut = type(table)(machine="m", cpu="c", base="numba_ikj", rows=at(table, 256).rows)
    assert [step.row.case.kernel for step in steps(cut, AT_256)] == [
        "numba_ikj_fma",
        "numba_tiled",
        "numpy_matmul",
        "numpy_matmul",
    ]


@pytest.mark.parametrize("kernels", [set(), {"python_lists"}, {"numpy_matmul"}])
def test_without_both_ends_there_is_no_sentence(table, kernels):
    assert closing_sentence(only(table, kernels)) is None


def test_the_product_as_its_own_base_has_no_sentence(table):
    assert closing_sentence(type(table)(machine="m", cpu="c", base="numpy_matmul", rows=table.rows)) is None


def test_the_extrapolated_sentence_says_the_word_the_interval_and_the_range(table):
    text = extrapolated_sentence(table)
    assert text.startswith("At n = 1024 (float64), NumPy's @ on 2 threads is 3,180× [2,920, 3,470] faster")
    assert "extrapolated" in text
    assert "predicted from n = 16 to 257" in text
    assert re.search(r"python_lists \(65\.1 s \[59\.8, 71\.0\]\)", text)


def test_a_measured_base_at_the_largest_size_needs_no_such_sentence(table):
    assert extrapolated_sentence(at(table, 256)) is None
    assert extrapolated_sentence(at(table, 3)) is None


def test_only_float64_and_squares_are_told(made):
    rows = [
        made.row(made.card(made.base), 64, 1.0, dtype="float32"),
        made.row(made.card("numpy_matmul"), 64, 0.1, dtype="float32"),
    ]
    assert closing_sentence(made.table(rows)) is None


def test_more_threads_that_make_it_slower_are_no_part_of_the_climb(made):
    card = made.card("numpy_matmul")
    base = made.row(made.card("python_lists"), 64, 1.0)
    one, two = (made.row(card, 64, s, threads, base_s=1.0) for s, threads in ((0.01, 1), (0.05, 2)))
    text = closing_sentence(made.table([base, one, two]))
    assert "NumPy's @ on 1 thread is 100×" in text
    assert "2 threads" not in text


def climbs(made, threads=1, **seconds):
    """The steps of a table with these times of a call."""
    counts = {"numpy_matmul": threads, "numba_gemm": threads}
    rows = [made.row(made.card(name), 64, s, counts.get(name, 1)) for name, s in ((made.base, 64.0), *seconds.items())]
    return steps(made.table(rows), rows[0].case.problem), made.table(rows)


def test_the_generated_product_has_its_place_before_blas(made):
    climb, table = climbs(made, numba_ijk=32.0, numba_tiled=8.0, numba_gemm=2.0, numpy_matmul=2.5)
    assert [(step.name, step.factor) for step in climb] == [
        ("compiling", 2.0),
        ("cache blocking", 4.0),
        ("packed register tiles", 4.0),
        ("going over to BLAS", 0.8),
    ]
    assert closing_sentence(table).endswith("packed register tiles are worth 4.00× and going over to BLAS costs 1.25×.")


def test_the_generated_product_is_compared_on_as_many_threads_as_blas(made):
    climb, _ = climbs(made, threads=2, numba_tiled=8.0, numba_gemm=2.0, numpy_matmul=1.0)
    assert [step.name for step in climb] == [
        "cache blocking",
        "packed register tiles on 2 threads",
        "going over to BLAS",
    ]
    rows = [made.row(made.card(name), 64, s, t) for name, s, t in (
        (made.base, 64.0, 1), ("numba_gemm", 4.0, 2), ("numpy_matmul", 4.0, 1), ("numpy_matmul", 2.0, 2)
    )]  # fmt: skip
    told = [step.name for step in steps(made.table(rows), rows[0].case.problem)]
    assert told == ["the rest of what BLAS does", "2 threads"]


def test_the_generated_product_as_the_base_is_followed_by_blas_alone(made):
    rows = [
        made.row(made.card(name), 64, s) for name, s in (("numba_ikj", 9.0), ("numba_gemm", 3.0), ("numpy_matmul", 2))
    ]
    climb = steps(made.table(rows, base="numba_gemm"), rows[0].case.problem)
    assert [(step.name, step.factor) for step in climb] == [("the rest of what BLAS does", 1.5)]


def test_where_credit_is_known_it_stands_in_the_place_of_the_steps(table):
    text = closing_sentence(at(table, 256), None, attribution_at(64))
    assert text.startswith("At n = 256 (float64), NumPy's @ on 2 threads is 2,680× [2,640, 2,720] faster than")
    assert "of that" not in text
    assert "on 1 thread). Whatever the order in which the ideas are added, compiling is worth 4" in text
    assert "measured apart at n = 64 (record" in text
    assert len(text) < 800


def test_an_attribution_that_two_sizes_share_is_told_once_and_the_other_tells_its_own_steps(table):
    far, other = attribution_at(64), attribution_at(1024)
    first, second = closing_sentences(table, {AT_256: far, Problem(257, 257, 257): far})
    assert first == closing_sentence(table, AT_256, far)
    assert second == closing_sentence(table, Problem(257, 257, 257))
    assert "of that" in second
    both = closing_sentences(table, {AT_256: far, Problem(257, 257, 257): other})
    assert ["Whatever the order" in each for each in both] == [True, True]
    untold, told = closing_sentences(table, {Problem(7, 7, 7): far, AT_256: far})
    assert (untold, told) == (None, first)


def test_what_each_idea_is_worth_is_its_credit_or_else_its_step(table):
    climb = steps(table, AT_256)
    assert [(each.name, each.factor) for each in worths(climb)] == [(step.name, step.factor) for step in climb]
    credit = attribution_at(64)
    assert [each.factor for each in worths(climb, credit)] == [each.factor.estimate for each in credit.credits]
    assert worths(()) == ()
