"""The grammar of sizes, for every text that anybody may type."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matbench.errors import UsageError
from matbench.sizes import LARGEST, MOST, parse_sizes

SIDES = st.integers(1, LARGEST)
ALMOST = st.text(alphabet="0123456789,-+*x ٣²", max_size=20)  # digits that are none in the grammar included


def squares(*sides):
    return tuple((side,) * 3 for side in sides)


def sizes_or_refusal(text):
    try:
        return parse_sizes(text)
    except UsageError as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("64", squares(64)),
        ("64,100", squares(64, 100)),
        (" 64 , 100\n", squares(64, 100)),
        ("100,64", squares(100, 64)),
        ("64,64,100,64", squares(64, 100)),
        ("007", squares(7)),
        ("64-256*2", squares(64, 128, 256)),
        ("64-255*2", squares(64, 128)),
        ("3-100*3", squares(3, 9, 27, 81)),
        ("64-256+64", squares(64, 128, 192, 256)),
        ("64-200+64", squares(64, 128, 192)),
        ("5-5+1", squares(5)),
        ("5-5*2", squares(5)),
        ("64-128*2,128-192+32", squares(64, 128, 160, 192)),
        ("8x1000x1000", ((8, 1000, 1000),)),
        ("1x2x3,4", ((1, 2, 3), (4, 4, 4))),
        ("5x5x5,5", squares(5)),
        (str(LARGEST), squares(LARGEST)),
        (f"1-{MOST}+1", squares(*range(1, MOST + 1))),
    ],
)
def test_what_is_in_the_grammar(text, shapes):
    assert parse_sizes(text) == shapes


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ",", "64,", ",64", "64,,100", "-64", "64.5", "1e3", "0x10", "64x64", "1x2x3x4", "X", "64 100", "٣"),
        *("64-128", "64-128*", "64-128/2", "64-128^2", "128-64*2", "64-128*1", "64-128*0", "64-128+0", "0-64+8"),
        *("0-64*2", "1234567890", "64-128*2+1", "8x8x8-16*2", "64–128*2"),
    ],
)
def test_what_is_not_is_refused_with_examples_of_what_is(text):
    with pytest.raises(UsageError, match=r"no (range of )?sizes?; write for example 64,100"):
        parse_sizes(text)


@pytest.mark.parametrize("text", ["0", f"{LARGEST + 1}", "64,0", f"1x{LARGEST + 1}x1", "0x1x1", "1-999999999*2"])
def test_a_side_outside_the_limits_is_refused_with_the_limits(text):
    with pytest.raises(UsageError, match=rf"out of range; sizes are from 1 to {LARGEST}$"):
        parse_sizes(text)


@pytest.mark.parametrize("text", [f"1-{MOST + 1}+1", "1-999999999+1", "64,1-100000+2"])
def test_a_range_without_end_is_refused_before_it_is_made(text):
    with pytest.raises(UsageError, match="take a wider step"):
        parse_sizes(text)


@given(text=st.text(max_size=40) | ALMOST)
@example("1-999999999*2")
@example("0" * 10)
def test_any_text_at_all_gives_sizes_within_the_limits_or_one_sentence(text):
    shapes = sizes_or_refusal(text)
    if isinstance(shapes, str):
        assert "\n" not in shapes
        return
    assert shapes
    assert len(set(shapes)) == len(shapes) <= MOST * (text.count(",") + 1)
    assert all(1 <= side <= LARGEST for shape in shapes for side in shape)


@given(shapes=st.lists(st.tuples(SIDES, SIDES, SIDES), min_size=1, max_size=8, unique=True))
def test_a_list_of_shapes_is_read_as_it_was_written(shapes):
    assert parse_sizes(",".join("x".join(map(str, shape)) for shape in shapes)) == tuple(shapes)


@given(first=st.integers(1, 2000), steps=st.integers(0, MOST - 1), step=st.integers(1, 1000), over=st.integers(0, 999))
def test_steps_go_from_the_first_to_the_last_that_is_reached(first, steps, step, over):
    last = first + steps * step + over % step
    assert parse_sizes(f"{first}-{last}+{step}") == squares(*range(first, last + 1, step))


@given(first=st.integers(1, 1000), factor=st.integers(2, 1000), last=st.integers(1, LARGEST))
def test_factors_multiply_up_to_the_last(first, factor, last):
    sides = [shape[0] for shape in parse_sizes(f"{first}-{max(first, last)}*{factor}")]
    assert sides[0] == first
    assert all(after == factor * before for before, after in pairwise(sides))
    assert sides[-1] <= max(first, last) < sides[-1] * factor
