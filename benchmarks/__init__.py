"""The suite under asv: how a case is made ready before asv starts its clock.

asv has no hook for that without side effects. With a `setup` it makes one call a sample, whatever the call takes; and
what the benchmark itself does at its first call, compiling for example, ends the calibration at one call, too. But
before it runs a benchmark, asv asks whether its parameters are among those to be skipped, and that question is also
the right place to find out: a case is skipped if it can't be run, and fails if its product is wrong.

asv adds 0.2 us to each call that it times, a quarter of a small product. So a short product is made several times in
a call, and the benchmark's clock is told in as many parts of a second: what asv divides by its own number of calls is
the time of one product.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from matbench.errors import InternalError, MatbenchError
from matbench.kernels.registry import Kernel
from matbench.measure.prepare import Ready, Suite, asked_profile, grid
from matbench.model import Caches, Case
from matbench.operations import PRODUCT, OperationName
from matbench.record.alone import alone
from matbench.record.here import Machine

__all__ = ["MACHINE", "SUITE", "Gate", "TimedGate", "declared", "suite_of"]


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Within, an error of ours ends the process with its sentence alone, which asv shows: no traceback around it."""
    try:
        yield
    except MatbenchError as reason:
        raise SystemExit(str(reason)) from None


MACHINE = Machine()


def suite_of(operation: OperationName) -> Suite:
    """The cases of an operation on this machine."""
    with _told():
        return grid(asked_profile(os.environ), MACHINE.processors, operation=operation)


SUITE: Suite = suite_of(PRODUCT)

PATIENCE_S = 30.0  # s, for somebody else who measures: a cell that fails is lost

Function = TypeVar("Function", bound=Callable[..., object])


def declared(**attributes: object) -> Callable[[Function], Function]:
    """Set what asv wants to know of a benchmark as attributes of its function, which stays the bare function."""

    def declare(function: Function) -> Function:
        vars(function).update(attributes)
        return function

    return declare


def _unprepared() -> object:
    raise InternalError("asv has not asked whether the case is to be skipped; report this with the version of asv")


class Gate:
    """Stands where asv expects the parameters to be skipped, and makes the others ready when it is asked for them.

    Parameters
    ----------
    prepare
        Makes a case ready.
    suite
        Whose cases they are.

    Attributes
    ----------
    call
        One product of the case that was asked for last, with its threads set.
    ready
        That case.
    """

    call: Callable[[], object] = staticmethod(_unprepared)
    ready: Ready

    def __init__(self, prepare: Callable[[Kernel, Case, Caches], Ready], suite: Suite = SUITE) -> None:
        self._prepare = prepare
        self._suite = suite
        self._answers: dict[tuple[Any, ...], bool] = {}
        self._held = contextlib.ExitStack()  # the lock and the thread limit of the case, until the process ends

    def __contains__(self, parameters: tuple[Any, ...]) -> bool:
        """Whether a case is to be skipped; asv asks several times, only the first is work."""
        if parameters not in self._answers:
            with _told():
                self._answers[parameters] = self._skips(self._suite.case(*parameters))
        return self._answers[parameters]

    def _skips(self, case: Case) -> bool:
        reason = self._suite.why_not(case, MACHINE.memory_bytes)
        if reason is not None:
            sys.stderr.write(f"skipped: {reason}\n")
            return True
        self._held.close()
        self._held.enter_context(alone(patience_s=PATIENCE_S))
        self.ready = self._prepare(self._suite.registry.get(case.kernel), case, MACHINE.host.caches)
        self._held.enter_context(self.ready.limited())
        self.call = self.ready.call
        return False


class TimedGate(Gate):
    """A gate whose `call` makes as many products as it takes to be long beside what asv adds to it.

    Attributes
    ----------
    products
        Products that `call` makes.
    """

    products = 1

    def clock(self) -> float:
        """Time in seconds over the products of a call: for asv, so that a call seems to take as long as one product."""
        return time.perf_counter() / self.products

    def _skips(self, case: Case) -> bool:
        skips = super()._skips(case)
        if not skips:
            self.call, self.products = self.ready.batched(self._suite.profile)
        return skips
