"""A workplace without a machine: simulated time, counted threads, and kernels that take the time they are told."""

from __future__ import annotations

import contextlib
from collections import Counter

import numpy as np

from matbench.kernels import Kernel, Registry, Rung
from matbench.measure.bench import Bench
from matbench.measure.clock import SimulatedClock
from matbench.model import Block, Case, Measurement, Plan, Problem

SAMPLE_NS = 100_000


class FakeControl:
    """Thread counts that are only written down."""

    def __init__(self, current=1):
        self.current = current
        self.asked = []
        self.refreshed = 0

    def refresh(self):
        self.refreshed += 1

    def counts(self):
        return {"fake": self.current}

    @contextlib.contextmanager
    def limited(self, threads):
        before, self.current = self.current, threads
        self.asked.append(threads)
        try:
            yield
        finally:
            self.current = before


class Workshop:
    """Everything a bench needs; `told` is what it said, `disturbed` what ran while idle threads were spinning."""

    def __init__(self, spin_ns=0):
        self.clock = SimulatedClock()
        self.control = FakeControl()
        self.told = []
        self.calls = Counter()
        self.disturbed = []
        self.spin_ns = spin_ns

    def kernel(self, name, *, speed=0.01, spoil=None, **declaration):
        """A kernel of `speed` GFLOP/s a thread that computes rightly, unless `spoil(out)` meddles with the result."""

        def function(a, b, out):
            self.calls[name, out.shape[0]] += 1
            threads = self.control.current
            if threads == 1 and self.clock.spinning_ns:
                self.disturbed.append(name)
            self.clock.advance(max(1, round(2 * a.shape[0] * a.shape[1] * b.shape[1] / speed / threads)))
            if threads > 1:
                self.clock.spinning_ns = self.spin_ns
            np.matmul(a, b, out=out)
            if spoil is not None:
                spoil(out)

        declared = {"gflops": speed, "dtypes": ("float64", "int64"), **declaration}
        return Kernel(name=name, rung=Rung.PYTHON, idea="a fake", function=function, **declared)

    def bench(self, *kernels, memory_bytes=2**30, process=0, **plan):
        return Bench(
            registry=Registry(kernels),
            plan=plan_of(**plan),
            process=process,
            memory_bytes=memory_bytes,
            clock=self.clock,
            control=self.control,
            tell=self.told.append,
            bound=lambda made, dtype: made.bind(dtype),
        )

    def measure(self, bench, block, seconds=10.0):
        """Learn the block's kernels and measure it to its end."""
        for name, threads in block.arms:
            bench.learn_kernel(bench.registry.get(name), case_in(block, name, threads))
        for _ in bench.measure(block, seconds):
            pass

    def measurements(self, name=None):
        found = [each for each in self.told if isinstance(each, Measurement)]
        return [each for each in found if name is None or each.case.kernel == name]

    def outcomes(self, name):
        return [each.outcome for each in self.measurements(name)]


def plan_of(**changes):
    return Plan(
        **{
            "preset": "fake",
            "command": "matbench run",
            "seed": 1,
            "budget_s": 10.0,
            "rounds": 5,
            "sample_ns": SAMPLE_NS,
            "base": "base",
            "blocks": (),
            **changes,
        }
    )


def block_of(n, *arms, dtype="float64"):
    """A square block; an arm is a kernel's name or ``(name, threads)``."""
    pairs = tuple((arm, 1) if isinstance(arm, str) else arm for arm in arms)
    return Block(problem=Problem(m=n, n=n, k=n, dtype=dtype), arms=pairs)


def case_in(block, name, threads=1):
    return Case(kernel=name, problem=block.problem, threads=threads)


def cases_of(blocks):
    return [case_in(block, name, threads) for block in blocks for name, threads in block.arms]
