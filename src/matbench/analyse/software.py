"""The doctor's rules about software: BLAS, its kernels and its rivals, thread variables, the threading layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from matbench.analyse.finding import Finding, fault, fine, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matbench.model import Conditions, Environment, Host, Library

__all__ = ["blas", "duplicates", "threading_layer", "variables"]

# What each family of kernels in OpenBLAS and BLIS uses, as the x86-64 level that has it (LEVEL_WORDS).
# Sandy Bridge and the Bulldozers have AVX but no AVX2: they count as 2.
KERNEL_LEVELS = {
    **dict.fromkeys(("generic", "prescott", "core2", "katmai", "penryn", "dunnington", "nano", "opteron"), 1),
    **dict.fromkeys(("opteron_sse3", "barcelona", "bobcat", "atom", "athlon"), 1),
    **dict.fromkeys(("nehalem", "sandybridge", "bulldozer", "piledriver", "steamroller"), 2),
    **dict.fromkeys(("haswell", "zen", "zen2", "zen3", "excavator"), 3),
    **dict.fromkeys(("skylakex", "cooperlake", "sapphirerapids", "skx", "knl", "zen4", "zen5"), 4),
}
LEVEL_WORDS = {1: "SSE2", 2: "SSE4 or AVX without FMA", 3: "AVX2 and FMA", 4: "AVX-512"}
REFERENCE = frozenset(
    {"blas", "cblas", "lapack", "netlib", "none", "refblas"}
)  # names of Netlib's, as NumPy's build says
UPGRADE = "python -m pip install --upgrade numpy scipy"
REINSTALL = "python -m pip install --upgrade --force-reinstall numpy"

THREADS = re.compile(r"(OMP|OPENBLAS|GOTO|MKL|BLIS|VECLIB|NUMBA)_(NUM_THREADS|MAXIMUM_THREADS)|MKL_DOMAIN_NUM_THREADS")
# Variables that change what is measured, and how.
TELLING = (
    ("NUMBA_DISABLE_JIT", r"[1-9]\d*", "fault", "Numba compiles nothing: its rungs run as pure Python"),
    ("NUMBA_(BOUNDSCHECK|DEBUG|FULL_TRACEBACKS|DEBUGINFO)", r"[1-9]\d*", "warning", "Numba's loops carry checks"),
    ("NUMBA_OPT", r"[012]", "warning", "Numba's loops are optimised less than usual"),
    ("NUMBA_(CPU_NAME|CPU_FEATURES)", r".+", "warning", "Numba compiles for another processor than this one"),
    ("NUMBA_(ENABLE_AVX|LOOP_VECTORIZE)", r"0", "warning", "Numba's loops use narrower vectors, or none"),
    ("OPENBLAS_CORETYPE|MKL_ENABLE_INSTRUCTIONS|MKL_CBWR|MKL_DEBUG_CPU_TYPE|BLIS_ARCH_TYPE", r".+", "warning",
     "BLAS is told which kernels to use instead of choosing the best"),
    ("NPY_DISABLE_CPU_FEATURES", r".+", "warning", "NumPy leaves out vector instructions that this processor has"),
    ("OMP_WAIT_POLICY", r"(?i:active)", "warning", "idle OpenMP threads spin into the samples of others"),
    ("KMP_BLOCKTIME", r"[1-9]\d{2,}|(?i:infinite)", "warning", "idle OpenMP threads spin into the samples of others"),
)  # fmt: skip


def blas(host: Host, environment: Environment) -> Iterator[Finding]:
    """Which BLAS there is, and whether its kernels suit the processor; one line for each that is loaded."""
    seen: set[tuple[str, str, str]] = set()
    for library in environment.libraries:
        key = (library.name, library.version, library.architecture)
        if library.api == "blas" and key not in seen:
            seen.add(key)
            yield _one_blas(host, environment, library)
    if not seen:
        why = "without a known BLAS the top rung of the ladder may be missing, and its threads can't be limited"
        yield warning("BLAS", "none recognised", why, REINSTALL)


def duplicates(environment: Environment) -> Iterator[Finding]:
    """More than one BLAS or OpenMP runtime in one process: each has its own threads."""
    libraries = environment.libraries
    several = [library for library in libraries if library.api == "blas"]
    kinds = {library.name for library in several}
    runtimes = sorted({library.name for library in libraries if library.api == "openmp"})
    if len(several) > 1 and len(kinds) == 1:
        why = "NumPy and SciPy bring one each; matbench limits the threads of all, and waits until they rest"
        yield fine("several BLAS", f"{len(several)} copies of {several[0].name}", why)
    elif len(several) > 1:
        why = "idle threads of one spin into the samples of the other; matbench limits both and waits until they rest"
        yield warning("several BLAS", ", ".join(sorted(kinds)), why, "matbench run --threads 1")
    if len(runtimes) > 1:
        why = "two OpenMP runtimes in one process fight for the cores, and some pairs of them deadlock"
        remedy = (
            "MKL_THREADING_LAYER=GNU matbench run" if "mkl" in kinds else "NUMBA_THREADING_LAYER=workqueue matbench run"
        )
        yield warning("several OpenMP", ", ".join(runtimes), why, remedy)


def variables(host: Host, environment: Environment, conditions: Conditions) -> Iterator[Finding]:
    """Set variables that change how many threads there are or which instructions are used."""
    cpus = conditions.affinity or host.logical_cpus
    found = 0
    for name, value in sorted(environment.variables.items()):
        finding = _limit(name, value, cpus) or _telling(name, value)
        if finding:
            found += 1
            yield finding
    if not found:
        harmless = ", ".join(sorted(environment.variables)) or "none set"
        yield fine("variables", harmless, "thread counts and instruction sets are the libraries' own choice")


def threading_layer(environment: Environment) -> Iterator[Finding]:
    """Numba's threading layer, once a parallel kernel has chosen it."""
    layer = environment.numba_threading_layer
    if layer == "workqueue":
        why = "this is Numba's last resort, after tbb and omp: two callers at once abort the process"
        yield warning("threading layer", layer, why, "python -m pip install tbb")
    elif layer is not None:
        yield fine("threading layer", layer, "parallel loops of several callers get along")


