"""Whether this is a virtual machine, and whose: from the cpuid flag, the clocks and the maker's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.record.machine.source import parse_pairs, text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["hypervisor_from", "read_hypervisor"]

CLOCKS = {"kvm-clock": "kvm", "hyperv": "hyperv", "xen": "xen", "vmware": "vmware"}

# Words of DMI's maker and product, and whose machine they tell. Only the right-hand side is ever stored: a product
# name may be one of a kind.
MAKERS = (
    ("virtualbox", "virtualbox"),
    ("vmware", "vmware"),
    ("parallels", "parallels"),
    ("apple virtualization", "apple"),
    ("microsoft corporation virtual machine", "hyperv"),
    ("hvm domu", "xen"),
    ("google compute engine", "kvm"),
    ("digitalocean", "kvm"),
    ("hetzner vserver", "kvm"),
    ("alibaba cloud ecs", "kvm"),
    ("openstack", "kvm"),
    ("bhyve", "bhyve"),
    ("kvm", "kvm"),
    ("qemu", "qemu"),
)


def hypervisor_from(
    *, flagged: bool, kind: str = "", clocks: str = "", maker: str = "", product: str = ""
) -> str | None:
    """The hypervisor's name; 'unknown' where one is seen but not told; None where none is seen.

    Parameters
    ----------
    flagged
        Whether the processor says that it is virtual (the flag ``hypervisor``, x86 only).
    kind
        Contents of ``/sys/hypervisor/type``.
    clocks
        The clock sources that the kernel has: a paravirtual one names its hypervisor.
    maker, product
        DMI's ``sys_vendor`` and ``product_name``, never its serial number or uuid.

    Examples
    --------
    >>> hypervisor_from(flagged=True, clocks="tsc kvm-clock acpi_pm")
    'kvm'
    """
    if kind.strip().lower() == "xen":
        return "xen"
    by_clock = next((name for word, name in CLOCKS.items() if word in clocks), None)
    return by_clock or _by_maker(maker, product) or ("unknown" if flagged or kind else None)


def read_hypervisor(root: Path) -> str | None:
    """What Linux's files say; see `hypervisor_from`."""
    return hypervisor_from(
        flagged="hypervisor" in parse_pairs(text(root, "proc/cpuinfo")).get("flags", "").split(),
        kind=text(root, "sys/hypervisor/type") or "",
        clocks=text(root, "sys/devices/system/clocksource/clocksource0/available_clocksource") or "",
        maker=text(root, "sys/class/dmi/id/sys_vendor") or "",
        product=text(root, "sys/class/dmi/id/product_name") or "",
    )


def _by_maker(maker: str, product: str) -> str | None:
    words = f"{maker} {product}".lower()
    if "amazon ec2" in words:  # their Nitro is KVM at heart; '.metal' is the bare machine under the same maker
        return None if ".metal" in words else "kvm"
    return next((name for word, name in MAKERS if word in words), None)
