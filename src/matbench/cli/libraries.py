"""BLAS libraries that lie on this machine and are not loaded: how they are told, and what ``--blas all`` stands for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from matbench.cli import console
from matbench.measure.libraries import loaded_libraries, usable
from matbench.present.words import clean
from matbench.record.libraries import BlasFile, distinct, installed_blas

__all__ = ["ALL", "named_libraries", "other_libraries", "tell_others"]

ALL = "all"  # a file of that name is ./all
LONGEST = 4096  # characters of a path


def other_libraries() -> tuple[BlasFile, ...]:
    """The BLAS libraries of this machine beside those that this process has loaded."""
    found = installed_blas()
    loaded = [Path(each["filepath"]) for each in loaded_libraries() if each["user_api"] == "blas"]
    others = set(distinct([each.path for each in found], loaded))
    return tuple(each for each in found if each.path in others)


def tell_others(found: Sequence[BlasFile]) -> None:
    """Print libraries that are there and not loaded, each with the option that has it measured."""
    if not found:
        return
    console.data(f"\nBLAS libraries that lie here and are not loaded until you say so (all of them: --blas {ALL})\n")
    widest = max(len(each.title) for each in found)
    for each in found:
        console.data(f"    {each.title:{widest}}  --blas {shlex.quote(clean(str(each.path), LONGEST))}")


def named_libraries(typed: Sequence[str]) -> list[str]:
    """The paths that are meant: those typed, and in place of ``all`` those of every library that lies here.

    Of the latter those that can't be loaded, or have no CBLAS, are left out, and that is said.
    """
    paths: dict[str, None] = {}
    for each in typed:
        paths.update(dict.fromkeys(_every() if each == ALL else [each]))
    return list(paths)


def _every() -> list[str]:
    there = usable([str(each.path) for each in other_libraries()])
    for reason in filter(None, there.values()):
        console.note(f"left out: {reason}")
    if not there:
        console.note(f"--blas {ALL}: no BLAS library lies here beside those that are loaded anyway")
    return [path for path, reason in there.items() if reason is None]
