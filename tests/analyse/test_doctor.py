"""The doctor's rules, one machine with one ailment at a time."""

import re

import msgspec
import pytest

from matbench.analyse.doctor import Finding, diagnose, steal_share
from matbench.model import Conditions, Cpu, Environment, Host, Library
from matbench.pairing import NoiseFloor

OPENBLAS = Library("blas", "openblas", "0.3.31", "SkylakeX", "pthreads", "libopenblas.so")
HOST = Host(
    system="Linux",
    architecture="x86_64",
    cpu=Cpu(brand="Xeon", vendor="GenuineIntel", microarchitecture="icelake", generic="x86_64_v4"),
    logical_cpus=8,
    physical_cores=8,
    numa_nodes=1,
    smt=False,
    memory_bytes=16 * 2**30,
)
ENVIRONMENT = Environment(libraries=(OPENBLAS,))
CONDITIONS = Conditions(
    governor="performance",
    turbo=False,
    affinity=8,
    load_1m=0.1,
    available_bytes=12 * 2**30,
    swap_used_bytes=0,
    huge_pages="madvise",
    clock_source="tsc",
    temperature_c=50.0,
    steal_ticks=0,
    total_ticks=1000,
)


def on(host=None, environment=None, **conditions):
    """The findings on the sound machine with these fields changed."""
    return diagnose(
        msgspec.structs.replace(HOST, **(host or {})),
        msgspec.structs.replace(ENVIRONMENT, **(environment or {})),
        msgspec.structs.replace(CONDITIONS, **conditions),
    )


def only(subject, findings):
    (found,) = (finding for finding in findings if finding.subject == subject)
    return found


def library(**fields):
    return msgspec.structs.replace(OPENBLAS, **fields)


def test_a_sound_machine_is_fine_in_every_line():
    findings = on()
    assert {finding.level for finding in findings} == {"ok"}
    assert {finding.remedy for finding in findings} == {None}
    assert {"affinity", "load", "steal", "governor", "turbo", "SMT", "hypervisor", "memory", "swap", "clock"} <= {
        finding.subject for finding in findings
    }


