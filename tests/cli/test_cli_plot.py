"""Every kind of picture, drawn from a record that is made up: nothing is timed."""

import pytest
from cli_driver import complains
from compare_examples import record, roof, samples

from matbench.model import Ceiling
from matbench.present.figures import KINDS
from matbench.record.store import keep_record

DRAWN = [kind for kind in KINDS if kind != "credit"]  # that is kept nowhere here


def stream(threads):
    """A bandwidth of the machine's memory, by so many threads."""
    return Ceiling("read", "float64", 1, threads, 10**9, samples=samples(0.1 / threads))


@pytest.fixture
def kept(user):
    """A record with all that pictures are drawn from: samples at several sizes, on one and two threads, both roofs."""
    made = record(ceilings=(*(roof(threads=count) for count in (1, 2)), *map(stream, (1, 2))))
    return keep_record(made, user.folder / "results")


def test_every_kind_is_drawn_with_its_words_inside(user, kept):
    done = user.does("plot", kept, "--output", "figures")
    assert done.code == 0, done.err
    assert sorted(done.out.split()) == sorted(
        f"figures/{kind}-float64.{form}" for kind in DRAWN for form in ("png", "svg")
    )
    for kind in DRAWN:
        svg = (user.folder / f"figures/{kind}-float64.svg").read_text("utf-8")
        assert "<desc" in svg


def test_one_kind_alone_can_be_asked_for(user, kept):
    done = user.does("plot", kept, "--kind", "heatmap", "--dark", "--output", "figures")
    assert done.code == 0, done.err
    assert done.out.split() == ["figures/heatmap-float64-dark.png", "figures/heatmap-float64-dark.svg"]


def test_an_unknown_kind_is_refused_with_those_there_are(user):
    complains(
        user.does("plot", "--kind", "heatmap,pie"), "no figure 'pie'", "percore, roofline, heatmap, distributions"
    )
