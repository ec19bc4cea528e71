"""The machine card: what the machine, its software and its state are, as pairs of a name and a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.units import format_bytes

if TYPE_CHECKING:
    from matbench.model import Conditions, Environment, Host

__all__ = ["condition_lines", "host_lines", "software_lines"]

UNKNOWN = "unknown"


def _size(count: int | None) -> str:
    return UNKNOWN if count is None else format_bytes(count)


def host_lines(host: Host) -> list[tuple[str, str]]:
    """What the machine is."""
    caches = ", ".join(f"{name} {_size(getattr(host.caches, name.lower()))}" for name in ("L1d", "L2", "L3"))
    cores = f"{host.logical_cpus} logical CPUs on {host.physical_cores or UNKNOWN} cores"
    return [
        ("processor", f"{host.cpu.brand} ({host.cpu.microarchitecture}, {host.cpu.generic})"),
        ("processors", cores),
        ("caches of a core", caches),
        ("memory", _size(host.memory_bytes)),
        ("system", f"{host.system} on {host.architecture}"),
        ("virtual machine", host.hypervisor or "none seen"),
        ("hw_id, host_id", f"{host.hw_id}, {host.host_id}"),
    ]


def software_lines(environment: Environment) -> list[tuple[str, str]]:
    """Versions, libraries, and the variables that were set."""
    blas = [f"{each.name} {each.version} ({each.architecture})" for each in environment.libraries if each.api == "blas"]
    lines = [
        ("Python", f"{environment.implementation} {environment.python}"),
        ("packages", ", ".join(f"{name} {version}" for name, version in sorted(environment.packages.items()))),
        ("BLAS", ", ".join(blas) or "none seen"),
        ("SIMD that NumPy uses", " ".join(environment.numpy_simd) or UNKNOWN),
        ("env_id", environment.env_id),
    ]
    if environment.variables:
        told = ", ".join(f"{name}={value}" for name, value in sorted(environment.variables.items()))
        lines.insert(-1, ("variables", told))
    return lines


def condition_lines(conditions: Conditions) -> list[tuple[str, str]]:
    """The state of the machine when it was looked at; what nobody knows is left out."""
    asked = (
        ("governor", conditions.governor),
        ("turbo", _yes(conditions.turbo, "on", "off")),
        ("CPUs allowed by the control group", conditions.cpu_quota),
        ("CPUs the process may run on", conditions.affinity),
        ("load (1 minute)", conditions.load_1m),
        ("memory available", None if conditions.available_bytes is None else format_bytes(conditions.available_bytes)),
        ("swap in use", None if conditions.swap_used_bytes is None else format_bytes(conditions.swap_used_bytes)),
        ("transparent huge pages", conditions.huge_pages),
        ("clock source", conditions.clock_source),
        ("on battery", _yes(conditions.on_battery, "yes", "no")),
        ("temperature", None if conditions.temperature_c is None else f"{conditions.temperature_c:.0f} °C"),
    )
    return [
        (name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in asked if value is not None
    ]


def _yes(value: bool | None, yes: str, no: str) -> str | None:
    return None if value is None else yes if value else no
