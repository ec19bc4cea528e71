"""Whether a machine is fit to be measured on, and what to do about it: rules over the machine card.

A rule is one function that gives its findings, or none where the machine doesn't tell; `diagnose` names those in one
line. Rules about software stand in `matbench.analyse.software`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matbench.analyse.finding import Finding, fault, fine, warning
from matbench.analyse.software import blas, duplicates, threading_layer, variables
from matbench.units import format_bytes, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matbench.model import Conditions, Environment, Host
    from matbench.pairing import NoiseFloor

__all__ = ["Finding", "diagnose", "steal_share"]

STEAL = 0.01  # share of CPU time: as much as the differences that are to be told apart
SWAP = 256 * 2**20  # bytes: Linux parks that much of idle programs for good on a machine with free memory
SCARCE, TOO_SCARCE = 2**30, 2**28  # bytes: three 4096 x 4096 matrices of float64 take 384 MiB
NOISY = 0.01  # what is told apart on a quiet machine
HOT = 85.0  # degrees Celsius: 10 to 15 below where processors start to throttle
FAST_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page", "timebase", "riscv_clocksource")


def diagnose(
    host: Host,
    environment: Environment,
    conditions: Conditions,
    noise: NoiseFloor | None = None,
    *,
    spins: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """What the doctor finds, in the order in which to mend it: faults, warnings, then what is fine.

    What the machine doesn't tell is one line at the end.

    Parameters
    ----------
    host, environment, conditions
        The machine card.
    noise
        What is kept of the machine's noise.
    spins
        How long idle threads spin in a sampling process, as `matbench.spinning` tells it: a floor that was measured
        while they spun otherwise is told and not used. By default any is.
    """
    found = [finding for rule in RULES for finding in rule(host, conditions)]
    found += [
        *blas(host, environment),
        *duplicates(environment),
        *variables(host, environment, conditions),
        *threading_layer(environment),
        *_noise(noise, spins),
    ]
    ranks = ("fault", "warning", "ok")
    return (*sorted(found, key=lambda finding: ranks.index(finding.level)), *_unknown(host, conditions))


def steal_share(before: Conditions, after: Conditions) -> float | None:
    """The share of CPU time that the hypervisor took between two looks at one machine, 0 to 1.

    None where the machine doesn't tell, or no time has passed, or it was started anew in between.
    """
    counts = (before.steal_ticks, before.total_ticks, after.steal_ticks, after.total_ticks)
    steal_before, total_before, steal_after, total_after = counts
    if steal_before is None or total_before is None or steal_after is None or total_after is None:
        return None
    stolen, passed = steal_after - steal_before, total_after - total_before
    return stolen / passed if 0 <= stolen <= passed and passed > 0 else None


def _quota(host: Host, conditions: Conditions) -> Iterator[Finding]:
    quota, cpus = conditions.cpu_quota, conditions.affinity or host.logical_cpus
    if quota is None:
        return
    saw = f"{quota:g} CPUs allowed by the control group, {cpus} usable"
    if quota >= cpus:
        yield fine("cgroup quota", saw, "the quota never stops a thread")
        return
    remedy = f"matbench run --threads {math.floor(quota)}" if quota >= 1 else f"docker update --cpus {cpus} CONTAINER"
    why = "whoever runs more threads is stopped for the rest of each 100 ms, which lands in the samples"
    yield fault("cgroup quota", saw, why, remedy)


def _affinity(host: Host, conditions: Conditions) -> Iterator[Finding]:
    allowed, cpus = conditions.affinity, host.logical_cpus
    if allowed is None:
        return
    saw = f"{allowed} of {cpus} logical CPUs"
    if allowed < cpus:
        why = "BLAS makes its pool as large as this mask: thread scaling ends here"
        yield warning("affinity", saw, why, f"taskset -c 0-{cpus - 1} matbench run")
    else:
        yield fine("affinity", saw, "every CPU can be used")


def _load(host: Host, conditions: Conditions) -> Iterator[Finding]:
    load, cpus = conditions.load_1m, host.logical_cpus
    if load is None:
        return
    saw, why = f"{load:.2f} over the last minute", "other programs take cores, cache and memory bandwidth in turns"
    remedy = "ps -eo pcpu,comm -r | head -5" if host.system == "Darwin" else "ps -eo pcpu,comm --sort=-pcpu | head -5"
    if load >= cpus:
        yield fault("load", saw, why, remedy)
    elif load > max(0.5, 0.05 * cpus):
        yield warning("load", saw, why, remedy)
    else:
        yield fine("load", saw, "the machine is quiet")


def _steal(_: Host, conditions: Conditions) -> Iterator[Finding]:
    if conditions.steal_ticks is None or not conditions.total_ticks:
        return
    share = conditions.steal_ticks / conditions.total_ticks
    if share > STEAL:
        why = "the host gave this machine's CPUs to others: rates are too low by an unknown amount"
        remedy = "measure at a quieter hour or on a dedicated machine; ratios within one run cope best"
        yield warning("steal", f"{format_percent(share)} of CPU time since boot", why, remedy)
    else:
        saw = f"{format_percent(share)} of CPU time since boot" if share else "none since boot"
        yield fine("steal", saw, "no neighbour takes CPU time")


def _governor(_: Host, conditions: Conditions) -> Iterator[Finding]:
    governor = conditions.governor
    if governor == "performance":
        yield fine("governor", governor, "the clock doesn't wait for load")
    elif governor is not None:
        why = "the clock follows the load, so the first samples of a case run slower than its last"
        yield warning("governor", governor, why, "sudo cpupower frequency-set -g performance")


def _turbo(host: Host, conditions: Conditions) -> Iterator[Finding]:
    if conditions.turbo:
        intel = host.cpu.vendor == "GenuineIntel"
        knob = (
            "1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
            if intel
            else ("0 | sudo tee /sys/devices/system/cpu/cpufreq/boost")
        )
        why = "the clock depends on temperature, on the neighbours and on how wide the vectors are"
        yield warning("turbo", "on", why, f"echo {knob}")
    elif conditions.turbo is not None:
        yield fine("turbo", "off", "the clock stays where it is")


def _smt(host: Host, _: Conditions) -> Iterator[Finding]:
    cores = host.physical_cores
    if host.smt:
        saw = f"{host.logical_cpus} logical CPUs on {cores or 'fewer'} cores"
        why = "two threads on one core share its multiply-add units: more threads than cores win nothing"
        yield warning("SMT", saw, why, f"matbench run --threads {_doubling(cores)}" if cores else None)
    elif host.smt is not None and host.hypervisor:
        yield fine("SMT", "none seen", "a virtual machine may hide it: two of its CPUs can be one core")
    elif host.smt is not None:
        yield fine("SMT", "off", "each thread has its own multiply-add units")


def _nodes(host: Host, _: Conditions) -> Iterator[Finding]:
    if host.numa_nodes is not None and host.numa_nodes > 1:
        why = "memory lies at the node that wrote it first: a product of many threads pays for distance"
        yield warning("NUMA", f"{host.numa_nodes} nodes", why, "numactl --cpunodebind=0 --membind=0 matbench run")


def _hypervisor(host: Host, _: Conditions) -> Iterator[Finding]:
    if host.hypervisor is None:
        if host.system in ("Linux", "Darwin"):  # elsewhere nobody looked
            yield fine("hypervisor", "none seen", "nothing hints at a virtual machine")
        return
    saw = "a virtual machine" if host.hypervisor == "unknown" else f"a virtual machine ({host.hypervisor})"
    why = "model, caches and cores may be made up, and neighbours share the real ones: trust ratios before rates"
    yield warning("hypervisor", saw, why, "matbench run --budget 5m")


def _memory(host: Host, conditions: Conditions) -> Iterator[Finding]:
    free = conditions.available_bytes
    if free is None:
        return
    saw = f"{format_bytes(free)} available" + (f" of {format_bytes(host.memory_bytes)}" if host.memory_bytes else "")
    remedy = "ps -eo rss,comm -m | head -5" if host.system == "Darwin" else "ps -eo rss,comm --sort=-rss | head -5"
    if free >= SCARCE:
        yield fine("memory", saw, "matrices beyond the caches fit")
    else:
        line = fault if free < TOO_SCARCE else warning
        yield line("memory", saw, "large problems are refused, or swap while they are timed", remedy)


def _swap(host: Host, conditions: Conditions) -> Iterator[Finding]:
    used = conditions.swap_used_bytes
    if used is None:
        return
    if used <= SWAP:
        yield fine("swap", f"{format_bytes(used)} used", "nothing that is timed has to come back from disk")
        return
    fits = (conditions.available_bytes or 0) > 2 * used and host.system == "Linux"
    remedy = "sudo swapoff -a && sudo swapon -a" if fits else "close programs that need much memory"
    yield warning("swap", f"{format_bytes(used)} used", "pages that come back from disk land in the samples", remedy)


def _clock(_: Host, conditions: Conditions) -> Iterator[Finding]:
    clock = conditions.clock_source
    if clock in FAST_CLOCKS:
        yield fine("clock", clock, "reading it takes tens of nanoseconds")
    elif clock is not None:
        why = "reading it enters the kernel and takes about a microsecond: short samples are mostly clock"
        knob = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        yield warning("clock", clock, why, f"echo tsc | sudo tee {knob}")


def _huge_pages(_: Host, conditions: Conditions) -> Iterator[Finding]:
    pages = conditions.huge_pages
    if pages == "never":
        why = "with pages of 4 KiB a walk through a large matrix misses the address cache; NumPy asks for larger ones"
        knob = "/sys/kernel/mm/transparent_hugepage/enabled"
        yield warning("huge pages", pages, why, f"echo madvise | sudo tee {knob}")
    elif pages is not None:
        yield fine("huge pages", pages, "NumPy gets them for large arrays")


def _battery(_: Host, conditions: Conditions) -> Iterator[Finding]:
    if conditions.on_battery:
        yield warning("power", "on battery", "the clock is held down to save it", "plug the machine in")
    elif conditions.on_battery is not None:
        yield fine("power", "plugged in", "the clock isn't held down to save the battery")


def _temperature(_: Host, conditions: Conditions) -> Iterator[Finding]:
    degrees = conditions.temperature_c
    if degrees is None:
        return
    if degrees >= HOT:
        yield warning("temperature", f"{degrees:.0f} °C", "a hot processor lowers its clock", "let it cool: sleep 300")
    else:
        yield fine("temperature", f"{degrees:.0f} °C", "the processor has no need to slow down")


def _noise(noise: NoiseFloor | None, spins: Mapping[str, str] | None) -> Iterator[Finding]:
    if noise is None:
        return
    if spins is not None and not noise.holds_for(spins):
        saw = f"the floor of {noise.measured[:10]} was measured while idle threads spun otherwise, and is not used"
        why = "whoever waits for a processor that they hold is part of what identical code differs by"
        yield warning("noise", saw, why, "matbench doctor --noise")
        return
    apart = format_percent(math.expm1(noise.floor))
    saw = f"identical code differs by up to {apart} here ({noise.comparisons} comparisons, {noise.measured[:10]})"
    if noise.floor > NOISY:
        why = f"no verdict claims a difference of less than {apart} on this machine"
        yield warning("noise", saw, why, "matbench doctor --noise, again at a quieter hour")
    else:
        yield fine("noise", saw, "smaller differences are not claimed")


def _unknown(host: Host, conditions: Conditions) -> Iterator[Finding]:
    """One line for what the machine doesn't tell, among what would matter."""
    told = {
        "quota": conditions.cpu_quota is not None or host.system == "Linux",  # Linux tells when there is a limit
        "affinity": conditions.affinity is not None,
        "load": conditions.load_1m is not None,
        "steal": conditions.steal_ticks is not None,
        "governor": conditions.governor is not None,
        "turbo": conditions.turbo is not None,
        "SMT": host.smt is not None,
        "memory": conditions.available_bytes is not None,
        "swap": conditions.swap_used_bytes is not None,
        "clock": conditions.clock_source is not None,
        "huge pages": conditions.huge_pages is not None,
        "temperature": conditions.temperature_c is not None,
    }
    hidden = [name for name, known in told.items() if not known]
    if hidden:
        why = "this system doesn't tell" + (": on a virtual machine its host decides" if host.hypervisor else "")
        yield fine("unknown", ", ".join(hidden), why)


RULES = (
    _quota,
    _affinity,
    _load,
    _steal,
    _governor,
    _turbo,
    _smt,
    _nodes,
    _hypervisor,
    _memory,
    _swap,
    _clock,
    _huge_pages,
    _battery,
    _temperature,
)


def _doubling(cores: int) -> str:
    """Thread counts from one to all cores, doubling.

    Examples
    --------
    >>> _doubling(6)
    '1,2,4,6'
    """
    counts = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return ",".join(map(str, [*counts, cores]))
