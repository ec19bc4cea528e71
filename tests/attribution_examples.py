"""Invented records of all combinations of the ideas, whose truth is known."""

import itertools
import math

import numpy as np

from matbench.model import (
    Block,
    Case,
    Ceiling,
    Conditions,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)

FACTORS = {
    "compile": 40.0,
    "order": 2.0,
    "simd": 4.0,
    "fma": 1.25,
    "tile": 3.0,
    "pack": 1.1,
    "block": 0.9,
    "threads": 1.9,
}
TOLD = tuple(FACTORS)
WORDS = {name: f"the idea of {name}" for name in TOLD}
LOOPS = {"compile", "order"}
NEEDS = {"simd": LOOPS, "fma": LOOPS, "tile": LOOPS, "pack": LOOPS | {"tile"}, "block": LOOPS, "threads": LOOPS}
FOOT_S = 1.0


def coalitions():
    for size in range(len(TOLD) + 1):
        for chosen in itertools.combinations(TOLD, size):
            if all(NEEDS.get(each, set()) <= set(chosen) for each in chosen):
                yield frozenset(chosen)


def arm_of(coalition):
    ideas = [each for each in TOLD if each in coalition and each != "threads"]
    return ".".join(["ideas", *ideas]) if ideas else "ideas.none", 4 if "threads" in coalition else 1


def seconds_of(coalition):
    """Ideas multiply, but for the register tile: without vectors it is worth nothing."""
    worth = {**FACTORS, "tile": FACTORS["tile"] if "simd" in coalition else 1.0}
    return FOOT_S / math.prod(worth[each] for each in coalition)


def samples_of(seconds, turns):
    return Samples(
        loops=(1,) * len(turns),
        elapsed_ns=tuple(round(1e9 * each) for each in seconds),
        process=tuple(process for process, _ in turns),
        round=tuple(number for _, number in turns),
    )


def card_of(name):
    ideas = name.split(".")[1:]
    idea = "the foot" if name == "ideas.none" else WORDS[ideas[-1]]
    return KernelCard(name=name, rung="Numba loops" if "compile" in ideas else "pure Python", idea=idea)


def invented(
    *, n=64, dtype="float64", processes=6, rounds=3, noise=0.0, drift=0.0, slow=(), created="2026", host="here"
):
    """A record of all combinations; those in `slow` by a few rows alone."""
    rng = np.random.default_rng(1)
    turns = list(itertools.product(range(processes), range(rounds)))
    shared = np.exp(drift * rng.standard_normal(len(turns)))
    problem, parts = Problem(n, n, n, dtype), [Problem(rows, n, n, dtype) for rows in (1, 2)]
    whole = [each for each in coalitions() if each not in slow]
    measurements = []
    for each in whole:
        times = seconds_of(each) * shared * np.exp(noise * rng.standard_normal(len(turns)))
        case = Case(arm_of(each)[0], problem, arm_of(each)[1])
        measurements.append(Measurement(case, samples=samples_of(times, turns)))
    for part, each in itertools.product(parts, slow):
        times = [seconds_of(each) * part.m / n] * 3
        measurements.append(
            Measurement(Case(arm_of(each)[0], part), samples=samples_of(times, [(0, 0), (0, 1), (0, 2)]))
        )
    blocks = [Block(part, tuple(map(arm_of, slow))) for part in parts if slow]
    blocks.append(Block(problem, tuple(map(arm_of, whole))))
    names = dict.fromkeys(arm_of(each)[0] for each in coalitions())
    header = Header(
        id=f"2026-{n}-{dtype}",
        created=created,
        machine="a-machine",
        host=Host(host_id=host, logical_cpus=4),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan("attribution", "matbench explain --attribution", 1, 60.0, 18, 10**6, "ideas.none", tuple(blocks)),
        kernels=tuple(map(card_of, names)),
    )
    peak = Ceiling("fma", dtype, 8, 4, 10**9, samples=samples_of([1.0], [(0, 0)]))
    return Record(header=header, ceilings=(peak,), measurements=tuple(measurements))
