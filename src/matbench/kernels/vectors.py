"""What a processor computes vectors with, as far as code that Numba compiles here may use it."""

from __future__ import annotations

import functools
import platform
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["ARM64", "VectorUnit", "beyond", "host_unit", "lacking", "vector_unit", "why_not_compiled"]

ARM64 = frozenset({"arm64", "aarch64"})  # the names that systems give it
_REGISTERS = {"zmm": 64, "ymm": 32, "xmm": 16}  # bytes
# One multiplication and one addition of 16 elements: LLVM cuts them into the widest vectors of what it compiles for.
_PROBE = """
define void @probe(ptr %place) {
  %x = load <16 x float>, ptr %place, align 4
  %y = fmul contract <16 x float> %x, %x
  %z = fadd contract <16 x float> %y, %x
  store <16 x float> %z, ptr %place, align 4
  ret void
}
"""


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
    config: Any = import_module("numba").config
    features = _own_features() if config.CPU_FEATURES is None else _asked_features(config.CPU_FEATURES)
    if not config.ENABLE_AVX:
        features = {name: has and not name.startswith("avx") for name, has in features.items()}
    return vector_unit(features, platform.machine())


# -- what the processor has, and what Numba was told of it -------------------------------------------------------------


def _own_features() -> dict[str, bool]:
    """LLVM's names of what this processor and its system can execute; none where LLVM can't tell."""
    binding: Any = import_module("llvmlite.binding")
    try:
        return dict(binding.get_host_cpu_features())
    except RuntimeError:
        return {}


def _asked_features(setting: str) -> dict[str, bool]:
    """What ``NUMBA_CPU_FEATURES`` says: ``+fma,-avx512f``."""
    names = (name.strip() for name in setting.split(","))
    return {name[1:]: name.startswith("+") for name in names if name[1:]}


def why_not_compiled() -> str | None:
    """The reason why code that Numba compiles here would not run on this processor, or None.

    Left alone, Numba compiles for what LLVM reads from the processor, which on a virtual machine is what the hypervisor
    shows of it, and keeps compiled code under the processor's name and features: another machine that shares the folder
    does not load it. Only ``NUMBA_CPU_FEATURES`` takes their place, and may ask for more than there is; a processor's
    name that is forced by ``NUMBA_CPU_NAME`` brings features of its own where that is set, too.
    """
    config: Any = import_module("numba").config
    if config.CPU_FEATURES is None:
        return None
    own, machine = _own_features(), platform.machine()
    missing = lacking(_asked_features(config.CPU_FEATURES), own)
    if not missing and own and machine.lower() not in ARM64:
        missing = beyond(_compiled(config.CPU_NAME or _own_name(), config.CPU_FEATURES), vector_unit(own, machine))
    if not missing:
        return None
    return (
        f"needs a processor with {' and '.join(missing)}, for which NUMBA_CPU_FEATURES and NUMBA_CPU_NAME have Numba "
        "compile; unset them"
    )


def lacking(asked: Mapping[str, bool], own: Mapping[str, bool]) -> tuple[str, ...]:
    """The instruction sets that code may use and the processor does not have, by LLVM's names.

    What LLVM does not list of this processor is a preference (``+prefer-256-bit``), no instruction set, but for ARM's
    scalable vectors, which it lists where they are.

    Parameters
    ----------
    asked
        Features that were asked for, or taken away.
    own
        Those of the processor.

    Examples
    --------
    >>> lacking({"avx2": True, "avx512f": True, "prefer-256-bit": True}, {"avx2": True, "avx512f": False})
    ('avx512f',)
    """
    wanted = (name for name, has in asked.items() if has)
    return tuple(name for name in wanted if own.get(name) is False or (name.startswith("sve") and not own.get(name)))


def beyond(compiled: VectorUnit, own: VectorUnit) -> tuple[str, ...]:
    """What compiled code uses and a processor does not have, in words.

    Examples
    --------
    >>> beyond(VectorUnit(64, 32, fused=True), VectorUnit(32, 16, fused=True))
    ('vectors of 512 bits',)
    """
    wider = (f"vectors of {8 * compiled.vector_bytes} bits",) if compiled.vector_bytes > own.vector_bytes else ()
    return wider + (("fused multiply-add",) if compiled.fused and not own.fused else ())


def _own_name() -> str:
    binding: Any = import_module("llvmlite.binding")
    return str(binding.get_host_cpu_name())


@functools.cache
def _compiled(cpu: str, features: str) -> VectorUnit:
    """What code for a processor of x86 is made of: LLVM compiles a few lines for it, which are not run."""
    binding: Any = import_module("llvmlite.binding")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    # Without +64bit, of a name that it does not know, LLVM would end the process.
    allowed = ",".join(filter(None, ("+64bit", features)))
    machine = binding.Target.from_default_triple().create_target_machine(cpu=cpu, features=allowed)
    text = machine.emit_assembly(binding.parse_assembly(_PROBE))
    widest = max((_REGISTERS[name] for name in re.findall(r"%([xyz]mm)\d", text)), default=0)
    return VectorUnit(widest, 32 if widest == 64 else 16, fused="vfm" in text)
