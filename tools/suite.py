"""Run the suite under asv, labelled with the machine and with how much of it was used; what `make asv` calls.

Left alone, asv names a machine by its host name and stores nothing else of one that is given a name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from repository import ROOT

from matbench.errors import MatbenchError
from matbench.record.asv_project import asv_module, read_project
from matbench.record.asv_writing import machine_facts
from matbench.record.here import Machine
from matbench.record.ids import machine_label

SETTINGS = ROOT / "asv.conf.json"


def label(machine: Machine) -> str:
    """The name that `matbench run` gives the machine; where only some of its CPUs may be used, it says so."""
    name, allowed = machine_label(machine.host), machine.processors
    return name if allowed >= machine.host.logical_cpus else f"{name}-on-{allowed}cpu"


def card(machine: Machine) -> dict[str, str]:
    """The machine as asv stores it."""
    return machine_facts(label(machine), machine.host, machine.environment.system_release, machine.processors)


def run(arguments: Sequence[str]) -> NoReturn:
    """Become `asv run` on this machine.

    Raises
    ------
    UsageError
        If there is no asv, or no commit to measure.
    RecordError
        If the settings can't be read.
    """
    if read_project(SETTINGS).is_changed:
        print("asv measures the last commit, not the changes since; commit them to have them measured", file=sys.stderr)
    here = card(Machine())
    asv_module("machine").MachineCollection.save(here["machine"], here)
    settings = ["--config", str(SETTINGS), "--machine", here["machine"]]
    os.execv(sys.executable, [sys.executable, "-m", "asv", "run", *settings, *arguments])


if __name__ == "__main__":
    try:
        run(sys.argv[1:])
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)
