"""The values of tuning: where a kernel cuts its loops, and what was found to be better on one machine."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from matbench.model import Count, Dtype, Extent, Name, Text, Threads, Value

__all__ = ["TUNING_SCHEMA", "Tuned", "TunedBlocks", "Tuning"]

TUNING_SCHEMA = 1  # version of the file; a reader takes a higher one for none

Factor = Annotated[float, Meta(gt=0.0, le=1e6)]


class TunedBlocks(Value, frozen=True, omit_defaults=True):
    """Blocks that a kernel is to use instead of those derived from the caches' sizes."""

    kernel: Name
    dtype: Dtype
    mc: Extent  # rows of a block of A
    kc: Extent  # its columns, and rows of a block of B
    nc: Extent  # columns of a block of B
    name: Name | None = None  # of a kernel beside the one that derives its blocks; None: in its place

    @property
    def words(self) -> str:
        """The blocks as people read them.

        Examples
        --------
        >>> TunedBlocks("numba_gemm", "float64", 8, 512, 240).words
        'mc 8, kc 512, nc 240'
        """
        return f"mc {self.mc}, kc {self.kc}, nc {self.nc}"


class Tuned(Value, frozen=True, kw_only=True):
    """What tuning has found for a kernel and an element type."""

    blocks: TunedBlocks  # the best known; the derived ones where none was better beyond doubt
    derived: TunedBlocks  # what it was compared with: where other blocks are derived, this holds no more
    rows: Extent  # of the register tile
    vectors: Extent  # of each of them
    lanes: Extent  # elements of a vector
    threads: Annotated[tuple[Threads, ...], Meta(min_length=1, max_length=64)]  # that it was measured with
    sizes: Annotated[tuple[Extent, ...], Meta(min_length=1, max_length=64)]  # n of the square products
    factor: Factor | None = None  # time with the derived blocks over time with these; None for the derived ones
    low: Factor | None = None  # its interval of 99 %
    high: Factor | None = None
    processes: Count = 0  # that it was compared in
    candidates: Count = 0  # blocks that were tried
    measured: Text  # ISO 8601, UTC

    @property
    def is_better(self) -> bool:
        """Whether other blocks than the derived ones were found to be faster."""
        return self.blocks != self.derived


class Tuning(Value, frozen=True, kw_only=True):
    """All that is known of a machine: kept with the user's data under the machine's id."""

    schema: Annotated[int, Meta(ge=1)] = TUNING_SCHEMA
    host_id: Name  # this very machine
    found: Annotated[tuple[Tuned, ...], Meta(max_length=16)] = ()  # one a kernel and element type

    def joined(self, found: tuple[Tuned, ...]) -> Tuning:
        """All of it, with what was found later in place of what was known of the same kernels and element types."""
        later = {(each.blocks.kernel, each.blocks.dtype): each for each in (*self.found, *found)}
        return Tuning(host_id=self.host_id, found=tuple(later.values())[-16:])
