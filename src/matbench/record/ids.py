"""Names for machines and software that say nothing about their owner.

Equal machines share `hw_id`; one installation on one machine has one `host_id`, keyed with a secret that never leaves
it. Neither is made from the host name, the machine-id or a serial number.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import platformdirs

from matbench.errors import UsageError
from matbench.record.machine.source import UNKNOWN

if TYPE_CHECKING:
    from pathlib import Path

    from matbench.model import Environment, Host

__all__ = ["env_id", "host_id", "hw_id", "machine_label", "safe_label"]

SECRET_BYTES = 32
KEY_FILE = "host.key"
GIB = 2**30
ARCHSPEC_NAMES = frozenset({"microarchitecture", "generic"})

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", re.ASCII)
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE | re.ASCII)


def hw_id(host: Host) -> str:
    """16 hexadecimal digits of the stable hardware facts: equal for equal machines, whoever owns them.

    Memory counts in whole GiB, because kernels set aside more or less of it. archspec's names don't count: they follow
    from the features, and a later archspec may know a better one.
    """
    facts = msgspec.to_builtins(host)
    for derived in ("hw_id", "host_id", "memory_bytes", "system"):
        facts.pop(derived, None)
    facts["cpu"] = {key: value for key, value in facts.get("cpu", {}).items() if key not in ARCHSPEC_NAMES}
    facts["memory_gib"] = None if host.memory_bytes is None else round(host.memory_bytes / GIB)
    return _digest(facts)


def env_id(environment: Environment) -> str:
    """16 hexadecimal digits of the software: equal where every version, library and variable is."""
    facts = msgspec.to_builtins(environment)
    facts.pop("env_id", None)
    return _digest(facts)


def host_id(hardware: str, folder: Path | None = None) -> str:
    """16 hexadecimal digits for this installation on the machine `hardware`; ``unknown`` where no secret can be kept.

    Parameters
    ----------
    hardware
        The machine's `hw_id`.
    folder
        Where the secret is kept; by default the user's data folder of matbench.
    """
    secret = _secret(platformdirs.user_data_path("matbench") if folder is None else folder)
    if secret is None:
        return UNKNOWN
    return hmac.new(secret, hardware.encode(), hashlib.sha256).hexdigest()[:16]


def machine_label(host: Host) -> str:
    """An anonymous folder name for a machine: microarchitecture, CPUs, the start of its id; at most 40 characters.

    Examples
    --------
    >>> from matbench.model import Cpu, Host
    >>> machine_label(Host(cpu=Cpu(microarchitecture="icelake"), logical_cpus=2, host_id="3f9a1c77aa00bb11"))
    'icelake-2cpu-3f9a1c'
    """
    cpu = host.cpu
    name = next((each for each in (cpu.microarchitecture, cpu.generic, host.architecture) if each != UNKNOWN), "cpu")
    known = next((each for each in (host.host_id, host.hw_id) if each != UNKNOWN), UNKNOWN)
    return f"{_slug(name)[:20] or 'cpu'}-{host.logical_cpus}cpu-{_slug(known)[:6] or UNKNOWN[:6]}"


def safe_label(text: str) -> str:
    """`text`, if it can name a folder on every system.

    Raises
    ------
    UsageError
        If it holds anything but letters, digits, dot, underscore and hyphen, is longer than 60 characters, or means
        a device or another folder somewhere.
    """
    if not LABEL.fullmatch(text) or text.endswith(".") or ".." in text or DEVICES.fullmatch(text):
        raise UsageError(
            f"{text[:60]!r} can't name a machine; use up to 60 letters, digits, '.', '_' and '-', "
            "starting with a letter or digit and being no device name such as 'con'"
        )
    return text


def _digest(facts: object) -> str:
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()[:16]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _secret(folder: Path) -> bytes | None:
    """The secret of this installation, made at the first call; None where the folder can't be written.

    Without a home the folder is relative to wherever the program was started: nothing is kept there.
    """
    if not folder.is_absolute():
        return None
    path = folder / KEY_FILE
    try:
        return _stored(path) or _created(path)
    except OSError:
        return None


def _stored(path: Path) -> bytes | None:
    """The secret in the file; None where there is no file or no whole secret in it."""
    try:
        with path.open("rb") as file:
            secret = file.read(SECRET_BYTES + 1)
    except FileNotFoundError:
        return None
    return secret if len(secret) == SECRET_BYTES else None


def _created(path: Path) -> bytes | None:
    """A new secret, or that of another process which was faster: all of them end up with the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # it is there already, or this file system has no links
            os.link(fresh, path)
        if _stored(path) is None:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return _stored(path)
