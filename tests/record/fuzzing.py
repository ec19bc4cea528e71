"""Damage of every kind done to good files: each parser meets what a stranger, a full disk or a flipped bit makes.

The same damage is done in every run of the tests. `MATBENCH_FUZZ=5000 pytest tests/record -k fuzz` tries as many
examples of each test, other ones every time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONG = int(os.environ.get("MATBENCH_FUZZ", "0"))  # examples of each test; 0: the few of a usual run


def fuzz(examples: int) -> settings:
    """The settings of a test that meets so many damaged files in a usual run."""
    return settings(
        max_examples=LONG or examples,
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + b"1" + closing * depth


# What stands in the place of any value; not all of it is JSON.
NASTY = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"5e-324", b"1.7976931348623157e308"),
    *(b"0", b"-0", b"-0.0", b"-1", b"0.5", b"1.0", b"1e3", b"1_0", b"0x1", b"01", b"9" * 5000, b"1" + b"0" * 30),
    *(b"2147483648", b"4611686018427387904", b"4611686018427387905", b"9223372036854775808", b"18446744073709551616"),
    *(b"null", b"true", b"false", b"[]", b"{}", b"[[]]", b"[null]", b"[1,2,3]", b'{"type":"end"}', b'{"":{}}', b""),
    *(b'""', b'" "', b'"\\u0000"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\xff"', b'"\xc0\x80"', b'"\\x"', b"'x'"),
    *(b'"../../x"', b'"/x"', b'"a\\\\b"', b'"a\\nb"', b'"a\nb"', b'"."', b'".."', b'"con"', b'"NUL.txt"', b'"~"'),
    *(
        b'"\\u202e<script>"',
        b'"\\u001b[2J"',
        '"\N{ARABIC-INDIC DIGIT THREE}"'.encode(),
        b'"=1+1"',
        b'"' + b"x" * 9999 + b'"',
    ),
    *(
        b'"2026-11-22T16:12:03"',
        b'"0001-01-01T00:00:00+23:59"',
        b'"9999-12-31T23:59:59-23:59"',
        b'"99999999T999999Z-x"',
    ),
    *(b"[" * 3000, b'{"a":' * 3000, nested(b"[", b"]", 200), nested(b"[", b"]", 900), nested(b'{"a":', b"}", 900)),
    *(nested(b"[", b"]", 20_000), nested(b'{"a":', b"}", 20_000)),
)
MARK = "@here@"


@st.composite
def places(draw: Any, value: Any) -> list[Any]:
    """The way to some value within `value`: keys and indices."""
    path: list[Any] = []
    while isinstance(value, dict | list) and value and (not path or draw(st.integers(0, 3))):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        path.append(draw(st.sampled_from(keys)))
        value = value[path[-1]]
    return path


@st.composite
def replaced(draw: Any, text: bytes) -> bytes:
    """JSON with one of its values, wherever it is, replaced, removed, doubled, or given a stranger beside it."""
    whole = json.loads(text)
    path = draw(places(whole))
    if not path:
        return draw(st.sampled_from(NASTY))
    parent = whole
    for key in path[:-1]:
        parent = parent[key]
    kind = draw(st.sampled_from(("replace", "replace", "replace", "remove", "double", "add")))
    if kind == "remove":
        del parent[path[-1]]
    elif kind == "double" and isinstance(parent, list):
        parent.append(parent[path[-1]])
    elif kind == "add" and isinstance(parent, dict):
        parent[MARK] = MARK
    else:
        parent[path[-1]] = MARK
    key, nasty = draw(st.sampled_from((b"x", b"id", b"type", b"../x"))), draw(st.sampled_from(NASTY))
    made = json.dumps(whole, separators=(",", ":")).encode()
    return made.replace(b'"' + MARK.encode() + b'":', b'"' + key + b'":').replace(b'"' + MARK.encode() + b'"', nasty)


@st.composite
def scratched(draw: Any, data: bytes) -> bytes:
    """Bytes with a few of them overwritten, cut out or put in."""
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.sampled_from((0, 0, 1, 2, 8, 100)))
        data = data[:at] + draw(st.binary(max_size=8) | st.sampled_from(NASTY)) + data[at + length :]
    return data


@st.composite
def damaged(draw: Any, lines: Sequence[bytes]) -> bytes:
    """A file of JSON lines that somebody or something has spoilt."""
    found = list(lines)
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(("value", "value", "value", "drop", "double", "swap", "nasty", "cut")))
        at = draw(st.integers(0, len(found) - 1))
        if kind == "value":
            found[at] = draw(replaced(lines[draw(st.integers(0, len(lines) - 1))] if at >= len(lines) else lines[at]))
        elif kind == "drop" and len(found) > 1:
            del found[at]
        elif kind == "double":
            found.insert(draw(st.integers(0, len(found))), found[at])
        elif kind == "swap":
            other = draw(st.integers(0, len(found) - 1))
            found[at], found[other] = found[other], found[at]
        elif kind == "nasty":
            found.insert(at, draw(st.sampled_from(NASTY)))
        else:
            found[at] = found[at][: draw(st.integers(0, len(found[at])))]
    end = draw(st.sampled_from((b"\n", b"\n", b"\n", b"", b"\r\n", b"\n\n", b"\0")))
    return b"\n".join(line.rstrip(b"\n") for line in found) + end
