"""Caches, cores, sockets and nodes: parsers of what Linux and macOS list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matbench.model import Caches
from matbench.record.machine.source import count, listing, parse_pairs, parse_ranges, text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "Counts",
    "caches_from",
    "counts_from",
    "parse_cache_size",
    "parse_memory",
    "parse_topology",
    "read_caches",
    "read_counts",
    "read_nodes",
]

CPUS = "sys/devices/system/cpu"
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Counts:
    """How many logical CPUs, cores and sockets there are; None where it isn't told."""

    logical: int
    cores: int | None = None
    sockets: int | None = None

    @property
    def smt(self) -> bool | None:
        """Whether two logical CPUs share a core."""
        return None if self.cores is None else self.logical > self.cores


def parse_cache_size(text: str | None) -> int | None:
    """Bytes of a cache as sysfs writes it; None where it is malformed or nothing.

    Examples
    --------
    >>> parse_cache_size("480K"), parse_cache_size("32M"), parse_cache_size("big")
    (491520, 33554432, None)
    """
    found = re.fullmatch(r"\s*(\d{1,9})([KMG]?)B?\s*", text or "", re.ASCII)
    return (int(found[1]) * UNITS[found[2]] or None) if found else None


def caches_from(entries: Iterable[tuple[str | None, str | None, str | None]]) -> Caches:
    """The data caches among (level, type, size) entries as sysfs writes them; instruction caches are passed over."""
    sizes: dict[int, int | None] = {}
    for level, kind, size in entries:
        at = count(level)
        if at is not None and kind in ("Data", "Unified"):
            sizes.setdefault(at, parse_cache_size(size))
    return Caches(l1d=sizes.get(1), l2=sizes.get(2), l3=sizes.get(3))


def counts_from(cores: Iterable[str], packages: Iterable[str], logical: int) -> Counts:
    """Counts from each CPU's list of siblings on its core and from its package number, one text a CPU."""
    siblings = {parse_ranges(core) for core in cores} - {frozenset[int]()}
    sockets = {package for package in packages if count(package) is not None}  # Arm guests may say -1
    return Counts(logical=max(1, logical), cores=len(siblings) or None, sockets=len(sockets) or None)


def parse_topology(text: str) -> Counts:
    """Counts from the blocks of an x86 ``/proc/cpuinfo``; elsewhere logical CPUs only."""
    blocks = [parse_pairs(block) for block in re.split(r"\n\s*\n", text)]
    blocks = [block for block in blocks if "processor" in block]
    cores = {(block.get("physical id"), block["core id"]) for block in blocks if "core id" in block}
    sockets = {block["physical id"] for block in blocks if "physical id" in block}
    return Counts(logical=max(1, len(blocks)), cores=len(cores) or None, sockets=len(sockets) or None)


def parse_memory(text: str | None, key: str) -> int | None:
    """Bytes of one line of ``/proc/meminfo``, whose figures are KiB.

    Examples
    --------
    >>> parse_memory("MemTotal:       16384 kB", "MemTotal")
    16777216
    """
    size = count(parse_pairs(text).get(key, "").removesuffix("kB"))
    return None if size is None else size * 1024


def read_caches(root: Path) -> Caches:
    """The data caches that the first CPU sees, by sysfs."""
    first = next(iter(listing(root, f"{CPUS}/cpu[0-9]*/cache")), None)
    if first is None:
        return Caches()
    entries = listing(first, "index[0-9]*")
    return caches_from((text(each, "level"), text(each, "type"), text(each, "size")) for each in entries)


def read_counts(root: Path) -> Counts:
    """Counts by sysfs where it lists the topology, by ``/proc/cpuinfo`` otherwise."""
    told = parse_topology(text(root, "proc/cpuinfo") or "")
    folders = listing(root, f"{CPUS}/cpu[0-9]*/topology")
    cores = [text(each, "core_cpus_list") or text(each, "thread_siblings_list") or "" for each in folders]
    packages = [text(each, "physical_package_id") or "" for each in folders]
    logical = len(parse_ranges(text(root, f"{CPUS}/online"))) or told.logical
    found = counts_from(cores, packages, logical)
    return Counts(logical=logical, cores=found.cores or told.cores, sockets=found.sockets or told.sockets)


def read_nodes(root: Path) -> int | None:
    """The number of NUMA nodes by sysfs; None where the kernel doesn't know nodes."""
    return len(parse_ranges(text(root, "sys/devices/system/node/online"))) or None
