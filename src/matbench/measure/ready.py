"""A case that may be sampled: its result was found right, or will be looked at after its one long call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matbench.kernels.checks import check_result, resulting
from matbench.kernels.oracle import Verdict, error_ratio, gamma, operands, verdict_of
from matbench.kernels.registry import Array, Function, Kernel
from matbench.measure.sampler import Arm
from matbench.model import Case, Problem
from matbench.operations import PRODUCT

__all__ = ["Again", "LongCall", "Ready", "wake"]

WAKES_N = 160  # 8 Mflop: enough work for several threads, 0.2 ms


@dataclass
class LongCall:
    """A call that is too long to be made once more to verify it: its samples are checked when they are taken."""

    made: Kernel
    function: Function
    inputs: tuple[Array, ...]
    out: Array  # its own, so that the result is still there when the sample is checked
    error: Exception | None = None  # what the last call raised

    def __call__(self) -> None:
        """Compute the result; an exception waits until the round is over."""
        try:
            self.error = None
            self.out = resulting(self.made, self.function(*self.inputs, self.out), self.out)
        except Exception as error:  # noqa: BLE001  a kernel may be a stranger's: whatever it raises is told
            self.error = error


@dataclass
class Ready:
    """A case whose result was found right (or will be, after its one long sample), ready to be sampled."""

    case: Case
    arm: Arm
    error: float | None = None  # of the product that was verified
    long: LongCall | None = None


def wake(made: Kernel, function: Function, case: Case) -> None:
    """Have what several threads run compiled or loaded: some kernels put that off until there is work for them."""
    if made.compiled and case.threads > 1:
        function(*operands(Problem(WAKES_N, WAKES_N, WAKES_N, case.problem.dtype, operation=made.operation)))


class Again:
    """Looks at results of kernels that an earlier process has found right, at a small part of the oracle's cost.

    The oracle looks at the first product of a block; the others may differ from it by what rounding allows both. Of
    other operations it looks at all.
    """

    def __init__(self, problem: Problem, inputs: tuple[Array, ...]) -> None:
        self._problem, self._inputs = problem, inputs
        self._right: Array | None = None
        self._bound: Array = np.zeros(1)

    def look(self, out: Array) -> Verdict:
        """Whether a result is right."""
        if self._right is not None:
            return verdict_of(error_ratio(np.abs(out - self._right), self._bound))
        found = check_result(self._problem, self._inputs, out)
        if found.is_right and self._problem.operation == PRODUCT:
            self._right, (a, b) = out.copy(), self._inputs
            if out.dtype.kind == "f":
                self._bound = 2 * gamma(self._problem.k + 1, out.dtype) * (np.abs(a) @ np.abs(b))
        return found
