"""The sentences on the hardware's limits and on compiling tell the table's numbers."""

from __future__ import annotations

from conftest import full_table, row_of, table_of
from msgspec.structs import replace

from matbench.analyse.rows import Interval
from matbench.model import KernelCard
from matbench.present.sentences import ceilings_sentence, compile_sentence

BASE = KernelCard("python_lists", "pure Python", "loops")
COMPILED = KernelCard("numba_ijk", "Numba loops", "compiled", compiled=True)


def test_peak_and_bandwidth_are_told_by_thread_count():
    table = replace(full_table(), bandwidths={"read/1": Interval(15e9), "triad/2": Interval(30e9)})
    sentence = ceilings_sentence(table)
    assert "float64 60.0 GFLOP/s on 1 thread" in sentence
    assert "read 15.0 GB/s on 1 thread" in sentence
    assert "triad 30.0 GB/s on 2 threads" in sentence


def test_caches_are_told_apart_from_memory_by_the_faster_of_their_streams():
    told = {"read_l1/1": 300e9, "triad_l1/1": 400e9, "read_l2/1": 100e9, "read/1": 15e9, "read_l2/2": 190e9}
    sentence = ceilings_sentence(replace(full_table(), bandwidths={key: Interval(rate) for key, rate in told.items()}))
    caches = "caches L1 400 GB/s on 1 thread, L2 100 GB/s on 1 thread and L2 190 GB/s on 2 threads"
    assert f"; {caches}; memory read 15.0 GB/s on 1 thread." in sentence


def test_without_ceilings_nothing_is_said():
    assert ceilings_sentence(replace(full_table(), peaks={}, bandwidths={})) is None


def compiled_at(sizes, first_call_s):
    rows = []
    for n in sizes:
        base_s = 1e-7 * n**3
        rows += [row_of(BASE, n, base_s), replace(row_of(COMPILED, n, base_s / 50), first_call_s=first_call_s)]
        first_call_s = None  # it compiles once
    return table_of(rows)


def test_compiling_pays_from_the_first_size_at_which_it_costs_less_than_the_base():
    # 0.1 us an operation: 3.3 ms at n = 32, 210 ms at 128; compiling takes 100 ms
    assert "numba_ijk 100 ms (one call pays from n = 128 on)" in compile_sentence(compiled_at((32, 64, 128, 256), 0.1))


def test_compiling_that_never_pays_says_so():
    assert "pays at no size measured here" in compile_sentence(compiled_at((8, 16), 0.1))


def test_where_only_a_predicted_base_is_beaten_the_sentence_says_so():
    table = compiled_at((32, 64, 128, 256), 0.1)
    told = [replace(row, extrapolated=row.card == BASE and row.case.problem.n > 64) for row in table.rows]
    sentence = compile_sentence(replace(table, rows=tuple(told)))
    assert "(one call pays from n = 128 on, where python_lists is predicted)" in sentence


def test_a_kernel_is_told_once_by_its_longest_first_call():
    table = compiled_at((32, 64, 128), 0.1)
    told = [replace(row, first_call_s=0.01) if row.case.problem.n == 64 and row.first_call_s is None
            and row.card == COMPILED else row for row in table.rows]  # fmt: skip
    sentence = compile_sentence(replace(table, rows=tuple(told)))
    assert sentence.count("numba_ijk") == 1
    assert "100 ms" in sentence


def test_where_nothing_compiles_nothing_is_said():
    assert compile_sentence(table_of([row_of(BASE, 16, 1e-3)])) is None
