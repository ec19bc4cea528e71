"""Every kind of picture, drawn from a record that has been kept: nothing is timed."""

from pathlib import Path

import pytest
from cli_driver import complains

from matbench.present.figures import KINDS
from matbench.record.store import find_records

RECORDS = find_records(Path(__file__).parents[2] / "results")
DRAWN = [kind for kind in KINDS if kind != "credit"]  # that is kept nowhere here


@pytest.mark.skipif(not RECORDS, reason="no record is kept in results/")
def test_every_kind_is_drawn_with_its_words_inside(user):
    done = user.does("plot", RECORDS[-1], "--output", "figures")
    assert done.code == 0, done.err
    assert sorted(done.out.split()) == sorted(
        f"figures/{kind}-float64.{form}" for kind in DRAWN for form in ("png", "svg")
    )
    for kind in DRAWN:
        svg = (user.folder / f"figures/{kind}-float64.svg").read_text("utf-8")
        assert "<desc" in svg


@pytest.mark.skipif(not RECORDS, reason="no record is kept in results/")
def test_one_kind_alone_can_be_asked_for(user):
    done = user.does("plot", RECORDS[-1], "--kind", "heatmap", "--dark", "--output", "figures")
    assert done.code == 0, done.err
    assert done.out.split() == ["figures/heatmap-float64-dark.png", "figures/heatmap-float64-dark.svg"]


def test_an_unknown_kind_is_refused_with_those_there_are(user):
    complains(
        user.does("plot", "--kind", "heatmap,pie"), "no figure 'pie'", "percore, roofline, heatmap, distributions"
    )
