"""What the page's script computes with: every run, every cell, and all times in three characters each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matbench.analyse.compare_facts import blas_of, cpus_of
from matbench.present.words import clean

if TYPE_CHECKING:
    from matbench.analyse.compare_cells import Array
    from matbench.analyse.compare_runs import Run
    from matbench.analyse.machines import Comparison

__all__ = ["ALPHABET", "packed", "packed_times"]

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
LEAST = -12.0  # decimal logarithm of the shortest time, s
PER_DECADE = 12_000  # steps: a step is 0.02 %, and 64^3 steps hold times up to 10^9 s
LARGEST = 1_800_000  # characters of all times and shares


def packed(found: Comparison) -> dict[str, Any]:
    """Runs, cells and times for the script, as builtin types.

    Where times and shares would take more than 1.8 MB, only the first cells are held: products in float64 come first.
    """
    count = len(found.runs) + sum(run.is_told_beside for run in found.runs)
    kept = max(1, min(len(found.cells), LARGEST // (3 * count)))
    cells = found.cells[:kept]
    return {
        "base": found.base,
        "alphabet": ALPHABET,
        "least": LEAST,
        "perDecade": PER_DECADE,
        "runs": [_run(run) for run in found.runs],
        "cells": [
            [clean(cell.kernel, 80), cell.threads, cell.shape, cell.family, cell.dtype, _flops(found, place)]
            for place, cell in enumerate(cells)
        ],
        "times": [packed_times(found.seconds[place, 0, :kept]) for place in range(len(found.runs))],
        "shares": [_shares(found, place, kept) for place in range(len(found.runs))],
    }


def _shares(found: Comparison, place: int, kept: int) -> str:
    """Shares of the peak as times are packed, the least where there is none; empty where peaks and rates tell them."""
    if not found.runs[place].is_told_beside:
        return ""
    return packed_times(np.nan_to_num(found.shares[place, :kept], nan=10**LEAST))


def _flops(found: Comparison, place: int) -> int | None:
    """Operations of a cell; None where no rate may be told."""
    cell = found.cells[place]
    return None if cell.origin == found.foreign or not cell.flops else cell.flops


def _run(run: Run) -> list[Any]:
    host, environment = run.header.host, run.header.environment
    blas = blas_of(environment.libraries) or blas_of(run.libraries) or "unknown"
    peaks = {key: float(f"{peak:.4g}") for key, peak in run.peaks.items()}
    words = (run.name, host.cpu.brand, host.cpu.microarchitecture, blas, environment.python)
    return [*(clean(word, 120) for word in words), cpus_of(run.header), peaks]


def packed_times(seconds: Array) -> str:
    """Times, s, as logarithms in three characters each.

    Examples
    --------
    >>> packed_times(np.array([1e-12, 1.0]))
    '000ZA0'
    """
    steps = np.rint((np.log10(seconds) - LEAST) * PER_DECADE).astype(int).clip(0, 64**3 - 1)
    digits = np.stack([steps >> 12, (steps >> 6) & 63, steps & 63], axis=1).ravel()
    return np.frombuffer(ALPHABET.encode(), dtype=np.uint8)[digits].tobytes().decode()
