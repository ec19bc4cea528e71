"""The peak beside the kernels: chains of multiply-adds as arms of every block, in every process of a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping

from matbench.kernels import ceilings
from matbench.kernels.registry import FLOATS
from matbench.measure.sampler import Arm
from matbench.model import Ceiling, Dtype

__all__ = ["Steps", "chain_ceiling", "chains", "roof_arms"]

Steps = Mapping[tuple[Dtype, int], int]  # of a chain, that fill a sample, by dtype and elements of a vector


def chains(dtype: Dtype, lanes: int) -> tuple[Callable[[int, int], float], int]:
    """Chains of a vector width as all processes of a run call them, and the operations of one step of one thread."""
    return ceilings.fma_chains(dtype, lanes, kept=True)


def chain_ceiling(dtype: Dtype, lanes: int, threads: int) -> Ceiling:
    """The ceiling that chains of a vector width measure, without samples; its work is that of a step."""
    _, flops = chains(dtype, lanes)
    return Ceiling(
        kind="fma", dtype=dtype, lanes=lanes, threads=threads, work=flops * threads, fused=ceilings.has_fma()
    )


def roof_arms(dtype: Dtype, threads: Collection[int], steps: Steps, sample_ns: int) -> dict[int, Arm]:
    """Arms that reach the peak of the widest vectors, by thread count.

    Parameters
    ----------
    dtype
        Element type; integers have no peak.
    threads
        Thread counts.
    steps
        As they were calibrated; there is no arm where none were, as without Numba.
    sample_ns
        What they fill, ns.
    """
    if dtype not in FLOATS or ceilings.why_no_chains() is not None:
        return {}
    lanes = ceilings.vector_lanes(dtype)[-1]
    if (dtype, lanes) not in steps:
        return {}
    run, _ = chains(dtype, lanes)
    return {
        count: Arm(functools.partial(run, count, steps[dtype, lanes]), count, 1, sample_ns * 1e-9)
        for count in sorted(threads)
    }
