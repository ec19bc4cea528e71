"""Recorded machines: the folder's name and its expected.json are the answer."""

import json
from pathlib import Path

import msgspec
import pytest

from matbench.model import Conditions, Host
from matbench.record.host import machine_label, read_conditions, read_host

MACHINES = sorted((Path(__file__).parent / "machines").iterdir())
LINUX = [machine for machine in MACHINES if (machine / "proc").is_dir()]


def named(machine: Path) -> str:
    return machine.name


@pytest.mark.parametrize("machine", MACHINES, ids=named)
def test_a_recorded_machine_is_read_as_expected(machine):
    expected = json.loads((machine / "expected.json").read_text())

    host = read_host(machine, system=expected["system"], architecture=expected["machine"])

    assert host == msgspec.convert(expected["host"], Host)
    assert machine_label(host) == expected["label"]
    assert host.cpu.microarchitecture.replace("_", "-") == machine.name.rpartition("-")[0]


@pytest.mark.parametrize("machine", LINUX, ids=named)
def test_the_state_of_a_recorded_machine_is_read_as_expected(machine):
    expected = json.loads((machine / "expected.json").read_text())["conditions"]

    assert read_conditions(machine, system="Linux") == msgspec.convert(expected, Conditions)


def test_no_serial_number_is_read():
    machine = Path(__file__).parent / "machines" / "zen4-guest"
    encoded = msgspec.json.encode(read_host(machine, system="Linux", architecture="x86_64"))

    assert (machine / "sys/class/dmi/id/product_serial").read_text().strip().encode() not in encoded
    assert (machine / "sys/class/dmi/id/product_uuid").read_text().strip().encode() not in encoded


def test_an_empty_machine_is_unknown_and_not_an_error(tmp_path):
    host = read_host(tmp_path, system="Linux", architecture="riscv64")

    assert (host.logical_cpus, host.physical_cores, host.smt) == (1, None, None)
    assert host.cpu.brand == host.cpu.microarchitecture == "unknown"
    assert host.hypervisor is None
    assert read_conditions(tmp_path, system="Linux") == Conditions()


def test_a_machine_of_rubbish_is_unknown_and_not_an_error(tmp_path):
    for source in (path for path in LINUX[0].rglob("*") if path.is_file()):
        target = tmp_path / source.relative_to(LINUX[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"\xff\x00[:-,99999999999999999999 rubbish\n\n:\n")

    host = read_host(tmp_path, system="Linux", architecture="x86_64")
    conditions = read_conditions(tmp_path, system="Linux")

    assert msgspec.json.decode(msgspec.json.encode(host), type=Host) == host
    assert msgspec.json.decode(msgspec.json.encode(conditions), type=Conditions) == conditions


def test_a_mac_without_sysctl_is_unknown_and_not_an_error(tmp_path):
    host = read_host(tmp_path, system="Darwin", architecture="arm64")

    assert host.system == "Darwin"
    assert host.cpu.brand == "unknown"
