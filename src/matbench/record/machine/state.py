"""What changes from minute to minute on Linux: frequency, load, memory, stolen time, power."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matbench.model import Conditions
from matbench.record.machine.cgroup import read_memory_left, read_quota
from matbench.record.machine.source import clean, listing, number, parse_pairs, parse_ranges, text
from matbench.record.machine.topology import CPUS, parse_memory

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Ticks", "governor_of", "linux_conditions", "on_battery_from", "parse_selected", "parse_stat"]

# Sensors that sit in the processor: kernel drivers of Intel, AMD and Arm boards.
CPU_SENSORS = frozenset({"coretemp", "cpu_thermal", "k10temp", "x86_pkg_temp", "zenpower", "cpu-thermal"})


@dataclass(frozen=True)
class Ticks:
    """CPU time of the whole machine since boot, in clock ticks."""

    steal: int  # taken by the hypervisor for others
    total: int


def parse_stat(text: str | None) -> Ticks | None:
    """CPU time from the first line of ``/proc/stat``; None where it is malformed.

    The last two columns, time spent for guests, are part of the first two already.

    Examples
    --------
    >>> parse_stat("cpu  100 0 20 800 5 0 1 74 30 0")
    Ticks(steal=74, total=1000)
    """
    found = re.match(r"cpu ((?: +\d{1,18}){8})", text or "", re.ASCII)
    if not found:
        return None
    ticks = [int(word) for word in found[1].split()]
    return Ticks(steal=ticks[7], total=sum(ticks))


def parse_selected(text: str | None) -> str | None:
    """The bracketed one of a list of choices, as of transparent huge pages.

    Examples
    --------
    >>> parse_selected("always [madvise] never")
    'madvise'
    """
    found = re.search(r"\[([\w+-]{1,40})\]", text or "", re.ASCII)
    return found[1] if found else None


def governor_of(governors: list[str]) -> str | None:
    """The one governor of all CPUs, or those that there are.

    Examples
    --------
    >>> governor_of(["powersave", "performance", "powersave"])
    'mixed: performance, powersave'
    """
    kinds = sorted({clean(governor, 40) for governor in governors})
    if len(kinds) > 1:
        return clean(f"mixed: {', '.join(kinds)}")
    return kinds[0] if kinds else None


def on_battery_from(supplies: list[tuple[str, str]]) -> bool | None:
    """Whether the machine runs on its battery, from (type, state) of its power supplies; None without a battery.

    State is ``online`` of mains (``1``) and ``status`` of batteries (``Discharging``).
    """
    batteries = [state for kind, state in supplies if kind == "Battery"]
    plugged = any(kind in ("Mains", "USB") and state == "1" for kind, state in supplies)
    if not batteries:
        return None
    return "Discharging" in batteries and not plugged


def linux_conditions(root: Path) -> Conditions:
    """The state of a Linux machine, from the files below its root."""
    memory = text(root, "proc/meminfo")
    ticks = parse_stat(text(root, "proc/stat"))
    clock = text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
    return Conditions(
        governor=governor_of(
            _each(root, f"{CPUS}/cpufreq/policy[0-9]*/scaling_governor")
            or _each(root, f"{CPUS}/cpu[0-9]*/cpufreq/scaling_governor")
        ),
        turbo=_turbo(root),
        cpu_quota=read_quota(root),
        affinity=_affinity(root),
        load_1m=_load(root),
        available_bytes=_smaller(parse_memory(memory, "MemAvailable"), read_memory_left(root)),
        swap_used_bytes=_swap_used(memory),
        huge_pages=parse_selected(text(root, "sys/kernel/mm/transparent_hugepage/enabled")),
        clock_source=clean(clock, 40) if clock else None,
        on_battery=_on_battery(root),
        temperature_c=_temperature(root),
        steal_ticks=ticks.steal if ticks else None,
        total_ticks=ticks.total if ticks else None,
    )


def _each(root: Path, pattern: str) -> list[str]:
    return [found for found in (text(path.parent, path.name) for path in listing(root, pattern)) if found]


def _load(root: Path) -> float | None:
    load = number((text(root, "proc/loadavg") or "").split(" ")[0])
    return load if load is not None and load >= 0 else None


def _turbo(root: Path) -> bool | None:
    """Intel's driver says ``no_turbo``, the others ``boost``."""
    forbidden = text(root, f"{CPUS}/intel_pstate/no_turbo")
    if forbidden in ("0", "1"):
        return forbidden == "0"
    allowed = text(root, f"{CPUS}/cpufreq/boost")
    return allowed == "1" if allowed in ("0", "1") else None


def _affinity(root: Path) -> int | None:
    """Logical CPUs that this process may use; the mask may name CPUs that the machine hasn't got."""
    allowed = parse_ranges(parse_pairs(text(root, "proc/self/status")).get("Cpus_allowed_list"))
    online = parse_ranges(text(root, f"{CPUS}/online"))
    return len(allowed & online if online else allowed) or None


def _swap_used(memory: str | None) -> int | None:
    total, free = parse_memory(memory, "SwapTotal"), parse_memory(memory, "SwapFree")
    return None if total is None or free is None else max(0, total - free)


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((size for size in (one, other) if size is not None), default=None)


def _on_battery(root: Path) -> bool | None:
    folders = listing(root, "sys/class/power_supply/*")
    return on_battery_from(
        [
            (text(folder, "type") or "", text(folder, "online") or text(folder, "status") or "")
            for folder in folders
            if text(folder, "scope") != "Device"  # a mouse's battery is no reason to worry
        ]
    )


def _temperature(root: Path) -> float | None:
    """Degrees Celsius of the hottest sensor in the processor."""
    readings: list[float | None] = []
    for pattern, name, values in (
        ("sys/class/hwmon/*", "name", "temp*_input"),
        ("sys/class/thermal/*", "type", "temp"),
    ):
        for folder in listing(root, pattern):
            if text(folder, name) in CPU_SENSORS:
                readings.extend(number(value) for value in _each(folder, values))
    milli = [reading for reading in readings if reading is not None and -50_000 < reading < 200_000]
    return max(milli) / 1000 if milli else None
