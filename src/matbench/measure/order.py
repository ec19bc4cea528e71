"""In which order the arms of a block are sampled: balanced over blocks, and random."""

from __future__ import annotations

from random import Random

__all__ = ["orders", "williams"]


def williams(arms: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """A Williams design: every arm stands at every place, and next after every other arm, equally often.

    Parameters
    ----------
    arms
        At least one.

    Returns
    -------
    tuple of tuple of tuple of int
        Latin squares of `arms` rows: one for an even number of arms, one and its mirror image for an odd one.

    Source: E. J. Williams, Experimental designs balanced for the estimation of residual effects of treatments,
    Australian Journal of Scientific Research A 2 (1949) 149.

    Examples
    --------
    >>> williams(2)
    (((0, 1), (1, 0)),)
    >>> williams(3)
    (((0, 1, 2), (1, 2, 0), (2, 0, 1)), ((2, 1, 0), (0, 2, 1), (1, 0, 2)))
    """
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(arms)]  # 0, 1, -1, 2, ..
    square = tuple(tuple((row + place) % arms for place in zigzag) for row in range(arms))
    return (square,) if arms % 2 == 0 else (square, tuple(row[::-1] for row in square))


def orders(arms: int, blocks: int, rng: Random, *, mirrored: bool = True) -> tuple[tuple[int, ...], ...]:
    """The order of arms in each block: rows of Williams squares, arms relabelled and rows shuffled at random.

    A block samples its row and then the row backwards (for a pair: ABBA or BAAB), so that whatever drifts steadily
    within a block falls on all arms alike. The distribution is the same for every arm: where the arms are the same
    code, no arm is favoured, whatever the places in a block are worth. After every `arms` blocks each arm has stood
    at each place of the row equally often.

    Parameters
    ----------
    arms
        Arms in a block.
    blocks
        Blocks wanted; the last square may be cut.
    rng
        Decides; the same state gives the same orders.
    mirrored
        Whether the row is followed by itself backwards. Without, a block takes half the time: for arms so slow that
        a block would outlast the drift that it is to cancel.

    Returns
    -------
    tuple of tuple of int
        For each block the arms' indices as they are sampled.

    Examples
    --------
    >>> sorted(set(orders(2, 8, Random(1))))
    [(0, 1, 1, 0), (1, 0, 0, 1)]
    """
    rows: list[tuple[int, ...]] = []
    while len(rows) < blocks:
        labels = rng.sample(range(arms), arms)
        for square in williams(arms):
            rows.extend(tuple(labels[arm] for arm in row) for row in rng.sample(square, arms))
    return tuple(row + row[::-1] if mirrored else row for row in rows[:blocks])
