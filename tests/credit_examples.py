"""A machine on which every combination of ideas was measured, made up, for tables, sentences, pictures and pages.

Its names, rates and processors are those of a plausible machine; `attribution_examples` has bare numbers instead.
"""

import itertools
import math

import numpy as np
from attribution_examples import coalitions, samples_of

from matbench.analyse.attribution import attribute
from matbench.model import (
    Block,
    Case,
    Ceiling,
    Conditions,
    Cpu,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
)

__all__ = ["FACTORS", "FOOT", "HOST_ID", "WORDS", "attribution_at", "record_at"]

WORDS = {
    "compile": "compiling",
    "order": "loop order",
    "simd": "SIMD",
    "fma": "fused multiply-add",
    "tile": "register tile",
    "pack": "packing",
    "block": "cache blocking",
}
FOOT = "the pure-Python triple loop over lists"
FACTORS = {
    "compile": 45.0,
    "order": 1.8,
    "simd": 3.9,
    "fma": 1.3,
    "tile": 2.6,
    "pack": 1.15,
    "block": 0.97,
    "threads": 1.8,
}
HOST_ID = "h-0123456789ab"
TURNS = tuple(itertools.product(range(6), range(3)))  # sampling processes and rounds


def arm_of(coalition):
    """Kernel and threads of a combination."""
    ideas = [each for each in FACTORS if each in coalition and each != "threads"]
    return ".".join(["ideas", *(ideas or ["none"])]), 2 if "threads" in coalition else 1


def seconds_of(coalition, n):
    """Ideas multiply, but the register tile is worth more where vectors are, and blocking the more, the larger n is."""
    worth = {**FACTORS, "block": 1 + 0.2 * math.log10(n / 80), "tile": 2.6 if "simd" in coalition else 1.4}
    return 2 * n**3 / 0.033e9 / math.prod(worth[each] for each in coalition)


def card_of(name):
    """A combination, its idea being the last one that it adds."""
    ideas = name.split(".")[1:]
    idea = FOOT if ideas == ["none"] else WORDS[ideas[-1]]
    return KernelCard(name=name, rung="pure Python" if idea == FOOT else "Numba loops", idea=idea)


def record_at(n=256, dtype="float64", host_id=HOST_ID, created="2026-11-22T18:00:00Z", machine="quiet-heron"):
    """A record of all combinations; beyond n = 500 the foot was measured by a few rows."""
    rng = np.random.default_rng(n)
    shared = np.exp(0.02 * rng.standard_normal(len(TURNS)))
    problem, all_of = Problem(n, n, n, dtype), list(coalitions())
    slow = [each for each in all_of if not each] if n > 500 else []
    whole = [each for each in all_of if each not in slow]
    measurements = []
    for each in whole:
        kernel, threads = arm_of(each)
        times = seconds_of(each, n) * shared * np.exp(0.02 * rng.standard_normal(len(TURNS)))
        measurements.append(Measurement(Case(kernel, problem, threads), samples=samples_of(times, TURNS)))
    blocks = []
    for rows, each in itertools.product((1, 2), slow):
        part, kernel = Problem(rows, n, n, dtype), arm_of(each)[0]
        times = [seconds_of(each, n) * rows / n * factor for factor in (0.99, 1.0, 1.02)]
        measurements.append(Measurement(Case(kernel, part), samples=samples_of(times, [(0, 0), (0, 1), (0, 2)])))
        blocks.append(Block(part, (arm_of(each),)))
    blocks.append(Block(problem, tuple(map(arm_of, whole))))
    header = Header(
        id=f"{created[:10].replace('-', '')}T18{n % 10000:04d}Z-abcdef",
        created=created,
        machine=machine,
        host=Host(host_id=host_id, logical_cpus=2, cpu=Cpu(brand="AMD EPYC 9R14 96-Core Processor")),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan("attribution", "matbench explain --attribution", 1, 60.0, 18, 10**6, "ideas.none", tuple(blocks)),
        kernels=tuple(card_of(name) for name in dict.fromkeys(arm_of(each)[0] for each in all_of)),
    )
    peak = Ceiling("fma", dtype, 8, 2, 10**9, samples=samples_of([0.0082], [(0, 0)]))
    end = End(finished=created, elapsed_s=60.0, conditions=Conditions())
    return Record(header=header, ceilings=(peak,), measurements=tuple(measurements), end=end)


def attribution_at(n=256, **fields):
    """Who made it fast on that machine."""
    return attribute(record_at(n, **fields))
