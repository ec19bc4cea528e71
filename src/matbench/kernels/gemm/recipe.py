"""What the generator is asked for: one switch per idea, and the instruction set that the switches suit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from matbench.errors import KernelError
from matbench.kernels.tiling import Blocks, RegisterTile, gemm_blocks, register_tile
from matbench.kernels.vectors import VectorUnit
from matbench.model import ITEMSIZE, Caches, Dtype

__all__ = ["Code", "Recipe", "blocks_of", "full_recipe"]

MOST = 32  # rows, vectors or steps: more than any register file has use for
UNLIMITED = 2**40  # elements or bytes; no matrix has as many


class Code(NamedTuple):
    """The part of a recipe that the machine code depends on, as numbers that Numba takes for constants."""

    itemsize: int  # bytes of an element
    lanes: int  # elements of a vector
    rows: int
    vectors: int
    fused: int
    unroll: int
    prefetch: int
    masks: int
    made_by: int = 0  # of what version of the generator


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The ideas of the kernel, each of which can be left out.

    Attributes
    ----------
    dtype
        'float64' or 'float32'.
    lanes
        Elements of a vector; 1 leaves out SIMD.
    fused
        Whether multiply and add are one instruction.
    rows, vectors
        The register tile: `rows` x `vectors` vectors of C stay in registers while k passes by; 1 x 1 leaves it out.
    packed
        Whether what is read again and again is copied together first, where that pays.
    blocked
        Whether the loops are cut so that what is read again is still in a cache.
    unroll
        Steps along k between two branches.
    prefetch
        Whether the tile of C is fetched while the product is computed.
    masks
        Whether the processor loads and stores a part of a vector as fast as the whole.
    """

    dtype: Dtype
    lanes: int
    fused: bool = True
    rows: int = 1
    vectors: int = 1
    packed: bool = True
    blocked: bool = True
    unroll: int = 8
    prefetch: bool = False
    masks: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in {"float64", "float32"}:
            raise KernelError(f"no register tile computes in {self.dtype}; use float64 or float32")
        if self.lanes < 1 or self.lanes & (self.lanes - 1):
            raise KernelError(f"{self.lanes} lanes make no vector; use a power of two")
        if not (1 <= self.rows <= MOST and 1 <= self.vectors <= MOST and 1 <= self.unroll <= MOST):
            raise KernelError(f"rows, vectors and unroll have to be from 1 to {MOST}")

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return ITEMSIZE[self.dtype]

    @property
    def tile(self) -> RegisterTile:
        """Extents of the register tile."""
        return RegisterTile(self.rows, self.vectors, self.lanes)

    @property
    def code(self) -> Code:
        """What the machine code depends on."""
        switches = (int(self.fused), self.unroll, int(self.prefetch), int(self.masks))
        return Code(self.itemsize, self.lanes, self.rows, self.vectors, *switches)


def blocks_of(recipe: Recipe, caches: Caches) -> Blocks:
    """Where a recipe cuts the loops on a machine, and when it packs."""
    blocks = gemm_blocks(caches, recipe.tile, recipe.itemsize)
    if not recipe.blocked:
        blocks = blocks._replace(mc=UNLIMITED, kc=UNLIMITED, nc=UNLIMITED)
    return blocks if recipe.packed else blocks._replace(small=UNLIMITED, few=UNLIMITED)


def full_recipe(dtype: Dtype, unit: VectorUnit) -> Recipe:
    """Every idea at once, for a processor.

    Examples
    --------
    >>> full_recipe("float64", VectorUnit(64, 32, fused=True)).tile
    RegisterTile(rows=8, vectors=3, lanes=8)
    """
    lanes = unit.vector_bytes // ITEMSIZE[dtype]
    tile = register_tile(unit.registers, lanes, fused=unit.fused)
    wide = unit.vector_bytes == 64
    return Recipe(
        dtype=dtype,
        lanes=lanes,
        fused=unit.fused,
        rows=tile.rows,
        vectors=tile.vectors,
        unroll=4 if wide else 2,  # 4 steps are worth 8 % with AVX-512; elsewhere they tempt LLVM to spill registers
        masks=wide,
    )
