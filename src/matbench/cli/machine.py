"""The commands that look at the machine and at the kernels: host, doctor, list."""

from __future__ import annotations

import msgspec

from matbench.analyse.doctor import diagnose
from matbench.analyse.finding import Finding
from matbench.cli import console
from matbench.model import Environment, Host
from matbench.present.tables import render_markdown
from matbench.record.host import machine_label, read_conditions, read_environment, read_host
from matbench.units import format_bytes

__all__ = ["examine", "list_kernels", "show_host"]


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
    console.data(render_markdown(("", machine_label(host)), [*_host_lines(host), *_software_lines(environment)]))
    console.hint("is it fit to measure on? matbench doctor")
    return 0


def _host_lines(host: Host) -> list[tuple[str, str]]:
    def size(count: int | None) -> str:
        return "unknown" if count is None else format_bytes(count)

    caches = ", ".join(f"{name} {size(getattr(host.caches, name.lower()))}" for name in ("L1d", "L2", "L3"))
    cores = f"{host.logical_cpus} logical CPUs on {host.physical_cores or 'unknown'} cores"
    return [
        ("processor", f"{host.cpu.brand} ({host.cpu.microarchitecture}, {host.cpu.generic})"),
        ("processors", cores),
        ("caches of a core", caches),
        ("memory", size(host.memory_bytes)),
        ("system", f"{host.system} on {host.architecture}"),
        ("virtual machine", host.hypervisor or "none seen"),
        ("hw_id, host_id", f"{host.hw_id}, {host.host_id}"),
    ]


def _software_lines(environment: Environment) -> list[tuple[str, str]]:
    blas = [f"{each.name} {each.version} ({each.architecture})" for each in environment.libraries if each.api == "blas"]
    return [
        ("Python", f"{environment.implementation} {environment.python}"),
        ("packages", ", ".join(f"{name} {version}" for name, version in sorted(environment.packages.items()))),
        ("BLAS", ", ".join(blas) or "none seen"),
        ("SIMD that NumPy uses", " ".join(environment.numpy_simd) or "unknown"),
        ("env_id", environment.env_id),
    ]


_MARKS = {"ok": "ok     ", "warning": "warning", "fault": "FAULT  "}


def _finding_lines(finding: Finding) -> str:
    text = f"{_MARKS[finding.level]}  {finding.subject}: {finding.saw}"
    if finding.level == "ok":
        return text
    remedy = f"\n         do: {finding.remedy}" if finding.remedy else ""
    return f"{text}\n         why: {finding.why}{remedy}"


def examine(*, strict: bool, as_json: bool) -> int:
    """Print what the doctor finds; 1 with `strict` if that is anything."""
    findings = diagnose(read_host(), read_environment(), read_conditions())
    if as_json:
        console.data(_indented(findings))
    else:
        console.data("\n".join(_finding_lines(each) for each in findings))
    worst = {each.level for each in findings}
    return 1 if strict and worst & {"warning", "fault"} else 0


def list_kernels(blas: tuple[str, ...], *, as_json: bool) -> int:
    """Print the ladder of this installation."""
    from matbench.kernels import default_registry
    from matbench.measure.libraries import add_blas_kernels

    with console.strangers():
        registry = default_registry()
    add_blas_kernels(registry, blas)
    if as_json:
        rows = [
            {**msgspec.to_builtins(each.card), "dtypes": each.dtypes, "why_not": each.why_not()} for each in registry
        ]
        console.data(_indented(rows))
        return 0
    columns = ("family", "kernel", "the idea it adds", "types", "threads", "here")
    lines = [
        (
            each.rung.title,
            each.name,
            each.idea,
            " ".join(each.dtypes),
            "1..N" if each.threaded_dtypes else "1",
            each.why_not() or "yes",
        )
        for each in registry
    ]
    console.data(render_markdown(columns, lines))
    console.hint("measure them: matbench run")
    return 0
