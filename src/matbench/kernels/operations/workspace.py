"""Memory that kernels take beside their operands, as they declare it: what does not fit is never begun."""

from __future__ import annotations

from matbench.model import Problem

__all__ = ["copy_bytes", "object_bytes"]


def object_bytes(problem: Problem) -> int:
    """Operands and result as lists: a Python number and the reference to it take about 32 bytes."""
    return 32 * problem.elements


def copy_bytes(problem: Problem) -> int:
    """A copy of the matrix."""
    return problem.itemsize * problem.n**2
