"""What the control groups of Linux allow this process: CPUs and memory, both versions of the interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from matbench.record.machine.source import count, number, parse_pairs, text

__all__ = ["Mount", "folders", "parse_cgroup", "parse_mounts", "parse_quota", "read_memory_left", "read_quota"]

DEPTH = 64  # levels of groups that are looked at: far more than any container nests


@dataclass(frozen=True)
class Mount:
    """One mounted hierarchy: its controllers (none for version 2), the group at its root, and where it is."""

    controllers: frozenset[str]
    root: str
    point: str


def parse_quota(text: str | None) -> float | None:
    """CPUs allowed by ``cpu.max``, or by version 1's quota and period written side by side; None for no limit.

    Examples
    --------
    >>> parse_quota("150000 100000"), parse_quota("max 100000"), parse_quota("-1 100000")
    (1.5, None, None)
    """
    words = (text or "").split()
    quota, period = (number(words[0]), number(words[1])) if len(words) == 2 else (None, None)
    return quota / period if quota and period and quota > 0 and period > 0 else None


def parse_cgroup(text: str | None) -> dict[str, str]:
    r"""The group of a process for each controller, from ``/proc/self/cgroup``; version 2 is under the empty name.

    Examples
    --------
    >>> parse_cgroup("4:cpu,cpuacct:/job\n0::/user")
    {'cpu': '/job', 'cpuacct': '/job', '': '/user'}
    """
    groups: dict[str, str] = {}
    for line in (text or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if colon and (controllers or hierarchy == "0"):
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def parse_mounts(text: str | None) -> tuple[Mount, ...]:
    """The mounted hierarchies, from ``/proc/self/mountinfo``."""
    mounts = []
    for line in (text or "").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) >= 5 and len(kind) >= 3 and kind[0] in ("cgroup", "cgroup2"):
            options = frozenset(kind[-1].split(",")) if kind[0] == "cgroup" else frozenset[str]()
            mounts.append(Mount(options, fields[3], fields[4]))
    return tuple(mounts)


def folders(groups: dict[str, str], mounts: tuple[Mount, ...], controller: str) -> tuple[str, ...]:
    """The folders whose limits bind this process for one controller, own group first, relative to the machine's root.

    A hierarchy without the controller has no such file, so version 2 is always among them.
    """
    found: list[str] = []
    for mount in mounts:
        if mount.controllers and controller not in mount.controllers:
            continue
        group = groups.get(controller if mount.controllers else "", "/")
        found.extend(_upwards(mount, group))
    return tuple(found)


def read_quota(root: Path) -> float | None:
    """CPUs allowed to this process by the tightest of its groups; None without a limit."""
    quotas = []
    for folder in _own_folders(root, "cpu"):
        quotas.append(parse_quota(text(root, f"{folder}/cpu.max")))
        old = [text(root, f"{folder}/cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
        quotas.append(parse_quota(" ".join(old)))
    return min((quota for quota in quotas if quota is not None), default=None)


def read_memory_left(root: Path) -> int | None:
    """Bytes that the tightest of this process's groups still grants, file cache that it could drop included."""
    left = []
    for folder in _own_folders(root, "memory"):
        stat = parse_pairs((text(root, f"{folder}/memory.stat") or "").replace(" ", ":"))
        for limit, used, idle in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = count(text(root, f"{folder}/{limit}")), count(text(root, f"{folder}/{used}"))
            if most is not None and now is not None:
                left.append(max(0, most - now + (count(stat.get(idle)) or 0)))
    return min(left, default=None)


def _own_folders(root: Path, controller: str) -> tuple[str, ...]:
    groups = parse_cgroup(text(root, "proc/self/cgroup"))
    return folders(groups, parse_mounts(text(root, "proc/self/mountinfo")), controller)


def _upwards(mount: Mount, group: str) -> list[str]:
    """The group's folder and those above it up to the mount point.

    Inside a container the group may be told from outside, where its path starts with that of the mount's root, or
    may lie outside of what is mounted: then the mount point is all that can be seen.
    """
    own, top = PurePosixPath(group), PurePosixPath(mount.root)
    inner = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
    if ".." in inner.parts or len(inner.parts) > DEPTH:
        inner = PurePosixPath()
    point = PurePosixPath(mount.point.lstrip("/"))
    return [str(point / each) for each in (inner, *inner.parents)] if inner.parts else [str(point)]
