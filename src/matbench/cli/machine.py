"""The commands that look at the machine and at the kernels: host, doctor, list."""

from __future__ import annotations

import os

import msgspec

from matbench.analyse.doctor import diagnose
from matbench.analyse.finding import Finding
from matbench.cli import console
from matbench.errors import UsageError
from matbench.pairing import Settings
from matbench.present.card import host_lines, software_lines
from matbench.present.tables import render_markdown
from matbench.record.environment import environment_given
from matbench.record.here import Machine
from matbench.record.host import machine_label, read_conditions, read_environment, read_host
from matbench.record.noise import keep_noise, known_noise
from matbench.spinning import short_spins, spins_of
from matbench.units import format_seconds

__all__ = ["examine", "show_host"]


def _indented(value: object) -> str:
    """One JSON text, indented, for any value of the model."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def show_host(*, as_json: bool) -> int:
    """Print the machine card."""
    host, environment, conditions = read_host(), read_environment(), read_conditions()
    if as_json:
        card = {"host": host, "environment": environment, "conditions": conditions}
        console.data(_indented(card))
        return 0
    console.data(render_markdown(("", machine_label(host)), [*host_lines(host), *software_lines(environment)]))
    console.hint("is it fit to measure on? matbench doctor")
    return 0


_MARKS = {"ok": "ok     ", "warning": "warning", "fault": "FAULT  "}


def _finding_lines(finding: Finding) -> str:
    text = f"{_MARKS[finding.level]}  {finding.subject}: {finding.saw}"
    if finding.level == "ok":
        return text
    remedy = f"\n         do: {finding.remedy}" if finding.remedy else ""
    return f"{text}\n         why: {finding.why}{remedy}"


def examine(*, strict: bool, as_json: bool, noise: bool = False) -> int:
    """Print what the doctor finds; 1 with `strict` if that is anything.

    Parameters
    ----------
    strict, as_json
        As typed.
    noise
        Whether to measure first what identical code differs by here, and to keep it for all verdicts to come.
    """
    if noise:
        _measure_noise()
    host, environment = read_host(), read_environment()
    known = known_noise(host.host_id) if host.host_id != "unknown" else None
    # A floor is of sampling processes, which are given more than is set here.
    spins = spins_of(environment_given(environment, short_spins(os.environ)).variables)
    findings = diagnose(host, environment, read_conditions(), known, spins=spins)
    if as_json:
        console.data(_indented(findings))
    else:
        console.data("\n".join(_finding_lines(each) for each in findings))
    if known is None:
        console.hint("what can be told apart here? matbench doctor --noise (half a minute)")
    worst = {each.level for each in findings}
    return 1 if strict and worst & {"warning", "fault"} else 0


def _measure_noise() -> None:
    from matbench.kernels import default_registry
    from matbench.measure.pairs import PairProgress
    from matbench.noise import SERIES_S, measured_noise

    machine = Machine()
    if machine.host.host_id == "unknown":
        raise UsageError("this machine can't be told from others, so nothing can be kept for it; see matbench host")
    console.note(f"comparing identical code with itself, at most {format_seconds(SERIES_S)}")
    with console.strangers():
        registry = default_registry()
    with console.progress(Settings().processes) as bar:

        def show(event: object) -> None:
            if isinstance(event, PairProgress):
                bar(event.process, f"process {event.process + 1} of {event.processes}", event.left_s)

        keep_noise(measured_noise(machine, registry, show))
