"""The state of the machine at this moment: stored with every run and flagged, never part of an id."""

from __future__ import annotations

import math
import os
import platform
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from matbench.model import Conditions
from matbench.record.machine.source import ROOT
from matbench.record.machine.state import linux_conditions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_conditions"]


def read_conditions(root: Path = ROOT, *, system: str | None = None) -> Conditions:
    """The state of the machine when it is called; what the system doesn't tell is None.

    Parameters
    ----------
    root
        Folder with the ``proc`` and ``sys`` of a Linux machine, recorded ones included.
    system
        ``Linux``, ``Darwin`` or ``Windows``; by default the one that this is.
    """
    if (system or platform.system()) == "Linux":
        return linux_conditions(root)
    return _portable_conditions()


def _portable_conditions() -> Conditions:
    """What psutil can tell elsewhere; there is no governor, quota or stolen time to be had there."""
    memory, swap, battery = None, None, None
    with suppress(psutil.Error, OSError):  # each of them is refused in some sandbox
        memory = psutil.virtual_memory().available
    with suppress(psutil.Error, OSError):
        swap = psutil.swap_memory().used
    with suppress(psutil.Error, OSError, AttributeError):
        battery = psutil.sensors_battery()
    return Conditions(
        affinity=_affinity(),
        load_1m=_load(),
        available_bytes=memory,
        swap_used_bytes=swap,
        on_battery=None if battery is None or battery.power_plugged is None else not battery.power_plugged,
    )


def _affinity() -> int | None:
    with suppress(psutil.Error, OSError, AttributeError):  # macOS has none
        return len(psutil.Process().cpu_affinity() or ()) or None
    return None


def _load() -> float | None:
    with suppress(OSError, AttributeError):  # Windows has none, and psutil's imitation starts a thread
        load = os.getloadavg()[0]
        return load if math.isfinite(load) and load >= 0 else None
    return None
