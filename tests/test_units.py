"""Quantities as people read and type them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.errors import UsageError
from matbench.units import (
    format_bytes,
    format_factor,
    format_percent,
    format_rate,
    format_seconds,
    parse_duration,
)

# A number that rounding lifts to the next power of ten is shown with one digit too many, or a share with one too few.
SCALES = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def duration_or_refusal(text):
    try:
        return parse_duration(text)
    except UsageError as refusal:
        return str(refusal)


def value_of(text):
    """The number that a formatted quantity shows."""
    return float(re.match(r"[\d,.]+", text)[0].replace(",", ""))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ns"),
        (1e-9, "1.00 ns"),
        (1.234e-8, "12.3 ns"),
        (9.994e-7, "999 ns"),
        (9.996e-7, "1.00 µs"),
        (1e-6, "1.00 µs"),
        (0.00123, "1.23 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.0, "1.00 s"),
        (9.996, "10.0 s"),
        (99.96, "100 s"),
        (274.0, "274 s"),
        (12345.0, "12,300 s"),
    ],
)
def test_times(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("flops", "text"),
    [
        (52.44e9, "52.4"),
        (33.1e6, "0.0331"),
        (0.0, "0"),
        (999.6e9, "1,000"),
        (1.0, "0.00000000100"),
        (9.996e9, "10.0"),
    ],
)
def test_rates(flops, text):
    assert format_rate(flops) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "1.00×"),
        (1572.3, "1,570×"),
        (0.123, "0.123×"),
        (48200.0, "48,200×"),
        (0.9996, "1.00×"),
        (99.95, "100×"),
    ],
)
def test_factors(ratio, text):
    assert format_factor(ratio) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0, "0.00 %"),
        (1e-6, "<0.01 %"),
        (0.0001, "0.01 %"),
        (0.0012, "0.12 %"),
        (0.0094, "0.94 %"),
        (0.0097, "0.97 %"),
        (0.0123, "1.2 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.944, "94 %"),
        (1.004, "100 %"),
    ],
)
def test_shares(fraction, text):
    assert format_percent(fraction) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (49152, "48 KiB"),
        (2.5 * 2**20, "2.5 MiB"),
        (480 * 2**20, "480 MiB"),
        (2**30, "1 GiB"),
        (24 * 2**40, "24 TiB"),
        (2**60, "1048576 TiB"),
    ],
)
def test_sizes_in_memory(count, text):
    assert format_bytes(count) == text


@given(seconds=st.floats(1e-9, 1e9))
def test_a_time_is_shown_to_three_digits(seconds):
    text = format_seconds(seconds)
    assert value_of(text) * SCALES[text.split()[-1]] == pytest.approx(seconds, rel=0.0051)
    assert "e" not in text


@given(ratio=st.floats(1e-6, 1e9))
def test_a_factor_is_shown_to_three_digits(ratio):
    text = format_factor(ratio)
    assert value_of(text) == pytest.approx(ratio, rel=0.0051)
    digits = text.rstrip("×").replace(",", "").replace(".", "").lstrip("0")
    assert len(digits) >= 3


@given(fraction=st.floats(0.0001, 10.0))
def test_a_share_is_never_shown_a_twentieth_off(fraction):
    assert value_of(format_percent(fraction)) == pytest.approx(100 * fraction, rel=0.051, abs=0.0051)


@given(count=st.integers(0, 2**62))
def test_a_size_is_never_shown_a_twentieth_off(count):
    text = format_bytes(count)
    scale = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[text.split()[-1]]
    assert value_of(text) * scale == pytest.approx(count, rel=0.051)


# -- durations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("1.5m", 90.0),
        ("25min", 1500.0),
        ("1h", 3600.0),
        ("250ms", 0.25),
        (" 2 h ", 7200.0),
        ("0.001s", 0.001),
        ("999999999", 999999999.0),
    ],
)
def test_durations_that_are_understood(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "0",
        "0s",
        "0.0h",
        "-1s",
        "+1",
        "1e3",
        "1,5m",
        "1d",
        "1 2",
        "1h30m",
        "inf",
        "nan",
        "1.s",
        ".5s",
        "1S",
        "9" * 10,
    ],
)
def test_durations_that_are_none_are_refused_with_examples(text):
    with pytest.raises(UsageError, match=r"is no duration; write for example 60s, 1\.5m or 1h$"):
        parse_duration(text)


@given(text=st.text(max_size=30) | st.text(alphabet="0123456789.smhin -", max_size=12))
def test_any_text_at_all_is_a_positive_finite_duration_or_one_sentence(text):
    found = duration_or_refusal(text)
    assert "\n" not in found if isinstance(found, str) else 0 < found < 3600 * 1e9


@given(seconds=st.floats(0.001, 1e6), unit=st.sampled_from(["s", "m", "h"]))
def test_a_duration_is_read_as_it_was_written(seconds, unit):
    assert parse_duration(f"{seconds:.6f}{unit}") == pytest.approx(
        seconds * {"s": 1, "m": 60, "h": 3600}[unit], abs=0.01
    )