AILMENTS = [
    ("cgroup quota", "fault", "matbench run --threads 1", {"cpu_quota": 1.5}),
    ("cgroup quota", "fault", "docker update --cpus 8 CONTAINER", {"cpu_quota": 0.5}),
    ("affinity", "warning", "taskset -c 0-7 matbench run", {"affinity": 2}),
    ("load", "warning", "ps -eo pcpu,comm --sort=-pcpu | head -5", {"load_1m": 1.0}),
    ("load", "fault", "ps -eo pcpu,comm --sort=-pcpu | head -5", {"load_1m": 8.0}),
    ("load", "warning", "ps -eo pcpu,comm -r | head -5", {"load_1m": 1.0, "host": {"system": "Darwin"}}),
    ("steal", "warning", "ratios within one run", {"steal_ticks": 54}),
    ("governor", "warning", "sudo cpupower frequency-set -g performance", {"governor": "powersave"}),
    ("turbo", "warning", "intel_pstate/no_turbo", {"turbo": True}),
    ("turbo", "warning", "cpufreq/boost", {"turbo": True, "host": {"cpu": Cpu(vendor="AuthenticAMD")}}),
    ("SMT", "warning", "matbench run --threads 1,2,4", {"host": {"smt": True, "physical_cores": 4}}),
    ("NUMA", "warning", "numactl", {"host": {"numa_nodes": 2}}),
    ("hypervisor", "warning", "matbench run --budget 5m", {"host": {"hypervisor": "kvm"}}),
    ("hypervisor", "warning", "matbench run --budget 5m", {"host": {"hypervisor": "unknown"}}),
    ("memory", "warning", "--sort=-rss", {"available_bytes": 2**29}),
    ("memory", "fault", "--sort=-rss", {"available_bytes": 2**20}),
    ("swap", "warning", "sudo swapoff -a && sudo swapon -a", {"swap_used_bytes": 2**30}),
    ("swap", "warning", "close programs", {"swap_used_bytes": 2**30, "available_bytes": 2**30}),
    ("clock", "warning", "echo tsc", {"clock_source": "hpet"}),
    ("huge pages", "warning", "echo madvise", {"huge_pages": "never"}),
    ("power", "warning", "plug", {"on_battery": True}),
    ("temperature", "warning", "sleep", {"temperature_c": 95.0}),
    ("BLAS", "fault", "pip install", {"environment": {"libraries": (library(name="blas", architecture="unknown"),)}}),
    (
        "BLAS",
        "fault",
        "pip install",
        {"environment": {"libraries": (library(name="flexiblas", architecture="NETLIB"),)}},
    ),
    ("BLAS", "fault", "pip install", {"environment": {"libraries": (library(architecture="Prescott"),)}}),
    ("BLAS", "warning", "pip install", {"environment": {"libraries": (library(architecture="Haswell"),)}}),
    (
        "BLAS",
        "warning",
        "unset OPENBLAS_CORETYPE",
        {"environment": {"libraries": (library(architecture="Zen"),), "variables": {"OPENBLAS_CORETYPE": "Zen"}}},
    ),
    (
        "BLAS",
        "warning",
        "pip install",
        {
            "environment": {"libraries": (library(architecture="ARMV8"),)},
            "host": {"cpu": Cpu(microarchitecture="neoverse_v1", generic="armv8.4a")},
        },
    ),
    ("BLAS", "warning", "pip install", {"environment": {"libraries": ()}}),
    ("several BLAS", "warning", "--threads 1", {"environment": {"libraries": (OPENBLAS, library(name="mkl"))}}),
    (
        "several OpenMP",
        "warning",
        "NUMBA_THREADING_LAYER=workqueue",
        {"environment": {"libraries": (OPENBLAS, Library("openmp", "libgomp"), Library("openmp", "libomp"))}},
    ),
    (
        "several OpenMP",
        "warning",
        "MKL_THREADING_LAYER=GNU",
        {
            "environment": {
                "libraries": (library(name="mkl"), Library("openmp", "libgomp"), Library("openmp", "libiomp5"))
            }
        },
    ),
    ("variables", "warning", "unset OMP_NUM_THREADS", {"environment": {"variables": {"OMP_NUM_THREADS": "1"}}}),
    ("variables", "warning", "unset OMP_NUM_THREADS", {"environment": {"variables": {"OMP_NUM_THREADS": "<path>"}}}),
    ("variables", "fault", "unset NUMBA_DISABLE_JIT", {"environment": {"variables": {"NUMBA_DISABLE_JIT": "1"}}}),
    ("variables", "warning", "unset NUMBA_OPT", {"environment": {"variables": {"NUMBA_OPT": "0"}}}),
    ("variables", "warning", "unset KMP_BLOCKTIME", {"environment": {"variables": {"KMP_BLOCKTIME": "infinite"}}}),
    (
        "threading layer",
        "warning",
        "python -m pip install tbb",
        {"environment": {"numba_threading_layer": "workqueue"}},
    ),
]


@pytest.mark.parametrize(("subject", "level", "remedy", "changes"), AILMENTS)
def test_an_ailment_is_found_with_its_remedy(subject, level, remedy, changes):
    found = only(subject, on(**changes))
    assert found.level == level
    assert remedy in found.remedy
    assert found.saw
    assert found.why


