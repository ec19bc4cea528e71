"""Python's search for cycles of garbage, put off where it would disturb a measurement or look at millions in vain."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collector_off"]


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """Within, Python's garbage collector does not run; afterwards as before.

    It is not asked to run beforehand either: with a compiler's objects around, that takes 0.1 s.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
