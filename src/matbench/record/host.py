"""The machine card: what this machine is, what runs on it, and the state it is in.

Nothing here tells who owns the machine: no host name, user, path, serial number or machine-id.
"""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import psutil

from matbench.model import Caches, Host
from matbench.record.conditions import read_conditions
from matbench.record.environment import environment_with, libraries_from, read_environment
from matbench.record.ids import host_id, hw_id, machine_label, safe_label
from matbench.record.machine.cpu import named_here, parse_cpuinfo, parse_identifier, parse_sysctl
from matbench.record.machine.hypervisor import read_hypervisor
from matbench.record.machine.source import ROOT, UNKNOWN, clean, count, parse_pairs, text
from matbench.record.machine.topology import parse_memory, read_caches, read_counts, read_nodes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "environment_with",
    "host_from_sysctl",
    "libraries_from",
    "machine_label",
    "read_conditions",
    "read_environment",
    "read_host",
    "safe_label",
]

ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}  # one name for each, on every system


def read_host(root: Path = ROOT, *, system: str | None = None, architecture: str | None = None) -> Host:
    """What the machine is.

    Parameters
    ----------
    root
        Folder with the ``proc`` and ``sys`` of a Linux machine, or the ``sysctl.txt`` of a Mac. A recorded machine
        gets no `host_id`: that names this installation.
    system, architecture
        What `platform` says of the recorded machine; by default of this one.
    """
    system = clean(system or platform.system())
    machine = (architecture or platform.machine()).lower()
    host = _described(root, system)
    host = msgspec.structs.replace(host, system=system, architecture=clean(ARCHITECTURES.get(machine, machine)))
    hardware = hw_id(host)
    return msgspec.structs.replace(host, hw_id=hardware, host_id=host_id(hardware) if root == ROOT else UNKNOWN)


def host_from_sysctl(text: str) -> Host:
    """What macOS's ``sysctl hw machdep.cpu kern.hv_vmm_present`` says; caches are those of the fast cores."""
    fields = parse_pairs(text)
    logical = count(fields.get("hw.logicalcpu")) or count(fields.get("hw.ncpu")) or 1
    cores = count(fields.get("hw.physicalcpu")) or None

    def cache(level: str) -> int | None:
        return count(fields.get(f"hw.perflevel0.{level}size")) or count(fields.get(f"hw.{level}size")) or None

    return Host(
        cpu=parse_sysctl(text),
        caches=Caches(l1d=cache("l1dcache"), l2=cache("l2cache"), l3=cache("l3cache")),
        logical_cpus=logical,
        physical_cores=cores,
        sockets=count(fields.get("hw.packages")) or None,
        smt=None if cores is None else logical > cores,
        memory_bytes=count(fields.get("hw.memsize")),
        hypervisor=UNKNOWN if fields.get("kern.hv_vmm_present") == "1" else None,
    )


def _described(root: Path, system: str) -> Host:
    if system == "Linux":
        return _linux_host(root)
    if system == "Darwin":
        return host_from_sysctl(text(root, "sysctl.txt") or "" if root != ROOT else _sysctl())
    return _portable_host()


def _linux_host(root: Path) -> Host:
    counts = read_counts(root)
    cpu = parse_cpuinfo(text(root, "proc/cpuinfo") or "")
    return Host(
        cpu=named_here(cpu) if root == ROOT else cpu,
        caches=read_caches(root),
        logical_cpus=counts.logical,
        physical_cores=counts.cores,
        sockets=counts.sockets,
        numa_nodes=read_nodes(root),
        smt=counts.smt,
        memory_bytes=parse_memory(text(root, "proc/meminfo"), "MemTotal"),
        hypervisor=read_hypervisor(root),
    )


def _sysctl() -> str:
    """The subtrees of macOS's settings that tell the hardware; empty where they can't be had."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["/usr/sbin/sysctl", "hw", "machdep.cpu", "kern.hv_vmm_present"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=10,
        ).stdout
    return ""


def _portable_host() -> Host:
    """What Python and psutil can tell on any other system."""
    cores, memory = None, None
    with suppress(psutil.Error, OSError):
        cores = psutil.cpu_count(logical=False)
    with suppress(psutil.Error, OSError):
        memory = psutil.virtual_memory().total
    logical = os.cpu_count() or 1
    return Host(
        cpu=named_here(parse_identifier(platform.processor())),
        logical_cpus=logical,
        physical_cores=cores,
        smt=None if cores is None else logical > cores,
        memory_bytes=memory,
    )
