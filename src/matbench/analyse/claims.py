"""Claims that a gate holds code to, in a small closed grammar: 'numba_ikj is at least 100x python_lists at n=256'.

    A is at least 100x B                at least a hundred times as fast
    A is no slower than B               as fast, or faster
    A is at most 5% slower than B       its time is at most 1.05 times B's
    .. at n=256, dtype=float32, threads=2

A and B are kernels or functions, as `matbench pair` takes them; sizes are those of its ``--sizes``.
"""

from __future__ import annotations

import re

import msgspec

from matbench.errors import UsageError
from matbench.model import DTYPES, Dtype, Threads, Value

__all__ = ["HINT", "LARGEST", "Claim", "is_claim", "parse_claimed"]

LARGEST = 1e9  # a factor beyond it is a slip of the pen
HINT = "write for example 'numba_ikj is at least 100x python_lists at n=256' or 'A is at most 5% slower than B'"
CLAIM = re.compile(
    r"(?P<a>\S+) is (?:"
    r"at least (?P<factor>\d{1,9}(?:\.\d{1,9})?) ?[x×]"
    r"|(?P<equal>no slower than)"
    r"|at most (?P<percent>\d{1,4}(?:\.\d{1,9})?) ?% slower than"
    r") (?P<b>\S+)(?: at (?P<where>.+))?",
)
PLACES = {
    "sizes": re.compile(r"n ?= ?(\S+)"),
    "dtype": re.compile(rf"dtype ?= ?({'|'.join(DTYPES)})"),
    "threads": re.compile(r"threads ?= ?([1-9]\d{0,4})"),
}


class Claim(Value, frozen=True):
    """What is claimed of two arms, as it was typed."""

    text: str
    a: str
    b: str
    factor: float  # time of B over time of A, at least
    sizes: str = "256"
    dtype: Dtype = "float64"
    threads: Threads = 1


def is_claim(text: str) -> bool:
    """Whether a text is meant for a claim, be it well formed or not.

    Examples
    --------
    >>> is_claim("a is faster than b"), is_claim("v1.2"), is_claim("this-folder/there")
    (True, False, False)
    """
    return " is " in text


def parse_claimed(text: str) -> Claim:
    """The claim that a text states.

    Raises
    ------
    UsageError
        If it is not in the grammar, or claims nothing that could fail.

    Examples
    --------
    >>> claim = parse_claimed("f is at most 25% slower than g at n=64,128, dtype=float32")
    >>> claim.factor, claim.sizes, claim.dtype
    (0.8, '64,128', 'float32')
    """
    words = " ".join(text.split())
    found = CLAIM.fullmatch(words)
    if found is None:
        raise UsageError(f"{words[:120]!r} is no claim; {HINT}")
    if found["a"] == found["b"]:
        raise UsageError(f"{words[:120]!r} compares {found['a']} with itself; name two")
    factor = float(found["factor"]) if found["factor"] else 1 / (1 + float(found["percent"] or 0) / 100)
    if not 0 < factor <= LARGEST:
        raise UsageError(f"{words[:120]!r} claims nothing; state a factor between 0 and {LARGEST:.0e}")
    stated = {"text": words, "a": found["a"], "b": found["b"], "factor": factor, **_where(found["where"], words)}
    return msgspec.convert(stated, Claim, strict=False)


def _where(text: str | None, claim: str) -> dict[str, str]:
    """Sizes, dtype and threads, as far as they are stated."""
    stated: dict[str, str] = {}
    for part in re.split(r", +", text) if text else ():
        known = {name: found[1] for name, form in PLACES.items() if (found := form.fullmatch(part))}
        if not known or known.keys() & stated.keys():
            raise UsageError(f"{part[:80]!r} in {claim[:120]!r} is no place; write for example n=256, threads=2")
        stated |= known
    return stated
