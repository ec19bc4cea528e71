"""Ladders that others have published: context for ours, measured elsewhere and long ago."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PUBLISHED", "Ladder"]


class Ladder(NamedTuple):
    """A published table of speed-ups."""

    title: str
    source: str
    address: str
    setting: str  # what was multiplied, on what
    rungs: tuple[tuple[str, float], ...]  # name, times faster than the first


PUBLISHED = (
    Ladder(
        title="Science 2020, table 1",
        source="C. E. Leiserson et al., “There's plenty of room at the Top”, Science 368, eaam9744 (2020)",
        address="https://doi.org/10.1126/science.aam9744",
        setting="4096 × 4096 matrices of float64 on 18 cores; the last rung is 40 % of the peak of 835 GFLOP/s; "
        "the first took 25,552 s",
        rungs=(
            ("Python", 1.0),
            ("Java", 10.8),
            ("C", 47.0),
            ("parallel loops", 366.0),
            ("parallel divide and conquer", 6727.0),
            ("plus vectorization", 23224.0),
            ("plus AVX intrinsics", 62806.0),
        ),
    ),
    Ladder(
        title="MIT 6.172, lecture 1",
        source="C. E. Leiserson and J. Shun, MIT 6.172 Performance Engineering of Software Systems (2018), lecture 1",
        address="https://ocw.mit.edu/courses/6-172-performance-engineering-of-software-systems-fall-2018/",
        setting="another table than the one in Science, with other rungs in another order; the two are not to be mixed",
        rungs=(
            ("Python", 1.0),
            ("Java", 9.0),
            ("C", 18.0),
            ("plus loop order", 118.0),
            ("plus compiler flags", 385.0),
            ("parallel loops", 6921.0),
            ("plus tiling", 11772.0),
            ("parallel divide and conquer", 16197.0),
            ("plus compiler vectorization", 30272.0),
            ("plus AVX intrinsics", 53292.0),
            ("Intel MKL", 51497.0),
        ),
    ),
)
