"""What a processor computes vectors with, as far as code that Numba compiles here may use it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["ARM64", "VectorUnit", "host_unit", "vector_unit"]

ARM64 = frozenset({"arm64", "aarch64"})  # the names that systems give it


class VectorUnit(NamedTuple):
    """What a processor computes vectors with.

    Attributes
    ----------
    vector_bytes
        Bytes of its widest vector register.
    registers
        How many of them there are.
    fused
        Whether it multiplies and adds in one instruction.
    """

    vector_bytes: int
    registers: int
    fused: bool


def vector_unit(features: Mapping[str, bool], machine: str) -> VectorUnit:
    """The widest vectors that a processor offers.

    Parameters
    ----------
    features
        LLVM's names of the processor's features.
    machine
        Its architecture as `platform.machine` calls it.

    Examples
    --------
    >>> vector_unit({"sse2": True, "avx": True, "avx2": True, "fma": True}, "x86_64")
    VectorUnit(vector_bytes=32, registers=16, fused=True)
    """
    if machine.lower() in ARM64:  # part of the architecture; LLVM lists it only for some cores
        return VectorUnit(16, 32, fused=True)
    fused = bool(features.get("fma"))
    if features.get("avx512f"):
        return VectorUnit(64, 32, fused=True)
    if features.get("avx"):
        return VectorUnit(32, 16, fused)
    return VectorUnit(16, 16, fused)


def host_unit() -> VectorUnit:
    """The vectors that code compiled by Numba here may use.

    Numba's own settings count: with ``NUMBA_CPU_NAME=generic`` an x86-64 processor has SSE2 and nothing else.
    """
    from llvmlite import binding  # noqa: PLC0415  comes with numba, which may be missing

    config: Any = import_module("numba").config
    features = dict(binding.get_host_cpu_features())
    if config.CPU_FEATURES is not None:
        names = config.CPU_FEATURES.split(",")
        features = {name[1:]: name.startswith("+") for name in names}
    if not config.ENABLE_AVX:
        features = {name: has and not name.startswith("avx") for name, has in features.items()}
    return vector_unit(features, platform.machine())
