"""A CPU quota for this process and all that it starts: a control group of its own, as containers have one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from matbench.errors import UsageError
from matbench.record.machine.cgroup import folders, parse_cgroup, parse_mounts

__all__ = ["can_limit", "limited"]

ROOT = Path("/")
PERIOD_US = 100_000  # as container engines set it
PATIENCE_S = 2.0  # until the last process of a group is gone


def own_groups(root: Path = ROOT) -> tuple[Path, ...]:
    """The folders of this process's control groups that might limit its CPU; none but on Linux."""
    try:
        groups = parse_cgroup((root / "proc/self/cgroup").read_text(encoding="utf-8"))
        mounts = parse_mounts((root / "proc/self/mountinfo").read_text(encoding="utf-8"))
    except OSError:
        return ()
    found = (folders(groups, (mount,), "cpu") for mount in mounts)
    return tuple(root / own[0] for own in found if own)


def _limit(group: Path, share: float) -> None:
    """Allow a group so much of one CPU, in either version's files."""
    quota_us = round(share * PERIOD_US)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}", encoding="utf-8")
        return
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US), encoding="utf-8")
    (group / "cpu.cfs_quota_us").write_text(str(quota_us), encoding="utf-8")


def _joined(parent: Path, share: float) -> Path | None:
    """A new limited group within `parent` that this process is in; None where it may not have one."""
    group = parent / f"matbench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        _limit(group, share)
        (group / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    except OSError:
        _removed(group)
        return None
    return group


def _removed(group: Path) -> None:
    """Remove a group, once what was started in it is gone."""
    until = time.monotonic() + PATIENCE_S
    while group.exists() and time.monotonic() < until:
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)


@contextlib.contextmanager
def limited(share: float, root: Path = ROOT) -> Iterator[None]:
    """Within, this process and all that it starts have so much of one CPU together.

    Parameters
    ----------
    share
        0.7 for 70 %.
    root
        Of the file system; an argument for the tests' sake.

    Raises
    ------
    UsageError
        If no group of ours may be limited here.
    """
    for parent in own_groups(root):
        group = _joined(parent, share)
        if group is None:
            continue
        try:
            yield
        finally:
            (parent / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
            _removed(group)
        return
    raise UsageError("no control group may be limited here; measure the part 'held' in place of 'quota'")


def can_limit() -> bool:
    """Whether a quota can be set here: by setting one, and taking it back at once."""
    try:
        with limited(1.0):
            return True
    except UsageError:
        return False
