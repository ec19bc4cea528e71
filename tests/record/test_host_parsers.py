"""Parsers of what machines say of themselves: formats, and texts that are none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.model import Caches, Conditions, Cpu, Host
from matbench.record.host import host_from_sysctl
from matbench.record.machine.cgroup import Mount, folders, parse_cgroup, parse_mounts, parse_quota
from matbench.record.machine.cpu import parse_cpuinfo, parse_identifier, parse_sysctl
from matbench.record.machine.hypervisor import hypervisor_from
from matbench.record.machine.source import clean, count, number, parse_ranges
from matbench.record.machine.state import governor_of, on_battery_from, parse_selected, parse_stat
from matbench.record.machine.topology import Counts, caches_from, counts_from, parse_cache_size, parse_topology

X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: lm ssse3 avx2 sme smep sev\n"
FIELDS = ("processor", "flags", "vendor_id", "CPU implementer", "CPU part", "CPU architecture", "cpu family", "core id")
CPUINFO = st.lists(st.tuples(st.sampled_from(FIELDS), st.text())).map(
    lambda lines: "\n".join(f"{key}\t: {value}" for key, value in lines)
)


def round_trips(value):
    return msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


@given(CPUINFO | st.text())
def test_any_cpuinfo_gives_a_processor_that_can_be_stored(text):
    assert round_trips(parse_cpuinfo(text))
    assert round_trips(parse_identifier(text))
    assert parse_topology(text).logical >= 1


@given(st.text())
def test_any_sysctl_gives_a_machine_that_can_be_stored(text):
    assert round_trips(host_from_sysctl(text))
    assert round_trips(parse_sysctl("machdep.cpu.features: SSE\n" + text))


@given(st.text())
def test_no_text_breaks_a_small_parser(text):
    quota, load = parse_quota(text), number(text)
    assert quota is None or quota > 0
    assert load is None or abs(load) < 1e16
    assert all(0 <= cpu < 2**16 for cpu in parse_ranges(text))
    assert round_trips(Conditions(governor=governor_of([text]), huge_pages=parse_selected(text), cpu_quota=quota))
    for parse in (parse_stat, parse_cache_size, parse_cgroup, parse_mounts, count):
        parse(text)


def test_encrypted_memory_of_amd_is_not_the_matrix_extension_of_arm():
    assert parse_cpuinfo(X86).features == ("avx2", "ssse3")


def test_an_arm_processor_keeps_its_matrix_extension():
    arm = "CPU implementer : 0x41\nCPU architecture: 8\nFeatures : fp asimd sve sme smei16i64 crc32\n"
    assert parse_cpuinfo(arm).features == ("asimd", "fp", "sme", "smei16i64", "sve")


def test_a_32_bit_processor_has_no_64_bit_name():
    assert parse_cpuinfo(X86.replace("lm ", "")).generic == "unknown"
    assert parse_cpuinfo("CPU implementer: 0x41\nCPU architecture: 7\nFeatures: neon").generic == "unknown"


def test_an_arm_core_nobody_knows_keeps_its_vendor_code():
    cpu = parse_cpuinfo("CPU implementer: 0x99\nCPU architecture: 8\nCPU part: 0x001\nFeatures: fp asimd\n")
    assert (cpu.vendor, cpu.brand, cpu.microarchitecture) == ("0x99", "unknown", "aarch64")


def test_a_power_processor_tells_its_brand():
    power = "processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\n"
    assert parse_cpuinfo(power) == Cpu(brand="POWER9 (architected), altivec supported")


def test_a_newer_apple_chip_than_archspec_knows_takes_the_newest_known():
    cpu = parse_sysctl("machdep.cpu.brand_string: Apple M99 Pro\n")
    assert cpu.vendor == "Apple"
    assert cpu.microarchitecture.startswith("m")


def test_windows_tells_family_model_and_stepping():
    cpu = parse_identifier("Intel64 Family 6 Model 167 Stepping 1, GenuineIntel")
    assert (cpu.vendor, cpu.family, cpu.model, cpu.stepping) == ("GenuineIntel", 6, 167, 1)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("480K", 491520),
        ("32M", 2**25),
        ("1G", 2**30),
        ("512", 512),
        ("0K", None),
        ("", None),
        ("K", None),
        (None, None),
    ],
)
def test_a_cache_size_is_read_in_bytes(text, size):
    assert parse_cache_size(text) == size


def test_the_instruction_cache_is_no_data_cache():
    entries = [("1", "Instruction", "64K"), ("1", "Data", "48K"), ("2", "Unified", None), ("x", "Data", "1K")]
    assert caches_from(entries) == Caches(l1d=49152)


def test_cores_are_counted_by_their_siblings():
    counts = counts_from(["0,4", "1,5", "0,4", "1,5", "", "rubbish"], ["0", "0", "1", "1", "-1", ""], 4)
    assert counts == Counts(logical=4, cores=2, sockets=2)
    assert counts.smt


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("max 100000", None),
        ("200000 100000", 2.0),
        ("50000 100000", 0.5),
        ("-1 100000", None),
        ("1", None),
        (None, None),
    ],
)
def test_a_quota_is_read_in_cpus(text, quota):
    assert parse_quota(text) == quota


def test_the_limits_of_all_groups_above_bind():
    mounts = (Mount(frozenset(), "/", "/sys/fs/cgroup"),)
    assert folders({"": "/a/b"}, mounts, "cpu") == ("sys/fs/cgroup/a/b", "sys/fs/cgroup/a", "sys/fs/cgroup")


def test_a_container_sees_its_own_group_as_the_root():
    mounts = (Mount(frozenset({"cpu"}), "/docker/1", "/sys/fs/cgroup/cpu"), Mount(frozenset({"pids"}), "/", "/pids"))
    assert folders({"cpu": "/docker/1"}, mounts, "cpu") == ("sys/fs/cgroup/cpu",)
    assert folders({"cpu": "/docker/1/x"}, mounts, "cpu") == ("sys/fs/cgroup/cpu/x", "sys/fs/cgroup/cpu")


@pytest.mark.parametrize("group", ["/../../etc", "/a" * 100, "relative", ""])
def test_a_group_out_of_sight_is_the_mount_point(group):
    assert folders({"": group}, (Mount(frozenset(), "/", "/g"),), "cpu") == ("g",)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"flagged": False}, None),
        ({"flagged": True}, "unknown"),
        ({"flagged": True, "clocks": "hyperv_clocksource_tsc_page tsc"}, "hyperv"),
        ({"flagged": False, "kind": "xen"}, "xen"),
        ({"flagged": False, "kind": "new"}, "unknown"),
        ({"flagged": True, "maker": "VMware, Inc.", "product": "VMware7,1"}, "vmware"),
        ({"flagged": False, "maker": "Amazon EC2", "product": "c7g.metal"}, None),
        ({"flagged": False, "maker": "Amazon EC2", "product": "c7g.large"}, "kvm"),
        ({"flagged": False, "maker": "Microsoft Corporation", "product": "Surface Pro"}, None),
        ({"flagged": True, "maker": "Microsoft Corporation", "product": "Virtual Machine"}, "hyperv"),
        ({"flagged": True, "maker": "Ada's basement", "product": "rack 7"}, "unknown"),
    ],
)
def test_a_hypervisor_is_known_by_what_it_shows(facts, name):
    assert hypervisor_from(**facts) == name


@pytest.mark.parametrize(
    ("supplies", "answer"),
    [
        ([], None),
        ([("Mains", "1")], None),
        ([("Mains", "0"), ("Battery", "Discharging")], True),
        ([("Mains", "1"), ("Battery", "Discharging")], False),
        ([("Battery", "Full")], False),
    ],
)
def test_a_battery_that_is_drained_is_noticed(supplies, answer):
    assert on_battery_from(supplies) is answer


@pytest.mark.parametrize("text", ["cpu 1 2 3", "cpu  a b c d e f g h", "intr 5", "", None])
def test_a_stat_without_eight_columns_tells_nothing(text):
    assert parse_stat(text) is None


def test_control_characters_and_line_ends_are_cleaned_away():
    assert clean("a\x1b[31m\nb\u202ec") == "a [31m b c"
    assert len(clean("x" * 10_000)) == 200


def test_a_host_of_parsed_values_can_be_stored():
    assert round_trips(Host(cpu=parse_cpuinfo(X86), caches=caches_from([("3", "Unified", "999999999G")])))
