import msgspec
import pytest
from matplotlib.colors import to_hex

from matbench.analyse.rows import Share
from matbench.model import Caches, Host, Problem
from matbench.present.ceilings import ceiling_sentence
from matbench.present.figures.roofline import alt_roofline, draw_roofline, finding_roofline, rows_roofline
from matbench.present.style import LIGHT

AT_256, AT_1000 = Problem(256, 256, 256), Problem(1000, 1000, 1000)
CACHES = Caches(l1d=32 * 1024, l2=2**20, l3=2**26)


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")) if text.get_text()]


def test_every_rung_stands_at_its_rate(streamed, sampled):
    ax = draw_roofline(streamed, problem=AT_1000, record=sampled).axes[0]
    rows = {r.case.kernel: r for r in streamed.rows if r.case.problem == AT_1000 and r.rate and r.case.threads == 1}
    (dot,) = lines(ax, "numba_ijk")
    assert dot.get_ydata() == [rows["numba_ijk"].rate.estimate / 1e9]
    # A column of B is a line an element: so it is the second cache that allows it least.
    assert dot.get_xdata() == pytest.approx([2 / (64 + 8)], rel=0.02)


def test_no_dot_is_above_the_roof_drawn_for_it(streamed, sampled):
    told = rows_roofline(streamed, problem=AT_1000, record=sampled)
    shares = [line[told.columns.index("share of it [%]")] for line in told.rows]
    assert all(share <= 105 for share in shares if share is not None)


def test_roofs_are_named_with_their_figures(streamed, sampled):
    found = texts(draw_roofline(streamed, problem=AT_1000, record=sampled))
    assert {"L1: 400 GB/s", "memory: 10.0 GB/s", "memory, 2 threads: 18.0 GB/s"} <= set(found)
    assert {"FMA peak, 1 thread: 60.0 GFLOP/s", "FMA peak, 2 threads: 119 GFLOP/s"} <= set(found)


def test_predictions_are_hollow(streamed, sampled):
    ax = draw_roofline(streamed, problem=AT_1000, record=sampled).axes[0]
    (hollow,) = lines(ax, "python_lists~")
    assert hollow.get_markerfacecolor() == LIGHT.paper
    (full,) = lines(ax, "numba_ijk")
    assert to_hex(full.get_markerfacecolor()) != LIGHT.paper


def test_with_memory_alone_and_operands_in_the_cache_each_byte_is_counted_once(table, with_streams, record_of):
    roomy = record_of(host=Host(caches=Caches(l1d=32 * 1024, l2=2**20, l3=2**28)))
    figure = draw_roofline(with_streams(table, {"read/1": 10e9}), problem=AT_1000, record=roomy)
    (dot,) = lines(figure.axes[0], "numba_ikj")
    assert dot.get_xdata() == pytest.approx([1000 / 12])
    assert any("no memory is needed" in text for text in texts(figure))


def test_without_ceilings_there_is_no_roof_and_the_finding_says_so(made):
    table = made.table([made.row(made.card("k"), 64, 1.0)], peaks=())
    assert finding_roofline(table) == (
        "At n = 64 (float64), no roof can be drawn: neither a peak nor a bandwidth was measured."
    )
    assert alt_roofline(table).startswith("Empty chart.")
    assert any("no roof" in text for text in texts(draw_roofline(table)))


def test_the_finding_names_what_runs_into_which_ceiling(made, with_streams):
    n = 1024
    rows = [made.row(made.card(name), n, 2 * n**3 / rate) for name, rate in (("blas", 54e9), ("loop", 6e9), ("b", 1e9))]
    table = with_streams(made.table(rows), {"read/1": 10e9})
    assert finding_roofline(table) == (
        "At n = 1024 (float64), blas on 1 thread (90 %) runs into the FMA peak; "
        "the other 2 reach less than 70 % of every ceiling measured."
    )
    assert finding_roofline(made.table(rows[1:])) == (
        "At n = 1024 (float64), no rung runs into a measured ceiling: the nearest, loop on 1 thread reaches 10 % of "
        "the FMA peak."
    )


def test_rungs_without_a_ceiling_are_not_told_to_be_below_one(made):
    rows = [made.row(made.card("blas"), 1024, 2 * 1024**3 / 54e9), made.row(made.card("loop"), 1024, 1.0, threads=4)]
    assert finding_roofline(made.table(rows)) == (
        "At n = 1024 (float64), blas on 1 thread (90 %) runs into the FMA peak; for 1 no ceiling was measured."
    )


