"""What ``matbench run`` was asked for: its options as they were typed, and the request that they make."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from matbench.cli.operations import asked_operations
from matbench.cli.options import RESULTS
from matbench.cli.reading import parse_dtype
from matbench.errors import UsageError
from matbench.measure.plan import BASE, Request
from matbench.units import parse_duration

__all__ = ["LARGEST_SEED", "Options", "parse_threads", "request_of"]

LARGEST_SEED = 2**62  # that a record can hold
SHORTEST_S = 10.0  # s, a shorter budget is gone before anything is measured


@dataclass(frozen=True)
class Options:
    """The options of ``matbench run`` as they were typed."""

    preset: str = "standard"
    operations: str | None = None
    kernels: str | None = None
    sizes: str | None = None
    dtypes: str | None = None
    threads: str | None = None
    budget: str | None = None
    base: str | None = None
    seed: int = 1
    blas: tuple[str, ...] = ()
    machine: str | None = None
    output: Path = RESULTS
    resume: bool = False
    dry_run: bool = False
    json: bool = False


def parse_threads(text: str) -> tuple[int, ...]:
    """The thread counts of ``1,2``, each once, ascending.

    Raises
    ------
    UsageError
        If one of them is no positive number.
    """
    counts = []
    for item in text.split(","):
        if not item.strip().isascii() or not item.strip().isdigit() or int(item) < 1:
            raise UsageError(f"{item.strip()!r} is no thread count; write for example --threads 1,2")
        counts.append(int(item))
    return tuple(sorted(set(counts)))


def _command(options: Options) -> str:
    """The command that repeats the run: what was asked for, without paths."""
    words = ["matbench run", f"--preset {options.preset}"]
    for name in ("operations", "kernels", "sizes", "dtypes", "threads", "budget", "base"):
        value = getattr(options, name)
        if value is not None:
            words.append(f"--{name} {shlex.quote(value)}")
    if options.seed != 1:
        words.append(f"--seed {options.seed}")
    words += [f"--blas {shlex.quote(Path(path).name)}" for path in options.blas]
    return " ".join(words)


def request_of(options: Options) -> Request:
    """The request that the options make.

    Raises
    ------
    UsageError
        If a value is empty, out of range or none of its kind.
    """
    for name in ("operations", "kernels", "sizes", "dtypes", "threads", "budget", "base", "machine"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name} is empty; give it a value or leave it out")
    budget_s = parse_duration(options.budget) if options.budget else None
    if budget_s is not None and budget_s < SHORTEST_S:
        raise UsageError(
            f"a budget of {options.budget} is gone before anything is measured; give at least {SHORTEST_S:.0f}s"
        )
    if not 0 <= options.seed <= LARGEST_SEED:
        raise UsageError(f"seed {options.seed} is out of range; give one from 0 to {LARGEST_SEED}")
    return Request(
        preset=options.preset,
        kernels=options.kernels,
        sizes=options.sizes,
        dtypes=tuple(parse_dtype(each) for each in options.dtypes.split(",")) if options.dtypes else None,
        threads=parse_threads(options.threads) if options.threads else None,
        budget_s=budget_s,
        seed=options.seed,
        base=options.base or BASE,
        command=_command(options),
        operations=asked_operations(options.operations, options.kernels),
    )
