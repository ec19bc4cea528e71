import pytest

from matbench.model import Host
from matbench.present.figures.percore import alt_percore, draw_percore, finding_percore, rows_percore


def points(ax, label):
    return {x: y for line in ax.lines if line.get_label() == label for x, y in zip(*line.get_data(), strict=True)}


def test_each_panel_holds_the_rate_for_each_core_at_its_size(table):
    figure = draw_percore(table)
    sizes = [int(ax.get_title(loc="left").removeprefix("n = ")) for ax in figure.axes]
    assert sizes == [64, 256, 1024]
    for n, ax in zip(sizes, figure.axes, strict=True):
        rates = {r.case.threads: r.rate.estimate for r in table.rows if key(r) == ("numpy_matmul", n)}
        assert points(ax, "numpy_matmul") == {t: rate / t / 1e9 for t, rate in rates.items()}


def key(row):
    return row.case.kernel, row.case.problem.n


def test_all_panels_share_one_axis_that_starts_at_nothing(table):
    limits = {ax.get_ylim() for ax in draw_percore(table).axes}
    assert len(limits) == 1
    assert limits.pop()[0] == 0


def test_threads_beyond_the_cores_share_them(made, record_of):
    rows = [made.row(made.card("k"), 64, 1.0 / t, threads=t) for t in (1, 2, 4)]
    record = record_of(host=Host(physical_cores=2))
    dots = points(draw_percore(made.table(rows), record=record).axes[0], "k")
    rates = {row.case.threads: row.rate.estimate / 1e9 for row in rows}
    assert dots == {1: rates[1], 2: rates[2] / 2, 4: rates[4] / 2}
    assert [line[3] for line in rows_percore(made.table(rows), record=record).rows] == [1, 2, 2]


def test_a_record_of_one_thread_says_so(made):
    table = made.table([made.row(made.card("k"), 64, 1.0)])
    assert finding_percore(table) == "There is no scaling to tell: everything was measured on 1 thread alone."
    assert alt_percore(table).startswith("Empty chart.")
    assert any("1 thread alone" in text.get_text() for text in draw_percore(table).axes[0].texts)
    assert rows_percore(table).rows == ()


def test_the_finding_tells_the_drop_at_the_largest_and_the_smallest_size(made):
    rows = [
        made.row(made.card("k"), n, 2 * n**3 / (rate * 1e9), threads=t)
        for n, t, rate in ((64, 1, 20), (64, 2, 10), (512, 1, 50), (512, 2, 90))
    ]
    assert finding_percore(made.table(rows)) == (
        "In float64, from 1 thread to 2 threads the rate of k for each core goes from 50.0 to 45.0 GFLOP/s at n = 512, "
        "and from 20.0 to 5.00 GFLOP/s at n = 64."
    )


def test_the_numbers_have_the_peak_of_a_core(table):
    told = rows_percore(table)
    peaks = {line[2]: line[7] for line in told.rows}
    assert peaks == pytest.approx({1: 60.0, 2: 59.4})
