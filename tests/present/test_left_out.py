"""What was left out is told in few lines: by kernel and reason, by problem where a reason has figures of its own."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.model import Case, Problem
from matbench.present.left_out import LeftOut, left_out_lines, skipped_list

AT_256 = Problem(256, 256, 256)


def late(kernel, n, cost, threads=1, left="nothing", **fields):
    reason = f"takes about {cost}, the time budget had {left} left for it"
    return LeftOut(Case(kernel, Problem(n, n, n, **fields), threads), reason)


def told(*found):
    return left_out_lines(found, Counter(each.case.kernel for each in found))


def test_skipped_cases_are_gathered_by_kernel_and_reason(table):
    sizes = "255, 256, 257, 511, 512, 513, 1000, 1024"
    assert skipped_list(table).splitlines() == [
        f"- python_arrays, n = {sizes} (float64): too slow; raise --budget to measure it",
        "- numpy_broadcast, n = 511, 512, 513, 1000, 1024 (float64): needs more memory than is allowed",
        "- python_sumprod, n = 1000, 1024 (float64): too slow; raise --budget to measure it",
    ]


def test_a_kernel_that_is_skipped_everywhere_needs_no_sizes(made):
    rows = [made.skipped("gone", n, "needs avx2") for n in (8, 16)]
    assert skipped_list(made.table(rows)) == "- gone: needs avx2"


def test_a_wrong_result_is_told_as_one(made):
    text = skipped_list(made.table([made.skipped("bad", 8, "differs by 3 bounds", wrong=True)]))
    assert text == "- bad: wrong result, never timed: differs by 3 bounds"


def test_skipped_cases_can_be_asked_for_by_problem(table):
    assert skipped_list(table, [AT_256]) == "- python_arrays: too slow; raise --budget to measure it"
    assert skipped_list(table, [Problem(16, 16, 16)]) == ""


def test_reasons_that_differ_in_their_figures_alone_are_a_line_a_problem_with_kernels_and_threads():
    rest = "the time budget had nothing left for it"
    found = [late("one", 64, "1.50 s"), late("two", 64, "20.0 ms"), late("two", 64, "10.0 ms", threads=2)]
    assert told(*found, late("one", 128, "12.0 s"), late("two", 128, "24.0 ms", threads=2)) == [
        f"n = 64 (float64): one, two on 1 and 2 threads: takes about 10.0 ms to 1.50 s, {rest}",
        f"n = 128 (float64): one, two on 2 threads: takes about 24.0 ms to 12.0 s, {rest}",
    ]


def test_what_needs_the_same_memory_on_one_thread_and_on_two_is_told_once():
    problem = Problem(8, 8, 8)
    reason = "needs 21 TiB of memory, 2.9 GiB may be used"
    assert told(*(LeftOut(Case("one", problem, count), reason) for count in (1, 2))) == [
        f"n = 8 (float64): one on 1 and 2 threads: {reason}"
    ]


def test_another_element_type_and_another_kind_of_reason_have_lines_of_their_own():
    memory = LeftOut(Case("two", Problem(64, 64, 64)), "needs 3 GiB of memory, 2 GiB may be used")
    assert len(told(late("one", 64, "1.50 s"), late("one", 64, "1.50 s", dtype="float32"), memory)) == 3


def test_the_remedy_of_one_case_stands_as_it_is_and_of_several_as_an_example():
    def slow(kernel, seconds):
        reason = f"one call takes about {seconds} s, too long for this preset; ask for it with --kernels {kernel}"
        return LeftOut(Case(kernel, AT_256), reason)

    [line] = told(slow("one", 30))
    assert line.endswith("one: one call takes about 30 s, too long for this preset; ask for it with --kernels one")
    [line] = told(slow("one", 30), slow("two", 40))
    assert "one, two: one call takes about 30 s to 40 s, too long" in line
    assert line.endswith("; ask for one of them with --kernels one")


@given(st.lists(st.text(st.sampled_from(".;, 0123456789µsBKMGTi\0"), max_size=40), max_size=4))
def test_whatever_a_foreign_record_gives_as_reasons_is_told(reasons):
    lines = told(*(LeftOut(Case(f"k{place}", AT_256), reason) for place, reason in enumerate(reasons)))
    assert len(lines) <= len(reasons)
    assert all(any(f"k{place}" in line for line in lines) for place in range(len(reasons)))


@pytest.mark.parametrize("threads", [(2,), (1, 2, 4)])
def test_threads_are_named_unless_it_is_one(threads):
    [line] = told(*(late("one", 8, "1.0 s", count) for count in threads))
    assert f"one on {' and '.join(', '.join(map(str, threads)).rsplit(', ', 1))} threads:" in line
