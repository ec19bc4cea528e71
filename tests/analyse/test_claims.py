"""Claims in words: what can be said, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.claims import Claim, is_claim, parse_claimed
from matbench.errors import UsageError


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("f is at least 100x g", 100.0),
        ("f is at least 1.5 x g", 1.5),
        ("f is at least 2× g", 2.0),
        ("f is no slower than g", 1.0),
        ("f is at most 25% slower than g", 0.8),
        ("  f  is at most 100 % slower   than g ", 0.5),
        ("f is at most 0% slower than g", 1.0),
        ("f is at most 0.00 % slower than g", 1.0),
    ],
)
def test_a_claim_is_a_factor_between_two_arms(text, factor):
    claim = parse_claimed(text)
    assert (claim.a, claim.b) == ("f", "g")
    assert claim.factor == pytest.approx(factor)


def test_without_a_place_it_is_about_256_in_float64_on_one_thread():
    claim = parse_claimed("numba_ikj is at least 100x python_lists")
    assert (claim.sizes, claim.dtype, claim.threads) == ("256", "float64", 1)


def test_a_place_states_sizes_dtype_and_threads_in_any_order():
    claim = parse_claimed("pkg.mod:f is no slower than file.py:g at threads=2, n=64,128, dtype=float32")
    assert claim == Claim(claim.text, "pkg.mod:f", "file.py:g", 1.0, "64,128", "float32", 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f is faster than g",
        "f is at least 0x g",
        "f is at least 100 g",
        "f is at least -1x g",
        "f is at least nanx g",
        "f is at least 9999999999x g",
        "f is no slower than f",
        "f is no slower than g at noon",
        "f is no slower than g at n=1, n=2",
        "f is no slower than g at dtype=float16",
        "f is no slower than g at threads=0",
        "f is no slower than g at ",
        "f is no slower than g n=256",
    ],
)
def test_what_is_no_claim_is_refused_in_a_sentence(text):
    with pytest.raises(UsageError, match=r"no claim|claims nothing|itself|no place"):
        parse_claimed(text)


@given(st.text(max_size=200))
def test_no_text_brings_the_parser_down(text):
    try:
        claim = parse_claimed(text)
    except UsageError:
        return
    assert claim.factor > 0
    assert is_claim(claim.text)


def test_a_revision_a_version_and_a_path_are_no_claims():
    assert not any(map(is_claim, ("v1.2", "HEAD~1", "../other checkout", "numpy==2.4", "claims.toml")))
