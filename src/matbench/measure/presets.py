"""The ready-made plans: which kernels on which sizes, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from matbench.errors import UsageError
from matbench.model import Dtype
from matbench.operations import OPERATIONS, PRODUCT, OperationName

__all__ = ["BASE", "OWN_S", "PRESETS", "Grid", "Preset", "further_seconds", "further_sizes", "preset"]

BASE = "python_lists"  # the faster of the two triple loops: the smaller headline
OWN_S = 8.0  # s, of a run that measures no product: its start, the hardware's limits, its end


@dataclass(frozen=True)
class Grid:
    """Part of a preset: some kernels on some sizes in one dtype.

    Attributes
    ----------
    dtype
        Element type.
    sizes
        In the size grammar.
    kernels
        Names or globs, comma-separated.
    beyond
        Whether kernels are taken whose calls are longer than the preset likes.
    operation
        Of which they are kernels.
    """

    dtype: Dtype
    sizes: str
    kernels: str = "*"
    beyond: bool = False
    operation: OperationName = PRODUCT


@dataclass(frozen=True)
class Preset:
    """A ready-made plan: how long it may take, how many samples, on which grids.

    Attributes
    ----------
    budget_s
        Time of the whole command, s.
    rounds
        Most samples a case, in all its processes together.
    sample_ns
        Shortest sample, ns.
    longest_call_s
        Cases whose call is expected to take longer are left out, s.
    processes
        Sampling processes, one after another; an interval over processes takes six.
    all_threads
        Whether all thread counts are taken (powers of two and the largest) or only one and the largest.
    slabs
        ``(kernel, n)`` whose product is too slow to be measured whole: a few of its rows are, for a prediction.
    """

    budget_s: float
    rounds: int
    sample_ns: int
    longest_call_s: float
    grids: tuple[Grid, ...]
    processes: int = 1
    all_threads: bool = False
    slabs: tuple[tuple[str, int], ...] = ()


_INTEGER = "python_lists,numba_ikj,numpy_matmul"
_FAST = "numba_ikj*,numba_tiled,numba_parallel,numba_gemm,numpy_matmul,blas_*"
_COMPILED = f"numba_ijk,{_FAST}"
PRESETS: dict[str, Preset] = {
    "quick": Preset(
        budget_s=25.0,
        rounds=7,
        sample_ns=2_000_000,
        longest_call_s=0.25,
        grids=(Grid("float64", "16,64,128"), Grid("float64", "256,512,1000", _COMPILED)),
        slabs=((BASE, 1000),),
    ),
    "standard": Preset(
        budget_s=85.0,
        rounds=18,
        processes=6,  # the fewest with an interval: each costs 2 to 3 s of start and loading
        sample_ns=3_000_000,
        longest_call_s=1.5,
        grids=(
            Grid("float64", "16,64,100,256,512,1000"),
            Grid("float64", "1000", "numba_ijk", beyond=True),
            Grid("float64", "32,128", _FAST),
            Grid("float32", "64", f"{BASE},{_FAST}"),
            Grid("float32", "256,1000", _FAST),
            Grid("int64", "64,128", _INTEGER),
        ),
        slabs=((BASE, 512), (BASE, 1000), ("python_arrays", 1000)),
    ),
    "full": Preset(
        budget_s=1200.0,
        rounds=27,
        processes=9,  # one of them may dissent
        sample_ns=5_000_000,
        longest_call_s=5.0,
        all_threads=True,
        grids=(
            Grid("float64", "8,16,32,64,100,128,256"),
            Grid("float64", "512,1000", beyond=True),  # half of the time: triple loops in pure Python
            Grid("float64", "48,96,200", f"{BASE},{_COMPILED}"),
            # Neighbours of powers of two are there on purpose: a stride of 1024 elements meets cache associativity.
            Grid("float64", "127,136,255,264,384,511,520,768,1024,1032", _COMPILED),
            Grid("float64", "2048", _FAST),
            Grid("float64", "16x1000x1000,1000x16x1000,1000x1000x16,64x2048x64", _COMPILED),
            Grid("float32", "16,64,256", f"{BASE},{_COMPILED}"),
            Grid("float32", "128,512,1000", _FAST),
            Grid("float32", "2048", "numba_parallel,numba_gemm,numpy_matmul,blas_*"),
            Grid("int64", "64,256,1000", _INTEGER),
        ),
        slabs=((BASE, 384), (BASE, 768), (BASE, 1000), ("python_arrays", 1000), (BASE, 1024)),
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]


# Of the operations beside the product. Those bound by memory: in the caches, and beyond those of one core. The others:
# from where calling is all to where arithmetic is all. What is too slow for a preset is left out by name.
_SIZES = {
    "quick": {"byte/s": "64,256,1000", "flop/s": "16,32,100,256"},
    "standard": {"byte/s": "16,64,256,1000,2000,4000", "flop/s": "8,16,32,64,100,256,512"},
    "full": {"byte/s": "8-4096*2,1000,2000,3000", "flop/s": "8-1024*2,100,1000"},
}
_SECONDS = {"quick": 7.0, "standard": 25.0, "full": 150.0}


def further_sizes(preset: str, operation: OperationName) -> tuple[tuple[Dtype, str], ...]:
    """Element types of an operation beside the product in a preset, each with its sizes in the size grammar."""
    sizes = _SIZES[preset][OPERATIONS[operation].told]
    return (("float64", sizes), ("float32", sizes)) if preset == "full" else (("float64", sizes),)


def further_seconds(preset: str) -> float:
    """Time that each operation beside the product adds to a preset's run, s."""
    return _SECONDS[preset]
