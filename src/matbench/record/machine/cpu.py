"""The processor from what Linux, macOS and Windows say of it; archspec names the microarchitecture."""

from __future__ import annotations

import re
import warnings
from typing import Any

import archspec.cpu
import msgspec
from archspec.cpu import TARGETS, Microarchitecture
from archspec.cpu.schema import TARGETS_JSON

from matbench.model import Cpu
from matbench.record.machine.source import UNKNOWN, clean, count, parse_pairs

__all__ = ["named_here", "parse_cpuinfo", "parse_identifier", "parse_sysctl"]

# The instruction sets that a matrix product can use; the hundred others say nothing about arithmetic. One pattern a
# family, because "sme" is the matrix extension on Arm and encrypted memory on AMD.
X86_ARITHMETIC = re.compile(r"sse\w*|ssse3|avx\w*|fma4?|f16c|xop|amx_\w+")
ARM_ARITHMETIC = re.compile(r"fp|fphp|neon|asimd\w*|sve\w*|sme\w*|i8mm|bf16|fcma|vfpv\d\w*")

# Arm says numbers where x86 says a name: MIDR part numbers of Arm's own cores, as in lscpu.
ARM_PARTS = {
    0xD03: "Cortex-A53",
    0xD05: "Cortex-A55",
    0xD07: "Cortex-A57",
    0xD08: "Cortex-A72",
    0xD0B: "Cortex-A76",
    0xD0C: "Neoverse-N1",
    0xD40: "Neoverse-V1",
    0xD49: "Neoverse-N2",
    0xD4F: "Neoverse-V2",
    0xD83: "Neoverse-V3AE",
    0xD84: "Neoverse-V3",
    0xD8E: "Neoverse-N3",
}

# Apple's names of features (hw.optional.arm.FEAT_X) and Linux's names of the same.
APPLE_FEATURES = {
    "AdvSIMD": "asimd",
    "FEAT_BF16": "bf16",
    "FEAT_DotProd": "asimddp",
    "FEAT_FCMA": "fcma",
    "FEAT_FHM": "asimdfhm",
    "FEAT_FP16": "asimdhp",
    "FEAT_I8MM": "i8mm",
    "FEAT_SME": "sme",
    "FEAT_SME2": "sme2",
}


def parse_cpuinfo(text: str) -> Cpu:
    """The first processor of a Linux ``/proc/cpuinfo``, x86 or Arm; of others the brand at most.

    On Arm, where there are no family, model and stepping, these are the architecture version, the part number, and
    variant and revision as one number (16 times the variant plus the revision).
    """
    fields = _first_block(text)
    if "flags" in fields:
        return _x86(fields)
    if "CPU implementer" in fields:
        return _arm(fields)
    return Cpu(brand=clean(fields.get("model name") or fields.get("cpu") or fields.get("uarch")))


def parse_sysctl(text: str) -> Cpu:
    """The processor from macOS's ``sysctl hw machdep.cpu``, Apple's own or Intel's."""
    fields = parse_pairs(text)
    brand = clean(fields.get("machdep.cpu.brand_string"))
    if "machdep.cpu.features" in fields:
        return _intel_mac(fields, brand)
    wanted = (
        (fields.get(f"hw.optional.arm.{name}") or fields.get(f"hw.optional.{name}"), short)
        for name, short in APPLE_FEATURES.items()
    )
    features = {short for value, short in wanted if value == "1"}
    target = _apple_target(brand)
    return Cpu(
        brand=brand,
        vendor="Apple" if brand.startswith("Apple") else UNKNOWN,
        microarchitecture=target.name if target else UNKNOWN,
        generic=target.generic.name if target else UNKNOWN,
        features=tuple(sorted(features)),
    )


def parse_identifier(text: str) -> Cpu:
    """The processor from Windows's PROCESSOR_IDENTIFIER, such as ``Intel64 Family 6 Model 167 Stepping 1, ..``."""
    found = re.search(r"Family (\d{1,9}) Model (\d{1,9}) Stepping (\d{1,9})(?:, (\w{1,40}))?", text, re.ASCII)
    if not found:
        return Cpu(brand=clean(text))
    return Cpu(
        brand=clean(text),
        vendor=clean(found[4]),
        family=int(found[1]),
        model=int(found[2]),
        stepping=int(found[3]),
    )


def named_here(cpu: Cpu) -> Cpu:
    """The processor of this machine with archspec's own detection where its files leave it nameless.

    That is so on Windows, POWER and RISC-V.
    """
    if cpu.microarchitecture != UNKNOWN:
        return cpu
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a detection that fails says so in a warning
            target = archspec.cpu.host()
    except (LookupError, OSError, RuntimeError, ValueError):
        return cpu
    return msgspec.structs.replace(
        cpu,
        microarchitecture=clean(target.name),
        generic=clean(target.generic.name),
        features=cpu.features or _those(X86_ARITHMETIC, set(target.features)),
    )


