"""Whose merit the speed is: the table, the sentences and the picture, from a machine whose truth is known."""

import itertools
import json
import math
import re

import msgspec
import pytest
from credit_examples import FACTORS, FOOT, HOST_ID, WORDS, attribution_at
from matplotlib.text import Text

from matbench.analyse.rows import Interval
from matbench.model import Host, Problem
from matbench.present.attribution import (
    HOW,
    attribution_object,
    attribution_sentence,
    attribution_table,
    attributions_table,
    credit_words,
)
from matbench.present.choose import credit_at
from matbench.present.figures import alt_credit, digest, draw_credit, finding_credit, rows_credit
from matbench.present.numbers import csv_of
from matbench.present.style import DARK, LIGHT, contrast, idea_colours

SMALL, LARGE = attribution_at(64), attribution_at(1024)
IDEAS = (*WORDS.values(), "cores")


def cells(table):
    """The rows of a Markdown table below its rule."""
    lines = [line for line in table.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def value(cell):
    """The estimate in a cell."""
    return float(re.match(r"~?([\d,.]+)", cell)[1].replace(",", ""))


def bars(ax):
    """{row: (left end, right end)} of the bars of a chart."""
    found = {}
    for patch in ax.patches:
        found[round(patch.get_y() + patch.get_height() / 2)] = (patch.get_x(), patch.get_x() + patch.get_width())
    return found


def without_bounds(attribution):
    """The same from too few rounds for intervals."""
    credits_ = tuple(
        msgspec.structs.replace(each, factor=Interval(each.factor.estimate), told=Interval(each.told.estimate))
        for each in attribution.credits
    )
    return msgspec.structs.replace(attribution, credits=credits_, total=Interval(attribution.total.estimate))


def test_the_table_has_the_foot_each_idea_in_the_told_order_and_the_whole():
    rows = cells(attribution_table(SMALL))
    assert [row[0] for row in rows] == [FOOT, *IDEAS, "all of it"]
    assert value(rows[0][1]) == pytest.approx(0.033, rel=0.05)
    assert rows[0][2:] == ["", ""]
    assert rows[-1][2] == rows[-1][3]


@pytest.mark.parametrize("column", [2, 3])
def test_the_factors_of_a_column_multiply_to_the_whole(column):
    *ideas, whole = [value(row[column]) for row in cells(attribution_table(SMALL))[1:]]
    assert math.prod(ideas) == pytest.approx(whole, rel=0.03)  # of three digits each


def test_every_credit_stands_with_its_interval_and_the_table_says_on_what_it_rests():
    table = attribution_table(SMALL)
    assert all(re.search(r"× \[[\d.]+, [\d.]+\]$", row[3]) for row in cells(table)[1:-1])
    assert "51 combinations of the ideas, measured in 18 interleaved rounds." in table
    assert "over the 720 orders" in table
    assert "~" not in table


def test_a_foot_that_was_measured_by_a_few_rows_is_marked_wherever_it_is_a_base():
    rows = cells(attribution_table(LARGE))
    assert [row[0] for row in rows if "~" in row[2]] == ["compiling", "all of it"]
    assert rows[0][1].startswith("~")
    assert "1 more, predicted from a few rows" in attribution_table(LARGE)
    assert "extrapolated" in attribution_sentence(LARGE)


def test_a_factor_without_an_interval_says_so():
    bare = without_bounds(SMALL)
    assert "† no interval." in attribution_table(bare)
    assert "(no interval)" in attribution_sentence(bare)
    assert "No interval: compiling" in " ".join(text.get_text() for text in draw_credit(bare).texts)


def test_sizes_stand_side_by_side_and_an_idea_that_one_lacks_is_a_dash():
    without_cores = msgspec.structs.replace(LARGE, credits=LARGE.credits[:-1], steps=LARGE.steps[:-1])
    rows = {row[0]: row[1:] for row in cells(attributions_table([SMALL, without_cores]))}
    assert list(rows) == [*IDEAS, "all of it"]
    assert rows["cores"][2:] == ["–", "–"]
    assert value(rows["SIMD"][0]) == pytest.approx(FACTORS["simd"], rel=0.1)


def test_the_sentence_names_its_base_with_rate_and_threads_and_every_idea():
    told = attribution_sentence(SMALL)
    assert told.startswith("At n = 64 (float64), all ideas together make the product 2,")
    assert re.search(rf"faster than {FOOT} \(0\.03\d+ GFLOP/s on 1 thread\); of that, whatever the order", told)
    assert all(idea in told for idea in IDEAS)
    assert told.count(" is worth ") == 1
    assert "cache blocking costs 1.0" in told


def test_after_a_run_the_credit_is_told_with_the_size_it_was_measured_at_if_that_is_another():
    assert "measured apart (record" in credit_words(SMALL, 64)
    assert "measured apart at n = 64 (record" in credit_words(SMALL, 256)
    assert f"from {FOOT} to numba_gemm on 2 threads" in credit_words(SMALL, 64)


def test_an_idea_that_changes_nothing_is_told_so():
    plain = msgspec.structs.replace(SMALL.credits[5], factor=Interval(1.0004, 0.99, 1.01))
    told = credit_words(msgspec.structs.replace(SMALL, credits=(*SMALL.credits[:5], plain, *SMALL.credits[6:])))
    assert "cache blocking costs 1.02×; packing makes no difference that can be told. Together that is the" in told


def test_foreign_words_can_break_neither_table_nor_sentence():
    evil = msgspec.structs.replace(SMALL.credits[0], words="<script>|\n\x00" + "x" * 3000)
    odd = msgspec.structs.replace(SMALL, credits=(evil, *SMALL.credits[1:]), machine="a|b\n", cpu="\u202ex")
    assert len(cells(attribution_table(odd))) == len(IDEAS) + 2
    assert "<script" not in attribution_table(odd).replace("\\<script", "")
    assert "\n" not in attribution_sentence(odd) + credit_words(odd) + finding_credit(odd) + alt_credit(odd)
    draw_credit(odd)


def test_as_an_object_rates_are_in_gflops_and_json_takes_it():
    back = json.loads(json.dumps(attribution_object(SMALL)))
    assert back["steps"][0]["gflops"]["estimate"] == pytest.approx(0.033, rel=0.02)
    assert "rate" not in back["steps"][0]
    assert [each["idea"] for each in back["credits"]] == list(FACTORS)


@pytest.mark.parametrize("attribution", [SMALL, LARGE], ids=["small", "large"])
def test_the_climb_on_the_left_leads_from_rate_to_rate(attribution):
    rates = [step.rate.estimate / 1e9 for step in attribution.steps]
    found = bars(draw_credit(attribution).axes[0])
    assert found == {
        place: pytest.approx((min(ends), max(ends))) for place, ends in enumerate(itertools.pairwise(rates), 1)
    }


def test_the_bars_on_the_right_are_the_credits_in_the_same_rows_and_colours():
    left, right = draw_credit(SMALL).axes
    assert bars(right) == {
        place: pytest.approx(tuple(sorted((1.0, each.factor.estimate)))) for place, each in enumerate(SMALL.credits, 1)
    }
    assert [patch.get_edgecolor() for patch in left.patches] == [patch.get_edgecolor() for patch in right.patches]
    hollow = [patch.get_facecolor() != patch.get_edgecolor() for patch in right.patches]
    assert hollow == [each.factor.estimate < 1 for each in SMALL.credits]


def test_an_inch_is_one_factor_in_both_charts():
    figure = draw_credit(LARGE)
    scales = []
    for ax in figure.axes:
        low, high = ax.get_xlim()
        scales.append(ax.get_position().width / math.log(high / low))
    assert scales[0] == pytest.approx(scales[1])


def test_a_predicted_foot_is_drawn_hollow():
    for attribution, hollow in ((SMALL, False), (LARGE, True)):
        (mark,) = [line for line in draw_credit(attribution).axes[0].lines if line.get_marker() == "o"]
        assert (mark.get_markerfacecolor() == LIGHT.paper) is hollow


def test_over_a_predicted_foot_the_whole_is_marked_as_in_the_table():
    for attribution, mark in ((SMALL, ""), (LARGE, "~")):
        words = " ".join(" ".join(text.get_text() for text in draw_credit(attribution).findobj(Text)).split())
        whole = cells(attribution_table(attribution))[-1][2]
        assert whole.startswith(mark)
        assert f"all of it {whole}" in words


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_the_colours_of_ideas_stand_out_and_differ(ink):
    colours = idea_colours(ink)
    assert list(colours) == list(FACTORS)
    assert len(set(colours.values())) == len(colours)
    assert all(contrast(colour, ink.paper) >= 3 for colour in colours.values())


def test_the_finding_names_what_is_worth_most_in_either_way():
    assert re.match(r"At n = 64 \(float64\), compiling is worth most, 4[45]\.\d× \[.* whatever", finding_credit(SMALL))
    first = msgspec.structs.replace(SMALL.credits[2], factor=Interval(99.0, 90.0, 110.0))
    other = msgspec.structs.replace(SMALL, credits=(*SMALL.credits[:2], first, *SMALL.credits[3:]))
    told = "SIMD is worth most, 99.0× [90.0, 110] whatever the order; in the told order it is compiling, 4"
    assert told in finding_credit(other)
    assert alt_credit(other).endswith(finding_credit(other))


def test_without_an_attribution_the_picture_says_how_to_get_one():
    assert HOW in finding_credit(None)
    assert alt_credit(None).startswith("Empty chart.")
    assert not rows_credit(None).rows
    assert "not measured on this machine" in [text.get_text() for text in draw_credit(None).axes[0].texts]


def test_the_numbers_behind_the_picture_have_a_row_for_the_foot_and_each_idea():
    told = rows_credit(LARGE)
    assert [row[0] for row in told.rows] == [FOOT, *IDEAS]
    assert [row[-1] for row in told.rows] == ["yes", *["no"] * len(IDEAS)]
    assert csv_of(told).count("\n") == len(IDEAS) + 2


def test_equal_attributions_have_equal_fingerprints():
    assert digest(SMALL) == digest(attribution_at(64)) != digest(LARGE)


def test_only_the_machine_s_own_attribution_of_the_same_type_stands_beside_a_record(record_of):
    found = [LARGE, SMALL, attribution_at(256, host_id="h-another")]
    header = record_of(host=Host(host_id=HOST_ID)).header
    assert credit_at(header, Problem(100, 100, 100), found) is SMALL
    assert credit_at(header, Problem(500, 500, 500), found) is LARGE
    assert credit_at(header, Problem(100, 100, 100, "float32"), found) is None
    assert credit_at(header, Problem(8, 100, 100), found) is None
    assert credit_at(header, Problem(100, 100, 100, operation="inverse"), found) is None
    assert credit_at(record_of().header, Problem(100, 100, 100), found) is None
