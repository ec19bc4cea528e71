"""What others have taken from this process: stolen by the hypervisor, held back by the control group's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.pairing import Pressure
from matbench.record.machine.cgroup import folders, parse_cgroup, parse_mounts
from matbench.record.machine.source import ROOT, count, parse_pairs, text
from matbench.record.machine.state import parse_stat

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_throttled", "read_pressure"]


def parse_throttled(text: str | None) -> int | None:
    r"""Time that ``cpu.stat`` says its group was held back, ns: version 2 counts µs, version 1 ns.

    Examples
    --------
    >>> parse_throttled("nr_throttled 2\nthrottled_usec 1500"), parse_throttled("throttled_time 1500")
    (1500000, 1500)
    """
    pairs = parse_pairs((text or "").replace(" ", ":"))
    new, old = count(pairs.get("throttled_usec")), count(pairs.get("throttled_time"))
    return old if new is None else 1000 * new


def read_pressure(root: Path = ROOT) -> Pressure:
    """What has been taken since boot; None where the system, such as any but Linux, does not tell.

    Of several groups around this process the one that was held back the longest counts.
    """
    ticks = parse_stat(text(root, "proc/stat"))
    groups, mounts = parse_cgroup(text(root, "proc/self/cgroup")), parse_mounts(text(root, "proc/self/mountinfo"))
    held = (parse_throttled(text(root, f"{folder}/cpu.stat")) for folder in folders(groups, mounts, "cpu"))
    return Pressure(
        steal_ticks=ticks.steal if ticks else None,
        total_ticks=ticks.total if ticks else None,
        throttled_ns=max((each for each in held if each is not None), default=None),
    )
