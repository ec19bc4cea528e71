"""Blocks that were tuned on this machine, handed to a kernel: what the command line and the API share."""

from __future__ import annotations

from collections.abc import Iterable

from matbench.kernels import Registry
from matbench.measure.tuning import KERNEL, candidates, tuned_here, with_tuned
from matbench.model import Dtype, Host
from matbench.record.here import Machine
from matbench.record.tuning import known_tuning
from matbench.tuning import Tuned, TunedBlocks, Tuning

__all__ = ["known_blocks", "with_kept_blocks"]


def with_kept_blocks(registry: Registry, machine: Machine, names: Iterable[str]) -> Registry:
    """The kernels, of which one uses the blocks that were tuned here; the machine's environment says so by then.

    Parameters
    ----------
    registry
        Kernels by name.
    machine
        The one at hand; it is told which blocks are handed over.
    names
        Of the kernels that are measured: blocks of others are no matter.
    """
    if KERNEL not in names:
        return registry
    blocks = tuned_here(_kept(machine.host), registry, machine.host.caches)
    machine.hand(blocks)
    return with_tuned(registry, blocks)


def known_blocks(dtype: Dtype, host: Host, registry: Registry) -> tuple[TunedBlocks, Tuned | None, bool]:
    """The blocks that are derived for an element type, what tuning has found, and whether runs use that."""
    tuning = _kept(host)
    found = () if tuning is None else tuning.found
    tuned = next((each for each in found if (each.blocks.kernel, each.blocks.dtype) == (KERNEL, dtype)), None)
    used = any(each.dtype == dtype for each in tuned_here(tuning, registry, host.caches))
    return candidates(dtype, host.caches).derived, tuned, used


def _kept(host: Host) -> Tuning | None:
    return known_tuning(host.host_id) if host.host_id != "unknown" else None
