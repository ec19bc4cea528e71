"""Shares of the peak in words: what they are over, which are marked, and why one may exceed 100 %."""

from __future__ import annotations

import msgspec
import pytest

from matbench.analyse.rows import Share
from matbench.present.figures import finding
from matbench.present.figures.heatmap import alt_heatmap, draw_heatmap, rows_heatmap
from matbench.present.shares import ABOVE, OTHER_CHAIN, share_notes, share_text, usual
from matbench.present.tables import ladder_table, to_csv

ROUNDS = "chains of multiply-adds timed in the same rounds"
PROCESS = "the middle chain of multiply-adds of the same process"
RUN = "the fastest chain of multiply-adds of the run"


def rows(made, *shares, **fields):
    return [
        msgspec.structs.replace(made.row(made.card(f"kernel_{place}"), 64, 0.01), peak_share=share, **fields)
        for place, share in enumerate(shares)
    ]


@pytest.mark.parametrize(("beside", "words"), [("round", ROUNDS), ("process", PROCESS), ("run", RUN)])
def test_a_table_says_what_its_shares_are_over(made, beside, words):
    text = ladder_table(made.table(found := rows(made, Share(0.9, 0.8, 0.95, beside))), found[0].case.problem)
    assert "90 % [80, 95]" in text
    assert f"Share of peak [low, high]: the rate over that of {words}." in text
    assert "The fastest chain of the run reached 60.0 GFLOP/s on 1 thread." in text
    assert OTHER_CHAIN not in text
    assert ABOVE not in text


def test_a_share_over_another_chain_than_most_is_marked(made):
    shares = (Share(0.9, 0.8, 0.95, "process"), Share(0.7, 0.6, 0.8, "process"), Share(0.2))
    text = ladder_table(made.table(found := rows(made, *shares)), found[0].case.problem)
    assert f"20 %†{OTHER_CHAIN}" in text
    assert f"{OTHER_CHAIN} over {RUN}." in text
    assert "† no interval." in text


def test_a_predicted_share_is_over_the_fastest_chain_and_bears_its_own_mark(made):
    (measured,) = rows(made, Share(0.9, 0.8, 0.95, "round"))
    (predicted,) = rows(made, Share(0.001, 0.0005, 0.002), extrapolated=True, fitted="1 to 2 rows")
    text = ladder_table(made.table([predicted, measured]), measured.case.problem)
    assert "~0.10 % " in text
    assert OTHER_CHAIN not in text
    assert f"Predicted shares (~) are over {RUN}." in text
    assert usual([predicted]) == "run"


def test_above_100_percent_is_explained_where_chains_were_timed_beside_and_only_there(made):
    assert ABOVE in share_notes(rows(made, Share(1.02, 0.9, 1.2, "round")))
    assert ABOVE not in share_notes(rows(made, Share(1.02, 0.9, 1.2, "run")))
    assert share_notes(rows(made, None)) == []


def test_small_shares_keep_their_digits_and_bounds_stay_above_nothing():
    assert share_text(Share(0.012, -0.001, 0.02)) == "1.2 % [0.00, 2.0]"
    assert share_text(Share(1e-6, 5e-7, 2e-6)) == "<0.01 % [<0.01, <0.01]"


def test_the_highest_rate_is_told_with_what_its_share_is_over(made):
    told = made.table(rows(made, Share(0.87, 0.8, 0.9, "round")))
    assert f": 87 % of {ROUNDS}. The measured peak is 60.0 GFLOP/s." in finding("rate", told)
    old = made.table(rows(made, Share(0.5)))
    assert finding("rate", old).endswith(": 50 % of the measured peak of 60.0 GFLOP/s.")


@pytest.mark.parametrize(("beside", "words"), [("round", ROUNDS), ("process", PROCESS), ("run", RUN)])
def test_the_heat_map_says_what_100_percent_is_and_its_rows_are_the_shares(made, beside, words):
    told = made.table(rows(made, Share(0.87, 0.8, 0.9, beside)))
    assert rows_heatmap(told).rows[0][-1] == pytest.approx(87)
    drawn = " ".join(" ".join(text.get_text() for text in draw_heatmap(told).texts).split())
    assert f"100 % is {words}." in drawn
    assert "measured peak" not in f"{drawn} {alt_heatmap(told)}"


def test_above_100_percent_the_heat_map_blames_the_measurement_only_where_it_is_of_the_run(made):
    paired, of_run = (
        " ".join(text.get_text() for text in draw_heatmap(made.table(rows(made, share))).texts)
        for share in (Share(1.02, 0.9, 1.2, "round"), Share(1.02, 0.9, 1.2, "run"))
    )
    assert ABOVE in " ".join(paired.split())
    assert "fault" not in paired
    assert "Above 100 is a fault of the measurement." in " ".join(of_run.split())


def test_csv_has_the_bounds_and_what_the_share_is_over(made):
    head, line = to_csv(made.table(rows(made, Share(0.87, 0.8, 0.9, "round")))).splitlines()
    found = dict(zip(head.split(","), line.split(","), strict=True))
    wanted = ("peak_fraction", "peak_fraction_low", "peak_fraction_high", "peak_beside")
    assert [found[name] for name in wanted] == ["0.87", "0.8", "0.9", "round"]
