"""Comparisons without a machine: simulated time, children that follow a script, small headers."""

from __future__ import annotations

from measure_fakes import FakeControl

from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, Rung
from matbench.measure.clock import SimulatedClock
from matbench.measure.pairs import PairSession
from matbench.measure.pairs_bench import PairBench
from matbench.measure.pairs_counters import Reading
from matbench.measure.protocol import Finished, Hello, PairJob, Pause
from matbench.model import Caches, Conditions, Environment, Host, Library, Problem
from matbench.pairing import Cell, PairBlock, PairHeader, PairProcess, Refusal, Sample, Settings

SAMPLE_NS = 100_000
LIBRARIES = (Library(api="blas", name="openblas", version="0.3"),)
HELLO = Hello(libraries=())
FINISHED = Finished(threading_layer=None, libraries=LIBRARIES)


def cell_of(n=8, a="slow", b="fast", threads=1, dtype="float64"):
    return Cell(Problem(n, n, n, dtype, seed=1), threads, a, b)


def header_of(*cells, **settings):
    values = {"processes": 2, "most_processes": 4, "more_processes": 1, "blocks": 4, "sample_ns": SAMPLE_NS, **settings}
    return PairHeader(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="icelake-2cpu-3f9a1c",
        host=Host(host_id="3f9a1c77aa00bb11"),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair slow fast",
        seed=1,
        settings=Settings(**values),
        cells=cells or (cell_of(),),
    )


def job_of(*cells, sources=None, **changes):
    values = {
        "settings": header_of(*cells).settings,
        "cells": tuple(enumerate(cells)),
        "sources": sources or {},
        "process": 0,
        "seed": 1,
        "cell_s": 5.0,
        "patience_s": 30.0,
        "memory_bytes": 2**30,
        "caches": Caches(),
        **changes,
    }
    return PairJob(**values)


class FakeCounters:
    """Counts what it is told to, reading by reading; nothing by default."""

    def __init__(self, clock, faults=()):
        self.clock = clock
        self.faults = list(faults)
        self.total = 0
        self.asked = []

    def read(self, threads):
        self.asked.append(threads)
        if len(self.asked) % 2 == 0 and self.faults:
            self.total += self.faults.pop(0)
        return Reading(self.clock.busy_ns, self.total, 0, 0)


class NoForks:
    """Nothing forks."""

    seen = 0


class FakeCanary:
    """Always in the same voice."""

    def sing(self, _):
        return 1000


class PairWorkshop:
    """Everything a process of a comparison needs, on simulated time."""

    def __init__(self, spin_ns=0, faults=()):
        self.clock = SimulatedClock()
        self.control = FakeControl()
        self.counters = FakeCounters(self.clock, faults)
        self.told = []
        self.calls = []
        self.spin_ns = spin_ns

    def kernel(self, name, call_ns=50_000, spoil=None, **declaration):
        """A kernel whose call takes `call_ns`."""

        def function(a, b, out):
            self.calls.append(name)
            self.clock.advance(call_ns)
            if self.control.current > 1:
                self.clock.spinning_ns = self.spin_ns
            out[...] = a @ b
            if spoil is not None:
                spoil(a, b, out)

        return Kernel(name=name, rung=Rung.PYTHON, idea="a fake", function=function, **declaration)

    def bench(self, *kernels, job):
        return PairBench(
            job=job,
            registry=Registry(kernels),
            clock=self.clock,
            counters=self.counters,
            control=self.control,
            tell=self.told.append,
            forks=NoForks(),
            canary=FakeCanary(),
        )

    def run(self, *kernels, job):
        """All cells of a job; what was told of them."""
        bench = self.bench(*kernels, job=job)
        assert list(bench.run()) == list(range(1, len(job.cells) + 1))
        return bench

    def of(self, kind):
        return [each for each in self.told if isinstance(each, kind)]


class FakeChild:
    """A sampling process that says what its script says; a function in it is called with the job."""

    def __init__(self, script):
        self.script, self.orders, self.ended = list(script), [], 0

    def message(self, *_):
        said = self.script.pop(0)
        if callable(said):
            said = said(self.orders[0])
        if isinstance(said, Exception):
            raise said
        return said

    def order(self, order):
        self.orders.append(order)

    def end(self):
        self.ended += 1


def block_of(job, index, number=0, ratio=1.0):
    """A block of the cell `index` in which B takes `ratio` times as long as A."""
    took = {"a": 1_000_000, "c": 1_000_000, "b": round(1_000_000 * ratio)}
    samples = tuple(Sample(arm, took[arm], took[arm], 0, 0, 0) for arm in ("a", "c", "b", "b", "c", "a"))
    return PairBlock(index, job.process, number, 1, samples, 1000)


def sound(cells=1, ratio=1.0, blocks=4, libraries=LIBRARIES):
    """The script of a process in which all goes well."""
    steps = [HELLO]
    for place in range(cells):
        steps += [lambda job, p=place, i=number: block_of(job, job.cells[p][0], i, ratio) for number in range(blocks)]
        steps.append(Pause(block=place + 1, left_s=0.0))
    steps.append(lambda job: PairProcess(job.process, job.seed, cpu=0))
    return [*steps, Finished(threading_layer=None, libraries=libraries)]


class PairStage:
    """A session whose processes follow `scripts`, one after another."""

    def __init__(self, *scripts, cells=None, enough=lambda _: True, settings=None, **options):
        self.scripts = list(scripts)
        self.children, self.started_with = [], []
        self.clock = SimulatedClock()
        self.session = PairSession(
            header=header_of(*(cells or (cell_of(),)), **(settings or {})),
            sources={},
            caches=Caches(),
            memory_bytes=2**30,
            threads=1,
            enough=enough,
            clock=self.clock,
            child=self.start,
            **options,
        )

    def start(self, threads, blas, variables):
        self.started_with.append((threads, blas, variables))
        self.clock.advance(1_000_000_000)
        self.children.append(FakeChild(self.scripts.pop(0)))
        return self.children[-1]

    def run(self):
        return list(self.session.run())

    @property
    def record(self):
        return self.session.record


__all__ = [
    "FINISHED",
    "HELLO",
    "LIBRARIES",
    "FakeChild",
    "PairStage",
    "PairWorkshop",
    "Refusal",
    "UsageError",
    "block_of",
    "cell_of",
    "header_of",
    "job_of",
    "sound",
]
