"""The grammar of sizes: ``64,100`` a list, ``64-1024+64`` steps, ``64-1024*2`` factors, ``8x1000x1000`` m x n x k."""

from __future__ import annotations

import re

from matbench.errors import UsageError

__all__ = ["LARGEST", "Shape", "parse_sizes"]

Shape = tuple[int, int, int]  # m, n, k
LARGEST = 2**20  # elements along one side
MOST = 1000  # sizes in one list

_HINT = "write for example 64,100 or 64-1024*2 or 64-1024+64 or 8x1000x1000"


def parse_sizes(text: str) -> tuple[Shape, ...]:
    """Shapes ``(m, n, k)`` in the order given, each once.

    Raises
    ------
    UsageError
        If `text` is not in the grammar, or a size is not between 1 and `LARGEST`.

    Examples
    --------
    >>> parse_sizes("64-256*2,8x1000x1000")
    ((64, 64, 64), (128, 128, 128), (256, 256, 256), (8, 1000, 1000))
    """
    shapes = [shape for item in text.split(",") for shape in _parse_item(item.strip())]
    for side in {side for shape in shapes for side in shape}:
        if not 1 <= side <= LARGEST:
            raise UsageError(f"size {side} is out of range; sizes are from 1 to {LARGEST}")
    return tuple(dict.fromkeys(shapes))


def _parse_item(item: str) -> list[Shape]:
    if re.fullmatch(r"\d{1,9}", item, re.ASCII):
        return [(int(item),) * 3]
    if found := re.fullmatch(r"(\d{1,9})x(\d{1,9})x(\d{1,9})", item, re.ASCII):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if found := re.fullmatch(r"(\d{1,9})-(\d{1,9})([+*])(\d{1,9})", item, re.ASCII):
        return [(side,) * 3 for side in _parse_range(int(found[1]), int(found[2]), found[3], int(found[4]), item)]
    raise UsageError(f"{item!r} is no size; {_HINT}")


def _parse_range(first: int, last: int, sign: str, step: int, item: str) -> list[int]:
    if first < 1 or last < first or step < (1 if sign == "+" else 2):
        raise UsageError(f"{item!r} is no range of sizes; {_HINT}")
    sides: list[int] = []
    side = first
    while side <= last:
        sides.append(side)
        if len(sides) > MOST:
            raise UsageError(f"{item!r} has more than {MOST} sizes; take a wider step")
        side = side + step if sign == "+" else side * step
    return sides
