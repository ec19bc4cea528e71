"""Ids, labels, the secret, and that nothing tells who owns the machine."""

import os
import stat
import subprocess
import sys
from multiprocessing.dummy import Pool
from pathlib import Path

import msgspec
import platformdirs
import pytest

from matbench.errors import UsageError
from matbench.model import Caches, Cpu, Environment, Host
from matbench.record import host as card
from matbench.record.ids import KEY_FILE, env_id, host_id, hw_id, machine_label, safe_label

HOST = Host(
    system="Linux",
    architecture="x86_64",
    cpu=Cpu(brand="Some CPU", microarchitecture="zen4", generic="x86_64_v4", features=("avx2", "fma")),
    caches=Caches(l1d=32768),
    logical_cpus=8,
    memory_bytes=16 * 2**30,
)


def changed(**fields):
    return msgspec.structs.replace(HOST, **fields)


def test_equal_machines_share_the_hardware_id():
    same = changed(
        hw_id="else",
        host_id="else",
        memory_bytes=16 * 2**30 - 2**28,
        cpu=msgspec.structs.replace(HOST.cpu, microarchitecture="zen5", generic="x86_64_v3"),
    )
    assert hw_id(same) == hw_id(HOST)
    assert len(hw_id(HOST)) == 16


@pytest.mark.parametrize(
    "fields",
    [
        {"logical_cpus": 4},
        {"memory_bytes": 8 * 2**30},
        {"memory_bytes": None},
        {"hypervisor": "kvm"},
        {"caches": Caches(l1d=49152)},
        {"architecture": "arm64"},
        {"cpu": msgspec.structs.replace(HOST.cpu, features=("avx2",))},
    ],
)
def test_machines_that_differ_differ_in_the_hardware_id(fields):
    assert hw_id(changed(**fields)) != hw_id(HOST)


def test_the_environment_id_follows_the_software_and_not_the_order():
    one = Environment(packages={"numpy": "2.1", "scipy": "1.14"})
    other = Environment(packages={"scipy": "1.14", "numpy": "2.1"}, env_id="else")
    assert env_id(one) == env_id(other)
    assert env_id(one) != env_id(Environment(packages={"numpy": "2.2", "scipy": "1.14"}))


def test_a_host_id_stays_the_same_here_and_differs_elsewhere(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    assert host_id("hw", here) == host_id("hw", here) != host_id("hw", there)
    assert host_id("hw", here) != host_id("other hw", here)
    assert len(host_id("hw", here)) == 16


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_secret_is_for_its_owner_alone(tmp_path):
    host_id("hw", tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("rubbish", [b"", b"short", b"x" * 33])
def test_a_broken_secret_is_replaced(tmp_path, rubbish):
    (tmp_path / KEY_FILE).write_bytes(rubbish)
    first = host_id("hw", tmp_path)
    assert len((tmp_path / KEY_FILE).read_bytes()) == 32
    assert host_id("hw", tmp_path) == first != "unknown"


def test_a_secret_that_no_link_can_make_is_made_by_renaming(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    assert host_id("hw", tmp_path) == host_id("hw", tmp_path) != "unknown"


def test_where_no_secret_can_be_kept_the_host_is_unknown(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert host_id("hw", tmp_path / "file" / "data") == "unknown"
    (tmp_path / KEY_FILE).mkdir()
    assert host_id("hw", tmp_path) == "unknown"
    assert host_id("hw", Path("~") / "without" / "home") == "unknown"


def test_many_who_start_at_once_agree_on_one_secret(tmp_path):
    with Pool(8) as pool:
        found = set(pool.map(lambda _: host_id("hw", tmp_path / "data"), range(32)))
    assert len(found) == 1
    assert found != {"unknown"}


@pytest.mark.parametrize(
    ("host", "label"),
    [
        (Host(), "cpu-1cpu-unknow"),
        (changed(hw_id="ABCDEF0123", logical_cpus=192), "zen4-192cpu-abcdef"),
        (changed(host_id="3f9a1c77", hw_id="0000"), "zen4-8cpu-3f9a1c"),
        (changed(cpu=Cpu(microarchitecture="../../<script>" * 9), host_id="..//"), "script-script-script-8cpu-unknow"),
        (changed(cpu=Cpu(generic="x86_64_v4"), hw_id="12"), "x86-64-v4-8cpu-12"),
    ],
)
def test_a_label_is_a_safe_folder_name(host, label):
    found = machine_label(host)
    assert found == label
    assert len(found) <= 40
    assert safe_label(found) == found


@pytest.mark.parametrize("text", ["a", "icelake-2cpu-3f9a1c", "A.b_c-9", "x" * 60, "console", "com10"])
def test_a_plain_name_is_safe(text):
    assert safe_label(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        ".",
        "a/b",
        "a\\b",
        "-x",
        ".x",
        "x" * 61,
        "a..b",
        "a.",
        "a b",
        "ä",
        "١",
        "con",
        "NUL.txt",
        "Com1",
        "a\n",
        "~",
    ],
)
def test_a_dangerous_name_is_refused_in_one_sentence(text):
    with pytest.raises(UsageError, match="can't name a machine; use up to 60 letters") as caught:
        safe_label(text)
    assert "\n" not in str(caught.value)


def test_nothing_tells_who_owns_the_machine(tmp_path, monkeypatch):
    home = tmp_path / "adalovelace"
    home.mkdir()
    for name, value in {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "LOGNAME": "adalovelace",
        "USER": "adalovelace",
        "HOSTNAME": "difference-engine",
        "NUMBA_CACHE_DIR": str(home / "cache"),
        "OMP_PLACES": "adalovelace",
        "OMP_TOOL_LIBRARIES": "libof-adalovelace-1.so",
        "MKL_SOMETHING": "difference-engine.example.org",
        "GOTO_NOTE": "it's @home",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("platform.node", lambda: "difference-engine.example.org")
    monkeypatch.setattr("platform.release", lambda: "6.1.0-adalovelace-difference-engine")

    values = (card.read_host(), card.read_environment(), card.read_conditions())
    encoded = msgspec.json.encode(values).decode().lower()

    for private in ("adalovelace", "difference", "example.org", str(tmp_path).lower(), "@home"):
        assert private not in encoded
    assert values[0].host_id != "unknown"
    assert Path(platformdirs.user_data_path("matbench")).is_relative_to(home)
    for value in values:
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_reading_the_machine_imports_nothing_heavy():
    heavy = "numpy numba scipy matplotlib matbench.kernels matbench.measure matbench.analyse matbench.present"
    code = (
        "import sys, matbench.record.host as card, matbench.record.ids; card.read_conditions(); "
        "from pathlib import Path; card.read_host(Path('nowhere'), system='Linux'); "
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