def _one_blas(host: Host, environment: Environment, library: Library) -> Finding:
    name = " ".join(word for word in (library.name, library.version, library.architecture) if word != "unknown")
    kernels = library.architecture.lower()
    if library.name.lower() in REFERENCE or (library.name == "flexiblas" and kernels == "netlib"):
        why = "this is the reference BLAS: plain loops on one thread, without kernels for any processor"
        return fault("BLAS", name, why, REINSTALL)
    has, uses = _cpu_level(host), KERNEL_LEVELS.get(kernels)
    if has is not None and uses is not None and uses < has:
        line = fault if has - uses > 1 else warning
        why = f"its kernels use {LEVEL_WORDS[uses]} while the processor has {LEVEL_WORDS[has]}: peak is out of reach"
        told = "OPENBLAS_CORETYPE" in environment.variables
        return line("BLAS", name, why, "unset OPENBLAS_CORETYPE" if told else UPGRADE)
    if kernels == "armv8" and host.cpu.microarchitecture.startswith(("neoverse", "a64fx")):
        why = f"its kernels are those of any 64-bit Arm, not those made for {host.cpu.microarchitecture}"
        return warning("BLAS", name, why, UPGRADE)
    known = uses is not None and has is not None
    return fine("BLAS", name, "its kernels suit this processor" if known else "it chooses its kernels by itself")


def _cpu_level(host: Host) -> int | None:
    """The x86-64 level of the processor, 1 to 4; None for others."""
    if host.cpu.generic == "x86_64":
        return 1
    found = re.fullmatch(r"x86_64_v([2-4])", host.cpu.generic)
    return int(found[1]) if found else None


def _limit(name: str, value: str, cpus: int) -> Finding | None:
    if not THREADS.fullmatch(name):
        return None
    threads = re.match(r"\d{1,6}", value, re.ASCII)
    if threads and int(threads[0]) == cpus:
        return None
    how = "limits" if threads and int(threads[0]) < cpus else "changes"
    why = f"it {how} the threads of every library that reads it, before matbench sets its own"
    return warning("variables", f"{name}={value} with {cpus} CPUs", why, f"unset {name}")


def _telling(name: str, value: str) -> Finding | None:
    for names, values, level, why in TELLING:
        if re.fullmatch(names, name) and re.fullmatch(values, value):
            line = fault if level == "fault" else warning
            return line("variables", f"{name}={value}", why, f"unset {name}")
    return None