def _those(arithmetic: re.Pattern[str], flags: set[str]) -> tuple[str, ...]:
    """The flags that matter to arithmetic, sorted."""
    return tuple(sorted(flag for flag in flags if len(flag) <= 40 and arithmetic.fullmatch(flag)))


def _first_block(text: str) -> dict[str, str]:
    block = re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0]
    return parse_pairs(block)


def _x86(fields: dict[str, str]) -> Cpu:
    flags = set(fields["flags"].split())
    vendor = clean(fields.get("vendor_id"))
    names = _names("x86_64", vendor, flags) if "lm" in flags else (UNKNOWN, UNKNOWN)
    return Cpu(
        brand=clean(fields.get("model name")),
        vendor=vendor,
        family=count(fields.get("cpu family")),
        model=count(fields.get("model")),
        stepping=count(fields.get("stepping")),
        microarchitecture=names[0],
        generic=names[1],
        features=_those(X86_ARITHMETIC, flags),
    )


def _arm(fields: dict[str, str]) -> Cpu:
    flags = set(fields.get("Features", "").split())
    implementer = fields["CPU implementer"]
    vendor = clean(TARGETS_JSON["conversions"]["arm_vendors"].get(implementer, implementer))
    part = count(fields.get("CPU part"))
    variant, revision = count(fields.get("CPU variant")), count(fields.get("CPU revision"))
    version = 8 if fields.get("CPU architecture") == "AArch64" else count(fields.get("CPU architecture"))
    names = (UNKNOWN, UNKNOWN)
    if (version or 0) >= 8:
        names = _names("aarch64", vendor, flags, fields.get("CPU part", ""))
    named = ARM_PARTS.get(part or 0) if vendor == "ARM" else None
    return Cpu(
        brand=clean(fields.get("model name") or named),
        vendor=vendor,
        family=version,
        model=part,
        stepping=None if variant is None or revision is None else 16 * variant + revision,
        microarchitecture=names[0],
        generic=names[1],
        features=_those(ARM_ARITHMETIC, flags),
    )


def _intel_mac(fields: dict[str, str], brand: str) -> Cpu:
    keys = ("features", "leaf7_features", "extfeatures")
    flags = set(" ".join(fields.get(f"machdep.cpu.{key}", "") for key in keys).lower().split())
    for darwin, linux in TARGETS_JSON["conversions"]["darwin_flags"].items():
        if flags.issuperset(darwin.split()):
            flags.update(linux.split())
    vendor = clean(fields.get("machdep.cpu.vendor"))
    names = _names("x86_64", vendor, flags)
    return Cpu(
        brand=brand,
        vendor=vendor,
        family=count(fields.get("machdep.cpu.family")),
        model=count(fields.get("machdep.cpu.model")),
        stepping=count(fields.get("machdep.cpu.stepping")),
        microarchitecture=names[0],
        generic=names[1],
        features=_those(X86_ARITHMETIC, flags),
    )


def _apple_target(brand: str) -> Any:
    """The newest M-series target of archspec that is no newer than the chip of that brand, or None."""
    found = re.match(r"Apple M(\d{1,2})\b", brand, re.ASCII)
    newest = int(found[1]) if found else 0
    return next((TARGETS[f"m{n}"] for n in range(newest, 0, -1) if f"m{n}" in TARGETS), None)


def _names(family: str, vendor: str, flags: set[str], part: str = "") -> tuple[str, str]:
    """The microarchitecture and generic level, in archspec's names, of a processor with these flags.

    Its own `host` looks at the machine that it runs on only; these are its rules on recorded facts.
    """
    have = flags | ({"sse3"} if "ssse3" in flags else set())  # Linux calls sse3 pni
    fits = [target for target in TARGETS.values() if _runs(target, family, vendor, have)]
    if not fits:
        return UNKNOWN, UNKNOWN
    generic = max((target for target in fits if target.vendor == "generic"), key=_depth, default=None)
    exact = [target for target in fits if part and target.cpu_part == part]
    newer = [target for target in exact or fits if generic is None or target > generic]
    best = max(newer, key=_depth, default=generic)
    return (best.name, best.generic.name) if best is not None else (UNKNOWN, UNKNOWN)


def _runs(target: Microarchitecture, family: str, vendor: str, flags: set[str]) -> bool:
    # On aarch64 the generic levels list no flags of their own, so only the root is sure to fit.
    root = target.name == family
    return (
        target.family.name == family
        and (root or target.vendor == vendor or (target.vendor == "generic" and family == "x86_64"))
        and flags.issuperset(target.features)
    )


def _depth(target: Microarchitecture) -> tuple[int, int]:
    return len(target.ancestors), len(target.features)
