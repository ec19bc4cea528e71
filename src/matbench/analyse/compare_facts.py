"""What differs between runs: hardware, software and conditions, each fact in words, in one order for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from matbench.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matbench.analyse.compare_runs import Run
    from matbench.model import Conditions, Environment, Header, Host, Library
    from matbench.pairing import PairHeader

__all__ = ["GROUPS", "Fact", "Group", "blas_of", "cpus_of", "differing", "facts_of", "remarks"]

Group = Literal["hardware", "software", "conditions"]
GROUPS: tuple[Group, ...] = ("hardware", "software", "conditions")

UNKNOWN = "unknown"
QUIET = 0.5  # load of a machine with nothing else to do, CPUs
LISTED = 12  # processor features that one value names


class Fact(NamedTuple):
    """One thing that is not the same in all runs."""

    group: Group
    name: str
    values: tuple[str, ...]  # one a run


def facts_of(run: Run) -> dict[tuple[Group, str], str]:
    """All that is known of a run's set-up, in words: (group, name) -> value; what is unknown is left out.

    What says nothing of the set-up, such as the date or the temperature of the day, is no fact.
    """
    told = (
        *_grouped("hardware", _hardware(run.header.host)),
        *_grouped("software", _software(run.header.environment, run.libraries)),
        *_grouped("software", _layer(run)),
        *_grouped("conditions", _conditions(run.header.conditions)),
        *_grouped("conditions", [("preset", run.header.plan.preset)]),
    )
    return {(group, name): value for group, name, value in told if value and value != UNKNOWN}


def _grouped(group: Group, pairs: Iterable[tuple[str, str | None]]) -> Iterator[tuple[Group, str, str | None]]:
    for name, value in pairs:
        yield group, name, value


def _layer(run: Run) -> Iterator[tuple[str, str | None]]:
    in_the_end = run.end.numba_threading_layer if run.end else None
    yield "threading layer", run.header.environment.numba_threading_layer or in_the_end


def _hardware(host: Host) -> Iterator[tuple[str, str | None]]:
    yield "processor", host.cpu.brand
    yield "microarchitecture", host.cpu.microarchitecture
    yield "architecture", host.architecture
    yield "vector level", host.cpu.generic
    yield "instruction sets", " ".join(host.cpu.features)
    yield "logical CPUs", str(host.logical_cpus)
    yield "cores", _number(host.physical_cores)
    yield "sockets", _number(host.sockets)
    yield "NUMA nodes", _number(host.numa_nodes)
    yield "threads share cores", None if host.smt is None else "yes" if host.smt else "no"
    yield "L1 data cache", _size(host.caches.l1d)
    yield "L2 cache", _size(host.caches.l2)
    yield "L3 cache", _size(host.caches.l3)
    yield "memory", _size(host.memory_bytes)
    yield "hypervisor", host.hypervisor or ("none seen" if host.system == "Linux" else None)


def _software(environment: Environment, libraries: Sequence[Library]) -> Iterator[tuple[str, str | None]]:
    yield "Python", environment.python
    yield "implementation", environment.implementation
    yield "BLAS", blas_of(environment.libraries) or blas_of(libraries)
    yield "OpenMP", ", ".join(sorted({each.name for each in libraries if each.api == "openmp"}))
    for name, version in sorted(environment.packages.items()):
        yield name, version
    yield "NumPy's SIMD", " ".join(environment.numpy_simd)
    yield "system release", environment.system_release
    for name, value in sorted(environment.variables.items()):
        yield name, value


def _conditions(conditions: Conditions) -> Iterator[tuple[str, str | None]]:
    yield "governor", conditions.governor
    yield "turbo", None if conditions.turbo is None else "on" if conditions.turbo else "off"
    yield "CPU quota", None if conditions.cpu_quota is None else f"{conditions.cpu_quota:g} CPUs"
    yield "usable CPUs", _number(conditions.affinity)
    load = conditions.load_1m
    yield "load before", None if load is None else "quiet" if load <= QUIET else f"{load:.1f}"
    yield "huge pages", conditions.huge_pages
    yield "clock", conditions.clock_source
    yield "on battery", None if conditions.on_battery is None else "yes" if conditions.on_battery else "no"


def cpus_of(header: Header | PairHeader) -> str:
    """How many CPUs a run could use: ``4``, or ``1 of 4`` where it was limited to some of its machine's."""
    every, usable = header.host.logical_cpus, header.conditions.affinity
    return str(every) if usable is None or usable >= every else f"{usable} of {every}"


def blas_of(libraries: Sequence[Library]) -> str:
    """The BLAS libraries by name, version and the kernels they chose; empty where none is known."""
    told = (
        " ".join(word for word in (each.name, each.version, each.architecture) if word != UNKNOWN)
        for each in libraries
        if each.api == "blas"
    )
    return ", ".join(dict.fromkeys(told))


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _size(count: int | None) -> str | None:
    return None if count is None else format_bytes(count)


def differing(runs: Sequence[Run]) -> tuple[Fact, ...]:
    """What is not the same in all runs: hardware first, then software, then conditions.

    What only some runs tell is ``unknown`` in the others, and counts only where those that tell it disagree; a
    variable that is set in some only is a difference.
    """
    known = [facts_of(run) for run in runs]
    keys = dict.fromkeys(key for each in known for key in each)
    found = [Fact(*key, _values(key, known, runs)) for key in keys]
    ordered = sorted(found, key=lambda fact: GROUPS.index(fact.group))
    return tuple(_features(fact) for fact in ordered if len(set(fact.values) - {UNKNOWN}) > 1)


def _values(
    key: tuple[Group, str], known: Sequence[dict[tuple[Group, str], str]], runs: Sequence[Run]
) -> tuple[str, ...]:
    is_variable = any(key[1] in run.header.environment.variables for run in runs)
    return tuple(each.get(key, "not set" if is_variable else UNKNOWN) for each in known)


def _features(fact: Fact) -> Fact:
    """Of the instruction sets, only those that not all have."""
    if fact.name not in {"instruction sets", "NumPy's SIMD"}:
        return fact
    sets = [value.split() for value in fact.values]
    shared = set(sets[0]).intersection(*(each for each in sets if each != [UNKNOWN]))
    return fact._replace(values=tuple(_shortened([word for word in each if word not in shared]) for each in sets))


def _shortened(words: Sequence[str]) -> str:
    if not words:
        return "only what all have"
    more = f" and {len(words) - LISTED} more" if len(words) > LISTED else ""
    return "also " + " ".join(words[:LISTED]) + more


def remarks(runs: Sequence[Run], facts: Sequence[Fact]) -> tuple[str, ...]:
    """What a reader has to know before the figures, a sentence each, without full stops."""
    names = {fact.name for fact in facts}
    found = []
    if synthetic := sum(run.is_synthetic for run in runs):
        found.append(f"{synthetic} of {len(runs)} runs are synthetic: generated, measured nowhere")
    if "BLAS" in names:
        found.append(
            "the BLAS libraries differ: ratios of the rungs that call BLAS compare libraries as well as machines"
        )
    if "matbench-vectorization" in names:
        found.append("the versions of matbench differ: a kernel may have other code behind the same name")
    limited = sorted(name for name in names if name.endswith("_NUM_THREADS"))
    if limited:
        found.append(f"{', '.join(limited)} differ: libraries may have had other threads than were asked for")
    if "usable CPUs" in names or "CPU quota" in names:
        found.append("not all runs could use the same number of CPUs")
    foreign = [run.name for run in runs if run.header.plan.preset == "asv"]
    if foreign:
        found.append("results of asv tell no conditions, no ceilings and often no samples")
    return tuple(found)
