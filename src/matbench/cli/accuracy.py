"""``matbench explain --accuracy``: how exact each rung is, beside how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from matbench.cli import console
from matbench.cli.reading import parse_dtype
from matbench.errors import UsageError
from matbench.kernels import Kernel, Registry, default_registry
from matbench.kernels.accuracy import Accuracy, accuracy, reference
from matbench.kernels.registry import FLOATS
from matbench.measure.libraries import add_blas_kernels
from matbench.model import Dtype, Problem
from matbench.operations import PRODUCT
from matbench.present.tables import bullets, render_markdown
from matbench.record.here import Machine
from matbench.sizes import parse_sizes

__all__ = ["Options", "explain_accuracy"]

USUAL_N = 1024
LARGEST_N = 4096  # beyond, the reference alone takes minutes


@dataclass(frozen=True)
class Options:
    """The options of ``matbench explain --accuracy`` as they were typed."""

    kernel: str | None = None
    record: str | None = None
    n: int | None = None
    dtype: str | None = None
    blas: tuple[str, ...] = ()
    json: bool = False


def explain_accuracy(options: Options) -> int:
    """Print the largest error of a kernel, or of all, in units of its rounding bound."""
    if options.record is not None:
        raise UsageError(f"--accuracy is computed here and now; leave out the record {options.record!r}")
    problem = _problem(options)
    with console.strangers():
        registry = Registry(default_registry())
    add_blas_kernels(registry, options.blas)
    asked = tuple(registry) if options.kernel is None else (registry.get(options.kernel),)
    found = _computed([each for each in asked if each.why_not(problem.dtype) is None], problem)
    if not found:
        raise UsageError(f"{asked[0].name} {asked[0].why_not(problem.dtype)}")
    console.data(_json(found, problem) if options.json else _page(found, problem))
    return 1 if any(not each.largest <= 1 for _, each in found) else 0


def _problem(options: Options) -> Problem:
    n = USUAL_N if options.n is None else options.n
    parse_sizes(str(n))  # refuses what no matrix has
    if n > LARGEST_N:
        raise UsageError(f"n = {n} takes minutes to be computed in twice the precision; ask for at most {LARGEST_N}")
    dtype: Dtype = parse_dtype(options.dtype or "float64")
    if dtype not in FLOATS:
        raise UsageError(f"products in {dtype} are exact, or wrong; use {' or '.join(FLOATS)}")
    return Problem(n, n, n, dtype)


def _computed(kernels: Sequence[Kernel], problem: Problem) -> list[tuple[Kernel, Accuracy]]:
    machine = Machine()
    due = reference(problem)
    found = []
    with console.progress(len(kernels)) as bar:
        for place, each in enumerate(kernels):
            bar(place, each.name, 0.0)
            found.append((each, accuracy(each, machine.host.caches, due, machine.memory_bytes)))
    return found


def _page(found: Sequence[tuple[Kernel, Accuracy]], problem: Problem) -> str:
    lines = [
        (made.name + ("" if one.whole else " *"), f"{one.largest:.2g}", f"{one.typical:.2g}") for made, one in found
    ]
    elements = found[0][1].elements
    notes = [
        f"n = {problem.n} ({problem.dtype}); {elements:,} elements of C were looked at, rows spread over all.",
        "Bound: gamma_k times the product of the absolute values (Higham, section 3.5); above 1 is wrong.",
        "Reference: dot products in twice the precision, all rounding errors kept (Ogita, Rump and Oishi, 2005).",
    ]
    if not all(one.whole for _, one in found):
        notes.append("* of a product too slow or too large only these rows were computed; each is computed alike.")
    return f"{render_markdown(('kernel', 'largest error / bound', 'median'), lines)}\n\n{bullets(notes)}"


def _json(found: Sequence[tuple[Kernel, Accuracy]], problem: Problem) -> str:
    content = {
        "n": problem.n,
        "dtype": problem.dtype,
        "operation": PRODUCT,
        "accuracy": [{"kernel": made.name, **one._asdict()} for made, one in found],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode()