def test_of_the_most_threads_only_memory_is_drawn_not_what_is_the_last_measured(table, with_streams, sampled):
    found = texts(
        draw_roofline(with_streams(table, {"read/1": 10e9, "read_l3/2": 80e9}), problem=AT_1000, record=sampled)
    )
    assert not [text for text in found if text.startswith("L3, 2 threads")]


def test_a_rate_above_its_roof_is_called_a_fault(made):
    row = made.row(made.card("liar"), 64, 1e-6)
    table = made.table([row])
    assert "a fault" in finding_roofline(table)
    assert "a fault" in ceiling_sentence(row, table, Caches())


def test_a_rung_is_told_the_ceiling_that_it_runs_into(streamed):
    rows = {(r.case.kernel, r.case.problem.n): r for r in streamed.rows if r.case.threads == 1}
    assert ceiling_sentence(rows["numpy_matmul", 1024], streamed, CACHES) == (
        "numpy_matmul on 1 thread at n = 1024 (float64) runs into the FMA peak (60.0 GFLOP/s): it reaches 91 % of it, "
        "91 % of chains of multiply-adds timed in the same rounds."
    )
    slow = ceiling_sentence(rows["numba_ijk", 1024], streamed, CACHES)
    assert slow == (
        "numba_ijk on 1 thread at n = 1024 (float64) runs into no measured ceiling: the lowest is the bandwidth of L2 "
        "(4.16 GFLOP/s at 0.0277 flop/byte), and it reaches 16 % of it."
    )


def test_a_share_of_chains_beside_stands_next_to_that_of_the_roof_and_decides_nothing(made):
    n = 1024
    row = made.row(made.card("blas"), n, 2 * n**3 / 30e9)
    paired, of_run = (msgspec.structs.replace(row, peak_share=Share(0.9, beside=kind)) for kind in ("round", "run"))
    start = "blas on 1 thread at n = 1024 (float64) runs into no measured ceiling: the lowest is the FMA peak (60.0 "
    start = f"{start}GFLOP/s), and it reaches 50 % of it"
    table = made.table([row])
    assert ceiling_sentence(paired, table, CACHES) == (
        f"{start}, 90 % of chains of multiply-adds timed in the same rounds."
    )
    assert ceiling_sentence(of_run, table, CACHES) == f"{start}."
    assert finding_roofline(made.table([paired])).endswith("blas on 1 thread reaches 50 % of the FMA peak.")


def test_a_rung_without_any_ceiling_is_told_so(made):
    table = made.table([made.row(made.card("k"), 64, 1.0)], peaks=())
    assert ceiling_sentence(table.rows[0], table, Caches()).endswith("no ceiling was measured.")


def test_the_numbers_have_a_line_for_each_rung_and_a_column_for_each_level(streamed, sampled):
    told = rows_roofline(streamed, problem=AT_256, record=sampled)
    drawn = [r for r in streamed.rows if r.case.problem == AT_256 and r.rate]
    assert len(told.rows) == len(drawn)
    assert {f"{level} [flop/byte]" for level in ("L1", "L2", "L3", "memory")} <= set(told.columns)
    kinds = {line[0]: line[6] for line in told.rows}
    assert (kinds["numba_ijk"], kinds["numpy_matmul"]) == ("counted", "the least possible")


def test_a_ceiling_is_told_once_with_all_who_run_into_it(streamed, sampled):
    told = finding_roofline(streamed, problem=AT_1000, record=sampled)
    assert told.count("the FMA peak") == 1
    assert "blas_openblas on 1 thread (93 %), numpy_matmul on 1 thread (91 %)" in told
    assert "run into the bandwidth of L3" in told


def test_without_a_peak_and_with_operands_in_the_cache_nothing_limits(made, with_streams, record_of):
    table = with_streams(made.table([made.row(made.card("k"), 64, 1.0)], peaks=()), {"read/1": 1e9})
    roomy = record_of(host=Host(caches=Caches(l3=2**28)))
    assert finding_roofline(table, record=roomy) == (
        "At n = 64 (float64), no ceiling was measured that could limit these rungs: calls in a row need no memory."
    )