@pytest.mark.parametrize(
    ("subject", "changes"),
    [
        ("cgroup quota", {"cpu_quota": 8.0}),
        ("turbo", {}),
        ("swap", {"swap_used_bytes": 2**20}),
        ("SMT", {"host": {"hypervisor": "kvm"}}),
        ("power", {"on_battery": False}),
        ("clock", {"clock_source": "arch_sys_counter"}),
        ("threading layer", {"environment": {"numba_threading_layer": "omp"}}),
        ("variables", {"environment": {"variables": {"OMP_NUM_THREADS": "8", "NUMBA_OPT": "3"}}}),
        ("several BLAS", {"environment": {"libraries": (OPENBLAS, library(filename="libscipy_openblas.so"))}}),
        ("BLAS", {"environment": {"libraries": (library(name="mkl", architecture="unknown"),)}}),
        ("BLAS", {"environment": {"libraries": (library(architecture="NeoverseN1"),)}, "host": {"cpu": Cpu()}}),
        (
            "BLAS",
            {"environment": {"libraries": (library(architecture="Haswell"),)}, "host": {"cpu": Cpu(generic="x86_64")}},
        ),
    ],
)
def test_what_is_no_ailment_is_fine(subject, changes):
    assert only(subject, on(**changes)).level == "ok"


def test_two_equal_libraries_are_one_line():
    findings = on(environment={"libraries": (OPENBLAS, library(filename="other.so"))})
    assert only("BLAS", findings).level == "ok"


def test_faults_come_first_and_what_is_fine_last():
    levels = [finding.level for finding in on(cpu_quota=1.0, governor="powersave", turbo=True)]
    assert levels == sorted(levels, key=("fault", "warning", "ok").index)
    assert levels[:3] == ["fault", "warning", "warning"]


def test_what_the_machine_does_not_tell_is_one_line_at_the_end():
    findings = diagnose(Host(), Environment(libraries=(OPENBLAS,)), Conditions())
    assert findings[-1].subject == "unknown"
    assert findings[-1].level == "ok"
    assert "governor" in findings[-1].saw
    assert [finding.subject for finding in findings] == ["BLAS", "variables", "unknown"]


def test_a_quota_on_part_of_the_machine_is_compared_with_that_part():
    assert only("cgroup quota", on(cpu_quota=2.0, affinity=2)).level == "ok"


def test_every_finding_can_be_stored_and_is_one_line_of_text():
    for *_, changes in AILMENTS:
        for finding in on(**changes):
            assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
            for words in (finding.saw, finding.why, finding.remedy or "-"):
                assert re.fullmatch(r"[^\n]{1,160}", words)


def test_the_share_of_stolen_time_is_between_two_looks():
    before, after = Conditions(steal_ticks=10, total_ticks=1000), Conditions(steal_ticks=15, total_ticks=1100)
    assert steal_share(before, after) == pytest.approx(0.05)
    assert steal_share(before, before) is None
    assert steal_share(after, before) is None
    assert steal_share(before, Conditions()) is None
    assert steal_share(Conditions(), after) is None
    assert steal_share(before, Conditions(steal_ticks=500, total_ticks=1100)) is None


@pytest.mark.parametrize(("floor", "level"), [(0.003, "ok"), (0.03, "warning")])
def test_the_machine_s_own_noise_is_told_where_it_was_measured(floor, level):
    noise = NoiseFloor(host_id="x", floor=floor, comparisons=6, measured="2026-11-22T16:12:03Z")
    found = only("noise", diagnose(HOST, ENVIRONMENT, CONDITIONS, noise))
    assert found.level == level
    assert "(6 comparisons, 2026-11-22)" in found.saw
    assert not [finding for finding in on() if finding.subject == "noise"]


@pytest.mark.parametrize("measured_with", [{"KMP_BLOCKTIME": "200"}, {}, None])
def test_a_floor_of_when_idle_threads_spun_otherwise_is_told_and_not_used(measured_with):
    spins = {"KMP_BLOCKTIME": "2"}
    noise = NoiseFloor(host_id="x", floor=0.003, comparisons=6, measured="2026-11-22T16:12:03Z", spins=measured_with)
    found = only("noise", diagnose(HOST, ENVIRONMENT, CONDITIONS, noise, spins=spins))
    assert (found.level, found.remedy) == ("warning", "matbench doctor --noise")
    assert "not used" in found.saw
    like = msgspec.structs.replace(noise, spins=spins)
    assert only("noise", diagnose(HOST, ENVIRONMENT, CONDITIONS, like, spins=spins)).level == "ok"
